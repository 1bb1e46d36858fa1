"""What a keystroke costs: a spec of about 450 lines analysed as an editor does, and what is asked of it then.

    python benchmarks/keystrokes.py [--repeats 15]

CPU of this process, the least of several runs, each after another letter was typed. Beside it what reading the YAML of
the same text takes (`yaml.compose` with libyaml), so that figures of two machines can be compared as ratios.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from synthspec.language_service import Position, analyse, complete, hover, lasting_access, symbols, tokens


def text_of(parameters: int = 45, prompts: int = 12) -> str:
    """A spec of many parameters, exclusions, a correlation, a chain of prompts, fields and checks."""
    lines = ["synthspec: 1", "name: big", "rows: 200", "parameters:"]
    for i in range(parameters * 2 // 3):
        lines += [
            f"  p{i}:",
            "    values:",
            "      kind: 2",
            "      harsh: 1",
            "      plain: 1",
            f"    description: What p{i} means.",
        ]
    lines += [f"  n{i}: round(clip(normal({40 + i}, 9), 18, 99))" for i in range(parameters // 3)]
    lines += ["plan:", "  exclude:", *(f"    - p{i} == 'kind' and p{i + 1} == 'harsh'" for i in range(6))]
    lines += ["  correlate: [{between: [n0, n1], rank: 0.4}]", "prompts:"]
    for i in range(prompts):
        lines += [f"  q{i}:", "    system: You write.", "    user: |"]
        lines += [
            f"      Line {k}: {{{{ p{(2 * i + k) % 30} }}}}, {{{{ n{(i + k) % 15} }}}}{{% if p{k} == 'kind' %}}, be kind{{% endif %}}."
            for k in range(6)
        ]
        lines += [f"      Before: {{{{ f{i - 1} }}}}"] if i else []
        lines += [f"    writes: [f{i}, g{i}]", "    format: json"]
    lines.append("fields:")
    for i in range(prompts):
        lines += [f"  f{i}:", "    type: string", "    words: {min: 5, max: 80}", "    rejects: ['(?i)as an ai']"]
        lines += [f"  g{i}: {{enum: [one, two, three]}}", f"  l{i}: {{value: words(f{i})}}"]
    lines += ["checks:", *(f"  - l{i} > 4 and g{i} != 'two' or words(f{i}) < 70" for i in range(prompts))]
    return "\n".join([*lines, "novelty: {near_duplicates: {fields: [f0]}}", "backend: ngram"]) + "\n"


def least(repeats: int, work: Callable[[int], object]) -> float:
    """The least CPU of several runs, in milliseconds."""
    taken = []
    for number in range(repeats):
        begun = time.process_time()
        work(number)
        taken.append(time.process_time() - begun)
    return 1000 * min(taken)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    access, path, text = lasting_access(), Path("big.yaml"), text_of()
    analysis = analyse(path, text, access=access)
    assert analysis.spec is not None
    before = text.index("{{ p3 }}") + 5
    place = Position(text.count("\n", 0, before) + 1, before - text.rfind("\n", 0, before))
    broken = text.replace("{{ p3 }}, {{ n", "{{ p3 }}, {{ ", 1).replace("    user: |", "    user: '|", 1)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    base = least(repeats, lambda n: yaml.compose(text, Loader=loader))
    print(f"{len(text.splitlines())} lines; their YAML alone {base:.1f} ms")
    for name, work in (
        (
            "diagnostics after a letter",
            lambda n: analyse(path, text.replace("You write.", f"You write.{'x' * n}"), access=access),
        ),
        ("the same where YAML is broken", lambda n: analyse(path, f"{broken}# {n}\n", access=access)),
        ("and what is usable of it", lambda n: analyse(path, f"{broken}# {n}\n", access=access).document),
        ("completion", lambda n: complete(analysis, place)),
        ("hover", lambda n: hover(analysis, place)),
        ("colours of the whole text", lambda n: tokens(analysis)),
        ("outline", lambda n: symbols(analysis)),
    ):
        taken = least(repeats, work)
        print(f"{name:30} {taken:7.1f} ms  {taken / base:6.2f} of the YAML")


if __name__ == "__main__":
    main()
