"""The Python API: the commands as functions, returning plain frozen values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.analysis.compiled import Compiled
from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic

if TYPE_CHECKING:
    from synthspec.generation.output_folder import Dataset
    from synthspec.generation.preview import Preview
    from synthspec.planning.plan import Plan

AnyPath = str | PathLike[str]
_SHORT = {"budget": "limits.budget", "concurrency": "limits.concurrency"}


class SpecError(Exception):
    """A spec has errors. `diagnostics` holds each with its place and remedy."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        from synthspec.diagnostics.render import render_text

        super().__init__("\n" + render_text([d for d in diagnostics if d.severity == "error"]))
        self.diagnostics = diagnostics


def check(path: AnyPath, **options: Any) -> tuple[Diagnostic, ...]:
    """Every diagnostic of a spec. Calls no model.

    Options are keys of the spec: `rows`, `seed`, `backend`, `budget`, `concurrency`, or `set={"limits.attempts": 2}`.
    """
    return compile_spec(Path(path), _overrides(options)).diagnostics


def plan(path: AnyPath, **options: Any) -> Plan:
    """The plan of a spec: `plan[i]` a dict, `plan[a:b]` a DataFrame, `len(plan)` combinations.

    Raises:
        SpecError: the spec has errors.
    """
    from synthspec.planning.plan import build_plan

    compiled = _compiled(path, options)
    assert compiled.spec is not None
    return build_plan(compiled.spec, compiled.tables)


def build(
    path: AnyPath,
    *,
    out: AnyPath | None = None,
    replace: bool = False,
    accept_loss: bool = False,
    cache: bool = True,
    **options: Any,
) -> Dataset:
    """Build a dataset into a folder (`build/<name>/` unless `out` names another).

    Where rows are missing that the dataset which stands there has, that one stays and this one goes to `incomplete/`
    beside it; with `replace` it takes its place. `accept_loss` goes on with what can be read of a damaged store.
    Without `cache` every row is made anew from its completions; no call is made for that.

    Raises:
        SpecError: the spec has errors.
        BuildFault: a backend cannot be used.
        StoreFault: the folder is in use or cannot be written.
    """
    from synthspec.generation.build import Build, finish_build

    compiled = _compiled(path, options)
    assert compiled.spec is not None
    folder = Path(out) if out is not None else None
    work = Build(
        compiled.spec, compiled.tables, folder, keep_rows=True, replace=replace, accept_loss=accept_loss, cache=cache
    )
    dataset: Dataset = run_async(finish_build(work))
    return dataset


def preview(path: AnyPath, count: int = 3, *, out: AnyPath | None = None, **options: Any) -> Preview:
    """A few rows end to end, with prompts, completions and verdicts.

    Raises:
        SpecError, BuildFault, StoreFault: as `build`.
    """
    from synthspec.generation.preview import preview_rows

    compiled = _compiled(path, options)
    assert compiled.spec is not None
    folder = Path(out) if out is not None else None
    shown: Preview = run_async(preview_rows(compiled.spec, compiled.tables, count, folder))
    return shown


def run_async(work: Any) -> Any:
    """Run a coroutine to its end, also from inside a running loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _compiled(path: AnyPath, options: Mapping[str, Any]) -> Compiled:
    compiled = compile_spec(Path(path), _overrides(options))
    if not compiled.ok:
        raise SpecError(compiled.diagnostics)
    return compiled


def _overrides(options: Mapping[str, Any]) -> dict[str, str]:
    rest = dict(options)
    settings = dict(rest.pop("set", {}))
    found = {_SHORT.get(n, n): _yaml(v) for n, v in rest.items() if v is not None}
    found.update((str(k), _yaml(v)) for k, v in settings.items())
    return found


def _yaml(value: Any) -> str:
    """A value as YAML; JSON is YAML, and text stays as it would be written after `--set`."""
    return value if isinstance(value, str) else json.dumps(value)
