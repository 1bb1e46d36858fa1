"""Text to tokens and back. A token keeps the white space before it: joining them gives the text again."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Scripts written without spaces: one character is one token.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"(?:\A|\s*)(?:[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['’.,:/@-][^\W{_UNSPACED}]+)*['’]?(?=\s|\W|\Z)|\S)"
)
_CLOSING = frozenset(".!?…。！？")
_AFTER_END = frozenset("\"'”’»)]")
_SHORTENED = "mr mrs ms dr st prof sr jr no vs etc e.g i.e approx dept inc ltd co fig cf"
ABBREVIATIONS = frozenset(_SHORTENED.split())

_GROUPS = {
    "determiner": "the a an this that these those my your his her its our their every each no some any one"
    " two three four five six seven eight nine ten another both all",
    "preposition": "of in on at by for with from into onto over under about after before between without"
    " through during against since until across behind beside near along around off within",
    "pronoun": "i you he she it we they there nobody somebody everyone everybody nothing something who",
    "object": "me him us them myself yourself himself herself itself",
    "auxiliary": "is are was were be been being has have had do does did will would can could may might must"
    " should shall isn't wasn't don't didn't won't can't cannot couldn't wouldn't",
    "conjunction": "and or but so because if when while although though as than whether where why how what"
    " which nor once unless",
    "to": "to",
    "negation": "not never",
    "adverb": "very too also still already just only again now then here even quite rather almost always"
    " yet soon ever perhaps",
}
GROUP_OF = {word: group for group, words in _GROUPS.items() for word in words.split()}
_SUFFIXES = ("ing", "ed", "ly", "s")
CONTENT = frozenset({"word", *_SUFFIXES})  # groups of words that mean something by themselves


def split(text: str) -> list[str]:
    """Tokens of a text: words with their apostrophes and hyphens, numbers, single punctuation marks.

    Example:
        >>> split("It's 3.5 km, no?")
        ["It's", ' 3.5', ' km', ',', ' no', '?']
    """
    return [_space(t) for t in _TOKEN.findall(text.strip())]


def _space(token: str) -> str:
    if token[:1] not in " \t\r\n\u00a0\u3000":
        return token
    bare = token.lstrip()
    breaks = token[: len(token) - len(bare)].count("\n")
    return ("\n" * min(breaks, 2) if breaks else " ") + bare


def plain(token: str) -> str:
    """What two tokens must share to be one context: a word in lower case, a mark with its space."""
    bare = token.strip()
    return bare.lower() if bare[:1].isalnum() else token


def group(token: str) -> str:
    """A coarse word class: the group of a function word, the mark itself, else the ending."""
    bare = token.strip()
    if not bare[:1].isalnum():
        return bare
    lower = bare.lower()
    known = GROUP_OF.get(lower)
    if known is not None:
        return known
    if lower[0].isdigit():
        return "number"
    return next((s for s in _SUFFIXES if lower.endswith(s) and len(lower) > len(s) + 2), "word")


def content_word(token: str) -> str | None:
    """The word, in lower case and without a plural s, if it can carry a topic."""
    word = token.strip().lower()
    if len(word) < 4 or not word[0].isalpha() or word in GROUP_OF:
        return None
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def ends_sentence(tokens: Sequence[str], index: int) -> bool:
    """Whether a sentence is over after this token."""
    token = tokens[index].strip()
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None:
        return token in _CLOSING or token in _AFTER_END
    if following.startswith("\n"):
        return True
    if token in _CLOSING:
        if following[0] != " " and following.strip() not in "。！？":
            return token in "。！？" and following not in _AFTER_END
        before = tokens[index - 1].strip().lower() if index else ""
        short = token == "." and (before in ABBREVIATIONS or (len(before) == 1 and before.isalpha() and before != "i"))
        return not short and not following.strip()[:1].islower()
    if token in _AFTER_END and index and following[0] == " ":
        return tokens[index - 1].strip() in _CLOSING and not following.strip()[:1].islower()
    return False
