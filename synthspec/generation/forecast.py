"""What a build that goes on with an earlier one finds in the store, told before its first call."""

from __future__ import annotations

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Combination
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.inference.events import Forecast
from synthspec.inference.store import Store
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan

FORESEEN = 50_000  # combinations whose first calls are looked up in the store before a build begins


def forecast_calls(
    program: Program, requests: RequestWriter, store: Store, plan: Plan, first: int, known: int
) -> Forecast | None:
    """Of the first calls of every combination, how many are stored already and how many are to be made. Those of the
    combinations before the `first` are stored.

    None for a new folder, and where that cannot be told quickly or beforehand: where lists make the rows, how many
    combinations are opened depends on how long the lists are.
    """
    spec = program.spec
    if not program.exact:
        return None
    slow = len(plan) > FORESEEN or any(p.images for p in spec.prompts)  # every picture would be read twice
    if store.spent().requests == 0 or slow or spec.novelty.avoid is not None:
        return None
    requests = requests.twin()
    stored = count = known
    for index, values in enumerate(plan.combinations(first, len(plan)), first):
        try:
            firsts = requests.open(Combination(index, values, program.context(values)))
        except TemplateFault:
            continue
        count += len(firsts)
        stored += sum(store.get(requests.retried(o.key)) is not None for o in firsts.values())
    return Forecast(stored, count - stored)
