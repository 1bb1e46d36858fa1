"""The figures of a build for Prometheus: calls by backend, prompt and outcome, counted here; all else is the tally's.

A cost or a count of tokens that is not known is no sample at all, and how many there are has a metric of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from threading import Lock
from time import time

from synthspec import __version__
from synthspec.generation.build import Build
from synthspec.generation.monitoring.endpoint_names import is_priced, names_of_endpoints
from synthspec.generation.monitoring.exposition import ExposedMetric, Histogram
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.events import CallBegun, CallDone, CallFailed, CallUnsent, Event, Started
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Completion, Request

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds
BackendAndPrompt = tuple[str, str]  # backend, prompt


@dataclass(slots=True)
class _Calls:
    """The calls of one prompt to one backend that were made in this run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=lambda: Histogram(BOUNDS))
    retries: int = 0
    in_flight: int = 0
    unmeasured: int = 0
    priced: int = 0
    unpriced: int = 0
    cost: float = 0.0

    def completed(self, completion: Completion) -> None:
        usage = completion.reply.usage
        self.outcomes["completed"] += 1
        for kind, count in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
            if count is not None:
                self.tokens[kind] += count
        self.unmeasured += not usage.known
        self.priced += completion.cost is not None
        self.unpriced += completion.cost is None
        self.cost += completion.cost or 0.0
        self.latency.observe(completion.latency)


class PrometheusMetrics:
    """The metrics of one build so far. They may be read in another thread than events are taken in."""

    def __init__(self, build: Build) -> None:
        self._build, self._began, self._ended = build, time(), 0.0
        self._status: int | None = None
        self._names, self._priced = names_of_endpoints(build.spec), is_priced(build.spec)
        self._calls: dict[BackendAndPrompt, _Calls] = {}
        self._budget: Budget | None = None
        self._lock = Lock()

    def take(self, event: Event) -> None:
        """One event of the build."""
        with self._lock:
            match event:
                case Started():
                    self._budget = event.budget
                case CallBegun(request):
                    self._of(request).in_flight += 1
                case CallDone(request, _, completion) if not completion.reused:
                    calls = self._of(request)
                    calls.in_flight -= 1
                    calls.completed(completion)
                case CallUnsent(request):
                    self._of(request).in_flight -= 1
                case CallFailed(request, _, kind, again):
                    calls = self._of(request)
                    calls.in_flight -= 1
                    calls.outcomes[kind] += 1
                    calls.retries += again

    def end(self, status: int) -> None:
        """The build came to its end."""
        with self._lock:
            self._status, self._ended = status, time()
            for calls in self._calls.values():
                calls.in_flight = 0

    def families(self) -> list[ExposedMetric]:
        """Every metric, as it is now."""
        with self._lock:
            return [*self._of_build(), *self._of_calls(), *self._of_rows()]

    def _of(self, request: Request) -> _Calls:
        place = self._names.get(request.endpoint or request.prompt, ""), request.prompt
        return self._calls.setdefault(place, _Calls())

    def _own(self, **labels: str) -> dict[str, str]:
        return {"dataset": self._build.spec.name, **labels}

    def _gauge(self, name: str, help: str, value: float | None) -> ExposedMetric:
        return ExposedMetric(f"synthspec_{name}", "gauge", help, [] if value is None else [(self._own(), value)])

    def _of_build(self) -> Iterator[ExposedMetric]:
        limit, budget = self._build.spec.limits.budget, self._budget
        known = self._priced and not self._build.tally.seen.unpriced and budget is not None
        about = [(self._own(version=__version__), 1.0)]
        yield ExposedMetric(
            "synthspec_build_info", "gauge", "The build that is watched, and the version that runs it.", about
        )
        yield self._gauge("build_running", "Whether the build is running: 1 or 0.", float(self._status is None))
        yield self._gauge("build_start_time_seconds", "When the build began, in Unix time.", self._began)
        ended = self._ended if self._status is not None else None
        yield self._gauge("build_end_time_seconds", "When the build ended; absent while it runs.", ended)
        yield self._gauge("build_exit_status", "The exit status of the build; absent while it runs.", self._status)
        yield self._gauge("budget_dollars", "The budget, in US dollars; absent where none is set.", limit)
        spent = budget.cost if budget is not None and known else None
        help = "US dollars that all runs of the folder spent; absent where that is not known."
        yield self._gauge("folder_spend_dollars", help, spent)

    def _of_calls(self) -> Iterator[ExposedMetric]:
        at = {self._place(place): calls for place, calls in self._calls.items()}
        counted: list[tuple[str, str, list[tuple[Mapping[str, str], float]]]] = [
            ("calls_total", "Calls made in this run that ended, by outcome: completed, or why they failed.",
             [({**dict(p), "outcome": o}, n) for p, c in at.items() for o, n in c.outcomes.items()]),
            ("call_retries_total", "Calls that were made again after they failed.",
             [(dict(p), c.retries) for p, c in at.items()]),
            ("tokens_total", "Tokens of calls made in this run, where the provider reported them.",
             [({**dict(p), "kind": k}, n) for p, c in at.items() for k, n in c.tokens.items()]),
            ("calls_of_unknown_tokens_total", "Calls made in this run whose tokens are not known.",
             [(dict(p), c.unmeasured) for p, c in at.items()]),
            ("spend_dollars_total", "US dollars of calls made in this run whose cost is known; absent where none is.",
             [(dict(p), c.cost) for p, c in at.items() if c.priced]),
            ("calls_of_unknown_cost_total", "Calls made in this run whose cost is not known.",
             [(dict(p), c.unpriced) for p, c in at.items()]),
            ("cached_calls_total", "Completions taken from the store instead of a call.",
             [(self._own(), self._build.tally.reused)]),
        ]  # fmt: skip
        for name, help, samples in counted:
            yield ExposedMetric(f"synthspec_{name}", "counter", help, samples)
        servers = self._build.tally.servers
        answers = [(self._own(server=name, outcome="answered"), float(s.answered)) for name, s in servers.items()]
        answers += [(self._own(server=name, outcome="failed"), float(s.failed)) for name, s in servers.items()]
        help = "Calls of this run to each server, where a backend has several: answered or failed."
        yield ExposedMetric("synthspec_server_calls_total", "counter", help, answers)
        flying = [(dict(p), float(c.in_flight)) for p, c in at.items()]
        yield ExposedMetric("synthspec_calls_in_flight", "gauge", "Calls sent and not yet answered.", flying)
        waits = [(dict(p), c.latency) for p, c in at.items() if c.outcomes["completed"]]
        help = "How long calls took that gave a completion, in seconds."
        yield ExposedMetric("synthspec_call_latency_seconds", "histogram", help, waits)

    def _place(self, place: BackendAndPrompt) -> tuple[tuple[str, str], ...]:
        return tuple(self._own(backend=place[0], prompt=place[1]).items())

    def _of_rows(self) -> Iterator[ExposedMetric]:
        tally = self._build.tally
        planned = None if self._build.spec.open_ended and self._status is None else tally.planned
        yield self._gauge("rows_planned", "Rows that the dataset is to have; absent where that is not known.", planned)
        kept = [(self._own(), float(tally.kept))]
        yield ExposedMetric("synthspec_rows_kept_total", "counter", "Rows of the dataset that are final.", kept)
        missing = dict(tally.missing)  # copied at once: the build counts on in another thread
        stages = [(self._own(stage=f"not {stage.value}"), float(n)) for stage, n in missing.items()]
        help = "Rows that cannot be had, by the stage that they did not pass."
        yield ExposedMetric("synthspec_rows_missing_total", "counter", help, stages)
        help = "Rows that the spec does not want, by rule; others are made in their place."
        yield ExposedMetric("synthspec_rows_dropped_total", "counter", help, self._by_rule(dict(tally.dropped)))
        help = "Replies and rows that were not kept as they came, by rule."
        yield ExposedMetric("synthspec_rejections_total", "counter", help, self._by_rule(dict(tally.rejections)))

    def _by_rule(self, counts: Mapping[str, int]) -> list[tuple[Mapping[str, str], float]]:
        return [(self._own(rule=rule), float(count)) for rule, count in counts.items()]
