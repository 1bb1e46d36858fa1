"""A factory by Mesa 3: parts pass five kinds of machine, which queue, stop, wait for a crew and go on, over shifts.

A step is a minute. What is collected is about the hour that has passed: of each machine and each repair crew, and of
the factory. `specs/factory_agents.yaml` asks about it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import mesa

HOUR = 60  # minutes
SHIFT = 8 * HOUR
SHIFTS = ("early", "late", "night")


@dataclass(frozen=True)
class Kind:
    """A kind of machine; all of a kind take parts from one buffer and put them into the next."""

    name: str
    machines: int
    cycle: float  # minutes of work that a part takes
    between_failures: float  # minutes of work from one failure to the next, on average
    repair: float  # minutes of a crew's work that a failure takes, on average


LINE = (
    Kind("saw", machines=2, cycle=1.6, between_failures=240, repair=9),
    Kind("press", machines=2, cycle=1.7, between_failures=150, repair=16),
    Kind("welder", machines=3, cycle=2.6, between_failures=110, repair=12),
    Kind("paint booth", machines=2, cycle=1.8, between_failures=300, repair=30),
    Kind("packer", machines=2, cycle=1.5, between_failures=400, repair=6),
)


class State(StrEnum):
    """What a machine does in a minute."""

    WORKING = "working"
    STARVED = "starved"  # no part is there to work on
    BLOCKED = "blocked"  # there is no room for the part that is done
    UNMANNED = "unmanned"  # no operator is free
    DOWN = "down"  # it has failed, and waits for a crew or is repaired


class Buffer:
    """Parts that wait between two kinds of machine."""

    def __init__(self, room: float, parts: int = 0) -> None:
        self.room = room
        self.parts = parts

    @property
    def is_full(self) -> bool:
        """Whether no part can be added."""
        return self.parts >= self.room


class Machine(mesa.Agent):
    """Works on one part at a time while an operator is at it."""

    def __init__(self, model: Factory, kind: Kind, number: int, source: Buffer, target: Buffer) -> None:
        super().__init__(model)
        self.kind = kind
        self.name = f"{kind.name} {number}"
        self.source, self.target = source, target
        self.manned = False
        self.left = 0.0  # minutes of work on the part that is in it; 0 for none
        self.until_failure = self._draw(kind.between_failures)
        self.repair_left = 0.0
        self.begin_hour()

    def begin_hour(self) -> None:
        """Count from nothing."""
        self.made = self.failures = 0
        self.minutes = dict.fromkeys(State, 0)

    @property
    def is_down(self) -> bool:
        """Whether it has failed and is not repaired yet."""
        return self.repair_left > 0

    @property
    def can_run(self) -> bool:
        """Whether an operator would find something to do."""
        return not self.is_down and (self.left > 0 or (self.source.parts > 0 and not self.target.is_full))

    def step(self) -> None:
        """One minute."""
        state = self._state()
        self.minutes[state] += 1
        if state is State.WORKING:
            self._work()

    def _state(self) -> State:
        if self.is_down:
            return State.DOWN
        if self.left <= 0 and self.target.is_full:
            return State.BLOCKED
        if self.left <= 0 and not self.source.parts:
            return State.STARVED
        return State.WORKING if self.manned else State.UNMANNED

    def _work(self) -> None:
        minute = 1.0
        while minute > 0:
            if self.left <= 0:
                if self.target.is_full or not self.source.parts:
                    return
                self.source.parts -= 1
                self.left = self.kind.cycle
            worked = min(minute, self.left)
            self.left -= worked
            self.until_failure -= worked
            minute -= worked
            if self.left <= 1e-9:
                self.left = 0.0
                self.target.parts += 1
                self.made += 1
            if self.until_failure <= 0:
                self._fail()
                return

    def _fail(self) -> None:
        self.failures += 1
        self.repair_left = max(1.0, self._draw(self.kind.repair))
        self.until_failure = self._draw(self.kind.between_failures)
        self.model.broken.append(self)

    def _draw(self, mean: float) -> float:
        return self.random.expovariate(1 / mean)


class Crew(mesa.Agent):
    """Repairs one machine at a time: that which has waited longest."""

    def __init__(self, model: Factory) -> None:
        super().__init__(model)
        self.at: Machine | None = None
        self.begin_hour()

    def begin_hour(self) -> None:
        """Count from nothing."""
        self.repairs = self.busy = 0

    def step(self) -> None:
        """One minute."""
        if self.at is None and self.model.broken:
            self.at = self.model.broken.popleft()
        if self.at is None:
            return
        self.busy += 1
        self.at.repair_left = max(0.0, self.at.repair_left - 1)
        if not self.at.is_down:
            self.repairs += 1
            self.at = None


class Operator(mesa.Agent):
    """Works in one shift, with a break of half an hour, and goes where most parts wait."""

    def __init__(self, model: Factory, shift: int, break_at: int) -> None:
        super().__init__(model)
        self.shift = shift
        self.break_at = break_at  # minute of the shift

    def is_there(self, minute: int) -> bool:
        """Whether the operator is at work in a minute of the day."""
        shift, within = divmod(minute, SHIFT)
        return shift == self.shift and not self.break_at <= within < self.break_at + 30


class Factory(mesa.Model):
    """A line of machines with buffers, operators in three shifts, and crews that repair.

    Args:
        operators: how many work in the early, late and night shift.
        crews: how many repair crews there are, day and night.
        room: parts that a buffer holds.
        delivery: minutes from one delivery of blanks to the next, on average.
        blanks: how many one brings.
    """

    def __init__(
        self,
        operators: tuple[int, int, int] = (11, 10, 8),
        crews: int = 2,
        room: int = 40,
        delivery: float = 50,
        blanks: int = 60,
        seed: int | None = None,
    ) -> None:
        super().__init__(seed=seed)
        self.delivery, self.blanks = delivery, blanks
        self.next_delivery = self.random.expovariate(1 / delivery)
        self.broken: deque[Machine] = deque()
        self.buffers = [Buffer(float("inf"), blanks), *(Buffer(room) for _ in LINE[1:]), Buffer(float("inf"))]
        for kind, source, target in zip(LINE, self.buffers, self.buffers[1:], strict=False):
            for number in range(1, kind.machines + 1):
                Machine(self, kind, number, source, target)
        Crew.create_agents(self, crews)
        for shift, count in enumerate(operators):
            for number in range(count):
                Operator(self, shift, break_at=120 + 240 * number // max(count, 1))
        time = {"hour": lambda a: a.model.hour, "shift": lambda a: a.model.shift}
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "hour": "hour",
                "shift": "shift",
                "packed": "packed",
                "failures": lambda m: sum(x.failures for x in m.machines),
                "down": lambda m: sum(x.minutes[State.DOWN] for x in m.machines),
                "parts_waiting": lambda m: sum(b.parts for b in m.buffers[1:-1]),
            },
            agenttype_reporters={
                Machine: {
                    **time,
                    "machine": "name",
                    "kind": lambda a: a.kind.name,
                    "made": "made",
                    "failures": "failures",
                    "queue": lambda a: a.source.parts,
                    **{state.value: lambda a, state=state: a.minutes[state] for state in State},
                },
                Crew: {**time, "repairs": "repairs", "busy": "busy"},
            },
        )

    @property
    def machines(self) -> mesa.agent.AgentSet:
        """All machines, in the order of the line."""
        return self.agents_by_type[Machine]

    @property
    def hour(self) -> int:
        """The hour that is running, from 1."""
        return (max(self.steps, 1) - 1) // HOUR + 1

    @property
    def shift(self) -> str:
        """The shift that is running."""
        return SHIFTS[(max(self.steps, 1) - 1) // SHIFT % len(SHIFTS)]

    @property
    def packed(self) -> int:
        """Parts that left the line in this hour."""
        return sum(m.made for m in self.machines if m.target is self.buffers[-1])

    def step(self) -> None:
        """One minute: deliveries come, operators go to machines, machines work, crews repair."""
        while self.next_delivery <= self.steps:
            self.buffers[0].parts += self.blanks
            self.next_delivery += self.random.expovariate(1 / self.delivery)
        self._assign_operators()
        self.machines.shuffle_do("step")
        self.agents_by_type[Crew].do("step")
        if self.steps % HOUR == 0:
            self.datacollector.collect(self)
            for counted in (self.machines, self.agents_by_type[Crew]):
                counted.do("begin_hour")

    def _assign_operators(self) -> None:
        """An operator to each machine that can run; where they are too few, to those with most parts in front."""
        minute = (self.steps - 1) % (len(SHIFTS) * SHIFT)
        there = sum(o.is_there(minute) for o in self.agents_by_type[Operator])
        able = [m for m in self.machines if m.can_run]
        able.sort(key=lambda m: (-m.source.parts, m.unique_id))
        manned = {m.unique_id for m in able[:there]}
        for machine in self.machines:
            machine.manned = machine.unique_id in manned
