"""Reading a spec's text from disk, within limits. Source is the first value of the pipeline."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.remedies import remove
from synthspec.lazy_dataclass import dataclass

MAX_BYTES = 2_000_000
MAX_NAME = 255  # bytes of a file's name
MAX_PATH = 4_000  # bytes of a path
NO_FILE = "<spec>"  # the name of a spec that is no file


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file. `file` is the name shown to people."""

    path: Path
    file: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines without their ends; not to be changed."""
        return _lines(self.text)

    def span(self, line: int = 1, column: int = 1, end_line: int = 0, end_column: int = 0) -> Span:
        """A place in this file; one character where no end is given."""
        return Span(self.file, line, column, end_line or line, end_column or column + 1)


@lru_cache(maxsize=64)
def _lines(text: str) -> list[str]:
    return text.split("\n")


def shown_name(path: Path) -> str:
    """The path as a person in the current folder would write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):
        return str(path)


def path_fault(text: str) -> tuple[str, str] | None:
    """Why no file can have this path, and what to write instead; None where one can."""
    bad = next((c for c in text if ord(c) < 32 or 0xD800 <= ord(c) < 0xE000), None)
    if bad is not None:
        return f"a path cannot contain the character U+{ord(bad):04X}", remove() + ", or put the path in single quotes"
    sizes = [len(part.encode()) for part in text.split("/")]
    if max(sizes) > MAX_NAME or sum(sizes) + len(sizes) > MAX_PATH:
        return "this path is too long for a file", f"name a file by at most {MAX_NAME} bytes"
    return None


def read_source(path: Path, file: str | None = None) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """Read one spec file. A file that is no text at all gives a diagnostic and no Source."""
    file = file or shown_name(path)

    def fault(code: str, message: str, help: str) -> tuple[None, tuple[Diagnostic, ...]]:
        return None, (Diagnostic(code, message, Span(file, 1, 1, 1, 1), help),)

    try:
        if path.is_dir():
            return fault("E101", "this is a folder, not a spec", f"name a file in it: {file}/….yaml")
        if not path.exists():
            return fault("E101", "there is no such file", _similar(path))
        if not path.is_file():
            return fault("E101", "this is not a regular file", "name a YAML file")
        with path.open("rb") as f:
            raw = f.read(MAX_BYTES + 1)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        return fault("E101", f"the file cannot be read: {reason.lower()}", "check its name and permissions")
    if len(raw) > MAX_BYTES:
        return fault(
            "E102", f"the file is larger than {MAX_BYTES // 1_000_000} MB", "put data in a source file instead"
        )
    return _decode(raw, path, file)


def text_source(text: str) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """A spec that is no file: its text. What it names is looked for in the working directory."""
    if len(text) > MAX_BYTES:  # no text is shorter in bytes
        help = "put data in a source file instead"
        return None, (
            Diagnostic("E102", f"the spec is larger than {MAX_BYTES // 1_000_000} MB", Span(NO_FILE, 1, 1, 1, 1), help),
        )
    raw = text.encode("utf-8", "surrogatepass")
    return _decode(raw, Path.cwd() / NO_FILE, NO_FILE)


def buffer_source(path: Path, text: str) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The text of a file as an editor has it, which may not be saved."""
    file = shown_name(path)
    if len(text) > MAX_BYTES:
        help = "put data in a source file instead"
        return None, (
            Diagnostic("E102", f"the file is larger than {MAX_BYTES // 1_000_000} MB", Span(file, 1, 1, 1, 1), help),
        )
    return _decode(text.encode("utf-8", "surrogatepass"), path, file)


def _decode(raw: bytes, path: Path, file: str) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    place = Span(file, 1, 1, 1, 1)
    save = "save it as UTF-8 (in most editors: Save with encoding)"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, (Diagnostic("E103", "the file is UTF-16, not UTF-8", place, save),)
    if b"\0" in raw:
        return None, (Diagnostic("E103", "the file is binary, not text", place, "name a YAML file"),)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, e.start) + 1 : e.start].decode("utf-8", "replace")) + 1
        spot = Span(file, line, column, line, column + 1)
        return None, (Diagnostic("E103", "the file is not UTF-8 text here", spot, save),)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(path, file, text), ()


def _similar(path: Path) -> str:
    from synthspec.diagnostics import nearest_file

    try:
        if (path.parent / "specs" / path.name).is_file():  # where `new` writes them
            return f"did you mean '{shown_name(path.parent / 'specs' / path.name)}'?"
        for other in (path.with_name(f"{path.name}.yaml"), path.parent / "specs" / f"{path.name}.yaml"):
            if other.is_file():
                return f"did you mean '{shown_name(other)}'?"
        names = [p.name for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml")]
    except (OSError, ValueError):
        return "check the path"
    near = nearest_file(path.name, names)
    return f"did you mean '{shown_name(path.parent / near)}'?" if near else "check the path"
