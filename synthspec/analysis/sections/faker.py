"""Parameters drawn by the Faker package: whether it knows them, and what they are."""

from __future__ import annotations

import datetime as datetime_module
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from datetime import date, datetime, tzinfo
from functools import lru_cache
from types import ModuleType
from typing import Literal, NamedTuple

from synthspec.diagnostics import did_you_mean
from synthspec.extras import install_command
from synthspec.languages.expressions.types import Type, type_of_values
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import FakerDraw


class FakerFault(NamedTuple):
    """What is wrong with a faker parameter, and the key of it that is wrong."""

    code: Literal["E530", "E447"]
    message: str
    help: str
    key: Literal["faker", "locale"] = "faker"


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a provider; two with the same text are the same."""

    provider: str
    locale: str
    text: str
    arguments: Mapping[str, object] = field(compare=False)


def faker_type(draw: FakerDraw) -> Type | FakerFault:
    """The type of what a faker parameter draws, seen from one value, or what is wrong with it."""
    try:
        import faker  # noqa: F401
    except ImportError:
        return FakerFault("E530", "the Faker package is not installed", install_command("faker"))
    return _tried(_Call(draw.provider, draw.locale, repr(draw.arguments), draw.arguments))


@lru_cache(maxsize=256)
def _tried(call: _Call) -> Type | FakerFault:
    """Kept, because an editor, `diff` or a plan's edit checks the same spec many times in one process."""
    from faker import Faker
    from faker.config import AVAILABLE_LOCALES

    if call.locale not in AVAILABLE_LOCALES:
        help = did_you_mean(call.locale, AVAILABLE_LOCALES)
        return FakerFault("E530", f"Faker has no locale '{call.locale}'", help, "locale")
    fake = Faker(call.locale)
    known = [n for n in dir(fake) if not n.startswith("_") and n not in _NOT_PROVIDERS]
    if call.provider not in known:
        help = did_you_mean(call.provider, known, "see Faker's documentation")
        return FakerFault("E530", f"Faker has no provider '{call.provider}'", help)
    try:
        fake.seed_instance(0)
        value = getattr(fake, call.provider)(**dict(call.arguments))
    except Exception as e:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(e))
        why = f"it knows no '{unknown[1]}'" if unknown else e
        message = f"Faker's '{call.provider}' does not take these arguments: {why}"
        return FakerFault("E530", message, "see Faker's documentation")
    if _reads_the_clock(call):
        message = f"Faker's '{call.provider}' counts from today, so its values would change from day to day"
        help = "give it fixed dates as arguments, or draw with date('2026-01-01', '2026-12-31')"
        return FakerFault("E447", message, help)
    kind = type_of_values((value,))
    return Type(kind.kind, item=kind.item, members=kind.members)


def _reads_the_clock(call: _Call) -> bool:
    """Whether a provider gives other values, of the same seeds, under two clocks that differ in everything from the
    year to the second."""
    return _drawn(call, datetime(2001, 2, 3, 4, 5, 6)) != _drawn(call, datetime(2024, 12, 31, 23, 59, 58))


def _drawn(call: _Call, moment: datetime) -> list[str]:
    """What the first seeds give at a moment."""
    from faker import Faker

    drawn: list[str] = []
    with clock_at(moment):
        fake = Faker(call.locale)
        for seed in range(_CLOCK_TRIES):
            fake.seed_instance(seed)
            try:
                drawn.append(repr(getattr(fake, call.provider)(**dict(call.arguments))))
            except Exception as e:  # such as a fixed end before this clock's today
                drawn.append(repr(type(e)))
    return drawn


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Faker's modules see a clock that stands at `moment`."""
    stood: dict[object, object] = {datetime: _standing(datetime, moment), date: _standing(date, moment)}
    whole = ModuleType("datetime")
    vars(whole).update(vars(datetime_module), datetime=stood[datetime], date=stood[date])
    stood[datetime_module] = whole
    changed: list[tuple[ModuleType, str, object]] = []
    for module in [m for n, m in list(sys.modules.items()) if n.startswith("faker.") and isinstance(m, ModuleType)]:
        for name, value in list(vars(module).items()):
            if isinstance(value, type | ModuleType) and value in stood:
                changed.append((module, name, value))
                setattr(module, name, stood[value])
    try:
        yield
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def _standing(of: type, moment: datetime) -> type:
    """The class, with a clock that stands; its instances and those of the class itself are taken for one another."""

    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, of)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, of)

    def now(cls: type, tz: tzinfo | None = None) -> datetime:
        return moment.replace(tzinfo=tz)

    def today(cls: type) -> date:
        return moment if of is datetime else moment.date()

    names: dict[str, object] = {"today": classmethod(today)}
    if of is datetime:
        names |= {"now": classmethod(now), "utcnow": classmethod(today)}
    return Meta(of.__name__, (of,), names)


_CLOCK_TRIES = 5
_NOT_PROVIDERS = frozenset(
    "add_provider cache_pattern del_arguments enum factories format generator_attrs get_arguments get_formatter "
    "get_providers items locales optional parse provider providers random seed seed_instance seed_locale "
    "set_arguments set_formatter unique weights binary zip tar csv dsv tsv psv json json_bytes xml image".split()
)
