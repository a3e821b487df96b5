"""The motion gate: what it must not miss, and what must not wake the detector."""

from __future__ import annotations

import numpy as np
import pytest

from edge.motion import MotionGate, cells_of
from edge.picture import Plane

FPS = 10


SCENE = np.random.default_rng(1).integers(20, 200, (45, 80)).repeat(8, 0).repeat(8, 1).astype(np.float32)
GRAIN = np.random.default_rng(2).normal(0, 1, (2 * SCENE.size,)).astype(np.float32)


def room(noise: float, number: int, light: float = 1.0, offset: float = 0.0) -> Plane:
    """A still scene of 640x360 px with a camera's noise (standard deviation, gray levels)."""
    start = number * 7919 % SCENE.size
    grain = GRAIN[start : start + SCENE.size].reshape(SCENE.shape)
    return np.clip(SCENE * light + offset + grain * noise, 0, 255).astype(np.uint8)


def settled(noise: float) -> MotionGate:
    gate = MotionGate()
    for number in range(60):
        gate.moved(room(noise, number), number / FPS)
    return gate


def with_face(plane: Plane, left: int, side: int, gray: int = 230) -> Plane:
    plane[100 : 100 + side, left : left + side] = gray
    return plane


def test_the_first_frame_has_moved() -> None:
    """Somebody may stand there already."""
    assert MotionGate().moved(room(3, 0), 0.0)


@pytest.mark.parametrize("noise", [0.5, 3.0, 10.0, 20.0])
def test_an_empty_scene_does_not_move(noise: float) -> None:
    """Whatever the sensor's noise, once it is known."""
    gate = settled(noise)
    assert sum(gate.moved(room(noise, number), number / FPS) for number in range(60, 660)) <= 1


@pytest.mark.parametrize("noise", [0.5, 3.0, 10.0])
def test_the_smallest_face_moves(noise: float) -> None:
    """16 px of the small stream are 32 of the full frame."""
    gate = settled(noise)
    assert gate.moved(with_face(room(noise, 61), 300, 16), 6.1)


def test_slow_light_does_not_move() -> None:
    """Dawn: 40 gray levels in a minute."""
    gate = settled(3.0)
    assert not any(
        gate.moved(room(3.0, number, offset=number / 15), number / FPS) for number in range(60, 660)
    )


def test_a_lamp_is_over_soon() -> None:
    """Switched on, it may wake the detector; it does not keep it awake."""
    gate = settled(3.0)
    lit = [gate.moved(room(3.0, number, light=1.3, offset=15), number / FPS) for number in range(60, 1260)]
    assert not any(lit[-300:])


def test_what_stays_becomes_background() -> None:
    """A chair that was moved is no motion two minutes later, and is again when it is taken away."""
    gate = settled(3.0)
    there = [gate.moved(with_face(room(3.0, n), 200, 60), n / FPS) for n in range(60, 1260)]
    assert all(there[:20])
    assert not any(there[-100:])
    assert gate.moved(room(3.0, 5000), 126.1)


def test_a_place_that_flickers_goes_blind_there_alone() -> None:
    """A television: after a while it wakes nobody; a face beside it does."""
    gate = MotionGate()
    rng = np.random.default_rng(3)

    def television(number: int) -> Plane:
        plane = room(3.0, number)
        plane[40:120, 40:160] = rng.integers(0, 255)
        return plane

    for number in range(60):
        gate.moved(room(3.0, number), number / FPS)
    woken = [gate.moved(television(number), number / FPS) for number in range(60, 3060)]
    assert sum(woken[-600:]) < sum(woken[:600])
    assert gate.moved(with_face(television(3061), 400, 24), 306.1)


def test_a_size_of_its_own() -> None:
    """When a camera is opened anew with another size, it begins anew."""
    gate = settled(3.0)
    assert gate.moved(np.zeros((240, 320), np.uint8), 7.0)
    assert not gate.moved(np.zeros((240, 320), np.uint8), 7.1)


def test_cells_are_means() -> None:
    """Of a plane that is one gray; and of a height that is no multiple of a cell."""
    assert np.all(cells_of(np.full((357, 640), 77, np.uint8)) == 77)
    assert cells_of(np.full((357, 640), 77, np.uint8)).shape == (44, 80)
