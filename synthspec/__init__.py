"""synthspec: a compiler from declarative YAML specs to synthetic datasets.

    import synthspec

    synthspec.check("specs/reviews.yaml")          # a tuple of diagnostics; never a model call
    plan = synthspec.plan("specs/reviews.yaml")    # plan[0] is a dict, plan[0:100] a DataFrame
    dataset = synthspec.build("specs/reviews.yaml", backend="ngram", rows=50)
    dataset.frame, dataset.rejections
    for row in synthspec.rows("specs/reviews.yaml"): ...
    synthspec.report(dataset), synthspec.compare("build/a", "build/b")

A spec is a path, a dict or YAML text. Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from synthspec.api import SpecError, build, check, compare, diff, plan, preview, report, rows
    from synthspec.diagnostics import Diagnostic, Span
    from synthspec.generation.build import BuildFault
    from synthspec.generation.built_dataset import Dataset
    from synthspec.inference.store import StoreFault
    from synthspec.planning.plan import Plan

_HOMES = {
    "check": "api",
    "plan": "api",
    "preview": "api",
    "build": "api",
    "rows": "api",
    "report": "api",
    "compare": "api",
    "diff": "api",
    "SpecError": "api",
    "BuildFault": "generation.build",
    "StoreFault": "inference.store",
    "Dataset": "generation.built_dataset",
    "Diagnostic": "diagnostics",
    "Span": "diagnostics",
    "Plan": "planning.plan",
}
__all__ = [
    "BuildFault",
    "Dataset",
    "Diagnostic",
    "Plan",
    "Span",
    "SpecError",
    "StoreFault",
    "__version__",
    "build",
    "check",
    "compare",
    "diff",
    "plan",
    "preview",
    "report",
    "rows",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(f"synthspec.{_HOMES[name]}"), name)
        globals()[name] = value  # a module of the same name must not hide the function
        return value
    raise AttributeError(f"module 'synthspec' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
