"""Names that a part of a spec has for itself: items of lists, speakers, examples of a prompt, arguments of a tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.document.paths import NodePath
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode, to_data
from synthspec.language_service.texts import FORM
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.tool_schemas import arguments_schema


@dataclass(frozen=True, slots=True)
class LocalName:
    """A name, what it is, whose it is, and below which path it is seen."""

    section: str  # items, speakers, examples, arguments
    name: str
    owner: str  # the prompt, message or tool that it belongs to
    within: NodePath
    node: ScalarNode | None = None  # where it is declared; None where it has its usual name
    start: int = 0
    declares: bool = True  # not for another place where it is seen

    def is_seen(self, path: NodePath) -> bool:
        """Whether a text at a path can mean it: whoever declares an item cannot."""
        return (
            path[: len(self.within)] == self.within and path != (*self.within, "map") and path != (*self.within, "for")
        )


def local_names(root: Node | None) -> Iterator[LocalName]:
    """The names that parts of a document have for themselves."""
    for name, prompt in maps_of(root, "prompts"):
        yield from _of_prompt(name, prompt)
    for tool, node in maps_of(root, "tools"):
        answer = node.get("answer")
        played = answer.get("prompt") if isinstance(answer, MapNode) else None
        for key in _arguments(node):
            yield LocalName("arguments", key.text, tool, ("tools", tool, "answer"), key)
            if isinstance(played, ScalarNode):
                yield LocalName("arguments", key.text, tool, ("prompts", played.text), key, declares=False)


def maps_of(root: Node | None, section: str) -> Iterator[tuple[str, MapNode]]:
    """The entries of a section that are maps."""
    node = root.get(section) if isinstance(root, MapNode) else None
    for entry in node.entries if isinstance(node, MapNode) else ():
        if isinstance(entry.value, MapNode):
            yield entry.key.text, entry.value


def _of_prompt(name: str, prompt: MapNode) -> Iterator[LocalName]:
    path = ("prompts", name)
    yield from _item(prompt.get("map"), name, path)
    messages = prompt.get("messages")
    for number, item in enumerate(messages.items if isinstance(messages, ListNode) else ()):
        if isinstance(item, MapNode):
            yield from _item(item.get("for"), f"{name} {number}", (*path, "messages", number))
    examples = prompt.get("examples")
    if isinstance(examples, MapNode):
        called = examples.get("as")
        node = called if isinstance(called, ScalarNode) else None
        yield LocalName("examples", "examples" if node is None else node.text, name, path, node)
    dialogue = prompt.get("dialogue")
    for entry in dialogue.entries if isinstance(dialogue, MapNode) else ():
        yield LocalName("speakers", entry.key.text, name, (*path, "until"), entry.key)


def _item(node: Node | None, owner: str, within: NodePath) -> Iterator[LocalName]:
    if isinstance(node, ScalarNode) and (form := FORM.match(node.text)):
        yield LocalName("items", form["name"], owner, within, node, form.start("name"))


def _arguments(tool: MapNode) -> Iterator[ScalarNode]:
    """The keys that name the arguments of a tool."""
    at = tool.get("parameters")
    if not isinstance(at, MapNode) or arguments_schema(data := to_data(at, json=True)) is None:
        return
    members = at.get("properties") if data.get("type") == "object" else at
    yield from (entry.key for entry in members.entries) if isinstance(members, MapNode) else ()


def required_arguments(root: Node | None) -> Iterator[tuple[str, ScalarNode]]:
    """The tools and the texts of their `required`, which name arguments."""
    for tool, node in maps_of(root, "tools"):
        at = node.get("parameters")
        required = at.get("required") if isinstance(at, MapNode) else None
        for item in required.items if isinstance(required, ListNode) else ():
            if isinstance(item, ScalarNode):
                yield tool, item


def nearest(found: Mapping[str, list[LocalName]], name: str, path: NodePath) -> LocalName | None:
    """What a name at a path stands for: the name of the smallest part that has it. None where two have it alike."""
    seen = [local for local in found.get(name, ()) if local.is_seen(path)]
    closest = [local for local in seen if len(local.within) == max(len(s.within) for s in seen)]
    return closest[0] if len({(local.section, local.owner) for local in closest}) == 1 else None
