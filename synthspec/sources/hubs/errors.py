"""What an error of the hub's library says: one closed set of kinds, for reading from the hub and for pushing to it."""

from __future__ import annotations

import os
import re
from enum import Enum, auto
from urllib.parse import quote

from synthspec.diagnostics.terminal import one_line
from synthspec.lazy_dataclass import dataclass

_LONGEST_READ = 64 << 10  # characters of an error
_LONGEST = 300  # characters of it that are shown


class HubErrorKind(Enum):
    """Why the hub gave nothing."""

    OFFLINE = auto()  # HF_HUB_OFFLINE forbids it
    GATED = auto()
    NO_REVISION = auto()
    NO_REPOSITORY = auto()  # or it is not shown to this token
    HTTP = auto()  # any other status
    INVALID = auto()  # the library refuses what it was given
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True)
class HubError:
    """An error of the hub's library. `status` is that of HTTP, None where there was no answer; `told` what it says, on
    one line and without the token."""

    kind: HubErrorKind
    status: int | None
    told: str


def read_error(error: BaseException, token: str = "") -> HubError:
    """What an error of the hub's library says. Its transport has changed between versions, and its errors with it."""
    from huggingface_hub import errors

    told = without_token(getattr(error, "server_message", None) or str(error) or type(error).__name__, token)
    offline = isinstance(error, errors.OfflineModeIsEnabled) or (
        isinstance(error, errors.LocalEntryNotFoundError) and bool(os.environ.get("HF_HUB_OFFLINE"))
    )
    if offline:
        return HubError(HubErrorKind.OFFLINE, None, told)
    if isinstance(error, errors.HfHubHTTPError):
        return HubError(_kind_of(error), status_of(error), told)
    if isinstance(error.__cause__, Exception):
        return read_error(error.__cause__, token)
    kind = HubErrorKind.INVALID if isinstance(error, ValueError) else HubErrorKind.UNREACHABLE
    return HubError(kind, None, told)


def _kind_of(error: BaseException) -> HubErrorKind:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):  # before the one that it is a kind of
        return HubErrorKind.GATED
    if isinstance(error, errors.RevisionNotFoundError):
        return HubErrorKind.NO_REVISION
    return HubErrorKind.NO_REPOSITORY if isinstance(error, errors.RepositoryNotFoundError) else HubErrorKind.HTTP


def status_of(error: BaseException) -> int:
    """The status that the hub answered with; 0 where that is not known."""
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def without_token(text: str, token: str) -> str:
    """The first line that says something, with no token in it, wherever it would be cut."""
    for form in filter(None, (token, quote(token, safe=""))):
        text = text[:_LONGEST_READ].replace(form, "…")
    text = re.sub(r"hf_\w+", "…", text)
    return next((one_line(line)[:_LONGEST] for line in text.splitlines() if line.strip()), "")
