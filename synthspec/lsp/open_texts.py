"""The texts that the editor has open, as it has them, and their analyses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from pygls.uris import to_fs_path

from synthspec.language_service import Analysis, analyse, lasting_access
from synthspec.lazy_dataclass import dataclass
from synthspec.lsp.places import from_wire, split_lines

_SPEC = re.compile(r"^(?:synthspec|['\"]synthspec['\"])\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OpenText:
    """One open file, as it was when a message came."""

    uri: str
    path: Path
    text: str
    version: int
    language: str = "yaml"
    lines: list[str] = field(default_factory=list)

    @property
    def is_spec(self) -> bool:
        """Whether it is a spec: it says so by the key `synthspec`, or the editor does. Other YAML is none of ours."""
        return self.language == "synthspec" or _SPEC.search(self.text) is not None


class OpenTexts:
    """Every open file. The texts belong to the thread of the messages; analyses are made in any, one at a time."""

    def __init__(self, trust: bool = False) -> None:
        self.access = lasting_access(trust)
        self.generation = 0  # of the texts: any change is a new one
        self._open: dict[str, OpenText] = {}
        self._made: dict[str, tuple[int, Analysis]] = {}
        self._lock = Lock()

    def open(self, uri: str, text: str, version: int, language: str) -> OpenText:
        """A file was opened."""
        return self._put(OpenText(uri, path_of(uri), text, version, language, split_lines(text)))

    def change(self, uri: str, version: int, changes: Sequence[Any], encoding: str) -> OpenText | None:
        """A file was changed, in pieces or as a whole; None where it was never opened."""
        buffer = self._open.get(uri)
        if buffer is None:
            return None
        text = buffer.text
        for change in changes:
            text = changed(text, change, encoding)
        return self._put(replace(buffer, text=text, version=version, lines=split_lines(text)))

    def close(self, uri: str) -> None:
        """A file was closed: what counts is what is saved."""
        self.generation += 1
        self._open.pop(uri, None)
        self._made.pop(uri, None)

    def touch(self) -> None:
        """Files on disk have changed."""
        self.generation += 1

    def find(self, uri: str) -> OpenText | None:
        """An open file as it is now."""
        return self._open.get(uri)

    def all(self) -> list[OpenText]:
        """Every open file as it is now."""
        return list(self._open.values())

    def texts(self) -> dict[Path, str]:
        """Every open text, by resolved path."""
        return {buffer.path.resolve(): buffer.text for buffer in self.all()}

    def is_current(self, buffer: OpenText) -> bool:
        """Whether a file is still as it was."""
        return self._open.get(buffer.uri) is buffer

    def analysed(self, buffer: OpenText) -> Analysis:
        """The analysis of a file as it was. One at a time, so that a stale one can be left out before it is begun."""
        with self._lock:
            generation = self.generation
            made = self._made.get(buffer.uri)
            if made is not None and made[0] == generation and made[1].text == buffer.text:
                return made[1]
            analysis = analyse(buffer.path, buffer.text, access=self.access, texts=self.texts())
            if self.is_current(buffer):
                self._made[buffer.uri] = (generation, analysis)
            return analysis

    def hanging_on(self, path: Path) -> list[OpenText]:
        """The open files that extend a file, as far as they were analysed."""
        target = path.resolve()
        found: list[OpenText] = []
        for uri, (_, analysis) in list(self._made.items()):
            buffer = self._open.get(uri)
            if buffer is not None and any(target == file.resolve() for file in analysis.compiled.files[1:]):
                found.append(buffer)
        return found

    def _put(self, buffer: OpenText) -> OpenText:
        self.generation += 1
        self._open[buffer.uri] = buffer
        return buffer


def changed(text: str, change: Any, encoding: str) -> str:
    """A text after one change of the protocol: of a range, or of all of it."""
    place = getattr(change, "range", None)
    if place is None:
        return str(change.text)
    lines = split_lines(text)
    starts = [0]
    for match in re.finditer(r"\r\n|\n|\r", text):
        starts.append(match.end())
    begin = from_wire(lines, place.start, encoding)
    end = from_wire(lines, place.end, encoding)
    first = starts[begin.line - 1] + begin.column - 1
    last = max(first, starts[end.line - 1] + end.column - 1)
    return f"{text[:first]}{change.text}{text[last:]}"


def path_of(uri: str) -> Path:
    """The path of a file; of one without a place, a name in the working directory."""
    try:
        found = to_fs_path(uri)
    except ValueError:
        found = None
    if found and "\0" not in found:
        return Path(found)
    return Path.cwd() / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', uri)[:80].strip('-.') or 'untitled'}.yaml"
