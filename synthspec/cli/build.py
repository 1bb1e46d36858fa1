"""`synthspec build`: the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.options import access_options, form_option, look_options, spec_argument, spec_options

if TYPE_CHECKING:
    from synthspec.sources.kinds import Access


class _Build(click.Command):
    """`--metrics` may stand without a value, and never takes a spec for one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_with_bare_metrics(args)))


def _with_bare_metrics(args: list[str]) -> Iterator[str]:
    """Arguments in which `--metrics` has a value: the empty one where none was given.

    >>> list(_with_bare_metrics(["--metrics", "a.yaml", "--metrics", "9464", "--metrics"]))
    ['--metrics=', 'a.yaml', '--metrics', '9464', '--metrics=']
    """
    for arg, following in zip(args, [*args[1:], "-"], strict=True):
        bare = following.startswith("-") or following.endswith((".yaml", ".yml"))
        yield "--metrics=" if arg == "--metrics" and bare else arg


@click.command(cls=_Build)
@spec_argument(nargs=-1, required=True)
@spec_options
@access_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where to write; build/NAME/ unless given.")  # fmt: skip
@click.option("--replace", is_flag=True,
              help="Replace the dataset that is there, even if rows are missing that it has.")  # fmt: skip
@click.option("--accept-loss", is_flag=True,
              help="Use what can be read of a damaged run.sqlite; pay for the rest again.")  # fmt: skip
@click.option("--no-cache", is_flag=True,
              help="Rebuild every row from its completions; reuse no rows of an earlier build.")  # fmt: skip
@click.option("--no-wait", is_flag=True,
              help="With --engine batch: hand in what is ready and leave; run it again to go on.")  # fmt: skip
@click.option("--metrics", metavar="[PORT|FILE]",
              help="Figures for Prometheus while it builds: at a port of this machine (HOST:PORT for others), or in a "
                   "file. Without a value: metrics.csv, a line for each call.")  # fmt: skip
@click.option("--events", type=click.Path(path_type=Path), metavar="FILE",
              help="Add every event of the build to a file, as lines of JSON.")  # fmt: skip
@click.option("--events-rows", is_flag=True, help="With --events: the values of rows too.")
@click.option("--control", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Pause while this file says `pause`: calls in flight end, and no other is sent.")  # fmt: skip
@click.option("--summary", metavar="FILE|-", help="Write how it ended as JSON, to a file or to standard output.")
@form_option("text", "json")
@look_options
def command(
    specs: tuple[Path, ...],
    overrides: dict[str, str],
    access: Access,
    out: Path | None,
    replace: bool,
    accept_loss: bool,
    no_cache: bool,
    no_wait: bool,
    metrics: str | None,
    events: Path | None,
    events_rows: bool,
    control: Path | None,
    summary: str | None,
    form: str,
    quiet: bool,
    no_color: bool,
) -> None:
    """Build datasets. Completions that were paid for before are reused.

    \b
    Ends with 0 done, 1 a spec has errors (nothing is built), 3 rows are missing (a limit, the provider,
    rejected rows: see quarantine.jsonl) or batches are under way, 4 a gate failed, 130 interrupted
    (run it again to go on).

    A dataset in DIR is not replaced by a poorer one: that goes to DIR/incomplete.
    """
    from synthspec.cli.shared.monitors import STANDARD_OUTPUT, Told
    from synthspec.cli.shared.run_build import Asked, build_all

    if events_rows and events is None:
        raise click.UsageError("--events-rows says what --events holds: name its file too")
    if summary == STANDARD_OUTPUT and form == "json":
        raise click.UsageError("--summary - and --format json both print JSON: write the summary to a file")
    if out is not None and len(specs) > 1:
        raise click.UsageError("--out takes one spec; several go to build/NAME/ each")
    how = Asked(
        out, access=access, replace=replace, accept_loss=accept_loss, cache=not no_cache, waits=not no_wait,
        metrics=metrics == "", control=control, told=Told(metrics, events, events_rows, summary), form=form,
        quiet=quiet, no_color=no_color,
    )  # fmt: skip
    raise SystemExit(build_all(specs, overrides, how))
