"""What the run page says before its button: what it will cost, where it can run, and what must be agreed to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import read_manifest, rows_in_dataset
from synthspec.diagnostics.errors import SynthspecError
from synthspec.extras import is_installed
from synthspec.inference.backends import provider_of
from synthspec.plugins import plugin_error, plugin_names
from synthspec.sources import Table
from synthspec.spec import Spec
from synthspec.spec.backends_used import backends_used
from synthspec.studio.runs.consent import needs_trust_alone, questions_of

EMBEDDED = "ngram"  # the model that is built in
PREVIEWED = 3  # rows of a preview, unless asked otherwise
COUNTED = 20_000  # combinations looked at for an estimate
FIRST = 6  # diagnostics shown


def offer(
    path: Path, rows: int | None, backend: str, budget: float | None, dataset_folder: Any, previewed: int = PREVIEWED
) -> dict[str, Any]:
    """What a run of a spec would be, with these rows, backend and budget in place of its own; and a preview."""
    overrides = overrides_of(rows, backend, budget)
    compiled = compile_spec(path, overrides)
    asks = [q.as_json() for q in questions_of(compiled)]
    told = {
        "diagnostics": [_told(d) for d in compiled.diagnostics[:FIRST]],
        "errors": sum(d.severity == "error" for d in compiled.diagnostics),
        "warnings": sum(d.severity == "warning" for d in compiled.diagnostics),
        "asks": asks,
    }
    if compiled.spec is None:
        return {**told, "ok": False}
    spec = compiled.spec
    about = {
        "name": spec.name,
        "rows": None if spec.open_ended else spec.rows,
        "budget": spec.limits.budget,
        "engine": spec.limits.engine,
        "backends": backends_of(spec),
        "standing": _standing(dataset_folder(spec.name), spec),
    }
    if not compiled.ok:
        return {**told, **about, "ok": needs_trust_alone(compiled), "estimate": None}
    few = replace(spec, rows=min(previewed, spec.rows), open_ended=False)
    return {
        **told,
        **about,
        "ok": True,
        "estimate": _estimate(spec, compiled.tables),
        "preview": _estimate(few, compiled.tables),
    }


def overrides_of(rows: int | None, backend: str, budget: float | None) -> dict[str, str]:
    """What the command line calls `--rows --backend --budget`, as the compiler takes it."""
    given = {"rows": rows, "backend": backend or None, "limits.budget": budget}
    return {key: str(value) for key, value in given.items() if value is not None}


def backends_of(spec: Spec) -> list[dict[str, Any]]:
    """Every backend that the spec uses, each once: whether its key is there, and whether it costs nothing."""
    found: dict[str, dict[str, Any]] = {}
    for _, choice in backends_used(spec).values():
        name = f"{choice.provider}:{choice.model}" if choice.model else choice.provider
        found[name] = {"name": name, **_standing_of(choice.provider)}
    return list(found.values())


def choices() -> list[dict[str, Any]]:
    """The backends that can be chosen instead of the spec's: the embedded model first."""
    found = []
    for name in plugin_names("backends"):
        if name == "replay" or plugin_error("backends", name) is not None:
            continue
        provider = provider_of(name)
        found.append({"name": name, "summary": provider.summary, "model": provider.default_model, **_standing_of(name)})
    return sorted(found, key=lambda b: (b["name"] != EMBEDDED, not b["ready"], b["name"]))


def _standing_of(name: str) -> dict[str, Any]:
    """Whether a provider can be used as far as that is known without asking it. A key's name, never its value."""
    if plugin_error("backends", name) is not None:
        return {"ready": False, "free": False, "why": "this plug-in cannot be used"}
    provider = provider_of(name)
    missing = bool(provider.keys) and not any(os.environ.get(k, "").strip() for k in provider.keys)
    own_server = bool(os.environ.get(f"{name.upper()}_BASE_URL"))
    if provider.package and not is_installed(provider.package.split(".")[0]):
        return {"ready": False, "free": provider.free, "why": f"needs the package {provider.package}"}
    if missing and not own_server:
        return {"ready": False, "free": provider.free, "why": f"no key: {' or '.join(provider.keys)} is not set"}
    return {"ready": True, "free": provider.free, "why": ""}


def _estimate(spec: Spec, tables: Mapping[str, Table]) -> dict[str, Any] | None:
    from synthspec.generation.estimates.plan_report import report_plan
    from synthspec.planning.plan import build_plan

    try:
        report = report_plan(build_plan(spec, tables), tables, COUNTED)
    except (SynthspecError, ValueError, OSError):
        return None
    return {
        "combinations": report.combinations,
        "least": dict(report.least),
        "expected": dict(report.expected),
        "worst": dict(report.worst),
        "prompts": [{"name": p.name, "backend": p.backend, "calls": p.calls, "cost": p.cost} for p in report.prompts],
        "endless": list(report.endless),
        "unbounded": list(report.unbounded),
    }


def _standing(folder: Path, spec: Spec) -> dict[str, Any] | None:
    """The dataset that is there, and whether another model made it."""
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    backend = manifest.get("backend")
    made = backend if isinstance(backend, Mapping) else {}
    by = ":".join(str(made[k]) for k in ("provider", "model") if made.get(k))
    now = f"{spec.backend.provider}:{spec.backend.model}" if spec.backend.model else spec.backend.provider
    return {
        "stored": _stored(folder, manifest, spec) if by == now else None,
        "rows": rows_in_dataset(manifest),
        "by": by,
        "by_another": bool(by) and by != now,
    }


def _stored(folder: Path, manifest: Mapping[str, Any], spec: Spec) -> int | None:
    """The completions of a complete dataset of this very spec, which building it again uses; None of any other."""
    about, funnel, usage = (manifest.get(key) for key in ("spec", "funnel", "usage"))
    if not (isinstance(about, Mapping) and isinstance(funnel, Mapping) and isinstance(usage, Mapping)):
        return None
    same = about.get("digest") == spec.digest and funnel.get("kept") == funnel.get("planned")
    sources = manifest.get("sources") if isinstance(manifest.get("sources"), Mapping) else {}
    for name, source in spec.sources.items():
        told = (sources or {}).get(name)
        if source.digest is not None and (not isinstance(told, Mapping) or told.get("digest") != source.digest()):
            same = False
    calls = usage.get("calls")
    return calls if same and isinstance(calls, int) and (folder / "run.sqlite").is_file() else None


def _told(found: Any) -> dict[str, Any]:
    return {"severity": found.severity, "code": found.code, "message": found.message, "help": found.help,
            "line": found.span.line}  # fmt: skip
