"""`synthspec backends`: what is installed and reachable."""

from __future__ import annotations

import click

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.options import form_option, look_options


@click.command()
@click.argument("provider", required=False)
@click.option("--base-url", metavar="URL", help="Server to ask, instead of the provider's own.")
@form_option("text", "json")
@look_options
def command(provider: str | None, base_url: str | None, form: str, quiet: bool, no_color: bool) -> None:
    """List backends: installed packages, keys (set or not), servers that answer, models."""
    import asyncio

    from synthspec.diagnostics import did_you_mean
    from synthspec.inference.survey import survey
    from synthspec.plugins import plugin_names

    names = plugin_names("backends")
    if provider is not None and provider not in names:
        raise click.UsageError(f"there is no backend '{provider}'; {did_you_mean(provider, names)}")
    found = asyncio.run(survey((provider,) if provider else names, base_url))
    if form == "json":
        echo_json([s.as_dict() for s in found])
        return
    for state in found:
        echo(f"{state.name}: {state.summary}")
        echo(f"    {state.sentence}")
        if state.models:
            listed = ", ".join(state.models[:12]) + (
                f", … ({len(state.models)} in all)" if len(state.models) > 12 else ""
            )
            echo(f"    models: {listed}")
