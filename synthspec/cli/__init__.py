"""The command line. Each command is one module of this package, found by its name and imported when it is needed.

A module `x.py` here holds `command`, a click command, which becomes `synthspec x`. Packages add theirs through
the entry point group `synthspec.commands`, whose value is a module of the same shape.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from synthspec.cli._echo import echo

# in the order in which a person meets them
COMMANDS = (
    "new", "check", "plan", "preview", "build", "report", "compare", "diff", "library", "schema", "explain",
    "backends", "push",
)  # fmt: skip


class _Commands(click.Group):
    """Finds commands by name, without importing those that are not asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from pkgutil import iter_modules

        there = {m.name for m in iter_modules(__path__) if not m.name.startswith("_")}
        known = [c for c in COMMANDS if c in there]
        return [*known, *sorted(there - set(known)), *sorted(_installed())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name.startswith("_") or not cmd_name.isidentifier():
            return None
        try:
            module = import_module(f"{__name__}.{cmd_name}")
        except ModuleNotFoundError as e:
            if e.name != f"{__name__}.{cmd_name}":
                raise
            entry = _installed().get(cmd_name)
            if entry is None:
                return None
            module = import_module(entry)
        command = module.command
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            echo("interrupted", err=True)
            raise SystemExit(130) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            from synthspec.diagnostics import did_you_mean

            if args and not args[0].startswith("-"):
                help = did_you_mean(args[0], self.list_commands(ctx))
                raise click.UsageError(f"there is no command '{args[0]}'; {help}", ctx) from None
            raise e


def _installed() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {e.name: e.value for e in entry_points(group="synthspec.commands")}


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from synthspec import __version__

        echo(f"synthspec {__version__}")
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Show the version and exit.")  # fmt: skip
def cli() -> None:
    """Compile a YAML dataset spec into a synthetic dataset.

    \b
      synthspec check specs/reviews.yaml     find every mistake; calls no model
      synthspec plan specs/reviews.yaml      what would be asked, and what it would cost
      synthspec build specs/reviews.yaml     the dataset, in build/reviews/
    """


def main() -> None:
    """The `synthspec` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name no terminal encoding holds is no reason to fail
    try:
        cli()
    except BrokenPipeError:  # `synthspec plan … | head`
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as e:  # the terminal or the file the output goes to
        echo(f"error: the output cannot be written: {(e.strerror or str(e)).lower()}", err=True)
        sys.exit(3)
