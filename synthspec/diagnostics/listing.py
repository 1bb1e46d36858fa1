"""The diagnostics of a spec as a tuple that shows itself: in a terminal, in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from synthspec.diagnostics import Diagnostic, has_errors

MOST = 50  # shown in full


class Diagnostics(tuple[Diagnostic, ...]):
    """Diagnostics by place; empty where nothing is wrong. `texts` are those of specs that are no files, by name."""

    texts: Mapping[str, str]

    def __new__(cls, found: Iterable[Diagnostic] = (), texts: Mapping[str, str] | None = None) -> Self:
        made = super().__new__(cls, found)
        made.texts = dict(texts or {})
        return made

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings aside."""
        return not has_errors(self)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that keep a spec from being built."""
        return tuple(d for d in self if d.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """All others."""
        return tuple(d for d in self if d.severity == "warning")

    @property
    def summary(self) -> str:
        """`2 errors and 1 warning`, `no errors`."""
        counts = ((len(self.errors), "error"), (len(self.warnings), "warning"))
        parts = [f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts if n]
        return " and ".join(parts) or "no errors"

    def as_text(self) -> str:
        """Each with its source line, a caret and its fix, as `synthspec check` prints them."""
        from synthspec.diagnostics.render import render_text

        shown = render_text(self[:MOST], texts=self.texts)
        more = f"… and {len(self) - MOST} more\n" if len(self) > MOST else ""
        return f"{shown}{more}{self.summary}"

    def __repr__(self) -> str:
        return self.as_text()

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from synthspec.diagnostics.html import code, heading, page

        return page(heading(self.summary), *([code(self.as_text())] if self else []))
