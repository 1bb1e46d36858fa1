"""Two datasets of the same combinations side by side: a vote that does not know which is which, and their figures."""

from __future__ import annotations

import math
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.evaluation.blind.pairs import Pairing, RowPair, pair_rows
from synthspec.evaluation.blind.tally import CHOICES, tally_of
from synthspec.studio.ballots import SKIPPED, VoteBox, VoteLog
from synthspec.studio.contenders import Contenders
from synthspec.studio.context import RequestRefused, Studio, json_answer, json_of, render, studio_of
from synthspec.studio.made_pages import MadePages, page_key
from synthspec.studio.pages.report import made_page
from synthspec.studio.reviewed_rows import reviewed_rows
from synthspec.studio.runs.offer import choices, offer
from synthspec.studio.workspace import Workspace

MOST_TRIED = 50  # rows built on the spot


def page(request: Request) -> Response:
    """The page; what it shows is asked for afterwards."""
    return render(request, "compare.html")


def contenders(request: Request) -> Response:
    """The datasets and specs there are, and the backends that can be chosen."""
    studio = studio_of(request)
    specs = studio.service(Workspace).paths()
    found = [c.as_dict() for c in studio.service(Contenders).listed()]
    return json_answer({"datasets": found, "specs": specs, "backends": choices(), "most": MOST_TRIED})


def pairs(request: Request) -> Response:
    """The pairs of two datasets, each in the order of its lot, with the votes so far."""
    first, second, pairing = _pairing(request)
    log = _log(studio_of(request), first, second)
    box = log.read()
    sides = [_sides(pair, box) for pair in pairing.pairs]
    return json_answer({"same": pairing.same, "unlike": list(pairing.unlike), "pairs": sides, **_result(pairing, box)})


async def vote(request: Request) -> Response:
    """A vote on a pair: `left`, `right`, `tie`, or `none` to take it back."""
    asked = await json_of(request)
    return json_answer(await run_in_threadpool(_voted, request, asked))


def _voted(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    first, second, pairing = _pairing(request)
    log = _log(studio_of(request), first, second)
    pair = next((p for p in pairing.pairs if p.path == asked.get("path")), None)
    if pair is None or pair.digest != asked.get("digest"):
        raise RequestRefused(
            409, "this pair has changed since it was shown", "a dataset was rebuilt: load the page again"
        )
    side = asked.get("side")
    if side not in ("left", "right", "tie", "none"):
        raise RequestRefused(400, "that is not a vote", "vote left, right or tie")
    swapped = log.read().swapped(pair.path)
    choice = {"tie": "tie", "none": SKIPPED}.get(str(side)) or CHOICES[int((side == "right") != swapped)]
    log.add({"path": pair.path, "digest": pair.digest, "choice": choice})
    return _result(pairing, log.read())


async def reveal(request: Request) -> Response:
    """Say which is which. Votes after this are not blind, and are told apart."""
    await json_of(request)
    return json_answer(await run_in_threadpool(_revealed, request))


def _revealed(request: Request) -> dict[str, Any]:
    first, second, pairing = _pairing(request)
    log = _log(studio_of(request), first, second)
    log.read()
    log.add({"revealed": True})
    return _result(pairing, log.read())


def _pairing(request: Request) -> tuple[Path, Path, Pairing]:
    first, second = _two(request)
    studio = studio_of(request)
    pair = partial(pair_rows, rows_of=partial(reviewed_rows, studio))
    return first, second, studio.service(Contenders).pairing(first, second, pair)


def _two(request: Request) -> tuple[Path, Path]:
    known = studio_of(request).service(Contenders)
    first, second = (known.folder(request.query_params.get(name, "")) for name in ("a", "b"))
    if first == second:
        raise RequestRefused(400, "this is one dataset twice", "choose another beside it")
    return first, second


def _log(studio: Studio, first: Path, second: Path) -> VoteLog:
    name = sha256("\0".join(str(p.relative_to(studio.home)) for p in (first, second)).encode()).hexdigest()[:32]
    return VoteLog(studio.state_folder("votes") / f"{name}.jsonl")


def _sides(pair: RowPair, box: VoteBox) -> dict[str, Any]:
    left, right = (pair.second, pair.first) if box.swapped(pair.path) else (pair.first, pair.second)
    return {"path": pair.path, "digest": pair.digest, "shared": pair.shared, "left": left, "right": right}


def _result(pairing: Pairing, box: VoteBox) -> dict[str, Any]:
    """The votes that still hold, by side; what they come to only once it is revealed which is which."""
    digests = {p.path: p.digest for p in pairing.pairs}
    held = {path: b for path, b in box.ballots.items() if digests.get(path) == b.digest}
    sides = {path: _side(b.choice, box.swapped(path)) for path, b in held.items()}
    found: dict[str, Any] = {
        "votes": sides,
        "stale": len(box.ballots) - len(held),
        "damaged": box.damaged,
        "revealed": box.revealed,
    }
    if box.revealed:
        blind = [b.choice for b in held.values() if b.blind]
        found |= {
            "tally": tally_of(blind).as_dict(),
            "seen": len(held) - len(blind),
            "swapped": [p for p in digests if box.swapped(p)],
        }
    return found


def _side(choice: str, swapped: bool) -> str:
    return "tie" if choice == "tie" else "left" if (choice == "first") != swapped else "right"


def figures(request: Request) -> Response:
    """Whether the page that compares the figures of two datasets is made; with POST it is."""
    first, second = _two(request)
    key = page_key("compare", str(first), str(second), folders=[first, second])
    kept = studio_of(request).service(MadePages)
    done = kept.make(key, ["compare", str(first), str(second)]) if request.method == "POST" else kept.state(key)
    return json_answer({**done, "key": key})


def figures_page(request: Request) -> Response:
    """The page itself, under a policy of its own."""
    return made_page(request, "comparison.html")


def cost(request: Request) -> Response:
    """What a few rows of a spec on two backends will cost, as far as prices are known."""
    given = request.query_params
    return json_answer(_offer(request, given.get("spec", ""), [given.get("first", ""), given.get("second", "")],
                          given.get("rows", "")))  # fmt: skip


async def build(request: Request) -> Response:
    """Build a few rows of a spec on two backends, each within a budget."""
    asked = await json_of(request)
    return json_answer(await run_in_threadpool(_build, request, asked), 202)


def _build(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    backends = [str(asked.get("first", "")), str(asked.get("second", ""))]
    offered = _offer(request, str(asked.get("spec", "")), backends, str(asked.get("rows", "")))
    if offered["problem"]:
        raise RequestRefused(422, offered["problem"], offered["help"])
    studio, rows = studio_of(request), offered["rows"]
    command = ["compare", str(studio.spec(str(asked["spec"]))), "--backend", backends[0], "--backend", backends[1]]
    command += ["--rows", str(rows)]
    if not offered["free"]:
        command += ["--budget", str(_budget(asked.get("budget")))]
    key = page_key("build", *command, str(asked.get("attempt", "")), folders=[])
    done = studio.service(MadePages).make(key, command)
    return {**done, "key": key, "folders": offered["folders"]}


def built(request: Request) -> Response:
    """How the build of a few rows stands."""
    return json_answer(studio_of(request).service(MadePages).state(request.query_params.get("key", "")))


def _offer(request: Request, spec: str, backends: list[str], rows: str) -> dict[str, Any]:
    studio = studio_of(request)
    path = studio.spec(spec)
    if len(set(backends)) < 2 or not all(b and not b.startswith("-") for b in backends):
        raise RequestRefused(400, "two backends are needed", "name two that differ, as provider:model")
    if not rows.isdigit() or not 1 <= int(rows) <= MOST_TRIED:
        raise RequestRefused(400, f"{rows or 'nothing'} is not a number of rows", f"from 1 to {MOST_TRIED}")
    found = [offer(path, int(rows), b, None, studio.dataset_folder) for b in backends]
    problem, help = next(((p, h) for o in found for p, h in [_problem(o)] if p), ("", ""))
    spent = [o["estimate"] for o in found if o.get("estimate")]
    known = len(spent) == 2 and all(e["expected"].get("cost") is not None for e in spent)
    worst = [e["worst"].get("cost") for e in spent]
    bounded = known and None not in worst
    name = found[0].get("name", "")
    return {
        "problem": problem,
        "help": help,
        "rows": int(rows),
        "calls": sum(e["expected"].get("calls") or 0 for e in spent) if len(spent) == 2 else None,
        "expected": sum(e["expected"]["cost"] for e in spent) if known else None,
        "worst": sum(worst) if bounded else None,
        "free": bounded and sum(worst) == 0,
        "folders": [studio.service(Contenders).tried(name, b) for b in backends],
    }


def _problem(offered: dict[str, Any]) -> tuple[str, str]:
    if not offered["ok"]:
        errors = [d["message"] for d in offered["diagnostics"] if d["severity"] == "error"]
        return (errors[0] if errors else "the spec has errors"), "correct them in the editor"
    if offered["asks"]:
        return "this spec asks for your consent before it runs", "build it once from its own page"
    return next(
        ((f"{b['name']} cannot be used: {b['why']}", "") for b in offered["backends"] if not b["ready"]), ("", "")
    )


def _budget(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not math.isfinite(value) or not 0 < value <= 1_000:
        raise RequestRefused(400, "a budget is needed, because these backends cost money", "say it in US dollars")
    return float(value)


ROUTES = (
    Route("/compare", page),
    Route("/compare/page", figures_page),
    Route("/api/compare/contenders", contenders),
    Route("/api/compare/pairs", pairs),
    Route("/api/compare/vote", vote, methods=["POST"]),
    Route("/api/compare/reveal", reveal, methods=["POST"]),
    Route("/api/compare/figures", figures, methods=["GET", "POST"]),
    Route("/api/compare/cost", cost),
    Route("/api/compare/build", build, methods=["POST"]),
    Route("/api/compare/built", built),
)
