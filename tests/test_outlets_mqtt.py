"""MQTT against a real Mosquitto: what is retained, and that nothing is lost whoever dies."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.clock import Clock
from edge.errors import OutletError, SettingsError
from edge.event import EventKind
from edge.outlets import Delivery, device_name, opened_outlets
from edge.outlets.link import Broker, Link, Will
from edge.server.tls import ensure
from edge.settings import Settings
from edge.store import Store, open_store
from tests.broker import Consumer, Mosquitto, free_port
from tests.outbox import CAMERA, FastClock, add_events, until
from tests.store_help import enrolled

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder."""
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    """An empty one."""
    with open_store(state) as store:
        yield store


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that asks for no password."""
    with Mosquitto(tmp_path) as broker:
        yield broker


@contextmanager
def running(
    store: Store, state: Path, port: int, clock: Clock | None = None, /, **settings: Any
) -> Iterator[Delivery]:
    """The MQTT outlet of a device with these settings."""
    wanted = {"mqtt_host": "127.0.0.1", "mqtt_port": port, "mqtt_tls": False, **settings}
    deliveries = opened_outlets(Settings(**wanted), store, state, clock or FastClock(), lambda: "ok")
    (delivery,) = [delivery for delivery in deliveries if delivery.name == "mqtt"]
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop()


def base(state: Path) -> str:
    """TOPIC/DEVICE."""
    return f"api-face/{device_name(state).short}"


def online(port: int, state: Path) -> bool:
    """What the broker retains."""
    topic = f"{base(state)}/availability"
    with Consumer(port, topic) as looking:
        return until(lambda: looking.of(topic), 1.0) and looking.of(topic)[-1] == b"online"


def once(ids: list[str]) -> list[str]:
    """What a consumer keeps that knows an event by its id."""
    return list(dict.fromkeys(ids))


def test_all_is_there_before_the_first_event(store: Store, state: Path, broker: Mosquitto) -> None:
    topics = f"{base(state)}/#", "homeassistant/#"
    with running(store, state, broker.port):
        assert until(lambda: online(broker.port, state))
        with Consumer(broker.port, *topics) as late:
            assert until(lambda: len(late.messages) >= 7)
            time.sleep(0.2)
            assert all(retained for _, _, retained in late.messages)
            assert late.of(f"{base(state)}/availability") == [b"online"]
            assert late.last(f"{base(state)}/state") == {
                "people": [],
                "count": 0,
                "last": None,
                "camera": "ok",
            }
            configs = {
                topic: json.loads(payload)
                for topic, payload, _ in late.messages
                if topic.startswith("homeassistant/")
            }
    short = device_name(state).short
    assert sorted(configs) == [
        f"homeassistant/{component}/api_face_{short}/{what}/config"
        for component, what in (
            ("binary_sensor", "camera_problem"),
            ("binary_sensor", "occupancy"),
            ("sensor", "last_person"),
            ("sensor", "last_seen"),
            ("sensor", "people"),
        )
    ]
    assert len({config["unique_id"] for config in configs.values()}) == 5
    for config in configs.values():
        assert config["device"]["identifiers"] == [f"api_face_{short}"]
        assert config["availability_topic"] == f"{base(state)}/availability"
        assert config["state_topic"] == f"{base(state)}/state"
    classes = {config.get("device_class") for config in configs.values()}
    assert classes == {None, "occupancy", "timestamp", "problem"}


def test_discovery_can_be_turned_off(store: Store, state: Path, broker: Mosquitto) -> None:
    with running(store, state, broker.port, mqtt_discovery=""), Consumer(broker.port, "#") as late:
        assert until(lambda: late.of(f"{base(state)}/availability"))
        assert not [topic for topic, _, _ in late.messages if topic.startswith("homeassistant/")]


def test_discovery_is_told_again_when_home_assistant_starts(
    store: Store, state: Path, broker: Mosquitto
) -> None:
    with running(store, state, broker.port), Consumer(broker.port, "homeassistant/#") as listening:
        assert until(lambda: len(listening.messages) == 5)
        listening.say("homeassistant/status", "offline")
        listening.say("homeassistant/status", "online")
        assert until(lambda: len(listening.messages) == 2 + 10)


def test_an_event_and_the_state_that_goes_with_it(store: Store, state: Path, broker: Mosquitto) -> None:
    person = enrolled(store, "Ada", 1)
    with running(store, state, broker.port) as delivery, Consumer(broker.port, f"{base(state)}/#") as home:
        assert until(lambda: home.of(f"{base(state)}/availability"))
        sighting = store.begin_sighting(CAMERA, 1.8e9)
        store.update_sighting(sighting.row, ended=1.8e9 + 3, frames=9, similarity=71.5, person_row=person.row)
        event = store.add_event(
            EventKind.PERSON_IDENTIFIED, 1.8e9 + 1, CAMERA, sighting.id, person.row, {"similarity": 71.5}
        )
        delivery.wake()
        assert until(lambda: home.of(f"{base(state)}/event"))
        assert home.last(f"{base(state)}/event") == {
            "id": event.id,
            "event": "person.identified",
            "time": "2027-01-15T08:00:01.000Z",
            "camera": CAMERA,
            "sightingId": sighting.id,
            "personId": person.id,
            "metadata": {"name": "Ada"},
            "similarity": 71.5,
        }
        told = home.last(f"{base(state)}/state")
        assert told is not None
        assert (told["people"], told["count"]) == (["Ada"], 1)
        assert told["last"]["name"] == "Ada"
        assert told["last"]["time"] == "2027-01-15T08:00:00.000Z"
        topics = [topic.rsplit("/", 1)[1] for topic, _, _ in home.messages]
        assert topics[-2:] == ["state", "event"]  # whoever hears the event finds the state up to date
        store.close_sighting(sighting.row, 1.8e9 + 5, 12)
        store.add_event(EventKind.PERSON_LEFT, 1.8e9 + 5, CAMERA, sighting.id, person.row, {"seconds": 5})
        delivery.wake()
        assert until(lambda: len(home.of(f"{base(state)}/event")) == 2)
        told = home.last(f"{base(state)}/state")
        assert told is not None
        assert (told["people"], told["count"]) == ([], 0)
        assert told["last"]["time"] == "2027-01-15T08:00:05.000Z"
        assert not [retained for topic, _, retained in home.messages if topic.endswith("/event") and retained]


def test_presence_survives_a_restart_and_forgets_the_erased(
    store: Store, state: Path, broker: Mosquitto
) -> None:
    ada, nobody = enrolled(store, "Ada", 1), enrolled(store, None, 2)
    for person in (ada, nobody, None):
        sighting = store.begin_sighting(CAMERA, 1.8e9)
        if person is not None:
            store.update_sighting(sighting.row, ended=1.8e9, frames=1, person_row=person.row)
    topic = f"{base(state)}/state"
    with running(store, state, broker.port), Consumer(broker.port, topic) as first:
        assert until(lambda: first.last(topic))
    with Consumer(broker.port, topic) as second:  # while the device is away
        assert until(lambda: second.last(topic))
        told = second.last(topic)
        assert told is not None
        assert sorted(told["people"]) == sorted(["Ada", nobody.id, "unknown"])
        assert told["count"] == 3
    with running(store, state, broker.port) as delivery, Consumer(broker.port, topic) as third:
        assert until(lambda: third.last(topic))
        assert "Ada" in third.of(topic)[-1].decode()
        with store.writing():
            store.erase(ada)
        delivery.wake()
        # Her sighting goes a moment after herself.
        assert until(lambda: (third.last(topic) or {}).get("count") == 2, 8.0)
        assert "Ada" not in third.of(topic)[-1].decode()
    with Consumer(broker.port, topic) as fourth:
        assert until(lambda: fourth.last(topic))
        assert "Ada" not in fourth.of(topic)[-1].decode()


def test_a_clean_stop_says_offline(store: Store, state: Path, broker: Mosquitto) -> None:
    topic = f"{base(state)}/availability"
    with Consumer(broker.port, topic) as home:
        with running(store, state, broker.port):
            assert until(lambda: home.of(topic) == [b"online"])
        assert until(lambda: home.of(topic) == [b"online", b"offline"])


def test_an_hour_without_a_broker(
    store: Store, state: Path, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """1200 events while nobody is there; none is lost, none comes twice for who looks at the id."""
    caplog.set_level(logging.INFO, "edge.outlets")
    clock = FastClock(900.0)
    topic = f"{base(state)}/event"
    with Consumer(broker.port, topic) as home, running(store, state, broker.port, clock) as delivery:
        sent = add_events(store, 10)
        delivery.wake()
        assert until(lambda: len(home.of(topic)) == 10)
        broker.stop()
        gone = clock.steady()
        sent += add_events(store, 1200)
        delivery.wake()
        assert until(lambda: clock.steady() - gone >= 3600, 30.0)
        assert len(home.of(topic)) == 10
        broker.start()
        assert until(lambda: len(home.of(topic)) >= len(sent), 60.0)
        assert until(lambda: delivery.cursor() == store.newest_event())
        sent += add_events(store, 1)
        delivery.wake()
        assert until(lambda: home.fields(topic)[-1]["id"] == sent[-1])
        ids = [fields["id"] for fields in home.fields(topic)]
    assert once(ids) == sent
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("edge.outlets")]
    assert len([line for line in lines if "works again" in line]) == 1
    assert len(lines) <= 4, lines


@pytest.mark.parametrize("received", [1, 60, 150])
def test_a_broker_that_is_killed_in_the_middle(
    store: Store, state: Path, broker: Mosquitto, received: int
) -> None:
    topic = f"{base(state)}/event"
    with Consumer(broker.port, topic) as home, running(store, state, broker.port, FastClock(5.0)) as delivery:
        broker.save()  # the consumer is to come back to its session, whatever Mosquitto saved by itself
        sent = add_events(store, 300)
        delivery.wake()
        assert until(lambda: len(home.of(topic)) >= received)
        broker.kill()
        assert len(home.of(topic)) < 300
        time.sleep(0.5)
        broker.start()
        assert until(lambda: len({fields["id"] for fields in home.fields(topic)}) == 300, 20.0), len(
            home.messages
        )
        ids = [fields["id"] for fields in home.fields(topic)]
    assert once(ids) == sent


def test_our_process_is_killed_in_the_middle(store: Store, state: Path, broker: Mosquitto) -> None:
    """Its last will is seen; the next process goes on where it was."""
    event, availability = f"{base(state)}/event", f"{base(state)}/availability"
    with Consumer(broker.port, event, availability) as home:
        child = Child(state, broker.port)
        assert until(lambda: home.of(availability) == [b"online"])
        sent = add_events(store, 200)
        for received in (20, 60, 100):
            assert until(lambda seen=received: len(home.of(event)) >= seen)  # type: ignore[misc]
            child.kill()
            assert len(home.of(event)) < 200
            assert until(lambda: home.of(availability)[-1] == b"offline")
            child = Child(state, broker.port)
        try:
            assert until(lambda: len({fields["id"] for fields in home.fields(event)}) == 200, 30.0)
            assert home.of(availability)[-1] == b"online"
        finally:
            child.kill()
        ids = [fields["id"] for fields in home.fields(event)]
    assert once(ids) == sent
    assert len(ids) <= 200 + 3  # one under way at each death


def test_a_wrong_password_is_said_once(
    store: Store, state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords, right, wrong = tmp_path / "passwords", tmp_path / "right", tmp_path / "wrong"
    for file, password in ((right, "open sesame"), (wrong, "open barley")):
        file.write_text(password + "\n")
        file.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "door", "open sesame"], check=True)
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        sent = add_events(store, 1)
        login = {"mqtt_username": "door", "mqtt_password_file": str(wrong)}
        with running(store, state, broker.port, FastClock(300.0), **login) as delivery:
            sent = add_events(store, 2)
            delivery.wake()
            time.sleep(3.0)  # 15 minutes
        lines = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
        assert len(lines) == 1
        assert "refuses the user name or the password" in lines[0]
        assert "barley" not in caplog.text
        topic = f"{base(state)}/event"
        with Consumer(broker.port, topic, username="door", password="open sesame") as home:
            with running(store, state, broker.port, **{**login, "mqtt_password_file": str(right)}):
                assert until(lambda: len(home.of(topic)) == 2)
            assert [fields["id"] for fields in home.fields(topic)] == sent


def test_what_an_access_rule_forbids_is_not_taken_for_delivered(
    store: Store, state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason for MQTT 5: with 3.1.1 the broker acknowledges it all the same."""
    rules = tmp_path / "rules"
    rules.write_text("topic read #\ntopic write homeassistant/#\n")
    with (
        Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {rules}") as broker,
        running(store, state, broker.port) as delivery,
    ):
        before = delivery.cursor()
        add_events(store, 1)
        delivery.wake()
        assert until(lambda: "does not take" in caplog.text)
        assert delivery.cursor() == before
    assert "not authorized" in caplog.text


def test_tls_is_verified(store: Store, state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made, other = tmp_path / "tls", tmp_path / "other"
    for folder in (made, other):
        ensure(folder, ("127.0.0.1",), time.time())
    tls = f"cafile {made}/ca.crt", f"certfile {made}/server.crt", f"keyfile {made}/server.key"
    with Mosquitto(tmp_path, "allow_anonymous true", *tls) as broker:
        with running(store, state, broker.port, mqtt_tls=True, mqtt_ca=str(other / "ca.crt")):
            assert until(lambda: "is not trusted" in caplog.text)
        with running(store, state, broker.port, mqtt_tls=True, mqtt_ca=str(made / "ca.crt")) as delivery:
            before = delivery.cursor()
            add_events(store, 1)
            delivery.wake()
            assert until(lambda: delivery.cursor() > before)


def test_a_peer_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outlets.link.CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        link = Link(Broker("127.0.0.1", port, None, "", ""), "apiface", Will("a", "offline"))
        began = time.monotonic()
        with pytest.raises(OutletError, match="does not answer as an MQTT broker"):
            link.open()
        link.close()
        assert time.monotonic() - began < 3.0


def test_a_broker_that_hangs(
    store: Store,
    state: Path,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It takes connections and bytes, and does nothing. Stopping does not wait for it either."""
    monkeypatch.setattr("edge.outlets.link.ACK_S", 0.5)
    monkeypatch.setattr("edge.outlets.link.CONNECT_S", 0.5)
    topic = f"{base(state)}/event"
    with Consumer(broker.port, topic) as home, running(store, state, broker.port, FastClock(5.0)) as delivery:
        assert until(lambda: online(broker.port, state))
        broker.signal(signal.SIGSTOP)
        sent = add_events(store, 3)
        delivery.wake()
        assert until(lambda: "acknowledged nothing" in caplog.text)
        assert until(lambda: "does not answer as an MQTT broker" in caplog.text)
        broker.signal(signal.SIGCONT)
        assert until(lambda: delivery.cursor() == store.newest_event(), 30.0)
        assert until(lambda: once([fields["id"] for fields in home.fields(topic)]) == sent)
        broker.signal(signal.SIGSTOP)
        began = time.monotonic()
        delivery.stop()
        assert time.monotonic() - began < 4.0
        broker.signal(signal.SIGCONT)


def test_two_devices_with_one_id_are_noticed(broker: Mosquitto) -> None:
    """As after copying a memory card."""
    place, will = Broker("127.0.0.1", broker.port, None, "", ""), Will("a", "offline")
    first, second = Link(place, "apiface", will), Link(place, "apiface", will)
    first.open()
    second.open()
    assert until(lambda: first.lost)
    with pytest.raises(OutletError, match="was lost"):
        first.publish("a", "online", retain=True)
    first.cut()
    second.close()


def test_nobody_listens(store: Store, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(store, state, free_port()):
        assert until(lambda: "nobody listens at 127.0.0.1" in caplog.text)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mqtt_topic": "home/+"}, "mqtt_topic"),
        ({"mqtt_topic": ""}, "mqtt_topic"),
        ({"mqtt_discovery": "home#"}, "mqtt_discovery"),
        ({"mqtt_tls": True, "mqtt_ca": "FOLDER/none.pem"}, "none.pem: No such file"),
        ({"mqtt_tls": True, "mqtt_ca": "FOLDER/empty"}, "holds no certificate"),
        ({"mqtt_ca": "FOLDER/empty"}, "set mqtt_tls"),
        ({"mqtt_password_file": "FOLDER/good"}, "needs mqtt_username"),
        ({"mqtt_username": "a", "mqtt_password_file": "FOLDER/none"}, "none: No such file"),
        ({"mqtt_username": "a", "mqtt_password_file": "FOLDER/empty"}, "is empty"),
        ({"mqtt_username": "a", "mqtt_password_file": "FOLDER/open"}, "every user of this device can read"),
    ],
)
def test_settings_that_cannot_be_followed(
    store: Store, state: Path, settings: dict[str, Any], words: str
) -> None:
    for name, text, mode in (("empty", "", 0o600), ("good", "secret", 0o600), ("open", "secret", 0o644)):
        (state / name).write_text(text)
        (state / name).chmod(mode)
    told = {
        key: value.replace("FOLDER", str(state)) if isinstance(value, str) else value
        for key, value in settings.items()
    }
    with pytest.raises(SettingsError, match=words.replace("+", r"\+")), running(store, state, 1883, **told):
        pass


class Child:
    """A process that delivers."""

    def __init__(self, state: Path, port: int) -> None:
        command = [sys.executable, "-m", "tests.outlet_child", str(state), str(port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"started\n"

    def kill(self) -> None:
        """With SIGKILL."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
