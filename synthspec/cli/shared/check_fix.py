"""`check --fix`: the certain remedies of a spec written into its file, with its comments, order and ends of lines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from synthspec.dataset.atomic_files import replacing
from synthspec.diagnostics.errors import system_reason
from synthspec.document.source import shown_name
from synthspec.language_service import analyse, fix
from synthspec.sources.kinds import Access
from synthspec.sources.opened_before import KeptSources

_MARK = b"\xef\xbb\xbf"


def fix_file(path: Path, access: Access) -> Iterator[str]:
    """Apply every certain remedy to a file; a line for each. What cannot be read as a spec is left as it is."""
    target = path.resolve()
    try:
        raw = target.read_bytes()
        text = raw.removeprefix(_MARK).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return  # which the check tells
    plain = text.replace("\r\n", "\n")
    windows = plain != text
    if "\r" in plain or (windows and text.count("\r\n") != text.count("\n")):
        yield f"{shown_name(path)}: its lines end in several ways, so nothing was changed"
        return
    fixed = fix(analyse(path, plain, access=Access(trust=access.trust, before=KeptSources())))
    if not fixed.steps or fixed.text == plain:
        return
    written = (fixed.text.replace("\n", "\r\n") if windows else fixed.text).encode("utf-8")
    reason = _write(target, raw, (_MARK if raw.startswith(_MARK) else b"") + written)
    if reason:
        yield f"{shown_name(path)}: nothing was changed: {reason}"
        return
    for diagnostic, title in fixed.steps:
        span = diagnostic.span
        yield f"{span.file}:{span.line}:{span.column}: {diagnostic.code} fixed: {title} ({diagnostic.message})"


def _write(target: Path, before: bytes, after: bytes) -> str:
    """Put the new text in the place of the old; why that was not done, or ""."""
    try:
        with replacing(target) as beside:
            beside.write_bytes(after)
            shutil.copymode(target, beside)
            if target.read_bytes() != before:
                raise BlockingIOError(0, "the file has changed meanwhile")
    except OSError as e:
        return system_reason(e)
    return ""
