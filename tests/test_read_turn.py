"""One message of a dialogue as models write it: its own, whole, and nobody else's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.formats.recovery.turn import read_turn
from synthspec.spec.rows import Rejection

RIGHT = {
    "Hello there.": "Hello there.",
    "  Hello there.\n": "Hello there.",
    "Agent: Hello there.": "Hello there.",
    "**Agent:** Hello there.": "Hello there.",
    "agent: Hello there.": "Hello there.",
    "[Agent] Hello there.": "Hello there.",
    "Assistant: Hello there.": "Hello there.",
    '"Hello there."': "Hello there.",
    "“Hello there.”": "Hello there.",
    'Agent: "Hello there."': "Hello there.",
    "<think>What now?</think>Hello there.": "Hello there.",
    "```\nHello there.\n```": "Hello there.",
    "Here is the agent's next message:\n\nHello there.": "Hello there.",
    "Sure! Here is my reply:\nHello there.": "Hello there.",
    "Hello.\n\nWe open at nine.": "Hello.\n\nWe open at nine.",
    "Here is what I found:\n- a meter\n- a bill": "Here is what I found:\n- a meter\n- a bill",
    "Sure! Your order is on its way.": "Sure! Your order is on its way.",
    "Customer service is open until six.": "Customer service is open until six.",
    "I'm sorry, but I can't process a refund without the order number.":
        "I'm sorry, but I can't process a refund without the order number.",
    "Let me know if you need anything else.": "Let me know if you need anything else.",
    'He said "wait" and "go".': 'He said "wait" and "go".',
    "Agent Smith will call you.": "Agent Smith will call you.",
    "OK": "OK",
    "👍": "👍",
    "42": "42",
}  # fmt: skip
WRONG = {
    "": "empty turn", "  \n": "empty turn", "Agent:": "empty turn", "...": "empty turn", '""': "empty turn",
    "Hello.\nCustomer: I want a refund.": "speaks for another",
    "Hello.\n\n**Customer:** I want a refund.\n\n**Agent:** Sure.": "speaks for another",
    "Hello. Customer: I want a refund.": "speaks for another",
    "Customer: I want a refund.": "speaks for another",
    "Hello.\nUser: I want a refund.": "speaks for another",
    "Hello.\n\nHuman: next": "speaks for another",
    "Agent: Hello.\nAgent: Are you there?": "several messages",
    "[your message here]": "placeholder",
    "<think>Never closed": "empty turn",
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_the_message_is_taken_out(text: str) -> None:
    assert read_turn(text, "agent", ["customer"], simulated=False) == RIGHT[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_message_is_rejected(text: str) -> None:
    found = read_turn(text, "agent", ["customer"], simulated=False)
    assert isinstance(found, Rejection) and found.rule == f"turn: {WRONG[text]}"


@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't help with that.", "As an AI language model, I cannot play a customer."]
)
def test_a_simulated_person_does_not_refuse_to_be_simulated(text: str) -> None:
    found = read_turn(text, "customer", ["agent"], simulated=True)
    assert isinstance(found, Rejection) and found.rule == "turn: refusal"


def test_nothing_is_made_up() -> None:
    @settings(max_examples=400, deadline=None)
    @given(st.lists(st.sampled_from(["Agent", "Customer", ":", " ", "\n", "hi", '"', "**", "[", "]", "```", "User:", "\n\n", "."]),
                    max_size=16).map("".join))  # fmt: skip
    def check(text: str) -> None:
        found = read_turn(text, "agent", ["customer"], simulated=False)
        if isinstance(found, str):
            assert found == found.strip() and found in text
            assert not re.search(r"(?m)^Customer *:", found)

    check()
