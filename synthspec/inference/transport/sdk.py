"""Loading a library that comes with an extra."""

from __future__ import annotations

import importlib
from typing import Any

from synthspec.inference.transport.errors import missing_package


def load(module: str, name: str, extra: str) -> Any:
    """The library; a module without types here, since it may not be installed.

    Raises:
        BackendFault: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise missing_package(name, extra) from None
