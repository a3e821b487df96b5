"""All peers see the same photographs, one after the other, so that the machine's noise hits all alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.commands.peers.child import Answer, Child, Hello, PeerLost

Start = Callable[[], Child]


@dataclass(slots=True)
class Result:
    """What came of one peer. lost: why it has no figures, None when it answered to the end."""

    hello: Hello | None = None
    answers: list[Answer] = field(default_factory=list)
    lost: str | None = None


def go_round(
    starts: Mapping[str, Start], paths: Sequence[Path], progress: Callable[[str], None]
) -> dict[str, Result]:
    """Every peer's answers. Each photograph goes to one peer after the other, each time another is first.

    The first photograph is shown once before, to warm up. A peer that fails takes no further part.
    """
    results = {name: Result() for name in starts}
    children: dict[str, Child] = {}
    with contextlib.ExitStack() as stack:
        for name, start in starts.items():
            progress(f"starting {name.strip()}")
            with _losing(results[name], "at the start"):
                child = stack.enter_context(start())
                results[name].hello = child.hello()
                child.ask(paths[0])
                children[name] = child
        for number, path in enumerate(paths):
            progress(f"{number + 1}/{len(paths)} {path.name}")
            names = list(children)
            first = number % max(len(names), 1)
            for name in names[first:] + names[:first]:
                with _losing(results[name], f"at photograph {number + 1} of {len(paths)}"):
                    results[name].answers.append(children[name].ask(path))
                if results[name].lost is not None:
                    del children[name]
    progress("")
    return results


@contextlib.contextmanager
def _losing(result: Result, when: str) -> Iterator[None]:
    try:
        yield
    except PeerLost as error:
        result.lost = f"{error.message} ({when})"
