"""What a run does that a person should be asked about before: code that it runs, hosts that texts are sent to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from synthspec.analysis.compiled import Compiled
from synthspec.inference.transport.chat import is_loopback
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import is_built_in, is_plugin, plugin_package
from synthspec.spec import Spec
from synthspec.spec.backends_used import backends_used

UNTRUSTED = "E820"
LONGEST = 20_000  # characters of a file of code


@dataclass(frozen=True, slots=True)
class Question:
    """Something to agree to. `id` changes with whatever is shown, so that consent is to this and nothing else."""

    kind: str  # code, host or plugin
    title: str
    text: str
    shown: tuple[tuple[str, str], ...] = ()  # names, and what runs

    @property
    def id(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:24]

    def as_json(self) -> dict[str, Any]:
        shown = [{"name": name, "text": text} for name, text in self.shown]
        return {"id": self.id, "kind": self.kind, "title": self.title, "text": self.text, "shown": shown}


def questions_of(compiled: Compiled) -> list[Question]:
    """All that is to be asked before a spec is run."""
    found = [*_code(compiled)]
    if compiled.spec is not None:
        found += [*_hosts(compiled.spec), *_packages(compiled.spec)]
    return found


def needs_trust_alone(compiled: Compiled) -> bool:
    """Whether nothing is wrong with a spec but that code of it is not trusted yet."""
    errors = [d for d in compiled.diagnostics if d.severity == "error"]
    return bool(errors) and all(d.code == UNTRUSTED for d in errors)


def _code(compiled: Compiled) -> Iterator[Question]:
    for found in compiled.diagnostics:
        if found.code == UNTRUSTED:
            files = dict.fromkeys(related.span.file for related in found.related)
            shown = tuple((Path(file).name, _text(Path(file))) for file in files)
            yield Question("code", "Run code of this folder", found.message, shown)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as e:
        return f"(cannot be read: {e.strerror})"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… ({len(text):,} characters, SHA-256 {digest})"


def _hosts(spec: Spec) -> Iterator[Question]:
    hosts: dict[str, str] = {}
    for _, choice in backends_used(spec).values():
        for address in _addresses(choice.options):
            host = urlsplit(address).hostname or address
            if not is_loopback(host):
                hosts.setdefault(host, f"{choice.provider}:{choice.model}")
    for host, backend in hosts.items():
        text = f"The prompts of {backend} are sent to {host}, which the spec names (base_url)."
        yield Question("host", f"Send prompts to {host}", text)


def _addresses(options: Mapping[str, Any]) -> list[str]:
    given = options.get("base_url")
    return [str(a) for a in given] if isinstance(given, list | tuple) else [str(given)] if given else []


def _packages(spec: Spec) -> Iterator[Question]:
    used = [("backends", choice.provider) for _, choice in backends_used(spec).values()]
    used += [("source_kinds", source.kind) for source in spec.sources.values()]
    used += [("writers", name) for name in spec.output.formats]
    used += [("engines", spec.limits.engine.partition("=")[0].strip())]
    for kind, name in dict.fromkeys(used):
        if is_plugin(kind, name) and not is_built_in(kind, name):
            package = plugin_package(kind, name)
            text = (
                f"The spec uses '{name}', which the installed package {package} brings: its code runs with this build."
            )
            yield Question("plugin", f"Run code of the package {package}", text)
