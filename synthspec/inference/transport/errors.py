"""What went wrong in a call, as one of the closed set of kinds.

Shared by every backend that talks to a server. Providers say the same thing in many ways: by status, by a
code in the body, by a sentence. All of them are read here.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote

from synthspec.diagnostics.terminal import one_line
from synthspec.extras import install_command
from synthspec.inference.transport.no_connection import no_connection, reason_of
from synthspec.inference.transport.waits import seconds_to_wait
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind

LONGEST_MESSAGE = 400  # characters of a provider's own words that are kept
_MOST_QUOTED = 80  # characters of a reply that is not JSON
_LONGEST_BODY = 64 << 10  # characters of an error that are read
_MOST_WORDS = 200  # short texts of an error that are searched
_LONGEST_READ = 4_000  # characters that are searched for what they mean


@dataclass(frozen=True, slots=True)
class Service:
    """Whom a call goes to, as messages name it. `secrets` never leave it."""

    name: str  # "OpenAI", "Ollama"
    address: str  # host and path, without credentials
    model: str
    keys: tuple[str, ...] = ()  # environment variables
    start: str = ""  # how to start it, where it is the user's own
    timeout: float = 120.0
    secrets: tuple[str, ...] = field(default=(), repr=False)
    withheld: str = ""  # why no key was sent, though there is one

    def clean(self, text: str) -> str:
        """The text on one line, shortened, with every secret and every character that a terminal obeys taken out."""
        text = text[:_LONGEST_BODY]
        for secret in self.secrets:
            if len(secret) > 3:
                for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
                    text = text.replace(form, "***")
        text = one_line(text)
        text = _KEY_LIKE.sub("***", text[:_LONGEST_READ])
        return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"


_KEY_LIKE = lazy_pattern(
    r"(?i)\b(?:sk|gsk|xai|csk|pplx|nvapi|hf|fw|r8)[-_][\w*.-]{6,}|\bAIza[\w*-]{6,}|(?<=bearer )\S+"
    r"|(?<=key=)[^&\s\"]+|(?<=://)[^/@\s]+@"
)

_QUOTA = lazy_pattern(
    r"insufficient_quota|billing_(?:hard_limit|not_active|error)|exceeded your current quota|quota_?exceeded"
    r"|credit balance is too low|insufficient (?:balance|credits?|funds)|out of credits|payment required"
    r"|calls ?/ ?month|depleted your|credits are depleted|weekly usage limit|monthly (?:usage|spend|limit)"
    r"|reached your specified (?:\w+ )?API usage limits",
    re.I,
)
_TOO_LONG = lazy_pattern(
    r"context_length_exceeded|exceed_context_size|string_above_max_length|prompt_too_long"
    r"|request[_ ]too[_ ]large|request payload size exceeds|maximum context length|context (?:length|window|size|limit)"
    r"|prompt is too long|input is too long|too many (?:input )?tokens|input token count"
    r"|exceeds? the (?:maximum|max|available) (?:number of |allowed )?(?:input )?(?:tokens|context)",
    re.I,
)
_REFUSED = lazy_pattern(
    r"content_filter|content filtering policy|content_policy|responsibleaipolicyviolation|content management policy"
    r"|invalid_prompt|text content blocks must|required oneof field 'data'|safety system"
    r"|usage policy|prohibited_content|blocked_content|data_inspection_failed",
    re.I,
)
_PICTURE = lazy_pattern(
    r"invalid_image|image_parse_error|unsupported_image|image_too_(?:large|small)|invalid image|unsupported image"
    r"|(?:could not|unable to|failed to) (?:process|decode|load) (?:the |an )?(?:input )?image"
    r"|image (?:exceeds|dimensions exceed|does not match|cannot be)",
    re.I,
)
_UNAUTHORISED = lazy_pattern(r"api[_ ]key[_ ](?:not[_ ]valid|invalid)|invalid[_ ]api[_ ]key|invalid api token", re.I)
_WRONG_PLACE = lazy_pattern(
    r"(?:location|region|country) is not supported|not (?:supported|available) in your (?:country|region|location)",
    re.I,
)
_NO_MODEL = lazy_pattern(
    r"model[^.]{0,120}(?:not (?:found|exist|supported)|does not exist|unknown)|model_not_found|unknown model"
    r"|unexpected model name",
    re.I,
)
_OUTPUT_LIMIT = lazy_pattern(r"max(?:imum)?[_ ](?:completion_|output_|allowed number of output )?tokens", re.I)


def fault_of_status(service: Service, status: int, body: str, headers: Mapping[str, str]) -> BackendFault:
    """The fault that an HTTP answer other than success tells of."""
    body = body[:_LONGEST_BODY]
    said, codes = _read_body(body)
    read = f"{said} {codes}"[:_LONGEST_READ]
    kind = _kind_of(status, read)
    retry_after = seconds_to_wait(headers, f"{body[:_LONGEST_READ]} {read}") if kind in _TIMED else None
    return BackendFault(kind, _message_of(service, kind, status, service.clean(said)), retry_after)


_TIMED = (FaultKind.RATE_LIMITED, FaultKind.OVERLOADED)


def _kind_of(status: int, text: str) -> FaultKind:
    if status in (402, 429) or _QUOTA.search(text):
        return _kind_of_limit(status, text)
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(text) and not _spec_fault(text)):
        return FaultKind.TOO_LONG
    if status in (400, 403, 422, 451) and _REFUSED.search(text):
        return FaultKind.REFUSED
    if status in (400, 422, 500) and _PICTURE.search(text):
        return FaultKind.REFUSED  # of one picture: the next row has another
    if status in (401, 403, 407) or (status == 400 and (_UNAUTHORISED.search(text) or _WRONG_PLACE.search(text))):
        return FaultKind.UNAUTHORISED
    if status in (408, 504, 524):
        return FaultKind.TIMED_OUT
    if status in (409, 423, 425, 498, 499) or status >= 500:
        return FaultKind.OVERLOADED
    return FaultKind.BAD_REQUEST


def _kind_of_limit(status: int, text: str) -> FaultKind:
    if status == 429 and re.search(r"request too large", text, re.I):
        return FaultKind.TOO_LONG  # larger than a minute's whole allowance: waiting does not help
    if status == 429 and "RESOURCE_EXHAUSTED" in text:
        # Google says "exceeded your current quota" of every limit: its name and size tell them apart. One of 0 is a
        # model that the plan does not have.
        lasts = re.search(r"PerDay|, limit: 0\b|credits are depleted|spending cap", text)
        return FaultKind.QUOTA if lasts else FaultKind.RATE_LIMITED
    if status == 402 or _QUOTA.search(text):
        return FaultKind.QUOTA
    return FaultKind.RATE_LIMITED


def _spec_fault(text: str) -> bool:
    """A completion limit above the model's own is a fault of the spec, not of one long prompt."""
    return bool(_OUTPUT_LIMIT.search(text)) and not re.search(r"maximum context length|prompt|input", text, re.I)


def _message_of(service: Service, kind: FaultKind, status: int, said: str) -> str:
    where = f"{service.name} ({service.address})"
    if kind is FaultKind.UNAUTHORISED:
        wanted = _way_in(service, 403 if _WRONG_PLACE.search(said) else status)
        return f"{where} did not accept the call ({status}): {wanted}" + (f"; it says: {said}" if said else "")
    if status in _NO_PATH or (status == 400 and _NO_MODEL.search(said)):
        return _message_of_missing(service, where, status, said)
    if 300 <= status < 400:
        return f"{where} has moved ({status}); put the new address in `base_url`"
    way_round = "; `constrain: false` in the backend leaves the schema out" if _SCHEMA.search(said) else ""
    said = said.rstrip(".") if kind in _REMEDIES or way_round else said
    return f"{where} answered {status}, {kind}" + (f": {said}" if said else "") + (way_round or _REMEDIES.get(kind, ""))


_NO_PATH = (404, 405, 501)
_REMEDIES = {
    FaultKind.QUOTA: "; add credit there or wait until it is renewed, or name another model with --backend",
    FaultKind.TOO_LONG: "; shorten the prompt and what is put into it, or choose a model that takes more",
}


def _way_in(service: Service, status: int) -> str:
    """What to do about a call that is not accepted."""
    keys = " or ".join(service.keys)
    if status == 407:
        return "a proxy asks for a user and a password: write them before its host in HTTPS_PROXY"
    if service.withheld or not keys:
        return service.withheld or "it asks for a key"
    if status == 403:
        return f"check what the key in {keys} may be used for, and from where"
    return f"check the key in {keys}"


_SCHEMA = lazy_pattern(
    r"response_?format|json[_ ]?schema|json mode|output_config|output format|structured.outputs?|grammar"
    r"|schema (?:is too complex|produces|in GenerationConfig)",
    re.I,
)


def _message_of_missing(service: Service, where: str, status: int, said: str) -> str:
    if said and ("model" in said.lower() or service.model in said):
        pull = f"; `ollama pull {service.model}` fetches it" if service.name == "Ollama" else ""
        return f"{where} has no model '{service.model}'{pull}; `synthspec backends` lists those it has ({said})"
    begun = f"{where} does not know this path ({status})"
    ending = "`base_url` often ends in /v1" if service.name == "the server" else "check `base_url`"
    return f"{begun}; {ending}" + (f" ({said})" if said else "")


def said_in(service: Service, body: str) -> str:
    """What an answer other than success says for a reader, clean."""
    return service.clean(_read_body(body[:_LONGEST_BODY])[0])


def _read_body(body: str) -> tuple[str, str]:
    """The sentence meant for a reader, and every short code in the body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ("" if body.lstrip().startswith("<") else body[: 2 * LONGEST_MESSAGE]), ""
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error", value) if isinstance(value, dict) else value
    said = error
    if isinstance(error, dict):
        said = next((error[k] for k in ("message", "detail", "error", "msg") if error.get(k)), "")
    said = said if isinstance(said, str) else _dumped(said) if said else ""
    return said, " ".join(itertools.islice(_words_of(value, 0), _MOST_WORDS))


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value)[: 2 * LONGEST_MESSAGE]
    except RecursionError:
        return ""


def _words_of(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value[:200]
    elif isinstance(value, dict | list) and depth < 6:
        for v in value.values() if isinstance(value, dict) else value:
            yield from _words_of(v, depth + 1)


_CONNECTING = {
    "ConnectFault",
    "ProxyFault",
    "ConnectTimeout",
    "ConnectionTimeoutError",
    "ConnectError",
    "ClientConnectorError",
    "gaierror",
}
_NO_CONNECTION = _CONNECTING | {"ConnectionRefusedError"}
_TIMEOUTS = {"TimeoutError", "TimeoutException", "APITimeoutError"}
_CUT = {"JSONDecodeError", "APIResponseValidationError", "UnknownApiResponseError"}
_LOST = {"ClientError", "TransportError", "RequestError", "APIConnectionError", "OSError", "HTTPError"}


def fault_of_exception(service: Service, error: BaseException) -> BackendFault:
    """The fault that a client's exception tells of, whichever HTTP library raised it."""
    chain = _chain(error)
    names = {c.__name__ for e in chain for c in type(e).__mro__}
    who = f"{service.name} ({service.address})"
    why = service.clean(str(chain[-1])) or type(chain[-1]).__name__
    if names & _NO_CONNECTION:
        said = service.clean(no_connection(service.address, service.start, chain))
        return BackendFault(FaultKind.UNREACHABLE, said, sent="no")
    if names & _TIMEOUTS:
        return BackendFault(FaultKind.TIMED_OUT, f"{who} gave no answer within {service.timeout:g} s")
    if names & _CUT:
        return cut_reply(service)
    if names & _LOST:
        why = service.clean(reason_of(chain[-1]))
        return BackendFault(FaultKind.UNREACHABLE, f"the connection to {service.address} was lost ({why})")
    return BackendFault(FaultKind.BAD_REQUEST, f"{who}: {type(error).__name__}: {why}")


def cut_reply(service: Service, said: str = "") -> BackendFault:
    """The body of a reply ended too early, or is of another kind; `said` is how it begins."""
    return strange_reply(service, "a reply that was cut off or is not JSON", said[:_MOST_QUOTED])


def strange_reply(service: Service, what: str, said: str = "") -> BackendFault:
    """A reply that cannot be understood, though it says that all is well; `said` is quoted as far as it goes."""
    quoted = service.clean(said)
    message = f"{service.name} ({service.address}) sent {what}"
    return BackendFault(FaultKind.UNREACHABLE, f"{message}; it says: {quoted}" if quoted else message, sent="yes")


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (deeper := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 8:
        chain.append(deeper)
    return chain


def missing_key(name: str, keys: tuple[str, ...]) -> BackendFault:
    """No secret in the environment."""
    return BackendFault(FaultKind.UNAUTHORISED, f"{name} needs a key: set {' or '.join(keys)} in the environment")


def missing_package(name: str, extra: str) -> BackendFault:
    """The provider's package is not installed."""
    return BackendFault(
        FaultKind.BAD_REQUEST,
        f"{name} needs a package that is not installed: {install_command(extra)}",
    )
