"""Parameters drawn by the Faker package: whether it knows them, and what they are."""

from __future__ import annotations

import datetime as datetime_module
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from types import ModuleType
from typing import Literal, NamedTuple

from synthspec.diagnostics import did_you_mean
from synthspec.extras import install_command
from synthspec.languages.expressions.types import Type, type_of_values
from synthspec.spec import FakerDraw


class FakerFault(NamedTuple):
    """What is wrong with a faker parameter, and the key of it that is wrong."""

    message: str
    help: str
    key: Literal["faker", "locale"] = "faker"


def faker_fault(draw: FakerDraw) -> FakerFault | None:
    """What is wrong with a faker parameter; None where nothing is."""
    try:
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES
    except ImportError:
        return FakerFault("the Faker package is not installed", install_command("faker"))
    if draw.locale not in AVAILABLE_LOCALES:
        help = did_you_mean(draw.locale, AVAILABLE_LOCALES)
        return FakerFault(f"Faker has no locale '{draw.locale}'", help, "locale")
    fake = Faker(draw.locale)
    known = [n for n in dir(fake) if not n.startswith("_") and n not in _NOT_PROVIDERS]
    if draw.provider not in known:
        help = did_you_mean(draw.provider, known, "see Faker's documentation")
        return FakerFault(f"Faker has no provider '{draw.provider}'", help)
    try:
        fake.seed_instance(0)
        getattr(fake, draw.provider)(**dict(draw.arguments))
    except Exception as e:
        message = f"Faker's '{draw.provider}' does not take these arguments: {e}"
        return FakerFault(message, "see Faker's documentation")
    return None


def clock_fault(draw: FakerDraw) -> tuple[str, str] | None:
    """What is wrong with a sound faker parameter whose values change from day to day: (message, help).

    The provider is called with the same seeds under two clocks, which differ in everything from the year to the second.
    """
    moments = [datetime(2001, 2, 3, 4, 5, 6), datetime(2024, 12, 31, 23, 59, 58)]
    for seed in range(_CLOCK_TRIES):
        drawn = []
        for moment in moments:
            with clock_at(moment):
                drawn.append(repr(_drawn(draw, seed)))
        if drawn[0] != drawn[1]:
            help = "give it fixed dates as arguments, or draw with date('2026-01-01', '2026-12-31')"
            return f"Faker's '{draw.provider}' counts from today, so its values would change from day to day", help
    return None


def _drawn(draw: FakerDraw, seed: int) -> object:
    from faker import Faker

    fake = Faker(draw.locale)
    fake.seed_instance(seed)
    try:
        return getattr(fake, draw.provider)(**dict(draw.arguments))
    except Exception as e:  # such as a fixed end before this clock's today
        return type(e)


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


def faker_type(draw: FakerDraw) -> Type:
    """The type of what a provider gives, seen from one value."""
    from faker import Faker

    fake = Faker(draw.locale)
    fake.seed_instance(0)
    kind = type_of_values((getattr(fake, draw.provider)(**dict(draw.arguments)),))
    return Type(kind.kind, item=kind.item, members=kind.members)
