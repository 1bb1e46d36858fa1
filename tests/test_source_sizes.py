"""Parquet files that are small on disk and huge in memory are refused before they are read."""

from __future__ import annotations

import resource
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from synthspec.sources import parquet, read_table


def test_many_rows_in_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    table = pyarrow.table({"n": pyarrow.nulls(20_000_000, pyarrow.int64())})
    pyarrow.parquet.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read_table(path)
    assert len(found) == 20_000_000 and not found.in_memory and found.row(19_999_999) == {"n": None}
    assert "20,000,000 rows of 1 column" in found.too_large_for()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_lists_count_by_their_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "WHOLE_VALUES", 1_000)
    path = tmp_path / "lists.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"l": [[1] * 2_000]}), path)
    assert not read_table(path).in_memory
    monkeypatch.setattr(parquet, "WHOLE_VALUES", 2_000)
    assert read_table(path).in_memory


@pytest.mark.slow
def test_one_text_in_many_rows_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "same.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"t": ["x" * 100_000] * 5_000 + [None, "y"], "n": range(5_002)}), path)
    assert path.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read_table(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
    assert len({id(t) for t in found.columns["t"][:5_000]}) == 1
    assert found.columns["t"][-2:] == [None, "y"] and found.columns["n"][:2] == [0, 1]
