"""`docs/extending.md`: every block of the page is written to a folder and run, from a package and inside a copy of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from depth import one_in
from forked_commands import run_forked

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(?:python|toml|yaml|text)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
HOMES = {  # where the page says that a module goes inside this repository
    "canned": "inference/backends", "gentle": "inference/engines", "toml_source": "sources", "calendar": "sources/kinds", "eml": "sources/documents/kinds", "xml": "dataset/writers", "questions": "evaluation/metrics",
    "gumbel": "languages/expressions/random/distributions", "columns": "cli",
    "latin": "planning/designs",
}  # fmt: skip


def write(folder: Path, *, installed: bool = True) -> Path:
    """The page's files, with the dist-info that installing the package would make."""
    for name, text in BLOCKS.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "my_package" / "__init__.py").touch()
    if installed:
        said = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
        info = folder / "my_package-1.0.dist-info"
        info.mkdir(exist_ok=True)
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {said['name']}\nVersion: 1.0\n")
        groups = (
            f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items())
            for group, entries in said["entry-points"].items()
        )
        info.joinpath("entry_points.txt").write_text("\n".join(groups))
    return folder


def run(folder: Path, *arguments: str, ours: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`python -m` in a folder; the command of this checkout is forked from a process that has loaded it."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "300"}
    if arguments[0] == "synthspec" and ours == ROOT:
        return run_forked(folder, *arguments[1:], environment=environment, root=ROOT)
    environment["PYTHONPATH"] = f"{folder}{os.pathsep}{ours}"
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("package"))


def test_every_block_is_a_file() -> None:
    assert len(BLOCKS) == len(re.findall(r"^```\w", PAGE, re.MULTILINE))
    assert {n.split("/")[-1] for n in BLOCKS if n.startswith("tests/")} == {
        f"test_{m}.py" for m in (*HOMES, "functions")
    }


@pytest.mark.slow
def test_contracts_of_the_page(package: Path) -> None:
    done = run(package, "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 30


def built(folder: Path, ours: Path = ROOT) -> list[str]:
    done = run(folder, "synthspec", "check", "floods.yaml", ours=ours)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(folder, "synthspec", "build", "floods.yaml", "--quiet", ours=ours)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((folder / "build/floods/manifest.json").read_text(encoding="utf-8"))
    assert manifest["gates"] == {"question_share > 0.9": True}
    lines = (folder / "build/floods/floods.xml").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "<rows>" and lines[-1] == "</rows>" and len(lines) == 9
    assert re.fullmatch(
        r'<row>.*<value name="note">(Lake End|Old Mill Bridge): how high was the water\? [\d.]+ m\.</value></row>',
        lines[2],
    )
    return lines


@pytest.mark.slow
def test_a_spec_that_uses_a_package(package: Path) -> None:
    first = built(package)
    report = run(package, "synthspec", "report", "build/floods", "--format", "json")
    figures = {m["name"]: m["value"] for m in json.loads(report.stdout)["metrics"]}
    assert figures["question_share"] == 1.0
    columns = run(package, "synthspec", "columns", "places.toml")
    assert columns.stdout == "name: text\npeople: integer\n"
    assert "columns" in run(package, "synthspec", "--help").stdout
    assert built(package) == first


def test_a_packages_options_are_held_to_their_schemas(tmp_path: Path) -> None:
    spec = write(tmp_path) / "floods.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(re.sub(r"reply: \".*\"", "reply: [12]", text), encoding="utf-8")
    done = run(tmp_path, "synthspec", "check", "floods.yaml")
    assert done.returncode == 1 and "E204" in done.stdout + done.stderr and "`reply`" in done.stdout + done.stderr


@pytest.mark.slow
def test_the_same_modules_inside_the_repository(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "synthspec", ours / "synthspec", ignore=skipped)
    shutil.copytree(ROOT / "schemas", ours / "schemas")
    shutil.copytree(ROOT / "specs", ours / "specs")
    (tmp_path / "spec").mkdir()
    folder = write(tmp_path / "spec", installed=False)
    for module, home in HOMES.items():
        assert f"`synthspec/{home}/" in PAGE
        shutil.move(folder / "my_package" / f"{module}.py", ours / "synthspec" / home / f"{module}.py")
    spec = folder / "floods.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("initials(place)", "upper(place)"), encoding="utf-8")
    built(folder, ours)
    assert run(folder, "synthspec", "columns", "places.toml", ours=ours).stdout == "name: text\npeople: integer\n"


MISTAKES = [
    ("toml_source", "import tomllib", "import tomli"),
    ("xml", "def open_writer", "def opens_writer"),
    ("toml_source", 'SUFFIXES = (".toml",)', 'SUFFIXES = ".toml"'),
    ("toml_source", 'SUFFIXES = (".toml",)', 'SUFFIXES = (".tml",)'),
    ("questions", 'name="question_share"', 'name="questions"'),
    ("gumbel", '"gumbel",', '"gumble",'),
    ("functions", '"initials(text: text)"', '"firsts(text: text)"'),
    ("canned", "PROVIDER = Provider(", "PROVIDERS = Provider("),
    ("canned", "free=True", 'free="yes"'),
    ("toml_source", "rows = tomllib", '"".foo; rows = tomllib'),
    ("", "toml = my_package.toml_source\n", ""),
]


@pytest.mark.parametrize("number", one_in(6, range(len(MISTAKES))))
def test_what_a_mistake_says(number: int, tmp_path: Path) -> None:
    module, old, new = MISTAKES[number]
    write(tmp_path)
    path = tmp_path / (f"my_package/{module}.py" if module else "my_package-1.0.dist-info/entry_points.txt")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = run(tmp_path, "synthspec", "check", "floods.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    messages = re.findall(r"^\| [^|]+ \| `(.+)` \|$", PAGE.split("## When something is wrong")[1], re.MULTILINE)
    assert len(messages) == len(MISTAKES)
    assert messages[number] in done.stdout + done.stderr


WRONG = [  # what a function does instead, and what is said of it
    ("1 / 0", ""),  # an error that means null
    ("open('/')", "raised IsADirectoryError: [Errno 21] Is a directory: '/'"),
    ("exit(5)", "raised SystemExit: 5"),
    ("{text}", "gave a value of the type set, which is not a text"),
    ("3", "gave a value of the type int, which is not a text"),
    ("None", ""),
]


@pytest.mark.parametrize(("does", "said"), one_in(3, WRONG))
def test_a_function_that_breaks_its_contract(does: str, said: str, tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "my_package" / "functions.py"
    text = path.read_text(encoding="utf-8")
    body = '"".join(w[0] for w in text.split())'
    assert body in text
    path.write_text(text.replace(body, does), encoding="utf-8")
    spec = tmp_path / "floods.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("initials(place)", "coalesce(initials(place), 'none')"))
    done = run(tmp_path, "synthspec", "build", "floods.yaml", "--quiet")
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    assert done.returncode == (3 if said else 0), told
    assert (f"the plug-in 'initials' of the package 'my-package' {said}" in told) == bool(said)


def test_a_command_that_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "my_package" / "columns.py").write_text("command = 1\n", encoding="utf-8")
    for arguments in (["columns", "places.toml"], ["columns", "--help"]):
        done = run(tmp_path, "synthspec", *arguments)
        assert done.returncode == 1
        assert "E608: the plug-in 'columns' of the package 'my-package' cannot be used: " in done.stderr
    done = run(tmp_path, "synthspec", "--help")
    assert done.returncode == 0
    assert "a plug-in that cannot be used" in done.stdout


def test_a_backend_that_cannot_be_used_is_listed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "my_package" / "canned.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    done = run(tmp_path, "synthspec", "backends", "canned")
    assert done.returncode == 0, done.stderr
    assert "the plug-in 'canned' of the package 'my-package' cannot be used: SystemExit: 3" in done.stdout


def test_a_broken_metric_stops_no_report(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "my_package" / "questions.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    (tmp_path / "data.csv").write_text("text\n" + "".join(f"this is line {i}\n" for i in range(9)), encoding="utf-8")
    done = run(tmp_path, "synthspec", "report", "data.csv")
    assert done.returncode == 0, done.stderr
    assert "note: the plug-in 'question_share' of the package 'my-package' cannot be used" in done.stdout


@pytest.mark.parametrize("written", ["question_shar", "questions_share"])
def test_a_misspelt_gate_is_told_of_a_packages_metric(package: Path, written: str) -> None:
    text = (package / "floods.yaml").read_text(encoding="utf-8")
    (package / "misspelt.yaml").write_text(text.replace("question_share", written), encoding="utf-8")
    done = run(package, "synthspec", "check", "misspelt.yaml")
    assert done.returncode == 1 and "did you mean 'question_share'?" in done.stdout + done.stderr
    (package / "misspelt.yaml").write_text(text.replace("question_share", "acceptence"), encoding="utf-8")
    done = run(package, "synthspec", "check", "misspelt.yaml")
    assert done.returncode == 1 and "did you mean 'acceptance'?" in done.stdout + done.stderr


def test_a_report_of_files_that_nothing_reads(tmp_path: Path) -> None:
    write(tmp_path)
    spec = tmp_path / "floods.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("[xml, csv]", "[xml]"), encoding="utf-8")
    assert run(tmp_path, "synthspec", "build", "floods.yaml", "--quiet").returncode == 0
    done = run(tmp_path, "synthspec", "report", "build/floods")
    assert done.returncode == 1, done.stdout
    assert "the files of build/floods are .xml, which nothing installed can read" in done.stderr


def test_entry_points_are_read_only_for_what_is_not_built_in(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(
        "synthspec: 1\nparameters: {age: 'round(clip(normal(40, 9), 18, 99))'}\nprompts: {note: {user: 'A note. {{ age }}'}}\n"
        "fields: {note: {type: string, words: {max: 80}}}\ngates: [acceptance > 0.5, distinct_1 > 0]\noutput: {formats: [csv]}\n",
        encoding="utf-8",
    )
    script = (
        "import importlib.metadata as m, sys\n"
        "def never(*a, **k): raise AssertionError('entry points were read')\n"
        "m.distributions = m.entry_points = never\n"
        "from synthspec.cli import cli\n"
        "cli(['check', 'plain.yaml'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
