"""The front matter of a card: what the Hugging Face hub reads of a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from synthspec.dataset.card_columns import Tables
from synthspec.dataset.card_features import features_of
from synthspec.dataset.manifest import BuildFacts, WrittenFile
from synthspec.dataset.writers import Column

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


class _Plain(yaml.SafeDumper):
    """Writes a value that comes twice in full twice, not as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def front_matter(facts: BuildFacts, tables: Tables) -> str:
    """The front matter as YAML."""
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
