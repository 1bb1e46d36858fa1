"""What makes a build cheap changes nothing else."""

from __future__ import annotations

import gc

import pytest

from synthspec.cli.shared.run_build import COLLECTED, _rare_collections
from synthspec.languages.templates.template import MAX_TEXT, WorkFault, compiled, render


def test_cycles_are_looked_for_as_before_once_a_build_is_over() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyboardInterrupt), _rare_collections():
        assert gc.get_threshold() == COLLECTED
        raise KeyboardInterrupt
    assert gc.get_threshold() == before


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\nb\n\n", "  x }} %} #}", "# y\n## z", "é\u2028\ud800"])
def test_a_text_in_which_nothing_is_filled_in_is_written_as_any_template(text: str) -> None:
    assert render(text, {"a": 1}) == "".join(compiled(text).generate({})) == render(text, {"b": 2})


def test_a_text_in_which_nothing_is_filled_in_has_the_limit_of_any_other() -> None:
    with pytest.raises(WorkFault):
        render("x" * (MAX_TEXT + 1), {})
