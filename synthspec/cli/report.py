"""`synthspec report`: is this dataset any good?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli._echo import echo
from synthspec.cli._options import form_option, look_options

if TYPE_CHECKING:
    from synthspec.evaluation.corpus.corpus import Corpus
    from synthspec.evaluation.report.measure import Report


@click.command()
@click.argument("data", type=click.Path(path_type=Path), metavar="DIR|FILE")
@click.option("--against", type=click.Path(path_type=Path), metavar="FILE",
              help="The original: a file, or another build's folder.")  # fmt: skip
@click.option("--embed", metavar="PROVIDER:MODEL",
              help="Measure likeness by a model's embeddings: openai, ollama or sentence-transformers.")  # fmt: skip
@click.option("--judge", metavar="PROVIDER:MODEL", help="Have a model tell labels from texts: at most 300 questions.")
@click.option("--base-url", metavar="URL", help="The server of --embed and --judge, instead of the usual one.")
@click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="USD",
              help="What the calls of --embed and --judge may cost, over all reports on this data.")  # fmt: skip
@form_option("text", "json", "html")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where to write; DIR/report.html for a build's folder, else standard output.")  # fmt: skip
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
    """Measure a dataset: diversity, labels, balance, language, likeness to an original, what it cost.

    Takes a build's folder, or any CSV, JSONL, JSON or Parquet file. For a folder it also writes DIR/report.html,
    one page that needs no network. Calls no model, unless --embed or --judge names one. With --embed, the Vendi
    score, nearest rows and coverage go by meaning instead of spelling, and --against adds MAUVE. What a model answered
    is kept, in DIR/report-calls/ or build/reports/NAME/, and never paid for twice.
    """
    import json

    from synthspec.cli._written import give, read_or_exit
    from synthspec.diagnostics.terminal import visible_json
    from synthspec.evaluation.report.text import report_text

    models = _models(embed, judge, base_url)
    if budget is not None and models == (None, None):
        raise click.UsageError("--budget goes with --embed or --judge")
    corpus = read_or_exit(data)
    original = read_or_exit(against) if against is not None else None
    asked = Asked(models, base_url, budget)
    report = _measure(corpus, original, asked, quiet=quiet, no_color=no_color)
    if form == "json":
        give(visible_json(json.dumps(report.as_dict(), indent=2, ensure_ascii=False, default=str)) + "\n", out)
        return
    page = out if form == "html" else None
    if page is None and corpus.folder is not None:
        page = corpus.folder / "report.html"
    if form == "html" or page is not None:
        from synthspec.evaluation.report.page import report_page

        give(report_page(report), page)
    if form == "text":
        give(report_text(report), out)
    if page is not None and not quiet:
        echo(str(page), err=True)


Model = tuple[str, str] | None  # provider and model


def _models(embed: str | None, judge: str | None, base_url: str | None) -> tuple[Model, Model]:
    """The models named; a mistake in a name is one of use."""
    from synthspec.plugins import plugin_names

    if embed is None and judge is None:
        if base_url is not None:
            raise click.UsageError("--base-url goes with --embed or --judge")
        return None, None
    from synthspec.evaluation.embeddings import PROVIDERS

    found = _named("--embed", embed, PROVIDERS), _named("--judge", judge, plugin_names("backends"))
    asked = {m[0] for m in found if m is not None} - {"sentence-transformers"}
    if base_url is not None and len(asked) > 1:
        raise click.UsageError("--base-url is one server's; set OPENAI_BASE_URL or OLLAMA_HOST where there are two")
    return found


def _named(option: str, text: str | None, known: Sequence[str]) -> Model:
    from synthspec.diagnostics import did_you_mean
    from synthspec.inference.prices import meant_backend

    if text is None:
        return None
    provider, _, model = text.partition(":")
    if provider not in known:
        help = meant_backend(provider, model) or did_you_mean(provider, known)
        raise click.UsageError(f"{option}: there is no '{provider}'; {help}")
    if not model:
        raise click.UsageError(f"{option}: name a model: {provider}:MODEL")
    return provider, model


@dataclass(frozen=True, slots=True)
class Asked:
    """The models that a report asks, where, and for how much."""

    models: tuple[Model, Model]
    base_url: str | None
    budget: float | None


def _measure(corpus: Corpus, original: Corpus | None, asked: Asked, *, quiet: bool, no_color: bool) -> Report:
    from synthspec.cli._progress import steps
    from synthspec.cli._show import fail
    from synthspec.evaluation.embeddings import open_embedder
    from synthspec.evaluation.judge import judge_labels
    from synthspec.evaluation.model_calls import calls_of
    from synthspec.evaluation.report.measure import measure, step_count
    from synthspec.inference.store import StoreFault
    from synthspec.spec.messages import BackendFault

    embed, judge = asked.models
    calls = calls_of(corpus, asked.budget)
    with steps(step_count() + (judge is not None), quiet=quiet, no_color=no_color) as progress:
        try:
            embedder = None if embed is None else open_embedder(*embed, calls, asked.base_url)
            if judge is not None:
                progress("Judge")
            judgement = None if judge is None else judge_labels(corpus, *judge, calls, asked.base_url)
            return measure(corpus, original, progress, embed=embedder, judgement=judgement)
        except BackendFault as e:
            fail(e.message, "--embed and --judge ask a model; a report without them asks none")
        except StoreFault as e:
            fail(e.message, e.help)
