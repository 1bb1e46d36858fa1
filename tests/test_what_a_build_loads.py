"""A build loads what its spec needs: a small one starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from loopback import Loopback

SPEC = """
synthspec: 1
name: one
rows: 1
parameters: {{mood: [calm, cross], topic: [bill, meter]}}
prompts: {{call: {{user: "Write a {{{{ mood }}}} call about {{{{ topic }}}}.", writes: [call]}}}}
fields: {{call: {{type: string, words: {{min: 2}}}}}}
backend: {{provider: openai, model: loop, base_url: "{url}"}}
"""
HEAVY = (
    "aiohttp anthropic cohere cryptography duckdb faker google hub huggingface_hub jsonschema lark llguidance mesa ollama "
    "openai openpyxl pandas PIL pyarrow pypdfium2 ray referencing regex requests rich scipy sentence_transformers sklearn sqlglot "
    "tokenizers torch transformers"
).split()
OURS = (
    "synthspec.evaluation.report synthspec.evaluation.metrics synthspec.profiling synthspec.sources.documents.kinds "
    "synthspec.inference.ngram synthspec.inference.engines.batch synthspec.inference.engines.ray synthspec.sources.queries "
    "synthspec.sources.simulation synthspec.languages.patterns.tree synthspec.languages.patterns.matcher"
).split()
RUN = """
import dataclasses, sys
at_once = []
def counting(cls=None, /, **options):
    if cls is None:
        return lambda cls: counting(cls, **options)
    at_once.append(f"dataclass:{cls.__module__}.{cls.__qualname__}")
    return process(cls, **options)
process, dataclasses.dataclass = dataclasses.dataclass, counting
from synthspec.cli import cli
try:
    cli(["build", sys.argv[1], "--out", sys.argv[2], "--quiet"])
finally:
    print("\\n".join([*sorted(sys.modules), *at_once]))
"""


def test_a_small_build_loads_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    environment["PYTHONPATH"] = os.pathsep.join(p or "." for p in sys.path)
    with Loopback() as server:
        path.write_text(SPEC.format(url=server.url), encoding="utf-8")
        command = [sys.executable, "-c", RUN, str(path), str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "synthspec.generation.build" in loaded
    assert not loaded & {*HEAVY, *OURS}
    at_once = sorted(name for name in loaded if name.startswith("dataclass:synthspec."))
    assert len(at_once) < 15, f"most of these are to be of synthspec.lazy_dataclass: {at_once}"
