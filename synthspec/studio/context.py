"""What every page needs: the studio that is running, its templates, and the way to say that something is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from synthspec.studio.paths import confined_spec
from synthspec.studio.secret_values import HIDDEN
from synthspec.studio.security import Door, style_nonce

T = TypeVar("T")
FOLDER = Path(__file__).parent
MOST_JSON = 8 << 20  # bytes of a request's body


class Tab(NamedTuple):
    """A page about one spec, among the tabs of the spec: at `/spec/{spec}/{path}`."""

    order: int
    title: str
    path: str


class RequestRefused(Exception):
    """A request that cannot be done: what is wrong and what to do, in words for people."""

    def __init__(self, status: int, message: str, help: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.help, self.more = status, message, help, more


class Studio:
    """One running studio. `folder` holds the specs; datasets are built below `home`, where it was started.

    Both are as the command line has them: `synthspec build` typed in the same place writes to the same folders.
    """

    def __init__(self, folder: Path, door: Door, home: Path | None = None) -> None:
        self.folder, self.home, self.door = folder.resolve(), (home or Path.cwd()).resolve(), door
        self._services: dict[Any, Any] = {}
        self._lock = threading.RLock()

    def service(self, kind: Callable[[Studio], T]) -> T:
        """The one object of this kind that belongs to the studio, made when it is first asked for."""
        with self._lock:
            if kind not in self._services:
                self._services[kind] = kind(self)
            found: T = self._services[kind]
            return found

    def spec(self, path: str) -> Path:
        """The file of a spec, by its path below the folder.

        Raises:
            RequestRefused: there is none.
            OutsideFolder: the path leads elsewhere.
        """
        found = confined_spec(self.folder, path)
        if not found.is_file():
            raise RequestRefused(
                404, f"there is no spec '{path}' in {self.folder}", "it may have been renamed or deleted"
            )
        return found

    def state_folder(self, name: str) -> Path:
        """A folder of the studio's own, below that of the specs: `runs`, `drafts` and so on. It is made if need be."""
        own = self.folder / ".synthspec"
        folder = own / "studio" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (own / ".gitignore").exists():
            (own / ".gitignore").write_text("*\n", encoding="utf-8")
        return folder

    def dataset_folder(self, name: str) -> Path:
        """Where the dataset of the spec of this name is built."""
        return self.home / "build" / name


def studio_of(request: Request) -> Studio:
    """The studio that a request is made to."""
    studio: Studio = request.app.state.studio
    return studio


def spec_path(request: Request) -> Path:
    """The file of the spec that a request's address names by `{spec:path}`.

    Raises:
        RequestRefused, OutsideFolder: as `Studio.spec`.
    """
    return studio_of(request).spec(request.path_params["spec"])


def render(
    request: Request, template: str, *, spec: str | None = None, tab: str = "", status: int = 200, **values: Any
) -> HTMLResponse:
    """A page out of its template. With `spec` it has the tabs of that spec, `tab` being the path of this one."""
    known = {
        "spec": spec,
        "spec_url": None if spec is None else spec_url(spec),
        "tab": tab,
        "tabs": request.app.state.tabs,
        "style_nonce": lambda: style_nonce(request),
    }
    page = _templates().get_template(template).render({**known, **values})
    return HTMLResponse(page, status)


def spec_url(path: str, page: str = "") -> str:
    """The address of a spec's page: `/spec/a%20b.yaml/run`."""
    return f"/spec/{quote(path)}{f'/{page}' if page else ''}"


async def json_of(request: Request) -> dict[str, Any]:
    """The map that a request holds as JSON.

    Raises:
        RequestRefused: it is none, is too large, or holds what stands for a secret that was never sent to the page.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RequestRefused(415, "the request must be JSON")
    body = await bytes_of(request, MOST_JSON)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the request is not JSON") from None
    if not isinstance(value, dict):
        raise RequestRefused(400, "the request must be a map")
    if HIDDEN.encode() in body:
        help = "change this file in another editor, and take the key out of it: keys belong in the environment"
        raise RequestRefused(409, f"the text holds '{HIDDEN}', which represents a key", help)
    return value


async def bytes_of(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        RequestRefused: it is longer than `most` bytes.
    """
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            raise RequestRefused(413, f"that is more than {most / (1 << 20):,.0f} MB, the most that is taken")
    return bytes(found)


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer, and no script."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def told(request: Request, refused: RequestRefused) -> Response:
    """The answer to a request that cannot be done: a page for people, `{error, help}` for scripts."""
    if wants_page(request):
        return render(request, "error.html", status=refused.status, message=refused.message, help=refused.help)
    return JSONResponse({"error": refused.message, "help": refused.help, **refused.more}, refused.status)


def warm_up() -> None:
    """Compile every template, so that no first visitor waits for it."""
    templates = _templates()
    for name in templates.list_templates():
        templates.get_template(name)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["spec_url"] = spec_url
    return templates


def json_answer(value: Mapping[str, Any] | list[Any], status: int = 200) -> JSONResponse:
    """A value as JSON; a number that JSON has none for is null."""
    return JSONResponse(finite(value), status)


def finite(value: Any) -> Any:
    """A value in which numbers that JSON has none for are None."""
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value
