"""Golden files: plans, request keys and datasets stay what they were, but for changes made on purpose.

`pytest tests/test_golden.py --rewrite-golden` writes them again. Read the diff: a changed plan or dataset changes what
users get from a spec they did not touch, a changed key makes them pay again.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import golden_echo
import pytest
from depth import rest_slow

import synthspec
from synthspec import plugins

GOLDEN = Path(__file__).parent / "golden"
SHIPPED = Path(__file__).parent.parent / "specs"
FAR = (99, 999, 12_345, 1_000_007, 10**9)
PLANS = sorted((GOLDEN / "plans").glob("*.yaml")) + sorted(SHIPPED.glob("*.yaml"))
MOST = [
    at for at, p in enumerate(PLANS) if p.stem not in ("factory_agents", "support_calls", "distributions")
]  # these take seconds
KEYS = sorted((GOLDEN / "keys").glob("*.yaml"))
DATASETS = sorted((GOLDEN / "datasets").glob("*.yaml"))


@pytest.fixture(autouse=True)
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend `echo`, as an installed package would bring it."""
    installed = {"backends": {"echo": "golden_echo"}}
    monkeypatch.setattr(plugins, "_installed", lambda kind: installed.get(kind, {}))
    golden_echo.asked.clear()


def plain(value: Any) -> Any:
    """A value as JSON that keeps its type: dates and the like are marked."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, datetime.date | datetime.time):
        return {type(value).__name__: value.isoformat()}
    assert value is None or type(value) in (bool, int, float, str), type(value)
    return value


def compare(path: Path, found: str, rewrite: bool) -> None:
    if rewrite:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        assert found == file.read(), f"{path.name} differs; see --rewrite-golden"


@pytest.mark.parametrize("path", rest_slow(PLANS, MOST), ids=lambda p: p.stem)
def test_plan(path: Path, rewrite_golden: bool) -> None:
    plan = synthspec.plan(path, trust=True)  # of a model that ships
    rows = {i: plain(plan[i]) for i in (*range(50), *FAR)}
    lines = [f"  {json.dumps(str(i))}: {json.dumps(row, ensure_ascii=False)}" for i, row in rows.items()]
    compare(GOLDEN / "plans" / f"{path.stem}.json", "{\n" + ",\n".join(lines) + "\n}\n", rewrite_golden)


@pytest.mark.parametrize("path", rest_slow(PLANS, MOST[::3]), ids=lambda p: p.stem)
def test_a_row_is_the_same_alone_and_in_a_slice(path: Path) -> None:
    """Of a plan that gave no row before; alone, each is as `test_plan` has it."""
    alone = json.loads((GOLDEN / "plans" / f"{path.stem}.json").read_text(encoding="utf-8"))
    wanted = [json.dumps(alone[str(i)]) for i in range(50)]  # as text, for 1 is not 1.0
    plan = synthspec.plan(path, trust=True)  # of a model that ships
    assert [json.dumps(plain(c)) for c in plan.combinations(0, 50)] == wanted
    assert [json.dumps(plain(c)) for c in plan.combinations(20, 50)] == wanted[20:]


@pytest.mark.parametrize("path", KEYS, ids=lambda p: p.stem)
def test_request_keys(path: Path, tmp_path: Path, rewrite_golden: bool) -> None:
    synthspec.build(path, out=tmp_path)
    lines = [json.dumps([prompt, attempt, key]) for prompt, attempt, key in sorted(golden_echo.asked)]
    compare(path.with_suffix(".json"), "[\n" + ",\n".join(lines) + "\n]\n", rewrite_golden)


@pytest.mark.parametrize("path", DATASETS, ids=lambda p: p.stem)
def test_dataset(path: Path, tmp_path: Path, rewrite_golden: bool) -> None:
    out = tmp_path / "out"
    dataset = synthspec.build(path, out=out)
    expected = GOLDEN / "datasets" / path.stem
    found = {str(p.relative_to(out)): shown(p) for p in sorted(out.rglob("*")) if is_data(p)}
    found["funnel.json"] = json.dumps(dataset.manifest["funnel"], indent=1) + "\n"
    if rewrite_golden:
        for old in sorted(expected.rglob("*"), reverse=True):
            old.unlink() if old.is_file() else old.rmdir()
    else:
        assert set(found) == {str(p.relative_to(expected)) for p in expected.rglob("*") if p.is_file()}
    for name, text in found.items():
        compare(expected / name, text, rewrite_golden)


def is_data(path: Path) -> bool:
    return path.suffix in (".csv", ".jsonl", ".json", ".parquet") and path.name != "manifest.json"


def shown(path: Path) -> str:
    """A file's text; a Parquet file as its schema and rows, for its bytes hang on the library's version."""
    if path.suffix != ".parquet":
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    rows = [json.dumps(plain(row), ensure_ascii=False) for row in table.to_pylist()]
    return "\n".join([*(f"{f.name}: {f.type}" for f in table.schema), *rows]) + "\n"
