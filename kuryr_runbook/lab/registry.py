"""The lab's container registry: Debian's docker-registry with TLS from the lab's CA and a login."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import yaml

from kuryr_runbook.lab import debian, pki
from kuryr_runbook.lab.programs import HttpHealth, Lab, Program, Progress
from kuryr_runbook.lab.settings import CLOUD_ADDRESS, INTERNET_NS, REGISTRY, LabSettings
from kuryr_runbook.model.errors import LabError

NAME = "registry"
USER = "lab"
PACKAGE = "docker-registry"
BCRYPT_ROUNDS = 5
"""Few rounds are enough, since the password is random; every request checks the hash."""


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """User and password of the registry; never shown."""

    user: str
    password: str


def fetch(settings: LabSettings, say: Progress) -> Path:
    """The registry's binary, unpacked into the cache. Raises LabError if that fails."""
    into = settings.cache / PACKAGE
    into.mkdir(parents=True, exist_ok=True)
    debian.unpack([PACKAGE], into, say)
    return into / "usr" / "bin" / "docker-registry"


def up(lab: Lab) -> None:
    """Bring the registry up; needs INTERNET_NS with CLOUD_ADDRESS."""
    binary = fetch(lab.settings, lab.say)
    ensure_files(lab.settings)
    lab.processes.start(program(lab.settings, binary))


def ensure_files(settings: LabSettings) -> None:
    """Write certificate, login and configuration; files that are still valid are not touched."""
    home = _directory(settings)
    (home / "data").mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    pki.ensure_ca(settings.pki).issue(NAME, common_name=NAME, addresses=[CLOUD_ADDRESS])
    if not settings.registry_auth.exists():
        _write_login(settings, Login(USER, secrets.token_hex(16)))
    login = read_login(settings)
    if not _admits(home / "htpasswd", login):
        hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS))
        pki.write_private(home / "htpasswd", b"%s:%s\n" % (login.user.encode(), hashed))
    (home / "config.yml").write_text(render_configuration(settings))


def program(settings: LabSettings, binary: Path) -> Program:
    """The registry as a program for the supervisor; needs the files that `up` writes."""
    configuration = _directory(settings) / "config.yml"
    certificate = settings.pki / f"{NAME}.pem"
    read = [configuration, certificate, _directory(settings) / "htpasswd"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in read)).hexdigest()
    return Program(
        name=NAME,
        command=(str(binary), "serve", str(configuration)),
        # Without a login it answers 401, which shows that it is running and protected.
        health=HttpHealth(url=f"https://{REGISTRY}/v2/", statuses=(401,), ca=settings.ca),
        netns=INTERNET_NS,
        environment={"LAB_CONFIGURATION": digest},
        directory=_directory(settings),
        address=f"https://{REGISTRY}",
    )


def read_login(settings: LabSettings) -> Login:
    """The login in `settings.registry_auth`. Raises LabError when the file is damaged."""
    try:
        entry = json.loads(settings.registry_auth.read_text())["auths"][REGISTRY]["auth"]
        user, _, password = base64.b64decode(entry, validate=True).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{settings.registry_auth}: expected the login of {REGISTRY}, found something else",
            remedy="remove the file and run `kuryr-runbook lab up`, which makes a new login",
        ) from error
    return Login(user, password)


def render_configuration(settings: LabSettings) -> str:
    """The registry's `config.yml`, as in the reference of Distribution 2.8."""
    home = _directory(settings)
    return yaml.safe_dump(
        {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(home / "data")},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "auth": {"htpasswd": {"realm": "lab", "path": str(home / "htpasswd")}},
            "http": {
                "addr": REGISTRY,
                "tls": {
                    "certificate": str(settings.pki / f"{NAME}.pem"),
                    "key": str(settings.pki / f"{NAME}.key"),
                },
            },
        },
        sort_keys=False,
    )


def _directory(settings: LabSettings) -> Path:
    return settings.state / "registry"


def _write_login(settings: LabSettings, login: Login) -> None:
    entry = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    text = json.dumps({"auths": {REGISTRY: {"auth": entry}}}, indent=1)
    pki.write_private(settings.registry_auth, text.encode())


def _admits(htpasswd: Path, login: Login) -> bool:
    try:
        user, _, hashed = htpasswd.read_text().strip().partition(":")
        return user == login.user and bcrypt.checkpw(login.password.encode(), hashed.encode())
    except (FileNotFoundError, ValueError):
        return False
