"""`synthspec lsp`: what an editor asks of a spec that is being typed, over the Language Server Protocol."""

from __future__ import annotations

import click


@click.command()
@click.option("--stdio", is_flag=True, help="Use standard input and output (the default).")
@click.option("--trust", is_flag=True, help="Allow code that the spec names (`agents`) to run, until it changes.")
def command(stdio: bool, trust: bool) -> None:
    """Language server for editors: errors as you type, fixes, completion, hover, renaming.

    An editor starts it; see docs/editors.md for VS Code, Neovim, Helix and Zed.
    """
    from synthspec.cli.shared.show import fail
    from synthspec.extras import install_command, is_installed

    if not is_installed("pygls"):
        fail("`synthspec lsp` needs the package pygls, which is not installed", install_command("lsp"), 2)
    from synthspec.generation.collecting import all_is_loaded
    from synthspec.lsp.server import make_server

    all_is_loaded()
    make_server(trust).start_io()
