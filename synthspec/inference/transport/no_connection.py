"""Why no connection came about, or was lost: in plain words, with what to do about it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    from ssl import SSLCertVerificationError, SSLError

_OTHER_NAME = (62, 64)  # OpenSSL: the certificate is of another host, of another address
_EXPIRED = 10


class ProxyFault(OSError):
    """A proxy is away, or let nothing through; its text is the whole message."""


def no_connection(address: str, start: str, chain: Sequence[BaseException]) -> str:
    """The message for a server to which no connection could be made. `start` says how one of the user's is started."""
    import socket
    from ssl import SSLCertVerificationError, SSLError

    for error in reversed(chain):
        if isinstance(error, ProxyFault):
            return str(error)
        if isinstance(error, SSLCertVerificationError):
            return f"the certificate of {address} is not accepted: {_of_certificate(error)}"
        if isinstance(error, SSLError):
            return _of_tls(address, error)
        if isinstance(error, socket.gaierror):
            return _of_name(address, error)
    way = start or "check the network, or correct `base_url`"
    return f"no server answers at {address}; {way} ({reason_of(chain[-1])})"


def reason_of(error: BaseException) -> str:
    """What the operating system says of a connection, without the names and numbers of its errors.

    >>> reason_of(OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9)"))
    'connection refused'
    >>> reason_of(OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 101] …"))
    'connection refused'
    """
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"\[Errno (\d+)\]", str(error))):
        number = int(found[1])
    if number is not None and number in errno.errorcode:
        return os.strerror(number).lower()
    return str(error) or "no reason is given"


def _of_certificate(error: SSLCertVerificationError) -> str:
    why = error.verify_message.rstrip(".").lower()
    if error.verify_code in _OTHER_NAME:
        return f"{why}; write the name that its certificate has in `base_url`"
    if error.verify_code == _EXPIRED:
        return f"{why}; its owner has to renew it"
    return f"{why}; set SSL_CERT_FILE to a file with the certificate of its issuer"


def _of_tls(address: str, error: SSLError) -> str:
    why = (error.reason or "").replace("_", " ").lower()
    if "wrong version" in why or "http request" in why or "record layer" in why:
        return f"the server at {address} does not speak https: write http:// in `base_url`"
    return f"no secure connection to {address} can be made ({why or 'no reason is given'})"


def _of_name(address: str, error: socket.gaierror) -> str:
    from socket import EAI_AGAIN

    host = urlsplit(address).hostname
    if error.errno == EAI_AGAIN:
        return f"the address of '{host}' cannot be looked up: check the network, or correct `base_url`"
    return f"there is no host '{host}': correct `base_url`"


def proxy_away(proxy: str, why: BaseException) -> ProxyFault:
    """A proxy to which no connection can be made."""
    return ProxyFault(
        f"the proxy {shown(proxy)} does not answer ({reason_of(why)}): correct {_variables()}, or unset it"
    )


def proxy_not_a_url(proxy: str) -> ProxyFault:
    """What a variable holds in the place of a proxy."""
    return ProxyFault(f"the proxy '{shown(proxy)}' is not a URL: write {_variables()} as http://HOST:PORT")


def proxy_refuses(proxy: str, status: int, host: str) -> ProxyFault:
    """A proxy that answered something else than the server."""
    if status == 407:
        way = f"write them before the host in {_variables()}"
        return ProxyFault(f"the proxy {shown(proxy)} asks for a user and a password: {way}")
    said = f"the proxy {shown(proxy)} does not let calls to {host} through ({status})"
    return ProxyFault(f"{said}: ask those who run it, or name the host in NO_PROXY")


def shown(proxy: str) -> str:
    """A proxy's address without the user and the password in it.

    >>> shown("http://me:secret@proxy.example:3128")
    'http://proxy.example:3128'
    """
    scheme, there, rest = proxy.rpartition("://")
    return f"{scheme}{there}{rest.rpartition('@')[2]}"


def _variables() -> str:
    """The variables of the environment that name a proxy."""
    named = sorted(n for n in os.environ if n.lower() in ("http_proxy", "https_proxy", "all_proxy") and os.environ[n])
    return " or ".join(named) or "the system's proxy"
