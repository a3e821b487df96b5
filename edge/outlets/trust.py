"""Secrets from files, the certificates that are trusted, and network errors in words."""

from __future__ import annotations

import socket
import ssl
import stat
from pathlib import Path

from edge.errors import SettingsError

_OTHERS = stat.S_IROTH | stat.S_IWOTH


def secret_of(setting: str, path: str) -> str:
    """What the file holds, line breaks at its end aside.

    Raises SettingsError: missing, unreadable, empty, or open to every user of the device.
    """
    try:
        mode = Path(path).stat().st_mode
        text = Path(path).read_text(encoding="utf-8").strip("\r\n")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting}: {path} is not text") from error
    except OSError as error:
        raise SettingsError(f"{setting}: {path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise SettingsError(f"{setting}: every user of this device can read {path}: chmod o= {path}")
    if not text:
        raise SettingsError(f"{setting}: {path} is empty")
    return text


def client_tls(setting: str, ca: str) -> ssl.SSLContext:
    """TLS that checks certificate and host name. ca: PEM file of the authority; empty: the system's.

    Raises SettingsError.
    """
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError as error:
        raise SettingsError(f"{setting}: {ca} holds no certificate (PEM)") from error
    except OSError as error:
        raise SettingsError(f"{setting}: {ca}: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def network_words(error: OSError | UnicodeError, place: str) -> str:
    """Why nobody could be reached. place: host and port."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {place} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {place}: {error.reason or error.strerror or 'broken off'}"
        case socket.gaierror() | UnicodeError():  # the second: no name at all, such as "a..b"
            return f"{place}: the name is not known"
        case TimeoutError():
            return f"{place} does not answer in time"
        case ConnectionRefusedError():
            return f"nobody listens at {place}"
        case OSError():
            return f"{place}: {error.strerror or type(error).__name__}"
