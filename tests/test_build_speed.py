"""What makes a build cheap changes nothing else."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from synthspec.compiler import compile_text
from synthspec.generation.build import Build, finish_build
from synthspec.generation.collecting import LOADING, RARELY, collect_rarely, collecting_rarely
from synthspec.languages.templates.template import MAX_TEXT, WorkFault, compiled, render


@pytest.fixture
def usual_collections() -> Iterator[None]:
    """As often as Python does by itself; the other tests run with fewer."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_cycles_are_looked_for_as_before_once_a_build_is_over(usual_collections: None) -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyboardInterrupt), collecting_rarely():
        assert gc.get_threshold() == RARELY
        raise KeyboardInterrupt
    assert gc.get_threshold() == before


def test_the_last_of_several_builds_puts_back_how_cycles_are_looked_for(usual_collections: None) -> None:
    before, found = gc.get_threshold(), []
    first, second = ExitStack(), ExitStack()
    for do in (
        lambda: first.enter_context(collecting_rarely()),
        lambda: second.enter_context(collecting_rarely()),
        first.close,
        second.close,
    ):
        do()
        found.append(gc.get_threshold())
    assert found == [RARELY, RARELY, RARELY, before]


def test_what_the_command_loaded_is_not_looked_through(usual_collections: None) -> None:
    collect_rarely()
    assert gc.get_threshold() == LOADING
    try:
        with collecting_rarely():
            assert gc.get_threshold() == RARELY and gc.get_freeze_count() > 0
        assert gc.get_threshold() == RARELY
    finally:
        gc.unfreeze()


def test_a_build_from_python_keeps_nothing_from_being_looked_through(usual_collections: None) -> None:
    gc.unfreeze()
    with collecting_rarely():
        assert gc.get_freeze_count() == 0


def test_a_build_from_python_looks_for_cycles_as_rarely_as_the_command(tmp_path: Path, usual_collections: None) -> None:
    spec = "synthspec: 1\nname: a\nrows: 3\nparameters: {n: 'floor(uniform(0, 9))'}\nfields: {n: {value: n}}\n"
    compiled = compile_text(spec)
    assert compiled.spec is not None
    build, found, before = Build(compiled.spec, compiled.tables, tmp_path), set[Any](), gc.get_threshold()
    asyncio.run(finish_build(build, lambda event: found.add(gc.get_threshold())))
    assert found == {RARELY} and gc.get_threshold() == before != RARELY


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\nb\n\n", "  x }} %} #}", "# y\n## z", "é\u2028\ud800"])
def test_a_text_in_which_nothing_is_filled_in_is_written_as_any_template(text: str) -> None:
    assert render(text, {"a": 1}) == "".join(compiled(text).generate({})) == render(text, {"b": 2})


def test_a_text_in_which_nothing_is_filled_in_has_the_limit_of_any_other() -> None:
    with pytest.raises(WorkFault):
        render("x" * (MAX_TEXT + 1), {})
