"""Tables of known making for `new --from`: which labels, numbers, codes and dependencies are in them is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Columns = dict[str, list[Any]]


def column(make: Callable[[random.Random], Any], rows: int, seed: int) -> list[Any]:
    dice = random.Random(seed)
    return [make(dice) for _ in range(rows)]


def weighted(weights: Mapping[Any, float]) -> Callable[[random.Random], Any]:
    return lambda dice: dice.choices(list(weights), list(weights.values()))[0]


def orders(rows: int = 400) -> Columns:
    """Labels, a functional dependency, numbers by label, codes, dates, a counter, a constant and missing values."""
    dice = random.Random(7)
    table: Columns = {
        n: [] for n in ("order", "code", "city", "country", "tier", "amount", "units", "day", "source", "note")
    }
    countries = {"Rome": "Italy", "Milan": "Italy", "Lyon": "France", "Porto": "Portugal"}
    for row in range(rows):
        city = dice.choices(list(countries), [4, 3, 2, 1])[0]
        tier = dice.choices(["basic", "plus"], [7, 3])[0]
        amount = dice.gauss(100, 10) if tier == "basic" else dice.gauss(300, 25)
        table["order"].append(1000 + row)
        table["code"].append(f"{dice.choice(['IT', 'FR'])}-{dice.randrange(100000):05d}")
        table["city"].append(city)
        table["country"].append(countries[city])
        table["tier"].append(tier)
        table["amount"].append(round(amount, 2))
        table["units"].append(dice.choices([1, 2, 3, 4], [5, 3, 1, 1])[0])
        table["day"].append(date(2024, 1, 1) + timedelta(days=int(dice.random() * 366)))
        table["source"].append("shop")
        table["note"].append("gift" if dice.random() < 0.3 else None)
    return table


def people(rows: int = 200) -> Columns:
    """Data about people beside harmless columns, and a text that tells of some."""
    dice = random.Random(11)
    first, last = ["Maria", "John", "Anna", "Peter", "Laura", "David"], ["Quill", "Oakes", "Varga", "Lindt", "Marsh"]
    table: Columns = {n: [] for n in ("name", "email", "phone", "card", "ip", "mood", "comment")}
    for row in range(rows):
        name = f"{dice.choice(first)} {dice.choice(last)}"
        table["name"].append(name)
        table["email"].append(f"{name.split()[0].lower()}.{row}@mail.test")
        table["phone"].append(f"+34 6{dice.randrange(10**8):08d}")
        table["card"].append(card(dice))
        table["ip"].append(f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}")
        table["mood"].append(dice.choice(["glad", "cross"]))
        said = sentence(dice)
        told = {0: f" Call me at +34 611 222 {row:03d}.", 1: f" Ask {name} about it."}
        table["comment"].append(said + told.get(row % 10, ""))
    return table


def card(dice: random.Random) -> str:
    """A number with the check digit of payment cards."""
    digits = [4, *(dice.randrange(10) for _ in range(14))]
    doubled = [d if i % 2 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


WORDS = (
    "the parcel came late and the box was open but the lamp in it is fine we use it for the desk at work and it has been "
    "bright since then they said that a new one would be sent if there is a fault with this"
).split()


def sentence(dice: random.Random) -> str:
    start = dice.randrange(len(WORDS) - 12)
    words = [*WORDS[start : start + 12], *dice.sample(WORDS, 4)]
    return " ".join(words).capitalize() + "."


def csv_text(table: Mapping[str, Sequence[Any]]) -> str:
    def cell(value: Any) -> str:
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text

    lines = [",".join(map(cell, table)), *(",".join(map(cell, row)) for row in zip(*table.values(), strict=True))]
    return "\n".join(lines) + "\n"
