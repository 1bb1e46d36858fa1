"""What importing a module loads. `synthspec check` must start at once: what is heavy is loaded when it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

HEAVY = frozenset(["numpy", "pandas", "pyarrow", "scipy", "aiohttp", "openai", "torch", "rich"])


def heavy_imports(module: str) -> set[str]:
    """The heavy packages that importing a module loads, in a process of its own."""
    code = f"import sys, {module}; print(*{{m.split('.')[0] for m in sys.modules}})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{module} cannot be imported: {done.stderr.strip().splitlines()[-1:]}"
    return set(done.stdout.split()) & HEAVY


def check_light(module: ModuleType, function: str) -> None:
    """That importing a plug-in's module loads nothing heavy: that belongs inside its `function`."""
    heavy = heavy_imports(module.__name__)
    assert not heavy, f"import {', '.join(sorted(heavy))} inside {function}"
