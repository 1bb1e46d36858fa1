"""What `--against` names: data at a path, or a source of a spec."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import synthspec
from synthspec.cli import cli
from synthspec.sources import TableFault

SPEC = """
synthspec: 1
name: notes
rows: 12
sources:
  real: {file: real.csv, delimiter: ';', columns: {Stimmung: mood}}
  places: {rows: [{town: Ulm}]}
parameters: {mood: [good, bad], n: 'integer(1, 9)'}
fields: {mood: {value: mood}, n: {value: n}, note: {value: "concat('A ', mood, ' day, said the ', text(n))"}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec in specs/, its data and its build."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "specs").mkdir()
    rows = "\n".join(f"{'good' if i % 3 else 'bad'};{i % 9};a {i} b c d" for i in range(30))
    (folder / "specs" / "real.csv").write_text(f"Stimmung;n;note\n{rows}\n", encoding="utf-8")
    (folder / "specs" / "notes.yaml").write_text(SPEC, encoding="utf-8")
    synthspec.build(folder / "specs" / "notes.yaml", out=folder / "build" / "notes", backend="ngram")
    return folder


@pytest.mark.parametrize("named", ["real", "specs/notes.yaml:real"])
def test_a_source_stands_for_its_rows(named: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    report = synthspec.report("build/notes", against=named)
    assert report.against is not None
    assert (report.against.name, report.against.total, "mood" in report.against.columns) == ("real", 30, True)
    assert report.value("label_js") is not None
    assert not report.corpus.notes
    told = CliRunner().invoke(cli, ["report", "build/notes", "--against", named])
    assert told.exit_code == 0 and "against real (30 rows)" in told.output
    compared = CliRunner().invoke(cli, ["compare", "build/notes", "--vary", "mood", "--against", named])
    assert compared.exit_code == 0, compared.output


def test_the_spec_is_found_from_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert synthspec.report(home / "build" / "notes", against="real").against is not None


def test_a_source_that_changed_is_told_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    data = home / "specs" / "real.csv"
    before = data.read_text(encoding="utf-8")
    data.write_text(before + "good;3;one more line\n", encoding="utf-8")
    os.utime(data, (1, 1))
    report = synthspec.report("build/notes", against="real")
    data.write_text(before, encoding="utf-8")
    assert report.corpus.notes == ("this source has changed since the dataset was built",)


@pytest.mark.parametrize(
    ("named", "says", "help"),
    [
        ("rael", "has no source 'rael'", "real"),
        ("specs/notes.yaml:rael", "has no source 'rael'", "real"),
        ("specs/none.yaml:real", "there is no file or folder 'specs/none.yaml:real'", ""),
        ("none.csv", "there is no file or folder 'none.csv'", ""),
    ],
)
def test_what_is_not_there(named: str, says: str, help: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    with pytest.raises(TableFault, match=says) as found:
        synthspec.report("build/notes", against=named)
    assert help in found.value.help
    told = CliRunner().invoke(cli, ["report", "build/notes", "--against", named])
    assert told.exit_code == 1 and says in told.output and "Traceback" not in told.output


def test_a_name_without_a_spec(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "a.csv"
    data.write_text("n\n1\n2\n", encoding="utf-8")
    with pytest.raises(TableFault, match="no spec at hand") as found:
        synthspec.report(data, against="real")
    assert "SPEC.yaml:SOURCE" in found.value.help


def test_two_specs_of_one_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    other = home / "copy.yaml"
    other.write_text(SPEC.replace("real.csv", "specs/real.csv"), encoding="utf-8")
    with pytest.raises(TableFault, match="several specs") as found:
        synthspec.report("build/notes", against="real")
    other.unlink()
    assert "copy.yaml:real" in found.value.help and "notes.yaml:real" in found.value.help


def test_a_broken_spec_says_what_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    Path("broken.yaml").write_text("synthspec: 1\nsources: {real: {file: gone.csv}}\n", encoding="utf-8")
    with pytest.raises(TableFault, match=r"no file 'gone\.csv'"):
        synthspec.report("build/notes", against="broken.yaml:real")


def test_an_original_without_a_column_of_the_dataset(home: Path, tmp_path: Path) -> None:
    data = tmp_path / "other.csv"
    data.write_text("a,b\n" + "x y z w,3\n" * 9, encoding="utf-8")
    report = synthspec.report(home / "build" / "notes", against=data)
    (note,) = report.corpus.notes
    assert "no column of the dataset's (a, b; not mood, n, note)" in note and note in report.text()
