"""Features of rows, in pairs and triples: the same bytes at any concurrency, and no call when nothing changed."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import digest

import synthspec
from synthspec.spec.messages import BackendFault, FaultKind, Request

BACKEND = '\nbackend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}\n'
DRAWN = (
    "rows: 17\nparameters: {t: [bill, meter], n: 'integer(1, 100000)', size: [1, 2], "
    "tags: {pattern: '[a-e]{2}', rows: size}}\n"
)
DOCS = "sources: {docs: {rows: [{p: a, w: owl river}, {p: a, w: velvet owl}, {p: b, w: lantern}, {p: c, w: four}]}}\n"
LIST = "list: {type: array, items: {type: string}}"
PAIRS = {
    "each-samples-map": f"""{DRAWN}prompts:
  list: {{user: "L {{{{ t }}}}", writes: [list]}}
  says: {{each: i in list, samples: 3, user: "S {{{{ i }}}}", writes: [says]}}
  score: {{map: a in says, user: "rate {{{{ a }}}}", writes: [score], format: json}}
fields: {{{LIST}, says: {{type: array}}, score: {{type: array, items: {{type: integer}}}}, top: {{value: "best(says, score)"}}}}
""",
    "rows-each-tables-split": f"""{DRAWN}prompts:
  rows1: {{user: "R {{{{ t }}}}", writes: [rows1], rows: 2, format: csv}}
  list: {{user: "L {{{{ rows1 }}}}", writes: [list]}}
  say: {{each: i in list, user: "S {{{{ i }}}}", writes: [say]}}
fields: {{t: {{value: t}}, rows1: {{type: string}}, {LIST}, say: {{type: string}}, n: {{value: "len(list)"}}}}
output: {{tables: {{a: {{columns: [t]}}, b: {{columns: [rows1, n]}}, c: {{columns: [say]}}}}, split: {{train: 0.5, test: 0.5}}}}
""",
    "drop-novelty-split": f"""{DRAWN}prompts:
  rows1: {{user: "R {{{{ t }}}}", writes: [rows1], rows: 3, format: csv}}
  rate: {{user: "rate {{{{ rows1 }}}}", writes: [rate], format: json}}
fields: {{rows1: {{type: string}}, rate: {{type: integer}}}}
checks: [{{that: rate >= 3, severity: drop}}]
novelty: {{unique: [rows1]}}
output: {{split: {{train: 0.7, test: 0.3}}}}
""",
    "map-choose": f"""{DRAWN}prompts:
  list: {{user: "L {{{{ t }}}}", writes: [list]}}
  says:
    map: i in list
    user: "S {{{{ i }}}}"
    writes: [says]
    backend: {{choose: "if contains(i, 'owl') then 'a' else 'b'", of: {{a: {{model: x}}, b: {{model: y}}}}}}
fields: {{{LIST}, says: {{type: array}}}}
""",
    "repeat-collect-each-split": f"""{DRAWN}prompts:
  task: {{repeat: 3, from: {{task: t}}, user: "H {{{{ task }}}} {{{{ round }}}}", writes: [task], collect: trail}}
  say: {{each: x in task, user: "S {{{{ x }}}}", writes: [say]}}
fields: {{task: {{type: array, items: {{type: string}}}}, x: {{value: x}}, say: {{type: string}}}}
output: {{split: {{train: 0.5, test: 0.5}}}}
""",
    "nearest-where": f"""{DOCS}{DRAWN}prompts:
  q: {{user: "Q {{{{ t }}}}", writes: [q]}}
  say:
    user: "A {{{{ q }}}} {{% for e in ctx %}}{{{{ e.w }}}}{{% endfor %}}"
    examples: {{from: docs, nearest: q, rows: 1, as: ctx, where: row.p == 'a'}}
    writes: [say]
fields: {{q: {{type: string}}, say: {{type: string}}, ctx: {{type: array}}}}
""",
    "group-rows-each": f"""{DOCS}rows: {{each: docs, times: 2}}
parameters: {{doc: {{from: docs}}}}
prompts:
  list: {{user: "L {{{{ doc.w }}}}", writes: [list]}}
  say: {{each: i in list, user: "S {{{{ i }}}}", writes: [say]}}
fields: {{p: {{value: doc.p}}, {LIST}, say: {{type: string}}}}
output: {{group: doc.p, split: {{train: 0.5, test: 0.5}}}}
""",
    "replace-each-samples": f"""{DRAWN}on_missing: replace
prompts:
  list: {{user: "L {{{{ t }}}} {{{{ n }}}}", writes: [list]}}
  says: {{each: i in list, samples: 2, user: "S {{{{ i }}}}", writes: [says]}}
fields: {{{LIST}, says: {{type: array, items: {{type: string}}, rejects: [velvet]}}}}
limits: {{attempts: 2, combinations: 60}}
""",
    "replace-drop-tables": f"""{DRAWN}on_missing: replace
prompts:
  list: {{user: "L {{{{ t }}}} {{{{ n }}}}", writes: [list]}}
  say: {{each: i in list, user: "S {{{{ i }}}}", writes: [say]}}
  rate: {{user: "rate {{{{ say }}}}", writes: [rate], format: json}}
fields: {{t: {{value: t}}, {LIST}, say: {{type: string, rejects: [velvet]}}, rate: {{type: integer}}}}
checks: [{{that: rate > 1, severity: drop}}]
output: {{tables: {{a: {{columns: [t]}}, b: {{columns: [say, rate]}}}}}}
limits: {{attempts: 1, combinations: 60}}
""",
    "replace-each-dialogue": f"""{DRAWN}on_missing: replace
prompts:
  list: {{user: "L {{{{ t }}}} {{{{ n }}}}", writes: [list]}}
  talk:
    each: x in list
    dialogue: {{c: {{system: "You want {{{{ x }}}}", as: user}}, a: {{system: Help., as: assistant}}}}
    turns: 2
    writes: [talk]
fields: {{{LIST}, talk: {{type: messages, rejects: [velvet]}}}}
limits: {{attempts: 1, combinations: 60}}
""",
    "drawn-list-repeat": f"""{DRAWN}prompts:
  task: {{each: x in tags, repeat: size, from: {{task: x}}, user: "H {{{{ task }}}}", writes: [task]}}
fields: {{x: {{value: x}}, task: {{type: string}}}}
""",
    "no-call-rows-map": f"""{DRAWN}prompts:
  goes: {{each: x in tags}}
  rows1: {{user: "R {{{{ x }}}}", writes: [rows1], rows: 2, format: csv}}
  says: {{map: m in tags, user: "S {{{{ m }}}} {{{{ rows1 }}}}", writes: [says]}}
fields: {{x: {{value: x}}, rows1: {{type: string}}, says: {{type: array}}}}
""",
}


def reply(request: Request) -> str:
    chosen = random.Random(digest(request.key))
    words = "owl river lantern copper engine harbour velvet orchard".split()

    def said() -> str:
        return " ".join(chosen.choices(words, k=chosen.choice([2, 3])))

    if request.prompt == "list":
        return json.dumps({"list": [said() for _ in range(chosen.choice([0, 1, 2, 3]))]})
    if request.prompt in ("rate", "score"):
        return json.dumps({request.prompt: chosen.choice([1, 2, 3, 4, 5])})
    if request.prompt == "rows1":
        return "rows1\n" + "\n".join(said() for _ in range(request.rows))
    return said()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", rest_slow(list(PAIRS), (1, 8, 11)))
def test_features_beside_each_other(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(f"synthspec: 1\nname: made\nseed: 5\n{PAIRS[name]}{BACKEND}")
    made = []
    for limit in (1, 16):
        fake, out = FakeBackend(reply), tmp_path / str(limit)
        use(monkeypatch, fake)
        dataset = synthspec.build(path, out=out, concurrency=limit)
        funnel, asked = dataset.manifest["funnel"], fake.total
        assert funnel["kept"] + dataset.manifest["quarantined"] == funnel["planned"] > 0
        made.append({p.name: p.read_bytes() for p in out.glob("*.csv")} | {"": (out / "quarantine.jsonl").read_bytes()})
        synthspec.build(path, out=out, concurrency=limit)
        assert fake.total == asked, "an idle rebuild makes no call"
    assert made[0] == made[1]
    _parents(tmp_path / "1")
    if name == "group-rows-each":
        train, test = ({r["p"] for r in read(tmp_path / "1" / f"made-{s}.csv")} for s in ("train", "test"))
        assert train and test and not train & test


def _parents(folder: Path) -> None:
    """Every child names a row of its parent's table, in its own split."""
    for file in folder.glob("*.csv"):
        for row in read(file):
            for key in (k for k in row if k.endswith("_id")):
                parents = folder / file.name.replace(file.stem.split("-")[0], key.removesuffix("_id"), 1)
                assert row[key] in {r["id"] for r in read(parents)} and row["id"].startswith(row[key])


def test_a_source_that_is_gone_through_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of every list is missing, and the run is stopped: the figures add up all the same."""

    class Broken(FakeBackend):
        async def complete(self, request: Request) -> Any:
            raise BackendFault(FaultKind.UNAUTHORISED, "no key")

    use(monkeypatch, Broken(reply))
    path = tmp_path / "spec.yaml"
    text = "rows: {each: docs}\nparameters: {doc: {from: docs}}\n"
    text += "sources: {docs: {rows: [{l: [a, b, c]}, {l: [d, e]}]}}\n"
    text += 'prompts: {say: {each: i in doc.l, user: "S {{ i }}", writes: [say]}}\nfields: {say: {type: string}}'
    path.write_text(f"synthspec: 1\nname: made\n{text}{BACKEND}")
    dataset = synthspec.build(path, out=tmp_path / "out")
    funnel = dataset.manifest["funnel"]
    assert min(funnel.values()) == 0 == funnel["kept"] and funnel["planned"] == dataset.manifest["quarantined"] > 0
