"""Tracks: the same face from frame to frame, and only that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.face import Box, Face
from edge.track import CONFIRMED_HITS, Tracker


def face(left: float, top: float = 200.0, side: float = 100.0) -> Face:
    return Face(Box(left, top, side, side), 0.99, None)


def played(frames: Sequence[Sequence[Face]], fps: float = 10.0) -> Tracker:
    tracker = Tracker()
    for number, faces in enumerate(frames):
        tracker.follow(faces, number / fps)
    return tracker


def test_somebody_walks_by() -> None:
    """Half a face a frame, and one track."""
    tracker = played([[face(50.0 * step)] for step in range(20)])
    (track,) = tracker.tracks
    assert track.hits == 20
    assert track.confirmed
    assert track.moved


def test_a_flash_is_nobody() -> None:
    """What was seen fewer times than it takes is not confirmed."""
    tracker = played([[face(100)]] * (CONFIRMED_HITS - 1))
    assert not tracker.tracks[0].confirmed


def test_two_people_cross() -> None:
    """Each goes on as they went, although their faces come near each other (behind each other a face is
    hidden)."""
    frames = []
    for step in range(21):
        left, right = 100 + 40 * step, 900 - 40 * step
        frames.append([face(left, 180)] if abs(left - right) < 60 else [face(left, 180), face(right, 240)])
    tracker = played(frames)
    ends = {round(track.box.left): round(track.home.top) for track in tracker.tracks if track.last == 2.0}
    assert ends == {900: 180, 100: 240}
    assert len([track for track in tracker.tracks if track.confirmed]) == 2


def test_a_hand_before_the_face() -> None:
    """A second without a detection, and then the same track, a little further on."""
    tracker = played([*[[face(100)]] * 5, *[[]] * 10, [face(160)]])
    (track,) = tracker.tracks
    assert track.hits == 6
    assert track.seen_now


def test_somebody_elsewhere_is_somebody_else() -> None:
    """The same moment, the other end of the frame."""
    tracker = played([*[[face(100)]] * 5, [face(900)]])
    assert [track.hits for track in tracker.tracks] == [5, 1]
    assert [track.seen_now for track in tracker.tracks] == [False, True]


def test_another_size_is_somebody_else() -> None:
    """A child before an adult."""
    tracker = played([*[[face(100, 200, 60)]] * 5, [face(60, 160, 150)]])
    assert [track.hits for track in tracker.tracks] == [5, 1]


def test_a_picture_on_the_wall_does_not_move() -> None:
    """Although its box jitters, for an hour."""
    rng = np.random.default_rng(1)
    tracker = played([[face(*rng.normal((100, 200, 100), 1.0))] for _ in range(3600)], fps=1)
    (track,) = tracker.tracks
    assert not track.moved
    assert track.still_since == 0


def test_somebody_who_stands_moves() -> None:
    """They sway by a tenth of a face."""
    (track,) = played([[face(100 + 10 * np.sin(step / 5))] for step in range(50)]).tracks
    assert track.moved
    assert track.still_since > 0


def test_a_box_that_was_amiss_once_is_no_movement() -> None:
    """Somebody passes before a picture, an artefact: four times in a quarter of an hour."""
    frames = [[face(112 if step % 200 == 100 else 100)] for step in range(900)]
    (track,) = played(frames, fps=1).tracks
    assert not track.moved


def test_dropped() -> None:
    """A track that is over is not found again."""
    tracker = played([[face(100)]] * 5)
    tracker.drop(list(tracker.tracks))
    tracker.follow([face(100)], 0.5)
    assert tracker.tracks[0].hits == 1
