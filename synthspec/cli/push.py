"""`synthspec push`: a built dataset to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import click

from synthspec.cli.shared.echo import echo
from synthspec.cli.shared.options import look_options
from synthspec.cli.shared.wrong_values import FileOrFolder
from synthspec.diagnostics.errors import ExitStatus


@click.command()
@click.argument("folder", metavar="DIR", type=FileOrFolder())
@click.option("--repo", required=True, metavar="USER/NAME", help="Dataset repository; created if missing.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--revision", default="main", show_default=True, metavar="REV",
              help="Branch; created if missing.")  # fmt: skip
@click.option("--with-quarantine", is_flag=True, help="Also upload quarantine.jsonl: rejected rows and completions.")
@click.option("--incomplete", is_flag=True, help="Push even if rows are missing.")
@look_options
def command(
    folder: Path,
    repo: str,
    private: bool,
    revision: str,
    with_quarantine: bool,
    incomplete: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Upload a built dataset to the Hugging Face hub and print its URL.

    \b
    Uploads the files that manifest.json lists, the manifest and the card in one commit; never run.sqlite.
    Reads the token from HF_TOKEN, and another hub's URL from HF_ENDPOINT. Exit status: 0 pushed, 3 not pushed.
    """
    import sys

    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.dataset.publish import REPO, Target, pack_dataset, push_dataset

    if not REPO.fullmatch(repo):
        raise click.BadParameter(f"'{repo}' is not USER/NAME", param_hint="--repo")
    try:
        with ending_on_errors():
            parcel = pack_dataset(folder, with_quarantine=with_quarantine, incomplete=incomplete)
            url = push_dataset(parcel, Target(repo, private, revision), progress=not quiet and sys.stderr.isatty())
    except KeyboardInterrupt:
        echo("interrupted; the hub is unchanged", err=True)
        raise SystemExit(ExitStatus.INTERRUPTED) from None
    if not quiet:
        echo(f"{len(parcel.paths):,} files, {parcel.rows:,} rows", err=True)
    echo(url)
