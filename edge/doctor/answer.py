"""The running service, asked for its health over its own port."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 5.0
_EVERYWHERE = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1", "": "127.0.0.1"}  # noqa: S104
_LONGEST = 65_536
_WRONG_TIME = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP. fields: of the JSON object. certificate: SHA-256 of the one it served with (DER)."""

    place: str
    status: int
    fields: Mapping[str, str]
    certificate: str


@dataclass(frozen=True, slots=True)
class Refused:
    """There was no such answer. connected: somebody listens there. advice: empty where the
    service is to blame."""

    place: str
    reason: str
    connected: bool
    advice: str = ""


def asked(host: str, port: int, ca: Path | None) -> Answer | Refused:
    """What the service on that address says. ca: what must have signed its certificate; None: anybody, for an
    installer's certificate need not cover the address that it is asked at here."""
    host = _EVERYWHERE.get(host, host)
    place = f"{host} port {port}"
    if ca is not None and not ca.exists():
        return Refused(place, f"there is no {ca} to know it by", False)
    connected = False
    connection: http.client.HTTPSConnection | None = None
    try:
        connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=_context(ca))
        connection.connect()
        connected = True
        seen = connection.sock.getpeercert(binary_form=True)
        connection.request("GET", "/health")
        response = connection.getresponse()
        values = json.loads(response.read(_LONGEST))
        fields = {str(key): _word(value) for key, value in values.items()}
        return Answer(place, response.status, fields, hashlib.sha256(seen or b"").hexdigest())
    except ssl.SSLCertVerificationError as error:
        return _distrusted(place, error)
    except ConnectionRefusedError:
        return Refused(place, "nobody listens there", False)
    except TimeoutError:
        return Refused(place, f"no answer within {PATIENCE_S:g} s", connected)
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        return Refused(place, f"no answer ({str(error) or type(error).__name__})", connected)
    finally:
        if connection is not None:
            connection.close()


def _distrusted(place: str, error: ssl.SSLCertVerificationError) -> Refused:
    if error.verify_code in _WRONG_TIME:
        words = f"its certificate does not hold by this clock: {error.verify_message}"
        return Refused(place, words, True, "see the lines clock and certificate")
    return Refused(place, f"its certificate is not this device's: {error.verify_message}", True)


def _context(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _word(value: object) -> str:
    """Of an error object: its message."""
    return str(value.get("message", value)) if isinstance(value, dict) else str(value)
