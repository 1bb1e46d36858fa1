"""The suites that a plug-in's author runs, over every source, writer, metric, distribution, command and format built in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet
import pytest

from synthspec.cli import COMMANDS
from synthspec.evaluation import metrics
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS
from synthspec.languages.expressions.random.quantiles import FAMILIES as QUANTILES
from synthspec.plugins import find_plugin, is_built_in, plugin_names, text_has
from synthspec.testing.command_contract import CommandContract
from synthspec.testing.distribution_contract import DistributionContract
from synthspec.testing.format_contract import FIELDS, FormatContract
from synthspec.testing.format_contract import ROWS as FORMAT_ROWS
from synthspec.testing.metric_contract import MetricContract
from synthspec.testing.source_contract import SourceContract
from synthspec.testing.writer_contract import WriterContract

T = TypeVar("T")
METRIC_MODULES = [m.name for m in iter_modules(metrics.__path__) if text_has(f"{metrics.__name__}.{m.name}", "METRICS")]
ROWS = [{"n": 1, "text": "one"}, {"n": 2, "text": "two, three"}]


def cases_of(contract: type) -> list[str]:
    return sorted(name for name in dir(contract) if name.startswith("test_"))


def example(examples: Mapping[str, T], name: str, what: str) -> T:
    """The example of a plug-in, which whoever adds one writes here."""
    if name not in examples:
        pytest.fail(f"add an example of '{name}' to {what} in tests/test_contracts.py")
    return examples[name]


def as_parquet() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


SOURCES: dict[str, tuple[bytes, bytes]] = {
    "csv": (b'n,text\n1,one\n2,"two, three"\n', b'n,text\n1,"one\n'),
    "tsv": (b"n\ttext\n1\tone\n2\ttwo, three\n", b'n\ttext\n1\t"one\n'),
    "json": (json.dumps(ROWS).encode(), b"{"),
    "jsonl": ("\n".join(map(json.dumps, ROWS)).encode(), b"[1]"),
    "parquet": (as_parquet(), b"PAR1"),
}


@pytest.mark.parametrize("test", cases_of(SourceContract))
@pytest.mark.parametrize("suffix", plugin_names("sources"))
def test_sources(suffix: str, test: str) -> None:
    contract = SourceContract()
    contract.module = find_plugin("sources", suffix)
    right, wrong = example(SOURCES, suffix, "SOURCES")
    contract.examples, contract.wrong = [(right, ROWS)], [wrong]
    getattr(contract, test)()


class Writers(WriterContract):
    def __init__(self, name: str) -> None:
        self.module, self.name = find_plugin("writers", name), name

    def read_back(self, path: Path) -> list[Mapping[str, Any]] | None:
        if self.name == "parquet":
            return pyarrow.parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
        text = path.read_text(encoding="utf-8")
        if self.name == "csv":
            return [{**r, "n": int(r["n"])} for r in csv.DictReader(io.StringIO(text, newline=""))]
        return json.loads(text) if self.name == "json" else [json.loads(line) for line in text.split("\n") if line]


@pytest.mark.parametrize("test", cases_of(WriterContract))
@pytest.mark.parametrize("name", plugin_names("writers"))
def test_writers(name: str, test: str) -> None:
    getattr(Writers(name), test)()


@pytest.mark.parametrize("test", cases_of(MetricContract))
@pytest.mark.parametrize("module", METRIC_MODULES)
def test_metrics(module: str, test: str) -> None:
    contract = MetricContract()
    contract.module = import_module(f"{metrics.__name__}.{module}")
    getattr(contract, test)()


ARGUMENTS: dict[str, list[tuple[float, ...]]] = {
    "uniform": [(0, 1), (-5, 20)], "normal": [(0, 1), (52, 14)], "lognormal": [(0, 1), (2, 0.3)],
    "exponential": [(5,)], "gamma": [(2, 3)], "beta": [(2, 5)], "triangular": [(0, 2, 9)], "weibull": [(1.5, 10), (0.8, 1)],
    "pareto": [(3, 1)], "loguniform": [(0.1, 100)], "student_t": [(5, 0, 1)], "poisson": [(4,)], "binomial": [(10, 0.3)],
    "negative_binomial": [(3, 0.4)], "geometric": [(0.2,)], "zipf": [(1, 50)], "bernoulli": [(0.3,)], "integer": [(1, 6)],
}  # fmt: skip


def module_of(name: str) -> Any:
    if is_built_in("distributions", name):
        return find_plugin("distributions", name)
    family = QUANTILES[name]
    return SimpleNamespace(DISTRIBUTION=DISTRIBUTIONS[name], quantile=family.quantile, cumulative=family.cumulative,
                           tail=family.tail, tail_quantile=family.tail_quantile)  # fmt: skip


@pytest.mark.parametrize("test", cases_of(DistributionContract))
@pytest.mark.parametrize("name", sorted(QUANTILES))
def test_distributions(name: str, test: str) -> None:
    contract = DistributionContract()
    contract.module, contract.arguments = module_of(name), example(ARGUMENTS, name, "ARGUMENTS")
    getattr(contract, test)()


@pytest.mark.parametrize("test", cases_of(CommandContract))
@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, test: str) -> None:
    contract = CommandContract()
    contract.module = find_plugin("commands", name)
    getattr(contract, test)()


FORMATS: dict[str, dict[str, Any]] = {
    "text": {"fields": FIELDS[:1], "rows": [{"title": r["title"]} for r in FORMAT_ROWS[:1]]},
    "pairs": {"fields": (FIELDS[0], replace(FIELDS[0], name="answer")),
              "rows": [{"title": f"What is {w}?", "answer": f"It is {w}."} for w in ("tea", "milk", "sugar")]},
    "regex": {"options": {"regex": r"(?P<title>[A-Za-z ]+): (?P<rating>\d)"}},
    "grammar": {"options": {"grammar": 'start: (title ": " rating "\\n"?)+\ntitle: /[A-Za-z ]+/\nrating: /[0-9]/'}},
}  # fmt: skip


@pytest.mark.parametrize("test", cases_of(FormatContract))
@pytest.mark.parametrize("name", plugin_names("formats"))
def test_formats(name: str, test: str) -> None:
    contract = FormatContract()
    contract.module = find_plugin("formats", name)
    for attribute, value in FORMATS.get(name, {}).items():
        setattr(contract, attribute, value)
    getattr(contract, test)()


def test_every_command_is_listed() -> None:
    assert set(COMMANDS) == set(plugin_names("commands"))
