"""A strict reader of the text format of Prometheus, 0.0.4: what a scraper would refuse, or take for something else, is
an error here. `read(text)` gives each family with its samples.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
NUMBER = re.compile(r"(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]Inf)\Z")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
Labels = frozenset[tuple[str, str]]


@dataclass
class Read:
    kind: str
    help: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, **labels: str) -> float:
        """The one sample with these labels."""
        wanted = set(labels.items())
        found = [v for (_, of), v in self.samples.items() if wanted <= of]
        assert len(found) == 1, (labels, found)
        return found[0]

    def total(self, **labels: str) -> float:
        return sum(v for (_, of), v in self.samples.items() if set(labels.items()) <= of)


def read(text: str) -> dict[str, Read]:
    assert text.endswith("\n") and "\r" not in text
    families: dict[str, Read] = {}
    name = ""
    lines = text[:-1].split("\n")
    for number, line in enumerate(lines):
        if line.startswith("# HELP "):
            name, _, help = line[7:].partition(" ")
            assert NAME.match(name) and name not in families, f"{name} comes twice, or is no name"
            assert re.fullmatch(r"(?:[^\\]|\\[\\n])+", help), line
            families[name] = Read("", help)
            assert lines[number + 1].startswith(f"# TYPE {name} "), "the type follows the help"
        elif line.startswith("# TYPE "):
            assert families[name].kind == "" and not families[name].samples
            families[name].kind = line.split(" ")[3]
            assert families[name].kind in ("counter", "gauge", "histogram")
        else:
            _sample(line, name, families[name])
    for name, family in families.items():
        _check(name, family)
    return families


def _sample(line: str, name: str, family: Read) -> None:
    found = re.match(r"([a-zA-Z0-9_:]+)(?:\{(.*)\})? ([^ ]+)\Z", line)
    assert found is not None, line
    sample, inside, number = found.groups()
    endings = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    assert sample in [name + e for e in endings], f"{sample} is no sample of {name}"
    labels: dict[str, str] = {}
    place = 0
    while inside and place < len(inside):
        label = LABEL.match(inside, place)
        assert label is not None, line
        assert label[1] not in labels, f"{label[1]} twice: {line}"
        labels[label[1]] = re.sub(r'\\[\\"n]', lambda m: ESCAPES[m[0]], label[2])
        place = label.end()
    assert NUMBER.match(number), line
    key = sample, frozenset(labels.items())
    assert key not in family.samples, f"twice: {line}"
    family.samples[key] = float(number)


def _check(name: str, family: Read) -> None:
    assert family.kind and family.samples, f"{name} has no type, or no samples"
    if family.kind == "counter":
        assert name.endswith("_total") and all(v >= 0 for v in family.samples.values())
    if family.kind != "histogram":
        return
    series = {frozenset(p for p in labels if p[0] != "le") for _, labels in family.samples}
    for labels in series:
        of = {(s, dict(at).get("le")): v for (s, at), v in family.samples.items() if labels <= at}
        bounds = sorted(float(le) for s, le in of if s.endswith("_bucket") and le is not None)
        counts = [next(v for (s, le), v in of.items() if le is not None and float(le) == b) for b in bounds]
        assert bounds[-1] == math.inf and counts == sorted(counts)
        assert of[f"{name}_count", None] == counts[-1] and of[f"{name}_sum", None] >= 0
