"""Where prompts run: servers that move, limits of a server that several prompts share, `--backend`, names of models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from loopback import Loopback
from test_build import calls_spec

import synthspec
from synthspec.cli import cli
from synthspec.inference.sending.endpoints import KeptFingerprints
from synthspec.inference.store import Store


def _keys(folder: Path) -> set[str]:
    with Store.open_readonly(folder) as store:
        return {call.key for call in store.iterate_calls()}


def _begun_by_0_1(folder: Path) -> Path:
    """A folder with a store that version 0.1 wrote, for another spec."""
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "data" / "store" / "run-0.1.sqlite", folder / "run.sqlite")
    return folder


# The address is no part of a completion's key


def test_a_server_that_moves_is_not_asked_again(tmp_path: Path) -> None:
    with Loopback() as first, Loopback() as second:
        synthspec.build(calls_spec(tmp_path, first.url), out=tmp_path / "out")
        before = (tmp_path / "out" / "calls.csv").read_bytes()
        synthspec.build(calls_spec(tmp_path, second.url), out=tmp_path / "out")
        assert (first.total, second.total) == (30, 0)
    assert (tmp_path / "out" / "calls.csv").read_bytes() == before


def test_the_same_spec_gives_the_same_keys_on_any_port(tmp_path: Path) -> None:
    found = []
    for n in range(3):
        with Loopback() as server:
            synthspec.build(calls_spec(tmp_path, server.url), out=tmp_path / f"out-{n}")
        found.append(_keys(tmp_path / f"out-{n}"))
    assert found[0] == found[1] == found[2]


def test_completions_of_version_0_1_are_found_wherever_their_server_is_now(tmp_path: Path) -> None:
    """0.1 put the address into the key: a folder it began keeps its keys, and follows the server from there."""
    out = _begun_by_0_1(tmp_path / "out")
    with Loopback() as first, Loopback() as second:
        path = calls_spec(tmp_path, first.url)
        path.write_text(path.read_text().replace("model: loop,", "model: loop, extra_body: {user: hidden-token-0123},"))
        synthspec.build(path, out=out, backend="ngram", rows=1)  # another backend comes before
        synthspec.build(path, out=out)  # with the keys of 0.1
        made, keys = first.total, _keys(out)
        path.write_text(path.read_text().replace(first.url, second.url))
        synthspec.build(path, out=out)
        assert (first.total, second.total) == (made, 0)
        assert keys == _keys(out)
        assert b"hidden-token-0123" not in (out / "run.sqlite").read_bytes()
        synthspec.build(path, out=tmp_path / "fresh")
        assert not keys & _keys(tmp_path / "fresh")
        again = _begun_by_0_1(tmp_path / "again")
        path.write_text(path.read_text().replace(second.url, first.url))
        synthspec.build(path, out=again)
        assert keys >= _keys(again), "the address of the first server is in them"


def test_a_store_that_version_0_1_wrote_is_known_as_such(tmp_path: Path) -> None:
    for folder, addresses in ((_begun_by_0_1(tmp_path / "old"), True), (tmp_path / "new", False)):
        with Store.open(folder) as store:
            KeptFingerprints(store).note()
            assert json.loads(store.get_meta("fingerprints") or "") == {"addresses": addresses}


def test_the_keys_of_a_providers_own_address_are_those_of_version_0_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.plugins import find_plugin
    from synthspec.spec import BackendChoice
    from synthspec.testing.backend_contract import NOWHERE, a_context

    for name in ("OPENAI_BASE_URL", "OLLAMA_HOST", "ANTHROPIC_BASE_URL", "CO_API_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    written = {
        "openai": ("OPENAI_API_KEY", 'openai:api.openai.com/v1 {"constrain": false}'),
        "ollama": ("OLLAMA_API_KEY", 'ollama:127.0.0.1:11434 {"constrain": false}'),
        "anthropic": ("ANTHROPIC_API_KEY", 'anthropic:api.anthropic.com {"constrain": false}'),
        "cohere": ("COHERE_API_KEY", 'cohere:api.cohere.com {"constrain": false}'),
        "google": ("GEMINI_API_KEY", 'google:generativelanguage.googleapis.com {"constrain": false}'),
    }
    for provider, (key, fingerprint) in written.items():
        monkeypatch.setenv(key, "a-key-of-the-test")
        choice = BackendChoice(provider, "tiny", {"constrain": False}, {}, None, NOWHERE)
        backend = find_plugin("backends", provider).open_backend(choice, a_context())
        assert backend.fingerprint == backend.earlier_fingerprint == fingerprint


# Limits count for each server


TWO = """
    synthspec: 1
    name: two
    rows: 24
    parameters: {{mood: [calm, cross, glad]}}
    prompts:
      call:  {{user: "Write a {{{{ mood }}}} call.", writes: [call], backend: {{provider: openai, model: a, base_url: "{one}"}}}}
      note:  {{user: "Write a {{{{ mood }}}} note.", writes: [note], backend: {{provider: openai, model: b, base_url: "{two}"}}}}
      title: {{user: "Write a title: {{{{ call }}}}", writes: [title]}}
    fields: {{call: {{type: string}}, note: {{type: string}}, title: {{type: string}}}}
    backend: {{provider: openai, model: c, base_url: "{one}", temperature: 0.5}}
    limits: {{concurrency: 3}}
"""


def _two(folder: Path, one: str, two: str) -> Path:
    path = folder / "two.yaml"
    path.write_text(dedent(TWO.format(one=one, two=two)), encoding="utf-8")
    return path


def test_prompts_on_one_server_share_its_concurrency(tmp_path: Path) -> None:
    with Loopback(latency=0.01) as server:
        another_way = server.url.replace("127.0.0.1", "localhost")
        dataset = synthspec.build(_two(tmp_path, server.url, another_way), out=tmp_path / "out")
        assert dataset.complete
        assert server.most_in_flight == 3
        assert {b["model"] for b in server.bodies} == {"a", "b", "c"}


def test_each_server_has_a_concurrency_of_its_own(tmp_path: Path) -> None:
    with Loopback(latency=0.01) as one, Loopback(latency=0.01) as two:
        dataset = synthspec.build(_two(tmp_path, one.url, two.url), out=tmp_path / "out")
        assert dataset.complete
        assert one.most_in_flight == two.most_in_flight == 3


# `--backend` means every prompt


def test_a_backend_of_the_command_line_is_every_prompts(tmp_path: Path) -> None:
    with Loopback() as server, Loopback() as other:
        path = _two(tmp_path, server.url, server.url)
        synthspec.preview(path, 3, out=tmp_path / "preview", backend="ngram")
        synthspec.build(path, out=tmp_path / "build", backend="ngram")
        assert server.total == 0
        synthspec.build(path, out=tmp_path / "set", set={"backend": "ngram"})
        assert server.total == 0
        own = {"prompts.note.backend": f"{{provider: openai, model: d, base_url: {other.url}}}"}
        synthspec.build(path, out=tmp_path / "own", backend="ngram", set=own)
        assert server.total == 0
        assert {b["model"] for b in other.bodies} == {"d"}


@pytest.mark.parametrize("command", ["preview", "build", "plan", "compare", "check"])
def test_every_command_takes_it_so(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    more = {"compare": ["--rows", "6", "--vary", "mood"], "check": []}.get(command, ["--rows", "6"])
    with Loopback() as server:
        path = _two(tmp_path, server.url, server.url).rename("two.yaml")
        path.write_text(path.read_text().replace("fields: {", "fields: {mood: {value: mood}, "))
        done = CliRunner().invoke(cli, [command, "two.yaml", *more, "--backend", "ngram"])
        assert done.exit_code == 0, done.output
        assert server.total == 0


def test_a_fault_in_a_backend_that_is_not_used_is_none(tmp_path: Path) -> None:
    path = _two(tmp_path, "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1")
    path.write_text(path.read_text().replace("model: a,", "magic: a,"))
    assert [d.code for d in synthspec.check(path) if d.severity == "error"]
    assert not [d for d in synthspec.check(path, backend="ngram") if d.severity == "error"]


# Names of models


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gpt-5-mini", "openai:gpt-5-mini"),
        ("o4-mini", "openai:o4-mini"),
        ("claude-sonnet-5", "anthropic:claude-sonnet-5"),
        ("gemini-2.5-flash", "google:gemini-2.5-flash"),
        ("command-r-08-2024", "cohere:command-r-08-2024"),
        ("llama3.2", "ollama:llama3.2"),
        ("claude:claude-sonnet-5", "anthropic:claude-sonnet-5"),
    ],
)
def test_a_model_without_its_provider_is_understood_and_the_remedy_works(
    written: str, meant: str, tmp_path: Path
) -> None:
    path = calls_spec(tmp_path, "http://127.0.0.1:1/v1")
    faults = [d for d in synthspec.check(path, backend=written) if d.severity == "error"]
    assert [d.code for d in faults] == ["E601"]
    assert faults[0].help == f"write `{meant}`"
    assert not [d for d in synthspec.check(path, backend=meant) if d.severity == "error"]


def test_an_unknown_name_is_not_guessed() -> None:
    from synthspec.inference.accounting.prices import provider_of

    assert [provider_of(n) for n in ("bert", "opnai", "", "my-gpt-5", "ngram", "oops")] == [None] * 6
