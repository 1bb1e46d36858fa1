"""Documents that are ZIP archives of XML: what one may unpack to, and its parts as trees."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

from synthspec.sources.documents.document import DocumentFault

MAX_UNPACKED = 512 * 1024 * 1024
_OLE = b"\xd0\xcf\x11\xe0"  # Office files with a password, and those from before 2007
_HELP = "open it and save it again, or remove it"


def open_archive(data: bytes) -> zipfile.ZipFile:
    """The archive, once it is known not to unpack to more than a limit.

    Raises:
        DocumentFault: it is broken, has a password, or is too large.
    """
    if data.startswith(_OLE):
        help = "save a copy without a password, in the format of today"
        raise DocumentFault("it is protected by a password, or in a format from before 2007", help)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise DocumentFault("it is broken: no ZIP archive, as such a document is", _HELP) from None
    infos = archive.infolist()
    if any(i.flag_bits & 1 for i in infos):
        raise DocumentFault("it is protected by a password", "save a copy without a password, or take it away")
    if sum(i.file_size for i in infos) > MAX_UNPACKED:
        raise DocumentFault(f"it unpacks to more than {MAX_UNPACKED // 1024 // 1024} MB", "take it away")
    return archive


def has_part(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether the archive holds a file of this name."""
    return name in archive.NameToInfo


def part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of the archive.

    Raises:
        DocumentFault: it is not there, or cannot be unpacked.
    """
    try:
        with archive.open(name) as file:
            found = file.read(MAX_UNPACKED + 1)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as e:
        raise DocumentFault(
            f"it is broken: its part '{name[:60]}' cannot be read ({type(e).__name__})", _HELP
        ) from None
    if len(found) > MAX_UNPACKED:
        raise DocumentFault(f"it unpacks to more than {MAX_UNPACKED // 1024 // 1024} MB", "take it away")
    return found


def tree(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """A part of XML as a tree.

    Raises:
        DocumentFault: it is not there, is no XML, or declares entities, which no such document needs.
    """
    text = part(archive, name)
    if b"<!ENTITY" in text:
        raise DocumentFault(f"its part '{name[:60]}' declares entities", "take it away")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as e:
        raise DocumentFault(f"it is broken: its part '{name[:60]}' is not XML ({e})", _HELP) from None


def local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def named(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """All elements of this name below one, whatever their namespace, in the document's order."""
    return (e for e in root.iter() if local(e) == name)


def beside(name: str, target: str) -> str:
    """The part that a part names, as a path in the archive.

    >>> beside("ppt/presentation.xml", "slides/slide1.xml"), beside("a/b.xml", "../c%20d.xml")
    ('ppt/slides/slide1.xml', 'c d.xml')
    """
    target = unquote(target.partition("#")[0])
    found = target.lstrip("/") if target.startswith("/") else posixpath.join(posixpath.dirname(name), target)
    return posixpath.normpath(found)
