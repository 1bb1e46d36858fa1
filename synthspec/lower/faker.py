"""Parameters drawn by the Faker package: whether it knows them, and what they are."""

from __future__ import annotations

from synthspec.diagnostics import did_you_mean
from synthspec.expressions.types import Type, type_of_values
from synthspec.spec import FakerDraw


def faker_fault(draw: FakerDraw) -> tuple[str, str] | None:
    """What is wrong with a faker parameter: (message, help)."""
    try:
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES
    except ImportError:
        return "the Faker package is not installed", "pip install 'synthspec[faker]'"
    if draw.locale not in AVAILABLE_LOCALES:
        return f"Faker has no locale '{draw.locale}'", did_you_mean(draw.locale, AVAILABLE_LOCALES)
    fake = Faker(draw.locale)
    known = [n for n in dir(fake) if not n.startswith("_") and n not in _NOT_PROVIDERS]
    if draw.provider not in known:
        return f"Faker has no provider '{draw.provider}'", did_you_mean(
            draw.provider, known, "see Faker's documentation"
        )
    try:
        fake.seed_instance(0)
        getattr(fake, draw.provider)(**dict(draw.arguments))
    except Exception as e:
        return f"Faker's '{draw.provider}' does not take these arguments: {e}", "see Faker's documentation"
    return None


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
