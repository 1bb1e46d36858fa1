"""What is offered for a name that is not known: the one that was meant, and rather none than another word."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthspec.compiler import compile_spec
from synthspec.diagnostics import nearest, nearest_file
from synthspec.languages.templates.environment import FILTERS

MEANT = (
    ("lenght", "length"), ("len", "length"), ("uper", "upper"), ("captialize", "capitalize"), ("titel", "title"),
    ("rnd", "round"), ("float64", "float"), ("tojsn", "tojson"), ("json", "tojson"), ("defalt", "default"),
    ("usre", "user"), ("usr", "user"), ("txt", "text"), ("col", "column"), ("cnt", "count"), ("row", "rows"),
    ("jsonlines", "jsonl"), ("city", "cities"), ("order-status", "order_status"), ("Prompts", "prompts"),
    ("temprature", "temperature"), ("max_token", "max_tokens"), ("user_prompt", "prompt"), ("tset", "test"),
    ("order_stats", "order_status"), ("opennai", "openai"), ("mn", "min"),
)  # fmt: skip
OTHER = (
    ("pprint", "int"), ("print", "int"), ("agent", "assistant"), ("csv", "tsv"), ("cat", "hat"), ("cap", "map"),
    ("yaml", "xml"), ("a", "ab"), ("center", "int"), ("exam", "days"), ("sum", "num"), ("sql", "xml"),
    ("format", "for"), ("entry", "try"), ("mean", "name"), ("stop", "top_p"), ("min", "in"), ("tone", "note"),
)  # fmt: skip


@pytest.mark.parametrize(("written", "known"), MEANT)
def test_a_slip_is_told_from_a_word_of_its_own(written: str, known: str) -> None:
    assert nearest(written, [known]) == known


@pytest.mark.parametrize(("written", "known"), OTHER)
def test_another_word_is_not_offered(written: str, known: str) -> None:
    assert nearest(written, [known]) is None


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_name_with_two_letters_swapped_is_found(name: str) -> None:
    swaps = [name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(len(name) - 1)]
    found = [nearest(s, sorted(FILTERS)) for s in swaps if s not in FILTERS]
    assert found.count(name) >= len(found) - 1  # the swap of the first two may be nearer to another


@pytest.mark.parametrize(
    ("written", "there", "near"),
    [
        ("exam.csv", ["days.csv", "notes.csv"], None),
        ("call.csv", ["days.csv", "calls.csv"], "calls.csv"),
        ("calls.cvs", ["calls.json", "calls.csv"], "calls.csv"),
        ("calls", ["calls.csv"], "calls.csv"),
        ("Calls.csv", ["calls.csv"], "calls.csv"),
        ("a.csv", ["b.csv"], None),
        ("orders_2024.csv", ["orders_2023.csv", "staff.csv"], "orders_2023.csv"),
    ],
)
def test_files_are_alike_by_what_stands_before_the_suffix(written: str, there: list[str], near: str | None) -> None:
    assert nearest_file(written, there) == near


@pytest.mark.parametrize(
    ("template", "code", "help"),
    [("{{ t | pprint }}", "E405", "known here: abs"), ("{{ t | uper }}", "E405", "did you mean 'upper'?")],
)
def test_a_diagnostic_offers_what_was_meant(template: str, code: str, help: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        f"synthspec: 1\nparameters: {{t: [a]}}\nprompts: {{p: {{user: '{template}'}}}}\nfields: {{x: {{type: string}}}}\n"
    )
    (found,) = compile_spec(path).diagnostics
    assert found.code == code and found.help.startswith(help)


def test_another_file_of_the_folder_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "days.csv").write_text("a\n1\n")
    path = tmp_path / "s.yaml"
    for name, told in (("exam.csv", "check the path"), ("day.csv", "did you mean 'data/days.csv'?")):
        path.write_text(
            f"synthspec: 1\nsources: {{d: {{file: data/{name}}}}}\nparameters: {{t: {{from: d, column: a}}}}\n"
        )
        found = next(d for d in compile_spec(path).diagnostics if d.code == "E511")
        assert found.help.startswith(told)
