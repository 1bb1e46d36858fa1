"""turns: a whole conversation, `Customer: … Agent: …`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.descriptions import conversation_facts, message_facts
from synthspec.formats.recovery.conversations import read_conversation
from synthspec.formats.recovery.loose_json import decode
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import fold, is_filler, is_refusal
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.formats.recovery.speakers import Mark, UnclearSpeakerError, find_marks
from synthspec.formats.recovery.talk import UnclearTurnError, said_after, settle_lead
from synthspec.formats.recovery.versions import announces_version, corrected, is_later_title, is_restart
from synthspec.formats.recovery.wrappers import Body, answer_of, peel
from synthspec.spec.conversation import ROLES, holds_messages
from synthspec.spec.messages import Constraint

SUMMARY = "a whole conversation, each message after its speaker's name"
OPTIONS: Mapping[str, str] = {"turns": "each speaker's name and its role: {Customer: user, Agent: assistant}"}
_ALIASES = {"user": ("User", "Human"), "assistant": ("Assistant", "AI", "Bot")}
_MEANT = {  # what else the roles are called
    **dict.fromkeys(("agent", "ai", "bot", "chatbot", "gpt", "model"), "assistant"),
    **dict.fromkeys(("client", "customer", "human"), "user"),
}
_BLOCK = re.compile(r"(?ms)^(?:```|~~~)\w*[ \t]*\n(.*?)\n(?:```|~~~)[ \t]*$")
_NAMES = ("conversation", "dialogue", "dialog", "transcript", "chat", "exchange", "talk")


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    if len(shape.fields) != 1:
        yield f"turns carries one field, and the prompt writes {len(shape.fields)}", "use json"
    if shape.rows > 1:
        yield f"turns carries one row, and the prompt asks for {shape.rows}", "use json"
    for field in shape.fields:
        if not holds_messages(field):
            yield "turns carries a conversation", f"give {field.name} `type: messages`"
    labels = shape.options.get("turns")
    if not isinstance(labels, Mapping) or len(labels) < 2:
        yield "turns needs two speakers or more", "write {turns: {Customer: user, Agent: assistant}}"
        return
    yield from _label_faults(labels)


def _label_faults(labels: Mapping[Any, Any]) -> Iterator[FormatFault]:
    seen: dict[str, str] = {}
    for label, role in labels.items():
        if not re.search(r"\w", str(label)) or re.search(r"[:：\n*]", str(label)):
            yield f"'{label}' cannot stand before a message", "give it letters, and no colon"
        if role not in ROLES:
            meant = _MEANT.get(fold(str(role)))
            either = f"`{label}: {meant}`" if meant else f"`{label}: user` or `{label}: assistant`"
            yield f"'{label}' is {role}, and a speaker is user or assistant", f"write {either}"
        other = seen.setdefault(fold(str(label)), str(label))
        if other != str(label):
            yield f"'{other}' and '{label}' cannot be told apart", "rename one"
    for role in ROLES:
        if role not in labels.values():
            yield f"no speaker is the {role}", f"let one of them be, `NAME: {role}`"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    field, labels = shape.fields[0], list(_labels(shape))
    told = [
        f"Reply with the whole {field.name.replace('_', ' ')} and nothing before or after it. Begin each message on a "
        "line of its own with the name of its speaker and a colon:",
        *(f"{label}: …" for label in labels),
    ]
    whole, each = conversation_facts(field), message_facts(field)
    users = [label for label, role in _labels(shape).items() if role == "user"]
    if whole:
        told.append(f"In all: {'; '.join(whole).replace('by the user', 'by ' + ' or '.join(users))}.")
    if each:
        told.append(f"Each message: {'; '.join(each)}.")
    return "\n".join(told)


def constraint(shape: Shape) -> Constraint:
    """None: names alone say too little to hold a reply to."""
    return Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """A line for each message; JSON for a talk that such lines do not carry."""
    if not rows:
        return ""
    name, labels = shape.names[0], _labels(shape)
    messages = rows[0][name]
    if not isinstance(messages, list):
        return str(messages)
    names = [m.get("name") or next((n for n, r in labels.items() if r == m["role"]), m["role"]) for m in messages]
    text = "\n".join(f"{n}: {m['content']}" for n, m in zip(names, messages, strict=True))
    if parse(text, shape).rows == ({name: messages},):
        return text
    return json.dumps(messages, ensure_ascii=False)


def parse(text: str, shape: Shape) -> Parsed:
    """The talk as one row; none where it is not certain who said what."""
    whole = answer_of(text, "turns", shape)
    if not whole.strip():
        return _refused("empty reply", "the reply is empty", "")
    decoded = _decoded(whole, shape)
    if decoded is not None:
        return Parsed(({shape.names[0]: decoded},))
    labels = _labels(shape)
    if not labels:
        return _refused("no speaker", "the spec names no speaker", whole)
    body = doubt = ""
    try:
        body, doubt = peel(_last_version(whole, list(labels)), (shape.names[0], *_NAMES), markers=True)
        body = _fenced(body, list(labels))
        marks, spoken = _spoken(body, labels)
    except UnclearSpeakerError as e:
        return _refused("unclear speaker", "a line may begin another turn", str(e))
    except UnclearTurnError as e:
        return _refused(e.cause, e.why, str(e))
    if not marks:
        if is_refusal(body):
            return _refused("refusal", "the model declines", body)
        return _refused("no speaker", f"no {next(iter(labels))}: in the reply", body)
    if doubt and (doubt in spoken[-1][1] or doubt in body[: marks[0].start]):
        return _refused("unclear end", "a line may speak about the talk or belong to it", doubt)
    return _row(spoken, shape, body)


def _fenced(body: str, labels: list[str]) -> str:
    """The inside of the only code block, where nobody speaks outside it."""
    found = _BLOCK.findall(body)
    if len(found) != 1 or find_marks(_BLOCK.sub("", body), labels):
        return body
    return str(found[0])


def _last_version(text: str, labels: list[str]) -> str:
    """The talk below the title of a later version; the text itself where it has none.

    Raises:
        UnclearTurnError: a line may announce a later version, and may have been said.
    """
    later = corrected(text)
    if later is None:
        _settle_restart(text, labels)
        return text
    before = text[: len(text) - len(later)].rstrip().rpartition("\n")[2]
    if is_later_title(before):
        return Body(later)
    first = next(iter(find_marks(later, labels)), None)
    if first is not None and not later[: first.start].strip():
        raise UnclearTurnError("several", "a line may announce another version", before)
    return text


_RESTARTS = (
    "#",
    "output",
    "start",
    "scratch",
    "attempt",
    " try",
    "let me",
    "version",
    "draft",
    "rewrite",
    "text",
    "better",
)


def _settle_restart(text: str, labels: list[str]) -> None:
    """Raise where a line before the talk's first words may say that it begins anew."""
    lines = text.split("\n") if holds_any(lowered(text), _RESTARTS) else ()
    for i, line in enumerate(lines[1:-2], 1):
        titled = line.startswith("#") and is_later_title(line)
        apart = is_restart(line) and not lines[i + 1].strip()
        if titled or apart or (not lines[i - 1].strip() and announces_version(line)):
            following = "\n".join(lines[i + 1 :]).lstrip("\n")
            if following and any(not m.start for m in find_marks(following, labels)):
                raise UnclearTurnError("several", "a line may announce another version", line)


def _spoken(body: str, labels: Mapping[str, str]) -> tuple[list[Mark], list[tuple[str, str]]]:
    """Each speaker and what was said, in order."""
    marks = find_marks(body, list(labels))
    if not marks:
        roles = {role: [n for n, r in labels.items() if r == role] for role in ROLES}
        aliases = {a: names[0] for role, names in roles.items() if len(names) == 1 for a in _ALIASES[role]}
        marks = find_marks(body, list(aliases)) if len(aliases) > 3 else []
        labelled = [aliases[m.label] for m in marks]
    else:
        labelled = [m.label for m in marks]
    if not marks:
        return [], []
    settle_lead(body[: marks[0].start], (*labels, *_NAMES))
    ends = [*(m.start for m in marks[1:]), len(body)]
    texts = [said_after(m, body[m.end : end], labels, end == len(body)) for m, end in zip(marks, ends, strict=True)]
    _surplus(texts)
    return marks, list(zip(labelled, texts, strict=True))


def _surplus(texts: Sequence[str]) -> None:
    """A second paragraph at the end where no other message has one may speak about the talk."""
    if "\n\n" in texts[-1] and not any("\n\n" in t for t in texts[:-1]):
        raise UnclearTurnError("unclear end", "the last paragraph may speak about the talk or belong to it", texts[-1])


def _row(spoken: Sequence[tuple[str, str]], shape: Shape, body: str) -> Parsed:
    """The messages, neighbours of one speaker joined."""
    labels = _labels(shape)
    if all(_QUOTED.match(text) for _, text in spoken):
        spoken = [(label, text[1:-1].strip()) for label, text in spoken]
    named = len(set(labels.values())) < len(labels)
    messages: list[dict[str, Any]] = []
    last = ""
    for label, text in spoken:
        if not text:
            return _refused("empty turn", f"{label} says nothing", body)
        if _DECLINES.search(text):
            return _refused("refusal", "a message declines to write the talk", text)
        if is_filler(text):
            return _refused("placeholder", "the reply holds the form without its messages", body)
        if label == last:
            messages[-1]["content"] += f"\n{text}"
            continue
        message = {"role": labels[label], "content": text}
        messages.append({**message, "name": label} if named else message)
        last = label
    if {m["role"] for m in messages} != set(ROLES):
        return _refused("one speaker", "only one side speaks", body)
    return Parsed(({shape.names[0]: messages},))


_DECLINES = re.compile(
    r"\bI(?:['’]m| am)? (?:can(?:no|['’])?t|won['’]t|will not|(?:not able|unable) to) (?:\w+ ){0,3}?"
    r"(?:create|write|generate|continue|produce|complete|simulate|role-?play)\b[^.\n]{0,40}"
    r"\b(?:conversation|dialog(?:ue)?|transcript|role-?play|scenario|script|exchange)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]+\"\Z|“[^“”]+”\Z")


def _decoded(text: str, shape: Shape) -> list[dict[str, Any]] | None:
    """The talk of a reply in JSON."""
    if not re.match(r"\s*(?:```\w*\s*)?[\[{]\s*[\[{\"]", text):
        return None
    found = [f for f in decode(text) if f.whole and isinstance(f.value, dict | list)]
    if len(found) != 1:
        return None
    value: Any = found[0].value
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    labels = {fold(k): (k, v) for k, v in _labels(shape).items()}
    named = len(set(_labels(shape).values())) < len(labels)
    made = [_from_json(m, labels, named) for m in value] if isinstance(value, list) else []
    read: Any = [m for m in made if m is not None]
    if not made or len(read) < len(made):
        read = read_conversation(value, shape.fields[0].type)
    if not isinstance(read, list) or {m.get("role") for m in read if isinstance(m, dict)} != set(ROLES):
        return None
    whole = all(isinstance(m, dict) and isinstance(m.get("content"), str) and m["content"].strip() for m in read)
    unnamed = named and any("name" not in m for m in read)
    return list(read) if whole and not unnamed else None


def _from_json(message: Any, labels: Mapping[str, tuple[str, str]], named: bool) -> dict[str, Any] | None:
    if not isinstance(message, dict) or len(message) != 2:
        return None
    (one, speaker), (other, content) = message.items()
    if fold(str(one)) not in ("speaker", "role", "name", "from") or not isinstance(content, str):
        return None
    if fold(str(other)) not in ("content", "text", "message", "value", "utterance", "line"):
        return None
    found = labels.get(fold(str(speaker)))
    if found is None:
        return None
    return {"role": found[1], "content": content, **({"name": found[0]} if named else {})}


def _labels(shape: Shape) -> dict[str, str]:
    given = shape.options.get("turns")
    return {str(k).strip(): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}


def _refused(cause: str, why: str, text: str) -> Parsed:
    return Parsed((), (refuse("turns", cause, why, text),))
