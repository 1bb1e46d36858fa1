"""`python start.py FOLDER` loads the package `child` beside it by itself, under a name that no model has."""

import importlib.util
import sys
from importlib import import_module
from pathlib import Path

NAME = "_synthspec_child"

if __name__ == "__main__":
    home = Path(__file__).parent / "child"
    spec = importlib.util.spec_from_file_location(NAME, home / "__init__.py", submodule_search_locations=[str(home)])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    import_module(f"{NAME}.run").main(Path(sys.argv[1]))
