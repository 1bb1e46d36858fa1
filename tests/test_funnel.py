"""The funnel adds up under every fault: planned = kept + missing by stage, in manifest, files and quarantine alike."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from depth import rest_slow
from loopback import Loopback, digest

import synthspec
from synthspec.dataset.manifest import FUNNEL

STAGES = ("called", "parsed", "valid", "novel")
FAULTS = ("500", "429", "drop", "cut", "garble", "400", "401", "quota")


def reply(body: dict[str, Any], nth: int) -> str:
    """Rows that are right, too short, repeated, too few, too many or no rows at all, by what is asked."""
    number = digest(body["messages"], nth)
    chance = random.Random(number)
    said = str(body["messages"])
    wanted = 3 if "three" in said else 1
    count = max(0, wanted + chance.choice([0, 0, 0, 0, -1, 1]))
    rows = [{"text": chance.choice(["a fine lamp indeed", "it broke", f"number {number % 7} of the day", "no"]),
             "score": chance.choice([1, 2, 3, "many", None])} for _ in range(count)]  # fmt: skip
    if chance.random() < 0.1:
        return "I cannot help with that."
    return json.dumps(rows if wanted > 1 else (rows[0] if rows else {}))


def a_spec(chance: random.Random, url: str) -> str:
    """A spec drawn at random: rows a prompt, a second prompt, rules of every stage, limits that stop it."""
    several = chance.random() < 0.4
    lines = ["synthspec: 1", "name: funnel", f"rows: {chance.choice([1, 7, 24, 40])}",
             "parameters: {mood: [calm, cross, glad], n: 'uniform(0, 1)'}", "prompts:",
             "  one:", f"    user: Write {'three texts' if several else 'a text'}, {{{{ mood }}}}, {{{{ n }}}}.",
             "    writes: [text, score]", "    format: json"]  # fmt: skip
    lines += ["    rows: 3"] if several else []
    if chance.random() < 0.4:
        lines += ["  two:", "    user: 'Sum it up: {{ text }}'", "    writes: [sum]"]
    lines += ["fields:", "  mood: {value: mood}", "  text: {type: string, words: {min: 2}}", "  score: {type: integer}"]
    lines += ["  sum: {type: string}"] if "  two:" in lines else []
    lines += ["checks:", f"  - score >= {chance.choice([0, 2, 3])}"]
    if chance.random() < 0.6:
        lines += ["novelty:", f"  unique: [{chance.choice(['text', 'text, score'])}]"]
    limits = {"attempts": chance.choice([1, 2, 4]), "concurrency": chance.choice([1, 8]), "timeout": 5}
    if chance.random() < 0.3:
        limits["requests"] = chance.choice([1, 5, 20])
    if chance.random() < 0.3:
        limits["tokens"] = chance.choice([10, 4000, 20000])
    lines += [f"limits: {json.dumps(limits)}"]
    lines += [f"backend: {{provider: openai, model: loop, base_url: {url}, max_tokens: 200}}"]
    lines += [f"output: {chance.choice(['{formats: [csv]}', '{formats: [csv], split: {a: 0.5, b: 0.5}}'])}"]
    return "\n".join(lines) + "\n"


def check_funnel(folder: Path, manifest: Any, planned: int) -> None:
    funnel = manifest["funnel"]
    kept = sum(f["rows"] for f in manifest["files"])
    quarantine = [json.loads(line) for line in (folder / "quarantine.jsonl").read_text().splitlines()]
    lost = Counter(entry["lost_at"] for entry in quarantine)
    assert funnel["planned"] == planned == kept + len(quarantine)
    assert funnel["kept"] == kept and manifest["quarantined"] == len(quarantine)
    left = planned
    for stage in STAGES:
        left -= lost[stage]
        assert funnel[stage] == left, stage
    assert left == kept and [*funnel] == sorted(FUNNEL, key=list(funnel).index)
    slots = [entry["row"] for entry in quarantine]
    assert slots == sorted({*slots}) and all(0 <= s < planned for s in slots)
    assert all(entry["reasons"] and all(entry["reasons"]) for entry in quarantine)
    for entry in quarantine:
        assert entry["tries"] or entry["lost_at"] == "called"
    read = 0
    for path in folder.glob("funnel*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            read += len(list(csv.DictReader(file)))
    assert read == kept


@pytest.mark.parametrize("seed", rest_slow(range(90), range(3)))
def test_the_funnel_adds_up(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chosen = {f: round(chance.random() * 0.25, 3) for f in chance.sample(FAULTS, chance.randint(0, 3))}
    with Loopback(reply, faults=chosen, seed=seed) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(a_spec(chance, server.url))
        dataset = synthspec.build(path, out=tmp_path / "out")
        check_funnel(dataset.folder, dataset.manifest, dataset.manifest["spec"]["rows"])
        assert dataset.complete == (dataset.manifest["quarantined"] == 0)
        assert len(dataset.rejections) == dataset.manifest["quarantined"]
        assert len(dataset.rows) == dataset.manifest["funnel"]["kept"]

        server.faults.clear()  # and again, from what is stored
        again = synthspec.build(path, out=tmp_path / "out")
        check_funnel(again.folder, again.manifest, again.manifest["spec"]["rows"])
        standing = json.loads((tmp_path / "out/manifest.json").read_text())
        check_funnel(tmp_path / "out", standing, standing["spec"]["rows"])
        assert standing["funnel"]["kept"] >= dataset.manifest["funnel"]["kept"]
