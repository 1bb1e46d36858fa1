"""The in-process backend, on a tiny model of random weights that the test makes itself."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest

from synthspec.inference.backends import Backend
from synthspec.plugins import find_plugin
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, Constraint, FaultKind, Message, Reply
from synthspec.testing.backend_contract import NOWHERE, BackendContract, a_context, a_request, check_reply

MISSING = [name for name in ("torch", "transformers") if find_spec(name) is None]  # the default run imports neither

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "kind": {"enum": ["good", "bad"]},
    },
    "required": ["name", "score", "kind"],
    "additionalProperties": False,
}


def make_model(folder: Path, template: bool = True) -> None:
    """Write a Llama of 60,000 random weights and a byte-level tokenizer of 400 tokens."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|pad|>", "<|user|>", "<|system|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    inner.train_from_iterator(["the agent and the client speak of a bill", '{"name": "x", "score": 3}'] * 20, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>", pad_token="<|pad|>")
    if template:
        tokenizer.chat_template = (
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}"
        )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    yield str(folder)


def _open(model: str, timeout: float = 60.0, settings: dict[str, Any] | None = None, **options: Any) -> Backend:
    choice = BackendChoice(
        "transformers",
        model,
        {"device": "cpu", **options},
        {"max_tokens": 60, **(settings or {})},
        None,
        NOWHERE,
    )
    backend: Backend = find_plugin("backends", "transformers").open_backend(choice, a_context(timeout))
    return backend


def _use(backend: Backend, use: Callable[[Backend], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        try:
            return await use(backend)
        finally:
            await backend.close()

    return asyncio.run(main())


def _ask(backend: Backend, count: int = 1, **changes: Any) -> list[Reply]:
    async def use(b: Backend) -> list[Reply]:
        return list(await asyncio.gather(*(b.complete(a_request(i, **changes)) for i in range(count))))

    replies: list[Reply] = _use(backend, use)
    for reply in replies:
        check_reply(reply)
    return replies


def test_a_json_schema_is_held_token_by_token(model: str) -> None:
    import jsonschema

    replies = _ask(_open(model, settings={"max_tokens": 200}), 20, constraint=Constraint(json_schema=SCHEMA))
    for reply in replies:
        assert reply.finish == "stop"
        jsonschema.validate(json.loads(reply.text), SCHEMA)
    assert len({r.text for r in replies}) == 20


def test_a_regex_and_a_grammar_are_held(model: str) -> None:
    for reply in _ask(_open(model), 12, constraint=Constraint(regex=r"\+34 [67]\d{8}")):
        assert re.fullmatch(r"\+34 [67]\d{8}", reply.text)
    grammar = 'start: NAME ": " ("yes" | "no")\nNAME: /[A-Z][a-z]{2,5}/'
    for reply in _ask(_open(model), 12, constraint=Constraint(grammar=grammar)):
        assert re.fullmatch(r"[A-Z][a-z]{2,5}: (yes|no)", reply.text)


def test_a_constraint_can_be_left_out_or_unknown(model: str) -> None:
    free = _ask(_open(model, constrain=False), constraint=Constraint(regex="[ab]{3}"))
    assert not re.fullmatch("[ab]{3}", free[0].text)
    _ask(_open(model), constraint=Constraint(grammar="start: nonsense"))


def test_texts_follow_their_seeds_alone(model: str) -> None:
    alone = [_ask(_open(model, batch=1), 3)[i].text for i in range(3)]
    assert alone == [r.text for r in _ask(_open(model, batch=1), 3)]
    assert alone == [r.text for r in _ask(_open(model, batch=8), 3)]
    assert len(set(alone)) == 3
    same = _ask(_open(model), 2, seed=5, messages=(Message("user", "hello"),))
    assert same[0].text == same[1].text


def test_temperature_and_top_p(model: str) -> None:
    greedy = _ask(_open(model, settings={"temperature": 0}), 4, messages=(Message("user", "hello"),))
    assert len({r.text for r in greedy}) == 1
    narrow = _ask(_open(model, settings={"top_p": 1e-6}), 4, messages=(Message("user", "hello"),))
    assert {r.text for r in narrow} == {greedy[0].text}
    hot = _ask(_open(model, settings={"temperature": 0}), 4, messages=(Message("user", "hello"),), temperature=2.0)
    assert len({r.text for r in hot}) == 4


def test_finish_usage_and_stop(model: str) -> None:
    short = _ask(_open(model, settings={"max_tokens": 5}), constraint=Constraint(regex="[a-z]{40}"))[0]
    assert short.finish == "length"
    assert short.usage.completion_tokens == 5
    assert short.usage.prompt_tokens > 10
    assert short.model
    stopped = _ask(_open(model, settings={"stop": "c"}), constraint=Constraint(regex="[ab]{3}c[ab]{200}"), seed=1)[0]
    assert re.fullmatch("[ab]{3}", stopped.text)
    assert stopped.finish == "stop"


def test_requests_in_flight_share_batches(model: str) -> None:
    from synthspec.inference.transport.local_model import LocalModel

    sizes: list[int] = []
    write = LocalModel.write

    def counted(self: LocalModel, requests: Any, *rest: Any) -> Any:
        sizes.append(len(requests))
        return write(self, requests, *rest)

    LocalModel.write = counted  # type: ignore[method-assign]
    try:
        _ask(_open(model, batch=8), 20)
    finally:
        LocalModel.write = write  # type: ignore[method-assign]
    assert sizes == [8, 8, 4]


def test_faults(model: str, tmp_path: Path) -> None:
    def fault(backend: Backend, **changes: Any) -> BackendFault:
        with pytest.raises(BackendFault) as caught:
            _ask(backend, **changes)
        return caught.value

    long = fault(_open(model), messages=(Message("user", "word " * 2000),))
    assert long.kind is FaultKind.TOO_LONG
    late = fault(_open(model, timeout=0.0), constraint=Constraint(regex="[a-z]{40}"))
    assert late.kind is FaultKind.TIMED_OUT
    (tmp_path / "config.json").write_text("{}")
    broken = fault(_open(str(tmp_path)))
    assert broken.kind is FaultKind.BAD_REQUEST
    assert "cannot be loaded" in broken.message
    absent = fault(_open("nobody/no-such-model", local_files_only=True))
    assert absent.kind is FaultKind.BAD_REQUEST
    with pytest.raises(BackendFault, match="no model in"):
        _open("./nowhere")
    with pytest.raises(BackendFault, match="frequency_penalty"):
        _open(model, settings={"frequency_penalty": 1})


def test_one_long_prompt_does_not_spoil_its_batch(model: str) -> None:
    async def use(b: Backend) -> list[Any]:
        long = a_request(1, messages=(Message("user", "word " * 2000),))
        return list(await asyncio.gather(b.complete(long), b.complete(a_request(2)), return_exceptions=True))

    first, second = _use(_open(model), use)
    assert isinstance(first, BackendFault)
    assert isinstance(second, Reply)


def test_raw_text_goes_past_the_chat_template(model: str) -> None:
    def sent(raw: bool, text: str) -> int | None:
        (reply,) = _ask(_open(model, max_tokens=4), messages=(Message("user", text),), raw=raw)
        return reply.usage.prompt_tokens

    bare, said = sent(True, "one two three"), sent(False, "one two three")
    assert bare is not None and said is not None and bare < said


def test_closing_ends_what_is_being_written(model: str) -> None:
    async def main() -> float:
        backend = _open(model, settings={"max_tokens": 400})
        await backend.complete(a_request(0, constraint=Constraint(regex="a")))
        tasks = [
            asyncio.create_task(backend.complete(a_request(i, constraint=Constraint(regex="[a-z]{9000}"))))
            for i in range(40)
        ]
        await asyncio.sleep(0.1)
        start = time.monotonic()
        await backend.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        return time.monotonic() - start

    assert asyncio.run(main()) < 60  # seconds; what is being written would take an hour


def test_the_fingerprint_is_of_the_model_not_its_place(model: str, tmp_path: Path) -> None:
    import shutil

    moved = tmp_path / Path(model).name
    shutil.copytree(model, moved)
    assert _open(str(moved)).fingerprint == _open(model).fingerprint
    assert str(tmp_path) not in _open(str(moved)).fingerprint
    (moved / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert _open(str(moved)).fingerprint != _open(model).fingerprint


def test_a_model_without_a_chat_template_or_a_system_role(tmp_path: Path) -> None:
    make_model(tmp_path / "plain", template=False)
    _ask(_open(str(tmp_path / "plain")), 2)
    make_model(tmp_path / "strict")
    refuse = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}"
    (tmp_path / "strict" / "chat_template.jinja").write_text(refuse)
    _ask(_open(str(tmp_path / "strict")), 2)


class TestContract(BackendContract):
    """The suite every backend holds to."""

    options = MappingProxyType({"device": "cpu"})
    settings = MappingProxyType({"max_tokens": 40})

    @pytest.fixture(autouse=True)
    def _use_model(self, model: str) -> None:
        self.model = model

    @property
    def module(self) -> ModuleType:  # type: ignore[override]
        return find_plugin("backends", "transformers")
