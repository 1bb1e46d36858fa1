"""The manifest: what a build was made from, what came of it and what it cost. `manifest.json` in its folder.

Keys are sorted and bytes are stable: two builds of one spec from the same completions differ under `run`
alone.
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from synthspec.lazy_dataclass import dataclass

FILE_NAME = "manifest.json"
FUNNEL = ("planned", "called", "parsed", "valid", "novel", "kept")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the dataset. `path` is relative to the build's folder, with `/`."""

    path: str
    rows: int
    sha256: str
    bytes: int
    format: str
    partition: tuple[str, ...] = ()  # the values it holds, in the order of `partition_by`
    split: str | None = None
    table: str = ""  # of several


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What may differ between two builds of the same dataset."""

    calls: int = 0  # completions paid for in this run
    reused: int = 0  # completions taken from the store
    cost: float | None = 0.0  # US dollars spent in this run; None where it is not known
    seconds: float = 0.0
    latency: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # seconds a call, by prompt
    created: datetime.datetime | None = None  # None is now
    stopped: str | None = None  # why it ended early
    servers: Sequence[Mapping[str, int]] = ()  # calls answered and failed, by server in the order of the spec
    surplus: int = 0  # completions, made and reused, for rows after the last one


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What a build knows when it is done; all that the manifest and the card say."""

    name: str
    spec_digest: str
    seed: int
    rows: int  # asked for
    strategy: str
    backend: str  # provider
    model: str  # as the spec names it
    spec_file: str = ""  # its name; none of a spec that is no file
    description: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    models_reported: tuple[str, ...] = ()  # as the provider named them in its replies
    funnel: Mapping[str, int] = field(default_factory=dict)
    rejections: Mapping[str, int] = field(default_factory=dict)  # by rule
    warnings: Mapping[str, int] = field(default_factory=dict)  # checks that only count, by rule
    dropped: Mapping[str, int] = field(default_factory=dict)  # rows that the spec does not want, by rule
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmeasured: int = 0  # completions whose tokens are not known, so not among these
    completions: int = 0  # all that the dataset is made from, paid for now or before
    cost: float | None = 0.0  # US dollars for all of them; None where not every price is known
    prompts: Sequence[Mapping[str, Any]] = ()  # the calls of each, as `call_tally` tells them
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what each of those not written inline was
    asked: Mapping[str, Any] = field(default_factory=dict)  # shares and correlations asked for, and what rows came to
    texts: tuple[str, ...] = ()  # the columns in which gates and reports look for texts
    partition_by: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()  # of several, the deepest last: its rows are those counted
    splits: Mapping[str, int] = field(default_factory=dict)  # how rows of one kind were kept in one split
    files: tuple[WrittenFile, ...] = ()
    quarantined: int = 0
    reviews: Mapping[str, Any] = field(default_factory=dict)  # what people said of rows: a digest, and counts
    gates: Mapping[str, bool] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    run: RunFacts = RunFacts()


def build_manifest(facts: BuildFacts) -> dict[str, Any]:
    """The manifest as plain values."""
    created = facts.run.created or datetime.datetime.now(datetime.UTC)
    return {
        "manifest": 1,
        "name": facts.name,
        "description": facts.description,
        "license": facts.license,
        "spec": {
            "digest": facts.spec_digest,
            "rows": facts.rows,
            "strategy": facts.strategy,
            **({"file": facts.spec_file} if facts.spec_file else {}),
        },
        "seed": facts.seed,
        "versions": {"synthspec": own_version(), "python": platform.python_version()},
        "backend": {
            "provider": facts.backend,
            "model": facts.model,
            "reported": sorted(set(facts.models_reported)),
        },
        "funnel": {
            **{step: facts.funnel.get(step, 0) for step in FUNNEL},
            **{step: count for step, count in facts.funnel.items() if step not in FUNNEL},
        },
        "rejections": dict(facts.rejections),
        "warnings": dict(facts.warnings),
        **({"dropped": dict(facts.dropped)} if facts.dropped else {}),
        "quarantined": facts.quarantined,
        **({"reviews": dict(facts.reviews)} if facts.reviews else {}),
        "usage": {
            "prompt_tokens": facts.prompt_tokens,
            "completion_tokens": facts.completion_tokens,
            "calls": facts.completions,
            **({"calls_of_unknown_tokens": facts.unmeasured} if facts.unmeasured else {}),
        },
        "cost": _dollars(facts.cost),
        "prompts": [dict(p) for p in facts.prompts],
        **({"sources": {name: dict(about) for name, about in facts.sources.items()}} if facts.sources else {}),
        **({"asked": dict(facts.asked)} if facts.asked else {}),
        "texts": list(facts.texts),
        "partition_by": list(facts.partition_by),
        **({"tables": list(facts.tables)} if facts.tables else {}),
        **({"splits": dict(facts.splits)} if facts.splits else {}),
        "gates": dict(facts.gates),
        "metrics": dict(facts.metrics),
        "files": [_file(f) for f in sorted(facts.files, key=lambda f: f.path)],
        "run": {
            "created": created.astimezone(datetime.UTC).isoformat(timespec="seconds"),
            "calls": facts.run.calls,
            "reused": facts.run.reused,
            "cost": _dollars(facts.run.cost),
            "seconds": round(facts.run.seconds, 3),
            "latency": {name: dict(waits) for name, waits in facts.run.latency.items()},
            **({"surplus": facts.run.surplus} if facts.run.surplus else {}),
            **({"stopped": facts.run.stopped} if facts.run.stopped else {}),
            **({"servers": [dict(s) for s in facts.run.servers]} if facts.run.servers else {}),
        },
    }


def _dollars(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 9)


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """The bytes of `manifest.json`: sorted, indented, UTF-8."""
    return json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a build's folder; None where there is none, or none that can be read."""
    try:
        value = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def rows_taken_out(manifest: Mapping[str, Any] | None) -> int:
    """Rows that the build kept and reviews took out: rejected ones, and those with an edit that breaks a rule."""
    told = (manifest or {}).get("reviews")
    counts = [told.get(name) for name in ("rejected", "refused")] if isinstance(told, Mapping) else []
    return sum(n for n in counts if isinstance(n, int) and not isinstance(n, bool) and n > 0)


def rows_in_dataset(manifest: Mapping[str, Any] | None) -> int | None:
    """Rows of the dataset of a manifest: those kept without those that reviews took out; None where it does not say."""
    funnel = (manifest or {}).get("funnel")
    kept = funnel.get("kept") if isinstance(funnel, Mapping) else None
    if not isinstance(kept, int) or isinstance(kept, bool):
        return None
    return max(kept - rows_taken_out(manifest), 0)


def listed_files(manifest: Mapping[str, Any] | None) -> tuple[WrittenFile, ...]:
    """The dataset's files as a manifest lists them; entries that make no sense are left out."""
    entries = manifest.get("files") if manifest else None
    found = []
    for entry in entries if isinstance(entries, Sequence) and not isinstance(entries, str) else ():
        try:
            found.append(
                WrittenFile(
                    path=str(entry["path"]),
                    rows=int(entry["rows"]),
                    sha256=str(entry["sha256"]),
                    bytes=int(entry["bytes"]),
                    format=str(entry["format"]),
                    partition=tuple(str(v) for v in entry.get("partition", ())),
                    split=None if entry.get("split") is None else str(entry["split"]),
                    table=str(entry.get("table", "")),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return tuple(found)


@cache
def own_version() -> str:
    """The version of synthspec that runs."""
    try:
        return version("synthspec")
    except PackageNotFoundError:
        return "0+unknown"


def _file(file: WrittenFile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": file.path,
        "rows": file.rows,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "format": file.format,
    }
    if file.partition:
        entry["partition"] = list(file.partition)
    if file.split is not None:
        entry["split"] = file.split
    if file.table:
        entry["table"] = file.table
    return entry
