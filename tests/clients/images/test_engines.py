"""What is handed to the engines, and what is made of their answers.

The engine here is a script on PATH that keeps its arguments; the real ones build in
tests/lab/test_image.py.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kuryr_runbook.clients.images import build_settings
from kuryr_runbook.clients.images.engines import Engine, find_engine
from kuryr_runbook.clients.images.kuryr import Plugin, image_sources, smoke_test, write_plugin
from kuryr_runbook.clients.images.workplace import Workplace
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    RunbookError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.specs.image import INPUTS_LABEL, ImageSpec, SmokeTest, image_spec

SITE = """
name: test
openstack: {}
kubernetes: {}
network: {}
kuryr: {}
image: {repository: registry.example.org/kuryr/kuryr}
"""

SCRIPT = """
import json, os, shutil, sys
arguments = sys.argv[1:]
options = dict(zip(arguments, arguments[1:]))
call = {"arguments": arguments, "environment": dict(os.environ)}
config = os.environ.get("DOCKER_CONFIG")
call["docker_login"] = open(config + "/config.json").read() if config else ""
call["ca"] = open(options["--cert-dir"] + "/ca.crt").read() if "--cert-dir" in options else ""
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(call) + "\\n")
if "--iidfile" in options:
    open(options["--iidfile"], "w").write("sha256:image-id\\n")
    shutil.copytree(arguments[-1], os.environ["CALLS"] + ".context")
if "--digestfile" in options:
    open(options["--digestfile"], "w").write("sha256:pushed")
print(os.environ.get("SAYS", "container-1"))
sys.exit(int(os.environ.get("STATUS", "0")))
"""


class Calls:
    """The engine's calls, as it kept them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def context(self) -> Path:
        return Path(f"{self.path}.context")

    def arguments(self) -> list[str]:
        """Of the only call."""
        (call,) = self.read()
        arguments = call["arguments"]
        assert isinstance(arguments, list)
        return arguments


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Puts all three engines on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("buildah", "podman", "docker"):
        (folder / name).write_text(f"#!{sys.executable} -IS{SCRIPT}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    return Calls(tmp_path / "calls")


@pytest.fixture
def spec() -> ImageSpec:
    return image_spec(parse_site(SITE, "test.yaml"), image_sources(), "sha256:" + "1" * 64)


def engine(name: str, folder: Path) -> Engine:
    (folder / "auth.json").write_text('{"auths": {"registry.example.org": {"auth": "secret"}}}')
    (folder / "ca.pem").write_text("the CA")
    return Engine(
        name=name,
        say=lambda line: None,
        log=folder / "logs" / "image.log",
        auth_file=folder / "auth.json",
        ca=folder / "ca.pem",
        storage=folder / "storage",
    )


@pytest.mark.parametrize("name", ["buildah", "podman", "docker"])
def test_build_gets_arguments_labels_and_context(
    calls: Calls, spec: ImageSpec, tmp_path: Path, name: str
) -> None:
    assert engine(name, tmp_path).build(spec) == "sha256:image-id"
    arguments = calls.arguments()
    for key, value in spec.build_args.items():
        assert f"{key}={value}" in arguments
    for key, value in spec.labels.items():
        assert f"{key}={value}" in arguments
    assert str(spec.reference) in arguments
    assert ("--root" in arguments) == ("--timestamp" in arguments) == (name != "docker")
    for path, content in spec.files.items():
        assert (calls.context / path).read_bytes() == content
    assert stat.S_IMODE((calls.context / "host").stat().st_mode) == 0o700
    assert not Path(arguments[-1]).exists(), "the context holds passwords: it must not stay"


@pytest.mark.parametrize(
    ("says", "verbs"), [("container-1", ["containers", "rm"]), ("", ["containers"])]
)
def test_containers_of_killed_builds_are_removed_before_the_next_one(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, verbs: list[str]
) -> None:
    monkeypatch.setenv("SAYS", says)
    storage = tmp_path / "storage"
    with replace(engine("buildah", tmp_path), workplace=Workplace(storage)).at_work():
        assert [verb_of(call) for call in calls.read()] == verbs


def verb_of(call: dict[str, object]) -> str:
    """The first argument that is neither an option nor the value of one."""
    arguments = call["arguments"]
    assert isinstance(arguments, list)
    return str(arguments[arguments.index("--runroot") + 2])


@pytest.mark.parametrize("name", ["buildah", "podman"])
def test_login_and_ca_are_handed_over(calls: Calls, tmp_path: Path, name: str) -> None:
    assert engine(name, tmp_path).push("registry.example.org/kuryr/kuryr:stein") == "sha256:pushed"
    (call,) = calls.read()
    assert call["ca"] == "the CA"
    assert dict(call["environment"])["REGISTRY_AUTH_FILE"] == str(tmp_path / "auth.json")  # type: ignore[call-overload]


def test_docker_gets_its_login_as_its_configuration(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "sha256:" + "3" * 64
    monkeypatch.setenv("SAYS", f"stein: digest: {digest} size: 740")
    assert engine("docker", tmp_path).push("registry.example.org/kuryr/kuryr:stein") == digest
    (call,) = calls.read()
    assert call["docker_login"] == (tmp_path / "auth.json").read_text()


def test_missing_login_file_of_the_environment_is_not_handed_over(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none"))
    engine = Engine(name="buildah", say=lambda line: None, log=tmp_path / "log")
    engine.run_in_image("debian", "true")
    found = calls.read()
    assert found
    for call in found:
        assert "REGISTRY_AUTH_FILE" not in dict(call["environment"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ("x509: certificate signed by unknown authority", AccessError),
        ("unauthorized: authentication required", AccessError),
        ("dial tcp 192.0.2.2:5443: connect: connection refused", UnreachableError),
        ("no space left on device", ApplyError),
    ],
)
def test_failed_push_is_reported_apart(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, kind: type[Exception]
) -> None:
    monkeypatch.setenv("STATUS", "125")
    monkeypatch.setenv("SAYS", says)
    with pytest.raises(kind, match=says) as caught:
        engine("buildah", tmp_path).push("registry.example.org/kuryr/kuryr:stein")
    assert "pushing registry.example.org/kuryr/kuryr:stein" in str(caught.value)
    assert (tmp_path / "logs" / "image.log").read_text() == f"{says}\n"


def test_failed_build_is_no_matter_of_the_registry(
    calls: Calls, spec: ImageSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip inside the build says the same words of the package index."""
    monkeypatch.setenv("STATUS", "1")
    monkeypatch.setenv("SAYS", "pip: connection refused")
    with pytest.raises(ApplyError, match=r"building .*: exit status 1"):
        engine("buildah", tmp_path).build(spec)


@pytest.mark.parametrize(
    ("says", "kind", "told", "way_out"),
    [
        ("write /layer.tar: no space left on device", ApplyError, "building", "disk"),
        (
            "E: You don't have enough free space: No space left on device",
            ApplyError,
            "enough",
            "disk",
        ),
        ("reading manifest: manifest unknown", UsageError, "building", "image.base_image"),
        (
            "WRONG PYTHON: the base image has 3.11, the constraint set is for 3.6",
            UsageError,
            "the base image has 3.11, the constraint set is for 3.6",
            "image.constraints",
        ),
        (
            'STEP 4: RUN echo "WRONG PYTHON: the base image has $found"\ncollect2: error: ld',
            ApplyError,
            "collect2",
            "image.log",
        ),
    ],
)
def test_failed_build_says_what_to_do(
    calls: Calls,
    spec: ImageSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    says: str,
    kind: type[RunbookError],
    told: str,
    way_out: str,
) -> None:
    monkeypatch.setenv("STATUS", "125")
    monkeypatch.setenv("SAYS", says)
    with pytest.raises(kind, match=re.escape(told)) as caught:
        engine("buildah", tmp_path).build(spec)
    assert way_out in str(caught.value.remedy)


def test_full_disk_is_reported_in_a_push_too(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATUS", "125")
    monkeypatch.setenv("SAYS", "no space left on device")
    with pytest.raises(ApplyError, match=r"pushing registry\.example\.org") as caught:
        engine("podman", tmp_path).push("registry.example.org/kuryr/kuryr:stein")
    assert "disk" in str(caught.value.remedy)


def test_image_that_is_not_what_it_claims_is_not_taken() -> None:
    """The tag of one release, and another release inside."""
    site = parse_site(SITE, "test.yaml")
    wanted = image_spec(site, image_sources(), "sha256:" + "1" * 64)
    train = site.model_copy(update={"kuryr": site.kuryr.model_copy(update={"release": "train"})})
    other = image_spec(train, image_sources(), "sha256:" + "1" * 64)
    assert not wanted.is_made_as(other.labels)
    assert "release train" in wanted.difference(other.labels)
    assert "release stein" in wanted.difference(other.labels)
    assert "not built by this runbook" in wanted.difference({})
    older = dict(wanted.labels) | {INPUTS_LABEL: "0" * 64}
    assert wanted.difference(older) == "the registry's image was built from other inputs"


def test_working_container_is_removed_also_when_the_command_fails(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = engine("buildah", tmp_path).run_in_image("sha256:image-id", "true")
    assert result.status == 0
    verbs = [arguments["arguments"][4] for arguments in calls.read()]  # type: ignore[index]
    assert verbs == ["from", "run", "rm"]


@pytest.mark.parametrize(("status", "says"), [("1", "1.0.1"), ("0", "1.0.2")])
def test_smoke_test_fails_on_status_or_output(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, says: str
) -> None:
    monkeypatch.setenv("STATUS", status)
    monkeypatch.setenv("SAYS", says)
    test = SmokeTest(name="it starts", command=("kuryr-daemon",), expected=r"^1\.0\.1$")
    with pytest.raises(ApplyError, match="it starts") as caught:
        smoke_test(engine("podman", tmp_path), "image", test)
    assert says in str(caught.value)


def test_engine_is_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    assert find_engine("auto") == "buildah"
    assert find_engine("podman") == "podman"
    monkeypatch.setenv("STATUS", "1")
    with pytest.raises(UsageError, match="none of docker can be used"):
        find_engine("docker")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="none of buildah, podman, docker"):
        find_engine("auto")


def test_pips_settings_are_merged_as_pip_does() -> None:
    listing = (
        ":env:.index-url='https://env.example.org/simple'\n"
        "global.index-url='https://global.example.org/simple'\n"
        "global.extra-index-url='file:///srv/simple https://extra.example.org/simple'\n"
        "global.timeout='10'\n"
        "install.trusted-host='b.example.org'\n"
        "global.trusted-host='a.example.org'\n"
    )
    settings = build_settings.pip_settings(listing)
    assert build_settings.pip_conf(settings, trusts_ca=True).splitlines() == [
        "[global]",
        "index-url = https://env.example.org/simple",
        "extra-index-url = https://extra.example.org/simple",
        "trusted-host = b.example.org",
        "cert = /host/ca.pem",
        "timeout = 60",
    ]


def test_no_settings_of_pip_are_fine() -> None:
    assert build_settings.pip_settings("") == {}
    assert build_settings.pip_conf({}, trusts_ca=False) == "[global]\ntimeout = 60\n"


def test_proxies_are_exported_and_quoted() -> None:
    file = build_settings.env_file({"HTTPS_PROXY": "http://user:a'b@proxy:3128", "HOME": "/home"})
    assert """export https_proxy='http://user:a'"'"'b@proxy:3128'\n""" in file
    assert "HOME" not in file
    assert "http_proxy=" not in file.replace("https_proxy=", "")


def test_only_proxies_and_dates_of_apt_are_taken() -> None:
    dump = (
        'Acquire "";\n'
        'Acquire::http::Proxy "http://proxy:3142";\n'
        'Acquire::https::deb.example.org::Proxy "DIRECT";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::https::CaInfo "/srv/ca.pem";\n'
        'DPkg::Post-Invoke "";\n'
    )
    assert build_settings.apt_conf(dump, trusts_ca=True).splitlines() == [
        'Acquire::http::Proxy "http://proxy:3142";',
        'Acquire::https::deb.example.org::Proxy "DIRECT";',
        'Acquire::Check-Valid-Until "false";',
        'Acquire::https::CaInfo "/host/ca.pem";',
    ]


def test_ca_of_the_environment_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("corporate CA")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_CERT", raising=False)
    files = build_settings.host_files({"REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")})
    assert files["ca.pem"] == "corporate CA"
    assert "cert = /host/ca.pem" in files["pip.conf"]


def test_plugin_is_put_in_place_executable(tmp_path: Path) -> None:
    path = tmp_path / "opt" / "cni" / "bin" / "kuryr-cni"
    for content in (b"first", b"second"):
        write_plugin(Plugin(content=content, sha256=""), path)
        assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert [entry.name for entry in path.parent.iterdir()] == ["kuryr-cni"]
