"""A dataset hub on 127.0.0.1 with what `synthspec push` needs of the Hugging Face hub's HTTP interface.

Files that end in `.parquet` are asked for through Git LFS, others in the commit itself. `hub.repos` holds the
repositories: `{"user/name": Repo}`. `hub.fails` maps a part of a path to the status that it answers with.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from threaded_server import ThreadedServer

TOKEN = "hf_loopback"
SHA = "0" * 40


@dataclass
class Repo:
    """`branches` maps a name to the files of that branch."""

    private: bool = False
    card: dict[str, Any] = field(default_factory=dict)
    shas: dict[str, str] = field(default_factory=lambda: {"main": SHA})
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {".gitattributes": b""}})
    commits: list[str] = field(default_factory=list)


class Hub(ThreadedServer):
    """The server, in a thread: `with Hub() as hub: hub.url`."""

    def __init__(self) -> None:
        super().__init__()
        self.repos: dict[str, Repo] = {}
        self.fails: dict[str, int] = {}
        self.large: dict[str, bytes] = {}
        self.seen: list[str] = []

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=2**26)
        repo = "{user}/{name}"
        app.add_routes(
            [
                web.post("/api/repos/create", self._create),
                web.post("/api/validate-yaml", self._valid),
                web.get(f"/api/datasets/{repo}", self._info),
                web.get(f"/api/datasets/{repo}/revision/{{revision}}", self._info),
                web.post(f"/api/datasets/{repo}/branch/{{revision}}", self._branch),
                web.post(f"/api/datasets/{repo}/preupload/{{revision}}", self._modes),
                web.post(f"/api/datasets/{repo}/commit/{{revision}}", self._commit),
                web.post(f"/datasets/{repo}.git/info/lfs/objects/batch", self._batch),
                web.put("/large/{oid}", self._put),
                web.get(f"/datasets/{repo}/resolve/{{revision}}/{{path:.+}}", self._file),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        for part, status in self.fails.items():
            if part in request.path:
                return web.json_response({"error": "told to fail"}, status=status)
        if not request.path.startswith("/large/") and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "Invalid username or password."}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    def _repo(self, request: web.Request) -> Repo:
        name = f"{request.match_info['user']}/{request.match_info['name']}"
        if name not in self.repos:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        return self.repos[name]

    def _files(self, request: web.Request) -> dict[str, bytes]:
        revision = request.match_info.get("revision", "main")
        branches = self._repo(request).branches
        revision = next((b for b, sha in self._repo(request).shas.items() if sha == revision), revision)
        if revision not in branches:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})
        return branches[revision]

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = f"{body['organization']}/{body['name']}"
        assert body["type"] == "dataset"
        if name in self.repos:
            return web.json_response({"error": "You already created this dataset repo"}, status=409)
        self.repos[name] = Repo(private=body.get("visibility") == "private" or body.get("private") is True)
        return web.json_response({"url": f"{self.url}/datasets/{name}"})

    async def _valid(self, request: web.Request) -> web.Response:
        assert (await request.json())["content"].startswith("---\n")
        return web.json_response({"warnings": [], "errors": []})

    async def _info(self, request: web.Request) -> web.Response:
        files, repo = self._files(request), self._repo(request)
        name = f"{request.match_info['user']}/{request.match_info['name']}"
        siblings = [{"rfilename": f} for f in files]
        sha = self._sha(request)
        about = {"id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []}
        return web.json_response({**about, "cardData": repo.card})

    def _sha(self, request: web.Request) -> str:
        revision, shas = request.match_info.get("revision", "main"), self._repo(request).shas
        return shas.get(revision, revision if revision in shas.values() else SHA)

    async def _branch(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        repo.branches.setdefault(request.match_info["revision"], dict(repo.branches["main"]))
        return web.json_response({})

    async def _modes(self, request: web.Request) -> web.Response:
        asked = (await request.json())["files"]
        modes = [{"path": f["path"], "shouldIgnore": False,
                  "uploadMode": "lfs" if f["path"].endswith(".parquet") else "regular"} for f in asked]  # fmt: skip
        return web.json_response({"files": modes})

    async def _batch(self, request: web.Request) -> web.Response:
        objects = (await request.json())["objects"]
        answer = [{"oid": o["oid"], "size": o["size"],
                   "actions": {"upload": {"href": f"{self.url}/large/{o['oid']}"}}} for o in objects]  # fmt: skip
        return web.json_response({"transfer": "basic", "objects": answer})

    async def _put(self, request: web.Request) -> web.Response:
        data = await request.read()
        assert hashlib.sha256(data).hexdigest() == request.match_info["oid"]
        self.large[request.match_info["oid"]] = data
        return web.Response()

    async def _commit(self, request: web.Request) -> web.Response:
        files = self._files(request)
        for line in (await request.text()).splitlines():
            entry = json.loads(line)
            value = entry["value"]
            match entry["key"]:
                case "header":
                    self._repo(request).commits.append(value["summary"])
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.large[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        url = f"{self.url}/datasets/{request.match_info['user']}/{request.match_info['name']}/commit/{SHA}"
        return web.json_response({"commitUrl": url, "commitOid": SHA, "success": True})

    async def _file(self, request: web.Request) -> web.Response:
        data = self._files(request)[request.match_info["path"]]
        etag = hashlib.sha1(data).hexdigest()
        return web.Response(body=data, headers={"ETag": f'"{etag}"', "X-Repo-Commit": self._sha(request)})
