"""How this machine reaches package archives, for the stages of an image build that install.

Written as the files of the build's `host/` folder. They may contain passwords: only the folder's
owner can read it, and nothing in it becomes part of the image.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote

from kuryr_runbook.clients.commands import Surroundings, run_command
from kuryr_runbook.clients.files import read_text
from kuryr_runbook.clients.secrets import learn, url_password
from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import RunbookError

PIP_SECONDS = 30.0
"""How long pip or apt may take to print its settings."""
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")
SYSTEM_CAS = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
)
INDEX_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "retries")
APT_SETTING = re.compile(
    r'^Acquire::(?:(?:http|https)::(?:[^ ]+::)?Proxy|Check-Valid-Until|Check-Date) ".+";$'
)

IN_BUILD = "/host"


def host_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The files of `host/`: shell variables, pip's and apt's settings, and the trusted CAs."""
    pip_settings = _pip_settings()
    ca = _ca_bundle(environment, pip_settings.get("cert"))
    return {
        "env": env_file(environment),
        "pip.conf": pip_conf(pip_settings, trusts_ca=ca is not None),
        "apt.conf": apt_conf(_output_of("apt-config", "dump"), trusts_ca=ca is not None),
        "ca.pem": read_text(ca, "the machine's CAs") if ca else "",
    }


def env_file(environment: Mapping[str, str]) -> str:
    """Exports for the shell of the build's stages: the places of the settings, and proxies."""
    variables = {
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_CONFIG_FILE": f"{IN_BUILD}/pip.conf",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    for name in PROXY_VARIABLES:
        value = environment.get(name) or environment.get(name.upper())
        if value:
            variables[name] = value
    return "".join(f"export {name}={quote(value)}\n" for name, value in variables.items())


def pip_conf(settings: Mapping[str, str], *, trusts_ca: bool) -> str:
    """Those of pip's settings that mean the same inside the build: no folders of this machine."""
    lines = ["[global]"]
    for option in INDEX_OPTIONS:
        values = [value for value in settings.get(option, "").split() if "file:" not in value]
        if values:
            lines.append(f"{option} = {' '.join(values).replace('%', '%%')}")
    if trusts_ca:
        lines.append(f"cert = {IN_BUILD}/ca.pem")
    return "\n".join([*lines, "timeout = 60", ""])


def apt_conf(dump: str, *, trusts_ca: bool) -> str:
    """apt's proxies, and whether it checks a mirror's dates; sources are the base image's."""
    lines = [line for line in dump.splitlines() if APT_SETTING.match(line)]
    if trusts_ca:
        lines.append(f'Acquire::https::CaInfo "{IN_BUILD}/ca.pem";')
    return "".join(f"{line}\n" for line in lines)


def pip_settings(listing: str) -> dict[str, str]:
    """The output of `pip config list` as option to value: the environment wins, then [install]."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        match = re.match(r"^(:env:|global|install)\.([\w-]+)=(['\"])(.*)\3$", line)
        if not match:
            continue
        section, option, _, value = match.groups()
        rank = ("global", "install", ":env:").index(section)
        if rank >= found.get(option, (0, ""))[0]:
            found[option] = (rank, value.replace("\\n", " "))
    return {option: value for option, (_, value) in found.items()}


def _pip_settings() -> dict[str, str]:
    settings = pip_settings(_output_of(sys.executable, "-m", "pip", "config", "list"))
    for url in " ".join(settings.values()).split():
        learn(url_password(url), "the password of a package index or proxy in pip's settings")
    return settings


def _ca_bundle(environment: Mapping[str, str], pip_cert: str | None) -> Path | None:
    """The CAs that this machine trusts: pip's setting, else the general one, else the system's."""
    named = [environment[name] for name in CA_VARIABLES if environment.get(name)]
    default = ssl.get_default_verify_paths().cafile
    candidates = [pip_cert, *named, default, *SYSTEM_CAS]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    return None


def _output_of(*command: str) -> str:
    """stdout of a command; empty if this machine doesn't have it or it fails."""
    with suppress(RunbookError):
        done = run_command(
            command,
            say=lambda line: None,
            deadline=PIP_SECONDS,
            surroundings=Surroundings(errors=subprocess.DEVNULL),
        )
        return done.output if done.status == 0 else ""
    return ""


def write_host_files(folder: Path) -> None:
    """Writes `host_files` of this machine to `folder`, readable only by its owner."""
    make_directory(folder)
    for name, content in host_files(os.environ).items():
        write_file(folder / name, content)
