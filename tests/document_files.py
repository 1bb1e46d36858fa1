"""Small documents as bytes: PDF, Word, PowerPoint and EPUB, written part by part."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """An archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def pdf(pages: Sequence[Sequence[tuple[float, float, float, str]]], title: str = "") -> bytes:
    """Pages of lines: x, y, size, text (Latin-1)."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(
            f"BT /F1 {size} Tf {x} {y} Td ({text.replace('(', '[').replace(')', ']')}) Tj ET\n"
            for x, y, size, text in lines
        ).encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(len(objects))
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{k} 0 R' for k in kids)}] >>".encode()
    objects.append(f"<< /Title ({title}) >>".encode())
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, count = len(out), len(objects) + 1
    table = "".join(f"{p:010d} 00000 n \n" for p in places)
    out += f"xref\n0 {count}\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer << /Size {count} /Root 1 0 R /Info {count - 1} 0 R >>\nstartxref\n{start}\n%%EOF".encode()


def docx(body: str) -> bytes:
    """A Word document of this XML."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return zipped({
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="{kind}"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Target="word/document.xml"'
        f' Type="{OFFICE}/officeDocument"/></Relationships>',
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f'<w:styles {W}>{style("Heading1", "heading 1")}{style("Title", "Title")}</w:styles>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="s1" Target="styles.xml"'
        f' Type="{OFFICE}/styles"/></Relationships>',
    })  # fmt: skip


def style(name: str, said: str) -> str:
    """A paragraph style."""
    return f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{said}"/></w:style>'


def paragraph(text: str, style: str = "") -> str:
    """A paragraph of Word."""
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r><w:t>{text}</w:t></w:r></w:p>"


def pptx(slides: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """Slides: a title and points."""
    a = 'xmlns:a="a" xmlns:p="p"'
    parts = {
        "ppt/presentation.xml": f'<p:presentation {a} xmlns:r="{OFFICE}"><p:sldIdLst>'
        + "".join(f'<p:sldId id="{n}" r:id="r{n}"/>' for n in range(len(slides)))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{RELATIONS}">'
        + "".join(f'<Relationship Id="r{n}" Target="slides/slide{n}.xml"/>' for n in range(len(slides)))
        + "</Relationships>",
    }
    for n, (title, points) in enumerate(slides):
        said = "".join(f"<a:p><a:r><a:t>{p}</a:t></a:r></a:p>" for p in points)
        parts[f"ppt/slides/slide{n}.xml"] = (
            f'<p:sld {a}><p:sp><p:ph type="title"/><a:p><a:t>{title}</a:t></a:p></p:sp>'
            f'<p:sp>{said}</p:sp><p:sp><p:ph type="sldNum"/><a:p><a:t>{n}</a:t></a:p></p:sp></p:sld>'
        )
    return zipped(parts)


def epub(title: str, chapters: Sequence[str]) -> bytes:
    """A book of these chapters of HTML."""
    kind = "application/xhtml+xml"
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="{kind}"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    return zipped({
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="o/book.opf"/></rootfiles></container>',
        "o/book.opf": f"<package><metadata><title>{title}</title></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>",
        **{f"o/c{n}.xhtml": f"<html><body>{text}</body></html>" for n, text in enumerate(chapters)},
    })  # fmt: skip
