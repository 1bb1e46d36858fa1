"""A Pydantic model as declared fields. Importing a module runs its code, so only the one that is named is imported."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthspec.profiling.declared.fields import Declared
from synthspec.profiling.declared.json_schema import declared_by
from synthspec.profiling.sample import SampleFault

_NAMED = re.compile(r"(?P<module>[A-Za-z_][\w.]*|.*\.py):(?P<name>[A-Za-z_]\w*)")


def is_model_name(origin: str) -> bool:
    """Whether it names a class in a module: `shop.models:Order`, or `models.py:Order`."""
    return _NAMED.fullmatch(origin) is not None


def read_model(origin: str) -> Declared:
    """The fields of a model.

    Raises:
        SampleFault: the module cannot be imported, or has no such model; the message says what it raised.
    """
    named = _NAMED.fullmatch(origin)
    assert named is not None
    path = Path(named["module"])
    folder, module = (path.parent, path.stem) if named["module"].endswith(".py") else (Path(), named["module"])
    with _importable(folder):
        try:
            model: Any = getattr(importlib.import_module(module), named["name"])
            schema = model.model_json_schema()
        except AttributeError as e:
            raise SampleFault(
                f"'{origin}' is no Pydantic model: {e}", "name a class with model_json_schema()"
            ) from None
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # code of others, which may raise anything, or exit
            raise SampleFault(f"'{named['module']}' cannot be imported: {type(e).__name__}: {e}") from None
    if not isinstance(schema, dict):
        raise SampleFault(f"'{origin}' gives no JSON Schema", "name a Pydantic model, version 2")
    return declared_by(schema, origin)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Modules of a folder can be imported in here."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
