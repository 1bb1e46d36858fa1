"""Who is let in, and what is never sent: every way in which a page of somebody else could try."""

from __future__ import annotations

import http.client
import re
import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.serving import OWN, PORT, served
from synthspec.studio.application import make_app
from synthspec.studio.context import Studio
from synthspec.studio.paths import OutsideFolder, confined, confined_spec
from synthspec.studio.secret_values import HIDDEN, hide_secrets
from synthspec.studio.security import Door, policy

FOREIGN = (
    "http://evil.example",
    "null",
    f"http://127.0.0.1:{PORT + 1}",
    f"https://127.0.0.1:{PORT}",
    "",
    f"{OWN}.evil.example",
)
HOSTS = (
    "evil.example",
    f"evil.example:{PORT}",
    "127.0.0.1",
    f"127.0.0.1:{PORT + 1}",
    f"127.0.0.1.evil.example:{PORT}",
    f"0.0.0.0:{PORT}",
    f"[::1]:{PORT}",
    "",
    f"127.1:{PORT}",
    f"127.0.0.1:{PORT}@evil.example",
)


def test_a_token_opens_the_studio_once_and_leaves_the_address(stranger: TestClient, studio: Studio) -> None:
    address = studio.door.address
    answer = stranger.get(address, follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie and "domain" not in cookie
    assert stranger.get("/").status_code == 200
    with TestClient(make_app(studio), base_url=OWN) as other:
        assert other.get(address).status_code == 403
        assert "set-cookie" not in other.get(address).headers
        assert other.get(studio.door.address).status_code == 200  # the next one, which the terminal is told


def test_a_used_address_still_leads_its_own_browser_in(client: TestClient, studio: Studio) -> None:
    assert client.get("/?token=used", follow_redirects=False).headers["location"] == "/"
    assert client.get("/?token=used").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "é", "%00", "a" * 10_000])
def test_no_other_text_is_a_token(stranger: TestClient, token: str) -> None:
    answer = stranger.get(f"/?token={quote(token)}", follow_redirects=False)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_without_the_cookie_nothing_is_told(stranger: TestClient, studio: Studio, folder: Path) -> None:
    for path in ("/", "/api/specs", "/spec/calls.yaml/run", "/nothing", "/api/state/calls.yaml"):
        for accept in ("text/html", "application/json"):
            answer = stranger.get(path, headers={"accept": accept})
            assert answer.status_code == 403, path
            assert "calls" not in answer.text.replace(path, "") and str(folder) not in answer.text
    for cookie in ("", "x", "%ff", '"', f"{studio.door.cookie}="):
        assert stranger.get("/", headers={"cookie": f"{studio.door.cookie}={cookie}"}).status_code == 403


def test_a_stranger_makes_the_terminal_say_an_address_but_not_often() -> None:
    told, now = [], [0.0]
    door = Door(PORT, told.append, lambda: now[0])
    door.tell_address()
    door.tell_address()
    assert told == [door.address]
    now[0] = 60
    door.tell_address()
    assert len(told) == 2


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused_before_anything_else(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "calls" not in answer.text


def test_two_hosts_or_none_are_refused(folder: Path) -> None:
    with served(folder) as studio:
        port = studio.door.port
        for hosts in ((), (f"127.0.0.1:{port}", "evil.example"), ("evil.example", f"127.0.0.1:{port}")):
            with socket.create_connection(("127.0.0.1", port)) as wire:
                lines = "".join(f"Host: {h}\r\n" for h in hosts)
                wire.sendall(f"GET / HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
                status = http.client.HTTPResponse(wire)
                status.begin()
                assert status.status in (400, 421), hosts


def test_it_listens_to_this_machine_alone(folder: Path) -> None:
    from synthspec.studio.server import _listen

    with _listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_pages_of_other_origins_are_not_answered(client: TestClient, origin: str, method: str) -> None:
    assert client.request(method, "/api/specs", headers={"origin": origin}).status_code == 403


def test_a_change_without_an_origin_is_refused(client: TestClient) -> None:
    del client.headers["origin"]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/api/specs").status_code == 403
    assert client.get("/api/specs").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "other"])
def test_requests_that_another_site_began_are_refused(client: TestClient, site: str) -> None:
    assert client.get("/api/specs", headers={"sec-fetch-site": site}).status_code == 403
    assert client.get("/api/specs", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_a_stream_says_where_it_comes_from(client: TestClient) -> None:
    del client.headers["origin"]
    stream = {"accept": "text/event-stream"}
    assert client.get("/api/specs", headers=stream).status_code == 403
    assert client.get("/api/specs", headers={**stream, "sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/api/specs", headers={**stream, "origin": OWN}).status_code == 200


CLIMBING = [
    "../secret.yaml", "a/../../secret.yaml", "/etc/passwd.yaml", "./calls.yaml", "a//calls.yaml", "calls.yaml/", "..", ".", "",
    "..\\secret.yaml", "a\0.yaml", "calls.yaml\0", "a\n.yaml", "C:/secret.yaml", "calls.yaml:x.yaml", "~/../x/../../a.yaml",
    "\x7f.yaml", "a" * 5000 + ".yaml",
]  # fmt: skip


@pytest.mark.parametrize("path", CLIMBING)
def test_no_path_leads_out_of_the_folder(folder: Path, path: str) -> None:
    (folder.parent / "secret.yaml").write_text("synthspec: 1\n", encoding="utf-8")
    with pytest.raises(OutsideFolder):
        confined_spec(folder, path)


ADDRESSES = [
    "/spec/%2e%2e%2fsecret.yaml/run", "/spec/..%2fsecret.yaml/run", "/spec/%2e%2e/secret.yaml/run", "/api/state/%2e%2e/secret.yaml",
    "/api/state/..%5csecret.yaml", "/api/state/..%5Csecret.yaml", "/api/state/a%00.yaml", "/static/%2e%2e/context.py",
    "/static/..%2fcontext.py", "/static//etc/passwd", "/api/state//etc/hosts.yaml", "/api/state/../secret.yaml", "/static/../context.py",
]  # fmt: skip


def test_no_address_leads_out_of_the_folder(folder: Path) -> None:
    (folder.parent / "secret.yaml").write_text("synthspec: 1\nname: SECRET\n", encoding="utf-8")
    with served(folder) as studio:
        session = studio.door.redeem(studio.door.address.partition("=")[2])
        for path in ADDRESSES:
            wire = http.client.HTTPConnection("127.0.0.1", studio.door.port)
            wire.request("GET", path, headers={"cookie": f"{studio.door.cookie}={session}"})
            answer = wire.getresponse()
            assert answer.status in (400, 404), path
            said = answer.read()
            assert b"SECRET" not in said and b"class Studio" not in said and b"root:" not in said
            wire.close()


def test_links_are_refused_wherever_they_lead(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_text("synthspec: 1\n", encoding="utf-8")
    (folder / "link.yaml").symlink_to(outside / "x.yaml")
    (folder / "within.yaml").symlink_to(folder / "calls.yaml")
    (folder / "linked").symlink_to(outside)
    (folder / "nowhere.yaml").symlink_to(folder / "missing.yaml")
    for path in ("link.yaml", "within.yaml", "linked/x.yaml", "nowhere.yaml"):
        with pytest.raises(OutsideFolder, match="symbolic link"):
            confined(folder, path)
    assert confined(folder, "new/one.yaml") == folder / "new" / "one.yaml"


def test_links_are_not_listed(client: TestClient, folder: Path) -> None:
    (folder / "link.yaml").symlink_to(folder / "calls.yaml")
    assert client.get("/api/specs").json() == {"specs": ["calls.yaml"]}


def test_no_page_may_run_what_a_dataset_says(client: TestClient) -> None:
    answer = client.get("/")
    said = answer.headers["content-security-policy"]
    assert said == policy() and "default-src 'self'" in said and "frame-ancestors 'none'" in said
    assert "unsafe" not in said and "*" not in said
    for name, value in (
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ):
        assert answer.headers[name] == value
    assert "<script>" not in answer.text and not re.search(r"<[^>]*\s(style|on\w+)\s*=", answer.text)


def test_names_of_files_and_texts_of_specs_are_never_markup(client: TestClient, folder: Path) -> None:
    (folder / "<img src=x onerror=alert(1)>.yaml").write_text("synthspec: 1\n", encoding="utf-8")
    text = client.get("/").text
    assert "<img src=x" not in text and "&lt;img src=x" in text


KEY = "sk-ant-0123456789abcdefXYZ"


def test_no_key_of_the_environment_leaves(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    (folder / "calls.yaml").write_text(
        f"synthspec: 1\nname: '{KEY}!'\nrows: {KEY}\nprompts: {{{KEY}: 1}}\n", encoding="utf-8"
    )
    for path in ("/api/state/calls.yaml", "/", f"/api/state/{KEY}.yaml", f"/spec/{KEY}.yaml/nothing"):
        for accept in ("application/json", "text/html"):
            answer = client.get(path, headers={"accept": accept})
            assert KEY not in answer.text, path
            assert int(answer.headers["content-length"]) == len(answer.content)
    assert HIDDEN in client.get("/api/state/calls.yaml").text


def test_what_an_unforeseen_error_says_holds_no_key(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    app = make_app(studio)

    def fails(self: object) -> None:
        raise RuntimeError(f"the provider said: bad key {KEY}")

    monkeypatch.setattr("synthspec.studio.pages.specs.Workspace.paths", fails)
    with TestClient(app, base_url=OWN, raise_server_exceptions=False) as client:
        client.get(studio.door.address)
        answer = client.get("/api/specs")
    assert answer.status_code == 500
    assert "bad key" in answer.text and KEY not in answer.text and "Traceback" not in answer.text


def test_secrets_are_found_however_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", 'ab"c<d>&é-0123456789')
    monkeypatch.setenv("HF_TOKEN", "hf_short")
    monkeypatch.setenv("SSH_KEY_FILE", "/home/somebody/.ssh/id")
    text = 'ab"c<d>&é-0123456789 ab\\"c<d>&\\u00e9-0123456789 ab&quot;c&lt;d&gt;&amp;é-0123456789 hf_short /home/somebody/.ssh/id'
    said = hide_secrets(text.encode()).decode()
    assert "0123456789" not in said and said.count(HIDDEN) == 3
    assert "hf_short /home/somebody/.ssh/id" in said


def test_a_page_that_was_given_a_placeholder_cannot_save_it(client: TestClient) -> None:
    import asyncio

    from starlette.requests import Request

    from synthspec.studio.context import RequestRefused, json_of

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": f'{{"text": "key: {HIDDEN}"}}'.encode(), "more_body": False}

    request = Request(
        {"type": "http", "method": "PUT", "path": "/", "headers": [(b"content-type", b"application/json")]}, receive
    )
    with pytest.raises(RequestRefused, match="represents a key"):
        asyncio.run(json_of(request))


def test_two_studios_share_no_cookie(folder: Path) -> None:
    one, two = Door(8001), Door(8002)
    assert one.cookie != two.cookie and not one.hosts & two.hosts


def test_the_studio_never_listens_to_websockets(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


def test_every_route_is_behind_the_door(studio: Studio) -> None:
    app: Starlette = make_app(studio)
    with TestClient(app, base_url=OWN) as stranger:
        for route in app.routes:
            path = getattr(route, "path", "")
            if path != "/static":
                filled = path.replace("{spec:path}", "calls.yaml")
                assert stranger.get(filled, headers={"accept": "text/html"}).status_code == 403, path
