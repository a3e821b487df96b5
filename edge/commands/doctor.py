"""`api-face doctor`: one page on how the device does, and what to do about what is wrong."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections.abc import Iterable

from edge import __version__
from edge.clock import SystemClock
from edge.commands.place import Place
from edge.commands.table import date
from edge.doctor.finding import Finding
from edge.doctor.page import examined
from edge.doctor.patient import Patient
from edge.errors import SettingsError
from edge.settings import Settings

_WORDS = {True: "pass", False: "FAIL", None: " -  "}
_SUBJECT = 13


def arguments(parser: argparse.ArgumentParser) -> None:
    """--json, and the port where serve was given another."""
    parser.description = (
        "How the device does, a line per subject: pass, FAIL with what to do, or - where there is nothing to "
        "check. The exit code is 0 when nothing fails, else 1. Run it as root, who may look at everything."
    )
    parser.add_argument("--json", action="store_true", help="the same for machines, as one JSON object")
    parser.add_argument("--port", type=int, help="where the service listens (default: the setting port)")


def run(args: argparse.Namespace, place: Place) -> int:
    """Look at everything, and tell."""
    for name in ("edge.camera", "edge.server"):  # what goes wrong is told in the lines
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    patient = _patient(place, args.port)
    findings = examined(patient)
    if args.json:
        found = list(findings)
        print(json.dumps(_report(patient, found), indent=1, ensure_ascii=False))
    else:
        found = _printed(findings)
    return int(any(finding.ok is False for finding in found))


def _patient(place: Place, port: int | None) -> Patient:
    settings, path, error = Settings(), place.settings_file, ""
    try:
        path = place.settings_path()
        settings = place.settings(port=port)
    except SettingsError as wrong:
        error = wrong.message
    except OSError as wrong:  # a state folder that this user may not enter
        error = f"{wrong.filename}: {wrong.strerror}"
    return Patient(place.state, settings, path, error, SystemClock())


def _printed(findings: Iterable[Finding]) -> list[Finding]:
    """Each as soon as it is known."""
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        print(f"{_WORDS[finding.ok]}  {finding.subject:{_SUBJECT}} {finding.measured}", flush=True)
        if finding.advice:
            print(f"{'':6}{'':{_SUBJECT}} -> {finding.advice}", flush=True)
    wrong = sum(finding.ok is False for finding in found)
    print(f"\n{wrong} of {len(found)} lines fail" if wrong else "\nnothing fails")
    return found


def _report(patient: Patient, found: list[Finding]) -> dict[str, object]:
    return {
        "version": __version__,
        "host": patient.host.name,
        "time": date(patient.clock.now()),
        "ok": not any(finding.ok is False for finding in found),
        "findings": [dataclasses.asdict(finding) for finding in found],
    }
