"""What a prompt asks of a backend that it cannot give: bare text gone on from, pictures, thoughts; and pictures whose
cost under a limit nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.analysis.sections.prompts.images import DrawnNames, looks_of
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode, Node
from synthspec.inference.accounting.image_tokens import image_tokens
from synthspec.inference.backends import Provider, provider_of
from synthspec.languages.expressions.tree import Expression
from synthspec.plugins import plugin_error, plugin_names
from synthspec.spec import BackendChoice, Prompt, Spec
from synthspec.spec.backends_used import endpoints_of, endpoints_of_speaker
from synthspec.spec.players import all_prompts

_NEEDS = (
    ("complete", "completes", "goes on from bare text"),
    ("images", "images", "takes pictures"),
    ("reasoning", "reasons", "returns its model's reasoning"),
    ("tools", "tools", "calls tools"),
)
_ANY_SIZE = (1024, 1024)  # pixels of a picture that is not known beforehand: whether its tokens would be


def check_abilities(ctx: AnalysisContext, spec: Spec, around: Surroundings) -> None:
    """Report what the backends of prompts cannot do."""
    for prompt in all_prompts(spec):
        node = ctx.section("prompts").get(prompt.name)
        if not isinstance(node, MapNode) or ctx.is_broken("prompts", prompt.name):
            continue
        told: set[tuple[str, str, bool]] = set()  # each fault is told once, however many endpoints have it
        for name, choice in endpoints_of(spec, prompt).items():
            tools = _may_call(prompt, name)
            mark = choice.provider, choice.model, tools
            if mark not in told and plugin_error("backends", choice.provider) is None:
                told.add(mark)
                _check(ctx, spec, prompt, node, choice, tools, around)


def _may_call(prompt: Prompt, endpoint: str) -> bool:
    """Whether what is asked of an endpoint may call tools: of a conversation's, where its speaker has some."""
    if prompt.dialogue is None:
        return False
    armed = [s for s in prompt.dialogue.speakers if s.tools is not None]
    return any(endpoint in endpoints_of_speaker(prompt, s) for s in armed)


def _check(
    ctx: AnalysisContext,
    spec: Spec,
    prompt: Prompt,
    node: MapNode,
    choice: BackendChoice,
    tools: bool,
    around: Surroundings,
) -> None:
    provider = provider_of(choice.provider)
    for key, ability, what in _NEEDS:
        asks = tools if key == "tools" else bool(getattr(prompt, key))
        if asks and not getattr(provider, ability):
            able = ", ".join(n for n in plugin_names("backends") if _is_able(n, ability) and n != "replay")
            message = f"the backend '{choice.provider}' is none that {what}"
            ctx.report("E473", node.key(key) or node, message, remove(key) + f", or use a backend that can: {able}")
    drawn = DrawnNames(ctx, around, tuple(each for each in (prompt.each, prompt.map) if each is not None))
    if prompt.images and provider.images:
        for place, expression in zip(ctx.items(node.get("images")), prompt.images, strict=False):
            _check_pictures(drawn, spec, choice, provider, (place, expression))
    if prompt.reasoning is not None and (silent := _silence(choice)) is not None:
        ctx.report("W731", node.get("reasoning") or node, *silent)


def _is_able(provider: str, ability: str) -> bool:
    if plugin_error("backends", provider) is not None:
        return False
    return bool(getattr(provider_of(provider), ability))


def _check_pictures(
    drawn: DrawnNames, spec: Spec, choice: BackendChoice, provider: Provider, shown: tuple[Node, Expression]
) -> None:
    ctx = drawn.ctx
    node, expression = shown
    most_bytes, most_side = provider.most_image
    sizes: list[tuple[int, int]] = []
    for name, looks in looks_of(drawn, expression):
        wide = most_side and max(looks.width, looks.height) > most_side
        if wide or (most_bytes and looks.size > most_bytes):
            limit = f"{most_side:,} pixels a side" if wide else f"{most_bytes / 1e6:.1f} MB"
            has = f"{looks.width:,} × {looks.height:,} pixels" if wide else f"{looks.size / 1e6:.1f} MB"
            message = f"'{name}' has {has}; '{choice.provider}' takes at most {limit}"
            ctx.report("E476", node, message, "make it smaller")
            return
        sizes.append((looks.width, looks.height))
    if _is_limited(spec, provider) and any(image_tokens(choice, *size) is None for size in sizes or [_ANY_SIZE]):
        model = f"{choice.provider}:{choice.model}" if choice.model else choice.provider
        message = f"a limit is set, but how many tokens a picture has for '{model}' is not known"
        help = "add `prices: {…, image_tokens: …}` to the backend: what one picture counts for at most"
        ctx.report("E477", node, message, help)


def _is_limited(spec: Spec, provider: Provider) -> bool:
    """Whether a limit holds that pictures count for."""
    return spec.limits.tokens is not None or (spec.limits.budget is not None and not provider.free)


def _silence(choice: BackendChoice) -> tuple[str, str] | None:
    """Why a backend will hardly tell what its model thought, and what makes it; None where it does."""
    told = {**choice.options, **_below(choice.options.get("extra_body"))}
    if choice.provider == "anthropic" and not _is_on(told.get("thinking")):
        return "Claude is not asked to think", "add `thinking: {type: adaptive}` to the backend"
    if choice.provider == "google" and not told.get("include_thoughts") and not any(_thinking_configs(told)):
        return "Gemini is not asked for its reasoning", "add `include_thoughts: true` to the backend"
    if choice.provider == "openai" and "base_url" not in choice.options:
        help = "make the field `optional: true`, or name a server that does by `base_url`"
        return "OpenAI's own API does not return its models' reasoning", help
    return None


def _below(value: object) -> dict[str, object]:
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def _is_on(thinking: object) -> bool:
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _thinking_configs(options: dict[str, object]) -> Iterator[bool]:
    for holder in (options, _below(options.get("generation_config")), _below(options.get("generationConfig"))):
        for name in ("thinking_config", "thinkingConfig"):
            inner = _below(holder.get(name))
            yield bool(inner.get("include_thoughts") or inner.get("includeThoughts"))
