"""A spec's file as an editor needs it, and saved again with the line ends, the byte order mark and the mode it had."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path

from synthspec.diagnostics.errors import SynthspecError, system_reason
from synthspec.document.source import MAX_BYTES
from synthspec.durable import sync_file, sync_folder
from synthspec.lazy_dataclass import dataclass

BOM = b"\xef\xbb\xbf"
MOST_MATCHED = 5_000  # lines of a text with mixed ends in which each line keeps its own
_END = re.compile(r"\r\n|\r|\n")
_SAVING = threading.Lock()


class UneditableFile(SynthspecError):
    """A file that cannot be shown as text, read or written."""


class ChangedOnDisk(Exception):
    """The file is not what the edit began from: `now` is what it holds, None where it is gone."""

    def __init__(self, now: SavedText | None) -> None:
        super().__init__("the file changed on disk")
        self.now = now


@dataclass(frozen=True, slots=True)
class SavedText:
    """The text of a file with plain line ends and no mark, and what it has of both. `digest` is of its bytes."""

    text: str
    digest: str
    newline: str = "\n"  # that of most lines
    mixed: bool = False
    bom: bool = False
    read_only: bool = False


def read_saved(path: Path) -> SavedText | None:
    """A file as it is; None where there is none.

    Raises:
        UneditableFile: it is no text, is too large or cannot be read.
    """
    raw = _read(path)
    return None if raw is None else _saved(path, raw)


def save_text(path: Path, text: str, expected: str | None) -> SavedText:
    """Put a text in the place of the one whose digest is `expected`; None: where there is no file yet.

    Raises:
        ChangedOnDisk: the file holds something else, or is gone.
        UneditableFile: it may not be written.
    """
    with _SAVING, _locked(path):
        before = _read(path)
        now = None if before is None else _digest(before)
        wanted = saved_bytes(before or b"", text)
        if now != expected and before != wanted:
            raise ChangedOnDisk(None if before is None else _saved(path, before))
        if before != wanted:
            if before is not None and _is_read_only(path):
                help = "allow writing to it, or copy the text elsewhere; it is kept as a draft"
                raise UneditableFile(f"'{path.name}' may only be read", help)
            _replace(path, wanted)
        return _saved(path, wanted)


def saved_bytes(before: bytes, text: str) -> bytes:
    """A text as the bytes of a file that held `before`: lines that stay keep their ends, new ones get the usual.

    >>> saved_bytes(b"a\\r\\nb\\r\\n", "a\\nc\\n")
    b'a\\r\\nc\\r\\n'
    """
    old = before.removeprefix(BOM).decode("utf-8", "replace")
    lines = text.split("\n")
    ends = _ends_for(old, lines)
    made = "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))
    return (BOM if before.startswith(BOM) else b"") + made.encode("utf-8")


def plain_ends(text: str) -> str:
    """The text with plain line ends."""
    return _END.sub("\n", text)


def _ends_for(old: str, lines: list[str]) -> list[str]:
    """The end of each line but the last, which has none."""
    found = _END.findall(old)
    usual = _usual(found)
    ends = [usual] * (len(lines) - 1)
    before = _END.split(old)
    if len(set(found)) > 1 and max(len(before), len(lines)) <= MOST_MATCHED:
        same = SequenceMatcher(None, before, lines, autojunk=False)
        for a, b, size in same.get_matching_blocks():
            for step in range(size):
                if b + step < len(ends) and a + step < len(found):
                    ends[b + step] = found[a + step]
    return ends


def _usual(ends: list[str]) -> str:
    return Counter(ends).most_common(1)[0][0] if ends else "\n"


def _saved(path: Path, raw: bytes) -> SavedText:
    try:
        text = raw.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        help = "save it as UTF-8 in the editor it comes from"
        raise UneditableFile(f"'{path.name}' is not UTF-8 text (line {line})", help) from None
    if "\0" in text:
        raise UneditableFile(f"'{path.name}' is not a text file", "open a YAML file")
    ends = _END.findall(text)
    return SavedText(
        plain_ends(text), _digest(raw), _usual(ends), len(set(ends)) > 1, raw.startswith(BOM), _is_read_only(path)
    )


def _digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise UneditableFile(f"'{path.name}' cannot be read: {system_reason(e)}", "check its permissions") from None
    if len(raw) > MAX_BYTES:
        raise UneditableFile(f"'{path.name}' is larger than {MAX_BYTES // 1_000_000} MB", "put data in a source file")
    return raw


def _is_read_only(path: Path) -> bool:
    """Whether its owner took away the right to write, or the system does not give it."""
    try:
        return not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK)
    except OSError:
        return False


def _replace(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all, under the mode that it had."""
    beside = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        beside = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        beside.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
        sync_file(beside)
        beside.replace(path)
    except OSError as e:
        raise UneditableFile(
            f"'{path.name}' cannot be written: {system_reason(e)}", "your text is kept as a draft"
        ) from None
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other studios from saving the same file meanwhile, where the system can."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    while True:
        try:
            file = path.open("rb")
        except OSError:
            yield
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:  # a file system without locks
                yield
                return
            try:
                same = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except OSError:
                same = True  # it is gone, which saving finds out
            if same:
                yield
                return
