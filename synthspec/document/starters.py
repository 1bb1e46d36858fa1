"""Specs to begin with: an empty one, one that takes parameters from the library, and copies of those that ship."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from synthspec.document.resources import specs_folder

SCHEMA = "synthspec.schema.json"  # beside the specs, so that an editor finds it on every machine
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"  # what a spec may be called

_BLANK = """\
# yaml-language-server: $schema={schema}
synthspec: 1                      # version of the language
name: {name}
description: Say in a sentence what the dataset is for.
rows: 20
seed: 1

parameters:                       # drawn before any prompt is written
  topic: [delivery, price, quality, service]
  mood: {{values: {{pleased: 3, disappointed: 1}}}}       # weights: three pleased for one disappointed

prompts:
  comment:
    system: You write short, natural customer comments.
    user: Write a comment by a {{{{ mood }}}} customer about {{{{ topic }}}}.
    writes: [comment]

fields:                           # the dataset's columns, in order
  topic:   {{value: topic}}
  mood:    {{value: mood}}
  comment: {{type: string, words: {{min: 5, max: 60}}, clean: [strip, collapse_spaces]}}

novelty:
  unique: comment                 # no comment twice

output: {{formats: [csv]}}
# backend: openai:gpt-5-mini      # the embedded n-gram model runs where none is named
"""

_EXTENDING = """\
# yaml-language-server: $schema={schema}
synthspec: 1                      # version of the language
name: {name}
description: Say in a sentence what the dataset is for.
extends: [{blocks}]
rows: 20
seed: 1

# Of the library, drawn before any prompt is written:
{listed}

prompts:
  text:
    system: You write short, natural texts.
    user: |
      Write a short text. Let it fit all of these:
{asked}
    writes: [text]

fields:                           # the dataset's columns, in order
{columns}
  text: {{type: string, words: {{min: 5, max: 80}}, clean: [strip, collapse_spaces]}}

novelty:
  unique: text                    # no text twice

output: {{formats: [csv]}}
# backend: openai:gpt-5-mini      # the embedded n-gram model runs where none is named
"""


def is_name(text: str) -> bool:
    """Whether a spec may be called so."""
    return re.fullmatch(NAME, text) is not None


def blank_spec(name: str) -> dict[Path, bytes]:
    """A small spec that works, to be changed: what to write below its folder."""
    return {Path(f"{name}.yaml"): _BLANK.format(name=name, schema=SCHEMA).encode()}


def extending_spec(name: str, blocks: Mapping[str, Sequence[str]]) -> dict[Path, bytes]:
    """A spec that takes over the parameters of library specs: the names of those specs, with their parameters."""
    parameters = list(dict.fromkeys(p for found in blocks.values() for p in found if p != "text"))
    text = _EXTENDING.format(
        name=name,
        schema=SCHEMA,
        blocks=", ".join(blocks),
        listed="\n".join(f"#   {block}: {', '.join(found)}" for block, found in blocks.items()),
        asked="\n".join(f"      - {p.replace('_', ' ')}: {{{{ {p} }}}}" for p in parameters),
        columns="\n".join(f"  {p}: {{value: {p}}}" for p in parameters),
    )
    return {Path(f"{name}.yaml"): text.encode()}


def shipped_specs() -> list[str]:
    """The names of the specs that ship."""
    return sorted(p.stem for p in specs_folder().glob("*.yaml"))


def copied_spec(name: str, like: str) -> dict[Path, bytes]:
    """A spec that ships under another name, and its data.

    Raises:
        LookupError: none of this name ships.
    """
    if like not in shipped_specs():
        raise LookupError(like)
    text = (specs_folder() / f"{like}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^name: *\S+", f"name: {name}", text, count=1)
    text = re.sub(r"(?m)^(# yaml-language-server: \$schema=)\S+", rf"\g<1>{SCHEMA}", text, count=1)
    named = [specs_folder() / d for d in sorted(set(re.findall(r"data/[\w.-]+|\w+/\w+\.py\b", text)))]
    found = [f for d in named for f in (sorted(d.rglob("*")) if d.is_dir() else [d]) if f.is_file()]
    return {Path(f"{name}.yaml"): text.encode(), **{f.relative_to(specs_folder()): f.read_bytes() for f in found}}
