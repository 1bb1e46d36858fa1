"""A constraint as the keys of a chat-completions body, in the words of each kind of server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.inference.transport.schemas import SchemaCuts, local_schema, strict_schema
from synthspec.languages.patterns.gbnf import gbnf_of_regex
from synthspec.spec.messages import Constraint

SERVERS = ("none", "vllm", "llama", "llguidance")


class ServerConstraints:
    """Turns constraints into body keys for one server. `server` is one of `SERVERS`."""

    def __init__(self, server: str, own: bool) -> None:
        self._server = server
        self._own = own  # the user's own server: it takes more of JSON Schema than OpenAI does
        self._cut = SchemaCuts(self._response_format)

    def keys(self, constraint: Constraint) -> dict[str, Any]:
        """What to add to the body; nothing where the server has no way to be held to it."""
        if constraint.json_schema is not None:
            shape = self._cut(constraint.json_schema)
            return {"response_format": shape} if shape is not None else {}
        regex, grammar = constraint.regex, constraint.grammar
        if self._server == "none" or not (regex or grammar):
            return {}
        if self._server == "vllm":
            return {"structured_outputs": {"regex": regex} if regex else {"grammar": grammar}}
        if self._server == "llguidance":
            return {"grammar": "%llguidance {}\n" + (grammar or lark_of_regex(regex or ""))}
        text = gbnf_of_regex(regex) if regex else None
        return {"grammar": text} if text else {}

    def _response_format(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        strict = strict_schema(schema)
        if self._own:
            whole = local_schema(schema)
            shape = {"name": "reply", "schema": whole, "strict": strict == whole}
        elif strict is None and schema.get("type") != "object":
            return None  # OpenAI takes an object at the top alone
        else:
            shape = {"name": "reply", "schema": strict or dict(schema), "strict": strict is not None}
        return {"type": "json_schema", "json_schema": shape}


def lark_of_regex(regex: str) -> str:
    """A regular expression as a grammar in the dialect of llguidance. `\\d` is 0 to 9: no other script's digits."""
    import llguidance

    return f"start: /{llguidance.regex_to_lark(regex, use_ascii='d')}/"
