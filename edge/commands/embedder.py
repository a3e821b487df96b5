"""`api-face embedder`: which network tells people apart, and the way from one to another."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from edge.announce import UNKNOWN
from edge.commands.place import Place
from edge.commands.progress import show_progress
from edge.errors import EdgeError, SettingsError
from edge.reembed import embed_pending, load_whole, outlook, tidy
from edge.settings import EMBEDDERS, Settings
from edge.store import Person, Store
from edge.wiring import opened_store

_PAGE = 1000
_WIDTH = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    """check NAME, switch --lose, or nothing for how things stand."""
    parser.set_defaults(action=_show)
    actions = parser.add_subparsers(metavar="ACTION", help="without one: how things stand")
    summary = "what switching to an embedder would cost"
    check = actions.add_parser("check", help=summary, description=f"{summary.capitalize()}.")
    check.add_argument("name", metavar="NAME", help="as the setting embedder has it")
    check.set_defaults(action=_check)
    summary = "switch to the embedder of the settings now, also beside a running service"
    switch = actions.add_parser("switch", help=summary, description=f"{summary.capitalize()}.")
    switch.add_argument(
        "--lose",
        action="store_true",
        help="also when people would no longer be recognised, for want of crops",
    )
    switch.set_defaults(action=_switch)


def run(args: argparse.Namespace, place: Place) -> int:
    """The action that was asked for."""
    settings = place.settings()
    with opened_store(place.state) as store:
        args.action(store, settings, args)
    return 0


def _show(store: Store, settings: Settings, args: argparse.Namespace) -> None:
    answering, wanted = store.model_for(EMBEDDERS[settings.embedder]), EMBEDDERS[settings.embedder]
    _line("answers", _name(answering))
    _line("wanted", _name(wanted))
    _outlook(store, wanted)


def _check(store: Store, settings: Settings, args: argparse.Namespace) -> None:
    if args.name not in EMBEDDERS:
        raise SettingsError(f'there is no embedder "{args.name}"; there are {", ".join(EMBEDDERS)}')
    model = EMBEDDERS[args.name]
    load_whole(model)
    _line("answers", _name(store.model_for(model)))
    _line("checked", _name(model))
    _outlook(store, model)


def _switch(store: Store, settings: Settings, args: argparse.Namespace) -> None:
    model = EMBEDDERS[settings.embedder]
    embedder = load_whole(model)
    store.begin_with(model)
    while True:
        total, done = store.coverage(model).pending, 0
        for number in embed_pending(store, embedder):
            done += number
            show_progress(f"{done}/{max(total, done)} kept crops")
        show_progress("")
        if store.use_model(model, lose=args.lose):
            break
        if not store.pending(model, limit=1):  # else somebody was trained meanwhile
            raise _Waits(_refusal(store, model))
    tidy(store, model)
    print(f"people are told apart by {_name(model)} now: {outlook(store.coverage(model))}")


class _Waits(EdgeError):
    """The switch would make strangers of people."""


def _refusal(store: Store, model: str) -> str:
    return (
        f"{_name(store.model())} goes on answering: {store.coverage(model).lost} people would be strangers, "
        "for want of a kept crop that can be read; `api-face embedder` says who, --lose switches all the same"
    )


def _outlook(store: Store, model: str) -> None:
    coverage = store.coverage(model)
    _line("so far", outlook(coverage))
    _line("lost", f"{coverage.lost} people would no longer be recognised")
    for person in _lost(store, model):
        print(f"  {person.id}  {person.name or UNKNOWN}")


def _lost(store: Store, model: str) -> Iterator[Person]:
    after = ""
    while page := store.lost(model, after, _PAGE):
        yield from page
        after = page[-1].id


def _name(model: str) -> str:
    """The setting's value with the model file, or the file alone of an embedder of long ago."""
    names = [name for name, file in EMBEDDERS.items() if file == model]
    return f"{names[0]} ({model})" if names else model


def _line(head: str, text: str) -> None:
    print(f"{head:{_WIDTH}} {text}")
