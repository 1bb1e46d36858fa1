"""`repeat`: a prompt asked again and again for one row, what it wrote fed back. Each round builds on the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthspec.generation.machine.states import Ask, ReplyNote, Work
from synthspec.generation.machine.steps import Opening, Step
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.languages.expressions import compile_row
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Prompt
from synthspec.spec.rows import Rejection, Stage, Try

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to."""

    values: Mapping[str, Any]
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Rounds(Work):
    """The rounds of a row that are there, and how often each was asked."""

    done: tuple[Round, ...] = ()
    asked: tuple[int, ...] = ()
    feedback: Feedback | None = None  # of the round that is asked

    def restarted(self) -> Rounds:
        return Rounds(asked=self.asked)


class Repeating:
    """How a prompt with `repeat` is worked on."""

    def __init__(self, prompt: Prompt) -> None:
        assert prompt.repeat is not None
        self._repeat = prompt.repeat
        self._times = compile_row(prompt.repeat.times)
        self._seed = {name: compile_row(e) for name, e in prompt.repeat.seed.items()}
        self._until = compile_row(prompt.repeat.until) if prompt.repeat.until is not None else None

    def openings(self, step: Step, index: int, values: Mapping[str, Any]) -> Iterator[Opening]:
        """The first round."""
        if self._rounds(values):
            seen = self._seen(values, ())
            endpoint = step.endpoint({**values, **seen})
            if endpoint is not None:
                yield Opening(step.prompt.name, seen, endpoint)

    def _rounds(self, values: Mapping[str, Any]) -> int | None:
        times = self._times(values)
        return None if times is None else min(max(0, int(times)), self._repeat.most)

    def _seen(self, values: Mapping[str, Any], done: Sequence[Round]) -> dict[str, Any]:
        """What the next round reads besides parameters and other prompts' fields."""
        fed = {n: done[-1].values[n] for n in self._seed} if done else {n: of(values) for n, of in self._seed.items()}
        return {**fed, "round": len(done) + 1}

    # --- the row's turn

    def begin(self, turn: RowTurn, step: Step) -> None:
        values = self._known(turn)
        rounds = self._rounds(values)
        work = self._work(turn, step)
        if rounds is None:
            turn.finish_step(step, dict.fromkeys(step.prompt.writes), (), "")
        elif rounds == 0:
            self._keep_seed(turn, step, values)
        elif work.done and (len(work.done) >= rounds or self._ends(values, work.done)):
            self._complete(turn, step, work)
        else:
            self._ask(turn, step, work, turn.last[0], turn.last[1])

    def _known(self, turn: RowTurn) -> dict[str, Any]:
        return {**turn.values, **turn.combination.values}

    def _work(self, turn: RowTurn, step: Step) -> Rounds:
        work = turn.work.get(step.prompt.name)
        return work if isinstance(work, Rounds) else Rounds()

    def _keep_seed(self, turn: RowTurn, step: Step, values: Mapping[str, Any]) -> None:
        """No round: the seed stands, where it keeps the rules of its field."""
        validator = turn.program.by_reply
        seed = validator.clean({n: of(values) for n, of in self._seed.items()})
        names = tuple(f.name for f in step.shape.fields)
        faults = validator.field_faults(names, seed)
        if faults:
            turn.notes.append(ReplyNote(rejections=tuple(faults)))
            turn.give_up(Stage.VALID, tuple(f"{r.reason}, and no round is asked for" for r in faults))
            return
        turn.work[step.prompt.name] = replace(self._work(turn, step), done=())
        self._finish(turn, step, {n: seed.get(n) for n in names}, ())

    def _ask(self, turn: RowTurn, step: Step, work: Rounds, stage: Stage, reasons: tuple[str, ...]) -> None:
        """Ask for the next round; where its attempts are used up the row is lost, for these reasons."""
        place, name = len(work.done), step.prompt.name
        asked = work.asked[place] if place < len(work.asked) else 0
        if asked >= turn.program.limit:
            turn.work[name] = work
            turn.give_up(stage, reasons or (f"round {place + 1} was asked {asked} times",))
            return
        values = self._known(turn)
        seen = self._seen(values, work.done)
        endpoint = step.endpoint({**values, **seen})
        if endpoint is None:
            turn.give_up(Stage.CALL, (step.not_listed({**values, **seen}),))
            return
        turn.work[name] = replace(work, asked=(*work.asked[:place], asked + 1, *work.asked[place + 1 :]))
        opening = name if not work.done and not step.prompt.needs else ""
        before = (work.done[-1].key,) if work.done else ()
        lineage = (*turn.lineage(step), *before)
        turn.asked[name] = asked + 1
        turn.ask(
            step, asked + 1, feedback=work.feedback, lineage=lineage, opening=opening, seen=seen, endpoint=endpoint
        )

    def take(self, turn: RowTurn, step: Step, question: Ask, outcome: Replied | Failed | Stopped) -> None:
        work = self._work(turn, step)
        match outcome:
            case Stopped(reason):
                turn.give_up(Stage.CALL, (reason,))
            case Failed(rejection):
                turn.notes.append(ReplyNote(rejections=(rejection,)))
                self._ask(turn, step, work, Stage.CALL, (rejection.reason,))
            case Replied(key, text):
                read = turn.read(step, outcome)
                turn.notes.append(ReplyNote(1, read.held, read.rejections))
                if read.good:
                    done = (*work.done, Round(read.good[0], key, text))
                    self._after(turn, step, replace(work, done=done, feedback=None))
                    return
                attempt = Try(step.prompt.name, question.attempt, text, read.faults)
                turn.tried(attempt)
                work = replace(work, feedback=Feedback(text, read.rejections, 1))
                self._ask(turn, step, work, read.faults[0].stage, attempt.reasons)

    def _after(self, turn: RowTurn, step: Step, work: Rounds) -> None:
        """A round is there: it was the last, or the next follows."""
        values = self._known(turn)
        if len(work.done) >= (self._rounds(values) or 0) or self._ends(values, work.done):
            self._complete(turn, step, work)
        else:
            self._ask(turn, step, work, *turn.last)

    def _ends(self, values: Mapping[str, Any], done: Sequence[Round]) -> bool:
        if self._until is None:
            return False
        return bool(self._until({**values, **done[-1].values, "round": len(done)}))

    def _complete(self, turn: RowTurn, step: Step, work: Rounds) -> None:
        turn.work[step.prompt.name] = work
        self._finish(turn, step, work.done[-1].values, work.done)

    def _finish(self, turn: RowTurn, step: Step, last: Mapping[str, Any], done: Sequence[Round]) -> None:
        values = dict(last)
        for name, of in self._repeat.collect.items():
            values[name] = [r.values[of] for r in done]
        names = tuple(self._repeat.collect)
        faults = turn.program.validator.field_faults(names, values)
        if faults:
            turn.notes.append(ReplyNote(rejections=tuple(faults)))
            turn.last = (Stage.VALID, tuple(r.reason for r in faults))
            if not self.reopen(turn, step, faults):
                turn.give_up(*turn.last)
                return
            self.begin(turn, step)
            return
        turn.finish_step(step, values, tuple(r.key for r in done), done[-1].text if done else "")

    def reopen(self, turn: RowTurn, step: Step, rejections: Sequence[Rejection]) -> bool:
        """The last round is asked again."""
        work = self._work(turn, step)
        if not work.done:
            return False
        last, name = work.done[-1], step.prompt.name
        asked = work.asked[len(work.done) - 1]
        turn.tried(Try(name, asked, last.text, tuple(rejections)))
        turn.work[name] = Rounds(work.done[:-1], work.asked, Feedback(last.text, tuple(rejections), 1))
        return asked < turn.program.limit
