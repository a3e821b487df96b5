"""The endpoints that take a picture: detect, index, train, identify."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.access import TRAIN
from edge.server import wire
from edge.server.call import Call
from edge.server.key import picture_of

BODY_PER_KEY = 2
"""A raw body may be this many times as long as the longest key."""


def detect(call: Call) -> dict[str, Any]:
    """POST /v1.0/detect"""
    with _picture(call, call.services.settings.detect_key_chars) as data:
        return wire.faces(call.services.recognizer.detect(data))


def identify(call: Call) -> dict[str, Any]:
    """POST /v1.0/identify"""
    with _picture(call, call.services.settings.detect_key_chars) as data:
        found = call.services.recognizer.identify(data)
        return {"faces": [wire.identified(face) for face in found]}


def index(call: Call) -> dict[str, Any]:
    """POST /v1.0/index"""
    with _picture(call, call.services.settings.train_key_chars) as data:
        may_enrol = TRAIN in call.authenticated().grant.scopes
        return wire.answer(call.services.enroller.index(data, may_enrol))


def train(call: Call) -> dict[str, Any]:
    """POST /v1.0/train"""
    limit = call.services.settings.train_key_chars
    with call.body(BODY_PER_KEY * limit) as body:
        name, person_id = wire.name_of(body.fields), wire.person_id_of(body.fields)
        data = picture_of(body.fields, limit)
        body.memory.shrink(len(data))
        return wire.answer(call.services.enroller.train(data, name, person_id))


@contextmanager
def _picture(call: Call, limit: int) -> Iterator[bytes]:
    with call.body(BODY_PER_KEY * limit) as body:
        data = picture_of(body.fields, limit)
        body.fields.clear()
        body.memory.shrink(len(data))
        yield data
