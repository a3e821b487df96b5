"""Which web pages may read the answers: those of the configured origins, compared exactly."""

from __future__ import annotations

from collections.abc import Collection

EXPOSED = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
PREFLIGHT_SECONDS = 600


def cors_headers(origin: str | None, allowed: Collection[str]) -> list[tuple[str, str]]:
    """The headers that every answer to `origin` carries; none for an origin that is not configured."""
    if not allowed:
        return []
    vary = ("Vary", "Origin")
    if origin is None or origin not in allowed:
        return [vary]
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", EXPOSED),
        vary,
    ]


def preflight_headers(origin: str | None, allowed: Collection[str], methods: str) -> list[tuple[str, str]]:
    """What a preflight adds to them. methods: those of the route, as in `Allow`."""
    if origin is None or origin not in allowed:
        return []
    return [
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID"),
        ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
    ]
