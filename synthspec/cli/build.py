"""`synthspec build`: the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.options import access_options, form_option, look_options, spec_argument, spec_options

if TYPE_CHECKING:
    from synthspec.sources.kinds import Access


@click.command()
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
@click.option("--metrics", is_flag=True, help="Also write metrics.csv: tokens, latency and cost of every call.")
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
    metrics: bool,
    form: str,
    quiet: bool,
    no_color: bool,
) -> None:
    """Build datasets. What was paid for before is used again.

    \b
    Ends with 0 done, 1 a spec has errors (nothing is built), 3 rows are missing (a limit, the provider,
    rejected rows: see quarantine.jsonl), 4 a gate failed, 130 interrupted (run it again to go on).

    A dataset that stands in DIR is not replaced by a poorer one: that goes to DIR/incomplete.
    """
    from synthspec.cli.shared.run_build import Asked, build_all

    if out is not None and len(specs) > 1:
        raise click.UsageError("--out takes one spec; several go to build/NAME/ each")
    how = Asked(
        out, access=access, replace=replace, accept_loss=accept_loss, cache=not no_cache, metrics=metrics, form=form,
        quiet=quiet, no_color=no_color,
    )  # fmt: skip
    raise SystemExit(build_all(specs, overrides, how))
