"""Whom a connection by TLS trusts."""

from __future__ import annotations

import ssl


def trusted() -> ssl.SSLContext:
    """The system's certificates, and certifi's where that is installed (some systems have none)."""
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context
