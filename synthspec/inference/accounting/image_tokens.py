"""What the pictures of a request count for at worst."""

from __future__ import annotations

from collections.abc import Sequence

from synthspec.inference.backends import provider_of
from synthspec.inference.images import look
from synthspec.spec import BackendChoice
from synthspec.spec.messages import Image, Message


def image_tokens(choice: BackendChoice, width: int, height: int) -> int | None:
    """What a picture of so many pixels counts for at worst on this backend: as the spec's prices say, else by what
    the provider states; None where nobody says."""
    if choice.prices is not None and choice.prices.image_tokens is not None:
        return choice.prices.image_tokens
    count = provider_of(choice.provider).image_tokens
    return count(choice.model, width, height) if count is not None else None


def picture_tokens(choice: BackendChoice, messages: Sequence[Message]) -> int | None:
    """What all pictures of some messages count for at worst; None where that of one is not known."""
    total = 0
    for image in (p for m in messages for p in m.parts if isinstance(p, Image)):
        looks = look(image.data, len(image.data), "a picture")
        tokens = image_tokens(choice, looks.width, looks.height)
        if tokens is None:
            return None
        total += tokens
    return total
