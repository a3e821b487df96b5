"""What this host is called: its name, the addresses it has now, and the name that the network knows it by."""

from __future__ import annotations

import ipaddress
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr

from edge.errors import SettingsError

_DNS_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
_PATIENCE_S = 2.0

_AVAHI = ("org.freedesktop.Avahi", "/", "org.freedesktop.Avahi.Server")
"""Bus name, object and interface of avahi-daemon (its introspection/Server.xml)."""


@dataclass(frozen=True, slots=True)
class Host:
    """name: of the host, its first label, in lower case. addresses: of its interfaces, without link-local
    ones. announced: the name that avahi made known on the network ("cam.local", or "cam-2.local" where
    another device had that one already); None: not known, for avahi is not there or was not asked."""

    name: str
    addresses: tuple[str, ...]
    announced: str | None

    @property
    def local(self) -> str:
        """The name that it would like to have on the network."""
        return f"{self.name}.local"

    @property
    def renamed(self) -> bool:
        """Whether the network knows it by a number behind its name, for another device has the name. (Another
        name altogether is what somebody wrote into avahi-daemon.conf.)"""
        return re.fullmatch(rf"{re.escape(self.name)}-\d+\.local", self.announced or "") is not None


def unannounced_host() -> Host:
    """What can be known without asking another program."""
    return Host(socket.gethostname().split(".")[0].lower(), tuple(_interface_addresses()), None)


def this_host() -> Host:
    """What is known now. Asks avahi, which takes some milliseconds."""
    host = unannounced_host()
    return Host(host.name, host.addresses, announced_name())


def announced_name(busctl: str = "busctl") -> str | None:
    """The name that avahi announces. It numbers on when two devices have one name; only it knows the outcome.

    busctl is part of systemd, and nothing else that every Raspberry Pi OS has speaks to avahi.
    """
    if shutil.which(busctl) is None:
        return None
    words = [busctl, "--system", "--auto-start=no", f"--timeout={_PATIENCE_S:g}", "call"]
    try:
        done = subprocess.run(
            [*words, *_AVAHI, "GetHostNameFqdn"],
            capture_output=True,
            text=True,
            timeout=2 * _PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    name = done.stdout.strip().removeprefix("s ").strip('"').rstrip(".").lower()
    return name if _DNS_NAME.fullmatch(name) else None


def host_names(further: Iterable[str] = (), host: Host | None = None) -> tuple[str, ...]:
    """The DNS names, then the addresses, under which the host may be called; each part sorted.

    further: more of both (the setting tls_names). host: None: this one, as it is now. Raises SettingsError.
    """
    host = host or this_host()
    names = {"localhost", *((host.name, host.local) if _DNS_NAME.fullmatch(host.name) else ())}
    addresses = {"127.0.0.1", "::1"}
    for name in (*host.addresses, *((host.announced,) if host.announced else ()), *further):
        if is_address(name):
            addresses.add(str(ipaddress.ip_address(name)))
        elif _DNS_NAME.fullmatch(name.lower().removeprefix("*.")):
            names.add(name.lower())
        else:
            raise SettingsError(f'tls_names: "{name}" is neither a DNS name nor an address')
    return (*sorted(names), *sorted(addresses))


def is_address(name: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _interface_addresses() -> list[str]:
    addresses: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ipaddress.ip_address(text).is_link_local:
                addresses.append(text)
    return addresses
