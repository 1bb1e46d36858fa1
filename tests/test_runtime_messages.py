"""What commands say of what goes wrong while they run: what it is, where, and what to do, in a sentence each.

Read one by one as a user sees them; the texts are held here. No traceback, no name of an exception, no number of an error.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner
from loopback import Loopback
from threaded_server import ThreadedServer

from synthspec.cli import cli
from synthspec.inference.sending import governor
from synthspec.inference.transport.connections import ConnectFault
from synthspec.inference.transport.errors import Service, fault_of_exception, fault_of_status
from synthspec.inference.transport.http_replies import HttpFault
from synthspec.inference.transport.local_model import _why
from synthspec.spec.messages import FaultKind

PROGRAMMERS = re.compile(r"Traceback|Errno|\w+(?:Error|Exception)\b|_ssl\.c|\bNone\b|object at 0x")
HOSTED = Service("OpenAI", "https://api.openai.com/v1", "gpt-x", ("OPENAI_API_KEY",))
OWN = Service("the server", "http://127.0.0.1:8000/v1", "m", (), "start it, or correct `base_url`")

STATUSES = [
    (401, '{"error": {"message": "Incorrect API key"}}',
     "did not accept the call (401): check the key in OPENAI_API_KEY; it says: Incorrect API key"),
    (403, '{"error": {"message": "Country not supported"}}',
     "did not accept the call (403): check what the key in OPENAI_API_KEY may be used for, and from where; it says: Country"),
    (407, "", "a proxy asks for a user and a password: write them before its host in HTTPS_PROXY"),
    (404, '{"error": {"message": "model gpt-x not found"}}', "has no model 'gpt-x'; `synthspec backends` lists those it has"),
    (404, "404 page not found", "does not know this path (404); check `base_url` (404 page not found)"),
    (405, "Method Not Allowed", "does not know this path (405); check `base_url`"),
    (429, '{"error": {"message": "You exceeded your current quota."}}',
     "quota exhausted: You exceeded your current quota; add credit there or wait until it is renewed, or name another model"),
    (400, '{"error": {"message": "maximum context length is 8192 tokens"}}',
     "too long: maximum context length is 8192 tokens; shorten the prompt and what is put into it, or choose a model that"),
    (400, '{"error": {"code": "content_filter", "message": "filtered"}}', "answered 400, refused: filtered"),
    (400, '{"error": {"message": "Invalid schema for response_format."}}',
     "Invalid schema for response_format; `constrain: false` in the backend leaves the schema out"),
    (307, "", "has moved (307); put the new address in `base_url`"),
    (503, "", "answered 503, overloaded"),
    (499, '{"error": {"code": 499, "status": "CANCELLED", "message": "The operation was cancelled."}}',
     "answered 499, overloaded: The operation was cancelled."),
]  # fmt: skip


def anthropic(kind: str, message: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


def google(code: int, status: str, message: str, **details: object) -> str:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": [details]}})


QUOTA = (
    "You exceeded your current quota, please check your plan. * Quota exceeded for metric: free_tier_requests, limit: "
)
SPECIFIED = "You have reached your specified API usage limits. You will regain access on 2026-04-01 at 00:00 UTC."
CREDIT = "; add credit there or wait until it is renewed, or name another model with --backend"
WAY_ROUND = "; `constrain: false` in the backend leaves the schema out"
# What Anthropic and Google say of one thing each, what kind of fault it is, and how the message ends.
PROVIDERS = [
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "Output blocked by content filtering policy"),
     FaultKind.REFUSED, "answered 400, refused: Output blocked by content filtering policy"),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000"),
     FaultKind.TOO_LONG, "199000 + 4096 > 200000; shorten the prompt and what is put into it, or choose a model that takes more"),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens"),
     FaultKind.BAD_REQUEST, "bad request: max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens"),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", SPECIFIED), FaultKind.QUOTA, SPECIFIED.rstrip(".") + CREDIT),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", SPECIFIED.replace("API", "workspace API")), FaultKind.QUOTA, CREDIT),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "messages: text content blocks must be non-empty"), FaultKind.REFUSED,
     "answered 400, refused: messages: text content blocks must be non-empty"),
    ("ANTHROPIC", 402, anthropic("billing_error", "There is an issue with your billing."), FaultKind.QUOTA, CREDIT),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "Schema is too complex for compilation."), FaultKind.BAD_REQUEST, WAY_ROUND),
    ("ANTHROPIC", 400, anthropic("invalid_request_error", "'claude-3-haiku' does not support output format."),
     FaultKind.BAD_REQUEST, WAY_ROUND),
    ("ANTHROPIC", 413, "<html><title>413 Payload Too Large</title></html>", FaultKind.TOO_LONG, "answered 413, too long; shorten"
     " the prompt and what is put into it, or choose a model that takes more"),
    ("ANTHROPIC", 529, anthropic("overloaded_error", "Overloaded"), FaultKind.OVERLOADED, "answered 529, overloaded: Overloaded"),
    ("GEMINI", 400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), FaultKind.UNAUTHORISED,
     "did not accept the call (400): check what the key in GEMINI_API_KEY may be used for, and from where; it says: User location"
     " is not supported for the API use."),
    ("GEMINI", 400, google(400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country."),
     FaultKind.UNAUTHORISED, "and from where; it says: Gemini API free tier is not available in your country."),
    ("GEMINI", 400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", reason="API_KEY_INVALID"),
     FaultKind.UNAUTHORISED, "check the key in GEMINI_API_KEY; it says: API key expired. Please renew the API key."),
    ("GEMINI", 400, google(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), FaultKind.TOO_LONG,
     "20971520 bytes; shorten the prompt and what is put into it, or choose a model that takes more"),
    ("GEMINI", 400, google(400, "INVALID_ARGUMENT", "* GenerateContentRequest.model: unexpected model name format"),
     FaultKind.BAD_REQUEST, "`synthspec backends` lists those it has (* GenerateContentRequest.model: unexpected model name format)"),
    ("GEMINI", 400, google(400, "INVALID_ARGUMENT", "The specified schema produces a constraint that has too many states."),
     FaultKind.BAD_REQUEST, WAY_ROUND),
    ("GEMINI", 400, google(400, "INVALID_ARGUMENT", "A schema in GenerationConfig in the request exceeds the maximum nesting depth."),
     FaultKind.BAD_REQUEST, WAY_ROUND),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), FaultKind.RATE_LIMITED,
     "answered 429, rate limited: Resource has been exhausted (e.g. check quota)."),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", QUOTA + "10, model: x", quotaId="RequestsPerMinute"), FaultKind.RATE_LIMITED, "x"),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", QUOTA + "10, model: x", quotaId="RequestsPerDay"), FaultKind.QUOTA, CREDIT),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", QUOTA + "0, model: x", quotaId="RequestsPerMinute"), FaultKind.QUOTA, CREDIT),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio."),
     FaultKind.QUOTA, CREDIT),
    ("GEMINI", 429, google(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."), FaultKind.QUOTA, CREDIT),
]  # fmt: skip


@pytest.mark.parametrize(
    "key, status, body, kind, said", PROVIDERS, ids=[f"{k.lower()}-{i}" for i, (k, *_) in enumerate(PROVIDERS)]
)
def test_what_anthropic_and_google_answer(key: str, status: int, body: str, kind: FaultKind, said: str) -> None:
    """What no later call can mend ends the run; what one row is to blame for costs that row; the rest is tried again."""
    service = Service("the provider", "https://api.example", "m", (f"{key}_API_KEY",))
    fault = fault_of_status(service, status, body, {})
    assert (fault.kind, fault.sent) == (kind, "no")
    assert fault.message.endswith(said) and not PROGRAMMERS.search(fault.message)


@pytest.mark.parametrize("status, body, said", STATUSES, ids=[f"{s}-{i}" for i, (s, _, _) in enumerate(STATUSES)])
def test_what_a_provider_answers(status: int, body: str, said: str) -> None:
    message = fault_of_status(HOSTED, status, body, {}).message
    assert said in message and message.startswith("OpenAI (https://api.openai.com/v1) ")
    assert not PROGRAMMERS.search(message)


def certificate(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message} (_ssl.c:1006)")
    error.verify_code, error.verify_message = code, message
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
    error.reason = reason
    return error


REFUSED = OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 8000)")
CONNECTIONS = [
    (REFUSED, "no server answers at http://127.0.0.1:8000/v1; start it, or correct `base_url` (connection refused)"),
    (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 8000, 0, 0), [Errno 111] …"),
     "start it, or correct `base_url` (connection refused)"),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "there is no host '127.0.0.1': correct `base_url`"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "cannot be looked up: check the network"),
    (certificate(18, "self-signed certificate"),
     "is not accepted: self-signed certificate; set SSL_CERT_FILE to a file with the certificate of its issuer"),
    (certificate(64, "IP address mismatch, certificate is not valid for '127.0.0.1'."),
     "not valid for '127.0.0.1'; write the name that its certificate has in `base_url`"),
    (certificate(10, "certificate has expired"), "certificate has expired; its owner has to renew it"),
    (tls("WRONG_VERSION_NUMBER"), "does not speak https: write http:// in `base_url`"),
    (tls("TLSV1_ALERT_INTERNAL_ERROR"), "no secure connection to http://127.0.0.1:8000/v1 can be made (tlsv1 alert"),
]  # fmt: skip


@pytest.mark.parametrize("cause, said", CONNECTIONS, ids=[str(i) for i, _ in enumerate(CONNECTIONS)])
def test_why_there_is_no_connection(cause: Exception, said: str) -> None:
    error = ConnectFault(str(cause))
    error.__cause__ = cause
    fault = fault_of_exception(OWN, error)
    assert said in fault.message and fault.sent == "no"
    assert not PROGRAMMERS.search(fault.message)


def test_why_a_connection_was_lost() -> None:
    reset = fault_of_exception(OWN, OSError(errno.ECONNRESET, "Connection reset by peer"))
    assert reset.message == "the connection to http://127.0.0.1:8000/v1 was lost (connection reset by peer)"
    other = fault_of_exception(OWN, HttpFault("a reply that is not HTTP/1.1: check `base_url`"))
    assert other.message.endswith("was lost (a reply that is not HTTP/1.1: check `base_url`)")


def test_why_a_local_model_cannot_be_loaded() -> None:
    away = _why("no/such", OSError("We couldn't connect to 'https://huggingface.co' to load the files"))
    assert away == "it is not on this machine and the hub is out of reach; fetch it first: `hf download no/such`"
    assert "no model of the hub has this name" in _why(
        "x", OSError("x is not a local folder and is not a valid model identifier")
    )


SPEC = """\
synthspec: 1
name: menus
rows: 2
backend: ngram
parameters: {n: [1, 2]}
prompts: {p: {user: "A menu with {{ n }}.", writes: [t]}}
fields: {n: {value: n}, t: {type: string, words: {min: 2}}}
"""
TABLE = "text,label\n" + "".join(f"hello you {i},x\n" for i in range(4))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(governor, "_FIRST_DELAY", 0.001)
    Path("s.yaml").write_text(SPEC)
    Path("one.csv").write_text(TABLE)
    Path("two.csv").write_text(TABLE)
    Path("folder").mkdir()


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and output, on one line."""
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert not PROGRAMMERS.search(done.output), done.output
    return done.exit_code, " ".join(done.output.split())


COMMANDS = [
    ("build", 2, "Missing argument 'SPECS...'"),
    ("check s.yaml --rows x", 2, "'--rows': 'x' is not a whole number of at least 1"),
    ("preview s.yaml -n 0", 2, "'-n': 0 is not a whole number from 1 to 100"),
    ("build s.yaml --budget $5", 2, "'--budget': '$5' is not a number above 0"),
    ("build s.yaml --out one.csv", 2, "'--out': 'one.csv' is a file: name a folder"),
    ("plan s.yaml --out folder", 2, "'--out': 'folder' is a folder: name a file in it"),
    ("build s.yaml --out=", 2, "'--out': it is empty: is a variable of the shell not set?"),
    ("check s.yaml --set rows=", 1, "`rows` is given no value"),
    ("check s.yaml --backend=", 1, "`backend` is given no value"),
    ("check s.yaml --backend openai:", 1, "the backend 'openai' needs a model"),
    ("build s.yaml --metrics localhost:x", 2, "metrics: 'localhost:x' names no port = help: write a port such as 9464"),
    ("build s.yaml --metrics=-5", 2, "metrics: '-5' names no port"),
    ("plan s.yaml --out x", 1, "'x' does not say what kind of file it is; known here: csv, json, jsonl, parquet"),
    ("report nowhere", 1, "there is no file or folder 'nowhere'"),
    ("report one.csv --out one.csv", 2, "'one.csv' contains data, which would be overwritten"),
    ("report one.csv --out two.csv", 2, "'two.csv' contains data, which would be overwritten"),
    ("report one.csv --out s.yaml --format html", 2, "'s.yaml' contains data, which would be overwritten"),
    ("compare one.csv two.csv --out two.csv", 2, "'two.csv' contains data, which would be overwritten"),
    ("compare s.yaml --vary colour", 1, "the rows of menus have no column 'colour' = help: known here: n, t"),
    ("review built --accept 0 --reject 0 --because dull", 2, "row 0: --accept and --reject contradict each other"),
    ("review built --reject 0", 1, "say why it is rejected = help: nothing was noted; give the reason with --because"),
    ("review built --edit 0", 1, "nothing was noted; give new values with --with FIELD=VALUE"),
    ("review built --export one.csv", 2, "'one.csv' is not a table of reviews, and would be overwritten"),
    ("build s.yaml --backend openai:m", 3, "OpenAI needs a key: set OPENAI_API_KEY in the environment"),
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    (folder / "s.yaml").write_text(SPEC)
    assert CliRunner().invoke(cli, ["build", str(folder / "s.yaml"), "--out", str(folder / "b"), "-q"]).exit_code == 0
    return folder / "b"


@pytest.mark.parametrize("command, status, said", COMMANDS, ids=[c for c, _, _ in COMMANDS])
def test_what_a_command_says(command: str, status: int, said: str, built: Path) -> None:
    found, output = run(*[str(built) if word == "built" else word for word in command.split()])
    assert (found, said in output) == (status, True), output
    assert Path("one.csv").read_text() == Path("two.csv").read_text() == TABLE, "nothing is overwritten"
    assert Path("s.yaml").read_text() == SPEC and not [*Path().glob("build/*/*.csv")], "nothing is begun"


def test_an_address_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    status, output = run("build", "s.yaml", "--backend", "openai:m")
    assert status == 3 and "OPENAI_BASE_URL must be http://… or https://… with a host" in output


class Proxy(ThreadedServer):
    """Lets nothing through."""

    def application(self) -> web.Application:
        async def refuse(request: web.Request) -> web.Response:
            return web.Response(status=407)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", refuse)
        return app


def at(url: str, **limits: float) -> None:
    backend = f'{{provider: openai, model: m, base_url: "{url}"}}'
    Path("s.yaml").write_text(SPEC.replace("backend: ngram", f"backend: {backend}") + f"limits: {limits}\n")


def test_a_proxy_that_lets_nothing_through_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    at("http://192.168.0.9/v1")
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://me:secret@"))
        status, output = run("build", "s.yaml")
    wanted = f"the proxy {proxy.url} asks for a user and a password: write them before the host in http_proxy"
    assert status == 3 and wanted in output and "secret" not in output
    status, output = run("build", "s.yaml")
    wanted = f"the proxy {proxy.url} does not answer (connection refused): correct http_proxy, or unset it"
    assert status == 3 and wanted in output and "secret" not in output
    monkeypatch.setenv("http_proxy", "zzz")
    status, output = run("build", "s.yaml")
    assert status == 3 and "the proxy 'zzz' is not a URL: write http_proxy as http://HOST:PORT" in output


def test_rows_that_got_no_reply_say_what_the_last_call_came_to() -> None:
    def reply(body: object, nth: int) -> str:
        return "Soup, bread and an apple."

    with Loopback(reply, faults={"503": 0.6}, seed=3) as server:
        at(server.url, concurrency=1)
        status, output = run("build", "s.yaml")
        assert status == 0 and "failed calls" not in output
        server.faults = {"503": 1.0}
        status, output = run("build", "s.yaml", "--set", "prompts.p.user=Another menu with {{ n }}.")
    last = f"the server ({server.url}) answered 503, overloaded: made to fail: 503"
    assert status == 3 and last in output
    assert "calls: 2 made" not in output and "without a reply" in output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    device = Path("pipe")
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status, _ = run("build", "s.yaml", "--summary", "pipe")
        assert status == 0 and device.is_fifo()
        assert b'"outcome": "complete"' in os.read(reader, 1 << 16)
    finally:
        os.close(reader)


def test_a_report_says_where_files_are_not_what_the_build_wrote() -> None:
    assert run("build", "s.yaml", "-q")[0] == 0
    folder = Path("build/menus")
    whole = (folder / "menus.csv").read_text()
    (folder / "menus.csv").write_text(whole.splitlines()[0] + "\n")
    assert "menus.csv was changed: 0 rows are read of 2 that the build wrote" in run("report", str(folder))[1]
    (folder / "menus.csv").write_text(whole)
    assert "was changed" not in run("report", str(folder))[1]
    (folder / "manifest.json").write_text("{half")
    assert (
        "manifest.json cannot be read: what was asked for and what it cost is not known"
        in run("report", str(folder))[1]
    )
