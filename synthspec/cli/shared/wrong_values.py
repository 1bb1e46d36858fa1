"""Wrong values of options and arguments, in plain words: click's own are those of a programmer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class FileOrFolder(click.Path):
    """A path. An empty one, as of a variable of the shell that is not set, is none: else it would be this folder."""

    def __init__(self, **how: Any) -> None:
        super().__init__(path_type=Path, **how)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path.

        Raises:
            click.BadParameter: it is empty, or not what is wanted.
        """
        if value == "":
            self.fail("it is empty: is a variable of the shell not set?", param, ctx)
        return super().convert(value, param, ctx)


def in_plain_words(error: click.BadParameter) -> str:
    """The message of a wrong value.

    >>> in_plain_words(click.BadParameter("'x' is not a valid integer range.", param=_of(click.IntRange(1))))
    "'x' is not a whole number of at least 1"
    >>> above_none = click.FloatRange(0, min_open=True)
    >>> in_plain_words(click.BadParameter("0.0 is not in the range x>0.", param=_of(above_none)))
    '0.0 is not a number above 0'
    >>> in_plain_words(click.BadParameter("Directory 'x' is a file.", param=_of(FileOrFolder())))
    "'x' is a file: name a folder"
    """
    kind, said = error.param.type if error.param is not None else None, error.message
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{said.partition(' is not ')[0]} is not {_wanted(kind)}"
    if isinstance(kind, click.Path) and said.endswith(" is a file."):
        return f"{said.partition(' ')[2].removesuffix(' is a file.')} is a file: name a folder"
    if isinstance(kind, click.Path) and said.endswith(" is a directory."):
        return f"{said.partition(' ')[2].removesuffix(' is a directory.')} is a folder: name a file in it"
    return said


def _wanted(kind: click.IntRange | click.FloatRange) -> str:
    number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
    if kind.min is not None and kind.max is not None:
        return f"{number} from {kind.min:g} to {kind.max:g}"
    return f"{number} above {kind.min:g}" if kind.min_open else f"{number} of at least {kind.min:g}"


def _of(kind: click.ParamType[Any]) -> click.Parameter:
    return click.Option(["--it"], type=kind)
