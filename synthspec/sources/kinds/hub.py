"""`hub`: a dataset of the Hugging Face hub, at one commit."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from synthspec.sources import TableFault, read_table
from synthspec.sources.joined_table import JoinedTable
from synthspec.sources.source_kind import Opened, Place, SourceFault, SourceKind

_NAME = r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}$"


def open_hub(options: Mapping[str, Any], place: Place) -> Opened:
    """The rows of a split."""
    from synthspec.sources.hubs.fetching import MAIN, HubSource, fetch

    config = options.get("config")
    asked = HubSource(
        str(options["hub"]),
        None if config is None else str(config),
        str(options.get("split", "train")),
        str(options.get("revision", MAIN)),
    )
    fetched = fetch(asked, refresh=place.access.refresh)
    try:
        tables = [(path.name, read_table(path)) for path in fetched.paths]
        table = tables[0][1] if len(tables) == 1 else JoinedTable(tables)
    except TableFault as e:
        raise SourceFault(f"'{asked.repo}' cannot be read: {e}", e.help or "name another split", "E836") from None
    about = (asked.repo, fetched.sha, asked.config, asked.split)
    digest = blake2b(repr(about).encode(), digest_size=16).hexdigest()  # a commit never changes
    origin = {"hub": asked.repo, "split": asked.split, "revision": fetched.sha, "files": list(fetched.files)}
    return Opened(table, lambda: digest, origin=origin if config is None else {**origin, "config": asked.config})


KIND = SourceKind(
    key="hub",
    describes="A split of a dataset of the Hugging Face hub.",
    schema={
        "type": "string",
        "pattern": _NAME,
        "description": "The dataset, as owner/name. Its files are fetched once and kept.",
    },
    open=open_hub,
    reads=lambda options, place: (),  # files fetched once
    options={
        "config": {
            "type": "string",
            "minLength": 1,
            "description": "The configuration, where the dataset has several.",
        },
        "split": {"type": "string", "minLength": 1, "description": "The split. Default: train."},
        "revision": {
            "type": "string",
            "minLength": 1,
            "description": "A branch, a tag or a commit. Default: main. A branch stays as it was first fetched, until "
            "--refresh.",
        },
    },
    extra=("hub", "huggingface_hub"),
)
