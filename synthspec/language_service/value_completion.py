"""Names that a text may be: those of the spec's sections, columns of sources, plug-ins, models, files to extend."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.document.paths import NodePath, node_at
from synthspec.document.reader import ScalarNode
from synthspec.document.resources import library_names
from synthspec.inference.accounting.prices import known_models
from synthspec.language_service.about import ONE, about_name, about_plugin
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.sites import SECTIONS
from synthspec.language_service.values import CompletionKind
from synthspec.language_service.written import Offered, as_yaml
from synthspec.plugins import plugin_names

BACKEND = r"[\w.:/-]*$"
FILE = r"[\w./-]*$"
_PLUGINS = ("strategies", "writers", "formats", "engines")
MOST_FILES = 200


def names_of_kind(analysis: Analysis, kind: str, path: NodePath) -> Iterator[Offered]:
    """The names that a text or a key of this kind (`x-names`, `x-keys`) may be, at a path of the document."""
    if kind in SECTIONS:
        yield from _of_section(analysis, kind, path)
    elif kind in _PLUGINS:
        for name in plugin_names(kind):
            yield Offered(name, "value", name, about_plugin(kind, name))
    elif kind == "backends":
        yield from _backends(path)
    elif kind == "models":
        provider = _beside(analysis, path, "provider")
        yield from (Offered(m, "value", m, word=BACKEND) for m in known_models(provider))
    elif kind == "columns":
        source = _beside(analysis, path, "from")
        table = analysis.tables.get(source)
        for name in table.names if table is not None else ():
            yield Offered(name, "column", as_yaml(name), str(table.column_type(name)) if table is not None else "")
    elif kind == "library":
        yield from _to_extend(analysis)


def _of_section(analysis: Analysis, section: str, path: NodePath) -> Iterator[Offered]:
    kind: CompletionKind = ONE[section]  # type: ignore[assignment]
    names = list(analysis.names.sections[section])
    if path[:1] == ("parameters",) and path[1:2] and path[1] in names and section == "parameters":
        names = names[: names.index(str(path[1]))]  # those above it
    for name in names:
        detail, documentation = about_name(analysis, section, name)
        yield Offered(name, kind, name, detail, documentation)


def _backends(path: NodePath) -> Iterator[Offered]:
    whole = path[-1:] != ("provider",)
    for provider in plugin_names("backends"):
        yield Offered(provider, "value", provider, word=BACKEND)
        for model in known_models(provider) if whole else ():
            yield Offered(f"{provider}:{model}", "value", f"{provider}:{model}", word=BACKEND)


def _beside(analysis: Analysis, path: NodePath, key: str) -> str:
    """The text of another key of the same map."""
    node = node_at(analysis.document, (*path[:-1], key)) if analysis.document is not None and path else None
    return node.text if isinstance(node, ScalarNode) else ""


def _to_extend(analysis: Analysis) -> Iterator[Offered]:
    for name in library_names():
        yield Offered(name, "value", name, "library", word=FILE)
    folder = analysis.path.parent
    try:
        found = sorted(p for p in (*folder.glob("*.y*ml"), *folder.glob("*/*.y*ml")) if p != analysis.path)
    except OSError:
        return
    for path in found[:MOST_FILES]:
        text = path.relative_to(folder).as_posix()
        yield Offered(text, "file", text, word=FILE)
