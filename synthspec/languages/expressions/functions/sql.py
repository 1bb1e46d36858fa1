"""Whether a text is SQL, by sqlglot, which belongs to the extra `sql`. Imported only where it is asked."""

from __future__ import annotations

import logging
import threading
from typing import Any

from sqlglot import exp, tokenize
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it logs what it reads as an unknown command

STEPS = 100  # for each token, and as many again: a parser that tries one way after the other is stopped
_NAMES = (  # not every version of sqlglot has all
    "Query DML DDL Merge Drop Alter TruncateTable Grant Revoke Transaction Commit Rollback Set Use Pragma Describe "
    "Comment Values"
)
_STATEMENTS = tuple(getattr(exp, name) for name in _NAMES.split() if hasattr(exp, name))


class _TooLong(Exception):
    """The parser took more steps than any sound statement needs."""


class _Counting(Parser):
    """A parser that stops after so many steps: a bound that hangs on the text, not on a clock."""

    steps = 0
    most = 0

    def _advance(self, *times: Any) -> None:
        self.steps += 1
        if self.steps > self.most:
            raise _TooLong
        super()._advance(*times)


def is_sql(code: str) -> bool:
    """Whether the text is one statement or several that sqlglot reads to the end, in no dialect."""
    found: list[bool] = []
    worker = threading.Thread(target=lambda: found.append(_is_sql(code)))
    worker.start()  # its stack is empty, so that how deep a statement may be nested does not hang on ours
    worker.join()
    return bool(found and found[0])


def _is_sql(code: str) -> bool:
    try:
        tokens = tokenize(code)
        parser = _Counting()
        parser.most = STEPS * (len(tokens) + 100)
        statements = [s for s in parser.parse(tokens, code) if s is not None]
    except (SqlglotError, RecursionError, _TooLong, ValueError):
        return False
    return bool(statements) and all(isinstance(s, _STATEMENTS) and not _empty(s) for s in statements)


def _empty(statement: Any) -> bool:
    """Whether a SELECT in it selects nothing, which sqlglot lets pass."""
    return any(not select.expressions for select in statement.find_all(exp.Select))
