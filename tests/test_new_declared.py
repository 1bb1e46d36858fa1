"""`synthspec new --from` a JSON Schema, a Pydantic model, SQL tables: every row keeps what is declared."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.sources import read_table


def run(*arguments: str | Path, status: int = 0) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == status, result.output + result.stderr
    return result.stdout + result.stderr


def rows_of(spec: Path, rows: int = 30) -> list[dict[str, Any]]:
    """The rows of a spec that has no error and no warning."""
    assert compile_spec(spec).diagnostics == ()
    out = spec.parent / f"build-{spec.stem}"
    run("build", spec, "--out", out, "--set", f"rows={rows}", "--set", "output.formats=[jsonl]", "-q")
    table = read_table(out / f"{spec.stem}.jsonl")
    return [table.row(i) for i in range(len(table))]


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Order",
    "type": "object",
    "required": ["id", "status", "units", "price", "placed", "buyer", "lines", "agreed"],
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
        "status": {"enum": ["open", "paid", "sent"], "description": "Where it is."},
        "units": {"type": "integer", "minimum": 1, "exclusiveMaximum": 20},
        "price": {"type": "number", "minimum": 0.5, "maximum": 99.5},
        "step": {"type": "number", "minimum": 0, "maximum": 2, "multipleOf": 0.25},
        "packs": {"type": "integer", "minimum": 10, "maximum": 100, "multipleOf": 10},
        "placed": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time"},
        "agreed": {"type": "boolean"},
        "kind": {"const": "web"},
        "key": {"type": "string", "format": "uuid"},
        "buyer": {"$ref": "#/$defs/person"},
        "lines": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "maxLength": 12}},
        "coupon": {"anyOf": [{"type": "string", "maxLength": 12}, {"type": "null"}]},
        "next order": {"type": ["integer", "null"], "minimum": 5, "maximum": 9},
        "customer_email": {"type": "string"},
        "note": {"type": "string", "maxLength": 80},
        "deep": {"$ref": "#/$defs/person/properties/age"},
    },
    "$defs": {
        "person": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "maxLength": 20},
                "age": {"type": "integer", "minimum": 18, "maximum": 99},
            },
            "required": ["town", "age"],
            "additionalProperties": False,
        }
    },
}


def test_every_row_fits_the_json_schema(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text(json.dumps(SCHEMA))
    run("new", "order", "--from", tmp_path / "order.json", "--out", tmp_path)
    rows = rows_of(tmp_path / "order.yaml")
    assert len(rows) == 30
    checker = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    for row in rows:
        whole = {"next order" if k == "next_order" else k: v for k, v in row.items()}
        assert [e.message for e in checker.iter_errors({k: v for k, v in whole.items() if v is not None})] == []
    assert {r["status"] for r in rows} == {"open", "paid", "sent"}
    assert any(r["next_order"] is None for r in rows)
    assert any(r["next_order"] is not None for r in rows)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$schema": "x", "type": "string"}, "declares no properties"),
        ({"properties": {}}, "declares no properties"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "declares no properties"),
        ({"$ref": "https://elsewhere.test/x.json"}, "declares no properties"),
    ],
)
def test_a_schema_without_columns_is_a_sentence(schema: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(schema))
    assert said in run("new", "a", "--from", tmp_path / "a.json", "--out", tmp_path / "o", status=1)


def test_schemas_of_every_shape_give_sound_specs(tmp_path: Path) -> None:
    shapes: dict[str, Any] = {
        "list": {"$schema": "x", "type": "array", "items": {"properties": {"a": {"type": "integer"}}}},
        "circle": {"properties": {"a": {"$ref": "#"}, "b": {"type": "string"}}},
        "odd": {"properties": {"if": {"type": "integer", "minimum": 5, "maximum": 3}, "b": True, "c": {}, "d": {"type": "null"},
                               "e": {"type": "string", "pattern": "(?=x)("}, "f": {"enum": [None, "x", 2]}, "g": {"enum": [{}]},
                               "h": {"type": "number", "exclusiveMinimum": 0}, "i": {"allOf": [{"type": "integer"}, {"minimum": 3}]},
                               "j": {"type": "string", "format": "regex"}, "k": {"items": [{"type": "string"}]},
                               "l": {"type": "string", "minLength": 2, "maxLength": 3}, "m": {"type": "integer", "maximum": -5}}},
    }  # fmt: skip
    for name, schema in shapes.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(schema))
        run("new", name, "--from", tmp_path / f"{name}.json", "--out", tmp_path / "o")
        assert [d.message for d in compile_spec(tmp_path / "o" / f"{name}.yaml").diagnostics] == [], name


MODEL = '''
from datetime import date
from enum import Enum
from pydantic import BaseModel, Field

class Size(str, Enum):
    small = "small"
    large = "large"

class Part(BaseModel):
    code: str = Field(pattern=r"^[A-Z]{3}[0-9]{2}$")
    weight: float = Field(gt=0, le=5)

class Machine(BaseModel):
    """A machine of the hall."""
    size: Size
    built: date
    hours: int = Field(ge=0, le=9000)
    parts: list[Part] = Field(min_length=1, max_length=2)
    remark: str | None = None
'''


def test_every_row_is_an_object_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydantic")
    (tmp_path / "hall_models.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    said = run("new", "machines", "--from", "hall_models:Machine", "--out", tmp_path)
    assert "runs its code" in said
    assert "A machine of the hall." in (tmp_path / "machines.yaml").read_text()
    model = sys.modules.pop("hall_models").Machine
    for row in rows_of(tmp_path / "machines.yaml", 12):
        model.model_validate(row)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("x = 1", "x", "no Pydantic model"),
        ("class A: pass", "A", "no Pydantic model"),
        ("raise RuntimeError('no disk')", "A", "RuntimeError: no disk"),
        ("import sys; sys.exit(3)", "A", "SystemExit"),
        ("def (", "A", "SyntaxError"),
        ("x = 1", "Missing", "no Pydantic model"),
    ],
)
def test_a_model_that_fails_is_a_sentence(text: str, name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "failing_models.py").write_text(text)
    sys.modules.pop("failing_models", None)
    origin = f"{tmp_path / 'failing_models.py'}:{name}"
    assert said in run("new", "a", "--from", origin, "--out", tmp_path / "o", status=1)
    assert not (tmp_path / "o").exists()


def test_a_module_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert "No module named" in run("new", "a", "--from", "no_such_module_here:A", "--out", tmp_path / "o", status=1)


SQL = """
CREATE TABLE customers (
  id SERIAL PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  email TEXT UNIQUE NOT NULL,
  tier TEXT NOT NULL CHECK (tier IN ('basic', 'plus')),
  joined DATE NOT NULL,
  score NUMERIC(5, 1) NOT NULL CHECK (score >= 0 AND score <= 100)
);
CREATE TABLE orders (
  id BIGINT NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  total DECIMAL(10, 2) NOT NULL CHECK (total BETWEEN 1 AND 500),
  units INT NOT NULL CHECK (units > 0),
  remark TEXT,
  paid BOOLEAN,
  PRIMARY KEY (id),
  CHECK (total > units)
);
"""


def test_sql_tables_give_a_spec_each_with_keys_between_them(tmp_path: Path) -> None:
    pytest.importorskip("sqlglot")
    (tmp_path / "shop.sql").write_text(SQL)
    said = run("new", "shop", "--from", tmp_path / "shop.sql", "--out", tmp_path)
    assert "2 tables" in said
    assert "Not kept: total > units" in (tmp_path / "shop-orders.yaml").read_text()
    customers, orders = (rows_of(tmp_path / f"shop-{t}.yaml", 100) for t in ("customers", "orders"))
    assert [c["id"] for c in customers] == list(range(1, 101))
    assert {c["tier"] for c in customers} == {"basic", "plus"}
    assert all(0 <= c["score"] <= 100 and round(c["score"], 1) == c["score"] for c in customers)
    assert all("@" in c["email"] for c in customers)
    assert {o["customer_id"] for o in orders} <= {c["id"] for c in customers}
    assert all(1 <= o["total"] <= 500 and o["units"] > 0 for o in orders)
    assert all(o[n] is not None for o in orders for n in ("id", "customer_id", "total", "units"))
    assert any(o["paid"] is None for o in orders)


DIALECTS = {
    "mysql": "CREATE TABLE `a` (`id` INT AUTO_INCREMENT PRIMARY KEY, `k` ENUM('x','y') NOT NULL, `y` YEAR) ENGINE=InnoDB;",
    "tsql": "CREATE TABLE [dbo].[a] ([id] INT IDENTITY(1,1) PRIMARY KEY, [k] NVARCHAR(3) NOT NULL, [at] DATETIME2);",
    "sqlite": "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, k, v REAL DEFAULT 1.5);",
    "composite": "CREATE TABLE a (x INT, y INT, PRIMARY KEY (x, y), FOREIGN KEY (x) REFERENCES b (x), UNIQUE (y));",
    "circle": "CREATE TABLE a (id INT PRIMARY KEY, b INT REFERENCES b(id)); CREATE TABLE b (id INT PRIMARY KEY, a INT REFERENCES a(id));",
    "other statements": "DROP TABLE IF EXISTS a; CREATE TABLE a (id UUID PRIMARY KEY, v JSONB, t TIMESTAMPTZ); INSERT INTO a VALUES (1);",
}


@pytest.mark.parametrize("case", DIALECTS)
def test_tables_of_several_dialects_give_sound_specs(case: str, tmp_path: Path) -> None:
    pytest.importorskip("sqlglot")
    (tmp_path / "a.sql").write_text(DIALECTS[case])
    run("new", "t", "--from", tmp_path / "a.sql", "--out", tmp_path / "o")
    specs = sorted((tmp_path / "o").glob("*.yaml"))
    assert specs
    for spec in specs:
        assert [d.message for d in compile_spec(spec).diagnostics] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "creates no table"), ("SELECT 1", "creates no table"), ("CREATE TABLE (", "cannot be read as SQL"),
     ("CREATE TABLE a AS SELECT 1", "creates no table"), ("(" * 5000, "SQL")],
)  # fmt: skip
def test_sql_without_tables_is_a_sentence(text: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("sqlglot")
    (tmp_path / "a.sql").write_text(text)
    assert said in run("new", "a", "--from", tmp_path / "a.sql", "--out", tmp_path / "o", status=1)
