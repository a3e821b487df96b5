"""Install, ask, reboot, ask again: each step in words."""

from __future__ import annotations

from measuring.table import Table

from device.container import ADDRESS, ADDRESS_6, Container
from device.door import UNIT, Device
from device.system import copy_source, installed
from edge.access import new_token, token_hash
from tests.photographs import astronaut, obama
from tests.pictures import jpeg

NAME = "Barack"
_SITE = "/boot/firmware/api-face"
_MOST_EXPOSED = 2.0
_NET_BIND_SERVICE = 10
"""Its number in linux/capability.h."""


def walk(container: Container, table: Table) -> Device:
    """From a fresh root folder to a device that knows somebody, rebooted and running."""
    container.start(network="host")  # apt and pip need it
    copy_source(container)
    token, said = installed(container)
    print(said, flush=True)
    device = Device(container, token, "127.0.0.1")
    table.check("the installer printed a token", "yes" if token else "no", "", bool(token))
    _check_service(device, table)
    admin = device.new_token("test-device", "--scope", "recognise", "train", "admin")
    device = Device(container, admin, "127.0.0.1")
    _first_requests(device.at("127.0.0.1"), token, table)
    _check_backup(device, table)
    provisioned = _put_site_file(container)
    container.stop()
    container.start()
    device = device.at(ADDRESS)
    table.fact("rebooted: ready again after", f"{device.away(60):.1f} s")
    _check_provisioned(device, provisioned, table)
    for address in (ADDRESS, ADDRESS_6):
        faces = device.at(address).client.identify(jpeg(obama(), 600)).ok()["faces"]
        known = [face.get("metadata", {}).get("name") for face in faces]
        table.check(f"who is known after it, at {address}", str(known), f"['{NAME}']", known == [NAME])
    return device


def _check_service(device: Device, table: Table) -> None:
    state, status = device.show("ActiveState"), device.show("StatusText")
    table.check("the service", f"{state}: {status}", "active", state == "active")
    table.check("started", f"{1 + int(device.show('NRestarts'))} time", "1", device.show("NRestarts") == "0")
    scored = device.container.run("systemd-analyze", "security", "--no-pager", UNIT).splitlines()[-1]
    score = float(scored.split(":")[1].split()[0])
    table.check("systemd-analyze security", str(score), f"<= {_MOST_EXPOSED}", score <= _MOST_EXPOSED)
    code, said = device.container.tried(
        "sh",
        "-c",
        "systemd-analyze verify /etc/systemd/system/api-face*.service /etc/systemd/system/api-face*.timer",
    )
    table.check("systemd-analyze verify", said or "nothing to say", "exit code 0", code == 0)
    process = f"/proc/{device.pid}"
    owner = device.container.run("stat", "-c", "%U", process)
    rights = int(device.container.run("sed", "-n", "s/^CapEff:\\s*//p", f"{process}/status"), 16)
    table.check("runs as", owner, "api-face", owner == "api-face")
    table.check("capabilities", f"{rights:#x}", "CAP_NET_BIND_SERVICE", rights == 1 << _NET_BIND_SERVICE)


def _first_requests(device: Device, first_token: str, table: Table) -> None:
    faces = device.client.with_token(first_token).detect(jpeg(astronaut(), 400)).ok()["faces"]
    table.check("detect with the installer's token, over https", f"{len(faces)} face", "1", len(faces) == 1)
    trained = device.client.train(jpeg(obama(), 600), name=NAME).ok()
    table.check("train", str(trained["metadata"]), "", trained["metadata"] == {"name": NAME})


def _check_backup(device: Device, table: Table) -> None:
    code, said = device.container.tried("systemctl", "start", "api-face-housekeeping.service")
    words = device.container.run(
        "journalctl", "-u", "api-face-housekeeping", "-o", "cat", "--no-pager", "-n", "4"
    )
    table.check("the nightly backup, in its sandbox", said or " ".join(words.splitlines()), "", code == 0)


def _put_site_file(container: Container) -> str:
    """On the boot partition, as for a card's first start; the token that it lets in."""
    token = new_token()
    lines = [
        'name = "door-{serial}"',
        "[[tokens]]",
        'name = "site"',
        f'hash = "sha256:{token_hash(token).hex()}"',
        'scopes = ["recognise"]',
    ]
    container.run("mkdir", "-p", "/boot/firmware")
    container.run("tee", f"{_SITE}.toml", data="\n".join([*lines, ""]))
    return token


def _check_provisioned(device: Device, token: str, table: Table) -> None:
    code, said = device.container.tried("cat", f"{_SITE}.done.txt")
    gone, _ = device.container.tried("test", "!", "-e", f"{_SITE}.toml")
    table.check(
        "the file on the boot partition was used", "; ".join(said.splitlines()), "", code == gone == 0
    )
    status = device.client.with_token(token).detect(jpeg(astronaut(), 400)).status
    table.check("detect with its token", str(status), "200", status == 200)
