"""Options of the test suite.

Property tests draw the same examples in every run, so that no run fails by luck; `--search` draws others.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("search" if config.getoption("--search") else "same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the files under tests/golden again from what the code does now; read the diff before you commit it",
    )
    parser.addoption("--search", action="store_true", help="let property tests draw new examples")


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written rather than compared."""
    return bool(request.config.getoption("--rewrite-golden"))
