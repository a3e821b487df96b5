"""One card prepared with `install --image`, copies of it, one file for all: what becomes of each at its first boot,
when power fails in the middle of that, and when the file cannot be used."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from measuring.table import Table

from device.card import BOOT, ORIGIN, QUOTA, Card, Site, copied, new_site, offered_authority
from device.container import ADDRESS, CommandFailed, Container
from device.door import PORT
from device.system import copy_source, installed
from edge.access import new_token
from tests.photographs import astronaut
from tests.pictures import jpeg
from tests.service import Client

_BOOT_S = 60.0
_STATE = "/var/lib/api-face"
_SECRET = "/etc/api-face/mqtt.secret"  # noqa: S105
_WIFI = "/etc/NetworkManager/system-connections/api-face.nmconnection"
_STEPS = (_SECRET, f"{_STATE}/people.sqlite", _WIFI, f"{_STATE}/tls/ca.crt")
_OWNERS = {
    "/etc/api-face": "root:api-face 750",
    "/etc/api-face/settings.toml": "root:api-face 640",
    _SECRET: "root:api-face 640",
    _WIFI: "root:root 600",
    _STATE: "api-face:api-face 700",
    f"{_STATE}/people.sqlite": "api-face:api-face 600",
    f"{_STATE}/tls": "api-face:api-face 700",
    f"{_STATE}/tls/ca.key": "api-face:api-face 600",
}
_DECIDED = ("/etc/api-face", "/etc/hostname", "/etc/hosts", "/etc/machine-id", _WIFI, f"{_STATE}/tls", BOOT)
_SEARCHED = ("/boot", "/etc", "/root", "/run", "/tmp", "/var")  # noqa: S108


@dataclass(frozen=True)
class Seen:
    """A copy from outside. authority: its CA's fingerprint."""

    name: str
    authority: str


def cards(master: Container, table: Table) -> None:
    """From a fresh root folder to the doors of a site."""
    master.start(network="host")  # apt and pip need it
    copy_source(master)
    token, said = installed(master, "--image")
    print(said, flush=True)
    master.stop()
    shared = [path.name for path in master.path(_STATE).iterdir()]
    shared += [words for words in (token, master.path("/etc/machine-id").read_text()) if words]
    table.check("prepared; what copies would share", ", ".join(shared) or "nothing", "nothing", not shared)
    site = new_site()
    seen = [_undisturbed(master, site, table), _cut_off(master, site, table), _mended(master, site, table)]
    for what, values in (
        ("names", [each.name for each in seen]),
        ("CAs", [each.authority[:11] for each in seen]),
    ):
        table.check(f"{what} of the three", ", ".join(values), "all differ", len(set(values)) == len(seen))


def _undisturbed(master: Container, site: Site, table: Table) -> Seen:
    """Nothing goes wrong; a second boot changes nothing."""
    with copied(master, "first", site.text) as card:
        seen = _taken(card, site, table, "1")
        before = _decided(card)
        card.container.stop()
        card.container.start()
        card.device.away(_BOOT_S)
        after = _decided(card)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        table.check("1: booted again; changed", ", ".join(changed) or "nothing", "nothing", not changed)
    _check_bytes(card, site, table, "1")
    return seen


def _cut_off(master: Container, site: Site, table: Table) -> Seen:
    """All its processes are killed in the middle of the first boot, as by a power cut that loses no writes."""
    with copied(master, "cut", site.text) as card:
        booting = threading.Thread(target=_start, args=(card.container,))
        booting.start()
        end, mark = time.monotonic() + _BOOT_S, card.container.path(_SECRET)
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.005)
        card.container.kill()
        booting.join()
        halfway = mark.exists() and card.file.exists() and not card.report("done")
        there = [path for path in _STEPS if card.container.path(path).exists()]
        table.check("2: killed at its first boot, when there was", ", ".join(there), "not all", halfway)
        seen = _taken(card, site, table, "2")
        left = card.container.run(
            "find", "/etc", _STATE, "-name", "*.new", "-o", "-name", "*.new-*", "-o", "-name", "*.draft"
        )
        table.check("2: drafts that are left", left or "none", "none", not left)
    _check_bytes(card, site, table, "2")
    return seen


def _start(container: Container) -> None:
    with suppress(CommandFailed):  # it is killed meanwhile
        container.start()


def _mended(master: Container, site: Site, table: Table) -> Seen:
    """Two files that cannot be used, then the right one."""
    quota = f"quota = {QUOTA}"
    wrong = (
        (site.text.replace("name =", "nmae =", 1), 'unknown key "nmae"'),
        (site.text.replace(quota, f'quota = "{QUOTA}"'), "quota must be a whole number"),
    )
    with copied(master, "mended", site.text) as card:
        for text, words in wrong:
            card.file.write_text(text)
            card.container.start()
            card.device.away(_BOOT_S)
            said = card.report("error").strip()
            held = words in said and not any(secret in said for secret in site.secrets)
            stays = card.file.read_text() == text
            table.check("3: a wrong file, which stays", said, words, held and stays)
            pem, authority = offered_authority()
            status = _client(pem).with_token(site.token).detect(jpeg(astronaut(), 400)).status
            table.check("3: it serves; the file's token", str(status), "401", status == 401)
            card.container.stop()
        card.file.write_text(site.text)
        seen = _taken(card, site, table, "3, mended")
        same = seen.authority == authority
        table.check("3: its CA", "the same" if same else "another", "the same", same)
    table.fact("3: in its raw bytes, where the other two files were", card.raw_secrets(site))
    return seen


def _taken(card: Card, site: Site, table: Table, which: str) -> Seen:
    """Boot, and look from outside whether it is what the file says."""
    card.container.start()
    table.fact(f"{which}: booted; ready after another", f"{card.device.away(_BOOT_S):.1f} s")
    done, (pem, authority) = card.report("done"), offered_authority()
    table.check(f"{which}: the report", "; ".join(done.splitlines()), "names the CA", f" {authority}" in done)
    name, serial = card.container.run("hostname"), card.container.run("cat", "/etc/machine-id")[-8:]
    table.check(f"{which}: name", name, f"door-{serial}", name == f"door-{serial}")
    client, photo = _client(pem), jpeg(astronaut(), 400)
    with (
        socket.create_connection((ADDRESS, PORT)) as plain,
        client.context.wrap_socket(plain, server_hostname=f"{name}.local") as secure,
    ):
        table.fact(f"{which}: certificate", f"of its CA, for {name}.local; {secure.version()}")
    other = client.with_token(new_token()).detect(photo).status
    table.check(f"{which}: another token", str(other), "401", other == 401)
    asking = client.with_token(site.token)
    statuses = [asking.detect(photo).status for _ in range(QUOTA + 1)]
    wanted = [200] * QUOTA + [429]
    table.check(
        f"{which}: the file's token, of quota {QUOTA}", str(statuses), str(wanted), statuses == wanted
    )
    answer = client.request("GET", "/health", headers={"Origin": ORIGIN})
    origin = str(answer.headers["Access-Control-Allow-Origin"])
    table.check(f"{which}: origin", origin, ORIGIN, origin == ORIGIN)
    _check_files(card, site, table, which)
    return Seen(name, authority)


def _client(pem: str) -> Client:
    """Trusts that CA, and nothing else."""
    return Client(ADDRESS, PORT, ssl.create_default_context(cadata=pem))


def _check_files(card: Card, site: Site, table: Table, which: str) -> None:
    run = card.container.run
    names = sorted(path.name for path in card.boot.iterdir() if path.name != "lost+found")
    alone = names == ["api-face.done.txt"]
    table.check(f"{which}: on the boot partition", ", ".join(names), "the report alone", alone)
    patterns = [f"--regexp={secret}" for secret in site.secrets]
    found = set(run("grep", "-rlF", *patterns, *_SEARCHED, check=False).split())
    stored = {_SECRET, _WIFI}
    table.check(f"{which}: files with its secrets", ", ".join(sorted(found)), "these two", found == stored)
    wrong = []
    for path, owner in _OWNERS.items():
        stands = run("stat", "-c", "%U:%G %a", path)
        wrong += [f"{path}: {stands}"] if stands != owner else []
    wrong += run("find", _STATE, "!", "-user", "api-face", "-o", "-type", "f", "-perm", "/077").splitlines()
    table.check(f"{which}: owners and modes", ", ".join(wrong) or "right", "right", not wrong)


def _check_bytes(card: Card, site: Site, table: Table, which: str) -> None:
    left = card.raw_secrets(site)
    table.check(f"{which}: in the boot partition's raw bytes", left, "none", left.startswith("0 "))


def _decided(card: Card) -> dict[str, str]:
    """What the file has decided: hashes by path, and the tokens."""
    run = card.container.run
    lines = run("find", *_DECIDED, "-type", "f", "-exec", "sha256sum", "{}", "+").splitlines()
    hashes = {path: digest for digest, path in map(str.split, lines)}
    return {**hashes, "tokens": run("api-face", "token", "list")}
