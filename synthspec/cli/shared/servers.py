"""The servers of a build that has several, on one line: calls answered and failed, and those that are set aside."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SHOWN = 6  # servers named
LONGEST = 60  # characters of what a server said


def short_names(addresses: Mapping[str, object]) -> dict[str, str]:
    """Host and port of each address; the whole of it where that is not one server's alone.

    >>> short_names({"http://a:1/v1": 0, "http://b:1/v1": 0, "http://b:1/two": 0})["http://a:1/v1"]
    'a:1'
    """
    places = {address: urlsplit(address).netloc or address for address in addresses}
    found = list(places.values())
    return {address: place if found.count(place) == 1 else address for address, place in places.items()}


def server_line(answered: Mapping[str, int], failed: Mapping[str, int], away: Mapping[str, str]) -> str:
    """`servers: a:1 120, b:1 98 (2 failed), c:1 0 (set aside: no server answers)`; nothing for one server."""
    names = short_names(answered)
    parts = []
    for address, count in list(answered.items())[:SHOWN]:
        more = [f"{failed[address]:,} failed"] if failed.get(address) else []
        if address in away:
            said = " ".join(away[address].split())
            more.append("set aside: " + (said if len(said) <= LONGEST else said[:LONGEST] + "…"))
        parts.append(f"{names[address]} {count:,}" + (f" ({', '.join(more)})" if more else ""))
    if len(answered) > SHOWN:
        parts.append(f"{len(answered) - SHOWN} more")
    return f"servers: {', '.join(parts)}" if parts else ""
