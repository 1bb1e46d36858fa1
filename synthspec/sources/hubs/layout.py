"""Which files of a repository hold which split of which configuration.

The card says so where it has `configs`; else the names of the files do, as the hub itself reads them: a word such as
`train` or `test` in the path, and every file in `train` where no path has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from synthspec.sources.wildcards import matches_path, parts_of_pattern, without_braces

Splits = Mapping[str, Sequence[str]]  # split -> files, in the order of their names
DEFAULT = "default"
_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_EDGE = r"(?:^|[-_./ 0-9])(?:{})(?:[-_./ 0-9]|$)"
_SPLITS = {name: re.compile(_EDGE.format("|".join(words))) for name, words in _WORDS.items()}


def configurations(files: Iterable[str], card: Mapping[str, Any], suffixes: Sequence[str]) -> dict[str, Splits]:
    """Configuration -> split -> files, of those that can be read."""
    readable = sorted(f for f in files if f.lower().endswith(tuple(suffixes)) and not _is_hidden(f))
    declared = card.get("configs")
    if isinstance(declared, list) and declared:
        found = dict(_declared(entry, readable) for entry in declared if isinstance(entry, dict))
        return {name: splits for name, splits in found.items() if splits}
    splits = _by_name(readable)
    return {DEFAULT: splits} if splits else {}


def converted(files: Iterable[str]) -> dict[str, Splits]:
    """The same of the hub's own conversion to Parquet: `configuration/split/0000.parquet`."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted(files):
        parts = PurePosixPath(file).parts
        if len(parts) == 3 and file.endswith(".parquet"):
            split = parts[1].removeprefix("partial-")
            found.setdefault(parts[0], {}).setdefault(split, []).append(file)
    return {name: dict(splits) for name, splits in found.items()}


def _declared(entry: Mapping[str, Any], files: Sequence[str]) -> tuple[str, Splits]:
    """The name of a configuration, and its splits."""
    name = str(entry.get("config_name") or DEFAULT)
    folder = str(entry.get("data_dir") or "").strip("/")
    below = [f for f in files if not folder or f.startswith(f"{folder}/")]
    given = entry.get("data_files")
    if given is None:
        return name, _by_name(below)
    patterns: dict[str, list[str]] = {}
    for split, path in _split_patterns(given):
        patterns.setdefault(split, []).append(f"{folder}/{path}" if folder else path)
    splits = {split: [f for f in files if _is_named(f, paths)] for split, paths in patterns.items()}
    return name, {split: found for split, found in splits.items() if found}


def _split_patterns(given: Any) -> list[tuple[str, str]]:
    """Split and pattern, of the ways in which a card may say it."""
    if isinstance(given, str):
        return [("train", given)]
    if isinstance(given, dict):
        return [
            (str(split), str(p))
            for split, paths in given.items()
            for p in ([paths] if isinstance(paths, str) else paths)
        ]
    pairs: list[tuple[str, str]] = []
    for item in given if isinstance(given, list) else []:
        if isinstance(item, str):
            pairs.append(("train", item))
        elif isinstance(item, dict) and "path" in item:
            paths = item["path"] if isinstance(item["path"], list) else [item["path"]]
            pairs += [(str(item.get("split") or "train"), str(p)) for p in paths]
    return pairs


def _by_name(files: Sequence[str]) -> dict[str, list[str]]:
    splits = {name: [f for f in files if word.search(f)] for name, word in _SPLITS.items()}
    found = {name: some for name, some in splits.items() if some}
    return found or ({"train": list(files)} if files else {})


def _is_named(file: str, patterns: Sequence[str]) -> bool:
    """Whether a file is one that a card names."""
    path = PurePosixPath(file).parts
    return any(matches_path(path, parts_of_pattern(one)) for p in patterns for one in without_braces(p))


def _is_hidden(file: str) -> bool:
    return any(part.startswith((".", "__")) for part in PurePosixPath(file).parts)
