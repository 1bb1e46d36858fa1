"""The embedded n-gram backend: rules kept, classes followed, nothing copied, the same bytes for the same request."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import random
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from depth import one_in, quarter
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_spec import field, spec_of

import synthspec.inference.backends.ngram as ngram
from synthspec.formats import Shape
from synthspec.inference.backends import BackendContext
from synthspec.inference.ngram.reading import normal
from synthspec.inference.ngram.tokens import ends_sentence, split
from synthspec.languages.expressions.functions.texts import count_sentences, count_words
from synthspec.plugins import find_plugin
from synthspec.sources import MemoryTable, Table, read_table, table_of
from synthspec.spec import Field, Spec
from synthspec.spec.messages import BackendFault, Message, Reply, Request
from synthspec.testing.backend_contract import BackendContract

DATA = Path(__file__).parent / "data" / "ngram_stays.csv"
STAYS = read_table(DATA)
STAY_FIELDS = (
    field("mood", value="mood"),
    field("guest", type="string", words={"min": 6, "max": 40}),
    field("host", type="string", words={"min": 4, "max": 40}),
    field("stars", type="integer", minimum=1, maximum=5),
)
STAY_WRITES = ("guest", "host", "stars")


def request(seed: int = 1, rows: int = 5, values: Mapping[str, Any] | None = None, attempt: int = 1) -> Request:
    messages = (Message("user", "Write some rows, please."),)
    return Request("0" * 32, "p", 0, attempt, messages, rows, values or {}, seed=seed)


def reply_of(spec: Spec, table: Table | None = None, **wanted: Any) -> Reply:
    tables = {"s": table} if table is not None else {}
    backend = ngram.open_backend(spec.backend, BackendContext(spec, tables))
    return asyncio.run(backend.complete(request(**wanted)))


def rows_of(
    fields: Sequence[Field], table: Table | None = None, writes: Sequence[str] = (), **wanted: Any
) -> list[dict[str, Any]]:
    """The rows of one reply, read back from its text."""
    names = tuple(writes) or tuple(f.name for f in fields)
    spec = spec_of(fields, names, "s" if table is not None else None)
    reply = reply_of(spec, table, **wanted)
    count = wanted.get("rows", 5)
    shape = Shape(tuple(f for f in fields if f.name in names), count)
    parsed = find_plugin("formats", "json").parse(reply.text, shape)
    assert not parsed.rejections
    assert len(parsed.rows) == count
    return [dict(r) for r in parsed.rows]


def stays(**wanted: Any) -> list[dict[str, Any]]:
    return rows_of(STAY_FIELDS, STAYS, STAY_WRITES, **wanted)


GOLDEN = (
    '{"guest": "The porter carried our bags up the hill and woke to the smell of fresh bread.", '
    '"host": "He sings in a choir, and we will keep you a table.", "stars": 4}'
)
CALLS = tuple(
    (about, f"Agent: {first} Client: {second} Agent: {third} Client: {fourth}")
    for about, first, second, third, fourth in (
        ("bill", "Good morning, how can I help?", "My bill is twice what it was.", "Let me look at it.", "Please do."),
        ("bill", "Hello, accounts here.", "I was charged for March again.", "I see it, and I will pay.", "Thank you."),
        ("bill", "Good evening, what can I do?", "There is a fee I do not know.", "It is the meter.", "I see."),
        ("fault", "Good morning, faults line.", "My meter is dark.", "Let me look at the map.", "Please hurry."),
        ("fault", "Hello, how can I help?", "The power was off.", "I see it, and a crew is there.", "Thank you."),
        ("fault", "Good evening, what can I do?", "There is a wire here.", "Do not touch it.", "I see."),
    )
)


class TestContract(BackendContract):
    """What every backend must hold to."""

    module = ngram
    model = ""

    def context(self) -> BackendContext:
        from dataclasses import replace

        spec = spec_of(STAY_FIELDS, STAY_WRITES, "s")
        return BackendContext(replace(spec, prompts=(replace(spec.prompts[0], name="call"),)), {"s": STAYS})


# --- tokens


@given(st.text(max_size=200))
def test_tokens_join_to_the_text(text: str) -> None:
    """Only white space may change."""
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He left. She stayed.", ["He left.", "She stayed."]),
        ("Dr. Fox ran to No. 5. Then?", ["Dr. Fox ran to No. 5.", "Then?"]),
        ('"Stop!" he said. "Why?" Nobody knew.', ['"Stop!" he said.', '"Why?"', "Nobody knew."]),
        ("At 3.5 km, e.g. here, it ends...", ["At 3.5 km, e.g. here, it ends..."]),
        ("Agent: hello\nClient: hello", ["Agent: hello", "Client: hello"]),
        ("今日は良い。明日も。", ["今日は良い。", "明日も。"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    tokens, found = split(text), [""]
    for i, token in enumerate(tokens):
        found[-1] += token
        if ends_sentence(tokens, i):
            found.append("")
    assert [f.strip() for f in found if f.strip()] == sentences


# --- rows


def test_the_same_request_gives_the_same_text() -> None:
    spec = spec_of(STAY_FIELDS, STAY_WRITES, "s")
    first = reply_of(spec, STAYS, seed=4, values={"mood": "angry"})
    assert reply_of(spec, STAYS, seed=4, values={"mood": "angry"}) == first
    texts = {
        reply_of(spec, STAYS, seed=5, values={"mood": "angry"}).text,
        reply_of(spec, STAYS, seed=4, values={"mood": "happy"}).text,
        reply_of(spec, STAYS, seed=4, values={"mood": "angry"}, attempt=2).text,
        first.text,
    }
    assert len(texts) == 4


@pytest.mark.slow
def test_a_reply_depends_on_its_request_alone() -> None:
    """Neither on requests before it nor on the hash seed of the process."""
    program = (
        "import sys, hashlib; sys.path.insert(0, 'tests');"
        "from test_ngram import stays;"
        "a = stays(seed=3); b = stays(seed=9); print(hashlib.sha256(repr(b).encode()).hexdigest())"
    )
    import hashlib
    import os

    here = hashlib.sha256(repr(stays(seed=9)).encode()).hexdigest()
    root = Path(__file__).parent.parent
    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_the_text_of_a_seed_stays_what_it_was() -> None:
    """A change here is a change of the algorithm: raise VERSION."""
    assert ngram.VERSION == 2
    spec = spec_of(STAY_FIELDS, STAY_WRITES, "s")
    assert reply_of(spec, STAYS, rows=1, seed=2, values={"mood": "happy"}).text == GOLDEN


def test_rows_of_a_reply_differ() -> None:
    rows = stays(rows=20, values={"mood": "happy"})
    assert len({r["guest"] for r in rows}) == 20
    assert len({r["host"] for r in rows}) == 20


def test_no_row_of_the_source_is_copied() -> None:
    known = {normal(t) for column in ("guest", "host") for t in STAYS.columns[column]}
    for seed in range(20):
        for row in stays(seed=seed, rows=5):
            assert normal(row["guest"]) not in known
            assert normal(row["host"]) not in known


def test_texts_are_well_formed() -> None:
    """They begin with a capital, end as a sentence does, close what they open, and repeat no word."""
    for seed in range(20):
        for row in stays(seed=seed, values={"mood": "angry"}):
            for text in (row["guest"], row["host"]):
                assert text[0].isupper() or not text[0].isalpha()
                assert text[-1] in '.!?"'
                assert text.count('"') % 2 == 0
                assert not re.search(r"\b(\w+) \1\b", text)
                assert not re.search(r"\s[.,?!]|\s\s", text)


@pytest.mark.slow
def test_a_class_speaks_in_its_own_words() -> None:
    """Most words that only one mood has in the source come out under that mood."""
    own = {m: words_of(m) for m in ("angry", "happy")}
    only = {"angry": own["angry"] - own["happy"], "happy": own["happy"] - own["angry"]}
    for mood, other in (("angry", "happy"), ("happy", "angry")):
        said = [w for s in range(20) for r in stays(seed=s, values={"mood": mood}) for w in normal(r["guest"]).split()]
        right = sum(w in only[mood] for w in said)
        assert right > 4 * sum(w in only[other] for w in said)


@pytest.mark.slow
def test_a_label_of_few_rows_is_honoured() -> None:
    """Ten domains of five rows each beside five moods: a row speaks of its own domain, and says little of others."""
    chance = random.Random(1)
    own = {f"d{i}": [f"d{i}w{j}" for j in range(25)] for i in range(10)}
    common = "the of and to a in is it that was for on with as at by".split()
    moods = ("calm", "cross", "glad", "sad", "keen")
    rows = [
        {"domain": f"d{i % 10}", "mood": moods[i // 10],
         "text": " ".join(chance.choice(common if chance.random() < 0.55 else own[f"d{i % 10}"]) for _ in range(30)) + "."}
        for i in range(50)
    ]  # fmt: skip
    spec = spec_of([field("text", type="string")], ["text"], "s")
    right = mostly = said = 0
    for number, (domain, mood) in enumerate(itertools.product(own, moods)):
        reply = reply_of(spec, table_of(rows), seed=number, rows=1, values={"domain": domain, "mood": mood})
        found = re.findall(r"\b(d\d)w", reply.text)
        mostly += 2 * found.count(domain) > len(found)
        right, said = right + found.count(domain), said + len(found)
    assert mostly >= 48 and right >= 0.9 * said
    unseen = reply_of(spec, table_of(rows), seed=1, rows=1, values={"domain": "d77", "mood": "calm"})
    assert unseen.text  # a label that no row has is let go


def words_of(mood: str) -> set[str]:
    columns = STAYS.columns
    texts = [g for g, m in zip(columns["guest"], columns["mood"], strict=True) if m == mood]
    return {w for t in texts for w in normal(t).split()}


def test_other_fields_follow_the_source() -> None:
    """Stars are drawn as the mood has them."""
    angry = [r["stars"] for s in range(10) for r in stays(seed=s, values={"mood": "angry"})]
    happy = [r["stars"] for s in range(10) for r in stays(seed=s, values={"mood": "happy"})]
    assert all(isinstance(s, int) and 1 <= s <= 5 for s in angry + happy)
    assert sum(angry) / len(angry) + 1.5 < sum(happy) / len(happy)


def test_a_value_the_source_has_never_seen_backs_off() -> None:
    assert stays(values={"mood": "puzzled", "planet": "Mars", "age": 41, "tags": ["a"], "who": {"job": "cook"}})


def test_dialogues_keep_their_turns() -> None:
    calls = table_of([{"call": c, "about": a} for a, c in CALLS])
    fields = [field("call", type="string", pattern="^Agent: .* Client: ", words={"min": 12, "max": 120})]
    for seed in range(15):
        for row in rows_of(fields, calls, seed=seed, values={"about": "bill"}):
            speakers = re.findall(r"\b(Agent|Client):", row["call"])
            assert speakers == [("Agent", "Client")[i % 2] for i in range(len(speakers))]
            assert len(speakers) >= 2


# --- limits of texts


@settings(max_examples=quarter(25), deadline=None)
@given(low=st.integers(1, 60), more=st.integers(6, 60), seed=st.integers(0, 2**48))
def test_word_limits_are_kept(low: int, more: int, seed: int) -> None:
    bounds = {"min": low, "max": low + more}
    for table in (STAYS, None):
        for row in rows_of([field("guest", type="string", words=bounds)], table, seed=seed, rows=3):
            assert low <= count_words(row["guest"]) <= low + more
            assert row["guest"][-1] in '.!?"'


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 2), (3, 4)])
def test_sentence_limits_are_kept(low: int, high: int) -> None:
    for row in rows_of([field("guest", type="string", sentences={"min": low, "max": high})], STAYS, rows=8):
        assert low <= count_sentences(row["guest"]) <= high


@pytest.mark.parametrize("rules", [{"maxLength": 40}, {"minLength": 150, "maxLength": 260}, {"words": {"max": 5}}])
@pytest.mark.parametrize("table", [STAYS, None])
def test_length_limits_are_kept(rules: Mapping[str, Any], table: Table | None) -> None:
    for row in rows_of([field("guest", type="string", **rules)], table, rows=8):
        text = row["guest"]
        assert rules.get("minLength", 1) <= len(text) <= rules.get("maxLength", 1000)
        assert count_words(text) <= rules.get("words", {}).get("max", 1000)


PATTERNS = [
    r"\?$",
    r"^Agent:",
    r"^Agent: .* Client: ",
    r"^[A-Z]{3}-\d{4}$",
    r"^\d{4}-\d{2} [A-Z][a-z]+$",
    r"^Note: [A-Z][^,]*\.$",
    r"^[^,;]+$",
    r"^(red|green|blue)$",
    r"^(?!Nobody).+ (yes|no)$",
    r"(?i)ticket #\d+",
    r"^[a-z ]{20,200}$",
]


@pytest.mark.parametrize("pattern", one_in(3, PATTERNS))
@pytest.mark.parametrize("table", [STAYS, None])
def test_patterns_are_met(pattern: str, table: Table | None) -> None:
    for row in rows_of([field("guest", type="string", pattern=pattern)], table, rows=3):
        assert re.search(pattern, row["guest"]), row["guest"]


def test_rejects_are_avoided() -> None:
    fields = [field("guest", type="string", rejects=[r"(?i)\bthe\b", "!"])]
    for row in rows_of(fields, STAYS, rows=10):
        assert not re.search(r"(?i)\bthe\b|!", row["guest"])


# --- values


def test_values_keep_their_schema() -> None:
    fields = [
        field("n", type="integer", minimum=3, maximum=9, multipleOf=3),
        field("x", type="number", exclusiveMinimum=0, maximum=1),
        field("b", type="boolean"),
        field("e", enum=["a", 2, None, "b"]),
        field("c", const="always"),
        field("d", type="string", format="date"),
        field("t", type="string", format="date-time"),
        field("mail", type="string", format="email", maxLength=60),
        field("link", type="string", format="uri"),
        field("id", type="string", format="uuid"),
        field("ip", type="string", format="ipv4"),
        field("tags", type="array", items={"enum": ["x", "y", "z"]}, minItems=2, maxItems=3, uniqueItems=True),
        field("o", type="object", properties={"k": {"type": "integer", "minimum": 5}, "s": {"type": "string"}}),
        field("maybe", type=["string", "null"], maxLength=80),
        field("any", anyOf=[{"type": "null"}, {"type": "integer", "minimum": 7, "maximum": 7}]),
    ]
    import jsonschema

    for row in rows_of(fields, rows=20):
        assert row["n"] in (3, 6, 9)
        assert 0 < row["x"] <= 1
        assert isinstance(row["b"], bool)
        assert row["c"] == "always"
        datetime.date.fromisoformat(row["d"])
        datetime.datetime.fromisoformat(row["t"])
        assert row["any"] == 7
        for f in fields:
            jsonschema.validate(row[f.name], dict(f.schema))


def test_numbers_dates_and_labels_come_from_the_source() -> None:
    day = datetime.date
    table = table_of(
        [{"price": 10 + i / 4, "day": day(2024, 3, 1 + i % 20), "kind": ("cup", "jug")[i % 2]} for i in range(60)]
    )
    fields = [
        field("price", type="number"),
        field("day", type="string", format="date"),
        field("kind", type="string"),
    ]
    for row in rows_of(fields, table, rows=20, values={"kind": "jug"}):
        assert 9 <= row["price"] <= 26
        assert "2024-03-01" <= row["day"] <= "2024-03-20"
        assert row["kind"] in ("cup", "jug")


def test_nested_values_come_from_the_source() -> None:
    table = table_of([{"who": {"name": f"n{i % 3}", "age": 20 + i}, "tags": ["p", "q"]} for i in range(30)])
    shape = {"name": {"type": "string"}, "age": {"type": "integer"}}
    fields = [
        field("who", type="object", properties=shape),
        field("tags", type="array", items={"type": "string"}),
    ]
    for row in rows_of(fields, table, rows=10):
        assert row["who"]["name"] in ("n0", "n1", "n2")
        assert 19 <= row["who"]["age"] <= 51
        assert set(row["tags"]) <= {"p", "q"}


def test_values_of_the_combination_stand_where_the_source_quotes_its_own() -> None:
    cities = "Lima Oslo Rome Cairo Quito Delhi Kyoto Turin Basel Perth".split()
    ways = (
        "The road to {} was long, but the view made up for it.",
        "Nobody in {} knew the way, but they gave us bread.",
        "We stayed near {} for a week, and it rained for most of it.",
        "In {} the trains were late, and the coffee was good.",
    )
    table = table_of([{"city": c, "text": w.format(c)} for c in cities for w in ways])
    for row in rows_of([field("text", type="string")], table, rows=10, values={"city": "Gdansk"}):
        assert "Gdansk" in row["text"]
        assert not any(c in row["text"] for c in cities)


def test_a_length_parameter_is_heeded() -> None:
    long = [r["guest"] for r in stays(rows=10, values={"guest_length": 34})]
    short = [r["guest"] for r in stays(rows=10, values={"guest_length": 8})]
    assert sum(map(count_words, short)) < 0.7 * sum(map(count_words, long))


# --- sources that are hardly any


@pytest.mark.parametrize(
    "table",
    [
        table_of([]),
        table_of([{"text": None}]),
        table_of([{"text": ""}, {"text": "   "}]),
        table_of([{"text": "One."}]),
        table_of([{"text": "Only one sentence is here."}] * 3),
        table_of([{"text": 5}, {"text": True}]),
        table_of([{"text": "\x00\ufffd…"}, {"text": '"(['}]),
        table_of([{"text": "今日は良い天気です。明日も行きます。"}, {"text": "今日も雨です。明日は晴れます。"}]),
        table_of([{"text": "word " * 500}]),
    ],
)
def test_poor_sources_still_build(table: Table) -> None:
    for row in rows_of([field("text", type="string")], table, rows=4, values={"text2": "x"}):
        assert isinstance(row["text"], str)
        assert row["text"]


@settings(max_examples=quarter(40), deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"text": st.text(max_size=60), "kind": st.sampled_from("ab")}), max_size=8),
    st.integers(0, 2**48),
)
def test_any_source_builds(rows: list[dict[str, str]], seed: int) -> None:
    assert len(rows_of([field("text", type="string")], table_of(rows), rows=2, seed=seed, values={"kind": "a"})) == 2


def test_without_a_source_a_spec_speaks_of_its_parameters() -> None:
    fields = [field("note", type="string", words={"min": 8, "max": 60})]
    rows = rows_of(fields, rows=20, values={"subject": "a late delivery", "tone": "calm"})
    assert len({r["note"] for r in rows}) == 20
    assert any("a late delivery" in r["note"] for r in rows)
    assert rows_of(fields, rows=3, values={})


# --- formats


FORMATS = [
    ("text", {}, ("guest",), 1),
    ("json", {}, STAY_WRITES, 4),
    ("csv", {}, STAY_WRITES, 4),
    ("sections", {}, ("guest", "host"), 4),
    ("pairs", {}, ("guest", "host"), 4),
    (
        "regex",
        {"regex": r"^(?P<stars>[1-5])\) (?P<guest>[A-Z][^\n]*[.!?]) // (?P<host>[A-Z][^,\n]*\.)$"},
        STAY_WRITES,
        3,
    ),
]


@pytest.mark.parametrize(("name", "options", "writes", "count"), FORMATS)
def test_replies_read_back(name: str, options: Mapping[str, Any], writes: Sequence[str], count: int) -> None:
    check_format(name, options, writes, count)


def test_grammar_replies_read_back() -> None:
    grammar = 'start: pair+\npair: "G: " guest "\\nH: " host "\\n"\nguest: /[A-Z][^\\n]*/\nhost: /[A-Z][^?\\n]*\\?/\n'
    check_format("grammar", {"grammar": grammar}, ("guest", "host"), 3)


def check_format(name: str, options: Mapping[str, Any], writes: Sequence[str], count: int) -> None:
    from dataclasses import replace

    spec = spec_of(STAY_FIELDS, writes, "s", name)
    spec = replace(spec, prompts=(replace(spec.prompts[0], format_options=options),))
    reply = reply_of(spec, STAYS, rows=count)
    by_name = {f.name: f for f in STAY_FIELDS}
    shape = Shape(tuple(by_name[w] for w in writes), count, options)
    parsed = find_plugin("formats", name).parse(reply.text, shape)
    assert not parsed.rejections
    assert len(parsed.rows) == count
    assert all(set(r) == set(writes) for r in parsed.rows)


# --- the backend itself


def test_usage_is_estimated() -> None:
    reply = reply_of(spec_of(STAY_FIELDS, STAY_WRITES, "s"), STAYS)
    assert reply.model == "ngram"
    assert reply.finish == "stop"
    assert reply.usage.prompt_tokens == len("Write some rows, please.") // 4
    assert reply.usage.completion_tokens == len(reply.text) // 4


def test_the_fingerprint_follows_the_data() -> None:
    spec = spec_of(STAY_FIELDS, STAY_WRITES, "s")
    one = ngram.open_backend(spec.backend, BackendContext(spec, {"s": STAYS}))
    other = MemoryTable({**STAYS.columns, "stars": [5] * len(STAYS)})
    two = ngram.open_backend(spec.backend, BackendContext(spec, {"s": other}))
    assert one.fingerprint != two.fingerprint
    assert one.seeded


def test_an_unknown_prompt_is_a_bad_request() -> None:
    spec = spec_of(STAY_FIELDS, STAY_WRITES, "s")
    backend = ngram.open_backend(spec.backend, BackendContext(spec, {"s": STAYS}))
    with pytest.raises(BackendFault):
        asyncio.run(backend.complete(Request("", "nobody", 0, 1, (), 1)))


def test_a_large_source_is_narrowed_to_the_rows_that_fit() -> None:
    table = MemoryTable({n: list(v) * 40 for n, v in STAYS.columns.items()})
    rows = rows_of(STAY_FIELDS, table, STAY_WRITES, rows=10, values={"mood": "angry"})
    assert sum(r["stars"] for r in rows) / 10 < 3


def test_notice_is_one_plain_sentence() -> None:
    assert ngram.NOTICE.count("\n") == 0
    assert "not a language model's text" in ngram.NOTICE
    assert "--backend" in ngram.NOTICE
    assert json.dumps(ngram.NOTICE)
