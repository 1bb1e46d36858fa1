"""Rejections of the formats: a countable rule, and a reason that quotes the text."""

from __future__ import annotations

from synthspec.spec.rows import Rejection, Stage

QUOTED = 200  # characters of the reply that a reason repeats


def quote(text: str) -> str:
    """The text on one line, cut to 200 characters."""
    flat = " ".join(text[: QUOTED * 4].split())
    return flat if len(flat) <= QUOTED else flat[: QUOTED - 1] + "…"


def refuse(form: str, cause: str, why: str, text: str) -> Rejection:
    """A rejection whose rule is `form: cause`, and whose reason is `why` followed by the text."""
    shown = quote(text)
    return Rejection(Stage.PARSE, f"{form}: {cause}", f"{why}: {shown}" if shown else why)
