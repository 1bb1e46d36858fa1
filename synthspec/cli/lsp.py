"""`synthspec lsp`: what an editor asks of a spec that is being typed, over the Language Server Protocol."""

from __future__ import annotations

import click


@click.command()
@click.option("--stdio", is_flag=True, help="Over standard input and output: the default, and the only way.")
@click.option("--trust", is_flag=True, help="Run the code that sources name (`agents`), and remember it as it is now.")
def command(stdio: bool, trust: bool) -> None:
    """Serve editors: mistakes as you type, completion, hover, definitions, renaming, fixes.

    An editor starts it; see docs/editors.md for VS Code, Neovim, Helix and Zed.
    """
    from synthspec.cli.shared.show import fail
    from synthspec.extras import install_command, is_installed

    if not is_installed("pygls"):
        fail("`synthspec lsp` needs the package pygls, which is not installed", install_command("lsp"), 2)
    from synthspec.lsp.server import make_server

    make_server(trust).start_io()
