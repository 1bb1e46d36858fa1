"""The command line. Each command is one module of this package, found by its name and imported when it is needed.

A module `x.py` here holds `command`, a click command, which becomes `synthspec x`. Packages add theirs through
the entry point group `synthspec.commands`, whose value is a module of the same shape.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from synthspec.cli.shared.echo import echo
from synthspec.diagnostics.errors import ExitStatus, system_reason
from synthspec.plugins import find_plugin, installed_names, is_built_in, is_plugin, plugin_error, plugin_package

# in the order in which a person meets them
COMMANDS = (
    "new", "check", "plan", "preview", "build", "review", "report", "compare", "diff", "status", "studio", "library",
    "schema", "explain", "backends", "lsp", "push",
)  # fmt: skip


class _Commands(click.Group):
    """Finds commands by name, without importing those that are not asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from pkgutil import iter_modules

        there = {m.name for m in iter_modules(__path__) if not m.name.startswith("_")}
        known = [c for c in COMMANDS if c in there]
        return [*known, *sorted(there - set(known)), *installed_names("commands")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name.startswith("_") or not cmd_name.isidentifier():
            return None
        if not is_plugin("commands", cmd_name):
            return None
        fault = plugin_error("commands", cmd_name)
        if fault is not None:
            return _broken(cmd_name, *fault)
        command = find_plugin("commands", cmd_name).command
        if not isinstance(command, click.Command):
            said = f"the plug-in '{cmd_name}' of the package '{plugin_package('commands', cmd_name)}' cannot be used"
            return _broken(cmd_name, f"{said}: its 'command' is not a click command", "decorate it: @click.command()")
        return command if is_built_in("commands", cmd_name) else _blamed(cmd_name, command)

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*given, **more)
        except KeyboardInterrupt:
            raise _interrupted() from None

    def invoke(self, ctx: click.Context) -> object:
        from synthspec.plugins.guarding import PluginFault

        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _interrupted() from None
        except click.MissingParameter:
            raise
        except click.BadParameter as e:
            from synthspec.cli.shared.wrong_values import in_plain_words

            raise click.BadParameter(in_plain_words(e), e.ctx, e.param, e.param_hint) from None
        except PluginFault as e:
            from synthspec.cli.shared.show import fail

            fail(e.message, e.help, e.status)

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


def _interrupted() -> SystemExit:
    """The end of a command that was interrupted, whatever it was at."""
    echo("interrupted", err=True)
    return SystemExit(ExitStatus.INTERRUPTED)


def _blamed(name: str, command: click.Command) -> click.Command:
    """A package's command: what it raises, but for what click knows, is one sentence that names it."""
    from synthspec.plugins.guarding import blaming

    invoke = command.invoke

    def blamed(ctx: click.Context) -> object:
        with blaming("commands", name, (click.exceptions.Exit, click.Abort, click.ClickException, SystemExit, OSError)):
            return invoke(ctx)

    command.invoke = blamed  # type: ignore[method-assign]
    return command


def _broken(name: str, message: str, help: str) -> click.Command:
    """In the place of a package's command that cannot be used: it says so in one sentence."""

    def tell() -> None:
        raise click.ClickException(f"E608: {message}; {help}")

    return click.Command(name, callback=tell, short_help="(a plug-in that cannot be used)", add_help_option=False,
                         context_settings={"ignore_unknown_options": True, "allow_extra_args": True})  # fmt: skip


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
      synthspec check specs/reviews.yaml     show every error; calls no model
      synthspec plan specs/reviews.yaml      what it would send to models, and the cost
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
        echo(f"error: the output cannot be written: {system_reason(e)}", err=True)
        sys.exit(3)
