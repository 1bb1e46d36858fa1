"""The code of a model: its file, and every file beside or below it that it may import, each with its digest."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from synthspec.diagnostics import Related, Span, did_you_mean
from synthspec.diagnostics.errors import system_reason
from synthspec.document.inheritance import inside
from synthspec.lazy_dataclass import dataclass
from synthspec.sources.paths import find_file
from synthspec.sources.source_kind import Place, SourceFault

MAX_FILES = 200
MAX_BYTES = 4_000_000
MAX_ENTRIES = 20_000  # of the folders that are looked through


@dataclass(frozen=True, slots=True)
class ModelCode:
    """What would run. Nothing else of the model's folder can be imported: the process is handed this list."""

    text: str  # as the spec has it: factory/model.py:Factory
    path: Path
    class_name: str
    line: int  # of the class, 1 where it is not written out
    files: Mapping[str, str]  # of each file its SHA-256, by its path below the model's folder

    @property
    def folder(self) -> Path:
        """Where its imports are looked for."""
        return self.path.parent

    @property
    def digest(self) -> str:
        """Of all files: another one as soon as a byte is."""
        whole = hashlib.sha256(self.path.name.encode("utf-8", "surrogatepass"))
        for name, digest in sorted(self.files.items()):
            whole.update(f"\0{name}\0{digest}".encode("utf-8", "surrogatepass"))
        return whole.hexdigest()

    def places(self, shown: int = 12) -> tuple[Related, ...]:
        """The files, for a reader who is to decide: the class first."""
        own = self.files[self.path.name]
        found = [Related(_span(self.path, self.line), f"this would run; SHA-256 of the file {own}")]
        others = [name for name in sorted(self.files) if name != self.path.name]
        for name in others[:shown]:
            found.append(Related(_span(self.folder / name, 1), f"this may be imported; SHA-256 {self.files[name]}"))
        if len(others) > shown:
            more = f"and {len(others) - shown} more files of the same folder; SHA-256 of all files {self.digest}"
            found.append(Related(_span(self.folder / others[shown], 1), more))
        return tuple(found)


def _span(path: Path, line: int) -> Span:
    return Span(str(path), line, 1, line, 2)


def read_code(text: str, place: Place) -> ModelCode:
    """The code that `file.py:Class` names. It is read, and not run.

    Raises:
        SourceFault: there is no such file (E511), it lies outside (E513), has no such class (E821), or has too many
            files beside it (E828).
    """
    name, _, class_name = text.rpartition(":")
    path = find_file(name, place)
    files = dict(_digests(path, place))
    return ModelCode(text, path, class_name, _class_line(path, class_name, name), files)


def _digests(path: Path, place: Place) -> Iterator[tuple[str, str]]:
    """Each file with its SHA-256, the model's own among them."""
    size = 0
    seen = {path.name}
    for count, name in enumerate((path.name, *(n for n in _importable(path.parent) if n not in seen))):
        file = path.parent / name
        if not inside(file, place.home):
            raise SourceFault(f"'{name}' beside the model is a link out of the spec's folder", "copy the file", "E513")
        try:
            data = file.read_bytes()
        except OSError as e:
            message = f"'{name}', which the model may import, cannot be read: {system_reason(e)}"
            raise SourceFault(message, "let it be read, or put the model into a folder of its own") from None
        size += len(data)
        if count >= MAX_FILES or size > MAX_BYTES:
            raise _too_many(path)
        yield name, hashlib.sha256(data).hexdigest()


def _too_many(path: Path) -> SourceFault:
    message = f"beside '{path.name}' and below lie too many Python files for anybody to look through"
    help = f"put the model into a folder of its own: at most {MAX_FILES} files, {MAX_BYTES // 1_000_000} MB in all"
    return SourceFault(message, help, "E828")


def _importable(folder: Path) -> Iterator[str]:
    """Every Python file that an import can name, by its path below the folder; links to folders are not followed."""
    seen = 0
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f.isidentifier() and f != "__pycache__")
        if root != str(folder) and "pyvenv.cfg" in files:
            folders.clear()
            continue
        seen += len(files) + len(folders)
        if seen > MAX_ENTRIES:
            raise _too_many(folder / "the model")
        for name in sorted(files):
            if name.endswith(".py") and name[:-3].isidentifier():
                yield (Path(root) / name).relative_to(folder).as_posix()


def _class_line(path: Path, class_name: str, shown: str) -> int:
    """The line of the class; 1 where the name may come from elsewhere, which only a run can tell."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        line = f", line {e.lineno}" if isinstance(e, SyntaxError) and e.lineno else ""
        what = e.msg if isinstance(e, SyntaxError) else str(e)
        raise SourceFault(f"'{shown}' is not a Python file: {what}{line}", "correct the model", "E821") from None
    classes = {node.name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    if class_name in classes:
        return classes[class_name]
    if class_name not in path.read_text(encoding="utf-8", errors="replace") and not _imports_all(tree):
        help = did_you_mean(
            f"{shown}:{class_name}", [f"{shown}:{c}" for c in classes], "name a class of the file, after the colon"
        )
        raise SourceFault(f"'{shown}' has no class '{class_name}'", help, "E821")
    return 1


def _imports_all(tree: ast.Module) -> bool:
    return any(isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names) for n in ast.walk(tree))
