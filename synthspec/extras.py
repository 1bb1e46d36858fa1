"""What to type so that an optional package is there, whatever way synthspec itself was installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec

_ITEM = re.compile(r"^(?P<package>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<extras>\[[^\]]*\])?\s*(?P<version>[^;]*)")
_EXTRA = re.compile(r"""extra\s*==\s*["'](?P<extra>[^"']+)["']""")


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra of ours.

    It names the packages themselves: `pip install "synthspec[…]"` would look for synthspec on an index, where a copy
    that was installed from a checkout need not be.
    """
    found = packages_of(extra)
    return f"pip install {' '.join(_quoted(p) for p in found)}" if found else f"pip install '.[{extra}]' in a checkout"


def is_installed(module: str) -> bool:
    """Whether a module can be imported, as far as is told without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def packages_of(extra: str) -> tuple[str, ...]:
    """The packages of an extra with their least versions, such as `faker>=30`; none where it is not declared."""
    try:
        declared = requires("synthspec") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        return ()
    found = []
    for item in declared:
        of = _EXTRA.search(item)
        match = _ITEM.match(item)
        if of is not None and of["extra"] == extra and match is not None:
            found.append(f"{match['package']}{match['extras'] or ''}{match['version'].strip()}")
    return tuple(found)


def _quoted(package: str) -> str:
    return f"'{package}'" if re.search(r"[<>=!~\[ ]", package) else package
