"""The catalogue of diagnostics: one Markdown file a code, with its cause, an example and the fix.

A file begins `# E301: unknown name`; then comes why, then `## Example` and `## Fixed`, each with one YAML
block. The tests hold that the example has this fault and no other, and that the fixed one has none; a line
`<!-- needs files -->` before an example that other files belong to leaves it out.
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


def describe() -> str:
    """The whole catalogue as one page of Markdown: `docs/diagnostics.md`."""
    lines = [
        "# Diagnostics",
        "",
        "Every error and warning of `synthspec check` has a code. `synthspec explain CODE` prints its entry here.",
        "Codes that begin with W are warnings: the spec builds all the same.",
        "",
        "| code | what is wrong |",
        "|---|---|",
        *(f"| [{c}](#{_anchor(c)}) | {title} |" for c, title in titles().items()),
        "",
    ]
    for code in codes():
        entry = explanation(code).replace("\n## ", "\n### ").replace("<!-- needs files -->\n\n", "")
        lines += [f"#{entry}"]
    return "\n".join(lines).rstrip() + "\n"


def _anchor(code: str) -> str:
    """What Markdown hosts make of a heading."""
    heading = f"{code}: {titles()[code]}".lower()
    return "".join(c for c in heading.replace(" ", "-") if c.isalnum() or c in "-_")
