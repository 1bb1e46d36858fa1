"""Which prompt is asked again when a check over a verdict fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from test_build import spec_file

import synthspec

CHAIN = """
    synthspec: 1
    name: chain
    rows: 6
    parameters: {{n: [1, 2, 3, 4, 5, 6]}}
    prompts:
      {prompts}
    fields:
      draft:  {{type: string}}
      better: {{type: string}}
      score:  {{type: integer, minimum: 1, maximum: 5}}
    checks: [score >= 3]
    backend: {{provider: openai, model: loop, base_url: "{url}", constrain: false}}
    limits: {{concurrency: 2, attempts: 3}}
"""
PROMPTS = {
    "draft": 'draft:  {user: "DRAFT {{ n }}", writes: [draft]}',
    "better": 'better: {user: "BETTER {{ draft }}", writes: [better]}',
    "score": 'score:  {user: "SCORE {{ draft }} AGAINST {{ better }}", writes: [score], format: json}',
}


@pytest.mark.parametrize(
    "order", [("draft", "better", "score"), ("score", "better", "draft"), ("better", "score", "draft")]
)
def test_the_latest_prompt_that_a_judge_read_is_asked_again(order: tuple[str, ...], tmp_path: Path) -> None:
    """A judge that reads a draft and its improvement condemns the improvement: the draft stands."""
    asked = {"DRAFT": 0, "BETTER": 0, "SCORE": 0}

    def reply(body: dict[str, Any], nth: int) -> str:
        kind = body["messages"][0]["content"].split()[0]
        asked[kind] += 1
        if kind == "SCORE":
            return json.dumps({"score": 1 if "first try" in body["messages"][0]["content"] else 5})
        if kind == "BETTER":
            return "second try" if nth or len(body["messages"]) > 1 else "first try"
        return "a draft of its own " + body["messages"][0]["content"].split()[1]

    with Loopback(reply=reply) as server:
        prompts = "\n      ".join(PROMPTS[name] for name in order)
        path = spec_file(tmp_path, CHAIN.format(prompts=prompts, url=server.url))
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete
    assert set(dataset.frame["better"]) == {"second try"}
    assert asked == {"DRAFT": 6, "BETTER": 12, "SCORE": 12}


@pytest.mark.parametrize("order", [("low", "high"), ("high", "low")])
def test_the_latest_prompt_behind_a_computed_field_is_asked_again(order: tuple[str, ...], tmp_path: Path) -> None:
    """Of two prompts whose fields a sum is made of, the first stands where the sum breaks its rules."""
    prompts = {
        "low": 'low:  {user: "LOW {{ n }}", writes: [low]}',
        "high": 'high: {user: "HIGH above {{ low }}", writes: [high]}',
    }
    asked = {"LOW": 0, "HIGH": 0}

    def reply(body: dict[str, Any], nth: int) -> str:
        kind = body["messages"][0]["content"].split()[0]
        asked[kind] += 1
        if kind == "LOW":
            return '{"low": 5}'
        return '{"high": 9}' if nth or len(body["messages"]) > 1 else '{"high": 1}'

    with Loopback(reply=reply) as server:
        path = spec_file(
            tmp_path,
            f"""
            synthspec: 1
            name: sums
            rows: 6
            parameters: {{n: [1, 2, 3, 4, 5, 6]}}
            prompts:
              {prompts[order[0]]}
              {prompts[order[1]]}
            fields:
              low: {{type: integer}}
              high: {{type: integer}}
              gap: {{value: high - low, minimum: 1}}
            backend: {{provider: openai, model: loop, base_url: "{server.url}", constrain: false}}
            limits: {{concurrency: 2, attempts: 3}}
            """,
        )
        dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete
    assert dataset.frame[["low", "high", "gap"]].to_numpy().tolist() == [[5, 9, 4]] * 6
    assert asked["LOW"] == 6 and asked["HIGH"] > 6
