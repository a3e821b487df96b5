"""The camera loop on scenes, with the real networks: who is seen, how often somebody is looked at, and when
not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.attention import Attention
from edge.evidence import Opinion
from edge.presence import FURNITURE_S
from edge.settings import Settings
from edge.visit import Visit
from edge.wiring import Device, opened_device
from tests.photographs import biden, obama
from tests.scenes import FPS, Scene, crossing, fixed, present, standing


class Noting:
    """Stands for edge.sightings: notes what it is told."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.left: list[Visit] = []

    def keep(self, visit: Visit) -> None:
        if visit not in self.visits:
            self.visits.append(visit)
            visit.told.row = len(self.visits)

    def leave(self, visit: Visit) -> None:
        self.left.append(visit)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """One that knows two men, each by one photograph."""
    with opened_device(tmp_path_factory.mktemp("attention"), Settings(workers=1)) as opened:
        opened.enroller.train(obama().read_bytes(), "Barack", None)
        opened.enroller.train(biden().read_bytes(), "Joe", None)
        yield opened


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def attention(device: Device, noting: Noting) -> Attention:
    return Attention(device.recognizer, device.settings, noting)


def play(attention: Attention, scene: Scene, seconds: float, start: float = 0.0, fps: float = FPS) -> None:
    for frame, region in scene.frames(seconds, start, fps):
        attention.look(frame, region)


def names(device: Device, visits: list[Visit]) -> list[str | None]:
    found = []
    for visit in visits:
        person = None if visit.person_row is None else device.store.person_by_row(visit.person_row)
        found.append(None if person is None else person.name)
    return found


def test_somebody_known_walks_by(device: Device, attention: Attention, noting: Noting) -> None:
    """One visit, named, ended when they are gone; a few looks are enough."""
    play(attention, Scene([("obama", 300, crossing(2.0, 5.0))]), 20)
    (visit,) = noting.left
    assert noting.visits == [visit]
    assert names(device, [visit]) == ["Barack"]
    assert 2 <= visit.embedded <= 6
    assert not attention.visits


def test_two_at_once(device: Device, attention: Attention, noting: Noting) -> None:
    scene = Scene([("obama", 300, standing(300)), ("biden", 320, standing(900))])
    play(attention, scene, 4)
    assert sorted(map(str, names(device, noting.visits))) == ["Barack", "Joe"]


def test_a_stranger_is_one(device: Device, attention: Attention, noting: Noting) -> None:
    """Nobody's name is given to them; several good looks before they are somebody."""
    play(attention, Scene([("astronaut", 320, standing())]), 6)
    (visit,) = noting.visits
    assert visit.belief.opinion is Opinion.STRANGER
    assert visit.evidence is not None
    assert visit.evidence.good >= 3
    assert len(visit.shots) == 3
    assert all(shot.good for shot in visit.shots)


def test_somebody_far_away_is_nobody(attention: Attention, noting: Noting) -> None:
    """A face of 20 px tells nothing."""
    play(attention, Scene([("obama", 34, standing())]), 4)
    assert noting.visits == []


def test_a_column_for_a_moment(device: Device, attention: Attention, noting: Noting) -> None:
    """Out of sight for four seconds, back a little further on: the same visit, and looked at once more."""
    scene = Scene(
        [("obama", 300, present(standing(400), (1, 5))), ("obama", 300, present(standing(800), (9, 13)))]
    )
    play(attention, scene, 14)
    (visit,) = noting.visits
    assert visit.frames > 10
    assert names(device, [visit]) == ["Barack"]
    assert noting.left == []


def test_another_takes_the_place(device: Device, attention: Attention, noting: Noting) -> None:
    """From one frame to the next, in the same place: two visits, each with the right name."""
    scene = Scene(
        [("obama", 300, present(standing(), (0, 20))), ("biden", 300, present(standing(), (20, 60)))]
    )
    play(attention, scene, 60)
    assert names(device, noting.visits) == ["Barack", "Joe"]


def test_a_poster(attention: Attention, noting: Noting) -> None:
    """A face that never moves is told of once, and not taken for a stranger; then it costs little, also when
    the light changes."""
    scene = Scene([("astronaut", 300, fixed())], light=lambda time: 1.0 if time < 200 else 0.7)
    play(attention, scene, FURNITURE_S + 60, fps=2)
    (visit,) = noting.visits
    assert visit.belief.opinion is Opinion.OPEN
    assert noting.left == noting.visits
    before = attention.steps.steps["detect"].calls
    play(attention, scene, 60, FURNITURE_S + 60, fps=2)
    assert attention.steps.steps["detect"].calls - before <= 20
    assert len(noting.visits) == 1


def test_an_empty_room(attention: Attention, noting: Noting) -> None:
    """The gate keeps watch, the detector looks twice a minute."""
    play(attention, Scene(), 10)
    before = attention.steps.steps["detect"].calls
    play(attention, Scene(), 60, 10, fps=4)
    assert attention.steps.steps["detect"].calls - before <= 2
    assert noting.visits == []
    assert attention.steps.steps["gate"].calls == 340


def test_requests_come_first(device: Device, attention: Attention, noting: Noting) -> None:
    """While they need every engine a frame is let go; after two seconds the loop stands in line as well."""
    scene = Scene([("obama", 300, standing())])
    with device.recognizer.vision.for_camera(patient=True):
        play(attention, scene, 1.5)
        assert attention.steps.counts["yielded"] == 15
        assert "detect" not in attention.steps.steps
    play(attention, scene, 3, 1.5)
    assert names(device, noting.visits) == ["Barack"]


def test_slow_but_not_blind(device: Device, attention: Attention, noting: Noting) -> None:
    """Requests have every engine for all but a moment every two seconds: who stands there is known all the
    same."""
    frames = Scene([("obama", 300, standing())]).frames(24, fps=5)
    for number, (frame, region) in enumerate(frames):
        if number % 11 == 10:
            attention.look(frame, region)
        else:
            with device.recognizer.vision.for_camera(patient=True):
                attention.look(frame, region)
    assert names(device, noting.visits) == ["Barack"]
    assert noting.left == []


def test_a_busy_device_is_waited_for(tmp_path: Path) -> None:
    """In vain, after as long as a request waits: the frame is let go, and nothing else happens."""
    with opened_device(tmp_path, Settings(workers=1, queue_seconds=0.05)) as device:
        attention = Attention(device.recognizer, device.settings, Noting())
        with device.recognizer.vision.for_camera(patient=True):
            play(attention, Scene(), 4)
        assert attention.steps.counts["yielded"] == 40


def test_everything_ends(attention: Attention, noting: Noting) -> None:
    """When the loop is stopped, whoever is in view has left; once."""
    play(attention, Scene([("obama", 300, standing())]), 3)
    attention.end()
    attention.end()
    assert noting.left == noting.visits
    assert not attention.visits


def test_a_camera_that_stalls(attention: Attention, noting: Noting) -> None:
    """No frames come any more: those in view have left after a while."""
    play(attention, Scene([("obama", 300, standing())]), 3)
    attention.expire(1004.0)
    assert noting.left == []
    attention.expire(1020.0)
    assert noting.left == noting.visits
