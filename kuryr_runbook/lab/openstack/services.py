"""The three services as programs of the lab: their files, databases and health checks."""

from __future__ import annotations

import hashlib
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from kuryr_runbook.lab import launching, pki
from kuryr_runbook.lab import settings as names
from kuryr_runbook.lab.openstack import configuration, installation
from kuryr_runbook.lab.openstack.commands import run
from kuryr_runbook.lab.openstack.configuration import PORTS, SERVICES, Files
from kuryr_runbook.lab.openstack.passwords import Passwords
from kuryr_runbook.lab.programs import CommandHealth, HttpHealth, Lab, Program
from kuryr_runbook.lab.settings import LabSettings

HEALTH_PATH = {"keystone": "/v3", "neutron": "/", "octavia": "/"}
DRIVER_AGENT = "octavia-driver-agent"
DEADLINE = 300.0
"""Seconds until a service answers: over 90 were needed on two cores that were busy otherwise."""


def programs(settings: LabSettings) -> tuple[Program, ...]:
    """The three services, and Octavia's driver agent if the provider ovn is wanted.

    The digest of the files that a service reads is in its environment, so that it counts as changed
    when its configuration or certificate has changed.
    """
    services = tuple(_program(settings, service) for service in SERVICES)
    return (*services, _driver_agent(settings)) if settings.octavia_ovn else services


def write_files(settings: LabSettings, passwords: Passwords, venv: Path) -> None:
    """Write certificates and configuration; files that are up to date are not touched."""
    files = Files(settings)
    files.root.mkdir(parents=True, exist_ok=True)
    files.root.chmod(0o700)
    ca = pki.ensure_ca(settings.pki)
    ca.issue(
        files.certificate_name,
        common_name=files.certificate_name,
        addresses=[names.CLOUD_ADDRESS],
    )
    if not files.octavia_ca_key.exists():
        pki.write_private(files.octavia_ca_key, ca.encrypted_key(passwords.ca_passphrase))
    rendered = {
        "keystone": configuration.keystone_sections(settings),
        "neutron": configuration.neutron_sections(settings, passwords, venv),
        "octavia": configuration.octavia_sections(settings, passwords),
    }
    for service, sections in rendered.items():
        _write(files.configuration(service), configuration.render(sections))
    for service, policy in configuration.POLICIES.items():
        _write(files.policy(service), yaml.safe_dump(dict(policy)))


def make_databases(lab: Lab, passwords: Passwords, venv: Path) -> None:
    """Make the missing databases in parallel; raises LabError with the end of the log."""
    files = Files(lab.settings)
    missing = [service for service in SERVICES if not files.database(service).exists()]
    if not missing:
        return
    lab.say(f"openstack: making the databases of {', '.join(missing)}")
    lab.settings.logs.mkdir(parents=True, exist_ok=True)
    environment = launching.clean_environment(
        {
            "PYTHONWARNINGS": "ignore",
            "OS_BOOTSTRAP_PASSWORD": passwords.admin,
            "OS_BOOTSTRAP_REGION_ID": names.REGION,
            "OS_BOOTSTRAP_PUBLIC_URL": configuration.auth_url(),
        }
    )

    def make(service: str) -> None:
        command = [str(venv / "bin" / "python"), "-m", "lab_openstack.schema", service]
        command += ["--config-file", str(files.configuration(service))]
        command += ["--database", str(files.database(service))]
        run(command, lab.settings.logs / f"{service}-schema.log", environment)

    with ThreadPoolExecutor(len(missing)) as pool:
        for done in [pool.submit(make, service) for service in missing]:
            done.result()


def start(lab: Lab) -> None:
    """Start all in parallel, and wait until they answer."""
    wanted = programs(lab.settings)
    named = (f"{p.name} at {p.address}" if p.address else p.name for p in wanted)
    lab.say(f"openstack: {', '.join(named)}")
    if not lab.settings.octavia_ovn:
        lab.processes.stop(DRIVER_AGENT)
    with ThreadPoolExecutor(len(wanted)) as pool:
        for done in [pool.submit(lab.processes.start, program) for program in wanted]:
            done.result()


def write_clouds_yaml(settings: LabSettings, passwords: Passwords) -> None:
    """Write clouds.yaml, for people and for the SDK."""
    clouds = {"clouds": configuration.clouds(settings, passwords)}
    _write(settings.clouds_yaml, yaml.safe_dump(clouds, sort_keys=False))


def _program(settings: LabSettings, service: str) -> Program:
    files = Files(settings)
    venv = installation.venv_of(settings)
    certificate = settings.pki / f"{files.certificate_name}.pem"
    key = certificate.with_suffix(".key")
    url = configuration.url(service)
    read = [files.configuration(service), files.policy(service), certificate, settings.ca]
    return Program(
        name=service,
        command=(
            *(str(venv / "bin" / "python"), "-m", "lab_openstack.serve", service),
            *("--config-file", str(files.configuration(service))),
            *("--address", str(names.CLOUD_ADDRESS), "--port", str(PORTS[service])),
            *("--certificate", str(certificate), "--key", str(key)),
        ),
        health=HttpHealth(url=f"{url}{HEALTH_PATH[service]}", ca=settings.ca),
        netns=names.INTERNET_NS,
        environment={"PYTHONWARNINGS": "ignore", "KURYR_RUNBOOK_READS": _digest(read)},
        directory=files.root,
        deadline=DEADLINE,
        address=url,
    )


def _driver_agent(settings: LabSettings) -> Program:
    files = Files(settings)
    venv = installation.venv_of(settings)
    configuration_file = files.configuration("octavia")
    listens = (
        f"ss -Hlx | grep -qF {shlex.quote(f'{path} ')}" for path in files.agent_sockets.values()
    )
    return Program(
        name=DRIVER_AGENT,
        command=(
            *(str(venv / "bin" / "python"), "-m", "lab_openstack.driver_agent"),
            *("--config-file", str(configuration_file)),
        ),
        health=CommandHealth(command=("sh", "-c", " && ".join(listens))),
        netns=names.INTERNET_NS,
        environment={
            "PYTHONWARNINGS": "ignore",
            "KURYR_RUNBOOK_READS": _digest([configuration_file, settings.ca]),
        },
        directory=files.root,
        deadline=DEADLINE,
    )


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"-")
    return digest.hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        pki.write_private(path, text.encode())
