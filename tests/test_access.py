from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access import (
    ADMIN,
    DAY_S,
    DEFAULT_SCOPES,
    RECOGNISE,
    TRAIN,
    Grant,
    bearer,
    gmt_day,
    new_token,
    require,
    seconds_to_midnight,
    token_hash,
    valid,
)
from edge.errors import AccessError, InsufficientScope, InvalidToken, MissingToken, NotBearer

GRANT = Grant(1, "door", DEFAULT_SCOPES, None, None, None)
TOKENS = st.text("abcXYZ0189-._~+/", min_size=1, max_size=60)
TIMES = st.floats(min_value=-1e11, max_value=1e11)


def test_tokens_are_long_recognisable_and_never_alike() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"afe_[A-Za-z0-9_-]{22,}", token) for token in tokens)  # 22 x 6 > 128 bits


def test_a_hash_is_of_the_token_alone() -> None:
    token = new_token()
    assert token_hash(token) == token_hash(token)
    assert token_hash(token) != token_hash(token + "x")
    assert len(token_hash("\ud800 not ASCII at all é")) == 32


@given(TOKENS, st.sampled_from(["Bearer", "bearer", "BEARER", "bEaReR"]), st.sampled_from([" ", "  ", "\t"]))
def test_the_scheme_is_taken_in_any_case(token: str, scheme: str, space: str) -> None:
    assert bearer(f"{scheme}{space}{token}") == token
    assert bearer(f" {scheme}{space}{token} ") == token


@given(st.text())
def test_any_header_gives_a_token_or_a_refusal(header: str) -> None:
    try:
        token = bearer(header)
    except AccessError as error:
        assert error.code in {"missing_token", "not_bearer", "invalid_token"}
    else:
        assert token
        assert token in header
        assert header.strip().lower().startswith("bearer")


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, MissingToken),
        ("", MissingToken),
        ("  ", MissingToken),
        ("Bearer", MissingToken),
        ("Bearer  ", MissingToken),
        ("afe_abc", NotBearer),
        ("Basic dXNlcjpwYXNz", NotBearer),
        ("Bearerafe_abc", NotBearer),
        ("Bearer: afe_abc", NotBearer),
        ("Bearer a b", InvalidToken),
        ("Bearer a, Bearer b", InvalidToken),
        ("Bearer café", InvalidToken),
        ("Bearer =", InvalidToken),
    ],
)
def test_what_is_no_bearer_header_is_refused(header: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        bearer(header)


def test_a_refusal_does_not_repeat_the_token() -> None:
    with pytest.raises(InvalidToken) as refused:
        bearer("Bearer afe_secret one")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("grant", [None, Grant(1, "a", DEFAULT_SCOPES, None, None, 5.0)])
def test_an_unknown_and_a_revoked_token_are_not_valid_at_any_time(grant: Grant | None) -> None:
    for now in (0.0, 4.0, 1e12):
        with pytest.raises(InvalidToken):
            valid(grant, now)


def test_a_token_expires_on_the_second() -> None:
    grant = Grant(1, "a", DEFAULT_SCOPES, None, 1000.0, None)
    assert valid(grant, 999.9) is grant
    with pytest.raises(InvalidToken, match="expired"):
        valid(grant, 1000.0)


def test_one_of_the_scopes_is_enough() -> None:
    require(GRANT, frozenset())
    require(GRANT, frozenset({TRAIN}))
    require(GRANT, frozenset({RECOGNISE, ADMIN}))
    with pytest.raises(InsufficientScope, match=r"needs the scope admin; the token has recognise train"):
        require(GRANT, frozenset({ADMIN}))


@given(TIMES)
def test_every_moment_lies_in_its_day(now: float) -> None:
    assert gmt_day(now) * DAY_S <= now < (gmt_day(now) + 1) * DAY_S


@given(TIMES)
def test_midnight_is_ahead_and_at_most_a_day_away(now: float) -> None:
    wait_s = seconds_to_midnight(now)
    assert 1 <= wait_s <= DAY_S
    assert gmt_day(now + wait_s) == gmt_day(now) + 1


@given(st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1)), st.integers(-14, 14))
def test_the_day_is_the_date_in_gmt_whatever_the_zone(moment: datetime, zone_h: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(hours=zone_h)))
    assert gmt_day(there.timestamp()) == (there.astimezone(UTC).date() - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("now", "day", "wait_s"),
    [(0.0, 0, 86400), (86399.0, 0, 1), (86399.999, 0, 1), (86400.0, 1, 86400), (-0.5, -1, 1)],
)
def test_the_edges_of_a_day(now: float, day: int, wait_s: int) -> None:
    assert (gmt_day(now), seconds_to_midnight(now)) == (day, wait_s)
