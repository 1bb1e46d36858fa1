"""`synthspec studio`: the web page in which datasets are made."""

from __future__ import annotations

from pathlib import Path

import click

from synthspec.cli.shared.echo import echo
from synthspec.cli.shared.wrong_values import FileOrFolder

PACKAGES = ("starlette", "uvicorn")


@click.command()
@click.argument("folder", type=FileOrFolder(), default=Path())
@click.option("--port", type=click.IntRange(0, 65535), metavar="N",
              help="Port; 0 for any free one.  [default: 8765, or any free one if it is in use]")  # fmt: skip
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
def command(folder: Path, port: int | None, no_open: bool) -> None:
    """Open a web page for the specs of FOLDER: edit, preview, build, read and review them.

    It is served to this machine only. The printed address works once; after that the browser has a cookie. Builds
    are separate processes and continue when the page or the studio is closed.
    """
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.show import fail
    from synthspec.extras import install_command, is_installed

    missing = [p for p in PACKAGES if not is_installed(p)]
    if missing:
        fail(f"the studio needs the package{'s' * (len(missing) > 1)} {' and '.join(missing)}, not installed here",
             install_command("studio"), status=2)  # fmt: skip
    from synthspec.generation.collecting import all_is_loaded
    from synthspec.studio.server import serve

    all_is_loaded()
    with ending_on_errors():
        serve(folder, port, opens=not no_open, tell=_tell)


def _tell(address: str) -> None:
    echo(f"studio: {address}")
    echo("the address is good for one visit; Ctrl-C stops the studio, builds continue", err=True)
