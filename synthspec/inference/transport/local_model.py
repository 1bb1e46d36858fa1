"""A Hugging Face causal model in this process: loading it, and writing a batch of texts with it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.transport.decoding import TokenChooser, Writing, matcher_for
from synthspec.inference.transport.sdk import load
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request, Usage

NAME = "transformers"


@dataclass(frozen=True, slots=True)
class Manner:
    """How texts are written, where a request does not say."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    constrain: bool = True
    timeout: float = 120.0  # seconds for a batch


class LocalModel:
    """A loaded model and its tokenizer. One thread at a time writes with it."""

    def __init__(self, source: str, device: str, dtype: str, local_files_only: bool) -> None:
        hf, torch = load(NAME, NAME, NAME), load("torch", NAME, NAME)
        where = {"local_files_only": local_files_only, "trust_remote_code": False}
        try:
            self._tokenizer: Any = hf.AutoTokenizer.from_pretrained(source, padding_side="left", **where)
            # Weights of the safetensors kind alone: the older kind is a pickle, which can run code.
            model = hf.AutoModelForCausalLM.from_pretrained(source, dtype=dtype, use_safetensors=True, **where)
            self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
            self._model: Any = model.to(self._device).eval()
        except (OSError, ValueError, RuntimeError, KeyError) as e:
            raise BackendFault(
                FaultKind.BAD_REQUEST, f"the model '{source}' cannot be loaded: {_why(source, e)}"
            ) from None
        self._torch, self._hf = torch, hf
        self._ends = _ends_of(self._model, self._tokenizer)
        self._longest: int | None = getattr(self._model.config, "max_position_embeddings", None)
        self._name = Path(source).name if Path(source).is_dir() else source
        self._llg: Any = None

    def write(self, requests: Sequence[Request], manner: Manner, stop: threading.Event) -> list[Reply | BackendFault]:
        """A reply, or why there is none, for each request."""
        prompts = [self._prompt(r) for r in requests]
        fits = [i for i, p in enumerate(prompts) if self._longest is None or len(p) < self._longest]
        texts = [self._text(requests[i], manner) for i in fits]
        outcomes: list[Reply | BackendFault] = [self._too_long(len(p)) for p in prompts]
        if fits:
            written, room = self._generate([prompts[i] for i in fits], texts, manner, stop)
            for i, text, tokens in zip(fits, texts, written, strict=True):
                outcomes[i] = self._outcome(text, tokens, len(prompts[i]), room, manner)
        return outcomes

    def _generate(
        self, prompts: list[list[int]], texts: list[Writing], manner: Manner, stop: threading.Event
    ) -> tuple[list[list[int]], int]:
        torch = self._torch
        width = max(map(len, prompts))
        room = manner.max_tokens if self._longest is None else min(manner.max_tokens, self._longest - width)
        pad = self._tokenizer.pad_token_id
        pad = self._ends[0] if pad is None else pad
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=self._device)
        seen = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self._device)
        config = self._hf.GenerationConfig(
            max_new_tokens=room, do_sample=False, pad_token_id=pad, eos_token_id=list(self._ends)
        )
        chooser = TokenChooser(texts, self._ends, time.monotonic() + manner.timeout, stop)
        with torch.inference_mode():
            out = self._model.generate(
                ids,
                attention_mask=seen,
                generation_config=config,
                logits_processor=self._hf.LogitsProcessorList([chooser]),
                **({"stop_strings": list(manner.stop), "tokenizer": self._tokenizer} if manner.stop else {}),
            )
        rows = out[:, width:].tolist()
        return [row[: text.count] for row, text in zip(rows, texts, strict=True)], room

    def _prompt(self, request: Request) -> list[int]:
        if request.raw:
            return self._raw_prompt(request.messages[-1].content)
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        if self._tokenizer.chat_template is None:
            return list(self._tokenizer("\n\n".join(m["content"] for m in messages) + "\n")["input_ids"])
        try:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except Exception:  # templates without a system role raise what they like
            text = self._tokenizer.apply_chat_template(_folded(messages), tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _raw_prompt(self, text: str) -> list[int]:
        """Text without a template; a beginning-of-text token is added where it has none of its own."""
        begins = self._tokenizer.bos_token
        own = begins is not None and text.startswith(begins)
        return list(self._tokenizer(text, add_special_tokens=not own)["input_ids"])

    def _text(self, request: Request, manner: Manner) -> Writing:
        temperature = manner.temperature if request.temperature is None else request.temperature
        matcher = matcher_for(request.constraint, self._guide()) if manner.constrain else None
        return Writing(request.seed, temperature, manner.top_p, matcher)

    def _guide(self) -> Any:
        if self._llg is None:
            bridge = load("llguidance.hf", NAME, NAME)
            size = self._model.get_output_embeddings().weight.shape[0]
            self._llg = bridge.from_tokenizer(self._tokenizer, n_vocab=size, eos_token=list(self._ends))
        return self._llg

    def _outcome(self, text: Writing, tokens: list[int], asked: int, room: int, manner: Manner) -> Reply | BackendFault:
        said = self._tokenizer.decode(tokens, skip_special_tokens=True)
        cut = min((at for s in manner.stop if (at := said.find(s)) >= 0), default=-1)
        if not text.done and cut < 0 and text.count < room:
            return BackendFault(FaultKind.TIMED_OUT, f"{self._name} wrote no whole reply within {manner.timeout:g} s")
        finish = "stop" if text.done or cut >= 0 else "length"
        return Reply(said[:cut] if cut >= 0 else said, Usage(asked, text.count), self._name, finish)

    def _too_long(self, tokens: int) -> BackendFault:
        return BackendFault(FaultKind.TOO_LONG, f"a prompt of {tokens} tokens; {self._name} takes {self._longest}")


def _why(source: str, error: Exception) -> str:
    """Why a model cannot be loaded; the library's own words where it is nothing that happens often."""
    said = " ".join(str(error).split())
    if "couldn't connect" in said or "find the requested files in the disk cache" in said:
        return f"it is not on this machine and the hub is out of reach; fetch it first: `hf download {source}`"
    if "is not a local folder and is not a valid model identifier" in said:
        return "no folder and no model of the hub has this name (a private one needs HF_TOKEN)"
    return said[:300]


def _ends_of(model: Any, tokenizer: Any) -> tuple[int, ...]:
    ends = getattr(model.generation_config, "eos_token_id", None)
    ends = ends if isinstance(ends, list) else [ends]
    known = [e for e in (tokenizer.eos_token_id, *ends) if isinstance(e, int)]
    if not known:
        raise BackendFault(FaultKind.BAD_REQUEST, "the model's tokenizer has no end-of-text token")
    return tuple(dict.fromkeys(known))


def _folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system's words in front of the first user's."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    rest = [m for m in messages if m["role"] != "system"]
    first = {**rest[0], "content": f"{system}\n\n{rest[0]['content']}"}
    return [first, *rest[1:]]


def digest_of_model(source: str, folder: Path | None) -> str:
    """What tells one model from another: its name, or for a folder what is in it, wherever it lies."""
    if folder is None:
        return source
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _TELLING):
        digest.update(f"{file.name}:{file.stat().st_size};".encode())
        if file.stat().st_size < 1 << 24:
            digest.update(file.read_bytes())
    return f"{folder.name}@{digest.hexdigest()}"


_TELLING = (".json", ".safetensors", ".model", ".jinja", ".txt")
