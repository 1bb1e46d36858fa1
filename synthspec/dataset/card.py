"""The dataset card: `README.md` with Hugging Face front matter, so that `datasets.load_dataset(folder)`
works.

Same dataset, same bytes: the card holds no date. Every text that a person or a model wrote is escaped, so
that none of it can become a heading, a link, an image or HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from synthspec.dataset.card_features import features_of
from synthspec.dataset.manifest import FUNNEL, BuildFacts, WrittenFile, own_version
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import Type
from synthspec.spec import Bounds, Field

FILE_NAME = "README.md"
MOST_CONFIGS = 64
LOADED_FIRST = ("parquet", "jsonl", "csv", "json")  # of several formats, the one that `load_dataset` is given
LICENSES = frozenset(
    "apache-2.0 mit cc0-1.0 cc-by-4.0 cc-by-3.0 cc-by-2.0 cc-by-sa-4.0 cc-by-sa-3.0 cc-by-nc-4.0 cc-by-nc-sa-4.0 "
    "cc-by-nc-nd-4.0 cc-by-nd-4.0 odc-by odbl pddl gpl-3.0 gpl-2.0 lgpl-3.0 agpl-3.0 mpl-2.0 bsd-2-clause "
    "bsd-3-clause unlicense cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 other unknown".split()
)
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_LIMITS_OF_NGRAM = (
    "The text was not written by a language model. The embedded n-gram model strings together pieces of the spec's "
    "own source: it reads well over a few words and means little beyond them. It is good for trying a spec out; for "
    "training or evaluating anything, build with a language model."
)
_LIMITS_OF_MODELS = (
    "The text was written by a language model and checked by rules, not by people. It may state what is false, and "
    "it carries the biases of the model.",
    "The provider of the model may set terms for the use of what it writes.",
)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the card says of a column; `constraints` are plain text."""

    name: str
    type: str
    description: str = ""
    constraints: tuple[str, ...] = ()
    kind: Type | None = None


Tables = Mapping[str, Sequence[ColumnFacts]]  # the columns of each; the name is "" where there is one table


def build_card(facts: BuildFacts, columns: Sequence[ColumnFacts], tables: Tables | None = None) -> str:
    """The card as Markdown. `tables` are the columns of each of several tables, instead of `columns`."""
    tables = tables or {"": columns}
    parts = [
        f"---\n{_front_matter(facts, tables)}---",
        f"# {escaped(facts.name)}",
        "\n\n".join(escaped(p) for p in re.split(r"\n\s*\n", facts.description) if p.strip()),
        "A synthetic dataset, built by `synthspec` from a declarative spec.",
        "## Columns",
        "\n\n".join(_columns_of(facts, name, columns) for name, columns in tables.items()),
        "## Files",
        _files_table(facts.files),
        _loading(facts),
        "## How it was made",
        _table(("", ""), [(k, v) for k, v in _origin(facts)]),
        "## From plan to rows",
        _table(("step", "rows"), [(s, f"{facts.funnel.get(s, 0):,}") for s in FUNNEL]),
        _rejections(facts),
        "## Known limits",
        "\n".join(f"- {limit}" for limit in _limits(facts)),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _columns_of(facts: BuildFacts, name: str, columns: Sequence[ColumnFacts]) -> str:
    shown = _columns_table(columns)
    return f"### {escaped(name)}\n\n{shown}" if facts.tables else shown


def _loading(facts: BuildFacts) -> str:
    named = [f', "{name}"' for name in reversed(facts.tables)] or [""]
    lines = [f'dataset = load_dataset("path/to/this/folder"{name})' for name in named]
    return "```python\nfrom datasets import load_dataset\n\n" + "\n".join(lines) + "\n```"


def column_facts(fields: Sequence[Field], columns: Sequence[Column]) -> tuple[ColumnFacts, ...]:
    """What is known of each column of the output; one that a shape made has its type alone."""
    known = {f.name: f for f in fields}
    facts = []
    for column in columns:
        field = known.get(column.name)
        if field is None:
            facts.append(ColumnFacts(column.name, str(column.type), kind=column.type))
        else:
            said = tuple(constraints_of(field))
            facts.append(ColumnFacts(column.name, str(column.type), field.description, said, column.type))
    return tuple(facts)


def constraints_of(field: Field) -> Iterator[str]:
    """What the field's values must hold to, in words."""
    schema = field.schema
    if field.value is not None:
        yield "computed"
    for key, words in _KEYWORDS.items():
        if key in schema:
            yield words.format(_shown(schema[key]))
    for what, bounds in (("words", field.words), ("sentences", field.sentences)):
        if bounds != Bounds():
            yield _range(what, bounds.minimum, bounds.maximum)
    if field.rejects:
        yield "never " + ", ".join(field.rejects)
    if field.optional:
        yield "may be empty"


def escaped(text: str) -> str:
    """The text as Markdown that shows exactly it: on one line, without effect.

    >>> escaped("a|b <b>*x*</b>\\n# www.x.org")
    'a\\\\|b &lt;b&gt;\\\\*x\\\\*&lt;/b&gt; \\\\# www&#46;x.org'
    """
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]#|~$!])", r"\\\1", text)
    text = re.sub(r"^([-+=])|^(\d+)([.)])(?=\s|$)", _unmarked, text)
    text = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp):", r"\1&#58;", text)
    text = re.sub(r"(?i)\bwww\.", lambda m: m[0][:-1] + "&#46;", text)
    return text.replace("@", "&#64;")


def _unmarked(marker: re.Match[str]) -> str:
    return f"\\{marker[1]}" if marker[1] else f"{marker[2]}\\{marker[3]}"


class _Plain(yaml.SafeDumper):
    """Writes a value that comes twice in full twice, not as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _front_matter(facts: BuildFacts, tables: Tables) -> str:
    tags = [t for t in facts.tags if _language(t) is None]
    matter: dict[str, Any] = {"pretty_name": facts.name}
    languages = [code for t in facts.tags if (code := _language(t)) is not None]
    if languages:
        matter["language"] = languages
    if facts.license:
        known = facts.license.lower() in LICENSES
        matter["license"] = facts.license.lower() if known else "other"
        if not known:
            matter["license_name"] = facts.license
    matter["tags"] = list(dict.fromkeys([*tags, "synthetic", "synthspec"]))
    loaded = _loaded(facts.files)
    counted = facts.tables[-1] if facts.tables else ""
    matter["size_categories"] = [_size(sum(f.rows for f in loaded if f.table == counted))]
    configs = list(_table_configs(facts)) if facts.tables else list(_configs(facts))
    if configs:
        matter["configs"] = configs
        found = [(c["config_name"], _features(tables, c["config_name"], loaded[0].format)) for c in configs]
        info = [{"config_name": name, "features": features} for name, features in found if features]
        if info:
            matter["dataset_info"] = info if len(info) > 1 else info[0]
    return yaml.dump(matter, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def _features(tables: Tables, config: str, form: str) -> list[dict[str, Any]] | None:
    columns = tables.get(config, tables.get("", ()))
    return features_of([Column(c.name, c.kind) for c in columns if c.kind is not None], form)


def _table_configs(facts: BuildFacts) -> Iterator[dict[str, Any]]:
    """One config for each table, the deepest by default."""
    files = _loaded(facts.files)
    for name in reversed(facts.tables):
        of_table = _data_files([f for f in files if f.table == name])
        default = {"default": True} if name == facts.tables[-1] else {}
        if of_table:
            yield {"config_name": name, **default, "data_files": of_table}


def _configs(facts: BuildFacts) -> Iterator[dict[str, Any]]:
    """One config for all rows, and one for each partition where there are not too many."""
    files = _loaded(facts.files)
    if not files:
        return
    yield {"config_name": "default", "data_files": _data_files(files)}
    partitions = list(dict.fromkeys(f.partition for f in files if f.partition))
    if 1 < len(partitions) <= MOST_CONFIGS:
        for partition in partitions:
            inside = [f for f in files if f.partition == partition]
            name = inside[0].path.rpartition("/")[0].replace("/", "-")  # safe, and unlike any other
            if name != "default":
                yield {"config_name": name, "data_files": _data_files(inside)}


def _data_files(files: Sequence[WrittenFile]) -> list[dict[str, Any]]:
    splits: dict[str, list[str]] = {}
    for file in files:
        if file.rows:  # an empty file has no types to agree with the others
            splits.setdefault(re.sub(r"\W+", "_", file.split or "train"), []).append(file.path)
    return [{"split": s, "path": p[0] if len(p) == 1 else p} for s, p in splits.items()]


def _loaded(files: Sequence[WrittenFile]) -> list[WrittenFile]:
    formats = {f.format for f in files}
    chosen = next((f for f in (*LOADED_FIRST, *sorted(formats)) if f in formats), None)
    return sorted((f for f in files if f.format == chosen), key=lambda f: f.path)


def _language(tag: str) -> str | None:
    found = re.fullmatch(r"lang(?:uage)?:([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)", tag.strip())
    return found[1] if found else None


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>1T")


def _columns_table(columns: Sequence[ColumnFacts]) -> str:
    return _table(
        ("column", "type", "description", "constraints"),
        [(c.name, c.type, c.description, "; ".join(c.constraints)) for c in columns],
    )


def _files_table(files: Sequence[WrittenFile]) -> str:
    shown = [(f.path, f"{f.rows:,}", f"{f.bytes:,}") for f in sorted(files, key=lambda f: f.path)]
    more = f"\n\nand {len(shown) - 100:,} more" if len(shown) > 100 else ""
    return _table(("file", "rows", "bytes"), shown[:100]) + more


def _origin(facts: BuildFacts) -> Iterator[tuple[str, str]]:
    yield "spec", facts.spec_digest
    yield "seed", str(facts.seed)
    yield "plan", facts.strategy
    yield "backend", f"{facts.backend}:{facts.model}" if facts.model else facts.backend
    reported = sorted(set(facts.models_reported) - {facts.model, ""})
    if reported:
        yield "model as the provider reports it", ", ".join(reported)
    if facts.splits:
        yield "splits", f"near duplicates share one; {facts.splits.get('followed', 0):,} rows followed another"
    yield "completions", f"{facts.completions:,}"
    unknown = f", and those of {facts.unmeasured:,} completions that the provider did not tell"
    tokens = f"{facts.prompt_tokens:,} of prompts, {facts.completion_tokens:,} of completions"
    yield "tokens", tokens + (unknown if facts.unmeasured else "")
    yield "cost", "unknown" if facts.cost is None else f"${facts.cost:,.4f}"
    yield "compiler", f"synthspec {own_version()}"


def _rejections(facts: BuildFacts) -> str:
    if not facts.rejections:
        return ""
    often = sorted(facts.rejections.items(), key=lambda r: (-r[1], r[0]))
    return "Rejected along the way:\n\n" + _table(("rule", "times"), [(r, f"{n:,}") for r, n in often[:50]])


def _limits(facts: BuildFacts) -> Iterator[str]:
    if facts.backend == "ngram":
        yield _LIMITS_OF_NGRAM
    elif facts.backend:
        yield from _LIMITS_OF_MODELS
    kept = facts.funnel.get("kept", 0)
    if kept < facts.rows:
        yield f"{facts.rows - kept:,} of the {facts.rows:,} rows asked for are missing."
    compared = facts.splits.get("compared", kept)
    if compared < kept:
        yield (
            f"Rows after the first {compared:,} were compared with only a part of the others when near duplicates "
            "were kept in one split."
        )
    failed = sorted(name for name, passed in facts.gates.items() if not passed)
    if failed:
        yield "It does not pass its own gates: " + ", ".join(escaped(f) for f in failed) + "."
    yield "Names, numbers and events in it are made up; what looks like a real one is chance."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_KEYWORDS: Mapping[str, str] = {
    "enum": "one of {}",
    "const": "always {}",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "matches {}",
    "format": "{}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "uniqueItems": "no item twice: {}",
}


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        shown = ", ".join(_shown(v) for v in value[:20])
        return shown + (", …" if len(value) > 20 else "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _range(what: str, minimum: int | None, maximum: int | None) -> str:
    if minimum is None:
        return f"at most {maximum} {what}"
    return f"at least {minimum} {what}" if maximum is None else f"{minimum} to {maximum} {what}"
