"""Names of files and folders made of values: safe on every system, never the same for two values."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from hashlib import sha256

LONGEST = 120  # bytes of UTF-8, well under the 255 that file systems allow
# what a build puts in its folder besides the dataset
RESERVED = (
    *("manifest.json", "README.md", "quarantine.jsonl", "report.html", "metrics.csv", "incomplete", "run.lock"),
    *(f"{store}.sqlite{end}" for store in ("run", "rows", "reviews") for end in ("", "-wal", "-shm", "-journal")),
)
_KEPT = frozenset(" -_+,=@.")
_DEVICES = frozenset(
    [
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{d}{n}" for d in ("com", "lpt") for n in "123456789"),
    ]  # names Windows keeps
)


def safe_name(text: str) -> str:
    """A file name for the text: the text itself where it can be one, else what can be kept and a hash.

    >>> safe_name("anger"), safe_name("très content"), safe_name("")
    ('anger', 'très content', '_')
    >>> safe_name("../a"), safe_name("CON")
    ('a-61b4c98b', 'CON-a3dbc4b6')
    """
    if not text:
        return "_"
    name = "".join(c if _is_safe(c) else "_" for c in unicodedata.normalize("NFC", text)).strip(" .")
    if name == text and len(name.encode()) <= LONGEST and name != "_" and name.split(".")[0].lower() not in _DEVICES:
        return name
    return f"{_cut(name.strip(' ._') or '_', LONGEST - 9)}-{_hash(text)[:8]}"


class FileNames:
    """Names given out in one folder. Two texts never get one name, not even one that differs in case
    alone."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._given: dict[str, str] = {}
        self._taken = {_folded(t) for t in taken}

    def claim(self, text: str) -> str:
        """The name of this text; the same each time."""
        if text not in self._given:
            name = safe_name(text)
            while _folded(name) in self._taken:
                name = f"{_cut(name, LONGEST - 17)}-{_hash(text + name)[:16]}"
            self._taken.add(_folded(name))
            self._given[text] = name
        return self._given[text]


def _is_safe(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character)[0] in "LNM"


def _cut(name: str, most: int) -> str:
    return name.encode()[:most].decode(errors="ignore").rstrip(" .")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _hash(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
