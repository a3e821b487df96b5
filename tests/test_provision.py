"""A site file: what it may say, what `provision` makes of it, and that its secrets do not stay in it."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from edge.commands import provision
from edge.commands.place import Place
from edge.commands.settings import settings_toml
from edge.errors import SettingsError
from edge.provisioning import read_site, system
from edge.provisioning.files import overwrite
from edge.provisioning.settings_text import with_values
from edge.provisioning.system import host_name
from edge.settings import load_settings
from edge.store import open_store
from tests.test_cli import COMMAND, ROOT, api_face, refused

TOKEN = "afe_0123456789"
HASH = "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()
SITE = f"""
name = "door-{{serial}}"

[settings]
cors_origins = ["https://panel.example"]
mqtt_host = "broker.example"
mqtt_username = "door"
sightings_days = 7

[secrets]
mqtt_password = "very secret ü"

[[tokens]]
name = "panel"
hash = "{HASH}"
scopes = ["recognise", "train"]
quota = 5000
expires = 2040-12-31

[wifi]
ssid = "Office; 2"
password = "also secret"
"""


class Desk:
    """A root folder with what `provision` finds on an installed device."""

    def __init__(self, root: Path) -> None:
        self.root, self.state = root, root / "var" / "lib" / "api-face"
        self.settings, self.file = root / "etc" / "settings.toml", root / "boot" / "api-face.toml"
        for folder in (self.state, self.settings.parent, self.file.parent):
            folder.mkdir(parents=True)
        self.settings.write_text(settings_toml())
        (root / "etc" / "machine-id").write_text("00000000000000000000000089abcdef\n")
        (root / "etc" / "hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n")

    @property
    def words(self) -> list[str]:
        """The command."""
        place = ["--root", str(self.root), "--settings", str(self.settings)]
        return ["provision", str(self.file), *place]

    def tree(self, folder: str) -> dict[str, str]:
        """Its files, but for where they lie and the CA in a report."""
        return {
            str(path.relative_to(self.root)): re.sub(r"[A-F0-9:]{95}", "", path.read_text()).replace(
                str(self.root), ""
            )
            for path in (self.root / folder).rglob("*")
            if path.is_file()
        }

    def provision(self, text: str, *words: str) -> tuple[int, str]:
        """Exit code, and what was said."""
        self.file.write_text(text, encoding="utf-8")
        done = api_face(*self.words, *words, state=self.state)
        if done.returncode:
            return done.returncode, refused(done, done.returncode)
        return 0, done.stdout


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_all_of_it(desk: Desk) -> None:
    """Name, settings, secrets, token and Wi-Fi stand where they belong; a report is left of the file."""
    code, said = desk.provision(SITE)
    assert code == 0, said
    settings = load_settings(desk.settings)
    assert settings.cors_origins == ("https://panel.example",)
    assert settings.sightings_days == 7
    secret = Path(settings.mqtt_password_file)
    assert secret == desk.settings.with_name("mqtt.secret")
    assert secret.read_text() == "very secret ü\n"
    assert secret.stat().st_mode & 0o007 == 0
    with open_store(desk.state) as store:
        (grant,) = store.tokens()
        assert store.find_token(hashlib.sha256(TOKEN.encode()).digest()) == grant
        assert (grant.name, grant.quota, grant.expires) == ("panel", 5000, 2240524800.0)
    assert (desk.root / "etc/hostname").read_text() == "door-89abcdef\n"
    assert (desk.root / "etc/hosts").read_text() == "127.0.0.1\tlocalhost\n127.0.1.1\tdoor-89abcdef\n"
    (wifi,) = (desk.root / "etc/NetworkManager/system-connections").iterdir()
    assert wifi.stat().st_mode & 0o777 == 0o600
    assert "ssid=Office\\; 2\n" in wifi.read_text()
    assert "psk=also secret\n" in wifi.read_text()
    assert [path.name for path in desk.file.parent.iterdir()] == ["api-face.done.txt"]
    report = (desk.file.parent / "api-face.done.txt").read_text()
    assert "SHA-256 " in report
    assert "secret ü" not in report + said
    assert "also secret" not in report + said
    assert "this system has no NetworkManager" in report


def test_again_and_after_a_power_cut(desk: Desk) -> None:
    """The same file twice changes nothing. One that was overwritten, not yet removed, is no error, and the
    report stays. A draft that holds a secret does not outlive the next start."""
    assert desk.provision(SITE)[0] == 0
    before, report = desk.settings.read_text(), desk.file.with_suffix(".done.txt")
    said = report.read_text()
    desk.settings.with_name("mqtt.secret.new").write_text("very sec")
    assert desk.provision(SITE)[0] == 0
    assert desk.settings.read_text() == before
    assert sorted(path.name for path in desk.settings.parent.glob("*.*")) == [
        "mqtt.secret",
        "settings.toml",
    ]
    assert desk.provision("#" * len(SITE))[0] == 0
    assert not desk.file.exists()
    assert report.read_text() == said
    with open_store(desk.state) as store:
        assert len(store.tokens()) == 1


def test_killed_at_any_moment(desk: Desk, tmp_path: Path) -> None:
    """The next start makes of it what an undisturbed one would have, and leaves no draft."""
    clean = Desk(tmp_path / "clean")
    began = time.monotonic()
    assert clean.provision(SITE)[0] == 0
    usual = time.monotonic() - began
    desk.file.write_text(SITE, encoding="utf-8")
    for part in (0.95, 0.6, 0.8, 0.7, 0.9, 0.5):
        process = subprocess.Popen([*COMMAND, *desk.words, "--state", str(desk.state)], cwd=ROOT)
        time.sleep(part * usual)
        process.kill()
        process.wait()
        if not desk.file.exists():
            assert desk.file.with_suffix(".done.txt").exists()
            desk.file.write_text(SITE, encoding="utf-8")
    assert desk.provision(SITE)[0] == 0
    for path in ("etc", "boot"):
        assert desk.tree(path) == clean.tree(path)
    with open_store(desk.state) as store:
        assert [grant.name for grant in store.tokens()] == ["panel"]


def test_a_boot_partition_without_room(desk: Desk) -> None:
    """Its secrets do not stay there for want of a report, which is left where the file's own room will do."""
    report = desk.file.with_suffix(".done.txt")
    desk.file.write_text(SITE, encoding="utf-8")
    report.mkdir()
    done = api_face(*desk.words, state=desk.state)
    assert done.returncode == 1
    assert "was used and is gone, but there is no report: " in done.stderr
    assert "SHA-256 " in done.stdout
    assert not desk.file.exists()
    report.rmdir()
    report.symlink_to("/dev/full")
    desk.file.with_suffix(".error.txt").symlink_to("/dev/full")
    assert desk.provision(SITE)[0] == 0
    assert [path.name for path in desk.file.parent.iterdir()] == [report.name]
    assert 'token "panel"' in report.read_text()
    desk.file.with_suffix(".error.txt").symlink_to("/dev/full")
    assert "prot" in desk.provision("[settings]\nprot = 1")[1]


def test_a_certificate_that_cannot_be_made(desk: Desk) -> None:
    """The file was used by then, and its report says so; the next start does the rest."""
    (desk.state / "tls").touch()
    code, said = desk.provision(SITE)
    assert (code, "certificate could not be made: " in said) == (1, True)
    error = desk.file.with_suffix(".error.txt")
    words = error.read_text()
    assert words.startswith("api-face.toml was used in part: the device's certificate could not be made: ")
    for line in ("secret mqtt_password", "sightings_days = 7", 'token "panel"'):
        assert f"\n{line}\n" in words
    assert "secret ü" not in words + said
    assert words.endswith("What does not stand here was not done. The next start does all of it again.\n")
    (desk.state / "tls").unlink()
    assert desk.provision(SITE)[0] == 0
    assert not error.exists()


def test_a_power_cut_between_the_report_and_the_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is there before the file goes."""
    desk.file.write_text(SITE, encoding="utf-8")
    seen = []

    def cut_off(path: Path) -> None:
        seen.append(path.with_suffix(".done.txt").read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(provision, "overwrite", cut_off)
    args = argparse.Namespace(file=desk.file, keep=False, check=False, root=desk.root)
    with pytest.raises(KeyboardInterrupt):
        provision.run(args, Place(desk.state, desk.settings))
    assert "SHA-256 " in seen[0]
    assert desk.file.read_text(encoding="utf-8") == SITE


def test_a_webhook_in_the_report(desk: Desk) -> None:
    """Its path may be what its receiver knows callers by."""
    url = "https://me:two@home.example:8123/api/webhook/three?four"
    site = f'[settings]\nwebhook_url = "{url}"\n[secrets]\nwebhook_secret = "five"\n'
    code, said = desk.provision(site)
    assert code == 0, said
    report = desk.file.with_suffix(".done.txt").read_text()
    for text in (said, report):
        assert 'webhook_url = "https://home.example:8123/..."' in text
        assert not any(word in text for word in ("two", "three", "four", "five"))
    assert load_settings(desk.settings).webhook_url == url


def test_kept(desk: Desk) -> None:
    """For the installer's own file: no byte of it changes, and nothing is left beside it."""
    assert desk.provision(SITE, "--keep")[0] == 0
    assert desk.file.read_text(encoding="utf-8") == SITE
    assert list(desk.file.parent.iterdir()) == [desk.file]


def test_tokens_that_are_there(desk: Desk) -> None:
    """A new hash takes the place of the old one; what was revoked stays so; quotas follow the file."""
    other = "sha256:" + "ab" * 32
    text = f'[[tokens]]\nname = "panel"\nhash = "{HASH}"\n'
    assert desk.provision(text)[0] == 0
    assert desk.provision(text + "quota = 7\n")[0] == 0
    assert desk.provision(text.replace(HASH, other))[0] == 0
    assert "was revoked here" in desk.provision(text)[1]
    before = desk.settings.read_text()
    site = '[settings]\nport = 8443\n[secrets]\nmqtt_password = "a"\n' + text.replace(HASH, other)
    code, said = desk.provision(site + 'scopes = ["admin"]')
    assert (code, "make a new one" in said) == (2, True)
    assert desk.settings.read_text() == before
    assert not desk.settings.with_name("mqtt.secret").exists()
    with open_store(desk.state) as store:
        assert [(grant.quota, grant.revoked is None) for grant in store.tokens()] == [
            (7, False),
            (None, True),
        ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nmae = "door"', 'unknown key "nmae"'),
        ('name = "Front Door"', "lower-case letters"),
        ("name = 3", "name must be a string"),
        ("settings = 3", "settings must be a table"),
        ("[settings]\nprot = 1", 'unknown setting "prot"'),
        ("[settings]\npath = 1", 'unknown setting "path"'),
        ('[settings]\nwebhook_url = "https://a.example"', "webhook_url needs webhook_secret_file"),
        ('[settings]\nmqtt_password_file = "/a"\n[secrets]\nmqtt_password = "b"', "one of the two"),
        ('[secrets]\nmqtt_password = "a\\nb"', "printable"),
        ('[[tokens]]\nname = "a"\nhash = "afe_0123"', "64 hexadecimal digits"),
        (f'[[tokens]]\nname = "a"\nhash = "{HASH}"\nscopes = ["root"]', "scopes must be a list"),
        (f'[[tokens]]\nname = "a"\nhash = "{HASH}"\nquota = true', "quota must be a whole number"),
        (f'[[tokens]]\nname = "a"\nhash = "{HASH}"\nexpires = "never"', "expires must be a date"),
        (f'[[tokens]]\nname = "a"\nhash = "{HASH}"\n' * 2, "the same name"),
        ('[wifi]\nssid = "a"\npassword = "short"', "8 to 63 characters"),
        ('[wifi]\nssid = ""', "1 to 32 bytes"),
        ('[wifi]\nssid = "a"\ncountry = "de"', "two capital letters"),
        ('[wifi]\nssid = "a"\npasword = "12345678"', 'unknown key "pasword"'),
        ("name", "Expected '='"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """In words."""
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_site(file)
    assert said in caught.value.message


def test_a_file_from_windows(tmp_path: Path) -> None:
    """With a mark before its first byte, and carriage returns."""
    file = tmp_path / "site.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "door"\r\n[settings]\r\nport = 8443\r\n')
    site = read_site(file)
    assert (site.name, site.settings) == ("door", {"port": 8443})


def test_a_file_that_cannot_be_used(desk: Desk) -> None:
    """The reason stands beside it, it stays, and the device is as it was; the next one clears that away."""
    before = desk.settings.read_text()
    code, words = desk.provision(SITE.replace("sightings_days = 7", "sightings_days = 0"))
    assert code == 2
    assert 'setting "sightings_days" must be from 1' in words
    error = desk.file.parent / "api-face.error.txt"
    assert 'setting "sightings_days" must be from 1' in error.read_text()
    assert desk.file.exists()
    assert desk.settings.read_text() == before
    assert not (desk.state / "people.sqlite").exists()
    assert desk.provision("")[0] == 0
    assert not error.exists()


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """docs/provisioning.md shows a file that can be used, with every table there is."""
    text = (Path(__file__).resolve().parent.parent / "docs/provisioning.md").read_text().split("```toml")[1]
    file = tmp_path / "site.toml"
    file.write_text(text.partition("```")[0])
    site = read_site(file)
    assert site.wifi is not None
    assert all((site.name, site.settings, site.secrets, site.tokens))


def test_secrets_are_not_repeated(tmp_path: Path) -> None:
    """Neither in errors nor in a repr, which a traceback may show."""
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    site = read_site(file)
    assert "secret" not in repr(site).replace("secrets", "")
    file.write_text('[wifi]\nssid = "a"\npassword = "hunter2"\n')
    with pytest.raises(SettingsError) as caught:
        read_site(file)
    assert "hunter2" not in caught.value.message


def test_overwritten_where_it_lies(tmp_path: Path) -> None:
    """The same inode, the same length, none of the bytes."""
    file = tmp_path / "site.toml"
    file.write_bytes(os.urandom(200_000))
    number = file.stat().st_ino
    overwrite(file)
    assert file.stat().st_ino == number
    assert file.read_bytes() == b"#" * 200_000


def test_settings_keep_their_text() -> None:
    """A value goes where its default stood; comments stay; a list over several lines is left to people."""
    text = with_values(settings_toml(), {"port": 8443, "cors_origins": ["https://a.example"]})
    assert text.count("\n") == settings_toml().count("\n")
    assert "\nport = 8443\n" in text
    assert with_values(text, {"port": 8443}) == text
    assert with_values("port = 1", {"workers": 4}) == "port = 1\n\nworkers = 4\n"
    with pytest.raises(SettingsError, match="by hand"):
        with_values('cors_origins = [\n  "https://a.example",\n]\n', {"cors_origins": []})


def test_a_device_without_a_serial_number(tmp_path: Path) -> None:
    """Said, rather than forty doors of one name."""
    with pytest.raises(SettingsError, match="no serial number"):
        host_name("door-{serial}", tmp_path)
    assert host_name("door", tmp_path) == "door"
    (tmp_path / "etc").mkdir()
    for empty in ("", "uninitialized\n"):  # as on an image that was not booted yet
        (tmp_path / "etc/machine-id").write_text(empty)
        with pytest.raises(SettingsError, match="no serial number"):
            host_name("door-{serial}", tmp_path)
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/serial-number").write_bytes(b"10000000DEADBEEF\0")
    assert host_name("door-{serial}", tmp_path) == "door-deadbeef"


def test_a_token_for_a_site_file(tmp_path: Path) -> None:
    """The token and its hash, and nothing is written."""
    done = api_face("token", "hash", state=tmp_path / "none")
    token, hash = (line.split()[1] for line in done.stdout.splitlines())
    assert hash == "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    assert not (tmp_path / "none").exists()


def test_the_radio_is_switched_on_in_the_kernel_and_in_network_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Raspberry Pi's image has both off. What refuses is told."""
    log = tmp_path / "calls"
    for name, code in (("raspi-config", 1), ("nmcli", 0)):
        (tmp_path / name).write_text(
            f'#!/bin/sh\necho "${{0##*/}} $*" >>{log}\necho no radio >&2\nexit {code}\n'
        )
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (hindered,) = system._switched_on("DE")
    assert "country DE was not set" in hindered
    assert "raspi-config: exit code 1, no radio" in hindered
    assert log.read_text().splitlines() == [
        "raspi-config nonint do_wifi_country DE",
        "nmcli radio wifi on",
        "nmcli connection reload",
    ]
