"""The contract of a command: what every module of the command line must do. `docs/extending.md` shows its use."""

from __future__ import annotations

from types import ModuleType

import click
from click.testing import CliRunner

from synthspec.testing.light_import import heavy_imports


class CommandContract:
    """Subclass it, set `module`, and let pytest collect it."""

    module: ModuleType

    def test_is_a_command(self) -> None:
        """`command` is a click command with a help text."""
        command = self.module.command
        assert isinstance(command, click.Command), "decorate it: @click.command()"
        assert command.help, "its docstring is what --help shows"
        assert command.help.strip().splitlines()[0].rstrip().endswith((".", "?", ":")), "the first line is a sentence"

    def test_help(self) -> None:
        """`--help` says how it is used."""
        result = CliRunner().invoke(self.module.command, ["--help"], catch_exceptions=False)
        assert result.exit_code == 0
        assert "Usage:" in result.output

    def test_wrong_use(self) -> None:
        """An option that is not known is a mistake in use: exit status 2."""
        result = CliRunner().invoke(self.module.command, ["--there-is-no-such-option"], catch_exceptions=False)
        assert result.exit_code == 2
        assert "Traceback" not in result.output

    def test_loads_nothing_heavy(self) -> None:
        """`synthspec --help` imports every command: what is heavy is imported inside it."""
        heavy = heavy_imports(self.module.__name__)
        assert not heavy, f"import {', '.join(sorted(heavy))} inside the command"
