"""`synthspec report`: is this dataset any good?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.echo import echo
from synthspec.cli.shared.options import form_option, look_options
from synthspec.cli.shared.wrong_values import FileOrFolder

if TYPE_CHECKING:
    from synthspec.evaluation.asked import Models
    from synthspec.evaluation.corpus.corpus import Corpus
    from synthspec.evaluation.report.measure import Report


@click.command()
@click.argument("data", type=FileOrFolder(), metavar="DIR|FILE")
@click.option("--against", type=FileOrFolder(), metavar="FILE|SOURCE",
              help="The original data: a file, a build's folder, or the name of a source.")  # fmt: skip
@click.option("--embed", metavar="PROVIDER:MODEL",
              help="Embedding model for similarity: openai, ollama or sentence-transformers.")  # fmt: skip
@click.option("--judge", metavar="PROVIDER:MODEL", help="Model that predicts labels from texts, in at most 300 calls.")
@click.option("--base-url", metavar="URL", help="Server for --embed and --judge.")
@click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="USD",
              help="Most US dollars for --embed and --judge, over all reports on this data.")  # fmt: skip
@form_option("text", "json", "html")
@click.option("--out", type=FileOrFolder(dir_okay=False), metavar="FILE",
              help="Output file.  [default: DIR/report.html for a build's folder, else standard output]")  # fmt: skip
@look_options
def command(
    data: Path,
    against: Path | None,
    embed: str | None,
    judge: str | None,
    base_url: str | None,
    budget: float | None,
    form: str,
    out: Path | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Measure a dataset: diversity, labels, balance, language, similarity to the original, cost.

    Takes a build's folder, or any CSV, JSONL, JSON or Parquet file. For a folder it also writes DIR/report.html,
    one page that needs no network. Calls no model without --embed or --judge. With --embed, the Vendi score, nearest
    rows and coverage compare meaning instead of spelling, and --against adds MAUVE. A model's answers are cached in
    DIR/report-calls/ or build/reports/NAME/.
    """
    import json

    from synthspec.cli.shared.written import give, original_or_exit, read_or_exit, refuse_data
    from synthspec.diagnostics.terminal import visible_json
    from synthspec.evaluation.asked import AskedError, read_models

    refuse_data(out, [data, *([against] if against is not None else [])])
    try:
        models = read_models(embed, judge, base_url, budget, "--")
    except AskedError as e:
        raise click.UsageError(str(e)) from None
    corpus = read_or_exit(data, empty=True)
    original = original_or_exit(against, [data])
    report = _measure(corpus, original, models, quiet=quiet, no_color=no_color)
    if form == "json":
        give(visible_json(json.dumps(report.as_dict(), indent=2, ensure_ascii=False, default=str)) + "\n", out)
        return
    page = out if form == "html" else None
    if page is None and corpus.folder is not None:
        page = corpus.folder / "report.html"
    if form == "html" or page is not None:
        give(report.html(), page)
    if form == "text":
        give(report.text(), out)
    if page is not None and not quiet:
        echo(str(page), err=True)


def _measure(corpus: Corpus, original: Corpus | None, models: Models, *, quiet: bool, no_color: bool) -> Report:
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.progress import steps
    from synthspec.evaluation.asked import report_on
    from synthspec.evaluation.report.measure import step_count

    help = "--embed and --judge ask a model; a report without them asks none"
    count = step_count() + (models.judge is not None)
    with steps(count, quiet=quiet, no_color=no_color) as progress, ending_on_errors(help=help):
        return report_on(corpus, original, models, progress)
