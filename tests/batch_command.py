"""The command with batches that are asked about at once, killed where it is told to: `python batch_command.py KILL ARGS…`.

KILL is `before:STATE` or `after:STATE`: the process dies before, or right after, that state of a batch is noted; `-` is
nowhere.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from synthspec.cli import main
from synthspec.inference.batches import engine, giving_up
from synthspec.inference.batches.pace import Pace
from synthspec.inference.store.batches import Batches


def run(kill: str, arguments: Sequence[str]) -> None:
    when, _, state = kill.partition(":")
    engine.Pace = giving_up.Pace = lambda: Pace(0.01, 0.02, 0.05, 0.01, 0.02, 0.02)  # type: ignore[assignment,misc]
    update, reserve = Batches.update, Batches.reserve

    def die(reached: str, now: str) -> None:
        if (reached, now) == (state, when):
            os.kill(os.getpid(), signal.SIGKILL)

    async def noted(self: Batches, intent: str, **changes: Any) -> None:
        die(str(changes.get("state")), "before")
        await update(self, intent, **changes)
        die(str(changes.get("state")), "after")

    async def reserved(self: Batches, *what: Any) -> Any:
        die("intent", "before")
        sends = await reserve(self, *what)
        die("intent", "after")
        return sends

    Batches.update, Batches.reserve = noted, reserved  # type: ignore[method-assign,assignment]
    sys.argv = ["synthspec", *arguments]
    main()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
