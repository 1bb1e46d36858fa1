"""One match read from its start, in the order in which `re` tries; only what is viable is tried."""

from __future__ import annotations

from synthspec.languages.patterns.simulation.program import Instruction, Op
from synthspec.languages.patterns.simulation.viability import StepsExceededError, Viability

MOST_STEPS = 2_000_000  # instructions, over all matches in one text
STEPS_A_CHARACTER = 20  # and so many more for every character
_FAILED = -1


class Machine:
    """Reads matches in one text; `steps` counts on from match to match."""

    def __init__(self, table: Viability, text: str, groups: int) -> None:
        self.table, self.text, self.steps = table, text, 0
        self.most = MOST_STEPS + STEPS_A_CHARACTER * len(text)
        self._code = table.program.code
        self._masks = table.masks(text)
        self._entry = 1 << table.program.entry
        self._last = 2 * groups + 2
        self._do = {
            Op.LOOP: self._loop,
            Op.SAVE: self._save,
            Op.MARK: self._mark,
            Op.ANCHOR: self._anchor,
            Op.LOOK: self._look,
            Op.LOOK_END: self._look_end,
            Op.ATOMIC: self._atomic,
            Op.ATOMIC_END: self._atomic_end,
            Op.BACKREFERENCE: self._backreference,
            Op.CONDITION: self._condition,
            Op.ACCEPT: self._accept,
        }

    def search(self, start: int, nonempty: bool = False) -> list[int] | None:
        """The leftmost match from a place on, as `match` gives it; `nonempty` is asked of one at that place."""
        for at in range(start, len(self.text) + 1):
            if self._masks[at] & self._entry:
                found = self.match(at, nonempty and at == start)
                if found is not None:
                    return found
        return None

    def match(self, at: int, nonempty: bool = False) -> list[int] | None:
        """The match that begins at a place: the ends of its groups, -1 for none, and the group that closed last.

        Raises StepsExceededError.
        """
        self.at, self._begin, self._nonempty = at, at, nonempty
        self._straight = self.table.program.straight and not nonempty
        self._held = [-1] * (self._last + 1 + 2 * self.table.program.registers)  # the registers come last
        self._trail: list[tuple[int, int]] = []
        self._choices: list[tuple[int, int, int]] = []
        pc = self.table.program.entry
        while True:
            pc = self._run(pc)
            if pc != _FAILED:
                self._held[0], self._held[1] = self._begin, self.at
                return self._held[: self._last + 1]
            if not self._choices:
                return None
            pc, self.at, height = self._choices.pop()
            while len(self._trail) > height:
                slot, value = self._trail.pop()
                self._held[slot] = value

    def _run(self, pc: int) -> int:
        """On from an instruction as far as it goes: to ACCEPT, or to a failure."""
        code, masks, steps = self._code, self._masks, self.steps
        while pc != _FAILED:
            steps += 1
            if steps > self.most:
                raise StepsExceededError
            at = self.at
            if not masks[at] >> pc & 1:
                pc = _FAILED
                break
            it = code[pc]
            if it.op is Op.CHAR:
                self.at, pc = at + 1, it.b  # viable, so the character fits
            elif it.op is Op.SPLIT:
                pc = it.a if masks[at] >> it.a & 1 else it.b
                if pc == it.a and not self._straight and masks[at] >> it.b & 1:
                    self._choices.append((it.b, at, len(self._trail)))
            else:
                self.steps = steps
                pc = self._do[it.op](it)
                steps = self.steps
                if it.op is Op.ACCEPT:
                    break
        self.steps = steps
        return pc

    def _hold(self, slot: int, value: int) -> None:
        if self._choices:
            self._trail.append((slot, self._held[slot]))
        self._held[slot] = value

    def _registers(self, number: int) -> int:
        return self._last + 1 + 2 * number

    def _loop(self, it: Instruction) -> int:
        mark, after = it.c
        if self._held[self._registers(mark)] == self.at:
            return int(after)
        self._choices.append((it.b, self.at, len(self._trail)))
        return it.a

    def _save(self, it: Instruction) -> int:
        self._hold(it.a, self.at)
        if it.a % 2:
            self._hold(self._last, it.a // 2)
        return it.b

    def _mark(self, it: Instruction) -> int:
        self._hold(self._registers(it.a), -1 if it.c else self.at)
        return it.b

    def _anchor(self, it: Instruction) -> int:
        return it.b  # viable, so it holds here

    def _look(self, it: Instruction) -> int:
        register, negated, behind, grouped = it.c
        if self.table.program.exact and (negated or not grouped):
            return it.b  # viable, so it holds here
        start = self.at - (behind or 0)
        if start < 0:
            return it.b if negated else _FAILED
        self._hold(self._registers(register), len(self._choices))
        self._hold(self._registers(register) + 1, self.at)
        if negated:
            self._choices.append((it.b, self.at, len(self._trail)))
        self.at = start
        return it.a

    def _look_end(self, it: Instruction) -> int:
        where = self._registers(it.a)
        del self._choices[self._held[where] :]
        self.at = self._held[where + 1]
        return _FAILED if it.c else it.b

    def _atomic(self, it: Instruction) -> int:
        self._hold(self._registers(it.a), len(self._choices))
        return it.b

    def _atomic_end(self, it: Instruction) -> int:
        del self._choices[self._held[self._registers(it.a)] :]
        return it.b

    def _backreference(self, it: Instruction) -> int:
        start, end = self._held[2 * it.a], self._held[2 * it.a + 1]
        if start < 0 or end < start:
            return _FAILED
        wanted, given = self.text[start:end], self.text[self.at : self.at + end - start]
        self.steps += end - start
        same = wanted == given or (
            bool(it.c)
            and len(wanted) == len(given)
            and all(a == b or a.lower() == b.lower() for a, b in zip(wanted, given, strict=True))
        )
        self.at += end - start
        return it.b if same else _FAILED

    def _condition(self, it: Instruction) -> int:
        number: int = it.c
        return it.a if self._held[2 * number + 1] >= max(self._held[2 * number], 0) else it.b

    def _accept(self, it: Instruction) -> int:
        return _FAILED if self._nonempty and self.at == self._begin else 0
