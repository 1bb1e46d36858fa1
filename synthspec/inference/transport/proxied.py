"""Requests through a proxy of the environment, by aiohttp."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
from yarl import URL

from synthspec.inference.transport.connections import KEEP_IDLE, LONGEST_CONNECT, ConnectFault
from synthspec.inference.transport.http_replies import HttpFault, HttpReply
from synthspec.inference.transport.no_connection import proxy_away, proxy_not_a_url, proxy_refuses
from synthspec.inference.transport.trust import trusted


class ProxiedConnections:
    """As `Connections`, through a proxy."""

    def __init__(
        self, base: str, headers: Mapping[str, str], timeout: float, most: Callable[[int], int], proxy: str
    ) -> None:
        self._base, self._headers, self._timeout = base, headers, timeout
        self._most, self._proxy = most, proxy
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, path: str, data: bytes | None) -> HttpReply:
        """One request and its reply. Raises as `Connections.send` does."""
        session, url, reply = self._session or self._open(), URL(self._base + path), HttpReply(self._most)
        try:
            async with session.request(method, url, data=data, proxy=self._proxy, allow_redirects=False) as answer:
                if answer.status == 407:
                    raise proxy_refuses(self._proxy, answer.status, url.host or "")
                reply.take(answer.status, {name.lower(): value for name, value in answer.headers.items()})
                async for received in answer.content.iter_any():
                    reply.add(received)
                    if reply.overflows:
                        answer.close()
                        break
        except aiohttp.ClientHttpProxyError as e:
            raise proxy_refuses(self._proxy, e.status, url.host or "") from e
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as e:
            raise ConnectFault(str(e)) from e  # of the server: what goes to the proxy is not encrypted
        except aiohttp.ClientConnectorError as e:
            raise proxy_away(self._proxy, e.os_error) from e
        except aiohttp.InvalidURL as e:
            raise proxy_not_a_url(self._proxy) from e
        except aiohttp.ConnectionTimeoutError as e:
            raise ConnectFault(str(e)) from e
        except aiohttp.ClientError as e:
            raise HttpFault(str(e)) from e
        return reply

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        secure = self._base.startswith("https:")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=300, keepalive_timeout=KEEP_IDLE, ssl=trusted() if secure else True
            ),
            headers=self._headers,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(self._timeout, LONGEST_CONNECT)),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session
