"""The parent's end of issue.py, which is a process of its own so that this one imports no cryptography."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import CertificateError


@dataclass(frozen=True, slots=True)
class Issued:
    """What a server certificate covers. names: DNS names and addresses. not_before, not_after: seconds since
    1970."""

    names: tuple[str, ...]
    not_before: float
    not_after: float


def issuer_answer(order: Mapping[str, object]) -> dict[str, Any]:
    """What issue.py answers to an order. Raises CertificateError with its words."""
    roots = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    result = subprocess.run(
        [sys.executable, "-P", "-m", "edge.server.issue"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
    )
    if result.returncode != 0:
        raise CertificateError(result.stderr.strip() or "the certificate could not be made")
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def issued_elsewhere(certificate: Path) -> Issued:
    """The installer's certificate. Raises CertificateError."""
    found = issuer_answer({"certificate": str(certificate)})
    return Issued(tuple(found["names"]), found["not_before"], found["not_after"])
