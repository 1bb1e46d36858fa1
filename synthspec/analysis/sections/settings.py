"""`backend`, `limits`, `output` and `novelty`: settings whose names must be known and whose values must fit."""

from __future__ import annotations

import importlib.util
import itertools
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.extra_body import check_extra_body
from synthspec.analysis.sections.servers import check_addresses
from synthspec.analysis.sections.source_draws import find_source, may_read
from synthspec.analysis.sections.sources import data_path
from synthspec.diagnostics import did_you_mean, nearest
from synthspec.diagnostics.remedies import remove, suggest, write
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.document.schema import value_faults
from synthspec.document.source import path_fault
from synthspec.extras import install_command
from synthspec.inference.backends import provider_of
from synthspec.plugins import is_plugin, plugin_names
from synthspec.spec import (
    Avoid,
    BackendChoice,
    Decontaminate,
    Field,
    Limits,
    NearDuplicates,
    NoCopies,
    Novelty,
    Prices,
    Semantic,
    SourceTable,
)
from synthspec.spec.conversation import holds_messages, holds_prose

_EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
_SETTINGS = ("temperature", "top_p", "max_tokens", "stop", "reasoning_effort", "seed")
_SECRET = re.compile(r"(?i)api.?key|secret|password|(^|[_-])key$|^((api|auth|access|bearer|hf)[_-]?)?token$")
_COMMON = ("provider", "model", "prices", "base_url", *_SETTINGS)


def lower_limits(ctx: AnalysisContext) -> Limits:
    """The limits; keys at fault keep their defaults."""
    node = ctx.section("limits")
    return Limits(**{e.key.text: value_of(e.value) for e in node.entries})


def lower_backend(
    ctx: AnalysisContext, node: Node | None, limits: Limits, *path: str, inherits: bool = False
) -> BackendChoice:
    """The backend a node names: `provider:model` or a map, which may take from the spec's what it leaves out."""
    default = BackendChoice("ngram", "", {}, {}, None, (node or ctx.root).span)
    if node is None or ctx.is_broken(*path, "backend"):
        return default
    if isinstance(node, ScalarNode):
        provider, _, model = node.text.partition(":")
        options: dict[str, Any] = {}
        place: Node = node
    elif isinstance(node, MapNode):
        options = value_of(node)
        if inherits:
            options = {**_inherited(ctx, options), **options}
        provider, model = str(options.get("provider", "")), str(options.get("model", "") or "")
        place = node.get("provider") or node
    else:
        return default
    if not is_plugin("backends", provider):
        from synthspec.inference.accounting.prices import meant_backend

        if not provider and isinstance(node, MapNode):
            help = "add `provider: …`, or a `backend` of the spec to take it from"
            ctx.report("E601", place, "this backend names no provider", help)
            return default
        there = plugin_names("backends")
        near = nearest(provider, sorted(there)) if isinstance(node, ScalarNode) and model else None
        shown = suggest(f"{near}:{model}") if near is not None else did_you_mean(provider, there)
        help = meant_backend(provider, model) or shown
        ctx.report("E601", place, f"there is no backend '{provider}'", help)
        return default
    if not ctx.usable("backends", provider, place):
        return default
    return _known_backend(ctx, node, place, provider, model, options, limits)


def _inherited(ctx: AnalysisContext, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt's backend takes from the spec's.

    Another provider has other models, another server and options of its own; another model has other prices.
    """
    given = ctx.root.get("backend")
    if given is None or ctx.is_broken("backend"):
        return {} if own.keys() & {"model", "base_url"} else {"provider": "ngram"}
    base = value_of(given)
    if isinstance(base, str):
        provider, _, model = base.partition(":")
        base = {"provider": provider, "model": model} if model else {"provider": provider}
    if not isinstance(base, dict):
        return {}
    provider = own.get("provider", base.get("provider"))
    if provider != base.get("provider"):
        known = provider_of(str(provider)).options if is_plugin("backends", str(provider)) else ()
        return {k: v for k, v in base.items() if k in _SETTINGS or (k in known and k != "base_url")}
    other = own.get("model", base.get("model")) != base.get("model")
    return {k: v for k, v in base.items() if not (other and k == "prices")}


def _known_backend(
    ctx: AnalysisContext, node: Node, place: Node, provider: str, model: str, options: dict[str, Any], limits: Limits
) -> BackendChoice:
    known = provider_of(provider)
    model = model or known.default_model
    if not model and not known.free:
        ctx.report("E602", place, f"the backend '{provider}' needs a model", write(f"{provider}:MODEL"))
    _no_templates(ctx, node)
    if isinstance(node, MapNode):
        for entry in node.entries:
            if entry.key.text not in _COMMON and entry.key.text not in known.options:
                help = did_you_mean(entry.key.text, [*_COMMON, *known.options])
                if _SECRET.search(entry.key.text):
                    keys = " or ".join(known.keys)
                    help = f"secrets come from the environment: set {keys}" if keys else remove() + ": no key is needed"
                ctx.report("E603", entry.key, f"'{entry.key.text}' is not an option of '{provider}'", help)
            elif entry.key.text == "extra_body":
                check_extra_body(ctx, entry.value, isinstance(options.get("prices"), dict))
            elif entry.key.text == "base_url" and "base_url" in known.options:
                check_addresses(ctx, entry.value, provider)
        described = {name: about for name, about in known.options.items() if isinstance(about, Mapping)}
        ctx.faults.extend(value_faults(node, described) if described else ())
    given = options.get("prices")
    prices = _prices(given) if isinstance(given, dict) else None
    if prices is None and not known.free:
        from synthspec.inference.accounting.prices import price_of

        prices = price_of(provider, model)
    if prices is None and model and not known.free and limits.budget is not None:
        message = f"a budget is set, but the price of '{provider}:{model}' is not known"
        help = "add `prices: {prompt: …, completion: …}` (US dollars for a million tokens) to the backend"
        ctx.report("E604", place, message, help)
    settings = {k: v for k, v in options.items() if k in _SETTINGS}
    own = {k: v for k, v in options.items() if k not in _SETTINGS and k not in ("provider", "model", "prices")}
    return BackendChoice(provider, model, own, settings, prices, place.span)


def _prices(given: Mapping[str, Any]) -> Prices:
    return Prices(float(given["prompt"]), float(given["completion"]), given.get("image_tokens"))


def _no_templates(ctx: AnalysisContext, node: Node) -> None:
    """A backend is the same for every row of a prompt: no part of it is a template."""
    parts = [(e.key.text, e.value) for e in node.entries] if isinstance(node, MapNode) else [("model", node)]
    listed = [(name, item) for name, part in parts if isinstance(part, ListNode) for item in part.items]
    for name, part in parts + listed:
        if name in ("model", "base_url") and isinstance(part, ScalarNode) and _TEMPLATE.search(part.text):
            what, help = _NO_TEMPLATE[name]
            ctx.report("E640", part, f"{what} is not a template", help)


_TEMPLATE = re.compile(r"\{\{|\{%")
_NO_TEMPLATE = {
    "model": ("a model's name", "name one model; prompts may each have a `backend` of their own"),
    "base_url": ("a server's address", "write it out"),
}


def field_names(ctx: AnalysisContext, node: Node | None, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The fields a list of names means; a fault for each that is not one."""
    every = {**ctx.names_under("fields"), **fields}  # with the columns of tools
    names: list[str] = []
    for item in ctx.items(node):
        if not isinstance(item, ScalarNode):
            continue
        if item.text not in every:
            if ctx.is_lost("fields"):
                continue
            help = did_you_mean(item.text, every)
            if re.search(r"[(\[+*/]|\.\w", item.text):
                made = f"{_free_name(every)}: {{value: {item.text}}}"
                help = f"declare it as a field of its own, such as `{made}`, and name that"
            ctx.report("E606", item, f"there is no field '{item.text}'", help)
        elif item.text in fields:
            names.append(item.text)
    return tuple(names)


def _free_name(taken: Collection[str]) -> str:
    """A name for a field that none has."""
    numbered = (f"made_{n}" for n in itertools.count(2))
    return next(name for name in itertools.chain(["made"], numbered) if name not in taken)


def _texts(ctx: AnalysisContext, node: Node | None, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Text fields out of those named, or all that prompts write."""
    if node is None:
        return tuple(f.name for f in fields.values() if f.value is None and holds_prose(f))
    names = field_names(ctx, node, fields)
    for item in ctx.items(node):
        if not isinstance(item, ScalarNode) or item.text not in names or holds_messages(fields[item.text]):
            continue
        kind = fields[item.text].type
        if kind.kind not in ("text", "any"):
            ctx.report(
                "E606", item, f"'{item.text}' is {kind.with_article}, not a text to compare", "name a text field"
            )
    return names


def lower_novelty(ctx: AnalysisContext, fields: Mapping[str, Field], sources: Mapping[str, SourceTable]) -> Novelty:
    """The rules between rows."""
    node = ctx.section("novelty")
    near, copies, against, avoid = (node.get(n) for n in ("near_duplicates", "no_copies", "decontaminate", "avoid"))
    meaning = node.get("semantic")
    return Novelty(
        unique=field_names(ctx, node.get("unique"), fields),
        near_duplicates=_near(ctx, near, fields) if isinstance(near, MapNode) else None,
        semantic=_semantic(ctx, meaning, fields) if isinstance(meaning, MapNode) else None,
        no_copies=_copies(ctx, copies, fields, sources) if isinstance(copies, MapNode) else None,
        decontaminate=_decontaminate(ctx, against, fields, sources) if isinstance(against, MapNode) else None,
        avoid=Avoid(int(value_of(avoid.get("last"), 20)), _texts(ctx, avoid.get("fields"), fields))
        if isinstance(avoid, MapNode)
        else None,
        on_saturation=value_of(node.get("on_saturation"), "continue"),
    )


def _near(ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field]) -> NearDuplicates | None:
    names = _texts(ctx, node.get("fields"), fields)
    return NearDuplicates(names, float(value_of(node.get("similarity"), 0.8))) if names else None


def _semantic(ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field]) -> Semantic | None:
    names = _texts(ctx, node.get("fields"), fields)
    given = node.get("model")
    model = given.text if isinstance(given, ScalarNode) else _EMBEDDER
    if isinstance(given, ScalarNode):
        wrong = path_fault(model)
        if wrong is not None:
            ctx.report("E531", given, *wrong)
            return None
        folder = given.source.path.parent / Path(model).expanduser()
        if folder.is_dir():
            model = str(folder.resolve())
        elif model.startswith((".", "/", "~")):
            help = "check the path; it is relative to the file it is written in"
            ctx.report("E531", given, f"there is no folder '{model}'", help)
            return None
    if importlib.util.find_spec("sentence_transformers") is None:
        place = ctx.section("novelty").key("semantic") or node
        ctx.report("E531", place, "the sentence-transformers package is not installed",
                   install_command("semantic"))  # fmt: skip
        return None
    return Semantic(names, float(value_of(node.get("similarity"), 0.92)), model) if names else None


def _copies(
    ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field], sources: Mapping[str, SourceTable]
) -> NoCopies | None:
    source = node.get("from")
    table = find_source(ctx, source, sources) if isinstance(source, ScalarNode) else None
    if table is None:
        return None
    given = node.get("fields")
    before = len(ctx.faults)
    names = _texts(ctx, given, fields)
    if len(ctx.faults) > before:
        return None
    if given is None:
        names = tuple(n for n in names if n in table.columns)
    missing = [n for n in names if n not in table.columns]
    if missing or not names:
        lost = f"no column '{missing[0]}'" if missing else "no column named like a text field"
        ctx.report("E512", given or source or node, f"the source '{table.name}' has {lost} to compare with",
                   "name fields the source has, or rename its columns")  # fmt: skip
        return None
    if not may_read(ctx, source or node, "`no_copies`", table, names):
        return None
    return NoCopies(table.name, names, float(value_of(node.get("similarity"), 0.8)))


def _decontaminate(
    ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field], sources: Mapping[str, SourceTable]
) -> Decontaminate | None:
    """An evaluation set is a source of the spec, by its name, or else a file."""
    given = node.get("against")
    names = _texts(ctx, node.get("fields"), fields)
    if not isinstance(given, ScalarNode):
        return None
    if given.text in ctx.names_under("sources"):
        table = sources.get(given.text)
        can = table is not None and may_read(ctx, given, "`decontaminate`", table, tuple(table.columns))
        against: str | Path | None = given.text if can else None
    else:
        against = data_path(ctx, given)
    return Decontaminate(against, names, int(value_of(node.get("ngram"), 13))) if against and names else None
