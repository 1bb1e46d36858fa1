"""What people ask of a report or a comparison: models by name, datasets by path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.report.measure import Report
from synthspec.lazy_dataclass import dataclass

Model = tuple[str, str] | None  # provider and model
Progress = Callable[[str], None]
MOST = 12  # datasets side by side


class AskedError(ValueError):
    """What is asked for cannot be done; the message says what would be right. `data`: with this data."""

    def __init__(self, message: str, *, data: bool = False) -> None:
        super().__init__(message)
        self.data = data


@dataclass(frozen=True, slots=True)
class Models:
    """The models that a report asks, where, and for how much (US dollars)."""

    embed: Model = None
    judge: Model = None
    base_url: str | None = None
    budget: float | None = None


def read_models(
    embed: str | None, judge: str | None, base_url: str | None, budget: float | None, mark: str = ""
) -> Models:
    """The models named as PROVIDER:MODEL. `mark` stands before an option's name in messages: `--` for a command.

    Raises:
        AskedError: no such provider, no model, or options that do not go together.
    """
    from synthspec.evaluation.embeddings import PROVIDERS
    from synthspec.plugins import plugin_names

    url = f"{mark}base-url" if mark else "base_url"
    if embed is None and judge is None:
        for name, value in ((url, base_url), (f"{mark}budget", budget)):
            if value is not None:
                raise AskedError(f"{name} goes with {mark}embed or {mark}judge")
        return Models()
    found = (
        None if embed is None else _named(f"{mark}embed", embed, PROVIDERS),
        None if judge is None else _named(f"{mark}judge", judge, plugin_names("backends")),
    )
    asked = {m[0] for m in found if m is not None} - {"sentence-transformers"}
    if base_url is not None and len(asked) > 1:
        raise AskedError(f"{url} is one server's; set OPENAI_BASE_URL or OLLAMA_HOST where there are two")
    return Models(*found, base_url, budget)


def _named(option: str, text: str, known: Sequence[str]) -> tuple[str, str]:
    from synthspec.diagnostics import did_you_mean
    from synthspec.inference.accounting.prices import meant_backend

    provider, _, model = text.partition(":")
    if provider not in known:
        help = meant_backend(provider, model) or did_you_mean(provider, known)
        raise AskedError(f"{option}: there is no '{provider}'; {help}")
    if not model:
        raise AskedError(f"{option}: name a model: {provider}:MODEL")
    return provider, model


def report_on(corpus: Corpus, original: Corpus | None, models: Models, progress: Progress | None = None) -> Report:
    """Measure a dataset, and ask the models if any are named.

    Raises:
        BackendFault: a model cannot be asked, or a limit is reached.
        StoreFault: what a model answered cannot be kept.
    """
    from synthspec.evaluation.embeddings import open_embedder
    from synthspec.evaluation.judge import judge_labels
    from synthspec.evaluation.model_calls import stored_calls_of
    from synthspec.evaluation.report.measure import measure

    told = progress or (lambda title: None)
    calls = stored_calls_of(corpus, models.budget)
    embedder = None if models.embed is None else open_embedder(*models.embed, calls, models.base_url)
    judgement = None
    if models.judge is not None:
        told("Judge")
        judgement = judge_labels(corpus, *models.judge, calls, models.base_url)
    return measure(corpus, original, told, embed=embedder, judgement=judgement)


def contenders(
    found: Sequence[Corpus], paths: Sequence[Path], backends: Sequence[str], vary: str | None, mark: str = ""
) -> tuple[list[Corpus], list[str]]:
    """What is set side by side, each with a name of its own.

    Raises:
        AskedError: too few or too many, or `vary` names no column with few values.
    """
    from synthspec.evaluation.comparison import groups_of

    corpora, names = list(found), _distinct(found, paths, backends)
    if vary is not None:
        try:
            parts = [(n, v, c) for n, whole in zip(names, corpora, strict=True) for v, c in groups_of(whole, vary)]
        except LookupError as e:
            raise AskedError(f"{e.args[0]}; {mark}vary takes a column with few values", data=True) from None
        names = [v if len(corpora) == 1 else f"{n}, {v}" for n, v, _ in parts]
        corpora = [c for _, _, c in parts]
    if len(corpora) < 2:
        raise AskedError(f"one dataset is nothing to compare: name two, or a column with {mark}vary")
    if len(corpora) > MOST:
        raise AskedError(f"{len(corpora)} datasets; at most {MOST} fit side by side")
    return corpora, names


def _distinct(found: Sequence[Corpus], paths: Sequence[Path], backends: Sequence[str]) -> list[str]:
    names = list(backends) if len(backends) == len(found) else [c.name for c in found]
    if len(set(names)) < len(names):
        names = [p.name for p in paths] if len(paths) == len(found) else [f"{n} {i + 1}" for i, n in enumerate(names)]
    if len(set(names)) < len(names):
        names = [str(p) for p in paths]
    if len(set(names)) < len(names):
        names = [f"{n} ({i + 1})" for i, n in enumerate(names)]
    return names
