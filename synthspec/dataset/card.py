"""The dataset card: `README.md` with Hugging Face front matter, so that `datasets.load_dataset(folder)`
works.

Same dataset, same bytes: the card holds no date. Every text that a person or a model wrote is escaped, so
that none of it can become a heading, a link, an image or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from synthspec.dataset.card_columns import ColumnFacts, Tables
from synthspec.dataset.card_front_matter import front_matter
from synthspec.dataset.manifest import FUNNEL, BuildFacts, WrittenFile, own_version

FILE_NAME = "README.md"
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


def build_card(facts: BuildFacts, columns: Sequence[ColumnFacts], tables: Tables | None = None) -> str:
    """The card as Markdown. `tables` are the columns of each of several tables, instead of `columns`."""
    tables = tables or {"": columns}
    parts = [
        f"---\n{front_matter(facts, tables)}---",
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
    if facts.reviews:
        said = ", ".join(f"{n:,} {name}" for name, n in facts.reviews.items() if name != "digest")
        yield "reviews by people", said or "none that changes a row"
    yield "completions", f"{facts.completions:,}"
    unknown = f", and those of {facts.unmeasured:,} completions that the provider did not report"
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
