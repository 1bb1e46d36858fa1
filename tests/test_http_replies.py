"""Replies of HTTP/1.1 and the connections they come over: in any pieces, out of order, too long, cut off."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.inference.transport import connections
from synthspec.inference.transport.connections import ConnectFault, Connections
from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.http import JsonClient
from synthspec.inference.transport.http_replies import HttpFault, HttpReply
from synthspec.spec.messages import BackendFault

MOST = 1000


def read(*pieces: bytes, closed: bool = False, most: int = MOST) -> HttpReply:
    reply = HttpReply(lambda status: most)
    for piece in pieces:
        reply.feed(piece)
    if closed:
        reply.end()
    return reply


def chunks(body: bytes, sizes: list[int]) -> bytes:
    out = b""
    for size in sizes:
        part, body = body[:size], body[size:]
        out += b"%x;name=value\r\n%b\r\n" % (len(part), part) if part else b""
    out += b"%X\r\n%b\r\n" % (len(body), body) if body else b""
    return out + b"0\r\n"


@st.composite
def replies(draw: st.DrawFn) -> tuple[bytes, int, bytes, bool]:
    """The bytes of a reply, its status and body, and whether it ends with the connection."""
    status = draw(st.sampled_from([200, 201, 400, 404, 429, 500, 503]))
    body = draw(st.binary(max_size=300))
    head = b"HTTP/1.1 %d Some words\r\nServer: x\r\nSET-Cookie: a=1\r\nset-cookie: b=2\r\n" % status
    how = draw(st.sampled_from(["length", "chunked", "end"]))
    early = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])
    )
    if how == "length":
        return early + head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body), status, body, False
    if how == "end":
        return early + head + b"\r\n" + body, status, body, True
    sizes = draw(st.lists(st.integers(1, 80), max_size=6))
    trailers = draw(st.sampled_from([b"\r\n", b"Expires: never\r\nX: y\r\n\r\n"]))
    return early + head + b"Transfer-Encoding: Chunked\r\n\r\n" + chunks(body, sizes) + trailers, status, body, False


@given(replies(), st.data())
@settings(max_examples=quarter(150), deadline=None)
def test_a_reply_is_the_same_in_any_pieces(made: tuple[bytes, int, bytes, bool], data: st.DataObject) -> None:
    sent, status, body, closes = made
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    for reply in (read(sent, closed=closes), read(*pieces, closed=closes)):
        assert (reply.status, reply.body, reply.is_done) == (status, body, True)
        assert reply.headers["set-cookie"] == "a=1, b=2"
        assert reply.keeps_connection is not closes
    early = sent[: data.draw(st.integers(0, max(0, len(sent) - 1)))]
    if not closes:
        with pytest.raises(HttpFault, match="closed"):
            read(early, closed=True)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"nothing of the kind\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 \xd9\xa1\xd9\xa2\xd9\xa3\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b" folded: x\r\n\r\n",
        OK + b"Name : x\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1_0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
        OK + b"X: " + b"y" * 70_000,
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01" * 40_000,
    ],
)
def test_what_is_no_reply_is_a_fault(sent: bytes) -> None:
    with pytest.raises(HttpFault):
        read(sent)
    with pytest.raises(HttpFault):
        read(*(sent[i : i + 7] for i in range(0, len(sent), 7)), closed=True)


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(max_examples=quarter(150), deadline=None)
def test_anything_else_ends_in_a_fault_or_a_reply(junk: bytes, size: int) -> None:
    for start in (b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n"):
        sent = start + junk
        try:
            reply = read(*(sent[i : i + size] for i in range(0, len(sent), size)), closed=True)
        except HttpFault:
            continue
        assert reply.is_done and len(reply.body) <= MOST


@pytest.mark.parametrize(
    "head", [b"Content-Length: 5000\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n1388\r\n"]
)
def test_no_more_is_kept_than_may_be(head: bytes) -> None:
    reply = read(OK + head + b"x" * 3000)
    assert reply.overflows and reply.is_done and reply.body == b"x" * MOST
    assert not reply.keeps_connection


def test_when_a_connection_may_be_used_again() -> None:
    length = b"Content-Length: 2\r\n"
    assert read(OK + length + b"\r\nok").keeps_connection
    assert read(b"HTTP/1.1 204 No Content\r\n\r\n").keeps_connection
    assert read(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length + b"\r\nok").keeps_connection
    for sent in (
        OK + length + b"Connection: Close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n" + length + b"\r\nok",
        OK + length + b"\r\nok and more",
        OK + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        reply = read(sent)
        assert reply.is_done and not reply.keeps_connection


# Connections


class Counting:
    """Answers each request with its number on its connection, by a function of both numbers."""

    def __init__(self, answer: Callable[[int, int], bytes]) -> None:
        self.answer, self.connections, self.heads = answer, 0, list[bytes]()
        self.writers: list[asyncio.StreamWriter] = []

    async def close(self) -> None:
        for writer in self.writers:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        connection, request = self.connections, 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0] or 0))
                request += 1
                sent = self.answer(connection, request)
                writer.write(sent)
                if b"Connection: close" in sent or not sent:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def served(serve: Counting, use: Callable[[Connections], Awaitable[None]], timeout: float = 5.0) -> None:
    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        made = Connections(f"http://127.0.0.1:{port}/v1/", {"X-Own": "yes"}, timeout, lambda status: MOST)
        try:
            await use(made)
        finally:
            await made.close()
            server.close()
            await serve.close()

    asyncio.run(main())


def whole(text: str, *more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(text)}", *more, "", text]
    return "\r\n".join(lines).encode()


def test_connections_are_kept_and_requests_are_as_they_should_be() -> None:
    serve = Counting(lambda connection, request: whole(f"{connection}.{request}"))

    async def use(made: Connections) -> None:
        assert [(await made.send("POST", "a b/é?", b"{}")).body for _ in range(3)] == [b"1.1", b"1.2", b"1.3"]
        await asyncio.gather(*(made.send("POST", "x", b"{}") for _ in range(5)))
        assert serve.connections == 5
        assert (await made.send("GET", "models", None)).status == 200
        assert serve.connections == 5

    served(serve, use)
    first = serve.heads[0].decode()
    assert first.startswith("POST /v1/a%20b/%C3%A9? HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nX-Own: yes\r\n" in first and first.endswith("Content-Length: 2\r\n\r\n")
    assert "Content-Length" not in serve.heads[-1].decode()


def test_a_connection_that_says_close_or_goes_on_is_not_used_again() -> None:
    serve = Counting(
        lambda connection, request: whole("ok", "Connection: close") if connection == 1 else whole("ok") + b"!"
    )

    async def use(made: Connections) -> None:
        for _ in range(3):
            assert (await made.send("POST", "x", b"{}")).body == b"ok"
        assert serve.connections == 3

    served(serve, use)


def test_an_idle_connection_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEP_IDLE", -1.0)
    serve = Counting(lambda connection, request: whole("ok"))

    async def use(made: Connections) -> None:
        for _ in range(3):
            await made.send("POST", "x", b"{}")
        assert serve.connections == 3

    served(serve, use)


def test_a_reply_that_does_not_come_is_told_apart() -> None:
    """Nothing is sent twice: a connection that is lost with a request on it is a fault, and the next one is new."""
    serve = Counting(lambda connection, request: b"" if connection == 1 else whole("ok"))

    async def use(made: Connections) -> None:
        with pytest.raises(HttpFault, match="closed without a reply"):
            await made.send("POST", "x", b"{}")
        assert (await made.send("POST", "x", b"{}")).body == b"ok"
        assert serve.connections == len(serve.heads) == 2

    served(serve, use)


def test_a_time_out_closes_the_connection() -> None:
    serve = Counting(lambda connection, request: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    async def use(made: Connections) -> None:
        with pytest.raises(TimeoutError):
            await made.send("POST", "x", b"{}")
        task = asyncio.create_task(made.send("POST", "x", b"{}"))
        while serve.connections < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not made._idle and not made._open

    served(serve, use, timeout=0.05)


def test_no_connection_is_a_fault_of_its_own() -> None:
    async def main() -> None:
        for url in ("http://127.0.0.1:9", "http://nowhere.invalid", "https://127.0.0.1:9/v1"):
            with pytest.raises(ConnectFault):
                await Connections(url, {}, 5.0, lambda status: MOST).send("GET", "models", None)

    asyncio.run(main())


def test_a_server_without_tls_is_no_server_of_https() -> None:
    serve = Counting(lambda connection, request: whole("ok"))

    async def use(made: Connections) -> None:
        url = f"https://127.0.0.1:{made._port}/"
        with pytest.raises(ConnectFault):
            await Connections(url, {}, 1.0, lambda status: MOST).send("GET", "models", None)
        assert not serve.heads

    served(serve, use)


def test_a_header_with_a_line_break_is_not_sent() -> None:
    made = Connections("http://127.0.0.1:9", {"X": "a\r\nY: b"}, 5.0, lambda status: MOST)
    with pytest.raises(ValueError, match="line break"):
        made._request("GET", "x", None)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificate can be made")
def test_a_server_is_spoken_to_where_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    serve = Counting(lambda connection, request: whole(f"{connection}.{request}"))

    async def main() -> None:
        server = await asyncio.start_server(serve, "localhost", 0, ssl=own, family=socket.AF_INET)
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(ConnectFault, match="certificate"):
            await Connections(url, {}, 5.0, lambda status: MOST).send("GET", "models", None)
        trust = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr("synthspec.inference.transport.trust.trusted", lambda: trust)
        made = Connections(url, {}, 5.0, lambda status: MOST)
        assert [(await made.send("POST", "x", b"{}")).body for _ in range(2)] == [b"1.1", b"1.2"]
        with pytest.raises(ConnectFault, match="certificate"):
            other = Connections(url.replace("localhost", "127.0.0.1"), {}, 5.0, lambda status: MOST)
            await other.send("GET", "models", None)
        await made.close()
        server.close()
        await serve.close()

    asyncio.run(main())


def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    serve = Counting(lambda connection, request: whole('{"made": "here"}'))
    sent: list[object] = []

    async def use(made: Connections) -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{made._port}")
        monkeypatch.setenv("no_proxy", "inside.example")
        for host in ("provider.example", "inside.example"):
            client = JsonClient(
                Service("P", f"http://{host}/v1", "m", timeout=60.0), f"http://{host}/v1", {"X-Own": "yes"}
            )
            try:
                sent.append(await client.post("chat", {"a": 1}))
            except BackendFault as fault:
                sent.append(fault.sent)
            finally:
                await client.close()

    served(serve, use)
    assert sent == [{"made": "here"}, "no"]
    assert len(serve.heads) == 1
    assert (
        serve.heads[0].startswith(b"POST http://provider.example/v1/chat HTTP/1.1\r\n")
        and b"X-Own: yes" in serve.heads[0]
    )


def test_nothing_was_sent_where_the_proxy_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        address = "http://provider.example/v1"
        client = JsonClient(Service("P", address, "m", timeout=60.0), address, {})
        with pytest.raises(BackendFault) as fault:
            await client.post("chat", {"a": 1})
        await client.close()
        assert fault.value.sent == "no"

    asyncio.run(main())
