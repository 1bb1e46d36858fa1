"""The catalogue of diagnostics: one Markdown file a code, with its cause, an example and the mend.

A file begins `# E301: unknown name`; then comes why, then `## Example` and `## Mended`, each with one YAML
block. The tests hold that the example has this fault and no other, and that the mended one has none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def codes() -> tuple[str, ...]:
    """Every code, in order."""
    return tuple(sorted(p.stem for p in _FOLDER.glob("[EW][0-9]*.md")))


@cache
def explanation(code: str) -> str:
    """The whole entry of a code, as Markdown.

    Raises:
        LookupError: there is no such code.
    """
    if code not in codes():
        raise LookupError(code)
    return (_FOLDER / f"{code}.md").read_text(encoding="utf-8")


@cache
def titles() -> dict[str, str]:
    """The title of every code."""
    return {c: explanation(c).split("\n", 1)[0].removeprefix(f"# {c}:").strip() for c in codes()}
