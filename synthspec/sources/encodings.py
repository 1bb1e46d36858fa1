"""Bytes to text: UTF-8, UTF-16 and UTF-32 are known by their bytes, Windows-1252 is guessed where it is plausible."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from synthspec.sources import TableFault

ENCODINGS = tuple(
    "utf-8 utf-16 utf-32 ascii latin-1 cp1250 cp1251 cp1252 cp437 cp850 iso-8859-1 iso-8859-15 mac-roman shift_jis "
    "gb18030 big5 euc-kr koi8-r".split()
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LOOK = 1 << 16  # bytes looked at for zeros
START = 1 << 20  # bytes from which the encoding of a large file is told
_WESTERN = re.compile(  # what stands alone among ASCII in text of Western Europe
    "[ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŸŽž€‚„…‘’“”•–—™¡¢£§©ª«°±²³´µ·º»¼½¾¿×÷®\xa0]"
)
_CONTROL = re.compile("[\0-\x08\x0e-\x1f]")
_RUN = re.compile("[À-ÖØ-öø-ÿŒœŠšŸŽž]{3,}")  # three such letters in a row: another alphabet, read as this one


def find_encoding(data: bytes) -> tuple[str, bool]:
    """The encoding of some text, and whether it is a guess.

    Raises:
        TableFault: it is none that can be told.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, False
    head = data[:LOOK]
    if b"\0" in head:
        return _by_zeros(head), False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        if _is_western(data):
            return "cp1252", True
        help = "say in which encoding it is written, such as `encoding: cp1252`, or save it as UTF-8"
        raise TableFault(f"not UTF-8 text (byte {e.start})", help) from None
    return "utf-8", False


def is_encoding(name: str) -> bool:
    """Whether text can be read by an encoding of this name."""
    try:
        "".encode(name)
        return isinstance(b"".decode(name), str)
    except (LookupError, UnicodeError, ValueError, TypeError):
        return False


def decode(data: bytes, encoding: str | None) -> tuple[str, str]:
    """The text, without a byte order mark, and the encoding if that is a guess ("" where it is not).

    Raises:
        TableFault: it is not text of that encoding.
    """
    name, guessed = (encoding, False) if encoding is not None else find_encoding(data)
    try:
        text = data.decode(name)
    except (UnicodeDecodeError, UnicodeError) as e:
        start = getattr(e, "start", 0)
        raise TableFault(f"not {name} text (byte {start})", "name another `encoding`, or save it as UTF-8") from None
    return text.removeprefix("\ufeff"), name if guessed else ""


def _by_zeros(head: bytes) -> str:
    """UTF-16 without a mark: of ASCII letters every other byte is zero."""
    half = len(head) // 2
    for name, mine, other in (("utf-16-le", head[1::2], head[0::2]), ("utf-16-be", head[0::2], head[1::2])):
        few = other.count(0) < 0.05 * half
        if few and mine.count(0) > 0.3 * half and not _CONTROL.search(head[: 2 * half].decode(name, "replace")):
            return name
    raise TableFault("not text: it contains zero bytes", "save it as UTF-8 text")


def _is_western(data: bytes) -> bool:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    strange = [c for c in text if ord(c) > 127]
    return all(_WESTERN.match(c) for c in set(strange)) and not _RUN.search(text)


def encoding_of_start(path: Path) -> tuple[str, bool]:
    """The encoding of a large file, told from its first megabyte, which may end within a character; whether a guess.

    Raises:
        OSError: it cannot be read.
        TableFault: it is none that can be told.
    """
    with path.open("rb") as file:
        head = file.read(START)
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as e:
        if e.start > len(head) - 4 and e.start > 0:
            head = head[: e.start]
    return find_encoding(head)
