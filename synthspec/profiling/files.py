"""The files of a proposal: the spec, and the rows that it reads."""

from __future__ import annotations

import json
from pathlib import Path

from synthspec.profiling.proposal import Proposal
from synthspec.profiling.yaml_text import spec_yaml

SCHEMA = "synthspec.schema.json"  # beside the spec


def files_of(proposal: Proposal) -> dict[Path, bytes]:
    """What to write below the spec's folder."""
    files = {Path(f"{proposal.name}.yaml"): spec_yaml(proposal, SCHEMA).encode("utf-8", "replace")}
    if proposal.data:
        lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in proposal.copied)
        files[Path(proposal.data)] = "".join(lines).encode("utf-8", "replace")
    return files
