"""Sources kept open between one check of a spec and the next, for as long as the files they read stay as they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from synthspec.sources.source_kind import Opened, OpenedBefore, Place, SourceKind
from synthspec.sources.table import TableFault

MOST = 24  # sources

_Marks = tuple[tuple[str, int, int], ...]


class KeptSources(OpenedBefore):
    """The sources used last. A file counts as unchanged while its path, size and time of change are the same."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._kept: OrderedDict[str, tuple[_Marks, Opened]] = OrderedDict()
        self._lock = Lock()

    def find(self, kind: SourceKind, options: Mapping[str, Any], place: Place) -> Opened | None:
        """What was opened, where no file that it reads has changed since."""
        key = _key(kind, options, place)
        with self._lock:
            marks, opened = self._kept.get(key, ((), None))
        if opened is None or place.access.refresh or _marks(kind, options, place) != marks:
            return None
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
        return opened

    def keep(self, kind: SourceKind, options: Mapping[str, Any], place: Place, opened: Opened) -> None:
        """Remember what was opened, in the place of what was used longest ago."""
        marks = _marks(kind, options, place)
        if marks is None:
            return
        with self._lock:
            self._kept[_key(kind, options, place)] = (marks, opened)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)

    @property
    def files(self) -> frozenset[Path]:
        """Every file that one of them reads."""
        with self._lock:
            return frozenset(Path(path) for marks, _ in self._kept.values() for path, _, _ in marks)


def _key(kind: SourceKind, options: Mapping[str, Any], place: Place) -> str:
    given = sorted((str(k), repr(v)) for k, v in options.items())
    return repr((kind.key, given, str(place.folder), str(place.home), place.seed, place.access.trust))


def _marks(kind: SourceKind, options: Mapping[str, Any], place: Place) -> _Marks | None:
    """The state of the files that a source reads; None where that is not known."""
    if kind.reads is None:
        return None
    try:
        paths = kind.reads(options, place)
        stats = [(str(path), path.stat()) for path in paths] if paths is not None else None
    except (OSError, TableFault):
        return None
    return None if stats is None else tuple((path, s.st_size, s.st_mtime_ns) for path, s in stats)
