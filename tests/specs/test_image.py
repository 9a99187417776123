from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping

import pytest

from kuryr_runbook.clients.images.kuryr import image_sources
from kuryr_runbook.model.errors import SiteError, UsageError
from kuryr_runbook.model.releases import RELEASES, Release
from kuryr_runbook.model.releases.builds import MODERN
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.specs.daemon import cni_conf
from kuryr_runbook.specs.image import (
    INPUTS_LABEL,
    OUR_DRIVERS,
    ImageSpec,
    Reference,
    image_spec,
)

DIGEST = "sha256:" + "1" * 64
OTHER_DIGEST = "sha256:" + "2" * 64
SOURCES = image_sources()


def site(release: str = "stein", **image: str) -> Site:
    section = {"repository": "registry.example.org:5000/kuryr/kuryr"} | image
    lines = "\n".join(f"  {key}: {value!r}" for key, value in section.items())
    return parse_site(
        "name: test\nopenstack: {}\nkubernetes: {}\nnetwork: {}\n"
        f"kuryr: {{release: {release!r}, resource_tags: [tag]}}\nimage:\n{lines}",
        "test.yaml",
    )


def spec(
    sources: Mapping[str, bytes] = SOURCES,
    digest: str = DIGEST,
    release: str = "stein",
    **image: str,
) -> ImageSpec:
    return image_spec(site(release, **image), sources, digest)


@pytest.mark.parametrize(
    ("text", "registry", "repository", "version"),
    [
        ("debian", "docker.io", "library/debian", "latest"),
        ("debian:bookworm", "docker.io", "library/debian", "bookworm"),
        ("kuryr/controller:1", "docker.io", "kuryr/controller", "1"),
        ("localhost/kuryr", "localhost", "kuryr", "latest"),
        ("192.0.2.2:5443/lab/debian:bookworm", "192.0.2.2:5443", "lab/debian", "bookworm"),
        ("192.0.2.2:5443/lab/debian", "192.0.2.2:5443", "lab/debian", "latest"),
        (f"registry.example.org/a/b/c@{DIGEST}", "registry.example.org", "a/b/c", DIGEST),
        (f"registry.example.org/a:1@{DIGEST}", "registry.example.org", "a", DIGEST),
    ],
)
def test_names_are_read_as_engines_do(
    text: str, registry: str, repository: str, version: str
) -> None:
    reference = Reference.parse(text)
    assert (reference.registry, reference.repository, reference.version) == (
        registry,
        repository,
        version,
    )
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize("text", ["", "registry.example.org/", "debian@md5:123", "debian@"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a valid image name"):
        Reference.parse(text)


def test_image_is_named_after_the_release_and_stands_on_a_pinned_base() -> None:
    made = spec(base_image="debian:bookworm-slim")
    assert str(made.reference) == "registry.example.org:5000/kuryr/kuryr:stein"
    assert made.build_args["BASE_IMAGE"] == f"docker.io/library/debian@{DIGEST}"
    assert made.build_args["PYTHON"] == "3.11"
    wheel = RELEASES["stein"].image.wheel_sha256
    assert made.files["kuryr.txt"] == f"kuryr-kubernetes==1.0.1 --hash=sha256:{wheel}\n".encode()


def test_every_input_counts() -> None:
    """A change to anything that goes into the image is another image."""
    made = spec()
    variants = [spec(digest=OTHER_DIGEST), spec(base_image="registry.example.org/debian:bookworm")]
    elsewhere = {path for path in SOURCES if path.startswith(("smoke/", "constraints/"))}
    in_image = SOURCES.keys() - elsewhere | {MODERN.file, MODERN.build_file}
    assert len(in_image) >= 7
    variants += [spec(constraints="historic"), spec(release="train")]
    variants += [spec(dict(SOURCES) | {path: SOURCES[path] + b"\n#"}) for path in in_image]
    assert len({made.inputs, *(variant.inputs for variant in variants)}) == 1 + len(variants)


def test_what_is_not_in_the_image_does_not_count() -> None:
    path = "smoke/vif_driver.py"
    tried_otherwise = spec(dict(SOURCES) | {path: SOURCES[path] + b"\n#"})
    elsewhere = spec(repository="registry.example.org/other")
    in_another_order = spec(dict(reversed(SOURCES.items())))
    assert {s.inputs for s in (tried_otherwise, elsewhere, in_another_order)} == {spec().inputs}


def test_an_image_is_known_again_by_its_label() -> None:
    made = spec()
    assert made.is_made_as(made.labels)
    assert not made.is_made_as(spec(digest=OTHER_DIGEST).labels)
    assert not made.is_made_as({})
    assert made.labels[INPUTS_LABEL] == made.inputs


def test_labels_say_what_the_image_is_made_of() -> None:
    labels = spec(base_image="debian:bookworm-slim").labels
    assert labels["org.opencontainers.image.version"] == "1.0.1"
    assert labels["org.opencontainers.image.base.name"] == "debian:bookworm-slim"
    assert labels["org.opencontainers.image.base.digest"] == DIGEST
    constraints = hashlib.sha256(SOURCES["constraints/modern.txt"]).hexdigest()
    assert labels["org.kuryr-runbook.constraints"] == constraints
    assert labels["org.kuryr-runbook.constraint-set"] == "modern, Python 3.11"
    assert labels["org.kuryr-runbook.release"] == "stein"
    assert labels["org.kuryr-runbook.vif-drivers"] == "nested-macvlan-locked, neutron-vif-as-is"


def test_the_historic_constraints_bring_a_base_image_with_their_python() -> None:
    made = spec(release="train", constraints="historic")
    assert made.build_args["PYTHON"] == "3.6"
    assert str(made.base) == f"docker.io/library/python@{DIGEST}"
    assert made.files["packages.txt"] == SOURCES["constraints/historic-train.txt"]
    assert made.files["build.txt"] == SOURCES["constraints/build-3.6.txt"]
    named = spec(release="train", constraints="historic", base_image="registry.example.org/python")
    assert str(named.base) == f"registry.example.org/python@{DIGEST}"


def test_a_release_without_historic_constraints_says_so() -> None:
    with pytest.raises(SiteError, match="no historic set for release xena: it has modern"):
        spec(release="xena", constraints="historic")


def test_the_build_gets_all_that_the_containerfile_copies() -> None:
    made = spec()
    containerfile = made.files["Containerfile"].decode()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", containerfile, re.MULTILINE)
    wanted = {path for line in copied for path in line.split()} - {"host/"}
    texts = {"build.txt", "packages.txt", "kuryr.txt", "cni-plugin.txt"}
    assert wanted == texts | {"vif_driver/", "python_plugin/"}
    for path in wanted:
        assert any(file.startswith(path) for file in made.files), path


def test_the_plugin_in_python_is_for_stein_alone() -> None:
    made = spec(cni_plugin_language="python")
    assert made.build_args["PLUGIN"] == "python"
    assert made.inputs != spec().inputs
    assert made.labels["org.kuryr-runbook.cni-plugin"] == "Python, kuryr-kubernetes 1.0.1"
    assert spec().labels["org.kuryr-runbook.cni-plugin"].startswith("Go, kuryr-kubernetes 1.1.2, ")
    asked = [test.command[-1] for test in made.smoke_tests if "CNI plugin" in test.name]
    assert asked == ["/opt/kuryr/bin/kuryr-cni", *asked[:1], "/opt/kuryr-cni/kuryr-cni"]
    conf = json.loads(cni_conf(site(cni_plugin_language="python")))
    assert conf["kuryr_conf"] == "/etc/kuryr/kuryr.conf"
    assert "kuryr_conf" not in json.loads(cni_conf(site()))
    for name in set(RELEASES) - {"stein"}:
        with pytest.raises(SiteError, match=f"with release {name} leave the key out"):
            site(name, cni_plugin_language="python")


def test_the_last_stage_runs_nothing_and_sees_no_host_settings() -> None:
    containerfile = spec().files["Containerfile"].decode()
    last = containerfile.split("\nFROM ")[-1]
    assert last.startswith("scratch\n")
    assert not re.search(r"^(RUN|ARG)", last, re.MULTILINE)
    assert "/host" not in last


@pytest.mark.parametrize("release", RELEASES.values(), ids=list(RELEASES))
def test_kuryr_itself_is_pinned(release: Release) -> None:
    files = spec(release=release.name).files
    for name, version in (
        ("kuryr.txt", release.version),
        ("cni-plugin.txt", release.cni_plugin.built_from),
    ):
        wanted = rf"kuryr-kubernetes=={re.escape(version)} --hash=sha256:[0-9a-f]{{64}}\n"
        assert re.fullmatch(wanted, files[name].decode())
    assert files["kuryr.txt"] != files["cni-plugin.txt"]


def test_pip_takes_nothing_without_a_hash() -> None:
    """Neither what is installed, nor what builds it: that is installed from a list before."""
    text = SOURCES["Containerfile"].decode().replace("\\\n", " ")
    [install] = re.findall(r"install='([^']*)'", text)
    commands = re.findall(r"pip (?:install|download) [^&']*", text.replace("$install", install))
    assert len(commands) == 6
    assert [it for it in commands if "--require-hashes" not in it] == [commands[-1]]
    assert "--no-deps" in commands[-1]
    assert commands[-1].strip().endswith("/build/vif_driver")
    for command in commands[2:]:
        assert "--no-build-isolation" in command or "--only-binary :all:" in command


def test_our_driver_is_registered_under_the_name_that_kuryr_conf_gets() -> None:
    project = SOURCES["vif_driver/setup.cfg"].decode()
    for release in RELEASES.values():
        for name in release.vif_drivers.values():
            assert (f"\n    {name} = " in project) == (name in OUR_DRIVERS)


@pytest.mark.parametrize("path", [path for path in SOURCES if path.endswith(".py")])
def test_what_runs_in_the_image_is_written_for_its_oldest_python(path: str) -> None:
    ast.parse(SOURCES[path], feature_version=(3, 6))
    assert b"from __future__ import annotations" not in SOURCES[path]


def test_smoke_tests_try_controller_daemon_driver_and_plugin() -> None:
    programs = [" ".join(test.command) for test in spec().smoke_tests]
    for wanted in (
        "kuryr-k8s-controller --version",
        "kuryr-daemon --version",
        "CNI_COMMAND=ADD",
        "ovs-vsctl",
    ):
        assert any(wanted in program for program in programs), wanted


def test_the_image_is_asked_for_every_option_that_controller_and_daemon_get() -> None:
    [asked] = [test.command[-1] for test in spec().smoke_tests if "option" in test.name]
    wanted = json.loads(asked)
    assert wanted["pod_vif_nested"] == ["worker_nodes_subnet"]
    assert {"password", "cafile", "region_name"} <= set(wanted["neutron"])
    assert {"bind_address", "netns_proc_dir"} <= set(wanted["cni_daemon"])
