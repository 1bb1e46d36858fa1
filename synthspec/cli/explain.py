"""`synthspec explain`: one diagnostic in full."""

from __future__ import annotations

import click

from synthspec.cli.shared.echo import echo, open_console


def _codes(ctx: click.Context, param: click.Parameter, begun: str) -> list[str]:
    from synthspec.diagnostics.catalogue import codes

    return [code for code in codes() if code.startswith(begun.upper())]


@click.command()
@click.argument("code", required=False, shell_complete=_codes)
def command(code: str | None) -> None:
    """Explain a diagnostic: cause, example and fix. Without CODE, list them all."""
    import sys

    from synthspec.diagnostics import did_you_mean
    from synthspec.diagnostics.catalogue import codes, explanation, titles

    if code is None:
        for name, title in titles().items():
            echo(f"{name}  {title}")
        return
    try:
        text = explanation(code.upper())
    except LookupError:
        raise click.UsageError(f"there is no code '{code}'; {did_you_mean(code.upper(), codes())}") from None
    if sys.stdout.isatty():
        from rich.markdown import Markdown

        open_console().print(Markdown(text))
    else:
        echo(text)
