"""Times as people and clients read them, also after January 2038, where a 32-bit C library may know none."""

from __future__ import annotations

import time

import pytest

from edge.commands.table import date
from edge.server.wire import person_fields
from edge.store import Person


@pytest.fixture(autouse=True)
def _old_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(time, "gmtime", ended)


def test_dates_in_a_table() -> None:
    assert date(2**32 + 0.9) == "2106-02-07 06:28 GMT"


def test_when_a_person_was_created() -> None:
    """Whole seconds, GMT."""
    fields = person_fields(Person(1, "id", None, 2**32 + 0.9, "train", 1))
    assert fields["created"] == "2106-02-07T06:28:16Z"
