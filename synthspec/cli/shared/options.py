"""Options that several commands share, and how they become overrides of the spec."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from synthspec.cli.shared.wrong_values import FileOrFolder

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDES = {"rows": "rows", "seed": "seed", "backend": "backend", "budget": "limits.budget",
              "concurrency": "limits.concurrency", "engine": "limits.engine"}  # fmt: skip


def complete_backends(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
    """Providers, for a shell's completion; a model's name follows the colon."""
    from synthspec.plugins import plugin_names

    provider, colon, _ = begun.partition(":")
    if not colon:
        return [name for name in plugin_names("backends") if name.startswith(begun)]
    from synthspec.inference.accounting.prices import known_models

    return [f"{provider}:{m}" for m in known_models(provider) if f"{provider}:{m}".startswith(begun)]


def complete_specs(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Specs, for a shell's completion: the YAML files of the folder that is begun, and the folders there."""
    from click.shell_completion import CompletionItem

    folder, _, name = begun.rpartition("/")
    there = Path(f"{folder}/" if folder or begun.startswith("/") else ".")
    try:
        found = sorted(p for p in there.iterdir() if p.name.startswith(name) and (name[:1] == "." or p.name[0] != "."))
        kinds = [(p, "dir" if p.is_dir() else "plain") for p in found if p.is_dir() or p.suffix in (".yaml", ".yml")]
    except OSError:
        return []
    head = begun[: len(begun) - len(name)]
    return [CompletionItem(f"{head}{p.name}", type=kind) for p, kind in kinds]


def complete_engines(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
    """Engines, for a shell's completion."""
    from synthspec.plugins import plugin_names

    return [name for name in plugin_names("engines") if name.startswith(begun)]


def spec_argument(**kwargs: Any) -> Callable[[F], F]:
    """One spec, or with `nargs=-1` several. Whether it can be read is for the compiler to say."""
    name = "spec" if "nargs" not in kwargs else "specs"
    return click.argument(name, type=FileOrFolder(), shell_complete=complete_specs, **kwargs)


def spec_options(function: F) -> F:
    """`--rows --seed --backend --set --budget --concurrency --engine`, given to the command as one `overrides` dict."""

    @click.option("--rows", type=click.IntRange(1), metavar="N", help="Number of rows.")
    @click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of the plan.")
    @click.option("--backend", metavar="PROVIDER:MODEL", shell_complete=complete_backends,
                  help="Backend that answers the prompts.")  # fmt: skip
    @click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="Most US dollars to spend.")
    @click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Most calls in flight at a time.")
    @click.option("--engine", metavar="NAME", shell_complete=complete_engines,
                  help="How calls are made: local, batch (half the price) or ray[=ADDRESS].")  # fmt: skip
    @click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", callback=_settings,
                  help="Override any key of the spec: limits.attempts=2. Repeatable.")  # fmt: skip
    @wraps(function)
    def wrapped(*args: Any, settings: dict[str, str], **kwargs: Any) -> Any:
        overrides: dict[str, str] = {}
        for option, key in _OVERRIDES.items():
            value = kwargs.pop(option, None)
            if value is not None:
                overrides[key] = str(value).rstrip(":") if option == "backend" else str(value)
        overrides.update(settings)  # after the options: --backend names it, --set backend.x=… adds to it
        return function(*args, overrides=overrides, **kwargs)

    return wrapped  # type: ignore[return-value]


def _settings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in values:
        key, sign, value = text.partition("=")
        if not sign or not all(key.strip().split(".")):
            raise click.BadParameter(f"'{text}' is not KEY=VALUE, as in limits.attempts=2")
        found[key.strip()] = value
    return found


def access_options(function: F) -> F:
    """`--trust` and `--refresh`, given to the command as `access`, for those that open the sources of a spec."""

    @wraps(function)
    def wrapped(*args: Any, trust: bool, refresh: bool, **kwargs: Any) -> Any:
        from synthspec.sources.kinds import Access

        return function(*args, access=Access(trust, refresh), **kwargs)

    for name, help in (
        ("--refresh", "Download remote sources (`hub`) again; ignore the cache."),
        ("--trust", "Allow code that the spec names (`agents`) to run, until it changes."),
    ):
        wrapped = click.option(name, is_flag=True, help=help)(wrapped)
    return cast(F, wrapped)


def form_option(*forms: str) -> Callable[[F], F]:
    """`--format`, given to the command as `form`."""
    return click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True,
                        help="Output format.")  # fmt: skip


def look_options(function: F) -> F:
    """`--quiet --no-color`."""
    function = click.option("--no-color", is_flag=True, help="No colors (also: NO_COLOR=1).")(function)
    return click.option("-q", "--quiet", is_flag=True, help="Print errors only.")(function)


def wants_colour(no_color: bool, stream: Any = None) -> bool:
    """Whether to paint what goes to a stream (standard error where none is named)."""
    stream = stream or sys.stderr
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
