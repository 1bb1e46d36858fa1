"""`synthspec diff`: what an edit changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.options import access_options, form_option, look_options, spec_options
from synthspec.cli.shared.wrong_values import FileOrFolder

if TYPE_CHECKING:
    from synthspec.generation.diffs.spec_diff import SpecDiff
    from synthspec.sources.kinds import Access

_SHOWN = 40  # keys


@click.command()
@click.argument("old", type=FileOrFolder())
@click.argument("new", type=FileOrFolder())
@spec_options
@access_options
@form_option("text", "json")
@look_options
def command(
    old: Path,
    new: Path,
    overrides: dict[str, str],
    access: Access,
    form: str,
    quiet: bool,
    no_color: bool,
) -> None:
    """Compare two specs: changed keys and combinations, new calls, cost. Calls no model."""

    from synthspec.cli.shared.errors import ending_on_errors
    from synthspec.cli.shared.show import compile_or_exit
    from synthspec.generation.diffs.spec_diff import diff_specs

    compiled = [
        compile_or_exit(p, overrides, access=access, no_color=no_color, quiet=True, form=form) for p in (old, new)
    ]
    with ending_on_errors():
        found = diff_specs(*compiled)
    if form == "json":
        echo_json(found.as_dict())
    else:
        _show(found)


def _show(found: SpecDiff) -> None:
    from synthspec.cli.plan import money

    before, after = found.rows
    echo(f"rows: {before:,}" if before == after else f"rows: {before:,} → {after:,}")
    _show_keys(found)
    for name, change in found.parameters.items():
        echo(f"parameter {name}: {change}")
    echo(
        f"combinations: {found.combinations_same:,} the same, {found.combinations_changed:,} changed, "
        f"{found.combinations_added:,} added, {found.combinations_removed:,} removed"
    )
    for example in found.examples:
        echo(f"  {example['combination']}: {_short(example['before'])}")
        echo(f"  {' ' * len(str(example['combination']))}→ {_short(example['after'])}")
    for prompt in found.prompts:
        counts = f"{prompt.same:,} calls cached, {prompt.new:,} new, {prompt.gone:,} no longer made"
        echo(f"prompt {prompt.name}: {counts}")
    echo(f"in all {found.calls:,} new calls, about {money(found.cost)}")


def _show_keys(found: SpecDiff) -> None:
    """Each key that changed, from what to what."""
    keys = found.changes
    echo(f"the spec's keys: {len(keys):,} changed" if keys else "the spec's keys: the same")
    for key in keys[:_SHOWN]:
        if key.before is None:
            echo(f"  {key.path}: added {key.after}")
        else:
            echo(f"  {key.path}: {key.before} → {'removed' if key.after is None else key.after}")
    if len(keys) > _SHOWN:
        echo(f"  … and {len(keys) - _SHOWN:,} more keys (--format json names all)")


def _short(combination: object) -> str:
    assert isinstance(combination, dict)
    text = ", ".join(f"{k}={v}" for k, v in combination.items())
    return text if len(text) <= 110 else text[:107] + "…"
