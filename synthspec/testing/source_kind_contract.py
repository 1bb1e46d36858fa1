"""The contract of a kind of source, and of the table that it opens. `docs/extending.md` shows its use."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from synthspec.languages.expressions.types import type_of
from synthspec.plugins import is_built_in
from synthspec.sources import Table
from synthspec.sources.fingerprints import values_digest
from synthspec.sources.kinds import SHARED, Access, Opened, Place, SourceKind, find_kind, kind_names
from synthspec.testing.light_import import check_light
from synthspec.testing.unreadable import check_refused

Files = Mapping[str, bytes]


class SourceKindContract:
    """Subclass it, set `module`, `examples` and `wrong`, and let pytest collect it."""

    module: ModuleType
    examples: Sequence[tuple[Files, Mapping[str, Any], Sequence[Mapping[str, Any]]]] = ()  # files, the map, its rows
    wrong: Sequence[tuple[Files, Mapping[str, Any]]] = ()  # files, and a map that cannot be opened
    trust: bool = False  # whether it runs code, so that its examples need a person's word

    @property
    def kind(self) -> SourceKind:
        """What the module describes."""
        kind: SourceKind = self.module.KIND
        return kind

    def open(self, folder: Path, files: Files, options: Mapping[str, Any]) -> Opened:
        """A source of these files, in a folder."""
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        opened = self.kind.open(options, Place(folder, folder, access=Access(trust=self.trust)))
        assert isinstance(opened, Opened), "open gives an Opened"
        assert all((folder / n).read_bytes() == data for n, data in files.items()), "a file was changed"
        return opened

    def test_describes_itself(self) -> None:
        """The descriptor is whole, and its schemas are JSON Schemas with a description."""
        import jsonschema

        kind = self.kind
        assert isinstance(kind, SourceKind)
        assert kind.key.isidentifier()
        assert kind.key not in SHARED
        others = (n for n in kind_names() if n != kind.key and is_built_in("source_kinds", n))
        taken = next((n for n in others if kind.key in find_kind(n).options), None)
        assert taken is None, f"`{kind.key}` is a key of sources with `{taken}`: choose another"
        assert kind.describes
        assert not {kind.key, *SHARED} & kind.options.keys(), "a key of its own, or one that every source has"
        assert set(kind.required) <= kind.options.keys()
        for name, schema in {kind.key: kind.schema, **kind.options}.items():
            assert schema.get("description"), f"describe `{name}` in its schema"
        jsonschema.Draft202012Validator.check_schema(kind.map_schema())

    def test_loads_nothing_heavy(self) -> None:
        """`synthspec check` imports the module: what is heavy is imported inside `open`."""
        check_light(self.module, "open")

    def test_opens_its_examples(self) -> None:
        """The rows, in order, the same each time, whichever way they are asked for."""
        assert self.examples, "give at least one example: (files, the source's map, its rows)"
        for files, options, rows in self.examples:
            with tempfile.TemporaryDirectory() as folder:
                check_table(self.open(Path(folder), files, options).table, rows)
                again = self.open(Path(folder), files, options).table
                assert again.rows(range(len(again))) == [dict(r) for r in rows]

    def test_its_digest_tells_the_contents(self) -> None:
        """Equal for equal contents, wherever they lie; another one where a file is another."""
        for files, options, rows in self.examples:
            found = []
            for number in range(2):
                with tempfile.TemporaryDirectory(suffix=str(number)) as folder:
                    opened = self.open(Path(folder), files, options)
                    found.append(opened.digest() if opened.digest is not None else values_digest(opened.table))
                    assert found[-1]
            assert found[0] == found[1]
            for other_files, other_options, other_rows in self.examples:
                if other_rows != rows:
                    with tempfile.TemporaryDirectory() as folder:
                        opened = self.open(Path(folder), other_files, other_options)
                        digest = opened.digest() if opened.digest is not None else values_digest(opened.table)
                        assert digest != found[0], "two sources with other rows have one digest"

    def test_refuses_what_it_cannot_open(self) -> None:
        """A TableFault of one line, with what to do; SourceFault says at which key."""
        for files, options in self.wrong:
            with tempfile.TemporaryDirectory() as folder:
                fault = check_refused(partial(self.open, Path(folder), files, options), repr(dict(options)))
                assert getattr(fault, "key", "") in {"", self.kind.key, *self.kind.options}


def check_table(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """That a table has these rows, whichever way they are asked for, and types that fit them."""
    wanted = [dict(r) for r in rows]
    assert isinstance(table, Table)
    assert len(table) == len(rows)
    assert all(isinstance(n, str) and n for n in table.names), "columns have names"
    assert len(set(table.names)) == len(table.names), "two columns of one name"
    assert [table.row(i) for i in range(len(table))] == wanted == list(table.iterate())
    some = random.Random(len(rows)).choices(range(len(rows)), k=2 * len(rows)) if rows else []
    assert table.rows(some) == [wanted[i] for i in some], "rows in any order, as often as they are named"
    assert table.rows([]) == []
    for name in table.names:
        values = [r[name] for r in wanted]
        assert table.values(name, some) == [values[i] for i in some]
        assert table.rows(some, (name,)) == [{name: values[i]} for i in some], "of some columns alone"
        assert list(table.columns[name]) == values
        assert list(table.columns[name][1:3]) == values[1:3]
        kind = table.column_type(name).kind
        kinds = {type_of(v).kind for v in values if v is not None}
        assert kind == "any" or kinds <= {kind} or (kind == "number" and kinds == {"integer", "number"})
        assert table.has_gaps(name) or None not in values
    texts = {n for n in table.names if any(isinstance(r[n], str) for r in wanted)}
    assert {n for n in texts if table.column_type(n).kind == "text"} <= set(table.text_columns)
    assert all(r[n] is None or isinstance(r[n], str) for r in wanted for n in table.text_columns if n not in texts)
