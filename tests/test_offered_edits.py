"""The edits that an editor offers: a golden of those of every fault spec, and what a remedy is as a value."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from depth import one_in

from synthspec.diagnostics import LONGEST, Diagnostic, Span, did_you_mean, in_order
from synthspec.diagnostics.remedies import MeantName, Removal, Replacement, changes_in, remove, suggest, write
from synthspec.language_service import Position, actions, analyse
from synthspec.language_service.remedies import ways

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "offered_edits.txt"
SKIPPED = ("E114", "E115", "E117", "E820", "E821", "E822", "E823", "E824")  # code that runs, and texts without end
SPECS = [p for p in sorted((HERE / "faults").glob("*.yaml")) if p.stem[:4] not in SKIPPED]
PARTS = 8


def offered(path: Path) -> list[str]:
    """A line for each edit that is offered anywhere in a spec."""
    analysis = analyse(path, path.read_text(encoding="utf-8"))
    places = sorted(
        {Position(d.span.line, d.span.column) for d in analysis.diagnostics if d.span.file == analysis.file}
    )
    listed = [
        f"{path.stem}  {action.diagnostic.code}  {'certain' if action.certain else 'offered'}  {action.title}"
        for place in places
        for action in actions(analysis, place)
        if (action.diagnostic.span.line, action.diagnostic.span.column) == (place.line, place.column)
    ]
    return list(dict.fromkeys(listed))


def test_every_fault_spec_is_in_the_golden(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-golden"):
        GOLDEN.write_text("\n".join(line for path in SPECS for line in offered(path)) + "\n", encoding="utf-8")
    named = {line.partition("  ")[0] for line in GOLDEN.read_text(encoding="utf-8").splitlines()}
    assert named <= {p.stem for p in SPECS}
    assert len(named) >= 180


@pytest.mark.parametrize("part", one_in(PARTS, range(PARTS)))
def test_the_edits_that_are_offered(part: int) -> None:
    golden = GOLDEN.read_text(encoding="utf-8").splitlines()
    paths = SPECS[part::PARTS]
    wanted = {p.stem: [line for line in golden if line.startswith(f"{p.stem}  ")] for p in paths}
    assert {p.stem: offered(p) for p in paths} == wanted


def test_a_remedy_keeps_its_changes_where_it_is_joined_shortened_or_sent() -> None:
    both = "add it, or " + write("rows: 3") + ", or " + remove("samples") + " here"
    assert both == "add it, or write `rows: 3`, or remove `samples` here"
    assert changes_in(both) == (Replacement("rows: 3"), Removal("samples"))
    sent = pickle.loads(pickle.dumps(both))
    assert (sent, changes_in(sent)) == (both, changes_in(both))
    place = Span("spec.yaml", 1, 1, 1, 4)
    (short,) = in_order([Diagnostic("E202", "wrong", place, both + "." * LONGEST)])
    assert len(short.help) <= LONGEST + 3
    assert short.changes == changes_in(both)


def test_the_words_of_a_help_decide_nothing() -> None:
    lines, place = ["rwos: 3"], Span("spec.yaml", 1, 1, 1, 5)
    said = did_you_mean("rwos", ["rows", "seed"])
    assert changes_in(said) == (MeantName("rows"),)
    assert [w.title for w in ways(lines, Diagnostic("E202", "wrong", place, said))] == ["write 'rows'"]
    assert list(ways(lines, Diagnostic("E202", "wrong", place, str(said)))) == []
    assert suggest("rows") == str(said)
