"""The text of an unsaved file, analysed: what is wrong with it, and all that an editor asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from synthspec.analysis.compiled import Compiled
from synthspec.analysis.sections.context import ReadText
from synthspec.compiler import compile_buffer
from synthspec.diagnostics import Diagnostic, Span
from synthspec.document.reader import MapNode, ScalarNode
from synthspec.document.source import buffer_source, shown_name
from synthspec.language_service.mentions import Mention, Names, mentions, names_of_document, pattern_groups
from synthspec.language_service.readable import readable
from synthspec.language_service.sites import Site, sites
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.sources.kinds import NO_ACCESS, Access
from synthspec.sources.opened_before import KeptSources
from synthspec.spec import Spec


def lasting_access(trust: bool = False) -> Access:
    """An access for who analyses a spec again and again: a source is read anew only where its files change."""
    return Access(trust=trust, before=KeptSources())


@dataclass(frozen=True)
class Analysis:
    """What is known of a text. Where it is no YAML at a line, all but its diagnostics come of the rest of it."""

    path: Path
    text: str
    compiled: Compiled  # of the very text
    access: Access = NO_ACCESS
    texts: Mapping[Path, str] | None = None  # other files that are not saved, by resolved path

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the text."""
        return self.compiled.diagnostics

    @cached_property
    def usable(self) -> Compiled:
        """What comes of the text, or of as much of it as is YAML: made when it is asked for."""
        source = buffer_source(self.path, self.text)[0] if self.compiled.document is None else None
        if source is None:
            return self.compiled
        return compile_buffer(self.path, readable(source).text, access=self.access, texts=self.texts, tried=False)

    @property
    def document(self) -> MapNode | None:
        """The document, with all that it extends."""
        return self.usable.document

    @property
    def spec(self) -> Spec | None:
        """The spec, as far as it could be understood."""
        return self.usable.spec

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables of its sources."""
        return self.usable.tables

    @property
    def readings(self) -> tuple[ReadText, ...]:
        """Its expressions and templates, and the names in their scope."""
        return self.usable.readings

    @property
    def files(self) -> tuple[Path, ...]:
        """Itself, and what it extends."""
        return self.usable.files

    @property
    def file(self) -> str:
        """The file's name in spans."""
        return shown_name(self.path)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def names(self) -> Names:
        """What the document declares."""
        return names_of_document(self.document)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Its texts that mean something beside themselves."""
        return tuple(sites(self.document))

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """Every name where it is declared or meant, that of other files too."""
        return (*mentions(self.document, self.names), *pattern_groups(self.document, self.names))

    @cached_property
    def scopes(self) -> Mapping[Span, ReadText]:
        """The names in scope of each expression and template, by the place of its scalar."""
        return {reading.node.span: reading for reading in self.readings}

    def is_own(self, node: ScalarNode) -> bool:
        """Whether a node stands in this file, not in one that it extends."""
        return node.source.path == self.path


def analyse(path: Path, text: str, *, access: Access = NO_ACCESS, texts: Mapping[Path, str] | None = None) -> Analysis:
    """Analyse a text as if it were saved at `path`. Reads what it extends and its sources; calls no model.

    `texts` are other files as an editor has them, by resolved path; `access` that of `lasting_access` in an editor.
    """
    return Analysis(path, text, compile_buffer(path, text, access=access, texts=texts), access, texts)
