"""Reviews laid over a dataset: they change the rows they are about and nothing else, whatever is built between."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_backend import FakeBackend, use
from loopback import digest, prose

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import rows_in_dataset
from synthspec.evaluation.report.build_figures import build_figures
from synthspec.generation.build import Build, finish_build
from synthspec.generation.reviewing.decisions import decide
from synthspec.generation.reviewing.progress import review_progress
from synthspec.inference.requests import retry_key
from synthspec.inference.store import Store
from synthspec.inference.store.derived.row_views import completions_of, kept_rows
from synthspec.inference.store.reviews import Review, Reviews, read_reviews
from synthspec.spec.messages import Request
from synthspec.studio.workspace import built_state

SPEC = """
synthspec: 1
name: calls
rows: {rows}
parameters:
  topic: [bill, meter, move]
  n: uniform(0, 1)
prompts:
  call: {{user: "A call about {{{{ topic }}}}, number {{{{ n }}}}.", writes: [text, mood]}}
  note: {{user: "Sum up: {{{{ text }}}}", writes: [note]}}
fields:
  topic: {{value: topic}}
  text: {{type: string, words: {{min: 2}}, rejects: ['river']}}
  mood: {{enum: [calm, angry]}}
  note: {{type: string, maxLength: {note}}}
  size: {{value: len(text)}}
checks:
  - {{that: "size < {size}"}}
novelty: {{near_duplicates: {{fields: [text], similarity: 0.6}}}}
limits: {{attempts: 9}}
output: {{formats: [jsonl, csv], split: {{train: 0.7, test: 0.3}}, stratify: mood}}
backend: {{provider: openai, model: loop}}
"""


def reply(request: Request) -> str:
    said = [m.content for m in request.messages]
    number = digest(said)
    if said[0].startswith("Sum up"):
        return prose({"messages": said}, 0)
    return json.dumps({"text": prose({"messages": number}, 0), "mood": ["calm", "angry", "odd"][number % 7 % 3]})


def write_spec(folder: Path, rows: int = 24, size: int = 90, note: int = 200) -> Path:
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(rows=rows, size=size, note=note))
    return path


def build(path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int = 8, **more: Any) -> FakeBackend:
    fake = FakeBackend(more.pop("replier", reply), **{"seed": 1, **more})
    use(monkeypatch, fake)
    overrides = {"limits.concurrency": str(concurrency)}
    compiled = compile_spec(path, overrides)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    spec = compiled.spec

    async def work() -> None:
        fake.task = asyncio.current_task()
        await finish_build(Build(spec, compiled.tables, out, overrides=overrides))

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(work())
    return fake


def rows_of(folder: Path) -> dict[str, list[str]]:
    """The lines of each file of rows."""
    return {p.name: p.read_text().splitlines() for p in sorted(folder.glob("calls-*.jsonl"))}


def files_of(folder: Path) -> dict[str, Any]:
    """The bytes of a dataset but for what hangs on the run."""
    found: dict[str, Any] = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.suffix != ".sqlite"}
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["run"], manifest["spec"]["digest"]  # which the number of calls in flight is a part of
    found["README.md"] = [line for line in found["README.md"].splitlines() if not line.startswith(b"| spec |")]
    return {**found, "manifest": manifest}


def run(*args: object) -> Any:
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build(write_spec(tmp_path), tmp_path / "out", monkeypatch)
    return tmp_path / "out"


def test_a_rejected_row_leaves_alone_and_an_edited_one_keeps_its_split(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rows = rows_of(built), list(kept_rows(built))
    with Reviews(built) as reviews:
        reviews.add(rows[3].path, rows[3].digest, "ana", "reject", "dull")
        mood = "calm" if rows[5].values["mood"] == "angry" else "angry"
        reviews.add(rows[5].path, rows[5].digest, "ana", "edit", "", {"text": "quite another text", "mood": mood})
        reviews.add(rows[7].path, "0" * 32, "ana", "reject", "of a row that was")
    fake = build(tmp_path / "spec.yaml", built, monkeypatch)
    after = rows_of(built)
    assert fake.total == 0
    gone, new = ([x for n in a for x in a[n] if x not in b[n]] for a, b in ((before, after), (after, before)))
    assert sorted(json.loads(x)["text"] for x in gone) == sorted(rows[n].values["text"] for n in (3, 5))
    assert [json.loads(x) for x in new] == [
        {"topic": rows[5].values["topic"], "text": "quite another text", "mood": mood, "note": rows[5].values["note"], "size": 18}
    ]  # fmt: skip
    left = [json.loads(x) for x in (built / "quarantine.jsonl").read_text().splitlines()]
    assert [(x["path"], x["lost_at"], x["reasons"], x["reviewer"]) for x in left if x["lost_at"] == "review"] == [
        (rows[3].path, "review", ["dull"], "ana")
    ]
    manifest = json.loads((built / "manifest.json").read_text())
    counts = {k: v for k, v in manifest["reviews"].items() if k != "digest"}
    assert counts == {"edited": 1, "rejected": 1, "stale": 1}
    assert sum(f["rows"] for f in manifest["files"] if f["format"] == "csv") == len(rows) - 1
    assert rows_in_dataset(manifest) == len(rows) - 1 == build_figures(manifest)["funnel"]["reviewed"]
    assert built_state(built)["rows"] == len(rows) - 1  # type: ignore[index]


def test_a_review_taken_back_leaves_no_trace(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_of(built)
    row = next(iter(kept_rows(built)))
    with Reviews(built) as reviews:
        reviews.add(row.path, row.digest, "ana", "reject", "dull")
    build(tmp_path / "spec.yaml", built, monkeypatch)
    assert files_of(built) != before
    with Reviews(built) as reviews:
        assert reviews.undo(1, "ana")
    build(tmp_path / "spec.yaml", built, monkeypatch)
    assert files_of(built) == before


def test_a_row_asked_again_is_the_only_one_that_is_asked(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, other = list(kept_rows(built))[4:6]
    before = rows_of(built)
    keys, _ = completions_of(built, [row.path])
    assert run("review", built, "--retry", row.path, "--because", "name the street", "--prompt", "call").exit_code == 0
    assert review_progress(built).waiting == (row.path,)
    fake = build(tmp_path / "spec.yaml", built, monkeypatch)
    now = {r.path: r for r in kept_rows(built)}
    again, _ = completions_of(built, [row.path])
    wished = retry_key(keys[row.path][0], "name the street")
    with Store.open_readonly(built) as store:
        made = store.calls_of(list(fake.calls))
    assert {call.combination for call in made} == {row.combination}
    assert wished in fake.calls
    asked = [text for call in made if call.prompt == "call" for _, text in call.request.messages]
    assert any("name the street" in text for text in asked)
    assert wished in again[row.path] or any(call.key in again[row.path] and call.attempt > 1 for call in made)
    assert now[row.path].digest != row.digest
    assert now[other.path].digest == other.digest
    changed = [x for name in before for x in before[name] if x not in rows_of(built)[name]]
    assert [json.loads(x)["text"] for x in changed] == [row.values["text"]]
    progress = review_progress(built)
    assert (progress.waiting, progress.stale, progress.applied) == ((), (), True)
    assert build(tmp_path / "spec.yaml", built, monkeypatch).total == 0
    with Reviews(built) as reviews:
        reviews.undo(1, "ana")
    assert build(tmp_path / "spec.yaml", built, monkeypatch).total == 0  # the former completion is there still
    assert rows_of(built) == before


def test_apply_makes_no_call_and_gives_what_a_build_gives(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(kept_rows(built))
    with Reviews(built) as reviews:
        for n, row in enumerate(rows[::3]):
            verb = ("reject", "edit", "accept")[n % 3]
            reviews.add(row.path, row.digest, "ana", verb, "so", {"note": "short"} if verb == "edit" else {})
        reviews.add(rows[1].path, rows[1].digest, "ana", "retry", "again", {})  # of no completion: it waits for ever
    twin = tmp_path / "twin"
    shutil.copytree(built, twin)
    fake = FakeBackend(reply)
    use(monkeypatch, fake)
    done = run("review", built, "--apply", "--spec", tmp_path / "spec.yaml")
    assert (done.exit_code, fake.total) == (0, 0), done.output
    build(tmp_path / "spec.yaml", twin, monkeypatch)
    assert files_of(built) == files_of(twin)


def test_apply_refuses_where_the_spec_is_another(built: Path, tmp_path: Path) -> None:
    before = files_of(built)
    write_spec(tmp_path, size=80)
    done = run("review", built, "--apply", "--spec", tmp_path / "spec.yaml")
    assert done.exit_code == 1
    assert "has changed since" in done.output
    assert files_of(built) == before
    (tmp_path / "spec.yaml").rename(tmp_path / "moved.yaml")
    assert "--spec" in run("review", built, "--apply").output


def test_an_edit_that_breaks_a_rule_is_refused_at_once_and_later(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = list(kept_rows(built))[2]
    spec = tmp_path / "spec.yaml"
    for field, value, why in (
        ("mood", "odd", "must be one of"),
        ("text", "word " * 40, "size < 90"),
        ("size", "3", "is computed"),
        ("tone", "x", "no field 'tone'"),
        ("text", "", "is missing"),
    ):
        done = run("review", built, "--edit", row.path, "--with", f"{field}={value}", "--spec", spec)
        assert done.exit_code == 1, (field, done.output)
        assert why in done.output
    assert read_reviews(built) == []
    done = run("review", built, "--edit", row.path, "--with", "note=" + "longer " * 20, "--spec", spec)
    assert done.exit_code == 0, done.output
    write_spec(tmp_path, note=130)  # now its rule is a stricter one
    build(spec, built, monkeypatch)
    entries = [json.loads(x) for x in (built / "quarantine.jsonl").read_text().splitlines()]
    (left,) = [e for e in entries if e["lost_at"] == "review"]
    assert left["path"] == row.path
    assert "the edit breaks a rule" in left["reasons"][0]
    assert left["edit"] == {"note": "longer " * 20}


def test_what_cannot_be_said_is_refused(built: Path) -> None:
    row = next(iter(kept_rows(built)))
    for args, why in (
        (["--reject", row.path], "say why"),
        (["--note", row.path], "without a word"),
        (["--retry", row.path], "corrected"),
        (["--accept", "99"], "no row 99"),
        (["--edit", row.path], "names the fields"),
        (["--retry", row.path, "--because", "x"], "call, note"),
        (["--retry", row.path, "--because", "x", "--prompt", "talk"], "no completion of 'talk'"),
    ):
        done = run("review", built, *args)
        assert done.exit_code == 1, done.output
        assert why in done.output
    assert run("review", built, "--accept", "0", "--apply").exit_code == 2
    assert run("review", built, "--with", "a=b").exit_code == 2
    assert run("review", built / "nowhere").exit_code == 3
    assert read_reviews(built) == []


def test_a_sheet_goes_out_and_comes_back(built: Path, tmp_path: Path) -> None:
    spec, sheet = tmp_path / "spec.yaml", tmp_path / "sheet.csv"
    run("review", built, "--accept", "0", "--reviewer", "ana", "--spec", spec)
    assert run("review", built, "--export", sheet, "--all-rows").exit_code == 0
    with sheet.open() as file:
        lines = list(csv.DictReader(file))
    rows = list(kept_rows(built))
    assert len(lines) == len(rows)
    by_path = {line["path"]: line for line in lines}
    by_path[rows[1].path] |= {"verb": "reject", "reason": 'with, a comma and "quotes"\nand a line'}
    by_path[rows[2].path] |= {"verb": "Edit", "row.note": "a new note", "row.mood": "calm"}
    by_path[rows[3].path] |= {"verb": "flag", "reason": "look"}
    write_sheet(sheet, lines)
    done = run("review", built, "--import", sheet, "--reviewer", "ben", "--spec", spec)
    assert done.exit_code == 0, done.output
    made = {(r.path, r.verb): r for r in read_reviews(built)}
    assert made[rows[1].path, "reject"].reason == 'with, a comma and "quotes"\nand a line'
    assert made[rows[2].path, "edit"].patch["note"] == "a new note"
    assert made[rows[2].path, "edit"].patch.get("mood", "calm") == "calm"
    assert made["0", "accept"].reviewer == "ana"
    count = len(read_reviews(built))
    assert run("review", built, "--import", sheet, "--reviewer", "ben", "--spec", spec).exit_code == 0
    assert len(read_reviews(built)) == count
    for verb in ("--accept", "--reject", "--accept", "--accept"):
        run("review", built, verb, rows[1].path, "--because", "x", "--reviewer", "ben", "--spec", spec)
    run("review", built, "--reject", rows[1].path, "--because", "x", "--reviewer", "ben", "--spec", spec)
    assert [r.verb for r in read_reviews(built)][count:] == ["accept", "reject", "accept", "reject"]
    for name in ("again.csv", "again.jsonl"):
        assert run("review", built, "--export", tmp_path / name, "--all-rows").exit_code == 0
        assert run("review", built, "--import", tmp_path / name, "--spec", spec).exit_code == 0
    assert len(read_reviews(built)) == count + 4


def write_sheet(path: Path, lines: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def test_what_is_wrong_with_a_sheet_is_told_by_line(built: Path, tmp_path: Path) -> None:
    spec, sheet = tmp_path / "spec.yaml", tmp_path / "sheet.csv"
    rows = list(kept_rows(built))
    lines = [{"path": r.path, "digest": r.digest, "verb": "accept", "reason": "", "patch": ""} for r in rows[:7]]
    lines[1]["digest"] = "0" * 32
    lines[2]["verb"] = "praise"
    lines[3]["verb"] = "reject"
    lines[4] |= {"verb": "edit", "patch": "{not json"}
    lines[5] |= {"verb": "edit", "patch": '{"mood": "odd"}'}
    lines[6]["path"] = "99"
    write_sheet(sheet, lines)
    done = run("review", built, "--import", sheet, "--spec", spec)
    assert done.exit_code == 1
    told = [line.partition(": ")[0] for line in done.output.splitlines() if line.startswith(str(sheet))]
    assert told == [f"{sheet}:{n}" for n in range(3, 9)]
    assert read_reviews(built) == []
    for name, text in (("a.csv", "who,what\n1,2\n"), ("a.txt", ""), ("b.csv", '"open\n'), ("c.jsonl", "{]\n")):
        (tmp_path / name).write_text(text)
        assert run("review", built, "--import", tmp_path / name, "--spec", spec).exit_code in (1, 2)
    assert run("review", built, "--import", tmp_path / "none.csv").exit_code == 2


def test_two_reviewers_are_compared(built: Path) -> None:
    rows = list(kept_rows(built))
    with Reviews(built) as reviews:
        for n, row in enumerate(rows[:8]):
            reviews.add(row.path, row.digest, "ana", "reject" if n < 2 else "accept", "x")
            reviews.add(row.path, row.digest, "ben", "reject" if n in (0, 2) else "accept", "x")
        reviews.add(rows[9].path, rows[9].digest, "cleo", "accept")
    progress = review_progress(built)
    found = progress.agreements["ana", "ben"]
    assert (found.rows, found.agreed) == (8, 6)
    assert found.kappa == pytest.approx((0.75 - 0.625) / (1 - 0.625))
    assert progress.agreements["ana", "cleo"].kappa is None
    assert progress.disputed == (rows[1].path, rows[2].path)
    said = run("review", built).output
    assert "Cohen's kappa 0.33" in said
    assert "undefined" in said
    assert json.loads(run("review", built, "--format", "json").output)["reviewed"] == 9


def test_the_last_word_counts_and_an_acceptance_keeps_the_edits_before_it() -> None:
    said = [("edit", {"a": 1}), ("accept", {}), ("edit", {"b": 2}), ("reject", {}), ("flag", {}), ("accept", {})]
    verbs = []
    for end in range(1, len(said) + 1):
        log = [Review(n, "1", "d", "ana", verb, "", patch) for n, (verb, patch) in enumerate(said[:end])]
        decision = decide(log)["1"]["d"]
        verbs.append((decision.verb, dict(decision.patch), decision.flagged))
    assert verbs == [
        ("edit", {"a": 1}, False), ("edit", {"a": 1}, False), ("edit", {"a": 1, "b": 2}, False),
        ("reject", {"a": 1, "b": 2}, False), ("reject", {"a": 1, "b": 2}, True), ("edit", {"a": 1, "b": 2}, True),
    ]  # fmt: skip


FAN = """
synthspec: 1
name: calls
rows: 18
parameters: {topic: [bill, meter, move]}
prompts:
  firm: {user: "A firm for {{ topic }}.", writes: [firm]}
  staff: {user: "Its people: {{ firm }}", writes: [who], rows: 3, format: csv}
fields: {firm: {type: string}, who: {type: string}}
output: {formats: [jsonl], tables: {firms: {columns: [firm], level: 0}, staff: {columns: [who], level: 1}}}
backend: {provider: openai, model: loop}
"""


def fan_reply(request: Request) -> str:
    said = [m.content for m in request.messages]
    if said[0].startswith("Its people"):
        return "who\n" + "\n".join(f"person {(digest(said) + n) % 9973}" for n in range(request.rows))
    return f"firm {digest(said, request.key) % 9973}"


def test_rows_of_one_completion_are_asked_again_together_and_parents_stand_while_a_child_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "spec.yaml", tmp_path / "out"
    path.write_text(FAN)
    build(path, out, monkeypatch, replier=fan_reply)
    rows = {r.path: r for r in kept_rows(out)}
    assert "made other rows too" in run("review", out, "--retry", "0.1", "--because", "x", "--prompt", "staff").output
    assert "written for several rows" in run("review", out, "--edit", "0.1", "--with", "firm=x", "--spec", path).output
    with Reviews(out) as reviews:
        for name in ("0.0", "1.0", "1.1", "1.2"):
            reviews.add(name, rows[name].digest, "ana", "reject", "x")
    three = [a for name in ("2.0", "2.1", "2.2") for a in ("--retry", name)]
    done = run("review", out, *three, "--because", "older people", "--prompt", "staff", "--spec", path)
    assert done.exit_code == 0, done.output
    assert build(path, out, monkeypatch, replier=fan_reply).total == 1
    firms = [json.loads(x)["id"] for x in (out / "firms.jsonl").read_text().splitlines()]
    staff = {x["id"]: x["who"] for x in map(json.loads, (out / "staff.jsonl").read_text().splitlines())}
    assert firms == ["0", "2", "3", "4", "5"]
    assert [n for n in rows if n not in staff] == ["0.0", "1.0", "1.1", "1.2"]
    assert [n for n in staff if staff[n] != rows[n].values["who"]] == ["2.0", "2.1", "2.2"]


def storm(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random reviews, builds, edits of the spec and builds that are cut off; at the end the bytes are those of a folder
    in which all that was built at once, with the same completions."""
    rng = random.Random(number)
    folder.mkdir()
    path, out = write_spec(folder, rows=rng.choice([9, 17])), folder / "out"
    build(path, out, monkeypatch, seed=number)
    for _ in range(6):
        match rng.choice(["review", "review", "retry", "undo", "spec", "cut", "build"]):
            case "review":
                for row in rng.sample(list(kept_rows(out)), 3):
                    verb = rng.choice(["accept", "reject", "edit", "flag"])
                    patch = {"note": f"note {rng.random()}"} if verb == "edit" else {}
                    with Reviews(out) as reviews:
                        reviews.add(row.path, row.digest, rng.choice(["ana", "ben"]), verb, "why", patch)
            case "retry":
                row = rng.choice(list(kept_rows(out)))
                prompt = rng.choice(["call", "note"])
                run("review", out, "--retry", row.path, "--because", f"remark {rng.random()}", "--prompt", prompt)
            case "undo":
                with Reviews(out) as reviews:
                    for review in list(reviews.iterate()):
                        if rng.random() < 0.4:
                            reviews.undo(review.id, "ana")
            case "spec":
                path.write_text(SPEC.format(rows=rng.choice([9, 17]), size=rng.choice([80, 90]), note=200))
            case "cut":
                build(path, out, monkeypatch, abandon_at=rng.randrange(1, 9))
            case "build":
                build(path, out, monkeypatch)
    build(path, out, monkeypatch, seed=number)
    poorer = out / "incomplete"
    settled = files_of(poorer if poorer.is_dir() else out)
    for concurrency in (1, 30):
        twin = folder / f"twin{concurrency}"
        twin.mkdir()
        for name in ("run.sqlite", "reviews.sqlite"):
            if (out / name).exists():
                shutil.copyfile(out / name, twin / name)
        assert build(path, twin, monkeypatch, concurrency, seed=concurrency).total == 0
        assert files_of(twin) == settled


def test_reviews_hold_whatever_is_built_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(3, tmp_path / "storm", monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(40))
def test_many_reviews_and_builds(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(number, tmp_path / "storm", monkeypatch)
