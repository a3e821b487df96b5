"""What a site file changes beside the program: the host's name, and the Wi-Fi. All below a root folder."""

from __future__ import annotations

import re
import socket
import subprocess
import uuid
from pathlib import Path

from edge.errors import SettingsError
from edge.provisioning.files import put
from edge.provisioning.site import SERIAL, Wifi

_SERIAL_DIGITS = 8
_SERIAL_FILES = (("proc/device-tree/serial-number", r"[A-Za-z0-9-]+"), ("etc/machine-id", r"[0-9a-f]{32}"))
"""The board's own; else the installation's, which systemd makes at the first boot, in place of a word."""

_CONNECTION = "etc/NetworkManager/system-connections/api-face.nmconnection"
_NETWORK_MANAGER = "usr/sbin/NetworkManager"


def host_name(name: str, root: Path) -> str:
    """The name with the serial number in it. Raises SettingsError where it asks for one and there is none."""
    if SERIAL not in name:
        return name
    for file, form in _SERIAL_FILES:
        try:
            text = (root / file).read_text(encoding="ascii").strip("\0\n ")
        except (OSError, UnicodeDecodeError):
            continue
        if re.fullmatch(form, text):
            return name.replace(SERIAL, text[-_SERIAL_DIGITS:].lower())
    raise SettingsError(f'name = "{name}": this device has no serial number and no machine id')


def set_host_name(name: str, root: Path) -> None:
    """In the files and, on the running system, at once. Raises OSError."""
    path = root / "etc/hostname"
    before = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    put(path, f"{name}\n", 0o644)
    hosts = root / "etc/hosts"
    text = hosts.read_text(encoding="utf-8") if hosts.exists() else ""
    kept = [line for line in text.splitlines() if not re.match(r"127\.0\.1\.1\s", line)]
    put(hosts, "\n".join([*kept, f"127.0.1.1\t{name}", ""]), 0o644)
    if root == Path("/") and before != name:
        socket.sethostname(name)
        _try("systemctl", "--no-block", "try-restart", "avahi-daemon.service")  # it asks once, when it starts


def join_wifi(wifi: Wifi, root: Path) -> list[str]:
    """A connection of NetworkManager's, which is what Raspberry Pi OS has since bookworm. Raises OSError.

    The file holds the password, readable by root alone: without it the device could not join after a restart.
    Returns what may keep it from joining all the same, in words.
    """
    lines = [
        "[connection]",
        "id=api-face",
        f"uuid={uuid.uuid5(uuid.NAMESPACE_DNS, 'api-face.local')}",
        "type=wifi",
        "[wifi]",
        "mode=infrastructure",
        "ssid=" + _escaped(wifi.ssid).replace(";", "\\;"),  # a ";" would make it a list of bytes
        f"hidden={'true' if wifi.hidden else 'false'}",
    ]
    if wifi.password:
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={_escaped(wifi.password)}"]
    lines += ["[ipv4]", "method=auto", "[ipv6]", "method=auto", ""]
    path = root / _CONNECTION
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(path, "\n".join(lines), 0o600)
    if not (root / _NETWORK_MANAGER).exists():
        return ["this system has no NetworkManager, and nothing else reads that: it joins no Wi-Fi"]
    return _switched_on(wifi.country) if root == Path("/") else []


def _switched_on(country: str) -> list[str]:
    """What may keep the radio off, in words. Until the country is known, Raspberry Pi OS has it off
    twice: in the kernel, and in NetworkManager (pi-gen, stage2/02-net-tweaks)."""
    hindered = []
    if country and (why := _try("raspi-config", "nonint", "do_wifi_country", country)):
        hindered.append(f"country {country} was not set, and a Pi's radio may stay off: {why}")
    if why := _try("nmcli", "radio", "wifi", "on"):
        hindered.append(f"NetworkManager may keep the radio off: {why}")
    _try("nmcli", "connection", "reload")
    return hindered


def _escaped(text: str) -> str:
    r"""As GLib's key files have it: "\\" doubled, a leading space as "\s"."""
    text = text.replace("\\", "\\\\")
    return "\\s" + text[1:] if text.startswith(" ") else text


def _try(*command: str) -> str:
    """Why it failed, in words; empty: it did not."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, errors="replace", timeout=60)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    except subprocess.TimeoutExpired as error:
        return f"{command[0]} took more than {error.timeout:.0f} s"
    if done.returncode == 0:
        return ""
    return ", ".join([f"{command[0]}: exit code {done.returncode}", *done.stderr.strip().splitlines()[-1:]])
