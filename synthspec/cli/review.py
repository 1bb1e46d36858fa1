"""`synthspec review`: what people say of the rows of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.options import access_options, form_option, look_options
from synthspec.cli.shared.wrong_values import FileOrFolder

if TYPE_CHECKING:
    from synthspec.generation.reviewing.saying import ReviewDesk, RowRemark
    from synthspec.sources.kinds import Access

VERBS = ("accept", "reject", "edit", "flag", "note", "retry")


def _verbs(function: click.decorators.FC) -> click.decorators.FC:
    """`--accept PATH` and so on, each of which may be given several times."""
    told = {
        "accept": "Accept this row (its path: 17, 17.3), with its edits.",
        "reject": "Remove this row from the dataset; give the reason with --because.",
        "edit": "Edit this row; give new values with --with.",
        "flag": "Flag this row for someone to look at.",
        "note": "Add a note to this row; give its text with --because.",
        "retry": "Retry this row in the next build; the model is shown the text of --because.",
    }
    for verb in reversed(VERBS):
        function = click.option(f"--{verb}", multiple=True, metavar="PATH", help=told[verb])(function)
    return function


@click.command()
@click.argument("folder", metavar="DIR", type=FileOrFolder())
@_verbs
@click.option("--because", default="", metavar="TEXT", help="The reason; with --retry, what to fix.")
@click.option("--with", "changes", multiple=True, metavar="FIELD=VALUE", help="With --edit: new value of a field.")
@click.option("--prompt", metavar="NAME", help="With --retry: the prompt to retry.")
@click.option("--reviewer", metavar="NAME", help="Name of the reviewer.  [default: your user name]")
@click.option("--apply", is_flag=True, help="Apply the reviews to the dataset's files. Makes no calls.")
@click.option("--undo", metavar="N|all", help="Undo one review, or all (with --reviewer: all of that reviewer's).")
@click.option("--export", "export", type=FileOrFolder(), metavar="FILE",
              help="Write the reviews to a .csv or .jsonl file.")  # fmt: skip
@click.option("--all-rows", is_flag=True, help="With --export: include rows without a review.")
@click.option("--import", "origin", type=FileOrFolder(), metavar="FILE",
              help="Import reviews from such a file, all or none.")  # fmt: skip
@click.option("--spec", type=FileOrFolder(), metavar="SPEC",
              help="The dataset's spec, if it was moved since the build.")  # fmt: skip
@access_options
@form_option("text", "json")
@look_options
def command(
    folder: Path,
    because: str,
    changes: tuple[str, ...],
    prompt: str | None,
    reviewer: str | None,
    apply: bool,
    undo: str | None,
    export: Path | None,
    all_rows: bool,
    origin: Path | None,
    spec: Path | None,
    access: Access,
    form: str,
    quiet: bool,
    no_color: bool,
    **verbs: tuple[str, ...],
) -> None:
    """Review the rows of a dataset: accept, reject, edit, flag, note or retry them.

    \b
    Without options, show the progress of the review and the agreement of its reviewers. Reviews are stored in
    DIR/reviews.sqlite. `--apply` and every later build apply them to the dataset.
    Completions are never changed, and every review can be undone.
    """
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.reviewing import apply_reviews, desk_of, export_reviews, import_reviews, undo_reviews

    actions = [any(verbs.values()), apply, undo is not None, export is not None, origin is not None]
    if sum(actions) > 1:
        raise click.UsageError("one thing at a time: a verb, --apply, --undo, --export or --import")
    if changes and not verbs["edit"]:
        raise click.UsageError("--with says what --edit changes: name the row")
    if all_rows and export is None:
        raise click.UsageError("--all-rows says what --export writes: name its file too")
    _refuse_contradictions(verbs)
    who = reviewer or _user()
    with ending_on_errors(folder):
        if apply:
            raise SystemExit(apply_reviews(folder, spec, access, form=form, quiet=quiet, no_color=no_color))
        if undo is not None:
            undo_reviews(folder, undo, who, everyone=reviewer is None)
        elif export is not None:
            export_reviews(folder, export, every=all_rows)
        elif origin is not None:
            import_reviews(desk_of(folder, spec, access), origin, who)
        elif any(verbs.values()):
            desk = desk_of(folder, spec, access)
            _say(desk, _said(desk, verbs, changes, because, prompt, who))
        _show(folder, form)


def _said(
    desk: ReviewDesk,
    verbs: dict[str, tuple[str, ...]],
    changes: Sequence[str],
    because: str,
    prompt: str | None,
    who: str,
) -> list[RowRemark]:
    """What the options say of each row."""
    from synthspec.generation.reviewing.saying import RowRemark
    from synthspec.generation.reviewing.sheet import read_cell

    patch = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign or not name:
            raise click.UsageError(f"'{change}' is not FIELD=VALUE, as in --with text='a better one'")
        patch[name] = desk.editor.read_value(name, text) if desk.editor is not None else read_cell(text)
    return [
        RowRemark(path, verb, who, because, patch if verb == "edit" else {}, prompt if verb == "retry" else None)
        for verb in VERBS
        for path in verbs[verb]
    ]


def _say(desk: ReviewDesk, said: Sequence[RowRemark]) -> None:
    noted = desk.say(said)
    faults = list(dict.fromkeys(one.fault for one in noted if one.fault))
    if faults:
        _refuse(faults, said)
    for note in dict.fromkeys(one.note for one in noted if one.note):
        echo(f"note: {note}", err=True)


VERDICTS = ("accept", "reject", "retry")


def _refuse_contradictions(verbs: dict[str, tuple[str, ...]]) -> None:
    """A row has one verdict at a time."""
    for one, other in combinations(VERDICTS, 2):
        if shared := sorted({*verbs[one]} & {*verbs[other]}):
            raise click.UsageError(f"row {shared[0]}: --{one} and --{other} contradict each other")


def _refuse(faults: Sequence[str], said: Sequence[RowRemark]) -> NoReturn:
    from synthspec.cli.shared.show import fail
    from synthspec.generation.reviewing.saying import NEED_REASON, changes_nothing

    for fault in faults[:-1]:
        echo(f"error: {fault}", err=True)
    unreasoned = any(one.verb in NEED_REASON and not one.reason.strip() for one in said)
    missing = "; give the reason with --because" if unreasoned else ""
    missing += "; give new values with --with FIELD=VALUE" if any(map(changes_nothing, said)) else ""
    fail(faults[-1], f"nothing was noted{missing}", 1)


def _show(folder: Path, form: str) -> None:
    from synthspec.cli.shared.reviewing import progress_lines
    from synthspec.generation.reviewing.progress import review_progress

    progress = review_progress(folder)
    if form == "json":
        echo_json(progress.as_dict())
        return
    for line in progress_lines(progress, folder):
        echo(line)


def _user() -> str:
    """The name of the user of this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reviewer"
