"""`agents`: the rows of a simulation by Mesa 3. It runs code, so only what a person has trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.sources.source_kind import Opened, Place, SourceFault, SourceKind
from synthspec.sources.table import MemoryTable, Note

if TYPE_CHECKING:
    from synthspec.sources.simulation.code import ModelCode
    from synthspec.sources.simulation.results import Result

TIMEOUT = 300  # seconds
MOST_STEPS = 10_000_000


def open_agents(options: Mapping[str, Any], place: Place) -> Opened:
    """The table of a run, made now or before.

    Raises:
        SourceFault: the code is not trusted (E820), or gives no rows (E821 to E828).
    """
    from synthspec.sources.simulation.code import read_code
    from synthspec.sources.simulation.endings import notes_of
    from synthspec.sources.simulation.results import versions

    code = read_code(str(options["agents"]), place)
    notes = _trusted(code, options, place)
    job = {
        "folder": str(code.folder.resolve()),
        "file": code.path.name,
        "files": dict(code.files),
        "class": code.class_name,
        "steps": int(options["steps"]),
        "collect": str(options.get("collect", "agents")),
        "parameters": json.loads(json.dumps(options.get("parameters") or {}, default=str)),
        "seed": place.seed,
    }
    result = _rows_of(job, code, float(options.get("timeout", TIMEOUT)))
    origin = {
        "agents": code.text,
        "code": code.digest,
        "collect": job["collect"],
        "steps": result.steps,
        "seed": place.seed,
        "parameters": job["parameters"],
        "mesa": versions()["mesa"],
    }
    notes += notes_of(result, int(options["steps"]), code.class_name)
    return Opened(MemoryTable(result.values()), result.digest, notes, origin)


def _reads(options: Mapping[str, Any], place: Place) -> list[Path]:
    from synthspec.sources.simulation.code import read_code

    code = read_code(str(options["agents"]), place)
    return [code.path, *(code.folder / name for name in code.files)]


def _trusted(code: ModelCode, options: Mapping[str, Any], place: Place) -> tuple[Note, ...]:
    """Nothing to say where the code may run; a warning where that cannot be remembered.

    Raises:
        SourceFault: nobody has trusted it.
    """
    from synthspec.sources.simulation.trust import is_trusted, remember

    if place.access.trust:
        why = remember(code.digest, code.path.resolve())
        help = "make it writable, or give --trust each time"
        return (Note("W792", f"that this code is trusted cannot be remembered: {why}", help),) if why else ()
    if is_trusted(code.digest):
        return ()
    given = ", ".join(f"{k}={v!r}" for k, v in (options.get("parameters") or {}).items())
    call = f"{code.class_name}({given if len(given) <= 60 else given[:59] + '…'})"
    message = f"this source runs code that is not trusted: {call} of '{code.path.name}' for {options['steps']} steps"
    help = f"read '{code.path.name}' (SHA-256 {code.files[code.path.name]}){_beside(code)}; then run this again with "
    help += "--trust (trust=True in Python), which remembers it as it is"
    raise SourceFault(message, help, "E820", related=code.places())


def _beside(code: ModelCode) -> str:
    """What else may be imported, for a sentence."""
    others = [name for name in sorted(code.files) if name != code.path.name]
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f" and what it may import ({', '.join(others[:3])[:40]}{more})" if others else ""


def _rows_of(job: Mapping[str, Any], code: ModelCode, timeout: float) -> Result:
    """The rows of a run.

    Raises:
        SourceFault: it gives none.
    """
    from synthspec.sources.simulation.endings import fault_of
    from synthspec.sources.simulation.process import run_model
    from synthspec.sources.simulation.results import Result, find_result, keep_result, key_of

    key = key_of(job)
    result = find_result(key)
    if result is not None:
        return result
    ended = run_model(job, timeout)
    if ended.about["how"] != "done":
        raise fault_of(ended, job, code.text, timeout)
    about = ended.about
    result = Result(ended.columns, about["moments"], about["steps"], about["repeats"], about["read"])
    keep_result(key, result)
    return result


KIND = SourceKind(
    key="agents",
    describes="The rows of a simulation by Mesa 3; it runs code, so only under `--trust`.",
    schema={
        "type": "string",
        "pattern": r"^[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*$",
        "description": "The model: a Python file below the spec's folder and a class of it, as in `model.py:Factory`.",
    },
    open=open_agents,
    reads=_reads,
    options={
        "steps": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_STEPS,
            "description": "How many steps it runs, unless it ends by itself.",
        },
        "collect": {
            "enum": ["agents", "model"],
            "description": "What a row is: an agent at a step (`step`, `agent`, `type` and the agent reporters; the "
            "default), or the model at a step (`step` and the model reporters).",
        },
        "parameters": {
            "type": "object",
            "description": "Arguments of the class, by name. Its `seed` or `rng` is the spec's seed unless given here.",
        },
        "timeout": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 86400,
            "description": f"Seconds after which the run is ended. Default {TIMEOUT}.",
        },
    },
    required=("steps",),
    extra=("agents", "mesa"),
)
