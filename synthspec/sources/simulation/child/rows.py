"""The rows of a run, taken as the model's data collector asks for them, and written as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .endings import Ending
from .values import Odd, as_json, moment_kind, plain


class CollectedRows:
    """What is collected, written as it comes; it says for each column what moments are in it."""

    def __init__(self, path: Path, first: Sequence[str], max_rows: int, max_values: int, max_bytes: int) -> None:
        self.first = tuple(first)
        self.names: tuple[str, ...] = ()
        self.count = self.size = 0
        self.kinds: dict[str, set[str]] = {}
        self._limits = (max_rows, max_values, max_bytes)
        self._file = path.open("w", encoding="ascii")

    def columns(self, reporters: Sequence[Any]) -> None:
        """The columns, as soon as they are known."""
        for name in reporters:
            if not isinstance(name, str) or not name:
                raise Ending("reporters", message=f"the name of a reporter, {name!r:.60}, is no text")
            if name in self.first:
                raise Ending("taken", name=name)
        names = (*self.first, *reporters)
        if self.names and names != self.names:
            raise Ending("reporters", message="the data collector has other reporters at the end than at the beginning")
        self.names = names

    def add(self, values: Mapping[str, Any]) -> None:
        """One row, of plain values; what is not in it is null."""
        cells = [values.get(name) for name in self.names]
        for name, value in zip(self.names, cells, strict=True):
            if value is not None:
                self.kinds.setdefault(name, set()).add(moment_kind(value))
        line = json.dumps([as_json(c) for c in cells], separators=(",", ":"), allow_nan=False) + "\n"
        self.count += 1
        self.size += len(line)
        max_rows, max_values, max_bytes = self._limits
        if self.count > max_rows or self.count * len(cells) > max_values or self.size > max_bytes:
            raise Ending("much")
        self._file.write(line)

    def close(self) -> dict[str, str]:
        """The columns of moments alone, each with their kind."""
        self._file.close()
        found = {name: next(iter(kinds)) for name, kinds in self.kinds.items() if len(kinds) == 1}
        return {name: kind for name, kind in found.items() if kind}


class Collecting:
    """Takes the values as the model's data collector asks for them, so that a list has the items of its own step."""

    def __init__(self, cls: Any, collect: str, rows: CollectedRows) -> None:
        self.cls = cls
        self.collect = collect
        self.rows = rows
        self.wrapped: set[int] = set()
        self.current: dict[int, dict[str, Any]] = {}  # by the agent's identity
        self.step = 0

    def install(self, collector: Any) -> None:
        """From now on every collection is recorded as well."""
        original = collector.collect

        def collect(this: Any, model: Any) -> Any:
            if not self._is_ours(model, this):
                return original(this, model)
            self.step = model.steps
            if self.collect == "agents":
                self._wrap(this)
                self.current = {}
                given = original(this, model)
                for row in self.current.values():
                    self.rows.add(row)
                return given
            given = original(this, model)
            self.rows.columns(list(this.model_reporters))
            latest = {name: self._plain(name, values[-1]) for name, values in this.model_vars.items()}
            if latest:
                self.rows.add({"step": self.step, **latest})
            return given

        collector.collect = collect

    def _is_ours(self, model: Any, collector: Any) -> bool:
        return isinstance(model, self.cls) and getattr(model, "datacollector", None) is collector

    def _wrap(self, collector: Any) -> None:
        groups = [collector.agent_reporters, *collector.agenttype_reporters.values()]
        self.rows.columns(list(dict.fromkeys(name for group in groups for name in group)))
        for group in groups:
            for name, reporter in group.items():
                if id(reporter) not in self.wrapped:
                    group[name] = self._recording(name, reporter)
                    self.wrapped.add(id(group[name]))

    def _recording(self, name: str, reporter: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def report(agent: Any) -> Any:
            value = reporter(agent)
            row = self.current.get(id(agent))
            if row is None:
                row = {"step": self.step, "agent": self._plain("agent", agent.unique_id), "type": type(agent).__name__}
                self.current[id(agent)] = row
            row[name] = self._plain(name, value)
            return value

        return report

    def _plain(self, name: str, value: Any) -> Any:
        try:
            return plain(value)
        except Odd as e:
            raise Ending("odd", message=f"the reporter '{name}' gives {e}, at step {self.step}", name=name) from None
