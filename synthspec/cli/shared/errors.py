"""From what went wrong to message, help and exit status: the one place, for every command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from synthspec.diagnostics.errors import ExitStatus, SynthspecError


class Failure(NamedTuple):
    """What a command says as it ends."""

    message: str
    help: str
    status: int  # 1 the spec is wrong, 3 something else is


def failure_of(error: SynthspecError | OSError, folder: Path | None = None, help: str = "") -> Failure:
    """What to say of an error. `folder` is where a command writes; `help` stands in where an error has none.

    >>> from synthspec.sources import TableFault
    >>> failure_of(TableFault("no rows"))
    Failure(message='no rows', help='', status=1)
    """
    if isinstance(error, SynthspecError):
        return Failure(error.message, error.help or help, error.status)
    from synthspec.dataset.output_errors import explain_output

    return Failure(*explain_output(error, folder or Path()), 3)


@contextmanager
def ending_on_errors(
    folder: Path | None = None, help: str = "", interrupted: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """An error in here ends the command: its message, its help, its status; 130 where a signal had stopped the work.

    Errors of the operating system are explained where a `folder` is given, and left alone otherwise.
    """
    from synthspec.cli.shared.show import fail

    try:
        yield
    except (SynthspecError, OSError) as error:
        if isinstance(error, OSError) and folder is None:
            raise
        message, help, status = failure_of(error, folder, help)
        fail(message, help, ExitStatus.INTERRUPTED if interrupted() else status)
