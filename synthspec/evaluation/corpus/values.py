"""Values as they are measured: text as it is, and one name for one value, whatever file it was read from."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

MOST_CHARACTERS = 20_000  # of one value; the rest is not measured
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def measured_text(value: Any) -> str:
    """A value as it is measured: text as it is, nothing as an empty text, others as CSV would hold them.

    >>> measured_text("a"), measured_text(None), measured_text(True), measured_text(5.0), measured_text(0.25)
    ('a', '', 'true', '5', '0.25')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        value = int(value)
    text = value if isinstance(value, str) else str(value)
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()


def level_names(values: Sequence[Any]) -> list[str]:
    """The values of a column that is no text, each with the name that the same value has in any other file.

    `True` is `true` and `5.0` is `5`, but where that would make one of two values that differ here (versions, say).

    >>> level_names(["True", "False", "True"]), level_names(["5.0", "4", "5.0"]), level_names(["1.1", "1.10"])
    (['true', 'false', 'true'], ['5', '4', '5'], ['1.1', '1.10'])
    """
    texts = [measured_text(v) for v in values]
    different = {*texts} - {""}
    if {t.lower() for t in different} <= {"true", "false"}:
        names = {t: t.lower() for t in different}
    elif all(_NUMBER.fullmatch(t) for t in different):
        names = {t: measured_text(float(t)) if "." in t or "e" in t.lower() else t for t in different}
    else:
        return texts
    if len({*names.values()}) < len(different):
        return texts
    return [names.get(t, t) for t in texts]
