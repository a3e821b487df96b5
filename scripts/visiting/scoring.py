"""What the loop made of a replay, held against the truth."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from visiting.running import Seen, Watched

Visits = list[dict[str, Any]]
Aligned = dict[int | None, list[Seen]]

_CLEAR_FRAMES = 10
"""Clear frames (visiting/truth.py) from which a visit that was not noticed is a fault of the loop's."""


@dataclass
class Score:
    """shares: what, hits, tries. counts: what, how many. details: what went wrong, one by one."""

    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    details: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, *lines: str) -> None:
        """Something that went wrong."""
        if lines:
            self.details.setdefault(what, []).extend(lines)


def score(visits: Visits, aligned: Aligned, watched: Watched) -> Score:
    """All of it."""
    found = Score()
    by_kind = {
        kind: [one for one in visits if one["kind"] == kind]
        for kind in ("known", "stranger", "passer", "poster")
    }
    _known(by_kind["known"], aligned, found)
    _strangers(by_kind["stranger"], aligned, found)
    _returns(by_kind["stranger"], aligned, found)
    _wholeness(by_kind["known"] + by_kind["stranger"], aligned, found)
    for kind in ("passer", "poster"):
        seen = [one for visit in by_kind[kind] for one in aligned.get(visit["number"], [])]
        found.counts[f"{kind}: sightings"] = len(seen)
        found.counts[f"{kind}: personIds"] = len(_ids(seen))
        names = [
            f"{v['identity']} as {one.name}"
            for v in by_kind[kind]
            for one in aligned.get(v["number"], [])
            if one.name not in (None, v["identity"])
        ]
        found.counts[f"{kind}: wrong names"] = len(names)
        found.note("wrong names", *names)
    nobody = aligned.get(None, [])
    found.counts["sightings of nobody"] = len(nobody)
    found.note("of nobody", *(_told(one) for one in nobody))
    _promptness(watched, found)
    found.counts["embeds per visit"] = round(watched.figures["embedded"] / max(len(visits), 1), 2)
    return found


def _known(visits: Visits, aligned: Aligned, found: Score) -> None:
    named, wrong, ids = 0, 0, 0
    for visit in visits:
        seen = aligned.get(visit["number"], [])
        right = any(one.name == visit["identity"] for one in seen)
        other = [one for one in seen if one.name not in (None, visit["identity"])]
        named, wrong, ids = named + right, wrong + bool(other), ids + bool(_ids(seen))
        if not right:
            found.note("known, not named", _of(visit, seen))
        if other:
            found.note("wrong names", _of(visit, other))
    found.shares["known people named, of visits"] = named, len(visits)
    found.shares["known people with somebody else's name"] = wrong, len(visits)
    found.shares["known people taken for strangers"] = ids, len(visits)


def _strangers(visits: Visits, aligned: Aligned, found: Score) -> None:
    ids: dict[str, set[str]] = defaultdict(set)
    owners: dict[str, set[str]] = defaultdict(set)
    named = 0
    for visit in visits:
        seen = aligned.get(visit["number"], [])
        names = [one for one in seen if one.name is not None]
        named += bool(names)
        found.note("strangers named", *([_of(visit, names)] if names else []))
        ids[visit["identity"]] |= _ids(seen)
        for one in _ids(seen):
            owners[one].add(visit["identity"])
    how_many = Counter(len(one) for one in ids.values())
    found.shares["strangers named, of visits"] = named, len(visits)
    found.shares["strangers with exactly one personId"] = how_many[1], len(ids)
    found.shares["strangers with none"] = how_many[0], len(ids)
    shared = {one: people for one, people in owners.items() if len(people) > 1}
    found.counts["personIds that several strangers share"] = len(shared)
    found.note("shared personIds", *(", ".join(sorted(people)) for people in shared.values()))
    for identity, several in ids.items():
        if len(several) != 1:
            mine = [visit for visit in visits if visit["identity"] == identity]
            told = "; ".join(_of(visit, aligned.get(visit["number"], [])) for visit in mine)
            found.note(f"strangers with {'no' if not several else 'several'} personIds", told)


def _returns(visits: Visits, aligned: Aligned, found: Score) -> None:
    first = {visit["identity"]: visit for visit in visits if visit["again"] is None}
    for way in ("same", "other"):
        kept = tries = 0
        for visit in (one for one in visits if one["again"] == way):
            before = _ids(aligned.get(first[visit["identity"]]["number"], []))
            after = _ids(aligned.get(visit["number"], []))
            tries += 1
            kept += len(before | after) == 1 and before == after
        found.shares[f"strangers who came again and kept their personId ({way} photographs)"] = kept, tries


def _wholeness(visits: Visits, aligned: Aligned, found: Score) -> None:
    """Visits not noticed, and those that fell into pieces."""
    clear = [visit for visit in visits if visit["clear"] >= _CLEAR_FRAMES]
    missed = [visit for visit in clear if not aligned.get(visit["number"])]
    extra = [(visit, seen) for visit in visits if len(seen := aligned.get(visit["number"], [])) > 1]
    found.shares["visits noticed"] = len(clear) - len(missed), len(clear)
    found.note("not noticed", *(_of(visit, []) for visit in missed))
    found.shares["visits in several sightings"] = len(extra), len(visits)
    found.counts["most sightings of a visit"] = max((len(seen) for _, seen in extra), default=1)
    found.note("in several sightings", *(_of(visit, seen) for visit, seen in extra))


def _promptness(watched: Watched, found: Score) -> None:
    """Seconds from the first look to the verdict."""
    begun = {one["sightingId"]: one["at"] for one in watched.events if one["event"] == "face.appeared"}
    for kind in ("person.identified", "person.unknown"):
        waits = [
            one["at"] - begun[one["sightingId"]]
            for one in watched.events
            if one["event"] == kind and one["sightingId"] in begun
        ]
        if waits:
            found.counts[f"{kind}: seconds, median"] = round(statistics.median(waits), 2)
            found.counts[f"{kind}: seconds, 95 % within"] = round(
                sorted(waits)[int(0.95 * (len(waits) - 1))], 2
            )


def _ids(seen: list[Seen]) -> set[str]:
    """The personIds of people without a name."""
    return {one.id for one in seen if one.id is not None and one.name is None}


def _of(visit: dict[str, Any], seen: list[Seen]) -> str:
    told = ", ".join(_told(one) for one in seen) or "nothing"
    return (
        f"{visit['identity']} at {visit['from']:.0f}-{visit['to']:.0f} s, up to {visit['widest']} px, "
        f"{visit['clear']} clear frames, mate {visit['mate']}: {told}"
    )


def _told(one: Seen) -> str:
    who = one.name or (one.id or "nobody")[:8]
    sure = "" if one.similarity is None else f" {one.similarity:.0f} %"
    return f"[{who}{sure}, {one.started:.1f}-{one.ended:.1f} s, {one.frames} frames]"
