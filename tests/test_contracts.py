"""The suites that a plug-in's author runs, over all that is built in of each kind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any, TypeVar

import document_files
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest
from depth import one_in, rest_slow

from synthspec.cli import COMMANDS
from synthspec.evaluation import metrics
from synthspec.languages.expressions import FUNCTIONS
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS
from synthspec.languages.expressions.random.quantiles import FAMILIES as QUANTILES
from synthspec.plugins import HOMES, find_plugin, is_built_in, plugin_names, text_has
from synthspec.spec import Field
from synthspec.spec.conversation import messages_type
from synthspec.testing.command_contract import CommandContract
from synthspec.testing.distribution_contract import DistributionContract
from synthspec.testing.document_kind_contract import DocumentKindContract
from synthspec.testing.format_contract import FIELDS, FormatContract
from synthspec.testing.format_contract import ROWS as FORMAT_ROWS
from synthspec.testing.function_contract import Example, FunctionContract
from synthspec.testing.metric_contract import MetricContract
from synthspec.testing.source_contract import SourceContract
from synthspec.testing.source_kind_contract import SourceKindContract
from synthspec.testing.strategy_contract import StrategyContract
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


def as_workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in [list(ROWS[0]), *(list(r.values()) for r in ROWS)]:
        book.active.append(line)
    book.save(file)
    return file.getvalue()


SOURCES: dict[str, tuple[bytes, bytes]] = {
    "csv": (b'n,text\n1,one\n2,"two, three"\n', b'n,text\n1,"one\n'),
    "tsv": (b"n\ttext\n1\tone\n2\ttwo, three\n", b'n\ttext\n1\t"one\n'),
    "json": (json.dumps(ROWS).encode(), b"{"),
    "jsonl": ("\n".join(map(json.dumps, ROWS)).encode(), b"[1]"),
    "parquet": (as_parquet(), b"PAR1"),
    "xlsx": (as_workbook(), b"PK\x03\x04"),
}


@pytest.mark.parametrize("test", cases_of(SourceContract))
@pytest.mark.parametrize("suffix", plugin_names("sources"))
def test_sources(suffix: str, test: str) -> None:
    contract = SourceContract()
    contract.module = find_plugin("sources", suffix)
    right, wrong = example(SOURCES, suffix, "SOURCES")
    contract.examples, contract.wrong = [(right, ROWS)], [wrong]
    getattr(contract, test)()


FILE_ROWS = {"data/a.csv": b"n,text\n1,one\n2,\n", "data/b.csv": b"n,text\n1,one\n2,two\n"}
MANUALS = {
    "manuals/a/kettle.md": b"# Kettle\n\nFill it. Close the lid.\n\n## Care\n\nWipe it.\n",
    "manuals/lamp.txt": b"Screw the bulb in.\n",
    "manuals/none.txt": b"\n",
    "broken.epub": b"no book",
}
KETTLE = {"path": "manuals/a/kettle.md", "page": None}
LAMP = {"text": "Screw the bulb in.", "path": "manuals/lamp.txt", "title": "lamp", "page": None, "part": 1}
PARTS = [
    {**KETTLE, "text": "# Kettle\n\nFill it. Close the lid.", "title": "Kettle", "part": 1},
    {**KETTLE, "text": "## Care\n\nWipe it.", "title": "Kettle > Care", "part": 2},
]
MODEL = b"""
import mesa

class Crowd(mesa.Model):
    def __init__(self, size, seed=None):
        super().__init__(seed=seed)
        mesa.Agent.create_agents(self, size)
        self.datacollector = mesa.DataCollector({"size": lambda m: len(m.agents)}, {"age": lambda a: a.model.steps + 20})

    def step(self):
        self.datacollector.collect(self)
"""
AGENTS = {"agents": "crowd.py:Crowd", "steps": 2, "parameters": {"size": 1}}
KINDS: dict[str, dict[str, Any]] = {
    "agents": {
        "trust": True,
        "examples": [
            ({"crowd.py": MODEL}, AGENTS, [{"step": n, "agent": 1, "type": "Agent", "age": n + 20} for n in (1, 2)]),
            ({"crowd.py": MODEL}, {**AGENTS, "collect": "model"}, [{"step": n, "size": 1} for n in (1, 2)]),
        ],
        "wrong": [
            ({}, AGENTS),
            ({"crowd.py": b"raise ValueError"}, AGENTS),
            ({"crowd.py": MODEL}, {**AGENTS, "agents": "crowd.py:Crew"}),
        ],
    },
    "files": {
        "examples": [
            (MANUALS, {"files": "manuals/**/*", "chunk": {"words": 50}}, [*PARTS, LAMP]),
            (MANUALS, {"files": ["manuals/lamp.txt", "**/lamp.txt"]}, [LAMP]),
            (
                MANUALS,
                {"files": "**/*.md"},
                [{**KETTLE, "text": "\n\n".join(p["text"] for p in PARTS), "title": "Kettle", "part": 1}],
            ),
        ],
        "wrong": [
            (MANUALS, {"files": "broken.epub"}),
            (MANUALS, {"files": "manuals/none.txt"}),
            (MANUALS, {"files": "manuals"}),
            (MANUALS, {"files": "*.pdf"}),
            (MANUALS, {"files": "../*.md"}),
            (MANUALS, {"files": "/etc/*.txt"}),
            (MANUALS, {"files": "**/*.md", "chunk": {}}),
            (MANUALS, {"files": "**/*.md", "chunk": {"words": 5, "characters": 5}}),
            (MANUALS, {"files": "**/*.md", "chunk": {"words": 5, "overlap": 5}}),
            (MANUALS, {"files": "**/*.md", "encoding": "runes"}),
        ],
    },
    "rows": {"examples": [({}, {"rows": ROWS}, ROWS)]},
    "query": {
        "examples": [
            ({"a.csv": b'n,text\n1,one\n2,"two, three"\n'}, {"query": "from 'a.csv' order by n"}, ROWS),
            ({}, {"query": "select n from range(3) t(n) where n > 0"}, [{"n": 1}, {"n": 2}]),
        ],
        "wrong": [
            ({}, {"query": "selct 1"}),
            ({}, {"query": "from 'none.csv'"}),
            ({}, {"query": "from '../a.csv'"}),
            ({}, {"query": "select random()"}),
            ({}, {"query": "select missing"}),
        ],
    },
    "file": {
        "examples": [
            (FILE_ROWS, {"file": "data/a.csv"}, [{"n": 1, "text": "one"}, {"n": 2, "text": ""}]),
            (FILE_ROWS, {"file": "data/b.csv"}, [{"n": 1, "text": "one"}, {"n": 2, "text": "two"}]),
            (
                FILE_ROWS,
                {"file": "data/*.csv"},
                [{"n": 1, "text": "one"}, {"n": 2, "text": ""}, {"n": 1, "text": "one"}, {"n": 2, "text": "two"}],
            ),
        ],
        "wrong": [
            (FILE_ROWS, {"file": "data/c*.csv"}),
            (FILE_ROWS, {"file": "data/c.csv"}),
            (FILE_ROWS, {"file": "../a.csv"}),
        ],
    },
}


OPENED = [k for k in plugin_names("source_kinds") if k != "hub"]  # tests/test_hub_source.py


@pytest.mark.parametrize("test", cases_of(SourceKindContract))
@pytest.mark.parametrize("key", rest_slow(OPENED, [at for at, k in enumerate(OPENED) if k not in ("agents", "query")]))
def test_source_kinds(key: str, test: str) -> None:
    contract = SourceKindContract()
    contract.module = find_plugin("source_kinds", key)
    for name, value in example(KINDS, key, "KINDS").items():
        setattr(contract, name, value)
    getattr(contract, test)()


KETTLE_TEXTS = ["# Kettle", "Fill it.", "## Care", "- Wipe it\n- Dry it"]
KETTLE_HTML = (
    b"<title>Kettle</title><h1>Kettle</h1><p>Fill it.</p><h2>Care</h2><ul><li>Wipe it</li><li>Dry it</li></ul>"
)
DOCUMENTS: dict[str, tuple[bytes, str, list[str]]] = {  # title, texts of the blocks
    "md": (b"# Kettle\n\nFill it.\n\n## Care\n\n- Wipe it\n- Dry it\n", "", KETTLE_TEXTS),
    "html": (KETTLE_HTML, "Kettle", KETTLE_TEXTS),
    "txt": (b"Kettle\n======\n\nFill it.\n\nCare\n----\n\n- Wipe it\n- Dry it\n", "", KETTLE_TEXTS),
    "pdf": (
        document_files.pdf([[(50, 700, 24, "Kettle"), (50, 650, 10, "Fill it.")], [(50, 700, 10, "Dry it.")]], "K"),
        "K",
        ["# Kettle", "Fill it.", "Dry it."],
    ),
    "docx": (
        document_files.docx(document_files.paragraph("Kettle", "Heading1") + document_files.paragraph("Fill it.")),
        "",
        ["# Kettle", "Fill it."],
    ),
    "pptx": (
        document_files.pptx([("Kettle", ["Fill it."]), ("Care", ["Wipe it", "Dry it"])]),
        "",
        ["## Kettle", *KETTLE_TEXTS[1:]],
    ),
    "epub": (
        document_files.epub("Kettle", ["<h1>Kettle</h1><p>Fill it.</p>", "<h2>Care</h2><p>Wipe it.</p>"]),
        "Kettle",
        ["# Kettle", "Fill it.", "## Care", "Wipe it."],
    ),
}


@pytest.mark.parametrize("test", cases_of(DocumentKindContract))
@pytest.mark.parametrize(
    "suffix",
    one_in(2, sorted({find_plugin("document_kinds", n).SUFFIXES[0][1:] for n in plugin_names("document_kinds")})),
)
def test_document_kinds(suffix: str, test: str) -> None:
    contract = DocumentKindContract()
    contract.module = find_plugin("document_kinds", suffix)
    contract.examples = [example(DOCUMENTS, contract.module.SUFFIXES[0][1:], "DOCUMENTS")]
    contract.wrong = [b"\x00\x01"]
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
@pytest.mark.parametrize("name", one_in(2, COMMANDS))
def test_commands(name: str, test: str) -> None:
    contract = CommandContract()
    contract.module = find_plugin("commands", name)
    getattr(contract, test)()


FORMATS: dict[str, dict[str, Any]] = {
    "text": {"fields": FIELDS[:1], "rows": [{"title": r["title"]} for r in FORMAT_ROWS[:1]]},
    "pairs": {"fields": (FIELDS[0], replace(FIELDS[0], name="answer")),
              "rows": [{"title": f"What is {w}?", "answer": f"It is {w}."} for w in ("tea", "milk", "sugar")]},
    "turns": {"fields": (Field("talk", messages_type(), {"type": "messages"}, FIELDS[0].span),),
              "options": {"turns": {"Asker": "user", "Keeper": "assistant"}},
              "rows": [{"talk": [{"role": "user", "content": "Is there tea?"}, {"role": "assistant", "content": "Yes."}]}]},
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


STRATEGIES = plugin_names("strategies")


@pytest.mark.parametrize("test", cases_of(StrategyContract))
@pytest.mark.parametrize("name", rest_slow(STRATEGIES, [at for at, n in enumerate(STRATEGIES) if n != "pairwise"]))
def test_strategies(name: str, test: str) -> None:
    contract = StrategyContract()
    contract.module = find_plugin("strategies", name)
    contract.keeps_shares = name in ("random", "balanced")
    getattr(contract, test)()


DAY = date(2024, 2, 29)
CALLS: dict[str, list[Example]] = {
    "round": [((2.5,), 2), ((2.345, 1), 2.3)], "floor": [((-0.5,), -1)], "ceil": [((0.5,), 1)], "abs": [((-3,), 3)],
    "sqrt": [((9,), 3.0)], "exp": [((0,), 1.0)], "log": [((1,), 0.0)], "log10": [((100,), 2.0)],
    "min": [((3, 1, 2), 1), (([4, 2],), 2)], "max": [((3, 1, 2), 3)], "clip": [((12, 0, 10), 10)],
    "sum": [(([1, 2, 3],), 6)], "mean": [(([1, 2],), 1.5)], "len": [((["a", "b"],), 2), (("abc",), 3)],
    "chars": [(("année",), 5)], "words": [(("one two, three",), 3)], "sentences": [(("One. Two!",), 2)],
    "lines": [(("a\nb",), 2)], "lower": [(("ÀB",), "àb")], "upper": [(("ab",), "AB")], "title": [(("ab cd",), "Ab Cd")],
    "capitalize": [(("ab cd",), "Ab cd")], "strip": [((" a ",), "a")], "replace": [(("aba", "a", "c"), "cbc")],
    "contains": [(("abc", "b"), True)], "starts_with": [(("abc", "a"), True)], "ends_with": [(("abc", "a"), False)],
    "join": [((["a", 1], "-"), "a-1")], "split": [(("a-b", "-"), ["a", "b"])], "concat": [(("a", None, 1), "a1")],
    "distinct": [(([1, 2, 1],), [1, 2])], "sorted": [(([2, None, 1],), [1, 2])], "first": [(([4, 5],), 4)],
    "last": [(([4, 5],), 5)], "count": [((["a", "b", "a"], "a"), 2)], "year": [((DAY,), 2024)], "month": [((DAY,), 2)],
    "day": [((DAY,), 29)], "weekday": [((DAY,), 4)], "hour": [((datetime(2024, 2, 29, 13),), 13)],
    "minute": [((time(9, 41),), 41)], "days_between": [((date(2024, 2, 1), DAY), 28)], "date": [(("2024-02-29",), DAY)],
    "datetime": [(("2024-02-29T13:00:00",), datetime(2024, 2, 29, 13))], "time": [(("09:41",), time(9, 41))],
    "fixed": [((2, 2), "2.00")], "text": [((4,), "4")], "number": [(("4.5",), 4.5)], "integer": [(("4",), 4)],
    "missing": [((None,), True)], "coalesce": [((None, 2), 2)], "similarity": [(("a b", "a b"), 1.0)],
    "overlap": [(("a b", "b c"), 0.5)], "quoted": [(("a b c d e", "x a b c d"), 0.5)], "majority": [((["a", "b", "b"],), "b")],
    "argmax": [(([1, None, 3],), 2)], "best": [((["a", "b"], [1, 2]), "b")], "rank": [((["a", "b"], [1, 2]), ["b", "a"])],
    "parses": [(("[1]", "json"), True)], "fits": [(("[1]", {"type": "array"}), True)],
}  # fmt: skip


@pytest.mark.parametrize("test", cases_of(FunctionContract))
@pytest.mark.parametrize("name", sorted(CALLS))
def test_functions(name: str, test: str) -> None:
    contract = FunctionContract()
    contract.function, contract.examples = FUNCTIONS[name], CALLS[name]
    getattr(contract, test)()


def test_every_kind_of_plugin_has_a_contract() -> None:
    for kind in HOMES:
        one = "strategy" if kind == "strategies" else kind.removesuffix("s")
        module = import_module(f"synthspec.testing.{one}_contract")
        assert cases_of(getattr(module, f"{one.title().replace('_', '')}Contract"))


def test_every_command_is_listed() -> None:
    assert set(COMMANDS) == set(plugin_names("commands"))
