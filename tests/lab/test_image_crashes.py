"""Phase 01 killed while the image is built, and at each request that changes the registry.

What the registry holds then is compared with what a run that nothing happened to leaves. Killed is
the run with its engine, as in a power cut, and the run alone, whose engine goes on for a while.
Uploads that were begun stay in the registry until it purges them: no client could know of them.
"""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from faults.crashing import KILLED, MOST_KILLS, finished, started
from faults.faulty_run import changed_site
from worlds.registry_proxy import RegistryProxy, registry_proxy

from kuryr_runbook.clients.images.kuryr import read_image_spec
from kuryr_runbook.lab import registry as lab_registry
from kuryr_runbook.lab.pki import ensure_ca
from kuryr_runbook.lab.settings import REGISTRY, LabSettings
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.image_build import ImageBuild
from kuryr_runbook.specs.image import INPUTS_LABEL

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.exhaustive]

SECONDS = 900
NAME = "crashes"
"""Of the site, so that no other run is locked out."""
STEPS = ("[1/3] STEP 4/11", "[1/3] STEP 9/11", "[2/3] STEP 3/4", "[3/3] STEP 3/16")
"""Where a build is killed: in apt, in Go's compiler, in apt again, and while files are copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Runs of phase 01 by way of the proxy, with layers of their own."""

    proxy: RegistryProxy
    files: dict[str, str]
    """The site's login and CA."""
    cache: Path
    folder: str
    """Of the repositories: one that no earlier run of these tests pushed to."""

    def site(self, repository: str) -> dict[str, Any]:
        image = {"repository": f"{self.proxy.address}/{self.folder}/{repository}", **self.files}
        # Without a cluster there is no lock in it to take, which has tests of its own.
        nowhere = {"kubeconfig": str(self.cache / "kubeconfig")}
        return {"name": NAME, "image": image, "kubernetes": nowhere}

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_CACHE_HOME": str(self.cache)}

    def finish(self, repository: str) -> None:
        finished("image_build", environment=self.environment, site=self.site(repository))

    def begin(self, repository: str) -> subprocess.Popen[str]:
        return started("image_build", environment=self.environment, site=self.site(repository))

    def held(self, repository: str) -> dict[str, Any]:
        """What the registry has in the repository: tags, and what they are of."""
        phase = ImageBuild(Site.model_validate(changed_site(self.site(repository))))
        spec = read_image_spec(phase.site, phase.registry)
        image = phase.registry.remote_image(spec.reference)
        assert image is not None
        assert image.labels[INPUTS_LABEL] == spec.inputs
        assert phase.make_plan().changes == ()
        return {"tags": self._tags(repository), "labels": image.labels, "size": image.size}

    def _tags(self, repository: str) -> list[str]:
        [login] = {entry["auth"] for entry in json.loads(self._auth.read_text())["auths"].values()}
        answer = requests.get(
            f"https://{self.proxy.address}/v2/{self.folder}/{repository}/tags/list",
            headers={"Authorization": f"Basic {login}"},
            verify=self.files["registry_ca"],
            timeout=60,
        )
        return sorted(answer.json()["tags"])

    @property
    def _auth(self) -> Path:
        return Path(self.files["registry_auth"])


@pytest.fixture(scope="module")
def builder(settings: LabSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    folder = tmp_path_factory.mktemp("image")
    own = ensure_ca(folder / "pki")
    trusted = folder / "ca.pem"
    trusted.write_bytes(settings.ca.read_bytes() + own.cert.read_bytes())
    login = lab_registry.read_login(settings)
    word = b64encode(f"{login.user}:{login.password}".encode()).decode()
    certificate = own.issue("proxy", common_name="proxy", addresses=["127.0.0.1"])
    with registry_proxy(REGISTRY, str(settings.ca), certificate) as proxy:
        auth = folder / "auth.json"
        auth.touch(0o600)
        auths = {host: {"auth": word} for host in (proxy.address, REGISTRY)}
        auth.write_text(json.dumps({"auths": auths}))
        files = {"registry_auth": str(auth), "registry_ca": str(trusted)}
        yield Builder(
            proxy=proxy,
            files=files,
            cache=folder / "cache",
            folder=f"{NAME}/{secrets.token_hex(4)}",
        )
    for cache in folder.glob("cache*"):
        buildah(cache, "rm", "--all")
        buildah(cache, "rmi", "--all", "--force")


def buildah(cache: Path, *arguments: str) -> str:
    """Ask Buildah about layers and containers of these tests; gives what it says."""
    storage = cache / "kuryr-runbook" / "containers"
    command = ("buildah", "--root", str(storage), "--runroot", str(storage / "run"), *arguments)
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=SECONDS
    ).stdout


@pytest.fixture(scope="module")
def clean(builder: Builder) -> dict[str, Any]:
    """What a run leaves that nothing happened to."""
    builder.finish("clean")
    return builder.held("clean")


def kill(process: subprocess.Popen[str], *, engine: bool) -> list[psutil.Process]:
    """SIGKILL for the run, and for its engine with all that it started; gives what lives on."""
    run = psutil.Process(process.pid)
    others = run.children(recursive=True)
    for victim in (run, *(others if engine else ())):
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGKILL)
    return [] if engine else others


@pytest.mark.parametrize("engine", [True, False], ids=["with its engine", "alone"])
def test_killed_at_each_change_of_the_registry_it_comes_to_the_same_end(
    builder: Builder, clean: dict[str, Any], *, engine: bool
) -> None:
    for call in range(1, MOST_KILLS):
        repository = f"push-{'all' if engine else 'alone'}-{call}"
        process = builder.begin(repository)

        def strike(number: int, call: int = call, process: Any = process) -> None:
            if number == call:
                kill(process, engine=engine)

        builder.proxy.begin(strike)
        output, _ = process.communicate(timeout=SECONDS)
        builder.proxy.begin()
        if process.returncode == 0:
            break
        assert process.returncode == KILLED, output[-3000:]
        builder.finish(repository)
        assert builder.held(repository) == clean, f"killed at change {call}"
    # Begin, send and end the upload of the layer and of the configuration; the manifest.
    assert call > 7


@pytest.mark.parametrize("engine", [True, False], ids=["with its engine", "alone"])
def test_a_build_that_is_killed_in_its_midst_is_built_and_pushed(
    builder: Builder, clean: dict[str, Any], *, engine: bool
) -> None:
    repository = f"build-{'all' if engine else 'alone'}"
    own = replace(builder, cache=builder.cache.with_name(f"cache-{repository}"))
    left: list[psutil.Process] = []
    for step in STEPS:
        process = own.begin(repository)
        assert process.stdout is not None
        for line in process.stdout:
            if step in line:
                left += kill(process, engine=engine)
                break
        process.communicate(timeout=SECONDS)
        assert process.returncode == KILLED, step
    own.finish(repository)
    assert own.held(repository) == clean
    # An engine that went on by itself was at work still: what it left is for the next run.
    assert psutil.wait_procs(left, timeout=SECONDS)[1] == []
    own.finish(f"{repository}-later")
    assert buildah(own.cache, "containers", "--quiet") == ""
