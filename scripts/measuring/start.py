"""From starting the process to the first answer, against importing the dependencies and loading the models."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from measuring import ROOT
from measuring.service import Service
from measuring.table import Table

MOST = 2.0
TURNS = 7
BARE = """
import argparse, asyncio, json, sqlite3, ssl
import bottle, cryptography.x509, ifaddr, numpy, sqlite_utils
import tornado.http1connection, tornado.iostream, tornado.netutil
from PIL import JpegImagePlugin, PngImagePlugin
from edge.engine import Engine
Engine.load(1)
"""


def measure(options: argparse.Namespace) -> Table:
    """Alternating, with a state that has a certificate; the first start, which makes one, beside it."""
    table = Table("Start to ready (/health answers 200)")
    bare, ready = [], []
    with Service() as service:
        first = service.ready_s
        for _ in range(TURNS):
            service.stop()
            bare.append(_bare())
            service.start()
            ready.append(service.ready_s)
    alone, whole = statistics.median(bare), statistics.median(ready)
    figure = f"{whole:.2f} s / {alone:.2f} s = {whole / alone:.2f}"
    table.check("start, against dependencies and models alone", figure, f"<= {MOST:g}", whole <= MOST * alone)
    table.fact("the very first start, which makes CA and certificate", f"{first:.2f} s")
    return table


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", BARE], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
