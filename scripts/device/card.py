"""A copied card in a container, and the site's file on its boot partition.

The boot partition is an image of its own, mounted where a card's is: what is left in its bytes can be seen. It is
ext2, which writes in place as FAT does. A container has no board's serial number, but a machine id.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from device.container import ADDRESS, Container
from device.door import PORT, Device
from edge.access import new_token, token_hash
from tests.service import Client

BOOT = "/boot/firmware"
ORIGIN = "https://panel.example"
QUOTA = 3
_FILE = "api-face.toml"


@dataclass(frozen=True)
class Site:
    """The one file for all. secrets: what of it must not be found without a right to the whole card."""

    token: str
    text: str
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """partition: the image of its boot partition."""

    container: Container
    partition: Path

    @property
    def device(self) -> Device:
        """Without a token."""
        return Device(self.container, "")

    @property
    def boot(self) -> Path:
        """The boot partition, as a card reader shows it."""
        return self.container.path(BOOT)

    @property
    def file(self) -> Path:
        """The site's, there."""
        return self.boot / _FILE

    def report(self, name: str) -> str:
        """What done or error says there; empty: there is none."""
        path = self.file.with_suffix(f".{name}.txt")
        return path.read_text() if path.exists() else ""

    def raw_secrets(self, site: Site) -> str:
        """How many of the site's are in the boot partition's bytes, when the card was taken out."""
        content = self.partition.read_bytes()
        left = [secret for secret in site.secrets if secret.encode() in content]
        return f"{len(left)} of {len(site.secrets)} secrets"


@contextmanager
def copied(master: Container, name: str, text: str) -> Iterator[Card]:
    """A copy of the card with that file on its boot partition. The partition's image outlives it."""
    folder = master.folder.with_name(f"{master.folder.name}-{name}")
    card = Card(Container(folder), folder.with_name(f"{folder.name}.boot"))
    _thrown_away(card)
    subprocess.run(["cp", "-a", master.folder, folder], check=True)
    card.boot.mkdir(parents=True, exist_ok=True)
    card.partition.unlink(missing_ok=True)
    with TemporaryDirectory() as content:
        (Path(content) / _FILE).write_text(text)
        command = ["mke2fs", "-q", "-t", "ext2", "-d", content, str(card.partition), "4M"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mount", "-o", "loop", card.partition, card.boot], check=True)
    try:
        yield card
    finally:
        _thrown_away(card)


def _thrown_away(card: Card) -> None:
    if card.container.folder.exists():
        card.container.kill()
    if os.path.ismount(card.boot):
        subprocess.run(["umount", card.boot], check=True)
    shutil.rmtree(card.container.folder, ignore_errors=True)


def offered_authority() -> tuple[str, str]:
    """The CA that the device at the end of the cable offers to whoever does not know it yet: PEM, and fingerprint as
    openssl prints it."""
    stranger = Client(ADDRESS, PORT, ssl._create_unverified_context())  # noqa: S323
    pem = stranger.get("/ca.crt").body.decode()
    return pem, hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(":").upper()


def new_site() -> Site:
    """With secrets of its own."""
    token, wifi, broker = new_token(), f"wifi-{new_token()}", f"mqtt-{new_token()}"
    digest = token_hash(token).hex()
    text = f"""name = "door-{{serial}}"

[settings]
camera = "none"
cors_origins = ["{ORIGIN}"]
mqtt_host = "broker.example"
mqtt_username = "doors"

[secrets]
mqtt_password = "{broker}"

[[tokens]]
name = "panel"
hash = "sha256:{digest}"
scopes = ["recognise"]
quota = {QUOTA}

[wifi]
ssid = "Office"
password = "{wifi}"
country = "DE"
"""
    return Site(token, text, (digest, wifi, broker))
