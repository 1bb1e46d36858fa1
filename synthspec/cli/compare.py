"""`synthspec compare`: datasets, backends or styles side by side."""

from __future__ import annotations

from pathlib import Path

import click

from synthspec.cli.shared.options import form_option, look_options
from synthspec.cli.shared.wrong_values import FileOrFolder


@click.command()
@click.argument("data", type=FileOrFolder(), nargs=-1, required=True, metavar="DIR… | SPEC")
@click.option("--backend", "backends", multiple=True, metavar="PROVIDER:MODEL",
              help="Backend to build the spec on; give two or more.")  # fmt: skip
@click.option("--vary", metavar="COLUMN", help="Compare the rows of each value of this column.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help="Number of rows.")
@click.option(
    "--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="Most US dollars to spend on each build."
)
@click.option("--against", type=FileOrFolder(), metavar="FILE|SOURCE",
              help="The original data: a file, a folder, or the name of a source.")  # fmt: skip
@form_option("text", "json", "html")
@click.option(
    "--out",
    type=FileOrFolder(dir_okay=False),
    metavar="FILE",
    help="Output file.  [default: standard output]",
)
@look_options
def command(
    data: tuple[Path, ...],
    backends: tuple[str, ...],
    vary: str | None,
    rows: int | None,
    budget: float | None,
    against: Path | None,
    form: str,
    out: Path | None,
    quiet: bool,
    no_color: bool,
) -> None:
    """Compare datasets: every metric with its confidence interval, and the cost.

    \b
      synthspec compare build/a build/b.csv          datasets that exist
      synthspec compare build/reviews --vary style   the parts of one dataset
      synthspec compare spec.yaml --backend A --backend B --rows 100
    The last builds the same combinations on each backend, in build/NAME/compare-BACKEND/, and reuses cached
    completions.
    """
    from synthspec.cli.shared.progress import steps
    from synthspec.cli.shared.show import fail
    from synthspec.cli.shared.written import give, original_or_exit, read_or_exit, refuse_data

    refuse_data(out, data)
    if data[0].suffix in (".yaml", ".yml"):
        from synthspec.cli.shared.compare_options import build_each

        if len(data) > 1:
            raise click.UsageError("give one spec, or several datasets")
        if len(set(backends)) < 2 and vary is None:
            raise click.UsageError("name two backends with --backend, or a column with --vary")
        found = build_each(data[0], backends, rows, budget, vary, quiet=quiet, no_color=no_color)
    elif backends or rows or budget:
        raise click.UsageError("--backend, --rows and --budget go with a spec, which is then built")
    else:
        found = [read_or_exit(p) for p in data]
    from synthspec.evaluation.asked import AskedError, contenders

    try:
        corpora, names = contenders(found, data, backends, vary, "--")
    except AskedError as e:
        if e.data:
            fail(str(e), status=1)
        raise click.UsageError(str(e)) from None
    original = original_or_exit(against, data)
    from synthspec.evaluation.comparison import compare_corpora

    with steps(len(corpora), quiet=quiet, no_color=no_color) as progress:
        comparison = compare_corpora(corpora, names, original, progress)
    if form == "json":
        import json

        from synthspec.diagnostics.terminal import visible_json

        give(visible_json(json.dumps(comparison.as_dict(), indent=2, ensure_ascii=False, default=str)) + "\n", out)
        return
    give(comparison.html() if form == "html" else comparison.text(), out)
