"""The image of Kuryr's controller and daemon, and the tests that it works."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf

PLUGIN_PATH = "/opt/kuryr-cni/kuryr-cni"
"""Path of the CNI plugin in the image. On a node it gets the name in the CNI configuration."""
PYTHON_PLUGIN_PATH = "/opt/kuryr/bin/kuryr-cni"
"""Kuryr's own plugin in Python, which needs the rest of the image."""

LABEL = "org.kuryr-runbook"
INPUTS_LABEL = f"{LABEL}.inputs"
"""SHA-256 of all of the image's inputs; an image is not built again from the same inputs."""

RELEASE_LABEL = f"{LABEL}.release"

OUR_DRIVERS = ("nested-macvlan-locked", "neutron-vif-as-is")
"""The VIF driver that is part of the image in addition to Kuryr's own."""

CONTAINERFILE = "Containerfile"
FOLDERS = ("vif_driver/", "python_plugin/")
"""Our own sources that go into the image."""

DOCKER_HUB = "docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The full name of an image."""

    registry: str
    """Host, with its port if that isn't 443."""
    repository: str
    version: str
    """A tag, or a digest (`sha256:...`)."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses a name like container engines: Docker Hub and `latest` are the defaults."""
        name, at, digest = text.partition("@")
        host, slash, path = name.partition("/")
        if not slash or not (set(".:") & set(host) or host == "localhost"):
            host, path = DOCKER_HUB, name
        path, _, tag = path.partition(":")
        if not path or (at and not digest.startswith("sha256:")):
            raise UsageError(
                f"image {text!r}: not a valid image name",
                remedy="write it as registry/repository:tag or registry/repository@sha256:...",
            )
        if host == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        return cls(registry=host, repository=path, version=digest or tag or "latest")

    @property
    def is_digest(self) -> bool:
        """Whether it names a content, not a tag that may move."""
        return ":" in self.version

    def at(self, digest: str) -> Self:
        """The same repository, at a digest."""
        return type(self)(registry=self.registry, repository=self.repository, version=digest)

    def __str__(self) -> str:
        separator = "@" if self.is_digest else ":"
        return f"{self.registry}/{self.repository}{separator}{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """A command to run in the image, and its expected result."""

    name: str
    command: tuple[str, ...]
    expected: str
    """A regular expression that has to match in its output."""
    status: int = 0
    stdin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A wanted image."""

    reference: Reference
    base: Reference
    """At its digest."""
    files: Mapping[str, bytes]
    """Path in the build's context to content."""
    build_args: Mapping[str, str]
    labels: Mapping[str, str]
    smoke_tests: tuple[SmokeTest, ...]

    @property
    def inputs(self) -> str:
        """SHA-256 of all of the image's inputs."""
        return self.labels[INPUTS_LABEL]

    def is_made_as(self, labels: Mapping[str, str]) -> bool:
        """Whether an image with these labels was built from the same inputs."""
        return labels.get(INPUTS_LABEL) == self.inputs

    def difference(self, labels: Mapping[str, str]) -> str:
        """Why an image with these labels is not the wanted one."""
        if INPUTS_LABEL not in labels:
            return "the registry's image was not built by this runbook"
        there, wanted = labels.get(RELEASE_LABEL), self.labels[RELEASE_LABEL]
        if there != wanted:
            return f"the registry's image contains release {there}, not release {wanted}"
        return "the registry's image was built from other inputs"


def image_spec(site: Site, sources: Mapping[str, bytes], base_digest: str) -> ImageSpec:
    """The image of a site, from the sources in this package.

    The base image is pinned to `base_digest`: a new base image is a different input.
    """
    release, constraint_set, plugin = site.release, site.constraint_set, site.release.cni_plugin
    base = Reference.parse(site.base_image).at(base_digest)
    packages = sources[constraint_set.file]
    files = {
        CONTAINERFILE: sources[CONTAINERFILE],
        "build.txt": sources[constraint_set.build_file],
        "packages.txt": packages,
        "kuryr.txt": _hashed(release.version, release.image.wheel_sha256),
        # Only the source distribution has the plugin's source.
        "cni-plugin.txt": _hashed(plugin.built_from, plugin.sdist_sha256),
        **{path: text for path, text in sources.items() if path.startswith(FOLDERS)},
    }
    language = site.image.cni_plugin_language
    build_args = {
        "BASE_IMAGE": str(base),
        "PYTHON": constraint_set.python,
        "PLUGIN": language,
    }
    labels = {
        "org.opencontainers.image.title": "Kuryr: controller, daemon and CNI plugin",
        "org.opencontainers.image.version": release.version,
        "org.opencontainers.image.base.name": site.base_image,
        "org.opencontainers.image.base.digest": base_digest,
        RELEASE_LABEL: release.name,
        f"{LABEL}.constraint-set": f"{site.image.constraints}, Python {constraint_set.python}",
        f"{LABEL}.constraints": hashlib.sha256(packages).hexdigest(),
        f"{LABEL}.cni-plugin": _plugin_origin(site),
        f"{LABEL}.vif-drivers": ", ".join(OUR_DRIVERS),
        INPUTS_LABEL: _inputs_digest(files, build_args),
    }
    return ImageSpec(
        reference=Reference.parse(f"{site.image.repository}:{release.name}"),
        base=base,
        files=files,
        build_args=build_args,
        labels=labels,
        smoke_tests=(
            *_smoke_tests(release.version, sources),
            *_plugin_tests(PYTHON_PLUGIN_PATH if language == "python" else PLUGIN_PATH),
            _options_test(site, sources),
        ),
    )


def _hashed(version: str, sha256: str) -> bytes:
    """A version of Kuryr, for pip."""
    return f"kuryr-kubernetes=={version} --hash=sha256:{sha256}\n".encode()


def _plugin_origin(site: Site) -> str:
    if site.image.cni_plugin_language == "python":
        return f"Python, kuryr-kubernetes {site.release.version}"
    plugin = site.release.cni_plugin
    return f"Go, kuryr-kubernetes {plugin.built_from}, sha256:{plugin.sdist_sha256}"


def _inputs_digest(files: Mapping[str, bytes], build_args: Mapping[str, str]) -> str:
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    canonical = json.dumps({"files": digests, "build_args": dict(build_args)}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _smoke_tests(version: str, sources: Mapping[str, bytes]) -> Iterable[SmokeTest]:
    """Tests of controller, daemon and drivers; none needs a cloud, a cluster or a privilege."""
    says_version = rf"(?m)^{version.replace('.', '[.]')}$"
    for program in ("kuryr-k8s-controller", "kuryr-daemon"):
        yield SmokeTest(
            name=f"{program} starts", command=(program, "--version"), expected=says_version
        )
    yield SmokeTest(
        name="every program, handler and driver loads",
        command=("python", "-"),
        stdin=sources["smoke/entry_points.py"].decode(),
        expected=rf"(?s)entry points load.*{'.*'.join(OUR_DRIVERS)}",
    )
    yield SmokeTest(
        name="pods that start at once keep their address pairs",
        command=("python", "-"),
        stdin=sources["smoke/vif_driver.py"].decode(),
        expected=r"20 of 20 pods keep their pair",
    )
    yield SmokeTest(
        name="tools of the verification are there",
        command=("sh", "-c", "ip -V && ping -V && curl --version"),
        expected="(?s)iproute2.*ping from iputils.*libcurl",
    )
    yield SmokeTest(
        name="the tool that plugs neutron-vif's pods into Open vSwitch is there",
        command=("ovs-vsctl", "--version"),
        expected="(?m)^ovs-vsctl .Open vSwitch. ",
    )


def _plugin_tests(program: str) -> Iterable[SmokeTest]:
    """Tests of the CNI plugin, and of what a node calls: the same, except for the one in Python."""
    head = {"cniVersion": "0.3.1", "name": "kuryr", "type": "kuryr-cni"}
    # The one in Python requires the key; there is no kuryr.conf here, and its defaults are fine.
    conf = json.dumps(head | {"kuryr_conf": "/dev/null"})
    yield SmokeTest(
        name="CNI plugin says which CNI versions it speaks",
        command=("env", "CNI_COMMAND=VERSION", program),
        stdin=conf,
        expected=r"supportedVersions.*0\.3\.1",
    )
    for called in dict.fromkeys((program, PLUGIN_PATH)):
        yield SmokeTest(
            name=f"CNI plugin asks for the daemon: {called}",
            command=("env", *_CNI_ADD, called),
            stdin=conf,
            expected=r"Is kuryr-daemon running\?",
            status=1,
        )


def _options_test(site: Site, sources: Mapping[str, bytes]) -> SmokeTest:
    """Kuryr silently ignores unknown options, so a typo would not be noticed."""
    wanted = {name: sorted(options) for name, options in kuryr_conf.option_names(site).items()}
    return SmokeTest(
        name="Kuryr knows every option of kuryr.conf",
        command=("python", "-", json.dumps(wanted)),
        stdin=sources["smoke/options.py"].decode(),
        expected=r"all \d+ options are known",
    )


_CNI_ADD = (
    "CNI_COMMAND=ADD",
    "CNI_CONTAINERID=smoke-test",
    "CNI_NETNS=/proc/self/ns/net",
    "CNI_IFNAME=eth0",
    "CNI_ARGS=K8S_POD_NAMESPACE=default;K8S_POD_NAME=smoke-test",
    "CNI_PATH=/opt/kuryr-cni",
)
