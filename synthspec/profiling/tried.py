"""A proposal tried out by the compiler: correlations that cannot hold in the spec are taken back, and said."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from synthspec.diagnostics import Diagnostic
from synthspec.profiling.files import files_of
from synthspec.profiling.profile import Profile
from synthspec.profiling.proposal import Proposal
from synthspec.profiling.propose import propose
from synthspec.profiling.relations.relation import Correlated

Diagnose = Callable[[Path], tuple[Diagnostic, ...]]
IMPOSSIBLE = "E527"


def propose_and_try(profile: Profile, name: str, compiled: Diagnose) -> Proposal:
    """The proposal of a profile without correlations that `compiled`, the compiler, finds impossible."""
    for _ in range(len(profile.relations.correlated) + 1):
        proposal = propose(profile, name)
        if not profile.relations.correlated:
            return proposal
        with tempfile.TemporaryDirectory() as folder:
            for path, data in files_of(proposal).items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            fault = next((f for f in compiled(Path(folder) / f"{name}.yaml") if f.code == IMPOSSIBLE), None)
        if fault is None:
            return proposal
        profile = _without(profile, fault)
    return propose(profile, name)


def _without(profile: Profile, fault: Diagnostic) -> Profile:
    """The profile without the correlation that a fault names, or else the weakest."""
    correlated = profile.relations.correlated
    worst = [c for c in correlated if {c.first, c.second} == set(fault.about)] or [min(correlated, key=_strength)]
    left = tuple(c for c in correlated if c is not worst[0])
    relations = replace(profile.relations, correlated=left, weaker=profile.relations.weaker + 1)
    return replace(profile, relations=relations)


def _strength(found: Correlated) -> float:
    return abs(found.rank)
