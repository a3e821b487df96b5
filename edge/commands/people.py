"""`api-face people`: who is remembered, and what of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from edge.announce import UNKNOWN
from edge.backup.forgetting import forget_in_copies
from edge.calibration import calibration_of
from edge.cap import cap_references
from edge.commands.carry import export, export_arguments, import_, import_arguments
from edge.commands.place import Place
from edge.commands.set_aside import BY_HAND, in_use, set_aside, take_back
from edge.commands.table import date, print_table
from edge.errors import ModelError, SettingsError, UnknownPersonId
from edge.outliers import OUTLIER_RATE, disagreeing
from edge.quality import flaws
from edge.server.wire import name_of
from edge.store import Person, Remembered, Store
from edge.wiring import opened_store
from edge.wording import strangers

_PAGE = 1000
_MAX_REASON = 200
_WORDS = {"NAME": "", "REFERENCE": "its number, as show prints it"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """list, show, check, name, merge, forget, set-aside, take-back, export, import."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "list", _list, "everybody, oldest first")
    _action(actions, "show", _show, "one person with the references kept", "ID")
    parser = _action(actions, "check", _check, "the references that disagree with a person's others")
    parser.add_argument("id", metavar="ID", nargs="?", help="a personId (default: everybody)")
    _action(actions, "name", _name, "name a person, or name them anew", "ID", "NAME")
    _action(
        actions,
        "merge",
        _merge,
        "make GONE part of KEEP; both ids go on working",
        "KEEP",
        "GONE",
    )
    _action(actions, "forget", _forget, "erase a person with references, crops and sightings", "ID")
    summary = "keep a reference but let it count no longer; take-back undoes it"
    parser = _action(actions, "set-aside", set_aside, summary, "REFERENCE")
    hint = f'shown beside it (default: "{BY_HAND}")'
    parser.add_argument("--why", metavar="TEXT", type=_reason, help=hint)
    hint = "also the last one that counts: the person is a stranger then"
    parser.add_argument("--last", action="store_true", help=hint)
    _action(actions, "take-back", take_back, "let a reference count again that was set aside", "REFERENCE")
    export_arguments(_action(actions, "export", export, "people into a sealed file, for another device"))
    import_arguments(_action(actions, "import", import_, "people of such a file; --preview only tells"))


def run(args: argparse.Namespace, place: Place) -> int:
    """The action that was asked for."""
    with opened_store(place.state) as store:
        settings = place.settings()
        args.max_references, args.rate = settings.max_references, settings.false_positive_rate
        args.state = place.state
        args.action(store, args)
    return 0


def _action(
    actions: Any, name: str, action: Callable[[Store, argparse.Namespace], None], summary: str, *words: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    for word in words:
        kind = _number if word == "REFERENCE" else str
        parser.add_argument(word.lower(), metavar=word, type=kind, help=_WORDS.get(word, "a personId"))
    parser.set_defaults(action=action)
    return parser


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of a reference')
    return int(text)


def _reason(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MAX_REASON:
        raise argparse.ArgumentTypeError(f"a reason is 1 to {_MAX_REASON} printable characters")
    return text.strip()


def _list(store: Store, args: argparse.Namespace) -> None:
    people = sorted(_all(store), key=lambda person: person.created)
    rows = [
        (person.id, person.name or UNKNOWN, person.enrolled_by, date(person.created)) for person in people
    ]
    print_table(("ID", "NAME", "ENROLLED BY", "SINCE"), rows)


def _all(store: Store) -> Iterator[Person]:
    after = ""
    while page := list(store.people(after, _PAGE)):
        yield from page
        after = page[-1].id


def _show(store: Store, args: argparse.Namespace) -> None:
    person = _person(store, args.id)
    print(f"id           {person.id}")
    print(f"name         {person.name or UNKNOWN}")
    print(f"enrolled by  {person.enrolled_by}")
    print(f"since        {date(person.created)}")
    unlike: dict[int, float] = {}
    try:
        unlike = _disagreeing(store, person)
    except ModelError as error:
        print(f"the references were not compared: {error.message}")
    model = store.model()
    for reference in store.remembered(person.row):
        print(f"reference    {_marked(reference, model, unlike)}")


def _check(store: Store, args: argparse.Namespace) -> None:
    people = [_person(store, args.id)] if args.id is not None else list(_all(store))
    found = 0
    for person in people:
        try:
            unlike = _disagreeing(store, person)
        except ModelError as error:
            print(f"nobody was compared: {error.message}")
            return
        found += bool(unlike)
        _accuse(store, person, unlike)
    print(f"{found} of {len(people)} people have references that disagree")


def _accuse(store: Store, person: Person, unlike: dict[int, float]) -> None:
    """The references that disagree, and how each is set aside."""
    remembered, model = store.remembered(person.row), store.model()
    for reference in remembered:
        if reference.row in unlike:
            print(f"{person.id}  {person.name or UNKNOWN}")
            print(f"    reference {_marked(reference, model, unlike)}")
            print(f'    api-face people set-aside {reference.row} --why "unlike the others"')
    compared = [one for one in in_use(remembered) if model in one.models]
    if len(unlike) == 2 == len(compared):
        print("    one of these two is wrong: look at both photographs first")
    elif unlike and len(unlike) == len(compared):
        print("    no two of these agree, so nothing tells which are wrong: look at the photographs first")


def _disagreeing(store: Store, person: Person) -> dict[int, float]:
    """The references in use that disagree with the others: their numbers, and log10 of the share of strangers
    as near to the others. Raises ModelError."""
    used = [one for one in store.references(person.row) if one.set_aside is None and one.row is not None]
    if len(used) < 2:
        return {}
    vectors = np.stack([one.vector for one in used])
    found = disagreeing(vectors, calibration_of(store.model()))
    return {row: one.log_rate for one in found if (row := used[one.index].row) is not None}


def _marked(reference: Remembered, model: str, unlike: dict[int, float]) -> str:
    """A reference in a line, with what is poor of it."""
    parts = [_describe_reference(reference)]
    if reference.look is not None:
        parts += [flaw.code for flaw in flaws(reference.look, model)]
    if reference.row in unlike:
        parts.append(f"unlike the others ({strangers(unlike[reference.row], OUTLIER_RATE)} are as near)")
    return "  ".join(parts)


def _describe_reference(reference: Remembered) -> str:
    """A reference in a line: its number, since when, whether it counts, and what was measured of it."""
    parts = [f"{reference.row}  {date(reference.added)}"]
    parts.append("crop kept" if reference.crop_bytes is not None else "no crop")
    parts.append(", ".join(reference.models) or "no embedding")
    if reference.look is not None:
        look = reference.look
        parts.append(
            f"face {look.side:.0f} px, sharpness {look.sharpness:.2f}, turned {abs(look.yaw):.0f} degrees"
            + ("" if look.mirror is None else f", mirror agreement {look.mirror:.2f}")
        )
    if reference.set_aside is not None:
        parts.append(f"set aside {date(reference.set_aside)}: {reference.set_aside_why}")
    return "  ".join(parts)


def _name(store: Store, args: argparse.Namespace) -> None:
    name = name_of({"metadata": {"name": args.name}})
    with store.writing():
        person = store.rename(_person(store, args.id), name)
    print(f"{person.id} is called {person.name or UNKNOWN}")


def _merge(store: Store, args: argparse.Namespace) -> None:
    with store.writing():
        keep, gone = _person(store, args.keep), _person(store, args.gone)
        if keep.row == gone.row:
            raise SettingsError(f"{args.keep} and {args.gone} are the same person already")
        kept = store.merge(keep, gone)
        cap_references(store, kept, args.max_references)
    print(f"{gone.id} is now {kept.id}, {kept.name or UNKNOWN}")


def _forget(store: Store, args: argparse.Namespace) -> None:
    with store.writing():
        person = _person(store, args.id)
        store.erase(person)
    changed = forget_in_copies(args.state)
    print(f"{person.id} is erased, also from {changed} copies on this device")
    print("backups that were taken away, and events sent out, are not reached; erase them there")


def _person(store: Store, person_id: str) -> Person:
    person = store.person(person_id)
    if person is None:
        raise UnknownPersonId(f"no person has the id {person_id}")
    return person
