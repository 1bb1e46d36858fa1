"""Reviews are applied on a machine that can call nobody: without a key, an address or a package of the provider."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from pathlib import Path

import pytest
from depth import one_in
from fake_backend import FakeBackend
from test_reviews import SPEC, files_of, reply, run

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, finish_build
from synthspec.inference.backends import provider_of
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.inference.store.reviews import Reviews
from synthspec.spec.messages import Reply, Request

PROVIDERS = ("openai", "anthropic", "google", "cohere", "ollama")
ADDRESSES = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "CO_API_URL", "OLLAMA_HOST")


@pytest.mark.parametrize("name", one_in(3, PROVIDERS))
def test_apply_needs_no_key(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider, path, out = provider_of(name), tmp_path / "spec.yaml", tmp_path / "out"
    text = SPEC.format(rows=9, size=90, note=200).replace("provider: openai", f"provider: {name}")
    path.write_text(text)
    with monkeypatch.context() as there:
        for key in provider.keys:
            there.setenv(key, "sk-a-key-of-twenty-letters")
        _answer(name, there)
        build(path, out)
    for variable in (*provider.keys, *ADDRESSES):
        monkeypatch.delenv(variable, raising=False)
    with Reviews(out) as reviews:
        for row, verb in zip(list(kept_rows(out))[:3], ("reject", "accept", "edit"), strict=True):
            reviews.add(row.path, row.digest, "ana", verb, "so", {"note": "short"} if verb == "edit" else {})
    twin = tmp_path / "twin"
    shutil.copytree(out, twin)
    done = run("review", out, "--apply", "--spec", path)
    assert done.exit_code == 0, done.output
    assert "1 accepted, 1 edited, 1 rejected" in done.output
    with monkeypatch.context() as there:
        for key in provider.keys:
            there.setenv(key, "sk-a-key-of-twenty-letters")
        build(path, twin)
    assert files_of(out) == files_of(twin)
    for key in provider.keys:  # what no key has is not looked at either
        monkeypatch.setenv(key, "a\u2009key")
    assert run("review", out, "--apply", "--spec", path).exit_code == 0


def build(path: Path, out: Path) -> None:
    compiled = compile_spec(path)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    asyncio.run(finish_build(Build(compiled.spec, compiled.tables, out, overrides={})))


def _answer(name: str, there: pytest.MonkeyPatch) -> None:
    """Let a provider's own backend, opened as ever, answer without a network."""
    fake = FakeBackend(reply)
    module = importlib.import_module(f"synthspec.inference.backends.{name}")
    kind = next(v for k, v in vars(module).items() if k.endswith("Backend") and k.lower().startswith(name))

    async def complete(self: object, request: Request) -> Reply:
        return await fake.complete(request)

    there.setattr(kind, "complete", complete)
