"""The cheap tests before regular expressions let everything through that these could find."""

from __future__ import annotations

import re
import sys

import pytest
from test_nasty_replies import wrapped, written

from synthspec.formats import text as text_format
from synthspec.formats.recovery import thinking, wrappers
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.plugins import find_plugin

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def test_every_letter_that_a_search_without_case_takes_for_an_ascii_one_becomes_that_one() -> None:
    everything = "".join(chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000)
    for letter in LETTERS:
        taken = re.findall(letter, everything, re.IGNORECASE)
        assert {lowered(t) for t in taken} == {letter}, taken


def test_a_dotted_capital_inside_a_word_does_not_hide_it() -> None:
    assert holds_any(lowered("Second Thought: WA\u0130T, u\u017fer"), ["second thought"])
    assert "wait" in lowered("WA\u0130T") and "user" in lowered("u\u017fer") and "kind" in lowered("\u212aind")


@pytest.mark.slow
def test_no_reply_is_read_otherwise_without_the_cheap_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [*wrapped(), *written()]

    def read() -> list[object]:
        return [find_plugin("formats", c.format).parse(c.reply, c.shape) for c in cases]

    quick = read()
    for module in (text_format, thinking, wrappers):
        monkeypatch.setattr(module, "holds_any", lambda low, words: True)
    assert len(quick) > 1000
    assert quick == read()
