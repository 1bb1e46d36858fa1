"""What a build comes to: a dataset with its files, its gates, and the rows that are missing from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics.errors import ExitStatus
from synthspec.evaluation.gates import GateResult
from synthspec.generation.scheduling.early_stop import EarlyStop
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Missing, path_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is missing from the dataset, and why."""

    slot: int
    combination: int
    stage: str
    reasons: tuple[str, ...]
    values: Mapping[str, Any]
    path: str = ""  # its name: `17`, or `17.3` where a prompt makes several rows


@dataclass(frozen=True, slots=True)
class Dataset:
    """A finished build. `complete` is false where rows are missing; `reason` says why it stopped early, if it did, and
    `early` of what kind that is.

    `folder` is where its files are: `incomplete/` in the build's folder where a better dataset stands there, which is
    then `kept_instead`.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    manifest: Mapping[str, Any]
    complete: bool
    reason: str | None
    gates: tuple[GateResult, ...]
    rejections: tuple[Rejected, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()  # only where asked to be kept
    kept_instead: Mapping[str, Any] | None = None  # the manifest of the better dataset that stands
    early: EarlyStop | None = None

    @property
    def status(self) -> int:
        """The exit status of the build: 0, 3 incomplete, 4 a gate failed."""
        if not self.complete:
            return ExitStatus.FAILED
        return ExitStatus.DONE if all(g.holds for g in self.gates) else ExitStatus.GATE_FAILED

    @property
    def frame(self) -> pd.DataFrame:
        """The rows in plan order, one column a field."""
        import pandas as pd

        return pd.DataFrame([{c: r.get(c) for c in self.columns} for r in self.rows], columns=list(self.columns))

    def __repr__(self) -> str:
        from synthspec.generation.shown import dataset_title

        return f"<Dataset {dataset_title(self)}>"

    def _repr_html_(self) -> str:
        from synthspec.generation.shown import dataset_html

        return dataset_html(self)


def rejected(missing: Missing) -> Rejected:
    """What a dataset says of a missing row."""
    stage, path = missing.stage.value, path_text(missing.path)
    return Rejected(missing.slot, missing.combination, stage, missing.reasons, missing.values, path)
