"""A built dataset to the Hugging Face hub: the files its manifest lists, the card and the manifest, in one commit.

Nothing is sent until all is known to be there, whole and as it was built. A repository that holds something
else is left alone; one that holds an earlier build of the same dataset gets the new files and loses those that
no longer belong to it.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.dataset.manifest import FILE_NAME, listed_files, read_manifest
from synthspec.dataset.switch import SwitchFault, settle
from synthspec.diagnostics.errors import SynthspecError
from synthspec.extras import install_command
from synthspec.lazy_dataclass import dataclass
from synthspec.sources.hubs.errors import HubError, HubErrorKind, read_error, status_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"
QUARANTINE = "quarantine.jsonl"
MAIN = "main"
REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_AGAIN = "push again later: the hub is unchanged"
_NOBODYS = frozenset([".gitattributes", CARD])  # what the hub itself puts into a new repository


class PushFault(SynthspecError):
    """The dataset cannot be pushed; `help` says how to fix that."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be pushed: paths below `folder`, with `/`."""

    folder: Path
    name: str
    rows: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes."""

    repo: str  # USER/NAME
    private: bool = False
    revision: str = MAIN

    def url(self, endpoint: str) -> str:
        """Where a person finds it."""
        place = f"{endpoint}/datasets/{self.repo}"
        return place if self.revision == MAIN else f"{place}/tree/{self.revision}"


def pack_dataset(folder: Path, *, with_quarantine: bool = False, incomplete: bool = False) -> Parcel:
    """What a build's folder has to push.

    Raises:
        PushFault: there is no finished dataset, rows are missing, or a file is not as it was built.
    """
    try:
        settle(folder)
    except SwitchFault as e:
        raise PushFault(e.message, e.help) from None
    manifest = read_manifest(folder)
    if manifest is None:
        raise PushFault(f"there is no dataset in '{folder}'", "name the folder of a build: it contains manifest.json")
    files = listed_files(manifest)
    kept, wanted = _count(manifest, "funnel", "kept"), _count(manifest, "spec", "rows")
    if kept < wanted and not incomplete:
        message = f"the dataset is incomplete: {kept:,} of {wanted:,} rows"
        raise PushFault(message, "build again to resume, or push it as it is with --incomplete")
    others = [CARD, FILE_NAME, *([QUARANTINE] if with_quarantine else [])]
    _refuse_outside(folder, [*others, *(f.path for f in files)])
    for file in files:
        path = folder / file.path
        if not path.is_file() or _digest(path) != file.sha256:
            what = "has changed since it was built" if path.is_file() else "is missing"
            raise PushFault(f"'{path}' {what}", "build it again: no call is made for what was paid for")
    for name in others:
        if not (folder / name).is_file():
            raise PushFault(f"'{folder / name}' is missing", "build it again")
    return Parcel(folder, str(manifest.get("name", "")), kept, (*others, *(f.path for f in files)))


def _refuse_outside(folder: Path, names: Sequence[str]) -> None:
    """Nothing is sent that a path or a link takes from elsewhere, the store included: a folder may be a stranger's."""
    for name in names:
        if (folder / name).resolve() != folder.resolve() / name:
            message = f"'{name}' is a link, or leads out of the folder"
            raise PushFault(message, "build it again: no call is made for what was paid for")


def push_dataset(parcel: Parcel, target: Target, *, progress: bool = False) -> str:
    """Upload a dataset in one commit; the URL it is found at. The token is that of `HF_TOKEN` alone.

    Raises:
        PushFault: the hub cannot be reached, or does not take it.
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise PushFault("HF_TOKEN contains characters that no token has", "set it again")
    hub = _hub()
    if not token:
        raise PushFault("no token for the hub", "set HF_TOKEN to one that may write (https://hf.co/settings/tokens)")
    hub.utils.enable_progress_bars() if progress else hub.utils.disable_progress_bars()
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or None, token=token)
    with _faults(target, api.endpoint, token), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stale = _prepare(api, parcel, target)
        operations = [hub.CommitOperationAdd(p, str(parcel.folder / p)) for p in parcel.paths]
        api.create_commit(
            target.repo,
            [*operations, *(hub.CommitOperationDelete(p) for p in stale)],
            commit_message=f"{parcel.name}: {parcel.rows:,} rows",
            repo_type="dataset",
            revision=target.revision,
        )
    return target.url(api.endpoint)


def _prepare(api: HfApi, parcel: Parcel, target: Target) -> list[str]:
    """Make the repository and the branch where they are not there; what an earlier build left in them."""
    hub = _hub()
    try:
        api.create_repo(target.repo, repo_type="dataset", private=target.private or None)
        stale: list[str] = []
    except hub.errors.HfHubHTTPError as e:
        if status_of(e) != 409:
            raise
        stale = _stale(api, parcel, target)
    if target.revision != MAIN:
        api.create_branch(target.repo, branch=target.revision, repo_type="dataset", exist_ok=True)
    return stale


def _stale(api: HfApi, parcel: Parcel, target: Target) -> list[str]:
    """The files of a repository that exists which are of an earlier build and no longer belong to it."""
    hub = _hub()
    try:
        info = api.dataset_info(target.repo, revision=target.revision)
    except hub.errors.RevisionNotFoundError:
        info = api.dataset_info(target.repo)
    if target.private and not info.private:
        raise PushFault(
            f"the repository '{target.repo}' exists and is public",
            "make it private in its settings first, or leave out --private",
        )
    there = {s.rfilename for s in info.siblings or ()}
    if not there - _NOBODYS:
        return []
    with tempfile.TemporaryDirectory() as folder:
        if FILE_NAME in there:
            api.hf_hub_download(target.repo, FILE_NAME, repo_type="dataset", revision=info.sha, local_dir=folder)
        before = read_manifest(Path(folder))
    if before is None or before.get("name") != parcel.name:
        raise PushFault(
            f"the repository '{target.repo}' exists and does not contain the dataset '{parcel.name}'",
            "name another repository, or delete that one on the hub",
        )
    earlier = {*(f.path for f in listed_files(before)), QUARANTINE}
    return sorted((earlier & there) - set(parcel.paths))


@contextmanager
def _faults(target: Target, endpoint: str, token: str) -> Iterator[None]:
    """Whatever the hub's library raises, as a fault with a remedy and without the token."""
    try:
        yield
    except PushFault:
        raise
    except Exception as e:  # of whatever kind: the library's errors change with its versions
        raise _fault_of(e, target, endpoint, token) from None


def _fault_of(error: Exception, target: Target, endpoint: str, token: str) -> PushFault:
    match read_error(error, token):
        case HubError(_, int(status), told):
            return _http_fault(status, target, told)
        case HubError(HubErrorKind.OFFLINE):
            return PushFault("the variable HF_HUB_OFFLINE forbids the hub", "unset it for this command")
        case HubError(HubErrorKind.INVALID, _, told):
            return PushFault(f"the hub's library refuses: {told}")
        case HubError(_, _, told):
            return PushFault(f"the hub at {endpoint} cannot be reached: {told}", _AGAIN)


def _http_fault(status: int, target: Target, told: str) -> PushFault:
    said = f" ({told})" if told else ""
    if status == 401:
        return PushFault(
            f"the hub does not accept the token{said}", "set HF_TOKEN to a valid one with the right to write"
        )
    if status == 403:
        owner = target.repo.partition("/")[0]
        help = f"use a token with the right to write to '{owner}', or another --repo"
        return PushFault(f"the token may not write to '{target.repo}'{said}", help)
    if status == 404:
        return PushFault(f"the hub does not find '{target.repo}'{said}", "look at its name and at --revision")
    if status == 429 or status >= 500:
        return PushFault(f"the hub cannot take it now: HTTP {status}{said}", _AGAIN)
    return PushFault(f"the hub refuses: HTTP {status}{said}")


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ModuleNotFoundError:
        raise PushFault("the package huggingface_hub is not installed", install_command("hub")) from None
    return huggingface_hub


def _count(manifest: Mapping[str, Any], section: str, key: str) -> int:
    part = manifest.get(section)
    value = part.get(key) if isinstance(part, Mapping) else None
    return value if isinstance(value, int) else 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
