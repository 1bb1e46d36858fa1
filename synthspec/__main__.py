"""The `synthspec` command; `python -m synthspec` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """The command. What it needs is imported here, so that it can be interrupted while that is done."""
    try:
        from synthspec.generation.collecting import collect_rarely

        collect_rarely()
        from synthspec.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
