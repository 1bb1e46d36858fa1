"""`synthspec build`: the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.options import access_options, form_option, look_options, spec_argument, spec_options
from synthspec.cli.shared.wrong_values import FileOrFolder

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
    for arg, following in zip(args, [*args[1:], "-"], strict=False):
        bare = following.startswith("-") or following.endswith((".yaml", ".yml"))
        yield "--metrics=" if arg == "--metrics" and bare else arg


@click.command(cls=_Build)
@spec_argument(nargs=-1, required=True)
@spec_options
@access_options
@click.option("--out", type=FileOrFolder(file_okay=False), metavar="DIR",
              help="Output folder.  [default: build/NAME]")  # fmt: skip
@click.option("--replace", is_flag=True,
              help="Replace the existing dataset, even by one with fewer rows.")  # fmt: skip
@click.option("--accept-loss", is_flag=True,
              help="Continue with what can be read of a damaged run.sqlite; the rest is paid for again.")  # fmt: skip
@click.option("--no-cache", is_flag=True,
              help="Rebuild every row from its completions; reuse no rows of an earlier build.")  # fmt: skip
@click.option("--no-wait", is_flag=True,
              help="With --engine batch: submit what is ready and exit; run again to continue.")  # fmt: skip
@click.option("--metrics", metavar="[PORT|FILE]",
              help="Serve Prometheus metrics while it builds, on a local port (HOST:PORT for other hosts), or write "
                   "them to a file. Without a value: metrics.csv, one line a call.")  # fmt: skip
@click.option("--events", type=FileOrFolder(), metavar="FILE",
              help="Append every event to a file, one JSON object a line.")  # fmt: skip
@click.option("--events-rows", is_flag=True, help="With --events: include the values of rows.")
@click.option("--control", type=FileOrFolder(dir_okay=False), metavar="FILE",
              help="Pause while this file contains `pause`: calls in flight finish, no new one is sent.")  # fmt: skip
@click.option("--summary", metavar="FILE|-", help="Write a summary as JSON, to a file or standard output.")
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
    """Build datasets. Cached completions are reused.

    \b
    Exit status: 0 done, 1 a spec has errors (nothing is built), 3 rows are missing (a limit, the provider,
    rejected rows: see quarantine.jsonl) or batches are running, 4 a gate failed, 130 interrupted
    (run it again to continue).

    A dataset in DIR is not replaced by a poorer one: that goes to DIR/incomplete.
    """
    from synthspec.cli.shared.monitors import STANDARD_OUTPUT, MonitorOptions
    from synthspec.cli.shared.run_build import Asked, build_all

    if events_rows and events is None:
        raise click.UsageError("--events-rows needs --events FILE")
    if summary == STANDARD_OUTPUT and form == "json":
        raise click.UsageError("--summary - and --format json both print JSON: write the summary to a file")
    if out is not None and len(specs) > 1:
        raise click.UsageError("--out takes one spec; several go to build/NAME/ each")
    how = Asked(
        out, access=access, replace=replace, accept_loss=accept_loss, cache=not no_cache, waits=not no_wait,
        metrics=metrics == "", control=control, told=MonitorOptions(metrics, events, events_rows, summary), form=form,
        quiet=quiet, no_color=no_color,
    )  # fmt: skip
    raise SystemExit(build_all(specs, overrides, how))
