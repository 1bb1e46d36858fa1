"""The Python API: the commands as functions, returning plain frozen values that show themselves in notebooks.

A spec is a path, a dict, or YAML text: a `str` with a line break in it, or one that begins with a key. Where it is no
file, files that it names are looked for in the working directory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.analysis.compiled import Compiled
from synthspec.compiler import compile_spec, compile_text
from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.listing import Diagnostics
from synthspec.sources.kinds import Access

if TYPE_CHECKING:
    from synthspec.evaluation.comparison import Comparison
    from synthspec.evaluation.corpus.corpus import Corpus
    from synthspec.evaluation.report.measure import Report
    from synthspec.generation.built_dataset import Dataset
    from synthspec.generation.diffs.spec_diff import SpecDiff
    from synthspec.generation.preview import Preview
    from synthspec.generation.row_stream import RowStream
    from synthspec.inference.events import Event
    from synthspec.planning.plan import Plan

AnyPath = str | PathLike[str]
AnySpec = AnyPath | Mapping[str, Any]
AnyBackend = str | Mapping[str, Any]  # `provider:model`, or what a spec holds under `backend`

_TEXT = re.compile(r"""\s*(?:["']?[\w-]+["']?\s*:(?:\s|$)|\{.*\}\s*$)|.*\n""", re.DOTALL)


class SpecError(Exception):
    """A spec has errors. `diagnostics` holds each with its place and fix."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        texts = diagnostics.texts if isinstance(diagnostics, Diagnostics) else {}
        self.diagnostics = Diagnostics(diagnostics, texts)
        super().__init__("\n" + Diagnostics(self.diagnostics.errors, texts).as_text())


def check(
    spec: AnySpec,
    *,
    rows: int | None = None,
    seed: int | None = None,
    backend: AnyBackend | None = None,
    budget: float | None = None,
    concurrency: int | None = None,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
) -> Diagnostics:
    """Every diagnostic of a spec, by place: a tuple, empty where nothing is wrong. Calls no model.

    `rows`, `seed`, `backend`, `budget` (US dollars) and `concurrency` stand in for what the spec says;
    `set={"limits.attempts": 2}` for any other key. `trust` lets the code run that sources name (`agents`), and
    remembers it as it is now; `refresh` looks again at what they fetched (`hub`). They are the same in every
    function here.
    """
    return _compile(spec, _overrides(rows, seed, backend, budget, concurrency, set), Access(trust, refresh))[1]


def plan(
    spec: AnySpec,
    *,
    rows: int | None = None,
    seed: int | None = None,
    backend: AnyBackend | None = None,
    budget: float | None = None,
    concurrency: int | None = None,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
) -> Plan:
    """The plan of a spec: `plan[i]` a dict, `plan[a:b]` a DataFrame, `len(plan)` combinations.

    Raises:
        SpecError: the spec has errors.
    """
    from synthspec.planning.plan import build_plan

    compiled = _compiled(spec, _overrides(rows, seed, backend, budget, concurrency, set), Access(trust, refresh))
    assert compiled.spec is not None
    return build_plan(compiled.spec, compiled.tables)


def preview(
    spec: AnySpec,
    count: int = 3,
    *,
    out: AnyPath | None = None,
    rows: int | None = None,
    seed: int | None = None,
    backend: AnyBackend | None = None,
    budget: float | None = None,
    concurrency: int | None = None,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
) -> Preview:
    """A few rows end to end, with prompts, completions and verdicts. The completions are kept for `build`.

    Raises:
        SpecError, BuildFault, StoreFault: as `build`.
    """
    from synthspec.generation.preview import preview_rows
    from synthspec.generation.row_stream import run_async

    compiled = _compiled(spec, _overrides(rows, seed, backend, budget, concurrency, set), Access(trust, refresh))
    assert compiled.spec is not None
    return run_async(preview_rows(compiled.spec, compiled.tables, count, _folder(out)))


def build(
    spec: AnySpec,
    *,
    out: AnyPath | None = None,
    replace: bool = False,
    accept_loss: bool = False,
    cache: bool = True,
    rows: int | None = None,
    seed: int | None = None,
    backend: AnyBackend | None = None,
    budget: float | None = None,
    concurrency: int | None = None,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
    listen: Callable[[Event], None] | None = None,
) -> Dataset:
    """Build a dataset into a folder (`build/<name>/` unless `out` names another).

    Where rows are missing that the dataset which stands there has, that one stays and this one goes to `incomplete/`
    beside it; with `replace` it takes its place. `accept_loss` goes on with what can be read of a damaged store.
    Without `cache` every row is made again from its completions; no call is made for that. `listen` is called with
    each event of the build (`synthspec.inference.events`), in a thread of its own.

    Ctrl-C lets calls in flight end, which are paid for, and keeps them for the next build; again, it ends at once.

    Raises:
        SpecError: the spec has errors.
        BuildFault: a backend cannot be used.
        StoreFault: the folder is in use or cannot be written.
    """
    from synthspec.generation.build import Build, finish_build
    from synthspec.generation.row_stream import run_async

    overrides = _overrides(rows, seed, backend, budget, concurrency, set)
    compiled = _compiled(spec, overrides, Access(trust, refresh))
    assert compiled.spec is not None
    work = Build(
        compiled.spec,
        compiled.tables,
        _folder(out),
        keep_rows=True,
        replace=replace,
        accept_loss=accept_loss,
        cache=cache,
        overrides=overrides,
    )
    return run_async(finish_build(work, listen), work.interrupt)


def rows(
    spec: AnySpec,
    *,
    out: AnyPath | None = None,
    accept_loss: bool = False,
    rows: int | None = None,
    seed: int | None = None,
    backend: AnyBackend | None = None,
    budget: float | None = None,
    concurrency: int | None = None,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
) -> RowStream:
    """The rows of a spec one by one, as dicts, in plan order, each as soon as it is final.

    Calls are made at the pace at which rows are taken. The loop may be left at any row: calls in flight are waited
    for, and a later `rows` or `build` uses all completions again. No dataset is written; `build` does that.

        for row in synthspec.rows("specs/reviews.yaml"):
            print(row["text"])

    Raises:
        SpecError, BuildFault, StoreFault: as `build`.
    """
    from synthspec.generation.build import Build
    from synthspec.generation.row_stream import RowStream

    compiled = _compiled(spec, _overrides(rows, seed, backend, budget, concurrency, set), Access(trust, refresh))
    assert compiled.spec is not None
    return RowStream(Build(compiled.spec, compiled.tables, _folder(out), writes=False, accept_loss=accept_loss))


def diff(
    old: AnySpec,
    new: AnySpec,
    *,
    set: Mapping[str, Any] | None = None,
    trust: bool = False,
    refresh: bool = False,
) -> SpecDiff:
    """What changes from one spec to another: combinations, calls to make again, cost. Calls no model.

    Raises:
        SpecError: one of them has errors.
    """
    from synthspec.generation.diffs.spec_diff import diff_specs

    overrides, access = _overrides(None, None, None, None, None, set), Access(trust, refresh)
    return diff_specs(_compiled(old, overrides, access), _compiled(new, overrides, access))


def report(
    data: AnyPath | Dataset,
    *,
    against: AnyPath | Dataset | None = None,
    embed: str | None = None,
    judge: str | None = None,
    base_url: str | None = None,
    budget: float | None = None,
) -> Report:
    """Measure a dataset: a built one, its folder, or any CSV, JSONL, JSON or Parquet file.

    `against` is the original to measure it beside: data too, or a source of a spec as "specs/reviews.yaml:sample" (of
    the spec that a build's folder is of, its name alone). Calls no model, unless `embed` or `judge` names one as
    `provider:model`; `base_url` is its server, and `budget` (US dollars) what all reports on this data may spend.
    `report.text()`, `report.html()` and `report.as_dict()` are what the command prints.

    Raises:
        TableFault: the data cannot be read.
        ValueError: there is no such model, or options that do not go together.
        BackendFault, StoreFault: a model cannot be asked, or its answers cannot be kept.
    """
    from synthspec.evaluation.asked import read_models, report_on

    models = read_models(embed, judge, base_url, budget)
    return report_on(_corpus(data, empty=True), _original(against, [data]), models)


def compare(*data: AnyPath | Dataset, against: AnyPath | Dataset | None = None, vary: str | None = None) -> Comparison:
    """Datasets side by side, every metric with its confidence interval; `vary` compares the values of a column.

    To compare backends, build a spec on each: `compare(*(build(spec, backend=b, out=f"build/{b}") for b in …))`.

    Raises:
        TableFault: the data cannot be read.
        ValueError: there are not two to twelve datasets, or `vary` names no column with few values.
    """
    from synthspec.evaluation.asked import contenders
    from synthspec.evaluation.comparison import compare_corpora

    corpora, names = contenders([_corpus(d) for d in data], [_place(d) for d in data], (), vary)
    return compare_corpora(corpora, names, _original(against, data))


def _original(against: AnyPath | Dataset | None, data: Sequence[AnyPath | Dataset]) -> Corpus | None:
    from synthspec.evaluation.originals import read_original

    if against is None:
        return None
    return read_original(_place(against), [_place(d) for d in data], compile_spec)


def _corpus(data: AnyPath | Dataset, *, empty: bool = False) -> Corpus:
    from synthspec.evaluation.corpus.corpus import read_corpus

    return read_corpus(_place(data), empty=empty)


def _place(data: AnyPath | Dataset) -> Path:
    return Path(data) if isinstance(data, str | PathLike) else data.folder


def _folder(out: AnyPath | None) -> Path | None:
    return Path(out) if out is not None else None


def _compile(spec: AnySpec, overrides: Mapping[str, str], access: Access) -> tuple[Compiled, Diagnostics]:
    if isinstance(spec, Mapping):
        from synthspec.document.writer import spec_text

        spec = spec_text(spec)
    elif not isinstance(spec, str) or not _TEXT.match(spec):
        compiled = compile_spec(Path(spec), overrides, access=access)
        return compiled, Diagnostics(compiled.diagnostics)
    from synthspec.document.source import NO_FILE

    compiled = compile_text(spec, overrides, access=access)
    return compiled, Diagnostics(compiled.diagnostics, {NO_FILE: spec})


def _compiled(spec: AnySpec, overrides: Mapping[str, str], access: Access) -> Compiled:
    compiled, diagnostics = _compile(spec, overrides, access)
    if not compiled.ok:
        raise SpecError(diagnostics)
    return compiled


def _overrides(
    rows: int | None,
    seed: int | None,
    backend: AnyBackend | None,
    budget: float | None,
    concurrency: int | None,
    settings: Mapping[str, Any] | None,
) -> dict[str, str]:
    named = {"rows": rows, "seed": seed, "backend": backend, "limits.budget": budget, "limits.concurrency": concurrency}
    found = {key: _yaml(value) for key, value in named.items() if value is not None}
    found.update((str(key), _yaml(value)) for key, value in (settings or {}).items())
    return found


def _yaml(value: Any) -> str:
    """A value as YAML; JSON is YAML, and text stays as it would be written after `--set`."""
    return value if isinstance(value, str) else json.dumps(value)
