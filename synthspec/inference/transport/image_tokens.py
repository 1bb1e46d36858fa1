"""What a picture counts for at worst, by the pixels it has, as each provider's documentation states it.

None where a model's way of counting is not stated: nothing less than that is safe under a limit.
"""

from __future__ import annotations

import math
import re

from synthspec.languages.lazy_patterns import lazy_pattern

# https://platform.openai.com/docs/guides/images-vision: tokens of the whole and of a tile of 512 pixels
_TILED = (
    (lazy_pattern(r"gpt-4o-mini(?!-)|gpt-4o-mini-20"), (2833, 5667)),
    (lazy_pattern(r"gpt-(?:4o|4\.1|4\.5|4-turbo)(?!-mini|-nano)"), (85, 170)),
    (lazy_pattern(r"o[13](?!-mini)"), (75, 150)),
    (lazy_pattern(r"gpt-5(?:\.[12])?(?:-20|-chat|$)"), (70, 140)),
)
# the same page: a multiple of patches of 32 pixels, of which there are at most 1,536
_PATCHED = ((lazy_pattern(r"gpt-(?:5|4\.1)-mini"), 1.62), (lazy_pattern(r"gpt-(?:5|4\.1)-nano"), 2.46),
            (lazy_pattern(r"o4-mini"), 1.72))  # fmt: skip
_MOST_PATCHES = 1536
_CLAUDE_SIDE = 2576  # pixels; what is larger is made smaller first (https://platform.claude.com/docs/en/vision)
_CLAUDE_PATCH = 28
_GEMINI_3 = 2240  # a picture at the highest `media_resolution` (https://ai.google.dev/gemini-api/docs/media-resolution)
_GEMINI_TILE = 258  # https://ai.google.dev/gemini-api/docs/tokens


def openai_tokens(model: str, width: int, height: int) -> int | None:
    """Tokens of a picture for one of OpenAI's models."""
    name = model.rpartition("/")[2]
    for pattern, factor in _PATCHED:
        if pattern.match(name):
            return math.ceil(min(_MOST_PATCHES, math.ceil(width / 32) * math.ceil(height / 32)) * factor)
    for pattern, (whole, tile) in _TILED:
        if pattern.match(name):
            scale = min(768 / min(width, height), 2048 / max(width, height))  # a small one may be made larger
            return whole + tile * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return None


def claude_tokens(model: str, width: int, height: int) -> int | None:
    """Tokens of a picture for one of Anthropic's models: by its patches or by its area, whichever is more."""
    scale = min(1.0, _CLAUDE_SIDE / max(width, height))
    wide, high = width * scale, height * scale
    patches = math.ceil(wide / _CLAUDE_PATCH) * math.ceil(high / _CLAUDE_PATCH)
    return max(patches, math.ceil(wide * high / 750))


def gemini_tokens(model: str, width: int, height: int) -> int | None:
    """Tokens of a picture for one of Google's models."""
    found = re.match(r"(?:.*/)?gemini-(\d+)", model)
    if found is None:
        return None
    if int(found[1]) >= 3:
        return _GEMINI_3
    if max(width, height) <= 384:
        return _GEMINI_TILE
    unit = max(1, math.floor(min(width, height) / 1.5))
    cropped = math.ceil(width / unit) * math.ceil(height / unit)
    return _GEMINI_TILE * max(cropped, math.ceil(width / 768) * math.ceil(height / 768))
