"""From one release to another and back, systemd acted out. With a real one: scripts/test-device --update."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.store import open_store
from tests.service import ROOT
from tests.store_help import enrolled
from tests.test_update import migrated, version

LIBRARIES = ("venv", "change", "release", "bundle", "place", "switch")
UNIT = "api-face-update.service"
OLD, NEW = "1.0.0", "2.0.0"

_SYSTEMD = """#!/bin/sh
echo "systemctl $*" >>"$PLACE/calls"
case "$*" in
    "start api-face.service")
        [ "$(readlink "$PLACE/app/current")" != releases/2.0.0 ] || [ ! -e "$PLACE/migrates" ] ||
            "$PYTHON" "$PLACE/migrates"
        ;;
esac
"""
_TRIAL = """import os, sys
place = os.environ["PLACE"]
name = os.path.basename(os.readlink(place + "/app/current"))
sys.exit(name in open(place + "/sick").read().split())
"""
_MIGRATES = """import pathlib, sqlite3
for path in pathlib.Path({state!r}).glob("people.sqlite"):
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
"""


class Machine:
    """With release OLD in force and NEW beside it, and a store of two people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app, self.state, self.units = folder / "app", folder / "state", folder / "etc/systemd/system"
        self.work = folder / "state.update"
        self.units.mkdir(parents=True)
        for name in (OLD, NEW):
            self._make(name)
        (self.app / "current").symlink_to(f"releases/{OLD}")
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._program("systemctl", _SYSTEMD)
        for name in ("journalctl", "chown", "sync"):
            self._program(name, "#!/bin/sh\n")
        self._program("choom", '#!/bin/sh\nshift 3\nexec "$@"\n')
        self._program(
            "setpriv", '#!/bin/sh\nwhile case $1 in --*) ;; *) false ;; esac; do shift; done\nexec "$@"\n'
        )
        self._program(
            "install",
            '#!/bin/sh\n[ "$1" = -d ] || { shift 4; exec cp "$@" "$PLACE/state.update"; }\n'
            'for last; do :; done\nmkdir -p "$last"\n',
        )
        self._program("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        self.sick()
        with open_store(self.state) as store:
            enrolled(store, "Anna")
            enrolled(store, "Otto")

    def _program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def _make(self, name: str) -> None:
        release = self.app / "releases" / name
        (release / "scripts").mkdir(parents=True)
        shutil.copytree(ROOT / "scripts/lib", release / "scripts/lib")
        shutil.copytree(ROOT / "systemd", release / "systemd")
        (release / "scripts/lib/trial.py").write_text(_TRIAL)
        unit = release / "systemd" / UNIT
        unit.write_text(unit.read_text().replace("/opt/api-face", str(self.app)))
        for path in (release / "scripts/lib").glob("*.sh"):
            text = path.read_text()
            for real, ours in (
                ("readonly app=/opt/api-face", f"readonly app={self.app}"),
                ("readonly state=/var/lib/api-face", f"readonly state={self.state}"),
                ("readonly user=api-face", f"readonly user={os.environ.get('USER', 'root')}"),
                ("/etc/", f"{self.folder}/etc/"),
                ("/usr/local/bin/", f"{self.folder}/bin/"),
                ("/run/", f"{self.folder}/run/"),
                ("sync -f /etc", "sync"),
            ):
                text = text.replace(real, ours)
            path.write_text(text)

    def sick(self, *names: str) -> None:
        """The releases that do not answer."""
        (self.folder / "sick").write_text(" ".join(names))

    def migrates(self) -> None:
        """The new release changes the form of people.sqlite when it starts."""
        (self.folder / "migrates").write_text(_MIGRATES.format(state=str(self.state)))

    def run(
        self, words: str, *, close_stderr: bool = False, migrates: str = "people.sqlite"
    ) -> tuple[int, str]:
        """In the shell that scripts/update would be, from the new release; exit code, and what was said."""
        source = self.app / "releases" / NEW
        script = "\n".join(
            [
                "set -euo pipefail",
                f"source={source}; root=; dry_run=; bundle=; healthy_seconds=60; old={OLD}; new={NEW}",
                f'migrates="{migrates}"',
                *(f'. "$source/scripts/lib/{name}.sh"' for name in LIBRARIES),
                words,
            ]
        )
        environ = {
            **os.environ,
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PLACE": str(self.folder),
            "PYTHON": sys.executable,
        }
        process = subprocess.Popen(
            ["bash", "-c", script], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        if close_stderr:
            process.stderr.close()
            return process.wait(60), ""
        said = process.stderr.read()
        return process.wait(60), said

    def cut_off(self, way: str, *, before: bool = True) -> None:
        """As a power cut leaves it."""
        code, said = self.run(f"make_work && note {way}" + (" && stores keep $migrates" if before else ""))
        assert code == 0, said

    @property
    def in_force(self) -> str:
        return (self.app / "current").readlink().name

    def people(self) -> int:
        with open_store(self.state) as store:
            return len(list(store.people()))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_good_release_stays(machine: Machine) -> None:
    code, said = machine.run("make_work && switch_over")
    assert (code, machine.in_force) == (0, NEW), said
    assert f"{NEW} answers" in said
    assert not machine.work.exists()
    assert (machine.app / "releases" / OLD).is_dir()


@pytest.mark.parametrize("close_stderr", [False, True], ids=["heard", "the pipe is closed"])
def test_a_bad_one_goes_back_with_the_stores_as_they_were(machine: Machine, close_stderr: bool) -> None:
    machine.sick(NEW)
    machine.migrates()
    form = version(machine.state / "people.sqlite")
    code, said = machine.run("make_work && switch_over", close_stderr=close_stderr)
    assert (code, machine.in_force) == (1, OLD), said
    assert version(machine.state / "people.sqlite") == form
    assert machine.people() == 2
    assert not machine.work.exists()


def test_when_the_stores_cannot_be_kept_nothing_is_switched(machine: Machine) -> None:
    (machine.state / "no.sqlite").mkdir()
    code, said = machine.run("make_work && switch_over", migrates="no.sqlite")
    assert (code, machine.in_force) == (1, OLD)
    assert f"{OLD} serves again" in said
    assert "start api-face.service" in (machine.folder / "calls").read_text().splitlines()[-1]


def test_the_next_start_knows_before_anything_is_changed(machine: Machine) -> None:
    """With the new release's script, whatever is in force."""
    machine.run("make_work && arm && note on")
    unit = (machine.units / UNIT).read_text()
    assert f"ExecStart={machine.app}/releases/{NEW}/scripts/update --settle" in unit
    assert f"systemctl --quiet enable {UNIT}" in (machine.folder / "calls").read_text()
    assert (machine.work / "pending").read_text() == f"{OLD} {NEW} on\n"


def settled(machine: Machine) -> tuple[int, str]:
    return machine.run('settle || exit 7; echo "in force: $(in_force)" >&2')


def test_cut_off_with_the_new_one_in_force(machine: Machine) -> None:
    machine.cut_off("on")
    machine.run(f"put_in_force {NEW} {OLD}")
    code, said = settled(machine)
    assert (code, machine.in_force) == (0, NEW), said
    assert not machine.work.exists()


def test_cut_off_with_a_bad_one_in_force(machine: Machine) -> None:
    machine.cut_off("on")
    machine.sick(NEW)
    machine.run(f"put_in_force {NEW} {OLD}")
    migrated(machine.state / "people.sqlite")
    code, said = settled(machine)
    assert (code, machine.in_force, machine.people()) == (0, OLD, 2), said
    assert not machine.work.exists()


def test_cut_off_on_the_way_back_it_goes_back(machine: Machine) -> None:
    """Although the new one would answer now."""
    machine.cut_off("back")
    machine.run(f"put_in_force {NEW} {OLD}")
    code, said = settled(machine)
    assert (code, machine.in_force) == (0, OLD), said


def test_cut_off_before_the_stores_were_kept(machine: Machine) -> None:
    machine.cut_off("on", before=False)
    code, said = settled(machine)
    assert (code, machine.in_force, machine.people()) == (0, OLD, 2), said
    assert not machine.work.exists()


def test_what_another_installation_has_overtaken_changes_nothing(machine: Machine) -> None:
    machine.cut_off("on")
    shutil.copytree(machine.app / "releases" / OLD, machine.app / "releases/3.0.0")
    (machine.app / "current").unlink()
    (machine.app / "current").symlink_to("releases/3.0.0")
    migrated(machine.state / "people.sqlite")
    form = version(machine.state / "people.sqlite")
    code, said = settled(machine)
    assert (code, machine.in_force) == (0, "3.0.0"), said
    assert version(machine.state / "people.sqlite") == form
    assert not machine.work.exists()


def test_when_neither_answers_a_third_one_can_come(machine: Machine) -> None:
    machine.cut_off("on")
    machine.sick(OLD, NEW)
    code, said = settled(machine)
    assert (code, machine.in_force) == (0, OLD), said
    assert f"{OLD} does not answer either" in said
    assert not (machine.work / "pending").exists()


def test_tools_that_a_power_cut_has_emptied_do_nothing_and_are_made_again(machine: Machine) -> None:
    machine.cut_off("on")
    machine.sick(NEW)
    machine.run(f"put_in_force {NEW} {OLD}")
    migrated(machine.state / "people.sqlite")
    (machine.work / "stores.py").write_text("")
    assert machine.run("stores put-back 2.0.0 || exit 9")[0] == 9
    assert settled(machine)[0] == 0
    assert machine.people() == 2


def test_units_of_the_other_release_go_and_those_of_others_stay(machine: Machine) -> None:
    (machine.app / "releases" / OLD / "systemd/api-face-former.service").write_text("[Service]\n")
    for name in ("api-face-former.service", "api-face-kiosk.service"):
        (machine.units / name).write_text("[Service]\n")
    machine.run(f"put_in_force {NEW} {OLD}")
    names = {path.name for path in machine.units.iterdir()}
    assert "api-face-former.service" not in names
    assert {"api-face-kiosk.service", UNIT} < names
