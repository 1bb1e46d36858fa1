"""What the manifest of a dataset says of the build that made it, as figures; what it does not say is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.dataset.manifest import FUNNEL, rows_in_dataset, rows_taken_out


def build_figures(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the build, where it says it in the form expected."""
    said = _numbers(manifest.get("funnel"))
    funnel = {step: said[step] for step in FUNNEL if step in said}
    usage = _numbers(manifest.get("usage"))
    rejections = _numbers(manifest.get("rejections"))
    rows = rows_in_dataset(manifest) or 0
    if "kept" in funnel and rows_taken_out(manifest):
        funnel["reviewed"] = rows
    cost = manifest.get("cost")
    cost = float(cost) if isinstance(cost, int | float) else None  # not known
    backend = manifest.get("backend")
    backend = backend if isinstance(backend, dict) else {}
    return {
        "backend": ":".join(str(backend[k]) for k in ("provider", "model") if backend.get(k)),
        "seed": manifest.get("seed"),
        "funnel": funnel,
        "acceptance": _share_in(manifest.get("metrics"), "acceptance"),  # manifests of 0.1 do not tell it
        "rejections": rejections,
        "warnings": _numbers(manifest.get("warnings")),
        "gates": gates_of(manifest),
        "calls": usage.get("calls", 0),
        "unmeasured": usage.get("calls_of_unknown_tokens", 0),
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "servers": _servers(manifest.get("run")),
        "cost": cost,
        "cost_per_1000": cost / rows * 1000 if rows and cost is not None else None,
    }


def _servers(run: Any) -> list[dict[str, int]]:
    """Calls that each of several servers answered in the last run, and failed; none where that is not told."""
    listed = run.get("servers") if isinstance(run, dict) else None
    counts = [_numbers(entry) for entry in listed] if isinstance(listed, list) else []
    return counts if all({"answered", "failed"} <= c.keys() for c in counts) else []


def _share_in(value: Any, name: str) -> float | None:
    found = value.get(name) if isinstance(value, dict) else None
    return float(found) if isinstance(found, int | float) else None


def _numbers(value: Any) -> dict[str, int]:
    return {str(k): v for k, v in value.items() if isinstance(v, int)} if isinstance(value, dict) else {}


def gates_of(manifest: Mapping[str, Any] | None) -> dict[str, bool]:
    """The gates of a spec, and whether the dataset passed each."""
    gates = (manifest or {}).get("gates")
    return {str(g): bool(holds) for g, holds in gates.items()} if isinstance(gates, dict) else {}
