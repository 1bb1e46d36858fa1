"""Chunks of documents: whole sentences below a limit, the whole text in order, and nothing that hangs on a neighbour."""

from __future__ import annotations

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.sources.documents.chunker import BY, Chunk, Chunking, cut, whole
from synthspec.sources.documents.document import Block, Document
from synthspec.sources.documents.sentences import sentences
from synthspec.sources.documents.units import UNITS, count_words

SENTENCES = [
    ["Dr. Soto came at 9 a.m. today.", "“Is it on?” he asked.", "Yes…", "See fig. 3!", "(It is on p. 12.)", "Done."],
    ["El Sr. García, de la c. Mayor, 3, llegó.", "¿Qué pasó?", "¡Nada!", "Véase pág. 12 y núm. 4."],
    ["J. R. Smith met the U.S. Army.", "It cost $3.50.", "The year was 1984.", "It rained."],
    ["Er kam am 3. Mai, z. B. um 5 Uhr, an.", "Dann ging er, bzw. Eva."],
    ["Set no. 4 to 20 min.", "Then wait.", "Is version 1.2.3 there?", "Go to example.com now.", "Stop!?", "Etc."],
    ["They sell pumps, valves, etc.", "The rest is made here."],
    ["He ran... and fell.", "Then he stopped.", "Mr. and Mrs. Hill (née Fox) left."],
    ["M. Dupont, p. ex., viendra.", "Mme. Blanc aussi."],
    ["क्या यह चालू है?", "हाँ।", "ठीक है।"],
]
UNSPACED = ["打开阀门。", "他问：“好了吗？”", "好了！", "これは本です。", "「はい。」と言った。", "そう。"]


@pytest.mark.parametrize("parts", SENTENCES, ids=lambda p: p[0][:12])
def test_sentences_are_found(parts: list[str]) -> None:
    assert sentences(" ".join(parts)) == parts
    assert sentences("\n ".join(parts)) == parts


def test_sentences_without_spaces_between_them() -> None:
    assert sentences("".join(UNSPACED)) == UNSPACED


@settings(max_examples=quarter(15), deadline=None)
@given(st.text('aZ 1.!?…"”()。」\n\u00e9我', max_size=80))
def test_sentences_are_the_text_whatever_it_is(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


WORDS = [
    "pump",
    "valve,",
    "No.",
    "3.5",
    "and",
    "hold;",
    "«alto»",
    "ñandú",
    "the",
    "(see",
    "p.",
    "4)",
    "—",
    "x" * 30,
    "阀门打开，等待",
    "です。",
]
sentence = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(lambda w: " ".join(w) + ".")
prose = st.lists(sentence, min_size=1, max_size=5).map(" ".join)
lines = st.lists(sentence, min_size=1, max_size=5)
body = st.one_of(
    prose.map(lambda t: Block(t)),
    lines.map(lambda ls: Block("\n".join(f"- {line}" for line in ls), "list")),
    lines.map(lambda ls: Block("```\n" + "\n".join(f"    {line}" for line in ls) + "\n```", "code")),
    lines.map(lambda ls: Block("| a | b |\n| --- | --- |\n" + "\n".join(f"| {line} | 1 |" for line in ls), "table")),
    prose.map(lambda t: Block(t[:-1] + ":")),
)


HEAD = "| a | b |\n| --- | --- |"


@st.composite
def documents(draw: st.DrawFn) -> Document:
    blocks: list[Block] = []
    page = draw(st.sampled_from([None, 1]))
    for number in range(draw(st.integers(0, 4))):
        under = ("Pumps", f"Part {number}")[: draw(st.integers(1, 2))]
        if draw(st.booleans()):
            blocks.append(Block(f"## {under[-1]}", "heading", under, page))
        blocks += [Block(b.text, b.kind, under, page) for b in draw(st.lists(body, max_size=4))]
        page = page + draw(st.integers(0, 1)) if page else None
    return Document(draw(st.sampled_from(["Pumps", "Handbook"])), tuple(blocks))


@st.composite
def chunkings(draw: st.DrawFn) -> Chunking:
    size = draw(st.sampled_from([1, 3, 8, 20, 60, 400]))
    overlap = draw(st.integers(0, size - 1))
    return Chunking(size, draw(st.sampled_from(sorted(UNITS))), overlap, draw(st.sampled_from(BY)))


def fresh(chunks: list[Chunk]) -> list[str]:
    return [c.text[c.overlap :] for c in chunks]


def letters(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=quarter(30), deadline=None)
@given(documents(), chunkings())
def test_chunks_are_the_document_in_order(document: Document, how: Chunking) -> None:
    """Every letter once and in order; no chunk above its limit, but for one long word; overlap as asked."""
    chunks = cut(document, how)
    unit = UNITS[how.unit]
    assert letters("".join(fresh(chunks))) == letters("".join(b.text for b in document.blocks))
    assert [c.part for c in chunks] == list(range(1, len(chunks) + 1))
    before = ""
    for chunk in chunks:
        assert chunk.text.strip() and chunk.title.startswith(document.title)
        assert unit.count(chunk.text) <= how.size or len(chunk.text.split()) == 1
        repeated = chunk.text[: chunk.overlap].removeprefix(HEAD).removeprefix("\n")
        assert unit.count(repeated) <= how.overlap and repeated in before and len(repeated) < max(1, len(before))
        before = chunk.text
    assert cut(document, how) == chunks


@settings(max_examples=quarter(15), deadline=None)
@given(documents(), chunkings())
def test_a_sentence_is_cut_only_where_it_is_longer_than_the_limit(document: Document, how: Chunking) -> None:
    unit = UNITS[how.unit]
    texts = [b.text for b in document.blocks if b.kind == "text"]
    chunks = cut(document, how)
    for one in {s for t in texts for s in sentences(t) if unit.count(s) <= how.size}:
        assert any(one in c.text for c in chunks), one


@settings(max_examples=12, deadline=None)
@given(documents(), st.sampled_from([20, 60]), st.sampled_from([100, 400]))
def test_a_new_size_keeps_the_chunks_that_it_does_not_change(document: Document, size: int, other: int) -> None:
    """A section that is below both limits is the same chunk under both."""
    small, large, sections = (cut(document, Chunking(n)) for n in (size, other, 1_000_000))
    kept = {c.text for c in sections if count_words(c.text) <= size}
    assert kept <= {c.text for c in small} and kept <= {c.text for c in large}


@settings(max_examples=12, deadline=None)
@given(documents(), documents(), chunkings())
def test_a_section_more_changes_no_chunk_before_it(document: Document, more: Document, how: Chunking) -> None:
    if how.by not in ("headings", "pages"):
        return
    page = max([b.page or 0 for b in document.blocks], default=0) + 1
    new = tuple(Block(b.text, b.kind, b.headings, page) for b in more.blocks)
    if how.by == "headings" and (not new or new[0].kind != "heading" or document.blocks[-1:] == ()):
        return
    if how.by == "headings" and document.blocks[-1].kind == "heading":
        return  # a heading with nothing under it goes with the section that follows
    longer = Document(document.title, document.blocks + new)
    assert cut(longer, how)[: len(cut(document, how))] == cut(document, how)


def manual() -> Document:
    def block(text: str, *under: str, page: int = 1) -> Block:
        return Block(text, "heading" if text.startswith("#") else "text", ("Filler", *under), page)

    return Document(
        "Filler",
        (
            block("# Filler"),
            block("## Cleaning", "Cleaning"),
            block("Close the valve. Drain the bowl. Rinse it twice with hot water.", "Cleaning"),
            block("Check the seal: a worn seal leaks.", "Cleaning", page=2),
            block("### Weekly", "Cleaning", "Weekly", page=2),
            block("Grease the bearing.", "Cleaning", "Weekly", page=2),
        ),
    )


def test_a_section_is_a_chunk_under_its_headings() -> None:
    first, second = cut(manual(), Chunking(100))
    assert first.text.startswith("# Filler\n\n## Cleaning\n\nClose the valve. Drain") and first.text.endswith("leaks.")
    assert (first.title, first.page, first.part) == ("Filler > Cleaning", 1, 1)
    assert second.text == "### Weekly\n\nGrease the bearing."
    assert (second.title, second.page, second.part) == ("Filler > Cleaning > Weekly", 2, 2)


def test_a_long_section_is_cut_between_paragraphs_then_sentences() -> None:
    assert [c.text for c in cut(manual(), Chunking(13))] == [
        "# Filler\n\n## Cleaning\n\nClose the valve. Drain the bowl.",
        "Rinse it twice with hot water.\n\nCheck the seal: a worn seal leaks.",
        "### Weekly\n\nGrease the bearing.",
    ]
    assert [c.text for c in cut(manual(), Chunking(13, overlap=3))] == [
        "# Filler\n\n## Cleaning\n\nClose the valve. Drain the bowl.",
        "Drain the bowl. Rinse it twice with hot water.",
        "Check the seal: a worn seal leaks.",
        "### Weekly\n\nGrease the bearing.",
    ]
    repeated = cut(manual(), Chunking(15, overlap=7, by="sentences"))
    assert [c.text[: c.overlap] for c in repeated] == ["", "Rinse it twice with hot water.", ""]


@pytest.mark.parametrize(("by", "count"), [("headings", 2), ("pages", 2), ("paragraphs", 1), ("sentences", 1)])
def test_what_a_chunk_does_not_reach_beyond(by: str, count: int) -> None:
    chunks = cut(manual(), Chunking(100, by=by))
    assert len(chunks) == count
    assert chunks[0].title == "Filler > Cleaning"


def test_a_heading_is_never_the_end_of_a_chunk() -> None:
    for size in range(4, 40):
        for by in BY:
            for chunk in cut(manual(), Chunking(size, by=by)):
                assert not chunk.text.splitlines()[-1].startswith("#") or size < 8, (size, by, chunk.text)


def test_a_sentence_above_the_limit_is_cut_after_a_clause() -> None:
    long = "When the pump is warm, close the inlet valve, wait for a minute and open the drain below the tank."
    chunks = cut(Document("", (Block(long),)), Chunking(12))
    assert [c.text for c in chunks] == [
        "When the pump is warm, close the inlet valve,",
        "wait for a minute and open the drain below the tank.",
    ]
    words = cut(Document("", (Block("one two three four five six seven"),)), Chunking(3))
    assert [c.text for c in words] == ["one two three", "four five six", "seven"]


def test_a_table_cut_in_two_repeats_its_head() -> None:
    rows = [f"| part {n} | {n} Nm |" for n in range(12)]
    before = Block("Tighten every bolt by hand. Then use the key.")
    for by, overlap in [(by, o) for by in BY for o in (0, 4, 8, 14)]:
        chunks = cut(
            Document("T", (before, Block("\n".join([HEAD, *rows]), "table"))), Chunking(24, "words", overlap, by)
        )
        tables = [c.text[c.text.index("|") :].split("\n") for c in chunks if "|" in c.text]
        assert len(tables) > 2 and all("\n".join(t[:2]) == HEAD and len(t) > 2 for t in tables), tables
        assert [r for c in chunks for r in c.text[c.overlap :].strip().split("\n") if "part" in r] == rows
    narrow = cut(Document("T", (Block("\n".join([HEAD, *rows]), "table"),)), Chunking(5))
    assert all(UNITS["words"].count(c.text) <= 5 for c in narrow)  # a head and a row do not fit


def test_units_count_what_they_say() -> None:
    assert [UNITS[u].count("It's 20 °C - or 68 °F") for u in ("words", "tokens", "characters")] == [6, 6, 21]
    assert count_words("打开阀门 now") == 5
    assert whole(Document("T", (Block("a"), Block("b")))).text == "a\n\nb"


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(documents(), chunkings())
def test_chunks_are_the_document_in_order_of_many(document: Document, how: Chunking) -> None:
    test_chunks_are_the_document_in_order.hypothesis.inner_test(document, how)
    test_a_sentence_is_cut_only_where_it_is_longer_than_the_limit.hypothesis.inner_test(document, how)
