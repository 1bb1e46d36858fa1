"""The editor's bundle as it is committed: pinned, licensed, self-contained, with nothing of the machine that made it."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE_BY = ROOT / "editors" / "codemirror"
VENDOR = ROOT / "synthspec" / "studio" / "static" / "vendor"
STATIC = ROOT / "synthspec" / "studio" / "static"


def test_versions_are_exact_and_name_no_host() -> None:
    package = json.loads((MADE_BY / "package.json").read_text())
    lock = json.loads((MADE_BY / "package-lock.json").read_text())
    for name, version in package["devDependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert not [n for n, p in lock["packages"].items() if "resolved" in p or (n and "integrity" not in p)]


def test_every_package_that_went_in_has_its_licence() -> None:
    licences = (VENDOR / "codemirror.LICENSES.txt").read_text()
    lock = json.loads((MADE_BY / "package-lock.json").read_text())["packages"]
    for name in ("@codemirror/view", "@codemirror/state", "@codemirror/lang-yaml", "@lezer/yaml", "style-mod", "crelt"):
        assert f"{name} {lock[f'node_modules/{name}']['version']} (MIT)" in licences
    assert licences.count("Permission is hereby granted") == licences.count("(MIT)") >= 15


def test_the_bundle_asks_for_nothing_and_tells_nothing() -> None:
    text = (VENDOR / "codemirror.js").read_text()
    assert set(re.findall(r"https?://[^\s\"')]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "sourceMappingURL" not in text and not re.search(r"[\"'`/](?:home|root|Users|tmp)/", text)
    assert "eval(" not in text and "new Function" not in text


def test_the_page_takes_from_the_bundle_what_it_exports() -> None:
    """A name that the bundle lacks would end the page's script before it begins."""
    exported = set(re.findall(r"\bas (\w+)", (VENDOR / "codemirror.js").read_text().rpartition("export{")[2]))
    for path in (STATIC / "editor").glob("*.js"):
        for names in re.findall(r"import \{([^}]+)\} from \"/static/vendor/codemirror.js\"", path.read_text()):
            assert {n.strip() for n in names.split(",") if n.strip()} <= exported, path.name


def test_the_page_makes_no_markup_of_texts() -> None:
    for path in (STATIC / "editor").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()), (
            path.name
        )
