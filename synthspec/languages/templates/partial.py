"""A template filled in as far as its values are known: what hangs on others stays, named, where it will stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from synthspec.languages.templates.template import TemplateFault, environment
from synthspec.languages.templates.work import metered
from synthspec.lazy_dataclass import dataclass

OPEN, CLOSE = "\ufdd0", "\ufdd1"  # around what is not known yet: characters that no text may hold
_BLOCKS = ("if", "elif", "for", "set", "with")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: what will be sent, or the name of what is not known yet."""

    text: str
    unknown: bool = False


def pieces_of(text: str) -> tuple[Piece, ...]:
    """The parts of a text that `fill_known` gave.

    >>> pieces_of(fill_known("Rate {{ text }} as {{ tone }}.", {"tone": "kind"}, {"text"}))
    (Piece(text='Rate ', unknown=False), Piece(text='text', unknown=True), Piece(text=' as kind.', unknown=False))
    """
    found: list[Piece] = []
    for part in text.split(OPEN):
        name, closed, rest = part.partition(CLOSE)
        found += [Piece(name, True), Piece(rest)] if closed else [Piece(part)]
    return tuple(p for p in found if p.text)


def unknown(name: str) -> str:
    """What stands in a text for something that is not known yet."""
    return f"{OPEN}{name}{CLOSE}"


def fill_known(text: str, values: Mapping[str, Any], missing: Collection[str]) -> str:
    """The text of a checked template where the names in `missing` have no value yet; `pieces_of` takes it apart.

    Expressions that read one of them stay as they are written. Of an `if` that hangs on one both branches stay, of a
    loop over one its body.

    Raises:
        TemplateFault: a known value is not what the template needs.
    """
    import jinja2
    from jinja2 import nodes

    if not missing or "{" not in text:
        from synthspec.languages.templates.template import render

        return render(text, values)
    env = environment()
    tree = env.parse(text)
    filled = nodes.Template(_Filling(text).body(tree.body, set(missing)), lineno=1)
    try:
        with metered():
            template = jinja2.Template.from_code(env, env.compile(filled), {})
            return "".join(template.generate(values))
    except jinja2.TemplateError as e:
        raise TemplateFault(str(e.message or e)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as e:
        raise TemplateFault(str(e)) from None


class _Filling:
    """Replaces what hangs on missing names. Tags are met in the order in which they are written."""

    def __init__(self, text: str) -> None:
        self._expressions = iter(list(_written(text, "variable")))
        self._tags = iter([t for t in _written(text, "block") if t.split(None, 1)[0] in _BLOCKS])

    def body(self, body: list[Any], missing: set[str]) -> list[Any]:
        """The nodes of a body; `missing` grows by what is set from missing names."""
        return [new for node in body for new in self._node(node, missing)]

    def _node(self, node: Any, missing: set[str]) -> list[Any]:
        from jinja2 import nodes

        match node:
            case nodes.Output():
                return [self._output(node, missing)]
            case nodes.If():
                return self._condition(node, missing)
            case nodes.For():
                return self._loop(node, missing)
            case nodes.Assign():
                next(self._tags)
                targets = _stored(node.target)
                if _reads(node.node, missing):
                    missing |= targets
                    return []
                missing -= targets
                return [node]
            case nodes.With():
                next(self._tags)
                return self._with(node, missing)
            case _:
                return [node]

    def _output(self, node: Any, missing: set[str]) -> Any:
        from jinja2 import nodes

        parts = []
        for part in node.nodes:
            written = "" if isinstance(part, nodes.TemplateData) else next(self._expressions)
            parts.append(_mark(written) if written and _reads(part, missing) else part)
        return nodes.Output(parts, lineno=node.lineno)

    def _condition(self, node: Any, missing: set[str]) -> list[Any]:
        from jinja2 import nodes

        tag, is_open = next(self._tags), _reads(node.test, missing)
        then_missing, else_missing = set(missing), set(missing)
        then = self.body(node.body, then_missing)
        otherwise = self.body(_else_of(node), else_missing)
        missing |= then_missing | else_missing
        if is_open:
            other = [_said("else"), *otherwise] if otherwise else []
            return [_said(tag.removeprefix("el")), *then, *other, _said("end if")]
        return [nodes.If(node.test, then, [], otherwise, lineno=node.lineno)]

    def _loop(self, node: Any, missing: set[str]) -> list[Any]:
        from jinja2 import nodes

        tag, targets = next(self._tags), _stored(node.target)
        open_list = _reads(node.iter, missing) or (node.test is not None and _reads(node.test, missing - targets))
        inside = missing | targets | {"loop"} if open_list else missing - targets
        kept = set(inside)
        body = self.body(node.body, kept)
        otherwise = self.body(node.else_, missing)
        missing |= kept - inside
        if open_list:
            last = [_said("if there are none"), *otherwise] if otherwise else []
            return [_said(tag), *body, *last, _said("end for")]
        return [nodes.For(node.target, node.iter, body, otherwise, node.test, node.recursive, lineno=node.lineno)]

    def _with(self, node: Any, missing: set[str]) -> list[Any]:
        from jinja2 import nodes

        inside = set(missing)
        known = []
        for target, value in zip(node.targets, node.values, strict=True):
            if _reads(value, missing):
                inside |= _stored(target)
            else:
                inside -= _stored(target)
                known.append((target, value))
        body = self.body(node.body, inside)
        return [nodes.With([t for t, _ in known], [v for _, v in known], body, lineno=node.lineno)]


def _written(text: str, kind: str) -> Iterator[str]:
    """The tags of a kind as they are written, without their braces."""
    inside: list[str] | None = None
    for _, token, value in environment().lex(text):
        if token == f"{kind}_begin":
            inside = []
        elif token == f"{kind}_end" and inside is not None:
            yield " ".join("".join(inside).split())
            inside = None
        elif inside is not None:
            inside.append(value)


def _mark(written: str) -> Any:
    from jinja2 import nodes

    return nodes.TemplateData(unknown(written))


def _said(written: str) -> Any:
    from jinja2 import nodes

    return nodes.Output([_mark(written)], lineno=1)


def _else_of(node: Any) -> list[Any]:
    """What comes where a condition does not hold: a further one for the first `elif`."""
    from jinja2 import nodes

    if not node.elif_:
        return list(node.else_)
    first, *others = node.elif_
    return [nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno)]


def _reads(node: Any, missing: Collection[str]) -> bool:
    """Whether an expression reads one of the missing names."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name in missing
    return any(name.name in missing for name in node.find_all(nodes.Name))


def _stored(target: Any) -> set[str]:
    from jinja2 import nodes

    return {target.name} if isinstance(target, nodes.Name) else {n.name for n in target.find_all(nodes.Name)}
