"""Memory is promised exactly, in order, and for a bounded wait."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.budget import MemoryBudget, Reservation, Share
from edge.clock import SystemClock
from edge.errors import BodyTooLarge, ImageTooLarge, Overloaded

SOON = 20.0
"""Longer than anything here takes, seconds."""


class JumpingClock:
    """A steady time that moves on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Not asked."""
        return 0.0

    def steady(self) -> float:
        """A second later than the last time."""
        self.seconds += 1
        return self.seconds


def budget(total: int = 400, per_request: int = 300) -> MemoryBudget:
    """100 bytes for bodies, 300 for pictures."""
    return MemoryBudget(total, per_request, SystemClock())


def eventually(condition: object) -> None:
    """Waits until the callable says so."""
    assert callable(condition)
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Taker(threading.Thread):
    """Asks for memory in a thread of its own, and holds it until let go."""

    def __init__(self, share: Share, nbytes: int, wait_s: float = SOON) -> None:
        super().__init__(daemon=True)
        self.share, self.nbytes, self.wait_s = share, nbytes, wait_s
        self.got, self.let_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        """Take, hold, give."""
        self.share.take(self.nbytes, self.wait_s)
        self.got.set()
        assert self.let_go.wait(SOON)
        self.share.give(self.nbytes)

    def finish(self) -> None:
        """Give it back."""
        self.let_go.set()
        self.join(SOON)


def waiting(share: Share) -> int:
    """How many stand in the line."""
    return len(share._coming)


def test_a_reservation_is_given_back_once() -> None:
    memory = budget()
    with memory.reserve(200, 0) as held:
        assert memory.pictures.used == 200
        held.shrink(50)
        held.shrink(70)
        assert memory.pictures.used == 50
        held.release()
    held.release()
    assert memory.pictures.used == 0


def test_growing_asks_for_the_difference_and_keeps_what_it_has() -> None:
    memory = budget()
    with memory.reserve_body(40, 0) as one, memory.reserve_body(37, 0):
        one.grow(60, 0)
        one.grow(10, 0)
        assert memory.bodies.used == 97
        with pytest.raises(Overloaded):
            one.grow(61, 0)
        assert (one.nbytes, memory.bodies.used) == (60, 97)
        with pytest.raises(BodyTooLarge):
            one.grow(98, 0)
    assert memory.bodies.used == 0


def test_who_comes_is_not_shut_out_by_those_who_grow() -> None:
    memory = budget()
    with memory.reserve_body(1, 0) as big:
        big.grow(96, 0)
        growing = threading.Thread(target=_grown, args=(memory, 50))
        growing.start()
        eventually(lambda: len(memory.bodies._growing) == 1)
        for _ in range(5):
            memory.reserve_body(3, SOON).release()
        assert growing.is_alive()
    growing.join(SOON)
    assert memory.bodies.used == 0


def _grown(memory: MemoryBudget, nbytes: int) -> None:
    with memory.reserve_body(1, SOON) as body:
        body.grow(nbytes, SOON)


def test_bodies_that_wait_for_each_other_do_not_wait_long() -> None:
    memory, outcomes = budget(), []

    def body(met: threading.Barrier) -> None:
        try:
            with memory.reserve_body(30, SOON) as held:
                met.wait(SOON)
                held.grow(90, 10 * SOON)
                outcomes.append("grown")
        except Overloaded:
            outcomes.append("refused")

    met = threading.Barrier(3)
    threads = [threading.Thread(target=body, args=(met,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert sorted(outcomes) == ["grown", "refused", "refused"]
    assert memory.bodies.used == 0


def test_who_ends_up_waiting_for_waiting_ones_is_told_when_it_becomes_so() -> None:
    memory, refused = budget(), threading.Event()

    def body() -> None:
        with memory.reserve_body(40, SOON) as held:
            try:
                held.grow(90, 10 * SOON)
            except Overloaded:
                refused.set()

    working = memory.reserve_body(20, 0)
    threads = [threading.Thread(target=body) for _ in range(2)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(memory.bodies._growing) == 2)
    assert not refused.is_set()
    working.release()
    for thread in threads:
        thread.join(SOON)
    assert refused.is_set()
    assert memory.bodies.used == 0


def test_what_can_never_fit_is_refused_at_once() -> None:
    memory = budget()
    with pytest.raises(ImageTooLarge):
        memory.reserve(301, SOON)
    with pytest.raises(BodyTooLarge):
        memory.reserve_body(98, SOON)
    with pytest.raises(ValueError, match="do not fit"):
        MemoryBudget(400, 301, SystemClock())


def test_bodies_never_take_the_memory_of_pictures() -> None:
    memory = budget()
    with memory.reserve_body(97, 0), memory.reserve(300, 0):
        with pytest.raises(Overloaded):
            memory.reserve_body(4, 0)
        with pytest.raises(Overloaded):
            memory.reserve(1, 0)


def test_waiting_is_bounded_by_the_steady_clock() -> None:
    share = Share(100, JumpingClock())
    share.take(100, 0)
    with pytest.raises(Overloaded, match=r"within 0\.5 s"):
        share.take(1, 0.5)
    assert waiting(share) == 0


def test_who_waits_is_served_when_memory_comes_back() -> None:
    share = Share(100, SystemClock())
    first, second = Taker(share, 100), Taker(share, 60)
    assert first.got.wait(SOON)
    first.finish()
    assert second.got.wait(SOON)
    second.finish()
    assert share.used == 0


def test_small_requests_do_not_overtake_a_big_one() -> None:
    share = Share(100, SystemClock())
    early = Taker(share, 50)
    assert early.got.wait(SOON)
    big = Taker(share, 80)
    eventually(lambda: waiting(share) == 1)
    small = [Taker(share, 20) for _ in range(2)]
    eventually(lambda: waiting(share) == 3)
    with pytest.raises(Overloaded):
        share.take(20, 0)
    assert not any(one.got.is_set() for one in small)
    early.finish()
    assert big.got.wait(SOON)
    assert small[0].got.wait(SOON) or small[1].got.wait(SOON)
    assert sum(one.got.is_set() for one in small) == 1
    big.finish()
    for one in small:
        assert one.got.wait(SOON)
        one.finish()
    assert share.used == 0


def test_who_gives_up_lets_the_next_one_pass() -> None:
    share = Share(100, SystemClock())
    share.take(50, 0)
    refused = []

    def give_up() -> None:
        try:
            share.take(80, 0.2)
        except Overloaded as error:
            refused.append(error)

    thread = threading.Thread(target=give_up)
    thread.start()
    eventually(lambda: waiting(share) == 1)
    share.take(50, SOON)
    thread.join(SOON)
    assert (len(refused), share.used, waiting(share)) == (1, 100, 0)


def test_many_threads_never_hold_more_than_there_is() -> None:
    share = Share(1000, SystemClock())
    guard, held, most, refused = threading.Lock(), [0], [0], [0]

    def work(seed: int) -> None:
        luck = random.Random(seed)  # noqa: S311
        for _ in range(60):
            nbytes = luck.choice((10, 100, 400, 1000))
            try:
                share.take(nbytes, luck.choice((0, 0.001, SOON)))
            except Overloaded:
                refused[0] += 1
                continue
            with guard:
                held[0] += nbytes
                most[0] = max(most[0], held[0])
            time.sleep(luck.choice((0, 0.0002)))
            with guard:
                held[0] -= nbytes
            share.give(nbytes)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert 0 < most[0] <= 1000
    assert refused[0] > 0
    assert (share.used, waiting(share)) == (0, 0)


class Accounts(RuleBasedStateMachine):
    """Whatever is reserved, grown, shrunk and released: the sums agree."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = budget()
        self.bodies: list[Reservation] = []
        self.pictures: list[Reservation] = []

    @rule(nbytes=st.integers(0, 350))
    def picture(self, nbytes: int) -> None:
        """Reserve for a picture."""
        try:
            self.pictures.append(self.memory.reserve(nbytes, 0))
        except ImageTooLarge:
            assert nbytes > 300
        except Overloaded:
            assert nbytes > 300 - sum(held.nbytes for held in self.pictures)

    @rule(nbytes=st.integers(0, 120))
    def body(self, nbytes: int) -> None:
        """Reserve for a body."""
        try:
            self.bodies.append(self.memory.reserve_body(nbytes, 0))
        except BodyTooLarge:
            assert nbytes > 97
        except Overloaded:
            assert nbytes > 100 - sum(held.nbytes for held in self.bodies)

    @rule(which=st.integers(0, 9), nbytes=st.integers(0, 120))
    def resize(self, which: int, nbytes: int) -> None:
        """Grow and shrink a body."""
        if self.bodies:
            held = self.bodies[which % len(self.bodies)]
            held.shrink(nbytes)
            try:
                held.grow(nbytes, 0)
            except BodyTooLarge:
                assert nbytes > 97
            except Overloaded:
                assert nbytes - held.nbytes > (97 if held.nbytes else 100) - sum(
                    each.nbytes for each in self.bodies
                )

    @rule(which=st.integers(0, 9), body=st.booleans())
    def release(self, which: int, body: bool) -> None:
        """Give one back, for good."""
        kept = self.bodies if body else self.pictures
        if kept:
            kept.pop(which % len(kept)).release()

    @invariant()
    def agree(self) -> None:
        """No byte is lost or made."""
        assert self.memory.bodies.used == sum(held.nbytes for held in self.bodies) <= 100
        assert self.memory.pictures.used == sum(held.nbytes for held in self.pictures) <= 300


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
