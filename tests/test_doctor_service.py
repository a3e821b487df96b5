"""The doctor on the service: store, tokens, certificate, name, camera, outlets, health, and the page."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import json
import os
import socket
import sqlite3
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.access import new_token, token_hash
from edge.clock import SystemClock
from edge.commands import doctor
from edge.commands.place import Place
from edge.doctor import camera, certificate, names, outlets, service, store, system, tokens
from edge.doctor.answer import Answer, Refused, asked
from edge.doctor.finding import Finding, passed
from edge.doctor.page import CHECKS, Check, bounded, examined
from edge.doctor.patient import Patient, ask_program
from edge.errors import StoreError
from edge.event import EventKind
from edge.server.names import Host
from edge.server.tls import ensure
from edge.store import copying, inspecting, open_store
from edge.store.schema import PEOPLE
from tests.doctoring import HOST, no_program, patient, unit
from tests.service import Service, command
from tests.test_camera_replay import filmed
from tests.test_doctor_machine import At, only

DAY = 86_400.0


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# -- store and tokens -----------------------------------------------------------------------------


def test_a_store_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    one = patient(tmp_path)
    only(list(store.look(one)), False, "there is none", "api-face restore")
    only(list(tokens.look(one)), None)
    assert not listing(one.state)
    open_store(one.state).close()
    before = listing(one.state)
    only(list(store.look(one)), True, "whole: people.sqlite", "usage.sqlite", "sightings.sqlite")
    assert listing(one.state) == before
    with open_store(one.state):  # a service that runs
        only(list(store.look(one)), True, "whole")
    (one.state / "usage.sqlite").unlink()
    only(list(store.look(one)), False, "there is no", "usage.sqlite")
    only(list(tokens.look(one)), None)


def test_a_look_takes_no_log_away_from_a_copy_that_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is stopped, and the nightly copy begins during the look: both open the file."""
    one = patient(tmp_path)
    open_store(one.state).close()
    before, begun, seen, real = (
        sorted(listing(one.state)),
        threading.Event(),
        threading.Event(),
        inspecting._checked,
    )

    def stand_still(*_: object) -> None:  # in the midst of copying
        begun.set()
        assert seen.wait(10)

    def checked(connection: sqlite3.Connection, path: Path, seconds: float) -> bool:
        if not begun.is_set():
            copier.start()
            assert begun.wait(10)
        return real(connection, path, seconds)

    monkeypatch.setattr(copying, "own", stand_still)
    monkeypatch.setattr(inspecting, "_checked", checked)
    copy = tmp_path / "copy"
    copier = threading.Thread(target=copying.copy_file, args=(one.state / "people.sqlite", copy, PEOPLE))
    only(list(store.look(one)), True, "whole")
    beside = set(listing(one.state))
    seen.set()
    copier.join()
    assert {"people.sqlite-shm", "people.sqlite-wal"} <= beside
    assert copying.check_copy(copy).people == 0
    open_store(one.state).close()
    assert sorted(listing(one.state)) == before


def test_a_disk_that_has_become_read_only_is_no_fault_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a service, where nothing is left to clear; and without one."""
    one, real = patient(tmp_path), os.open
    tried: list[object] = []

    def read_only(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            tried.append(path)
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *more, **named)

    with open_store(one.state), monkeypatch.context() as patched:
        patched.setattr(os, "open", read_only)
        only(list(store.look(one)), True, "whole")
        assert not tried, "a copy that begins now would find the folder held"
    monkeypatch.setattr(os, "open", read_only)
    only(list(store.look(one)), True, "whole")
    assert tried


def test_a_store_that_is_damaged(tmp_path: Path) -> None:
    one = patient(tmp_path)
    open_store(one.state).close()
    path = one.state / "people.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + os.urandom(8192) + whole[16384:])
    damaged = listing(one.state)
    only(list(store.look(one)), False, "people.sqlite", "damaged", "leave the files as they are")
    path.write_bytes(whole[: len(whole) // 2])
    only(list(store.look(one)), False, "people.sqlite")
    path.write_bytes(b"garbage" * 10_000)
    only(list(store.look(one)), False, "not an SQLite file")
    path.write_bytes(whole[:60] + (99).to_bytes(4, "big") + whole[64:])
    only(list(store.look(one)), False, "newer release")
    assert listing(one.state).keys() == damaged.keys()


def test_tokens(tmp_path: Path) -> None:
    one = patient(tmp_path)
    open_store(one.state).close()
    only(list(tokens.look(one)), False, "0 valid", "api-face token add")
    now = SystemClock().now()
    with open_store(one.state) as made:
        for name, expires in (("panel", None), ("guest", now + DAY), ("old", now - DAY)):
            made.add_token(name, token_hash(new_token()), ["recognise"], None, expires)
    only(list(tokens.look(one)), True, "2 valid; expired: old; expire soon: guest")
    with open_store(one.state) as made:
        made.revoke_token("panel")
    only(list(tokens.look(dataclasses.replace(one, clock=At(now + 2 * DAY)))), False, "0 valid")


# -- certificate and name -------------------------------------------------------------------------


def test_certificate(tmp_path: Path) -> None:
    one, now = patient(tmp_path), SystemClock().now()
    only(list(certificate.look(one)), False, "there is no", "api-face ca")
    ensure(one.state / "tls", (), now, HOST)
    ca, line = certificate.look(one)
    assert ca.ok
    assert "SHA-256 " in ca.measured
    only([line], True, "823 days left", "cam, cam.local, localhost and 3 addresses")
    moved = dataclasses.replace(one, host_source=lambda: Host("cam", ("198.51.100.3",), "cam-2.local"))
    only(list(certificate.look(moved))[1:], False, "does not cover 198.51.100.3, cam-2.local")
    late = dataclasses.replace(one, clock=At(now + 800 * DAY))
    only(list(certificate.look(late))[1:], False, "23 days left")
    early = dataclasses.replace(one, clock=At(now - 10 * DAY))
    only(list(certificate.look(early))[1:], False, "not valid yet")
    (one.state / "tls" / "server.key").write_text("another")
    only(list(certificate.look(one))[1:], False, "do not belong together")


def test_an_installers_certificate(tmp_path: Path) -> None:
    now = SystemClock().now()
    ensure(tmp_path / "own", ("panel.example",), now, HOST)
    own: dict[str, Any] = {
        key: str(tmp_path / "own" / name)
        for key, name in (("tls_certificate", "server.crt"), ("tls_key", "server.key"))
    }
    only(list(certificate.look(patient(tmp_path, **own))), True, "panel.example")
    late = patient(tmp_path, clock=At(now + 900 * DAY), **own)
    only(list(certificate.look(late)), False, "expired", "put a new one in its place")
    away = patient(tmp_path, host=Host("door", ("203.0.113.9",), None), **own)
    only(list(certificate.look(away)), None, "cannot be seen here")


def avahi(address: str) -> Callable[[Sequence[str]], str | None]:
    """busctl, with an avahi that finds every name there."""

    def program(words: Sequence[str]) -> str | None:
        if "ResolveHostName" not in words:
            return None
        return f'iisisu 2 0 "{words[-3]}" 0 "{address}" 13\n'

    return program


def service_file(port: int) -> dict[str, str]:
    return {names.SERVICE_FILE: f"<service><type>_https._tcp</type><port>{port}</port></service>"}


def test_network_name(tmp_path: Path) -> None:
    known = dataclasses.replace(HOST, announced="cam.local")
    only(list(names.look(patient(tmp_path))), None, "does not answer")
    only(
        list(names.look(patient(tmp_path, host=known, program=avahi("192.0.2.7"), files=service_file(1)))),
        True,
        "cam.local leads to 192.0.2.7",
    )
    two = names.look(patient(tmp_path, host=known, program=avahi("192.0.2.7"), port=8443))
    only(list(two)[1:], False, "announces port 1", "8443")
    only(list(names.look(patient(tmp_path))), False, "cam.local leads nowhere", "restart avahi-daemon")


def test_a_name_that_another_device_has(tmp_path: Path) -> None:
    renamed = dataclasses.replace(HOST, announced="cam-2.local")
    found = names.look(patient(tmp_path, host=renamed, program=avahi("192.0.2.7")))
    only(list(found), False, "cam-2.local, for another device", "cam.local", "set-hostname")


def test_a_name_that_leads_elsewhere(tmp_path: Path) -> None:
    known = dataclasses.replace(HOST, announced="cam.local")
    only(list(names.look(patient(tmp_path, host=known, program=avahi("192.0.2.99")))), False, "192.0.2.99")
    only(list(names.look(patient(tmp_path, host=known))), False, "leads to nobody")
    only(list(names.look(patient(tmp_path, host=known, program=avahi("fe80::1")))), True, "fe80::1")
    written = dataclasses.replace(HOST, announced="door.local")  # into avahi-daemon.conf
    only(list(names.look(patient(tmp_path, host=written, program=avahi("192.0.2.7")))), True, "door.local")


# -- camera and outlets ---------------------------------------------------------------------------


def with_answer(one: Patient, answer: Answer | Refused) -> Patient:
    vars(one)["answer"] = answer  # as if it had been asked already
    return one


def answered(status: int = 200, **fields: str) -> Answer:
    return Answer("127.0.0.1 port 1", status, {"status": "ok", **fields}, "")


@pytest.mark.parametrize(
    ("word", "ok"), [("ok", True), ("dark", True), ("stalled", False), ("absent", False)]
)
def test_a_camera_that_the_service_has(tmp_path: Path, word: str, ok: bool) -> None:
    one = with_answer(patient(tmp_path, camera="pi"), answered(camera=word))
    only(list(camera.look(one)), ok, f"the service says {word}")


def test_a_camera_that_is_free(tmp_path: Path) -> None:
    only(list(camera.look(patient(tmp_path))), None, "none")
    clip = filmed(tmp_path / "clip.mkv", [np.full((240, 320, 3), 120, np.uint8)] * 5)
    only(list(camera.look(patient(tmp_path, camera=f"file:{clip}"))), True, "320x240 px", "% (ok)")
    nothing = patient(tmp_path, camera=f"file:{tmp_path}/absent.mkv")
    only(list(camera.look(nothing)), False, "absent.mkv", "camera test")


def test_outlets(tmp_path: Path) -> None:
    only(list(outlets.look(patient(tmp_path))), None, "no broker")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        one = patient(tmp_path, mqtt_host="127.0.0.1", mqtt_port=port)
        now = SystemClock().now()
        with open_store(one.state) as made:
            made.cursor("mqtt")
            only(list(outlets.look(one)), True, "0 events wait", "listens")
            for ago in (60.0, 30.0):
                made.add_event(EventKind.CAMERA_STALLED, now - ago, "door", None, None, {})
        only(list(outlets.look(one)), True, "2 events wait, the oldest for 1 min")
        only(
            list(outlets.look(dataclasses.replace(one, clock=At(now + 3600)))), False, "61 min", "journalctl"
        )
    only(list(outlets.look(one)), False, "nobody listens")


# -- the running service, and the page ------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        (answered(camera="ok", gallery="tight"), True, "gallery tight"),
        (answered(disk="low"), False, "see the line disk"),
        (answered(camera="stalled"), False, "ribbon"),
        (answered(503, error="the store does not answer"), False, "the store does not answer"),
        (Refused("127.0.0.1 port 1", "nobody listens there", False), False, "systemd says: failed"),
    ],
)
def test_what_the_service_says(tmp_path: Path, answer: Answer | Refused, ok: bool, words: str) -> None:
    one = with_answer(patient(tmp_path, program=unit(ActiveState="failed")), answer)
    only(list(service.look(one)), ok, words)


def test_nobody_answers(tmp_path: Path) -> None:
    """A port without a listener, one that says nothing, and one that speaks another language."""
    ca = tmp_path / "ca.crt"
    ensure(tmp_path / "tls", (), SystemClock().now(), HOST)
    assert "there is no" in asked("::", 1, ca).reason  # type: ignore[union-attr]
    assert asked("::", 1, None) == Refused("127.0.0.1 port 1", "nobody listens there", False)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            listening.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        found = asked("", listening.getsockname()[1], tmp_path / "tls" / "ca.crt")
        assert isinstance(found, Refused)
        assert "no answer" in found.reason


def test_a_certificate_that_does_not_hold_by_this_clock(tmp_path: Path) -> None:
    """It is this device's all the same: the clock was ahead when it was made, or is behind now."""
    one = patient(tmp_path)
    ensure(one.state / "tls", (), SystemClock().now() + 400 * DAY, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(one.state / "tls" / "server.crt", one.state / "tls" / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as caller:
                context.wrap_socket(caller, server_side=True)

        threading.Thread(target=greet, daemon=True).start()
        one = patient(tmp_path, port=listening.getsockname()[1])
        words = "does not hold by this clock", "not yet valid", "see the lines clock and certificate"
        only(list(service.look(one)), False, *words)


def test_a_check_that_hangs_or_breaks_is_a_line(tmp_path: Path) -> None:
    one, never = patient(tmp_path), threading.Event()

    def hang(_: Patient) -> list[Finding]:
        never.wait()
        return []

    def breaks(_: Patient) -> list[Finding]:
        raise ZeroDivisionError("oh")

    def refuses(_: Patient) -> list[Finding]:
        raise StoreError("it is gone")

    checks = [
        Check("a", hang, 0.2),
        Check("b", breaks),
        Check("c", refuses),
        Check("d", lambda _: [passed("d", "")]),
    ]
    found = list(examined(one, checks))
    never.set()
    assert [(line.subject, line.ok) for line in found] == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("d", True),
    ]
    assert "no answer within 0.2 s" in found[0].measured
    assert "ZeroDivisionError: oh" in found[1].measured
    assert found[2].measured == "it is gone"


def test_every_check_survives_an_empty_machine(tmp_path: Path) -> None:
    """No /proc, no /sys, no systemd, no service, not even a state folder."""
    one = patient(tmp_path)
    one.state.rmdir()
    for check in CHECKS:
        for line in bounded(check, one):
            assert "could not be checked" not in line.measured


def test_programs_are_asked_with_a_bound() -> None:
    assert ask_program(["echo", "yes"]) == "yes\n"
    assert ask_program(["/nowhere/program"]) is None
    assert ask_program(["false"]) is None
    assert no_program(["x"]) is None


def test_the_whole_command(service: Service) -> None:
    """Beside a running service: what can be right here is, and nothing is changed."""
    before = sorted(path.name for path in service.state.rglob("*"))
    port = str(service.client.port)
    done = command("doctor", "--json", "--port", port, state=service.state)
    report = json.loads(done.stdout)
    found = {line["subject"]: line for line in report["findings"]}
    assert done.returncode == int(not report["ok"])
    assert report["ok"] == all(line["ok"] is not False for line in report["findings"])
    for subject in ("service", "models", "runtime", "permissions", "store", "CA", "certificate"):
        assert found[subject]["ok"] is True, found[subject]
    assert "camera none" in found["service"]["measured"]
    page = command("doctor", "--port", port, state=service.state)
    assert page.returncode == done.returncode
    assert "pass  models" in page.stdout
    assert page.stdout.splitlines()[-1] == "nothing fails" or " lines fail" in page.stdout
    assert sorted(path.name for path in service.state.rglob("*")) == before


class Closed(Place):
    """A state folder that this user may not enter."""

    def settings_path(self) -> Path | None:
        raise PermissionError(13, "Permission denied", str(self.state / "settings.toml"))


def test_a_state_that_one_may_not_enter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examined", system.look)
    assert doctor.run(argparse.Namespace(json=False, port=None), Closed(tmp_path, None)) == 1
    assert f"FAIL  settings      {tmp_path}/settings.toml: Permission denied" in capsys.readouterr().out


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    """They are a line, and the rest is looked at all the same."""
    (tmp_path / "settings.toml").write_text("prot = 8443")
    done = command("doctor", state=tmp_path)
    assert done.returncode == 1
    assert 'FAIL  settings      unknown setting "prot"; did you mean "port"?' in done.stdout
    assert "pass  models" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["settings.toml"]
