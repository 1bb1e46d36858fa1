"""Writers: a dataset's rows to one file. One module each, named by the file's extension.

A writer is a module with these names (third parties: entry point group `synthspec.writers`):

    SUMMARY: str
    BINARY: bool
    def open_writer(path, columns) -> Writer    # `csv` also takes what `output.csv` holds, by name

A writer may also have `write_columns`, which takes the same rows as whole columns: NumPy arrays (kinds as in
`languages.expressions.evaluation.columns`) or `Coded` ones. It must give the bytes that `write` gives, faster.

Rows come in plan order, in batches; memory must not grow with the number of rows where the file format
allows. The engine gives a temporary path and renames it once the writer is closed: files appear whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_built_in
from synthspec.plugins.guarding import guarded

if TYPE_CHECKING:  # a spec is checked without loading NumPy
    from synthspec.dataset.writers._columnar import ColumnCells


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the output: its name and the type its values have."""

    name: str
    type: Type


class Writer(Protocol):
    """An open file of rows."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None: ...

    def close(self) -> None: ...


def find_opener(name: str) -> Callable[..., Writer]:
    """The `open_writer` of a writer; of what a package's raises only OSError and PluginFault come out.

    Raises:
        LookupError: there is none of this name.
    """
    opener: Callable[..., Writer] = find_plugin("writers", name).open_writer
    if is_built_in("writers", name):
        return opener
    return lambda *given, **named: guarded(
        "writers", name, guarded("writers", name, opener, OSError)(*given, **named), OSError
    )


@runtime_checkable
class ColumnWriter(Writer, Protocol):
    """A writer that takes whole columns too, all of one length."""

    def write_columns(self, columns: Mapping[str, ColumnCells]) -> None: ...
