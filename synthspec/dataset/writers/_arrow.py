"""NumPy columns to Arrow arrays without a Python object for each value.

Buffers are handed over as they are: `pyarrow.array` would import pandas first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthspec.dataset.cells import safe_text
from synthspec.dataset.writers._columnar import Coded, ColumnCells
from synthspec.languages.expressions.types import Type

if TYPE_CHECKING:
    import pyarrow

_PLACES = ((1 << 7, np.int8), (1 << 15, np.int16), (1 << 31, np.int32))


def direct_array(column: ColumnCells, of: Type) -> pyarrow.Array | None:
    """The column as an Arrow array; None where its values have to be looked at one by one.

    A coded column of text becomes a dictionary array, other kinds what `parquet.arrow_type` says.
    """
    if isinstance(column, Coded):
        return _dictionary(column) if of.kind == "text" else None
    match of.kind, column.dtype.kind:
        case "integer", "i":
            return _fixed("int64", column.astype(np.int64, copy=False), None)
        case "number", "f":
            return _fixed("float64", column.astype(np.float64, copy=False), np.isnan(column))
        case "boolean", "b":
            return _bits(column)
        case "date", "M":
            days = column.astype("datetime64[D]").astype(np.int64).astype(np.int32)
            return _fixed("date32", days, np.isnat(column))
        case "datetime", "M":
            moments = column.astype("datetime64[us]").astype(np.int64)
            return _fixed("timestamp", moments, np.isnat(column))
        case _:
            return None


def dictionary_type(column: Coded) -> pyarrow.DataType:
    """The type of a coded column of text."""
    import pyarrow

    return pyarrow.dictionary(pyarrow.from_numpy_dtype(_places(column)), pyarrow.string())


def _places(column: Coded) -> type[np.signedinteger[Any]]:
    return next(kind for most, kind in _PLACES if len(column.values) <= most)


def _dictionary(column: Coded) -> pyarrow.Array:
    import pyarrow

    kind = _places(column)
    buffer = pyarrow.py_buffer(np.ascontiguousarray(column.places, dtype=kind))
    index = pyarrow.Array.from_buffers(pyarrow.from_numpy_dtype(kind), len(column.places), [None, buffer])
    texts = [safe_text(v).encode() for v in column.values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    parts = [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(texts))]
    return pyarrow.DictionaryArray.from_arrays(index, pyarrow.Array.from_buffers(pyarrow.string(), len(texts), parts))


def _fixed(name: str, values: NDArray[Any], null: NDArray[np.bool_] | None) -> pyarrow.Array:
    import pyarrow

    kind = pyarrow.timestamp("us") if name == "timestamp" else getattr(pyarrow, name)()
    valid = None if null is None or not null.any() else pyarrow.py_buffer(np.packbits(~null, bitorder="little"))
    buffer = pyarrow.py_buffer(np.ascontiguousarray(values))
    return pyarrow.Array.from_buffers(kind, len(values), [valid, buffer])


def _bits(values: NDArray[np.bool_]) -> pyarrow.Array:
    import pyarrow

    buffer = pyarrow.py_buffer(np.packbits(values, bitorder="little"))
    return pyarrow.Array.from_buffers(pyarrow.bool_(), len(values), [None, buffer])
