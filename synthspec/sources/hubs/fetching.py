"""The files of a split, at one commit. What a branch was when it was first asked for is kept until it is refreshed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from synthspec.diagnostics import did_you_mean
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import readable
from synthspec.sources.cache import read_cached, write_cached
from synthspec.sources.hubs.errors import HubError, HubErrorKind, read_error
from synthspec.sources.hubs.layout import DEFAULT, Splits, configurations, converted
from synthspec.sources.source_kind import SourceFault

T = TypeVar("T")
MAIN = "main"
_CONVERTED = "refs/convert/parquet"
_LATER = "try again later, or name a revision that was fetched before"


@dataclass(frozen=True, slots=True)
class HubSource:
    """What a spec names."""

    repo: str
    config: str | None
    split: str
    revision: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A repository as it stood at one moment."""

    sha: str
    files: tuple[str, ...]
    card: Mapping[str, Any]
    converted_sha: str = ""  # of the hub's own conversion to Parquet, where that is needed
    converted_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files of a split on this machine, and the commit that they are of."""

    paths: tuple[Path, ...]
    files: tuple[str, ...]  # as the repository names them
    sha: str


def fetch(asked: HubSource, *, refresh: bool) -> Fetched:
    """The files of a split; with `refresh`, as the branch is now.

    Raises:
        SourceFault: the hub does not answer (E834), has no such dataset (E835), configuration or split (E836).
    """
    hub = _Hub(asked)
    commit = None if refresh else _remembered(asked, hub.endpoint)
    if commit is None:
        commit = hub.commit()
        write_cached(_pin(asked, hub.endpoint), json.dumps(asdict(commit)).encode())
    sha, files = _files(asked, commit)
    return Fetched(tuple(hub.download(sha, file) for file in files), tuple(files), sha)


def _files(asked: HubSource, commit: Commit) -> tuple[str, Sequence[str]]:
    """The commit and the files of the split that is asked for."""
    found, sha = configurations(commit.files, commit.card, readable()), commit.sha
    if not found:
        found, sha = converted(commit.converted_files), commit.converted_sha
    if not found:
        help = f"a dataset needs files of {', '.join(readable())}"
        raise SourceFault(f"'{asked.repo}' has no files that can be read", help, "E836")
    splits = _splits(asked, found)
    if asked.split not in splits:
        message = f"'{asked.repo}' has no split '{asked.split}'"
        raise SourceFault(message, did_you_mean(asked.split, tuple(splits)), "E836", "split")
    return sha, splits[asked.split]


def _splits(asked: HubSource, found: Mapping[str, Splits]) -> Splits:
    if asked.config is None:
        if DEFAULT in found or len(found) == 1:
            return found.get(DEFAULT) or next(iter(found.values()))
        help = f"add `config:`, one of {', '.join(sorted(found))}"
        raise SourceFault(f"'{asked.repo}' has {len(found)} configurations", help, "E836")
    if asked.config not in found:
        message = f"'{asked.repo}' has no configuration '{asked.config}'"
        raise SourceFault(message, did_you_mean(asked.config, tuple(found)), "E836", "config")
    return found[asked.config]


def _pin(asked: HubSource, endpoint: str) -> str:
    about = json.dumps([endpoint, asked.repo, asked.revision])
    return f"hub-{blake2b(about.encode(), digest_size=16).hexdigest()}.json"


def _remembered(asked: HubSource, endpoint: str) -> Commit | None:
    """What the revision was when it was first asked for; None where that is not known."""
    found = read_cached(_pin(asked, endpoint))
    if found is None:
        return None
    try:
        kept = json.loads(found)
        return Commit(**{**kept, "files": tuple(kept["files"]), "converted_files": tuple(kept["converted_files"])})
    except (ValueError, TypeError, KeyError):
        return None


class _Hub:
    """The hub, asked for one dataset. A token is that of HF_TOKEN alone."""

    def __init__(self, asked: HubSource) -> None:
        import huggingface_hub

        self._asked = asked
        self._token = os.environ.get("HF_TOKEN", "").strip()
        endpoint = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or None
        self._api = huggingface_hub.HfApi(endpoint=endpoint, token=self._token or False)
        self.endpoint = str(self._api.endpoint)

    def commit(self) -> Commit:
        """What the revision stands for now."""
        info = self._asking(lambda: self._api.dataset_info(self._asked.repo, revision=self._asked.revision))
        data: Any = info.card_data
        card = data.to_dict() if data is not None else {}
        files = tuple(s.rfilename for s in info.siblings or ())
        kept = {"configs": card["configs"]} if card.get("configs") else {}
        if configurations(files, kept, readable()) or self._asked.revision != MAIN:
            return Commit(str(info.sha), files, kept)
        try:
            other = self._asking(lambda: self._api.dataset_info(self._asked.repo, revision=_CONVERTED))
        except SourceFault as e:
            if e.code != "E835":
                raise
            return Commit(str(info.sha), files, kept)
        return Commit(str(info.sha), files, kept, str(other.sha), tuple(s.rfilename for s in other.siblings or ()))

    def download(self, sha: str, file: str) -> Path:
        """A file of a commit, from the hub's own cache where it is there."""
        repo, fetch = self._asked.repo, self._api.hf_hub_download
        return Path(self._asking(lambda: str(fetch(repo, file, repo_type="dataset", revision=sha))))

    def _asking(self, call: Callable[[], T]) -> T:
        """What a call gives, or why it gives nothing, without the token.

        Raises:
            SourceFault: it fails.
        """
        try:
            return call()
        except Exception as e:  # of whatever kind: the library's errors change with its versions
            raise self._fault(read_error(e, self._token)) from None

    def _fault(self, error: HubError) -> SourceFault:
        repo = self._asked.repo
        match error:
            case HubError(HubErrorKind.OFFLINE):
                return SourceFault(
                    f"'{repo}' is not here, and HF_HUB_OFFLINE forbids the hub", "unset it for this command", "E834"
                )
            case HubError(HubErrorKind.GATED):
                help = f"ask for access at {self.endpoint}/datasets/{repo}, and set HF_TOKEN"
                return SourceFault(f"'{repo}' is open to those alone who were given access", help, "E835")
            case HubError(HubErrorKind.NO_REVISION):
                help = "name a branch, a tag or a commit of it"
                return SourceFault(f"'{repo}' has no revision '{self._asked.revision}'", help, "E835", "revision")
            case HubError(HubErrorKind.NO_REPOSITORY):
                help = "look at its name; a private dataset needs HF_TOKEN"
                return SourceFault(f"the hub has no dataset '{repo}', or does not show it", help, "E835")
            case HubError(_, 401 | 403):
                message = f"the hub does not let HF_TOKEN read '{repo}'"
                return SourceFault(message, "set HF_TOKEN to a valid token", "E835")
            case HubError(_, int(status)):
                return SourceFault(f"the hub at {self.endpoint} fails: HTTP {status}", _LATER, "E834")
        return SourceFault(f"the hub at {self.endpoint} cannot be reached: {error.told}", _LATER, "E834")
