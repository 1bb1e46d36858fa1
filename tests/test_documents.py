"""Documents of every kind as blocks: headings, tables, lists and pages kept, boilerplate and broken files left out."""

from __future__ import annotations

from pathlib import Path

import document_files as made
import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.sources.documents import parsed
from synthspec.sources.documents.document import Document, DocumentFault, MissingDocumentPackage
from synthspec.sources.documents.parsed import read_document_file
from synthspec.sources.documents.reader import missing_packages, parse_document, suffixes

LOCKED = Path(__file__).parent / "data" / "locked.pdf"


def read(name: str, data: str | bytes, encoding: str | None = None) -> Document:
    return parse_document(data.encode() if isinstance(data, str) else data, name, encoding)


def shown(document: Document) -> list[tuple[str, str]]:
    return [(b.kind, b.text) for b in document.blocks]


MARKDOWN = """---
title: "Filler"
---
# Filler

See the [guide](http://a.example/x) and **never** use `force`, wrapped
over two lines. ![a *valve*](v.png)

* one
  more
* two
    1. inner

| Part | Torque |
|---|---|
| Bolt | 8 Nm \\| 9 |

```sh
# no heading
run
```

Care
----
> Quoted.

<details><p>Seen<script>alert(1)</script></p></details>
<!-- unseen -->
"""


def test_markdown() -> None:
    document = read("a.md", MARKDOWN)
    assert document.title == "Filler"
    assert shown(document) == [
        ("heading", "# Filler"),
        ("text", "See the guide and never use force, wrapped over two lines. a valve"),
        ("list", "- one more\n- two\n  1. inner"),
        ("table", "| Part | Torque |\n| --- | --- |\n| Bolt | 8 Nm \\| 9 |"),
        ("code", "```sh\n# no heading\nrun\n```"),
        ("heading", "## Care"),
        ("text", "Quoted."),
        ("text", "Seen"),
    ]
    assert document.blocks[-1].headings == ("Filler", "Care")


HTML = """<!doctype html><title>Filler | ACME</title><body class="has-cookie-banner">
<header><a href=/>ACME</a></header><nav><ul><li>Home<li>Docs</ul></nav>
<div id="cookieConsent">We use cookies <button>OK</button></div>
<main><h1>Filler</h1><p>First <b>para</b>graph, <a href=x>a link</a>.<p>Second<br>line
<ul><li>One<li>Two<ol start=4><li>a<li>b</ol></ul><h2>Care</h2>Loose <div>inner</div>
<table><tr><th>Part<th>Torque<tr><td>Bolt<td>8 Nm</table><pre>  code
   x</pre><dl><dt>Seal<dd>A ring</dl><aside>Ad</aside><p hidden>no</p><p style="display: none">no</p></main>
<footer>(c)</footer><script>var x = "<p>no</p>"</script>"""


def test_html_without_its_boilerplate() -> None:
    document = read("a.html", HTML)
    assert document.title == "Filler"
    assert shown(document) == [
        ("heading", "# Filler"),
        ("text", "First paragraph, a link."),
        ("text", "Second\nline"),
        ("list", "- One\n- Two\n  4. a\n  5. b"),
        ("heading", "## Care"),
        ("text", "Loose"),
        ("text", "inner"),
        ("table", "| Part | Torque |\n| --- | --- |\n| Bolt | 8 Nm |"),
        ("code", "```\n  code\n   x\n```"),
        ("list", "- Seal: A ring"),
    ]


def test_the_title_is_that_of_the_text_and_not_of_the_site() -> None:
    page = "<header><h1>Handbook</h1></header><main>{}<p>Text.</main>"
    assert read("a.html", page.format("<h1>Lamp</h1>")).title == "Lamp"
    assert read("a.html", page.format("")).title == "Handbook"
    assert read("lamp.html", "<title>Lamp | Handbook</title><p>Text.").title == "Lamp"
    assert read("lamp-2.html", "<p>Text.").title == "lamp-2"


def test_html_without_a_main_part() -> None:
    page = (
        "<body><header><h1>Lamp</h1></header><ul><li><a>Home</a><li><a>Shop</a><li><a>Help</a></ul>{}<footer>x</footer>"
    )
    assert shown(read("a.html", page.format("<p>Text.")))[1:] == [("text", "Text.")]
    most = "<div class='sidebar'><p>" + "A long text that is all the page has. " * 5 + "</p></div>"
    assert len(read("a.html", page.format(most)).blocks) == 2, "a banner by name that holds most of the text is none"


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252"])
def test_html_says_its_encoding(declared: str) -> None:
    page = f"<meta charset={declared}><p>Señor “Pérez”".encode("cp1252")
    assert shown(read("a.htm", page)) == [("text", "Señor “Pérez”")]


@settings(max_examples=quarter(60), deadline=None)
@given(st.lists(st.sampled_from(["<p>", "</p>", "<div>", "</div>", "<li>", "<ul>", "</ul>", "<table>", "<tr>", "<td>", "</table>", "<h1>", "</h2>", "<main>", "<script>", "</script>", "<!--", "-->", "<a", "&amp", "one ", "two\n", "<br/>", "<nav>", "<pre>"]), max_size=30))  # fmt: skip
def test_any_html_is_read(parts: list[str]) -> None:
    for name in ("a.html", "a.md"):
        try:
            assert read(name, "".join(parts)).blocks
        except DocumentFault as fault:
            assert "no text" in str(fault)


def test_deep_html_is_read() -> None:
    assert "deep" in read("a.html", "<div>" * 20_000 + "deep").blocks[-1].text
    nested = "".join(f"{'  ' * depth}- level {depth}\n" for depth in range(20))
    assert "level 19" in read("a.md", nested).blocks[-1].text
    with pytest.raises(DocumentFault, match="no text"):
        read("a.md", "> " * 2_000 + "deep")


TEXT = """Lockout
=======

A rule for
everybody.

Steps
-----
1. Stop the
machine.
2. Lock it.

  * gloves
    * and goggles
\fOn page two.
"""


def test_plain_text() -> None:
    document = read("a.txt", TEXT)
    assert document.title == "Lockout"
    assert [(b.kind, b.text, b.page) for b in document.blocks] == [
        ("heading", "# Lockout", 1),
        ("text", "A rule for\neverybody.", 1),
        ("heading", "## Steps", 1),
        ("list", "1. Stop the machine.\n2. Lock it.", 1),
        ("list", "* gloves\n  * and goggles", 1),
        ("text", "On page two.", 2),
    ]
    assert document.blocks[-1].headings == ("Lockout", "Steps")


PAGE = [
    (60, 800, 8, "Handbook of the hall"),
    (60, 740, 18, "Filler"),
    (60, 710, 10, "The filler doses liquid into bottles of many sizes and"),
    (60, 698, 10, "stops by itself, if the tank is nearly empty."),
    (60, 670, 10, "A second paragraph."),
    (60, 650, 10, "Part"), (200, 650, 10, "Torque"),
    (60, 638, 10, "Bolt M8"), (200, 638, 10, "8 Nm"),
    (60, 30, 8, "Page 1 of 3"),
]  # fmt: skip


def test_pdf() -> None:
    others = [
        [(60, 800, 8, "Handbook of the hall"), (60, 700, 10, f"Text of page {n}."), (60, 30, 8, f"Page {n} of 3")]
        for n in (2, 3)
    ]
    document = read("a.pdf", made.pdf([PAGE, *others], "Filler handbook"))
    assert document.title == "Filler handbook"
    assert [(b.kind, b.text, b.page) for b in document.blocks] == [
        ("heading", "# Filler", 1),
        (
            "text",
            "The filler doses liquid into bottles of many sizes and stops by itself, if the tank is nearly empty.",
            1,
        ),
        ("text", "A second paragraph.", 1),
        ("table", "| Part | Torque |\n| --- | --- |\n| Bolt M8 | 8 Nm |", 1),
        ("text", "Text of page 2.", 2),
        ("text", "Text of page 3.", 3),
    ]


def test_docx() -> None:
    cell = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    rows = "".join(cell.format(made.paragraph(a), made.paragraph(b)) for a, b in [("Part", "Torque"), ("Bolt", "8 Nm")])
    body = made.paragraph("Filler", "Title") + made.paragraph("Care", "Heading1") + made.paragraph("Wipe it.")
    document = read("a.docx", made.docx(body + f"<w:tbl>{rows}</w:tbl>"))
    assert document.title == "a" and [b.headings for b in document.blocks[1:]] == [("Care",)] * 3
    assert shown(document) == [
        ("heading", "# Filler"),
        ("heading", "# Care"),
        ("text", "Wipe it."),
        ("table", "| Part | Torque |\n| --- | --- |\n| Bolt | 8 Nm |"),
    ]


def test_pptx_and_epub() -> None:
    slides = read("a.pptx", made.pptx([("Safety", ["Wear gloves.", "Close it."]), ("Care", ["Wipe it."])]))
    assert [(b.text, b.page) for b in slides.blocks] == [
        ("## Safety", 1), ("- Wear gloves.\n- Close it.", 1), ("## Care", 2), ("Wipe it.", 2),
    ]  # fmt: skip
    book = read("a.epub", made.epub("The Book", ["<h1>One</h1><p>First.", "<h1>Two</h1><p>Second."]))
    assert book.title == "The Book" and [b.text for b in book.blocks] == ["# One", "First.", "# Two", "Second."]


WHOLE = {
    ".pdf": made.pdf([PAGE]),
    ".docx": made.docx(made.paragraph("Wipe it.")),
    ".pptx": made.pptx([("Safety", ["Wear gloves."])]),
    ".epub": made.epub("The Book", ["<p>First."]),
    ".html": HTML.encode(),
    ".md": MARKDOWN.encode(),
    ".txt": TEXT.encode(),
}


@pytest.mark.parametrize("suffix", sorted(WHOLE))
def test_a_damaged_file_is_read_or_refused(suffix: str) -> None:
    """Cut off anywhere, or with bytes changed: a document, or a DocumentFault of one line with what to do."""
    whole = WHOLE[suffix]
    damaged = [whole[: len(whole) * n // 8] for n in range(8)]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(0, len(whole), len(whole) // 12)
    ]
    for data in [*damaged, b"", b"\0" * 50, b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"\0" * 600]:
        try:
            assert read(f"a{suffix}", data).blocks
        except DocumentFault as fault:
            assert str(fault) and "\n" not in str(fault) and fault.help
        except Exception as fault:
            assert type(fault).__name__ == "TableFault", fault


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pdf", LOCKED.read_bytes(), "protected by a password"),
        ("a.pdf", made.pdf([[]]), "no text"),
        ("a.md", b"# \n\n---\n", "no text"),
        ("a.html", b"<nav>Home</nav><script>x</script>", "no text"),
        ("a.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "password"),
        ("a.docx", made.zipped({"x": "y"}), "no Word document"),
        ("a.docx", made.docx("<w:p>"), "is not XML"),
        ("a.epub", made.zipped({"META-INF/container.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "entities"),
        ("a.epub", made.zipped({"META-INF/container.xml": "<a/>", "META-INF/rights.xml": "<a/>"}), "locked"),
        ("a.pptx", made.zipped({"ppt/presentation.xml": "<a/>"}), "no text"),
        ("a.txt", "имя".encode("cp1251"), "not UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(name: str, data: bytes, why: str) -> None:
    with pytest.raises(Exception, match=why) as found:
        read(name, data)
    assert getattr(found.value, "help", "")


def test_an_archive_that_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.sources.documents import archive

    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(DocumentFault, match="unpacks to more"):
        read("a.epub", made.epub("The Book", ["<p>" + "a" * 2_000_000]))


def test_a_kind_whose_package_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.sources.documents.reader.find_spec", lambda name: None)
    assert missing_packages(".pdf") == ("pypdfium2",) and missing_packages(".md") == ()
    (tmp_path / "a.pdf").write_bytes(WHOLE[".pdf"])
    with pytest.raises(MissingDocumentPackage, match=r"need the package pypdfium2") as found:
        read_document_file(tmp_path / "a.pdf")
    assert "pip install" in found.value.help


def test_documents_are_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow kind is kept in the cache folder, by its bytes; an entry that is damaged is made again."""
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.pdf"
    path.write_bytes(made.pdf([PAGE], "First"))
    monkeypatch.setattr(parsed, "_held", type(parsed._held)())
    first = read_document_file(path)
    calls: list[str] = []
    whole = parse_document
    monkeypatch.setattr(parsed, "parse_document", lambda *a: calls.append(a[1]) or whole(*a))
    assert read_document_file(path) == first and not calls, "held in memory"
    parsed._held.clear()
    assert read_document_file(path) == first and not calls, "kept on disk"
    entry = next(p for p in (tmp_path / "cache").rglob("*.json"))
    entry.write_text("[1, 2")
    parsed._held.clear()
    assert read_document_file(path) == first and calls == ["a.pdf"]
    path.write_bytes(made.pdf([PAGE], "Other"))
    assert read_document_file(path).title == "Other"
    (tmp_path / "b.md").write_text("# Kettle\n")
    before = len(list((tmp_path / "cache").rglob("*.json")))
    read_document_file(tmp_path / "b.md")
    assert len(list((tmp_path / "cache").rglob("*.json"))) == before, "Markdown is quick"


def test_suffixes() -> None:
    assert set(WHOLE) < set(suffixes())
    with pytest.raises(DocumentFault, match="a document is one of"):
        read_document_file(Path("a.csv"))
