"""`messages`, `complete`, `reasoning` and `images` of a prompt: what is sent, kept, asked again and paid for."""

from __future__ import annotations

import base64
import json
import sqlite3
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as some
from loopback import Loopback

import synthspec
from synthspec.compiler import compile_spec
from synthspec.generation.diffs.spec_diff import diff_specs
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.inference.images import ImageFault, look, look_at, read_images
from synthspec.inference.transport.image_tokens import claude_tokens, gemini_tokens, openai_tokens
from synthspec.planning.plan import build_plan


def gif(width: int = 3, height: int = 2, more: bytes = b"") -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + more + b";"


def write(folder: Path, text: str, name: str = "spec.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def build(path: Path, out: Path) -> Any:
    return synthspec.build(path, out=out)


SHOTS = """
synthspec: 1
rows: 4
backend: {{provider: openai, model: loop, base_url: "{url}"}}
sources:
  shots: {{rows: [{{q: Q one, a: A one}}, {{q: Q two, a: A two}}]}}
parameters:
  topic: [one, two, three, four]
prompts:
  answer:
    examples: {{from: shots, rows: 2}}
    messages:
      - {{system: Be brief.}}
      - {{for: e in examples, user: "{{{{ e.q }}}} of {{{{ topic }}}}", assistant: "{{{{ e.a }}}}"}}
      - {{user: "Say {{{{ topic }}}}."}}
    writes: [answer]
fields:
  answer: {{type: string}}
"""


# --- messages


def test_few_shot_turns_go_out_in_order_and_instructions_come_last(tmp_path: Path) -> None:
    with Loopback() as server:
        dataset = build(write(tmp_path, SHOTS.format(url=server.url)), tmp_path / "out")
        assert len(dataset.rows) == 4
        for body in server.bodies:
            roles = [m["role"] for m in body["messages"]]
            assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
            texts = [m["content"] for m in body["messages"]]
            assert texts[0] == "Be brief." and texts[2].replace("A", "Q", 1) in texts[1]
            assert texts[-1].startswith("Say ") and "Reply with" in texts[-1]
            assert not any("Reply with" in t for t in texts[:-1])
        calls = server.total
        build(tmp_path / "spec.yaml", tmp_path / "out")
        assert server.total == calls, "an idle rebuild makes no call"


@pytest.mark.parametrize(
    ("declared", "turns"),
    [
        ("[[{q: x, a: y}, {q: z, a: w}]]", 2),
        ("\"if n > 0 then [{q: 'x', a: 'y'}] else []\"", 0),
    ],
)
def test_a_list_parameter_is_gone_through(declared: str, turns: int, tmp_path: Path) -> None:
    text = f"""
synthspec: 1
rows: 1
parameters: {{n: 'integer(0, 0)', shots: {declared}}}
prompts:
  answer:
    messages: [{{for: s in shots, user: "{{{{ s.q }}}}", assistant: "{{{{ s.a }}}}"}}, {{user: Go.}}]
    writes: [answer]
fields: {{answer: {{type: string}}}}
"""
    path = write(tmp_path, text)
    shown = synthspec.preview(path, 1)
    messages = shown.calls[0]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * turns + ["user"]


def test_a_list_field_of_another_prompt_is_gone_through(tmp_path: Path) -> None:
    text = """
synthspec: 1
rows: 2
backend: {provider: openai, model: loop, base_url: "URL"}
prompts:
  facts: {user: Name facts., writes: [facts]}
  answer:
    messages: [{for: f in facts, user: "Fact: {{ f }}", assistant: Noted.}, {user: Sum up.}]
    writes: [answer]
fields:
  facts: {type: array, items: {type: string}, minItems: 2, maxItems: 2}
  answer: {type: string}
"""

    def reply(body: dict[str, Any], nth: int) -> str:
        return '{"facts": ["a", "b"]}' if "Name facts" in body["messages"][-1]["content"] else "All."

    with Loopback(reply) as server:
        dataset = build(write(tmp_path, text.replace("URL", server.url)), tmp_path / "out")
        assert [r["answer"] for r in dataset.rows] == ["All.", "All."]
        asked = [b["messages"] for b in server.bodies if len(b["messages"]) > 1]
        assert [m["content"] for m in asked[0][:4]] == ["Fact: a", "Noted.", "Fact: b", "Noted."]


def test_messages_that_say_the_same_as_system_and_user_have_the_same_key(tmp_path: Path) -> None:
    plain = "system: Be brief.\n    user: Say {{ topic }}."
    other = "messages: [{system: Be brief.}, {user: 'Say {{ topic }}.'}]"
    text = """
synthspec: 1
rows: 2
backend: {provider: openai, model: loop, base_url: "URL"}
parameters: {topic: [one, two]}
prompts:
  answer:
    SAID
    writes: [answer]
fields: {answer: {type: string}}
"""
    with Loopback() as server:
        text = text.replace("URL", server.url)
        build(write(tmp_path, text.replace("SAID", plain)), tmp_path / "out")
        assert server.total == 2
        build(write(tmp_path, text.replace("SAID", other)), tmp_path / "out")
        assert server.total == 2, "what is said is the same: nothing is paid for again"


# --- complete

RAW = """
synthspec: 1
rows: 3
backend: {provider: openai, model: loop, base_url: "URL", max_tokens: 60}
parameters: {who: [a nurse, a cook, a pilot]}
prompts:
  instruction:
    complete: "<|system|>{{ who }}<|user|>"
    writes: [instruction]
fields: {instruction: {type: string, rejects: [no good]}}
"""


def test_raw_completion_repairs_afresh(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], nth: int) -> str:
        return "no good" if nth == 0 else "How do I boil an egg?"

    with Loopback(reply) as server:
        dataset = build(write(tmp_path, RAW.replace("URL", server.url)), tmp_path / "out")
        assert [r["instruction"] for r in dataset.rows] == ["How do I boil an egg?"] * 3
        assert server.total == 6
        assert {b["prompt"] for b in server.bodies} == {
            f"<|system|>{w}<|user|>" for w in ("a nurse", "a cook", "a pilot")
        }
        assert all("messages" not in b and b["max_tokens"] == 60 for b in server.bodies)
        build(tmp_path / "spec.yaml", tmp_path / "out")
        assert server.total == 6


def test_raw_text_is_another_request_than_the_same_text_said(tmp_path: Path) -> None:
    with Loopback() as server:
        text = RAW.replace("URL", server.url)
        build(write(tmp_path, text), tmp_path / "out")
        build(write(tmp_path, text.replace("complete:", "instructions: none\n    user:")), tmp_path / "out")
        assert server.total == 6


# --- reasoning

THINK = """
synthspec: 1
rows: 2
backend: {provider: openai, model: loop, base_url: "URL"}
parameters: {n: [3, 4]}
prompts:
  answer: {user: "What is {{ n }} times 2?", writes: [answer]REASONING}
fields:
  answer: {type: string}
  FIELD
"""
ASKED = {"REASONING": ", reasoning: trace", "FIELD": "trace: {type: string}"}
NOT_ASKED = {"REASONING": "", "FIELD": "twice: {value: len(answer)}"}


def _think(server: Loopback, change: Mapping[str, str], **more: str) -> str:
    text = THINK.replace("URL", server.url)
    for old, new in {**change, **more}.items():
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("inline", [False, True])
def test_what_the_model_thought_is_a_field(inline: bool, tmp_path: Path) -> None:
    def reply(body: dict[str, Any], nth: int) -> str:
        return "<think>Twice, so double.</think>\nSix." if inline else "Six."

    with Loopback(reply, beside={} if inline else {"reasoning_content": "Twice, so double."}) as server:
        dataset = build(write(tmp_path, _think(server, ASKED)), tmp_path / "out")
        assert [(r["answer"], r["trace"]) for r in dataset.rows] == [("Six.", "Twice, so double.")] * 2
        assert "trace" not in json.dumps(server.bodies), "the reply is not asked for it"


def test_asking_for_it_later_makes_no_call(tmp_path: Path) -> None:
    with Loopback(lambda body, nth: "Six.", beside={"reasoning": "Double it."}) as server:
        build(write(tmp_path, _think(server, NOT_ASKED)), tmp_path / "out")
        assert server.total == 2
        dataset = build(write(tmp_path, _think(server, ASKED)), tmp_path / "out")
        assert server.total == 2
        assert [r["trace"] for r in dataset.rows] == ["Double it."] * 2


def test_a_model_that_did_not_think(tmp_path: Path) -> None:
    with Loopback(lambda body, nth: "Six.") as server:
        optional = _think(server, ASKED, **{"trace: {type: string}": "trace: {type: string, optional: true}"})
        dataset = build(write(tmp_path, optional), tmp_path / "one")
        assert [(r["answer"], r["trace"]) for r in dataset.rows] == [("Six.", None)] * 2
        dataset = build(write(tmp_path, _think(server, ASKED)), tmp_path / "two")
        assert not dataset.rows
        missing = [json.loads(line) for line in (tmp_path / "two/quarantine.jsonl").read_text().splitlines()]
        assert "no reasoning came with the reply" in json.dumps(missing)


def test_rules_of_the_field_judge_it_and_it_is_never_echoed(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], nth: int) -> str:
        return "<think>secret words here</think>Six." if len(body["messages"]) == 1 else "<think>short</think>Six."

    with Loopback(reply) as server:
        ruled = _think(server, ASKED, **{"trace: {type: string}": "trace: {type: string, words: {max: 1}}"})
        dataset = build(write(tmp_path, ruled), tmp_path / "out")
        assert [r["trace"] for r in dataset.rows] == ["short"] * 2
        assert "secret words" not in json.dumps(server.bodies)


# --- images

LOOK = """
synthspec: 1
rows: 3
backend: {provider: openai, model: gpt-4o, base_url: "URL"}
parameters: {photo: PHOTOS}
prompts:
  caption:
    images: [photo]
    user: Write a caption.
    writes: [caption]
fields: {caption: {type: string}, path: {value: photo}}
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in "abc":
        (tmp_path / f"photos/{name}.gif").write_bytes(gif(more=name.encode()))
    return tmp_path


PATHS = "[photos/a.gif, photos/b.gif, photos/c.gif]"


def test_a_picture_goes_before_the_text_of_the_last_message(photos: Path) -> None:
    with Loopback() as server:
        path = write(photos, LOOK.replace("URL", server.url).replace("PHOTOS", PATHS))
        dataset = build(path, photos / "out")
        sent = {}
        for body in server.bodies:
            (message,) = body["messages"]
            picture, text = message["content"]
            assert text["type"] == "text" and text["text"].startswith("Write a caption.\n\nReply with")
            sent[picture["image_url"]["url"]] = message
        assert set(sent) == {f"data:image/gif;base64,{base64.b64encode(gif(more=n.encode())).decode()}" for n in "abc"}
        assert {r["path"] for r in dataset.rows} == {f"photos/{n}.gif" for n in "abc"}


def test_the_key_is_of_the_bytes_not_of_the_path(photos: Path) -> None:
    with Loopback() as server:
        text = LOOK.replace("URL", server.url)
        build(write(photos, text.replace("PHOTOS", PATHS)), photos / "out")
        assert server.total == 3
        (photos / "photos/b.gif").rename(photos / "photos/renamed.gif")
        moved = write(photos, text.replace("PHOTOS", PATHS.replace("b.gif", "renamed.gif")))
        build(moved, photos / "out")
        assert server.total == 3, "a file that moved is the same picture"
        (photos / "photos/renamed.gif").write_bytes(gif(more=b"new"))
        dataset = build(moved, photos / "out")
        assert server.total == 4, "a picture that changed is asked about again"
        assert len(dataset.rows) == 3


def test_pictures_are_stored_once_each_and_replayed(photos: Path) -> None:
    with Loopback(lambda body, nth: "x" if len(body["messages"]) == 1 else "A fine day out.") as server:
        text = LOOK.replace("URL", server.url).replace("PHOTOS", PATHS)
        text = text.replace("caption: {type: string}", "caption: {type: string, words: {min: 2}}")
        before = build(write(photos, text), photos / "out")
        assert server.total == 6
        with sqlite3.connect(photos / "out/run.sqlite") as run:
            bodies = [b for (b,) in run.execute("SELECT body FROM blobs")]
        for name in "abc":
            assert bodies.count(gif(more=name.encode())) == 1
        replayed = text.replace(
            f'{{provider: openai, model: gpt-4o, base_url: "{server.url}"}}', "replay:out/run.sqlite"
        )
        after = build(write(photos, replayed, "again.yaml"), photos / "again")
        assert server.total == 6 and after.rows == before.rows


def test_preview_and_plan_show_that_a_picture_is_attached(photos: Path) -> None:
    with Loopback() as server:
        path = write(photos, LOOK.replace("URL", server.url).replace("PHOTOS", PATHS))
        shown = synthspec.preview(path, 1).calls[0]["messages"][0]["content"]
        assert shown.startswith(f"[image: image/gif, {len(gif(more=b'a'))} bytes]\nWrite a caption.")
        compiled = compile_spec(path)
        assert compiled.spec is not None
        report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
        assert report.samples[0]["prompts"]["caption"][0]["content"].startswith("[image: image/gif")


def test_the_plan_counts_the_tokens_of_pictures(photos: Path) -> None:
    def tokens(text: str) -> tuple[int | None, float | None]:
        compiled = compile_spec(write(photos, text))
        assert compiled.spec is not None, compiled.diagnostics
        report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
        return report.prompts[0].prompt_tokens, report.expected["cost"]

    text = LOOK.replace(', base_url: "URL"', "").replace("PHOTOS", PATHS)
    without = tokens(text.replace("    images: [photo]\n", ""))[0]
    with_pictures, cost = tokens(text)
    assert without is not None and with_pictures == without + 3 * (85 + 6 * 170) and cost is not None
    assert tokens(text.replace("gpt-4o", "gpt-5.5")) == (None, None), "what is not known is not 0"
    stated = "gpt-5.5, prices: {prompt: 1, completion: 1, image_tokens: 100}"
    assert tokens(text.replace("gpt-4o", stated))[0] == without + 3 * 100


def test_a_call_with_a_picture_sets_its_tokens_aside(photos: Path) -> None:
    with Loopback(tokens=(1000, 10)) as server:
        text = LOOK.replace("URL", server.url).replace("PHOTOS", PATHS)
        text = text.replace("backend: {", "limits: {tokens: 1500}\nbackend: {max_tokens: 60, ")
        dataset = build(write(photos, text), photos / "out")
        assert server.total == 1 and len(dataset.rows) == 1, "1,105 for the picture and 60 for the reply leave no room"


def test_diff_sees_a_picture_that_changed(photos: Path) -> None:
    text = LOOK.replace(', base_url: "URL"', "").replace("PHOTOS", PATHS)
    (photos / "photos/d.gif").write_bytes(gif(more=b"d"))
    old = compile_spec(write(photos, text))
    new = compile_spec(write(photos, text.replace("c.gif", "d.gif"), "new.yaml"))
    assert diff_specs(old, new).calls == 1
    (photos / "photos/copy.gif").write_bytes(gif(more=b"c"))
    same = compile_spec(write(photos, text.replace("c.gif", "copy.gif"), "same.yaml"))
    assert diff_specs(old, same).calls == 0


def test_a_path_that_a_model_wrote_leaves_the_folder_and_is_refused(photos: Path) -> None:
    (photos.parent / "secret.gif").write_bytes(gif())
    text = (
        LOOK.replace("PHOTOS", PATHS)
        .replace(
            "  caption:\n    images: [photo]",
            """  pick:
    user: Pick a file.
    writes: [file]
  caption:
    images: [file]""",
        )
        .replace("fields: {", "fields: {file: {type: string}, ")
    )
    with Loopback(lambda body, nth: "../secret.gif") as server:
        dataset = build(write(photos, text.replace("URL", server.url)), photos / "out")
        assert not dataset.rows
        assert "image_url" not in json.dumps(server.bodies)
        lost = (photos / "out/quarantine.jsonl").read_text()
        assert "lies outside the spec's folder" in lost


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "x.gif").write_bytes(gif())
    (home / "link.gif").symlink_to(outside / "x.gif")
    (home / "folder").symlink_to(outside)
    (home / "own.gif").write_bytes(gif())
    (home / "inner.gif").symlink_to(home / "own.gif")
    for path in ("link.gif", "folder/x.gif", "../outside/x.gif", str(outside / "x.gif"), "a/../../outside/x.gif"):
        for use in (read_images, look_at):
            with pytest.raises(ImageFault) as fault:
                list(use(path, home))
            assert fault.value.kind == "outside", path
    assert len(list(read_images(["own.gif", "inner.gif"], home))) == 2


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("nothing.gif", "missing"),
        ("", "missing"),
        (None, "missing"),
        (".", "missing"),
        ("bad\0.gif", "missing"),
        ("text.png", "kind"),
        ("large.gif", "large"),
        ("none.gif", "kind"),
        (3, "kind"),
        ({"path": None}, "kind"),
        ("data:image/png,plain", "kind"),
        ("data:image/png;base64,@@", "kind"),
        (b"", "kind"),
    ],
)
def test_what_is_no_picture_is_told(value: Any, kind: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "none.gif").write_bytes(gif(0, 5))
    with (tmp_path / "large.gif").open("wb") as file:
        file.write(gif())
        file.truncate(20_000_001)
    for use in (read_images, look_at):
        with pytest.raises(ImageFault) as fault:
            list(use(value, tmp_path))
        assert fault.value.kind == kind and fault.value.message


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\0\0\0"


def _jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 9002) + b"e" * 9000
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + exif + b"\xff\xff" + frame + b"\xff\xd9"


def _webp(form: str, width: int, height: int) -> bytes:
    if form == "VP8X":
        body = b"\x10\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif form == "VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    else:
        body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = form.encode().ljust(4) + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk + b"\0"


@given(some.integers(1, 16_000), some.integers(1, 16_000), some.sampled_from(["VP8X", "VP8L", "VP8 "]))
def test_width_and_height_are_read_from_every_kind(width: int, height: int, form: str) -> None:
    kinds = {"image/png": _png(width, height), "image/gif": gif(width, height), "image/jpeg": _jpeg(width, height),
             "image/webp": _webp(form, width, height)}  # fmt: skip
    for media_type, data in kinds.items():
        looks = look(data, len(data), "x")
        assert (looks.media_type, looks.width, looks.height) == (media_type, width, height)


@settings(max_examples=quarter(300))
@given(some.sampled_from([_png(3, 4), gif(), _jpeg(5, 6), _webp("VP8X", 7, 8), _webp("VP8L", 7, 8)]), some.data())
def test_a_damaged_header_is_told_and_never_raises_else(data: bytes, draw: some.DataObject) -> None:
    cut = data[: draw.draw(some.integers(0, len(data)))]
    at = draw.draw(some.integers(0, len(data)))
    mixed = data[:at] + draw.draw(some.binary(max_size=8)) + data[at:]
    for damaged in (cut, mixed):
        try:
            looks = look(damaged, len(damaged), "x")
        except ImageFault as fault:
            assert fault.kind == "kind"
        else:
            assert looks.width > 0 and looks.height > 0


def test_bytes_of_a_parquet_source_are_pictures(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pictures = [gif(more=b"p%d" % n) for n in range(2)]
    table = pa.table(
        {"photo": pictures, "nested": [{"bytes": p, "path": "x.gif"} for p in pictures], "raw": [b"\0\1"] * 2}
    )
    pq.write_table(table, tmp_path / "shop.parquet")
    text = LOOK.replace("rows: 3", "rows: 2\nsources: {shop: {file: shop.parquet}}")
    text = text.replace("PHOTOS", "{from: shop, column: COLUMN}").replace(", path: {value: photo}", "")
    for column in ("photo", "nested"):
        with Loopback() as server:
            path = write(tmp_path, text.replace("URL", server.url).replace("COLUMN", column))
            dataset = build(path, tmp_path / column)
            assert len(dataset.rows) == 2
            urls = {b["messages"][0]["content"][0]["image_url"]["url"] for b in server.bodies}
            assert urls == {f"data:image/gif;base64,{base64.b64encode(p).decode()}" for p in pictures}


@given(some.integers(1, 20_000), some.integers(1, 20_000))
def test_tokens_of_a_picture_are_bounded_and_never_nothing(width: int, height: int) -> None:
    for count, models in (
        (openai_tokens, ("gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-mini", "o3", "gpt-4.1-nano")),
        (claude_tokens, ("claude-haiku-4-5",)),
        (gemini_tokens, ("gemini-2.5-flash", "gemini-3.5-flash")),
    ):
        for model in models:
            found = count(model, width, height)
            assert found is not None and found > 0
    assert openai_tokens("gpt-5.5", width, height) is None
    assert gemini_tokens("tuned", width, height) is None


def test_tokens_are_those_of_the_documentation() -> None:
    assert openai_tokens("gpt-4o", 1024, 1024) == 765  # two examples of OpenAI's page
    assert openai_tokens("gpt-4o", 2048, 4096) == 1105
    assert openai_tokens("gpt-5-mini", 1024, 1024) == 1659  # 1,024 patches
    assert openai_tokens("gpt-4o-mini", 1024, 1024) == 25501
    assert gemini_tokens("gemini-2.5-flash", 384, 384) == 258
    assert gemini_tokens("gemini-2.5-flash", 960, 540) == 6 * 258  # the example of Google's page
    assert claude_tokens("claude-haiku-4-5", 1092, 1092) == 1590  # about 1,590 by Anthropic's page


# --- with the ways in which a prompt is asked several times

SEVERAL = """
synthspec: 1
rows: 2
backend: {{provider: openai, model: gpt-4o, base_url: "{url}", max_tokens: 60}}
parameters: {{n: [1, 2], photos: [[photos/a.gif, photos/b.gif]]}}
prompts:
  a: {{{prompt}, writes: [a]{more}}}
fields:
  a: {{{kind}}}
  t: {{{thought}}}
"""
LIST = "type: array, items: {type: string}"


@pytest.mark.parametrize(
    ("prompt", "kind", "calls"),
    [
        ('samples: 3, user: "Say {{ n }}"', LIST, 6),
        ('map: "p in photos", images: [p], user: Caption', LIST, 4),
        ("each: p in photos, images: [p], user: Caption", "type: string", 2),
        ('repeat: 2, from: {a: "\'x\'"}, messages: [{user: "{{ a }} {{ round }} {{ n }}"}]', "type: string", 4),
        ('samples: 2, complete: "Say {{ n }}"', LIST, 4),
    ],
)
def test_they_go_with_every_way_of_asking(prompt: str, kind: str, calls: int, photos: Path) -> None:
    thinks = "complete" not in prompt
    with Loopback(beside={"reasoning_content": "hm"}) as server:
        text = SEVERAL.format(
            url=server.url,
            prompt=prompt,
            kind=kind,
            thought=kind if thinks else "value: len(a)",
            more=", reasoning: t" if thinks else "",
        )
        dataset = build(write(photos, text), photos / "out")
        assert len(dataset.rows) == 2 and server.total == calls
        if thinks:
            expected = ["hm"] * len(dataset.rows[0]["a"]) if kind == LIST else "hm"
            assert [r["t"] for r in dataset.rows] == [expected] * 2
        assert build(photos / "spec.yaml", photos / "out").rows == dataset.rows
        assert server.total == calls, "an idle rebuild makes no call"


@pytest.mark.parametrize("loop", ["map", "each"])
def test_items_of_a_listed_list_are_looked_at_beforehand(loop: str, photos: Path) -> None:
    prompt, kind = f'{loop}: "p in photos", images: [p], user: Caption', LIST if loop == "map" else "type: string"
    text = SEVERAL.format(url="", prompt=prompt, kind=kind, thought="value: n", more="").replace('base_url: "", ', "")
    assert not [d for d in compile_spec(write(photos, text)).diagnostics if d.severity == "error"]
    (found,) = compile_spec(write(photos, text.replace("b.gif", "z.gif"))).diagnostics[:1]
    assert found.code == "E475" and "photos/z.gif" in found.message


def test_members_of_whole_rows_are_looked_at_beforehand(photos: Path) -> None:
    text = LOOK.replace(', base_url: "URL"', "").replace("images: [photo]", "images: [photo.file]")
    text = text.replace("PHOTOS", "{from: shop}").replace(", path: {value: photo}", "")
    text = text.replace("rows: 3", "rows: 2\nsources: {shop: {rows: [{file: photos/a.gif}, {file: LAST}]}}")
    assert compile_spec(write(photos, text.replace("LAST", "photos/b.gif"))).spec is not None
    codes = {d.code for d in compile_spec(write(photos, text.replace("LAST", "nowhere.gif"))).diagnostics}
    assert "E475" in codes
