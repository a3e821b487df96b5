"""A board with 416 MB: camera and clients at once, and what memory that takes."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring.table import Table, mib

from device.door import UNIT, Device
from tests.photographs import astronaut, biden, obama
from tests.pictures import cut_out, jpeg
from tests.scenes import Scene, crossing, folder_of, standing

REPLAY = "/opt/replay"
_CLIENTS = 4
_SAMPLE_S = 1.0
_PROCESSES = (
    f"/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs /sys/fs/cgroup/*/system.slice/{UNIT}/cgroup.procs"
)


def give_camera(device: Device) -> None:
    """A replay of two people, for ever, in place of a camera."""
    scene = Scene([("obama", 260, standing(400)), ("astronaut", 200, crossing(2.0, 4.0, 300))])
    with TemporaryDirectory() as folder:
        folder_of(scene, Path(folder), 8.0)
        target = device.container.path(REPLAY)
        target.mkdir(parents=True, exist_ok=True)
        for picture in Path(folder).iterdir():
            (target / picture.name).write_bytes(picture.read_bytes())
    device.container.run("chmod", "-R", "a+rX", REPLAY)
    settings = device.container.path("/etc/api-face/settings.toml")
    settings.write_text(settings.read_text() + f'\ncamera = "file:{REPLAY}?loop"\n')
    device.container.run("systemctl", "restart", UNIT)
    device.away(60)


def endure(device: Device, requests: int, table: Table) -> None:
    """All kinds of requests while the camera looks on."""
    restarts, answers = device.show("NRestarts"), Counter[str]()
    taken: dict[str, float] = {}
    stop = threading.Event()
    watching = threading.Thread(target=_watch, args=(device, taken, stop))
    watching.start()
    begun = time.monotonic()
    _send(device, requests, answers)
    took = time.monotonic() - begun
    stop.set()
    watching.join()
    failed = sum(count for name, count in answers.items() if not name.endswith(" 200"))
    again = int(device.show("NRestarts")) - int(restarts)
    figures = device.client.get("/metrics").body.decode()
    frames = re.findall(r"^api_face_camera_frames (\d+)", figures, re.MULTILINE)
    respawned = re.findall(r"^api_face_camera_restarts (\d+)", figures, re.MULTILINE)
    table.fact("requests", f"{requests} by {_CLIENTS} clients in {took:.0f} s; {_words(answers)}")
    table.check("not answered with 200", str(failed), "0", failed == 0)
    table.check("the service was started anew", f"{again} times", "0", again == 0)
    table.check("frames seen meanwhile", str(frames), "some", bool(frames) and int(frames[0]) > 0)
    table.check("the camera's process was started anew", str(respawned), "0", respawned == ["0"])
    for name, size in sorted(taken.items()):
        table.fact(f"{name}, most resident memory", mib(size))
    table.fact("the whole container, its page cache too, at most", mib(device.container.memory_peak()))


def _send(device: Device, requests: int, answers: Counter[str]) -> None:
    client, lock = device.client, threading.Lock()
    scene, big = jpeg(obama(), 640), jpeg(biden(), 4000)
    face = client.detect(obama().read_bytes()).ok()["faces"][0]
    crop = cut_out(obama(), face, square=True)
    person = client.train(jpeg(astronaut(), 400), name="Eileen").ok()["personId"]

    def one(number: int) -> None:
        kind = (
            "detect",
            "detect",
            "index",
            "detect",
            "identify",
            "detect",
            "index",
            "train",
            "detect",
            "large",
        )[number % 10]
        try:
            if kind == "index":
                status = client.index(crop).status
            elif kind == "train":
                status = client.train(jpeg(astronaut(), 400), person_id=person).status
            elif kind == "identify":
                status = client.identify(scene).status
            else:
                status = client.detect(big if kind == "large" else scene).status
        except OSError:
            status = 0
        with lock:
            answers[f"{kind} {status}"] += 1

    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(one, range(requests)))


def _watch(device: Device, taken: dict[str, float], stop: threading.Event) -> None:
    """The largest resident sizes of the service's processes, and of the two together."""
    while not stop.wait(_SAMPLE_S):
        # The same processes stand in every hierarchy of control groups.
        pids = set(device.container.run("sh", "-c", f"cat {_PROCESSES}", check=False).split())
        sizes = {}
        for pid in filter(str.isdigit, pids):
            text = device.container.run("cat", f"/proc/{pid}/status", f"/proc/{pid}/cmdline", check=False)
            found = re.search(r"VmRSS:\s+(\d+)", text)
            name = "the camera's process" if "edge.camera.child" in text else "the service"
            if found:
                sizes[name] = sizes.get(name, 0) + int(found[1]) * 1024
        sizes["both together"] = sum(sizes.values())
        for name, size in sizes.items():
            taken[name] = max(taken.get(name, 0), size)


def _words(answers: Counter[str]) -> str:
    return ", ".join(f"{name} x {count}" for name, count in sorted(answers.items()))
