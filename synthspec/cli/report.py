"""`synthspec report`: is this dataset any good?"""

from __future__ import annotations

from pathlib import Path

import click

from synthspec.cli._options import form_option, look_options


@click.command()
@click.argument("data", type=click.Path(path_type=Path), metavar="DIR|FILE")
@click.option("--against", type=click.Path(path_type=Path), metavar="FILE",
              help="The original: a file, or another build's folder.")  # fmt: skip
@form_option("text", "json", "html")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where to write; DIR/report.html for a build's folder, else standard output.")  # fmt: skip
@look_options
def command(data: Path, against: Path | None, form: str, out: Path | None, quiet: bool, no_color: bool) -> None:
    """Measure a dataset: diversity, labels, balance, language, likeness to an original, what it cost.

    Takes a build's folder, or any CSV, JSONL, JSON or Parquet file. For a folder it also writes DIR/report.html,
    one page that needs no network. Calls no model.
    """
    import json

    from synthspec.cli._progress import steps
    from synthspec.cli._written import give, read_or_exit
    from synthspec.report.measure import measure, step_count
    from synthspec.report.text import report_text

    corpus = read_or_exit(data)
    original = read_or_exit(against) if against is not None else None
    with steps(step_count(), quiet=quiet, no_color=no_color) as progress:
        report = measure(corpus, original, progress)
    if form == "json":
        give(json.dumps(report.as_dict(), indent=2, ensure_ascii=False, default=str) + "\n", out)
        return
    page = out if form == "html" else None
    if page is None and corpus.folder is not None:
        page = corpus.folder / "report.html"
    if form == "html" or page is not None:
        from synthspec.report.page import report_page

        give(report_page(report), page)
    if form == "text":
        give(report_text(report), out)
    if page is not None and not quiet:
        click.echo(str(page), err=True)
