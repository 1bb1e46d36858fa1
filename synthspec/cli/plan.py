"""`synthspec plan`: what would be asked and what it would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthspec.cli.shared.echo import echo, echo_json, open_console
from synthspec.cli.shared.options import access_options, form_option, look_options, spec_argument, spec_options
from synthspec.cli.shared.wrong_values import FileOrFolder
from synthspec.diagnostics.errors import system_reason

if TYPE_CHECKING:
    from rich.console import Console

    from synthspec.generation.estimates.plan_report import PlanReport
    from synthspec.planning.shares import ParameterReport
    from synthspec.sources.kinds import Access
    from synthspec.spec.rounds import BatchRounds

LONGEST = 4_000  # characters of a prompt shown to a person
SHOWN = 100  # parameters
LARGE = 10**15


@click.command()
@spec_argument()
@spec_options
@access_options
@form_option("text", "json")
@click.option("--out", type=FileOrFolder(dir_okay=False), metavar="FILE",
              help="Write all combinations to a csv, jsonl, json or parquet file.")  # fmt: skip
@look_options
def command(
    spec: Path,
    overrides: dict[str, str],
    access: Access,
    form: str,
    out: Path | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Show a spec's combinations and the calls, tokens and cost of a build. Calls no model."""

    from synthspec.cli.shared.errors import failure_of
    from synthspec.cli.shared.show import compile_or_exit, fail
    from synthspec.diagnostics.errors import SynthspecError
    from synthspec.planning.plan import build_plan

    compiled = compile_or_exit(spec, overrides, access=access, no_color=no_color, quiet=quiet, form=form)
    assert compiled.spec is not None
    try:
        plan = build_plan(compiled.spec, compiled.tables)
        if out is not None:
            from synthspec.dataset.plan_files import write_combinations

            count = write_combinations(plan, out)
            if not quiet:
                echo(f"{count:,} combinations written to {out}", err=True)
            if form == "text":
                return
        from synthspec.generation.estimates.plan_report import report_plan

        report = report_plan(plan, compiled.tables)
    except SynthspecError as e:
        fail(*failure_of(e))
    except OSError as e:
        fail(f"'{out}' cannot be written: {system_reason(e)}", status=1)
    except ValueError as e:
        fail(str(e), status=1)
    if form == "json":
        echo_json(report.as_dict())
    else:
        _show(report, no_color)


def _show(report: PlanReport, no_color: bool) -> None:

    console = open_console(no_color=no_color)
    least, most = report.combinations_needed
    even = least == most == report.combinations < report.rows
    each = f", {-(-report.rows // max(most, 1))} rows each" if even else ""
    rows, combinations = span(*report.rows_expected), span(least, most)
    console.print(f"[bold]{report.name}[/]: {rows} rows from {combinations} combinations{each} "
                  f"([italic]{report.strategy}[/])")  # fmt: skip
    if report.space is not None:
        gone = f", {report.excluded:,} of them excluded" if report.excluded else ""
        space = f"{report.space:,}" if report.space < LARGE else f"about {float(report.space):.0e}"
        console.print(f"The listed values allow {space} combinations{gone}.")
    if report.pairs is not None:
        p = report.pairs
        lost = f" ({p.impossible:,} more are made impossible by exclusions)" if p.impossible else ""
        console.print(f"Pairs of values covered: {p.covered:,} of {p.possible:,}{lost}.")
    if report.covering is not None:
        c = report.covering
        console.print(
            f"The first {c['rows']:,} combinations cover {c['covered']:,} of {c['possible']:,} possible sets of "
            f"{c['strength']} values" + (f"; {c['impossible']:,} more are impossible." if c["impossible"] else ".")
        )
    for pair in report.correlations:
        reached = "unknown" if pair.reached is None else f"{pair.reached:.2f}"
        console.print(f"Rank correlation of {' and '.join(pair.between)}: {pair.asked:.2f} asked, {reached} reached.")
    if report.counted < report.combinations:
        console.print(f"Counts below are over the first {report.counted:,} combinations.")
    for parameter in report.parameters[:SHOWN]:
        _show_parameter(console, parameter, report.counted)
    if len(report.parameters) > SHOWN:
        console.print(f"\n… and {len(report.parameters) - SHOWN:,} more parameters (all with --format json)")
    if report.unused:
        console.print(f"\n{len(report.unused)} parameters that nothing reads are not shown.")
    _show_prompts(console, report)
    for number, sample in enumerate(report.samples[:2]):
        _show_sample(console, number, sample)


def _show_parameter(console: Console, parameter: ParameterReport, counted: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    from synthspec.planning.shown import value_in_short

    if not parameter.values:
        said = f"{parameter.distinct:,} different {parameter.kind}"
        if parameter.quantiles is not None:
            q = parameter.quantiles
            said += f", {q['min']:.4g} to {q['max']:.4g}, mean {q['mean']:.4g}, median {q['median']:.4g}"
        console.print(f"\n[bold]{escape(parameter.name)}[/]: {said}")
        return
    table = Table(title=f"\n[bold]{escape(parameter.name)}[/]", title_justify="left", box=None, pad_edge=False)
    table.add_column("value", overflow="fold", max_width=60)
    if parameter.values[0].share is not None:
        table.add_column("share asked", justify="right")
    table.add_column("planned", justify="right")
    table.add_column("share", justify="right")
    for v in parameter.values[:20]:
        cells = [escape(value_in_short(v.value))]
        if v.share is not None:
            cells.append(f"{v.share:.1%}")
        table.add_row(*cells, f"{v.count:,}", f"{v.count / max(counted, 1):.1%}")
    console.print(table)
    if len(parameter.values) > 20:
        console.print(f"… and {len(parameter.values) - 20} more values (all with --format json)")


_FIGURES = ("calls", "prompt_tokens", "completion_tokens")


def _show_prompts(console: Console, report: PlanReport) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not report.prompts:
        console.print("\nNo prompts: the dataset is computed from the parameters, without a call.")
        return
    table = Table(title="\n[bold]what it takes[/]", title_justify="left", box=None, pad_edge=False)
    for name, justify in (("prompt", "left"), ("backend", "left"), ("calls", "right"), ("prompt tokens", "right"),
                          ("completion tokens", "right"), ("cost", "right")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for p in report.prompts:
        least = p.least or p
        figures = [span(getattr(least, k), getattr(p, k)) for k in _FIGURES]
        table.add_row(p.name, escape(p.backend), *figures, money_span(least.cost, p.cost))
    for name, low, high in (("expected", report.least, report.expected), ("at worst", report.worst, report.worst)):
        cells = [span(low[k], high[k]) for k in _FIGURES] + [money_span(low["cost"], high["cost"])]
        if high is report.worst and report.unbounded:
            keys = (*_FIGURES, "cost")
            cells = ["no bound" if high[key] is None else cell for key, cell in zip(keys, cells, strict=True)]
        table.add_row(f"[bold]{name}[/]", "", *cells)
    console.print(table)
    if report.unbounded:
        console.print(report.bound_note)
    if report.most_drawn is not None:
        console.print(
            "Where what is written makes no row (a check drops it, a list is empty), further combinations "
            f"take its place: up to {report.most_drawn:,} are drawn. What is expected is of none such."
        )
    if report.endless:
        console.print(f"Nothing says how long the lists of {', '.join(report.endless)} are at most: calls for items "
                "beyond the last row may be begun, here of lists of three; `maxItems` keeps them few.")  # fmt: skip
    if report.rounds is not None:
        _show_rounds(console, report.rounds)
    console.print("Tokens are estimated. At worst every attempt is used, and every reply is as long as it may be.")


def _show_rounds(console: Console, rounds: BatchRounds) -> None:
    """How often batches go out, one after the other."""
    from synthspec.spec.rounds import LAG

    most = "the worst case is not known" if rounds.most is None else f"{rounds.most:,} with every attempt"
    console.print(f"Batches go in rounds, one after the other, each of minutes to a day: {rounds.least:,} if nothing "
                  f"is rejected, {most}.")  # fmt: skip
    if rounds.chained > 1:
        console.print(f"Prompts read texts of earlier rows (`novelty.avoid`): {LAG} rows of each combination of listed "
                      f"values go in one round, so that takes {rounds.chained:,} times as many.")  # fmt: skip


def shortened(text: str) -> str:
    """A text as long as a person will read; all of it is in the JSON."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… ({len(text) - LONGEST:,} more characters)"


def span(low: float | None, high: float | None) -> str:
    """A count for a reader, or from where to where it goes.

    >>> span(12, 12), span(12, 3600), span(None, None)
    ('12', '12–3,600', 'unknown')
    """
    if low is None or high is None:
        return "unknown"
    return f"{high:,.0f}" if low == high else f"{low:,.0f}–{high:,.0f}"


def money_span(low: float | None, high: float | None) -> str:
    """US dollars for a reader, or from where to where they go."""
    return money(high) if low == high or low is None or high is None else f"{money(low)}–{money(high)}"


def money(cost: float | None) -> str:
    """US dollars for a reader."""
    if cost is None:
        return "price unknown"
    return "free" if cost == 0 else f"${cost:,.2f}" if cost >= 0.1 else f"${cost:.4f}"


def _show_sample(console: Console, number: int, sample: Any) -> None:
    from rich.text import Text

    for name, messages in sample["prompts"].items():
        console.print(f"\n[bold]combination {number}, prompt {name}[/]")
        for message in messages:
            console.print(Text(f"[{message['role']}] {shortened(message['content'])}"))
