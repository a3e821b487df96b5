"""The watchdog is fed while recognition works, slow and busy devices included, and not when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.engine import Engine, NoEngine
from edge.errors import ModelError, Overloaded
from edge.notify import Manager
from edge.portrait import Portrait
from edge.selftest import SIDE, SelfTest, drawn_face
from edge.settings import load_settings
from edge.vision import Detection, Vision
from edge.watchdog import STUCK_S, Watchdog, pause
from edge.wiring import made_vision
from tests.service import Service
from tests.store_help import SetClock

PATIENCE_S = 0.4


class Heard:
    """A service manager that notes what it is told, and how long it was told nothing."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = str(folder / "notify")
        self._socket.bind(self.path)

    def next(self, wait_s: float) -> str | None:
        """The next message; None: none came in time."""
        self._socket.settimeout(wait_s)
        with contextlib.suppress(TimeoutError):
            return self._socket.recv(4096).decode()
        return None

    def fed(self, wait_s: float) -> bool:
        """Whether the watchdog is fed within that time."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            if "WATCHDOG=1" in (self.next(left) or ""):
                return True
        return False

    def drain(self) -> None:
        while self.next(0.001) is not None:
            pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    manager = Heard(tmp_path)
    yield manager
    manager.close()


@pytest.fixture(scope="module")
def vision() -> Vision:
    return made_vision(load_settings(None, workers=1, queue_seconds=0.1))[1]


@contextlib.contextmanager
def guarded(
    heard: Heard, vision: Vision, test: Callable[[], object] | None = None
) -> Iterator[asyncio.AbstractEventLoop]:
    """A watchdog in a loop of its own."""

    class Test:
        def run(self) -> None:
            (test or real.run)()

    real = SelfTest(vision)
    manager = Manager(heard.path, PATIENCE_S)
    watchdog = Watchdog(manager, Test(), vision, SystemClock(), lambda: "serves")
    loop = asyncio.new_event_loop()
    running = loop.create_task(watchdog.run())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(running)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(running.cancel)
        thread.join()


def test_the_drawn_face_is_found_and_embedded(vision: Vision) -> None:
    detection, portraits = vision.portraits(drawn_face())
    assert len(detection.faces) == len(portraits) == 1
    assert detection.faces[0].confidence > 0.9
    SelfTest(vision).run()


class Seeing:
    """A vision that finds what it is told, of what the real one finds."""

    def __init__(self, vision: Vision, change: Callable[[list[Portrait]], list[Portrait]]) -> None:
        self._vision = vision
        self._change = change

    def portraits(
        self, data: bytes, *, min_confidence: float | None = None
    ) -> tuple[Detection, list[Portrait]]:
        detection, portraits = self._vision.portraits(data, min_confidence=min_confidence)
        portraits = self._change(portraits)
        return dataclasses.replace(detection, faces=tuple(one.face for one in portraits)), portraits


def moved(portraits: list[Portrait]) -> list[Portrait]:
    """To the other end of the picture."""
    (one,) = portraits
    box = dataclasses.replace(one.face.box, left=one.face.box.left + 3 * SIDE)
    return [dataclasses.replace(one, face=dataclasses.replace(one.face, box=box))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: [], "found 0 faces, and 0 where one is drawn"),
        (lambda found: found * 2, "found 2 faces, and 2"),
        (moved, "found 1 faces, and 0 where one is drawn"),
    ],
)
def test_networks_that_find_anything_but_the_face_fail(
    vision: Vision, change: Callable[[list[Portrait]], list[Portrait]], words: str
) -> None:
    """From the first time on."""
    with pytest.raises(ModelError, match=words):
        SelfTest(Seeing(vision, change)).run()


def test_a_setting_that_asks_for_surer_faces_changes_nothing() -> None:
    strict = made_vision(load_settings(None, min_confidence=1.0))[1]
    assert not strict.portraits(drawn_face())[1]
    SelfTest(strict).run()


def test_it_is_fed_again_and_again_while_all_is_well(heard: Heard, vision: Vision) -> None:
    with guarded(heard, vision):
        assert heard.fed(5)
        assert heard.fed(5)
        message = heard.next(5) or ""
        assert re.fullmatch(r"WATCHDOG=1\nSTATUS=serves; self-test \d+ ms", message)


def test_an_engine_that_hangs_starves_it(heard: Heard, vision: Vision) -> None:
    with guarded(heard, vision):
        assert heard.fed(5)
        with vision._pool.engine(5):  # the only one, and it does not come back
            time.sleep(0.5)  # a test that was under way
            heard.drain()
            assert not heard.fed(3 * PATIENCE_S)
        assert heard.fed(5)


def test_a_self_test_that_hangs_starves_it(heard: Heard, vision: Vision) -> None:
    hung = threading.Event()
    with guarded(heard, vision, lambda: hung.wait(30)):
        try:
            assert not heard.fed(3 * PATIENCE_S)
        finally:
            hung.set()
        assert heard.fed(5)


def test_a_loop_that_stands_still_starves_it(heard: Heard, vision: Vision) -> None:
    with guarded(heard, vision) as loop:
        assert heard.fed(5)
        stand, begun = threading.Event(), threading.Event()
        loop.call_soon_threadsafe(begun.set)
        loop.call_soon_threadsafe(stand.wait, 30)
        assert begun.wait(5)
        heard.drain()
        try:
            assert not heard.fed(3 * PATIENCE_S)
        finally:
            stand.set()
        assert heard.fed(5)


def test_networks_that_fail_starve_it_and_the_manager_is_told(heard: Heard, vision: Vision) -> None:
    def fail() -> None:
        raise ModelError("the embedder gives no numbers")

    with guarded(heard, vision, fail):
        assert heard.next(5) == "STATUS=the self-test: the embedder gives no numbers"
        assert not heard.fed(3 * PATIENCE_S)


def test_one_of_several_engines_that_hangs_starves_it(heard: Heard) -> None:
    class Working:
        finished = 0
        longest_s = 1.0

    working = Working()
    manager = Manager(heard.path, PATIENCE_S)

    class Test:
        def run(self) -> None:
            working.finished += 1

    async def run() -> None:
        task = asyncio.create_task(Watchdog(manager, Test(), working, SystemClock(), lambda: "serves").run())
        await asyncio.sleep(0.2)
        assert heard.fed(1)
        working.longest_s = STUCK_S + 1
        await asyncio.sleep(0.2)
        heard.drain()
        await asyncio.sleep(3 * PATIENCE_S)
        assert not heard.fed(0.1)
        task.cancel()

    asyncio.run(run())


def test_a_busy_device_is_fed_by_what_its_requests_finish(heard: Heard, vision: Vision) -> None:
    picture, stop = drawn_face(), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            with contextlib.suppress(Overloaded):
                vision.portraits(picture)

    def no_turn() -> None:
        raise NoEngine("no worker came free within 0.1 s")

    with ThreadPoolExecutor(3) as pool, guarded(heard, vision, no_turn):
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            assert all(heard.fed(5) for _ in range(3))
        finally:
            stop.set()
        for one in asking:
            one.result()
        heard.drain()
        time.sleep(0.2)
        heard.drain()
        assert not heard.fed(3 * PATIENCE_S)


@contextlib.contextmanager
def kept_busy(work: Callable[[], object]) -> Iterator[None]:
    """Somebody else who works all the time."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.01):
            work()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(go_on)
        try:
            yield
        finally:
            stop.set()
        working.result()


def test_memory_that_is_never_given_back_starves_it(
    heard: Heard, vision: Vision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is finished meanwhile; but not at once, for big pictures may need it all."""
    monkeypatch.setattr("edge.watchdog.NO_MEMORY_S", 2.0)
    picture = drawn_face()

    def no_memory() -> None:
        raise Overloaded("no 2 MiB of memory came free within 0.1 s")

    with kept_busy(lambda: vision.portraits(picture)), guarded(heard, vision, no_memory):
        assert heard.fed(1.5)
        time.sleep(2)
        heard.drain()
        assert (heard.next(5) or "").startswith("STATUS=the self-test: no 2 MiB")
        assert not heard.fed(3 * PATIENCE_S)


def test_a_want_of_memory_is_counted_from_its_own_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the last test that passed: before it no engine may have been free for long. What comes between
    two lacks of memory begins anew."""

    class Working:
        finished = 0
        longest_s = 1.0

    class Test:
        outcome: Overloaded | None = None

        def run(self) -> None:
            if self.outcome is not None:
                raise self.outcome

    working, test, clock = Working(), Test(), SetClock()
    watchdog = Watchdog(Manager(), test, working, clock, str)

    def fed(after_s: float, outcome: Overloaded | None) -> bool:
        clock.steady_s += after_s
        working.finished += 1
        test.outcome = outcome
        return watchdog._look() is None

    busy, memory = NoEngine("no worker came free"), Overloaded("no memory came free")
    for between in (busy, None):
        assert all(fed(60, between) for _ in range(10))
        assert all(fed(60, memory) for _ in range(6))
    assert not fed(1, memory)
    assert fed(1, None)
    assert fed(1, memory)


@pytest.mark.parametrize("patient", [True, False])
def test_what_the_camera_finishes_is_no_proof_that_requests_are_served(
    heard: Heard, vision: Vision, patient: bool
) -> None:
    def frame() -> None:
        with vision.for_camera(patient):
            pass

    def no_turn() -> None:
        raise NoEngine("no worker came free within 0.1 s")

    with kept_busy(frame), guarded(heard, vision, no_turn):
        assert (heard.next(5) or "").startswith("STATUS=the self-test: no worker")
        heard.drain()
        assert not heard.fed(3 * PATIENCE_S)


def test_the_work_under_way_is_timed(vision: Vision) -> None:
    assert vision.longest_s == 0
    before = vision.finished
    with vision.for_camera(patient=True) as engine:
        assert isinstance(engine, Engine)
        time.sleep(0.05)
        assert 0.04 < vision.longest_s < 10
        with vision.for_camera(patient=False) as none:
            assert none is None
    assert vision.finished == before
    assert vision.longest_s == 0
    vision.detect(drawn_face())
    assert vision.finished == before + 1


@pytest.mark.parametrize(("took", "seconds"), [(0.05, 5), (0.4, 8), (2, 15), (40, 15)])
def test_the_test_takes_a_small_part_of_the_time(took: float, seconds: float) -> None:
    assert pause(took, 60) == pytest.approx(seconds)


def test_nobody_is_tested_where_nobody_listens(vision: Vision) -> None:
    class Never:
        def run(self) -> None:
            raise AssertionError

    asyncio.run(Watchdog(Manager(), Never(), vision, SystemClock(), str).run())


def test_the_service_tells_ready_alive_and_stopping(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", heard.path)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    service = Service(tmp_path / "state")
    try:
        first = heard.next(5) or ""
        assert first.startswith("READY=1\nSTATUS=api-face edge ")
        assert service.url in first
        told = [heard.next(5) or "" for _ in range(3)]
        assert all(
            re.match(r"WATCHDOG=1\nSTATUS=serves; camera: none; self-test \d+ ms$", one) for one in told
        )
    finally:
        assert service.stop() == 0
    last = None
    while (message := heard.next(0.1)) is not None:
        last = message
    assert last == "STOPPING=1\nSTATUS=stopping"


def test_who_is_ended_by_the_watchdog_tells_where_it_hung(tmp_path: Path) -> None:
    state = tmp_path / "state"
    service = Service(state)
    service.process.send_signal(signal.SIGABRT)  # what systemd sends
    assert service.process.wait(30) == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in service.log
    assert "in _serve" in service.log or "asyncio" in service.log
