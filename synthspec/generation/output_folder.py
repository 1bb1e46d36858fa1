"""Row → Dataset: the folder of a build. Rows, quarantine, manifest and card, all of them at once or none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from synthspec.dataset.card import build_card
from synthspec.dataset.card_columns import column_facts
from synthspec.dataset.layout import DatasetFiles
from synthspec.dataset.manifest import build_manifest, manifest_text
from synthspec.dataset.splits.groups import open_split_groups
from synthspec.dataset.switch import FILES, NEXT, clear_stage, commit, is_poorer, stage, standing
from synthspec.dataset.switch_changes import INCOMPLETE
from synthspec.dataset.tables import DatasetTables, open_dataset
from synthspec.dataset.writers import Column
from synthspec.evaluation.gates import GateWatch
from synthspec.generation.asked_shares import AskedShares
from synthspec.generation.build_facts import FinishedRun, facts_of_build
from synthspec.generation.built_dataset import Dataset, Rejected, rejected
from synthspec.generation.named_groups import NamedGroups
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.quarantine import REVIEW, Quarantine
from synthspec.generation.reviewing.overlay import Leaving, ReviewOverlay
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.events import RowDropped, RowEmpty
from synthspec.inference.store.derived.row_log import DROPPED, EMPTY, RowLog
from synthspec.inference.store.derived.row_log import FILE as ROWS
from synthspec.inference.store.derived.settled_log import holds_less
from synthspec.spec import Spec
from synthspec.spec.rows import Missing, Row, RowPath, path_text

FinalRow = Row | Missing | RowDropped | RowEmpty
ROWS_MADE = f".{ROWS}"  # of a build that was cut off
BATCH = 256  # rows handed to the writers at once


class DatasetFolder:
    """The files of a build: rows and quarantine as they come, manifest and card at the end.

    With `replace` they take the place of what stands though it may be better.
    """

    def __init__(self, spec: Spec, folder: Path, keep_rows: bool, replace: bool = False) -> None:
        self.spec, self.folder, self.keep_rows, self.replace = spec, folder, keep_rows, replace
        self._keep_rows_made()
        self.stage = stage(folder)
        self.watch = GateWatch(spec)
        self.columns = tuple(spec.output.columns) or tuple(f.name for f in spec.fields)
        types = {f.name: f.type for f in spec.fields}
        self.output: DatasetFiles | DatasetTables = open_dataset(
            self.stage, spec.name, spec.output, tuple(Column(n, t) for n, t in types.items()), seed=spec.seed
        )
        self.groups = open_split_groups(spec, folder)
        self._named: NamedGroups | None = None
        self._asked: AskedShares | None = None
        self.log = RowLog(self.stage / ROWS)
        self.quarantine = Quarantine(self.stage / "quarantine.jsonl")
        self.pending: list[Row] = []
        self._named_pending: list[Any] = []  # the value of `output.group` of each
        self.rows: list[Mapping[str, Any]] = []
        self.missing: list[Rejected] = []
        self._overlay: ReviewOverlay | None = None
        self._shown: list[Mapping[str, Any] | None] = []  # what reviews make of each that is pending
        self._left = 0  # rows that left by a review

    def follow(self, plan: PassingPlan) -> None:
        """Rows to come are of these combinations. To be called before any is taken."""
        self._asked = AskedShares(self.spec, plan.plan)
        if self.spec.output.group is not None and self.groups is not None:
            self._named = NamedGroups(self.spec, plan)

    def review(self, overlay: ReviewOverlay) -> None:
        """Lay reviews over the rows to come. To be called before any is taken."""
        self._overlay = overlay

    def take(self, outcome: FinalRow, warned: list[str]) -> str:
        """The next row, or why there is none. Its values as they are noted in the log."""
        noted = note_in(self.log, outcome)
        self.take_noted(outcome, warned)
        return noted

    def take_noted(self, outcome: FinalRow, warned: list[str]) -> str:
        """The same for one that the log has, or gets from that of an earlier build."""
        match outcome:
            case Missing():
                self.quarantine.write(outcome)
                if self.keep_rows:
                    self.missing.append(rejected(outcome))
            case Row():
                self._take_row(outcome, bool(warned))
            case RowEmpty(path, values):
                self.take_empty(values, path)
        return ""

    def _take_row(self, outcome: Row, warned: bool) -> None:
        seen = outcome if self._overlay is None else self._overlay.of(outcome)
        if isinstance(seen, Leaving):
            self._leave(seen)
        else:
            self.watch.passed(seen, warned)
            if self._asked is not None:
                self._asked.kept(outcome.combination)
            if self.keep_rows:
                self.rows.append(seen.values)
        self.pending.append(outcome)
        if self._overlay is not None:
            self._shown.append(None if isinstance(seen, Leaving) else seen.values)
        if self._named is not None:
            self._named_pending.append(self._named.of(outcome))
        if len(self.pending) >= BATCH:
            self.flush()

    def _leave(self, leaving: Leaving) -> None:
        self._left += 1
        self.watch.left_out += 1
        self.quarantine.leave(leaving)
        row = leaving.row
        if self.keep_rows:
            place = (leaving.reasons, row.values, path_text(row.path))
            self.missing.append(Rejected(row.slot, row.combination, REVIEW, *place))

    def take_empty(self, values: Mapping[str, Any], path: RowPath) -> None:
        """A node that had no rows of the next level to make: no row of the dataset, but one of its own table."""
        if isinstance(self.output, DatasetTables):
            self.flush()
            named = [None] if self._named is not None else None
            groups = self.groups.of([values], [path], named) if self.groups is not None else None
            self.output.write_empty(values, path, groups)

    def earlier_rows(self) -> list[Path]:
        """Where what earlier builds settled may be: one that was cut off, the dataset that stands, one beside it."""
        return [self.folder / ROWS_MADE, self.folder / ROWS, self.folder / INCOMPLETE / ROWS]

    def _keep_rows_made(self) -> None:
        """What a build that was cut off had settled is used by the next one."""
        made, before = self.folder / NEXT / FILES / ROWS, self.folder / ROWS_MADE
        with suppress(OSError):
            if made.exists() and not (before.exists() and holds_less(made, before)):
                made.replace(before)

    def flush(self) -> None:
        if self.pending:
            rows, paths = [row.values for row in self.pending], [row.path for row in self.pending]
            named = self._named_pending if self._named is not None else None
            groups = self.groups.of(rows, paths, named) if self.groups is not None else None
            shown = self._shown if self._overlay is not None else None
            self.output.write(rows, groups, paths=paths, shown=shown)
            self.pending, self._named_pending, self._shown = [], [], []

    def abandon(self) -> None:
        """Leave the folder's finished files as they were."""
        self.log.abandon()
        self.output.abandon()
        self.quarantine.abandon()
        self._keep_rows_made()
        clear_stage(self.folder)

    def is_poorer(self, tally: Tally) -> bool:
        """Whether what stands in the folder is better than what a run came to."""
        return is_poorer(tally.kept, tally.planned, standing(self.folder))

    def finish(self, run: FinishedRun) -> Dataset:
        """Put every file in its place; beside the dataset that stands where this one is poorer."""
        self.flush()
        gates = self.watch.evaluate(run.tally, run.combinations)
        files = self.output.finish()
        self.quarantine.finish()
        self.log.close()
        splits = self.groups.facts if self.groups is not None else {}
        reviews = self._overlay.facts if self._overlay is not None else {}
        asked = self._asked.as_dict() if self._asked is not None else {}
        facts = facts_of_build(self.spec, run, gates, files, splits, reviews=reviews, left=self._left, asked=asked)
        manifest = build_manifest(facts)
        tables = {n: column_facts(self.spec.fields, c) for n, c in self.output.tables.items()}
        card = build_card(facts, (), tables)
        (self.stage / "README.md").write_text(card, encoding="utf-8", newline="\n")
        (self.stage / "manifest.json").write_text(manifest_text(manifest), encoding="utf-8", newline="\n")
        better = None if self.replace else standing(self.folder)
        poorer = is_poorer(run.tally.kept, run.tally.planned, better)
        (self.folder / ROWS_MADE).unlink(missing_ok=True)
        commit(self.folder, INCOMPLETE if poorer else "", {f.path: f.sha256 for f in files})
        place = self.folder / INCOMPLETE if poorer else self.folder
        return Dataset(
            name=self.spec.name,
            folder=place,
            files=tuple(place / f.path for f in files),
            manifest=manifest,
            complete=run.tally.kept >= run.tally.planned,
            reason=run.stopped,
            gates=gates,
            rejections=tuple(self.missing),
            columns=self.columns,
            rows=tuple(self.rows),
            kept_instead=better if poorer else None,
            early=run.early,
        )


def note_in(log: RowLog, outcome: FinalRow) -> str:
    """Note what became of a row in the log. Its values as they are there."""
    match outcome:
        case RowDropped(path, combination, rule, reason, values):
            return log.leave_out(path, combination, (DROPPED, rule, reason), values)
        case RowEmpty(path, values):
            return log.leave_out(path, path[0], (EMPTY, EMPTY, ""), values)
        case _:
            return log.add(outcome)
