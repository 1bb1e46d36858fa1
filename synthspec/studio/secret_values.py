"""Keys and tokens of the environment, which never leave the process: the last thing a response goes through."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache

HIDDEN = "[a key, not shown]"
SHORTEST = 12  # shorter values are words such as `ollama`, which servers without keys are given
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


def hide_secrets(text: bytes) -> bytes:
    """The text without the secret values of the environment, as they stand or as JSON and HTML write them."""
    pattern = _pattern(tuple(sorted({v for n, v in os.environ.items() if _is_secret(n, v)})))
    return text if pattern is None else pattern.sub(HIDDEN.encode(), text)


def _is_secret(name: str, value: str) -> bool:
    value = value.strip()
    is_path = value.startswith(("/", "~", "."))  # of a file that holds one
    return bool(_SECRET_NAME.search(name)) and len(value) >= SHORTEST and not is_path and len(value.split()) == 1


@lru_cache(maxsize=4)
def _pattern(values: tuple[str, ...]) -> re.Pattern[bytes] | None:
    from html import escape

    forms = {form for v in values for form in (v.strip(), json.dumps(v.strip())[1:-1], escape(v.strip()))}
    if not forms:
        return None
    encoded = (form.encode(errors="surrogateescape") for form in sorted(forms, key=len, reverse=True))
    return re.compile(b"|".join(re.escape(form) for form in encoded))
