"""The name on the network (mDNS): does NAME.local lead here, and does another device have it?"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.server.names import is_address

SERVICE_FILE = "etc/avahi/services/api-face.service"
_RESOLVE = ("busctl", "--system", "--auto-start=no", "--timeout=4", "call", "org.freedesktop.Avahi", "/")
_RESOLVE_HOST = ("org.freedesktop.Avahi.Server", "ResolveHostName", "iisiu", "--", "-1", "-1")


def look(patient: Patient) -> Iterator[Finding]:
    """As avahi sees it, and what it announces."""
    host = patient.host
    service = patient.text(SERVICE_FILE)
    if host.announced is None:
        if service is None:
            words = "avahi-daemon does not answer: call the device by its address, or by a name of your DNS"
            yield not_applicable("network name", words)
        else:
            advice = "systemctl restart avahi-daemon; where it is missing, apt install avahi-daemon"
            yield failed("network name", f"avahi-daemon does not answer: {host.local} leads nowhere", advice)
        return
    leads = _leads_to(patient, host.announced)
    if host.renamed:
        words = f"{host.announced}, for another device of this network has the name {host.local}"
        advice = "give it a name of its own: hostnamectl set-hostname NAME, and restart avahi-daemon"
        yield failed("network name", f"{words}; the certificate covers both", advice)
    elif leads not in host.addresses and not _link_local(leads):
        words = (
            f"{host.announced} leads to {leads or 'nobody'}, and this device has {', '.join(host.addresses)}"
        )
        yield failed("network name", words, "systemctl restart avahi-daemon, and see its log")
    else:
        yield passed("network name", f"{host.announced} leads to {leads}")
    if service is not None:
        yield from _announced_port(patient, service)


def _leads_to(patient: Patient, name: str) -> str:
    """An address, or ""."""
    for protocol in ("0", "1"):  # IPv4, IPv6
        answer = patient.program([*_RESOLVE, *_RESOLVE_HOST, name, protocol, "0"]) or ""
        if found := re.search(r'^iisisu \S+ \S+ "[^"]*" \S+ "([^"]+)"', answer):
            return found[1]
    return ""


def _link_local(address: str) -> bool:
    """Such addresses are not told in host.addresses: they mean another device on another cable."""
    return is_address(address) and ipaddress.ip_address(address).is_link_local


def _announced_port(patient: Patient, service: str) -> Iterator[Finding]:
    ports = set(re.findall(r"<port>(\d+)</port>", service))
    if ports != {str(patient.settings.port)}:
        words = f"/{SERVICE_FILE} announces port {', '.join(sorted(ports))}, and the settings say"
        advice = "write the port of the settings there; avahi reads it at once"
        yield failed("network name", f"{words} {patient.settings.port}", advice)
