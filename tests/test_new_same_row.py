"""`new --from`: values that bring those of other columns with them are taken from one row of the sample."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from test_new_from import built, spec_of

from synthspec.profiling.profile import profile_sample
from synthspec.profiling.relations.same_row import SameRow
from synthspec.profiling.sample import sample_of
from synthspec.sources import read_table

CONTINENTS = ["Africa", "Asia", "Europe", "Oceania"]


def countries(count: int, years: int, seed: int, slips: int = 0) -> str:
    """A table of countries, each with its continent, its code and its area, over some years."""
    draw = random.Random(seed)
    syllables = ["ba", "no", "ri", "ta", "lu", "mor", "zan", "ki", "pe", "sud", "vel", "gra"]
    names = sorted({"".join(draw.choices(syllables, k=3)).title() for _ in range(count * 2)})
    draw.shuffle(names)
    lines = []
    for name in names[:count]:
        continent, area = draw.choice(CONTINENTS), draw.randint(1_000, 9_000_000)
        for year in range(years):
            if slips and draw.randrange(slips) == 0:
                lines.append(f"{name},{draw.choice(CONTINENTS)},{area},{1950 + year},{draw.gauss(60, 9):.2f}")
            else:
                lines.append(f"{name},{continent},{area},{1950 + year},{draw.gauss(60, 9):.2f}")
    draw.shuffle(lines)
    return "country,continent,area,year,life\n" + "\n".join(lines) + "\n"


def pairs(table: str, *columns: int) -> set[tuple[str, ...]]:
    rows = [line.split(",") for line in table.splitlines()[1:]]
    return {tuple(row[c] for c in columns) for row in rows}


@pytest.mark.parametrize(("count", "years"), [(100, 5), (30, 12)])
def test_no_country_is_on_another_continent(count: int, years: int, tmp_path: Path) -> None:
    """Of 100 countries, which are texts, and of 30, which are labels too many to list the cases of."""
    table = countries(count, years, count)
    spec = spec_of(tmp_path, table, "csv")
    text = spec.read_text(encoding="utf-8")
    assert "country_row: {from: sample}" in text and "continent: country_row.continent" in text
    assert "each country comes with its own continent and area" in text
    found = built(spec, 200)
    made = {
        (str(c), str(k), str(a)) for c, k, a in zip(found["country"], found["continent"], found["area"], strict=True)
    }
    assert len(made) > 20 and made <= pairs(table, 0, 1, 2)


def test_what_hangs_on_what_is_taken_from_a_row_is_drawn_by_it(tmp_path: Path) -> None:
    """`check` cannot know all continents of the sample's rows, so there is a case for any other."""
    draw = random.Random(4)
    lines = countries(100, 5, 9).splitlines()
    speech = {"Africa": "x", "Asia": "y", "Europe": "z", "Oceania": "w"}
    rows = [f"{line},{speech[line.split(',')[1]] if draw.random() < 0.9 else 'x'}" for line in lines[1:]]
    spec = spec_of(tmp_path, "\n".join([lines[0] + ",speech", *rows]) + "\n", "csv")
    assert "given: continent" in spec.read_text(encoding="utf-8")
    found = built(spec, 100)
    assert sum(speech[c] == s for c, s in zip(found["continent"], found["speech"], strict=True)) > 80


def relation(table: str, tmp_path: Path) -> tuple[SameRow, ...]:
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    return profile_sample(sample_of(read_table(tmp_path / "t.csv"), "t.csv")).relations.same_row


def test_a_few_slips_are_no_other_rule_and_chance_is_none(tmp_path: Path) -> None:
    assert relation(countries(100, 5, 1, slips=200), tmp_path) == (SameRow("country", ("continent", "area")),)
    assert relation(countries(100, 5, 1, slips=5), tmp_path) == (SameRow("country", ("area",)),)
    once = "\n".join(line for n, line in enumerate(countries(100, 1, 1).splitlines()))
    assert relation(once + "\n", tmp_path) == ()


def test_a_column_that_is_missing_here_and_there_or_hardly_varies_is_not_brought(tmp_path: Path) -> None:
    lines = countries(100, 5, 2).splitlines()
    gaps = [
        f"{line},{'' if n % 9 == 0 else 'k' + line.split(',')[1]},{'a' if n % 40 else 'b'}"
        for n, line in enumerate(lines)
    ]
    table = "\n".join([lines[0] + ",now_and_then,nearly_one", *gaps[1:]]) + "\n"
    assert relation(table, tmp_path) == (SameRow("country", ("continent", "area")),)
