"""What can go wrong once a spec has been checked: one base class, so that every face shows it in the same way."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """How a command ended, for the shell."""

    DONE = 0
    WRONG_SPEC = 1
    WRONG_USE = 2
    FAILED = 3  # or rows are missing
    GATE_FAILED = 4
    INTERRUPTED = 130


class SynthspecError(Exception):
    """What went wrong, in words for people.

    `message` says what, `help` how to fix it ("" where that is not known); `status` is the exit status of a command
    that ends with it: 1 where the spec is wrong, 3 where something else is.
    """

    default_status: ClassVar[int] = ExitStatus.FAILED

    def __init__(self, message: str, help: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.status = int(self.default_status if status is None else status)


def system_reason(error: OSError) -> str:
    """Why the system could not do something, as a part of a sentence.

    >>> system_reason(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    return (error.strerror or str(error)).lower()
