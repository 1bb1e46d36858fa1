"""`synthspec new`, and what is said of packages that are not installed."""

from __future__ import annotations

import json
import re
from importlib.metadata import requires
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from depth import one_in

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.document.resources import schema_path, specs_folder
from synthspec.extras import install_command, packages_of
from synthspec.inference.transport.errors import missing_package
from synthspec.sources.kinds import Access


def new(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["new", *arguments], catch_exceptions=False)
    assert result.exit_code == status, result.output + result.stderr
    return result.stdout + (result.stderr if status else "")


def test_list_needs_no_name() -> None:
    assert new("--list").split() == sorted(p.stem for p in specs_folder().glob("*.yaml"))


def test_a_name_is_needed_to_write() -> None:
    assert "synthspec new NAME" in new(status=2)


@pytest.mark.parametrize("like", one_in(8, [None, *sorted(p.stem for p in specs_folder().glob("*.yaml"))]))
def test_the_schema_line_leads_to_the_schema(tmp_path: Path, like: str | None) -> None:
    """What an editor does with the first line: it opens that file, and checks the spec against it."""
    folder = tmp_path / "my" / "specs"
    new("mine", "--out", str(folder), *(["--like", like] if like else []))
    text = (folder / "mine.yaml").read_text(encoding="utf-8")
    line = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    if line is None:
        assert like == "first", "the README's spec, which is to be short"
        return
    schema = json.loads((folder / line[1]).read_text(encoding="utf-8"))
    assert schema == json.loads(schema_path().read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(text), default=str)), schema)
    assert compile_spec(folder / "mine.yaml", access=Access(trust=True)).ok


def test_an_old_schema_is_made_new(tmp_path: Path) -> None:
    (tmp_path / "synthspec.schema.json").write_text("{}")
    new("mine", "--out", str(tmp_path))
    assert json.loads((tmp_path / "synthspec.schema.json").read_text()) != {}


def test_a_command_that_installs_names_the_packages() -> None:
    for item in requires("synthspec") or []:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", item)
        if extra is not None and extra[1] not in ("dev", "test"):
            assert packages_of(extra[1]), extra[1]
    assert install_command("hub") == "pip install 'huggingface-hub>=0.26'"
    assert "synthspec[" not in install_command("transformers")
    assert install_command("anthropic") in missing_package("anthropic", "anthropic").message
