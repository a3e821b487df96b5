"""Tokens at the edges of what a command line can say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.test_cli import api_face, refused


@pytest.mark.parametrize("days", ["1e300", "36501", "inf", "nan", "-1"])
def test_an_end_that_is_no_date_is_refused(tmp_path: Path, days: str) -> None:
    """Before a token is made or printed; the list can still be shown."""
    done = api_face("token", "add", "panel", f"--expires={days}", state=tmp_path)
    assert "up to 36500" in refused(done, 2)
    listed = api_face("token", "list", state=tmp_path)
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 1)


def test_the_longest_time(tmp_path: Path) -> None:
    """A hundred years, far beyond what 32 bits of seconds hold."""
    assert api_face("token", "add", "panel", "--expires", "36500", state=tmp_path).returncode == 0
    year = time.gmtime().tm_year + 100
    said = api_face("token", "list", state=tmp_path).stdout
    assert f"until {year - 1}-" in said or f"until {year}-" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quota", "panel", "abc"), 'argument N|none: a whole number or none is wanted, not "abc"'),
        (("add", "other", "--quota", "1.5"), 'argument --quota: a whole number is wanted, not "1.5"'),
    ],
)
def test_a_quota_that_is_no_number(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Said in words for whoever typed it."""
    done = api_face("token", *words, state=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(said)
