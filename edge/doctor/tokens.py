"""Tokens: without one nobody may call."""

from __future__ import annotations

from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.doctor.reading import readable_store

_SOON_S = 14 * 86_400


def look(patient: Patient) -> Iterator[Finding]:
    """How many are good, and which are not, or not for long. Raises StoreError."""
    with readable_store(patient) as store:
        if store is None:
            yield not_applicable("tokens", "see the line store")
            return
        grants = [grant for grant in store.tokens() if grant.revoked is None]
    now = patient.clock.now()
    ends = {grant.name: grant.expires for grant in grants if grant.expires is not None}
    expired = [name for name, end in ends.items() if end <= now]
    soon = [name for name, end in ends.items() if now < end < now + _SOON_S]
    good = len(grants) - len(expired)
    words = f"{good} valid" + "".join(
        f"; {text}: {', '.join(names)}"
        for text, names in (("expired", expired), ("expire soon", soon))
        if names
    )
    if good == 0:
        yield failed("tokens", words, "make one: api-face token add NAME")
    else:
        yield passed("tokens", words)
