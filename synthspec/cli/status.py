"""`synthspec status`: what a build folder waits for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.options import form_option
from synthspec.cli.shared.wrong_values import FileOrFolder

if TYPE_CHECKING:
    from synthspec.inference.batches.giving_up import BatchEnding, BatchStanding
    from synthspec.inference.store import Spent

UNDER_WAY = 3
WHAT_TO_DO = {
    "intent": "not submitted yet; build again to submit it",
    "uploaded": "may have been handed in; build again to look for it",
    "suspect": "may have been handed in; build again to look for it",
    "submitted": "at the provider; build again to wait for its results",
    "running": "at the provider; build again to wait for its results",
    "cancelling": "being cancelled; build again, or --cancel, to fetch what it has",
    "ended": "done at the provider; build again to fetch its results",
    "fetched": "its results are in the folder; build again to use them",
}


@click.command()
@click.argument("folder", metavar="DIR", type=FileOrFolder())
@click.option("--cancel", is_flag=True, help="Cancel all batches, wait for them to end, and fetch their results.")
@click.option("--forget", multiple=True, metavar="BATCH",
              help="Give up a batch: its possible cost counts as spent, and its calls are retried.")  # fmt: skip
@form_option("text", "json")
def command(folder: Path, cancel: bool, forget: tuple[str, ...], form: str) -> None:
    """Show the running batches of a build folder: age and reserved cost.

    \b
    Contacts no provider without --cancel. Exit status: 0 no batch is running, 3 some are.
    """
    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.show import fail
    from synthspec.inference.batches.giving_up import standing_batches
    from synthspec.inference.store import FILE, Store

    if not (folder / FILE).is_file():
        fail(f"'{folder}' is not a build folder: it has no {FILE}", "name the folder that a build wrote to", 1)
    with ending_on_errors(folder):
        endings = _end(folder, cancel, forget) if cancel or forget else []
        with Store.open_readonly(folder) as store:
            standing, spent = standing_batches(store), store.spent()
    if form == "json":
        echo_json(_as_json(folder, standing, spent, endings))
    else:
        for line in _lines(folder, standing, spent, endings):
            echo(line)
    raise SystemExit(UNDER_WAY if standing else 0)


def _end(folder: Path, cancel: bool, forget: tuple[str, ...]) -> list[BatchEnding]:
    """Cancel or forget batches; the folder is locked while that is done."""
    import asyncio

    from synthspec.cli.shared.show import fail
    from synthspec.diagnostics import did_you_mean
    from synthspec.inference.batches.giving_up import cancel_batches, forget_batch
    from synthspec.inference.store import Store
    from synthspec.inference.store.batches import Batches

    async def work() -> list[BatchEnding]:
        with Store.open(folder) as store:
            for intent in forget:
                try:
                    count = await forget_batch(store, folder, intent)
                except LookupError:
                    known = [batch.intent for batch in Batches(store).pending()]
                    help = did_you_mean(intent, known) if known else "nothing is under way"
                    fail(f"no batch '{intent}' of '{folder}' is under way", help, 2)
                echo(f"batch {intent} is abandoned: its {count:,} calls count at the most they may have cost", err=True)
            return await cancel_batches(store, folder, tell=_say) if cancel else []

    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        fail(
            "interrupted: the batches are still being cancelled", f"`synthspec status {folder} --cancel` continues", 130
        )


def _say(batch: Any) -> None:
    echo(f"batch {batch.intent}: {batch.state}", err=True)


def _lines(folder: Path, standing: list[BatchStanding], spent: Spent, endings: list[BatchEnding]) -> list[str]:
    from synthspec.inference.accounting.prices import dollars

    lines = []
    for ending in endings:
        said = ending.why or f"{ending.answers:,} answers are fetched"
        lines.append(f"batch {ending.intent}: {said}")
    if not standing:
        return [*lines, f"nothing is under way in {folder}"]
    lines.append(f"{len(standing)} {_batches(len(standing))} under way in {folder}")
    for one in standing:
        batch = one.batch
        aside = f"{dollars(one.cost)} and {one.tokens:,} tokens set aside"
        left = f"{one.open:,} of {batch.count:,} requests open"
        name = f" ({batch.remote_id})" if batch.remote_id else ""
        who = f"{batch.provider}:{batch.model}, {batch.state}"
        lines.append(f"  {batch.intent}  {who}, {left}, {_age(one.age)} old; {aside}{name}")
        lines.append(f"            {WHAT_TO_DO.get(batch.state, '')}")
    lines.append(f"all runs of the folder used {dollars(spent.cost)}, with what is set aside")
    return lines


def _batches(count: int) -> str:
    return "batch is" if count == 1 else "batches are"


def _age(seconds: float) -> str:
    """How old, for people.

    >>> _age(59), _age(3700), _age(200_000)
    ('0 min', '1 h 1 min', '2 days 7 h')
    """
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} day{'s' if minutes >= 2880 else ''} {minutes % 1440 // 60} h"


def _as_json(folder: Path, standing: list[BatchStanding], spent: Spent, endings: list[BatchEnding]) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "batches": [
            {
                "batch": one.batch.intent,
                "provider": one.batch.provider,
                "model": one.batch.model,
                "remote_id": one.batch.remote_id,
                "state": one.batch.state,
                "requests": one.batch.count,
                "open": one.open,
                "age_seconds": round(one.age),
                "reserved_cost": one.cost,
                "reserved_tokens": one.tokens,
            }
            for one in standing
        ],
        "ended": [{"batch": e.intent, "answers": e.answers, "why": e.why or None} for e in endings],
        "spent_cost": spent.cost,
    }
