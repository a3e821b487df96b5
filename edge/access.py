"""Who may call, and how often: tokens, scopes and the GMT day. Pure: the time comes as an argument."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from dataclasses import dataclass

from edge.errors import InsufficientScope, InvalidToken, MissingToken, NotBearer

RECOGNISE = "recognise"
"""detect, identify, index without enrolling."""

TRAIN = "train"
"""train, index with enrolling."""

ADMIN = "admin"
"""people, sightings, events, metrics."""

SCOPES = frozenset({RECOGNISE, TRAIN, ADMIN})
DEFAULT_SCOPES = frozenset({RECOGNISE, TRAIN})

DAY_S = 86_400

_TOKEN_BYTES = 24  # 192 random bits; 32 characters
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750, 2.1


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token may do.

    id: its row in the store. quota: counted requests per GMT day, None is unlimited. expires and
    revoked: seconds since 1970 GMT, None is never.
    """

    id: int
    name: str
    scopes: frozenset[str]
    quota: int | None
    expires: float | None
    revoked: float | None


def new_token() -> str:
    """A fresh token. The prefix lets secret scanners and people recognise one that leaked."""
    return "afe_" + secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """SHA-256 of the token, which is all that the store keeps.

    A slow, salted hash is for passwords, which can be guessed. Here are 192 random bits: nobody
    tries those out, however fast the hash, and each request pays for it once.
    """
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).digest()


def bearer(header: str | None) -> str:
    """The token in an Authorization header (RFC 6750; the scheme in any case).

    Raises MissingToken, NotBearer, or InvalidToken when there is no single token after the scheme.
    """
    if header is None or not header.strip():
        raise MissingToken("there is no Authorization header; send Authorization: Bearer TOKEN")
    scheme, _, token = header.strip(" \t").replace("\t", " ").partition(" ")
    if scheme.lower() != "bearer":
        raise NotBearer("the Authorization header must begin with Bearer, then a space and the token")
    token = token.strip(" ")
    if not token:
        raise MissingToken("the Authorization header has no token after Bearer")
    if not _B64TOKEN.fullmatch(token):
        raise InvalidToken("what follows Bearer in the Authorization header is not one token")
    return token


def valid(grant: Grant | None, now: float) -> Grant:
    """The grant, when it is valid at `now` (seconds since 1970 GMT). None: no such token.

    Raises InvalidToken. A revoked token stays revoked whatever the clock says.
    """
    if grant is None:
        raise InvalidToken("the token is not known")
    if grant.revoked is not None:
        raise InvalidToken("the token has been revoked")
    if grant.expires is not None and now >= grant.expires:
        raise InvalidToken("the token has expired")
    return grant


def require(grant: Grant, scopes: frozenset[str]) -> None:
    """Any one of the scopes is enough, and so is any token where none is asked for.

    Raises InsufficientScope.
    """
    if scopes and not scopes & grant.scopes:
        wanted, held = " or ".join(sorted(scopes)), " ".join(sorted(grant.scopes))
        raise InsufficientScope(f"this needs the scope {wanted}; the token has {held or 'none'}")


def gmt_day(now: float) -> int:
    """Whole days since 1970-01-01 GMT, whatever the zone of the device."""
    return int(now // DAY_S)  # //, not /: a quotient of floats can round up into the next day


def seconds_to_midnight(now: float) -> int:
    """Seconds to the next midnight GMT, rounded up: 1 to 86400."""
    return max(1, math.ceil((gmt_day(now) + 1) * DAY_S - now))
