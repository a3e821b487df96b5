"""`api-face token`: who may call, for what, and how often a day."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from edge import access
from edge.clock import SystemClock
from edge.commands.place import Place
from edge.commands.table import date, print_table
from edge.errors import SettingsError
from edge.store import Store
from edge.wiring import opened_store

_SCOPES = (access.RECOGNISE, access.TRAIN, access.ADMIN)
_MAX_DAYS = 36_500
"""A hundred years: what lies beyond is meant as "for ever", which is the default."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """add, list, revoke, quota, hash."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = _action(actions, "add", _add, "make a token and print it, once")
    add.add_argument("name", metavar="NAME", help="what to call it here; it is no part of the token")
    add.add_argument(
        "--quota", metavar="N", type=_count, help="requests a day, until midnight GMT (default: no limit)"
    )
    add.add_argument(
        "--scope",
        nargs="+",
        action="extend",
        choices=_SCOPES,
        metavar="SCOPE",
        help=f"what it is good for, of {', '.join(_SCOPES)} (default: the first two)",
    )
    add.add_argument("--expires", metavar="DAYS", type=float, help="how long it is valid (default: for ever)")
    _action(actions, "list", _list, "every token, and what it used today; never the token itself")
    revoke = _action(actions, "revoke", _revoke, "make a token invalid, at once and for ever")
    revoke.add_argument("name", metavar="NAME")
    quota = _action(actions, "quota", _set_quota, "change the requests a day that a token may make")
    quota.add_argument("name", metavar="NAME")
    quota.add_argument("quota", metavar="N|none", type=_quota, help="requests a day; none: no limit")
    actions.add_parser(
        "hash",
        help="make a token for a site file: print it, once, and its hash",
        description="Make a token for a site file, and print it, once, and its hash. It is not added here.",
    ).set_defaults(action=None)


def run(args: argparse.Namespace, place: Place) -> int:
    """The action that was asked for."""
    if args.action is None:
        token = access.new_token()
        print(f"token {token}\nhash  sha256:{access.token_hash(token).hex()}")
        return 0
    with opened_store(place.state) as store:
        args.action(store, args)
    return 0


def _action(
    actions: Any, name: str, action: Callable[[Store, argparse.Namespace], None], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}."
    )
    parser.set_defaults(action=action)
    return parser


def _quota(text: str) -> int | None:
    return None if text == "none" else _count(text, "or none")


def _count(text: str, otherwise: str = "") -> int:
    try:
        return int(text)
    except ValueError:
        wanted = f"a whole number {otherwise}".rstrip()
        raise argparse.ArgumentTypeError(f'{wanted} is wanted, not "{text}"') from None


def _add(store: Store, args: argparse.Namespace) -> None:
    if args.expires is not None and not 0 < args.expires <= _MAX_DAYS:  # nan is not, either
        raise SettingsError(f"--expires is a number of days from now up to {_MAX_DAYS}, not {args.expires:g}")
    token = access.new_token()
    expires = None if args.expires is None else SystemClock().now() + args.expires * access.DAY_S
    scopes = frozenset(args.scope or access.DEFAULT_SCOPES)
    store.add_token(args.name, access.token_hash(token), scopes, args.quota, expires)
    print(token)


def _list(store: Store, args: argparse.Namespace) -> None:
    now = SystemClock().now()
    today = access.gmt_day(now)
    rows = [
        (
            grant.name,
            "+".join(sorted(grant.scopes)),
            "none" if grant.quota is None else str(grant.quota),
            str(store.used(grant, today)),
            _validity(grant, now),
        )
        for grant in store.tokens()
    ]
    print_table(("NAME", "SCOPES", "QUOTA", "USED TODAY", "VALID"), rows)


def _validity(grant: access.Grant, now: float) -> str:
    if grant.revoked is not None:
        return f"no, revoked {date(grant.revoked)}"
    if grant.expires is None:
        return "yes"
    return f"until {date(grant.expires)}" if now < grant.expires else f"no, expired {date(grant.expires)}"


def _revoke(store: Store, args: argparse.Namespace) -> None:
    store.revoke_token(args.name)


def _set_quota(store: Store, args: argparse.Namespace) -> None:
    store.set_quota(args.name, args.quota)
