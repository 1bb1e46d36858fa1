"""What a kind of source is, where a source is written, and what opening one gives (`kinds/` has one module a kind)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from synthspec.diagnostics import Related
from synthspec.lazy_dataclass import dataclass
from synthspec.sources.table import Note, Table, TableFault

SHARED: Mapping[str, Mapping[str, Any]] = {  # keys of every source, which no kind needs to heed
    "columns": {"$ref": "#/$defs/renames"},
    "description": {"type": "string", "description": "What the data is, and where it comes from."},
}


class SourceFault(TableFault):
    """A source cannot be opened: a whole sentence, what to do, the diagnostic, and the key of the map at fault.

    `at` are the characters of that key's text which are wrong, from the first to the one after the last; None: all.
    `related` are other places that a reader should see.
    """

    def __init__(
        self,
        message: str,
        help: str,
        code: str = "E511",
        key: str = "",
        related: tuple[Related, ...] = (),
        at: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message, help)
        self.code, self.key, self.related, self.at = code, key, related, at


class UnreadSource(SourceFault):
    """A source reads another one of the spec, of which it is already said why it cannot be opened."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the source '{name}' cannot be opened", "correct it")


class OpenedBefore:
    """Sources that were opened before, for who compiles a spec again and again. Here: none, and none is kept."""

    def find(self, kind: SourceKind, options: Mapping[str, Any], place: Place) -> Opened | None:
        """What was opened, where no file that it reads has changed since."""
        return None

    def keep(self, kind: SourceKind, options: Mapping[str, Any], place: Place, opened: Opened) -> None:
        """Remember what was opened."""

    @property
    def files(self) -> frozenset[Path]:
        """Every file that one of them reads."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Access:
    """What the person who runs this allows sources, which nothing in a spec can."""

    trust: bool = False  # code that they name may run, and is remembered as it is now
    refresh: bool = False  # what may have changed elsewhere is asked for again
    before: OpenedBefore = field(default=OpenedBefore(), compare=False)


NO_ACCESS = Access()


class Others:
    """The sources of a spec, for one that reads others. Here: none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every source that the spec declares, also the one that asks."""
        return ()

    def open(self, name: str) -> Opened:
        """Another source, its columns named as the spec names them.

        Raises:
            SourceFault: it reads the one that asks, or cannot be opened (UnreadSource).
        """
        raise UnreadSource(name)


NO_OTHERS = Others()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is written."""

    folder: Path  # of the file that it is written in: paths are relative to it
    home: Path  # the folder that files must lie below
    seed: int = 0  # of the spec
    access: Access = NO_ACCESS
    others: Others = NO_OTHERS


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that can be drawn from.

    `digest` is asked for when a dataset is built, and tells the contents: two builds with the same may share rows, so
    it must change when a row does. Without it every value is read.
    """

    table: Table
    digest: Callable[[], str] | None = None
    notes: tuple[Note, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)  # what the manifest says of it, beside its digest


@dataclass(frozen=True, slots=True)
class SourceKind:
    """What a kind of source is: its keys, as JSON Schemas, and how it is opened."""

    key: str  # whose presence chooses the kind
    describes: str  # one line
    schema: Mapping[str, Any]  # of the key's value
    open: Callable[[Mapping[str, Any], Place], Opened]  # may raise SourceFault; any other TableFault is E511 at the key
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # its other keys, with their JSON Schemas
    required: Sequence[str] = ()  # of these
    extra: tuple[str, str] | None = (
        None  # the extra of synthspec and the module that must be there: ("excel", "openpyxl")
    )
    reads: Callable[[Mapping[str, Any], Place], Sequence[Path] | None] | None = (
        None  # the files that its rows hang on, so that it need not be opened again while none changes; None: not known
    )
    without_rows: str = "add data rows"  # what to do where it holds none

    def map_schema(self) -> dict[str, Any]:
        """The JSON Schema of the source's map."""
        return {
            "type": "object",
            "required": [self.key, *self.required],
            "additionalProperties": False,
            "properties": {self.key: dict(self.schema), **{k: dict(v) for k, v in self.options.items()}, **SHARED},
        }
