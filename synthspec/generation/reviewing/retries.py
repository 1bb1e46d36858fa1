"""Requests that a reviewer wants made again with a remark.

A wish names completions that a row was made of (of a conversation the first, of rounds the last), by key and by the
digest of their texts as they were seen. The request with such a key is made under another one, which the remark is an
explicit part of; what was paid for stays in the store, and no other request is another by it. Where the store holds
another text under that key, the wish is stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from synthspec.generation.reviewing.decisions import decide
from synthspec.inference.requests import Remark, retry_key
from synthspec.inference.store.reader import StoreReader
from synthspec.inference.store.reviews import Review
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Prompt

Retries = dict[str, Remark]  # by the key of the request that is made again


def text_digest(text: str) -> str:
    """What tells the text of a completion from any other."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def read_retries(reviews: Sequence[Review], store: StoreReader, *, made: bool = False) -> Retries:
    """The requests to be made again; with `made` only those that were.

    Raises:
        StoreFault: the store cannot be read.
    """
    found: Retries = {}
    wishes = [d.retried for of_path in decide(reviews).values() for d in of_path.values() if d.retried is not None]
    for wish in sorted(wishes, key=lambda review: review.id):
        for key, digest in _keys_of(wish).items():
            completion = store.get(key)
            if completion is None or text_digest(completion.reply.text) != digest:
                continue
            if made and store.get(retry_key(key, wish.reason)) is None:
                continue
            found[key] = Remark(wish.reason, completion.reply.text)
    return found


def _keys_of(wish: Review) -> Mapping[str, str]:
    keys = wish.patch.get("keys")
    return {str(k): str(v) for k, v in keys.items()} if isinstance(keys, Mapping) else {}


@dataclass(frozen=True, slots=True)
class RetryWish:
    """The prompt of a row that is to be asked again, and its completions: the digest of the text, by key."""

    prompt: str
    keys: Mapping[str, str]

    @property
    def patch(self) -> dict[str, object]:
        """As it is noted with a review."""
        return {"prompt": self.prompt, "keys": dict(self.keys)}


class RetryRefused(ValueError):
    """A row cannot be asked again; the message says why."""


def wish_for(
    path: str,
    keys: Sequence[str],
    sharing: Mapping[str, Sequence[str]],
    asked: Iterable[str],
    prompts: Mapping[str, Prompt],
    store: StoreReader,
    prompt: str | None = None,
) -> RetryWish:
    """What asking a row again comes to. `keys` are its completions in the order of its prompts, `sharing` the rows that
    each of them made, `asked` the rows that are asked again together, `prompts` those of the spec (none: not known).

    Raises:
        RetryRefused: it cannot be asked so.
        StoreFault: the store cannot be read.
    """
    texts: dict[str, dict[str, str]] = {}
    for call in store.calls_of([key for key in keys if key]):
        texts.setdefault(call.prompt, {})[call.key] = text_digest(call.text)
    if not texts:
        raise RetryRefused("none of its completions is in the store")
    texts = {n: k for n, k in texts.items() if n in prompts or not prompts}  # not what a prompt that plays a tool wrote
    own = {n: k for n, k in texts.items() if all(set(sharing.get(key, ())) <= {*asked, path} for key in k)}
    if prompt is None and len(own) > 1:
        raise RetryRefused(f"several prompts wrote it: name the one that the remark is for: {', '.join(own)}")
    prompt = prompt or next(iter(own), None) or list(texts)[-1]
    if prompt not in texts:
        raise RetryRefused(f"no completion of '{prompt}' made it; its prompts: {', '.join(texts)}")
    if prompt not in own:
        others = sorted({p for key in texts[prompt] for p in sharing.get(key, ())} - {*asked, path})
        them = ", ".join(others[:8])
        raise RetryRefused(f"the completion of '{prompt}' made other rows too; ask them again with it: {them}")
    return RetryWish(prompt, _made_again(prompts.get(prompt), texts[prompt]))


def _made_again(prompt: Prompt | None, texts: Mapping[str, str]) -> Mapping[str, str]:
    """Those of a row's completions of one prompt that are made again: all that hang on them follow."""
    if prompt is not None and prompt.dialogue is not None:
        return dict(list(texts.items())[:1])  # a conversation begins again
    if prompt is not None and prompt.repeat is not None:
        return dict(list(texts.items())[-1:])  # the last round
    return texts


def unheard(prompt: Prompt) -> str:
    """What a person should know before a prompt is retried with a remark: that its model is not shown it. Nothing of
    one whose model is."""
    if prompt.complete is None:
        return ""
    return f"'{prompt.name}' goes on from bare text: it is written again, and the model is not shown the remark"
