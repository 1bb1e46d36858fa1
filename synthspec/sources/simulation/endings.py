"""What there is to say of a run: why it gave no rows, or what of them a person should know."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import write
from synthspec.sources.simulation.process import MAX_BYTES, MAX_ROWS, MEMORY, EndedRun
from synthspec.sources.simulation.results import Result
from synthspec.sources.source_kind import SourceFault
from synthspec.sources.table import Note

QUOTED = 80  # characters of what it printed


def fault_of(ended: EndedRun, job: Mapping[str, Any], text: str, timeout: float) -> SourceFault:
    """Why a run gave no rows. `text` is what the spec says, `factory/model.py:Factory`."""
    about, name = ended.about, str(job["class"])
    how = about["how"]
    told = {
        "raised": _raised,
        "exits": _exits,
        "gone": _gone,
        "parameters": _parameters,
        "odd": _odd,
        "reporters": _reporters,
    }
    if how in told:
        fault = told[how](name, about)
    elif how == "time":
        help = "raise `timeout`, lower `steps`, or look for a loop in it that never ends"
        fault = SourceFault(f"{name} was not done after {timeout:g} s", help, "E823", "timeout")
    elif how == "memory":
        help = "lower `steps`, or have it use less memory"
        fault = SourceFault(f"{name} takes more than {MEMORY // 2**30} GB of memory", help, "E827")
    elif how == "much":
        said = f"{name} collects more than {MAX_ROWS:,} rows, or {MAX_BYTES // 1_000_000} MB of them"
        fault = SourceFault(said, "lower `steps`, or collect less often", "E827")
    else:
        fault = _of_class(name, text, str(job["collect"]), about)
    printed = " ".join(ended.printed.split())
    if printed and fault.code in ("E822", "E823", "E824"):
        shown = printed if len(printed) <= QUOTED else f"… {printed[-QUOTED:]}"
        return SourceFault(str(fault), f"{fault.help}; it printed: {shown}", fault.code, fault.key)
    return fault


def _of_class(name: str, text: str, collect: str, about: Mapping[str, Any]) -> SourceFault:
    file = text.rpartition(":")[0]
    if about["how"] == "no class":
        known = [f"{file}:{n}" for n in about["known"]]
        help = did_you_mean(f"{file}:{name}", known, "name a class of the file, after the colon")
        return SourceFault(f"'{file}' has no class '{name}'", help, "E821")
    if about["how"] == "no model":
        return SourceFault(f"{name} is not a Mesa model", "name a class that extends mesa.Model", "E821")
    if about["how"] == "no collector":
        help = f"write self.datacollector = mesa.DataCollector({collect.removesuffix('s')}_reporters={{…}}) in it"
        return SourceFault(f"{name} has no data collector", help, "E825")
    if about["how"] == "nothing":
        other = "model" if collect == "agents" else "agents"
        help = f"give it {collect.removesuffix('s')}_reporters and call self.datacollector.collect(self), or write "
        return SourceFault(f"{name} collects nothing about its {collect}", f"{help}`collect: {other}`", "E825")
    if about["how"] == "taken":
        said = f"a reporter is named '{about['name']}', as a column is that every row has"
        return SourceFault(said, "name the reporter otherwise", "E826")
    if about["how"] == "changed":
        return SourceFault(f"'{about['name']}' was changed while it was about to run", "run it again", "E824")
    said = f"the process of {name} left no rows that can be read"
    return SourceFault(said, "let the model write nothing to files or streams that are not its own", "E824")


def _raised(name: str, about: Mapping[str, Any]) -> SourceFault:
    what = f"{about['error']}: {about['said']}" if about["said"] else str(about["error"])
    place = f" ({about['file']}, line {about['line']})" if about["file"] else ""
    if about["error"] == "ImportError" or about["error"] == "ModuleNotFoundError":
        help = "install what it imports, or put it beside the model"
    else:
        help = "correct the model"
    return SourceFault(f"{name} raised {_cut(what)}{place}", help, "E822")


def _exits(name: str, about: Mapping[str, Any]) -> SourceFault:
    place = f" ({about['file']}, line {about['line']})" if about["file"] else ""
    return SourceFault(f"{name} exits by {about['error']}{place}", "let it set self.running = False instead", "E824")


def _gone(name: str, about: Mapping[str, Any]) -> SourceFault:
    status = int(about["status"])
    if status >= 0:
        said, help = f"exit status {status}", "let the model end no process: it sets self.running = False"
    else:
        said = next((s.name for s in signal.Signals if s == -status), f"signal {-status}")
        help = "look for an error in the packages that it uses; SIGKILL may come from a system that is out of memory"
    return SourceFault(f"the process of {name} ended without a result ({said})", help, "E824")


def _parameters(name: str, about: Mapping[str, Any]) -> SourceFault:
    strange, known = str(about["strange"]), [str(n) for n in about["known"] if n not in ("seed", "rng")]
    if strange:
        help = did_you_mean(strange, known, f"remove '{strange}' from `parameters`")
        return SourceFault(f"{name} takes no parameter '{strange}'", help, "E821", "parameters")
    said = f"{name} cannot be called: {_cut(str(about['message']))}"
    return SourceFault(said, "give it under `parameters`", "E821", "parameters")


def _reporters(name: str, about: Mapping[str, Any]) -> SourceFault:
    return SourceFault(_cut(str(about["message"])), "name each reporter once, when the data collector is made", "E826")


def _odd(name: str, about: Mapping[str, Any]) -> SourceFault:
    help = "let it give a number, a text, a truth value, a date, or a list or map of these"
    return SourceFault(f"{_cut(str(about['message']))}, which is not a plain value", help, "E826")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else f"{text[:119]}…"


def notes_of(result: Result, steps: int, name: str) -> tuple[Note, ...]:
    """What a person should know of rows that are there."""
    notes = []
    if result.repeats is False:
        help = "draw from self.random or self.rng alone, read no clock, and go through no set of agents"
        notes.append(Note("W790", f"{name} gives other rows each time it runs; those of one run are kept", help))
    if result.steps < steps:
        help = write(f"steps: {result.steps}") + ", or correct what sets `running` to False"
        notes.append(Note("W791", f"{name} ended by itself after {result.steps:,} of {steps:,} steps", help, "steps"))
    return tuple(notes)
