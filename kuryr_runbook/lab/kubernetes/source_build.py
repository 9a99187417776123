"""Builds Kubernetes from Debian's source package with Debian's Go, using only Debian's mirror.

Everything happens in one directory beside the result: the unpacked compiler, the source tree and
Go's build cache. An interrupted build leaves that cache, so the next one continues from there; a
finished one removes the directory.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.lab import debian
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import KUBERNETES_VERSION
from kuryr_runbook.model.errors import LabError

GO = "1.19"
TOOLCHAIN = (f"golang-{GO}-go", f"golang-{GO}-src", "golang-github-modern-go-reflect2-dev")
REFLECT2 = "github.com/modern-go/reflect2"

HEARTBEAT_SECONDS = 20
COMMAND_SECONDS = 1800

_MAIN = "k8s.io/kubernetes"
_OPENAPI_TAG = re.compile(rb"^// \+k8s:openapi-gen=", re.MULTILINE)
_NO_OPENAPI = ("_examples", "code-generator", "sample-apiserver", "testdata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The directory of a build, and running commands in it."""

    root: Path
    say: Progress
    begun: float
    environment: Mapping[str, str]

    @property
    def toolchain(self) -> Path:
        """Root of the unpacked packages."""
        return self.root / "toolchain"

    @property
    def gopath(self) -> Path:
        """Kubernetes only builds in GOPATH mode: vendor contains links to its own packages."""
        return self.root / "gopath"

    @property
    def tree(self) -> Path:
        """Kubernetes' source, in its place in GOPATH."""
        return self.gopath / "src" / _MAIN

    def show(self, message: str) -> None:
        """Print a line with the time since the build began."""
        self.say(f"  [{time.monotonic() - self.begun:3.0f} s] {message}")

    def run(self, doing: str, *command: str) -> None:
        """Run a command in the source tree, with a heartbeat; LabError when it fails."""
        log = self.root / "build.log"
        with log.open("wb") as out:
            child = subprocess.Popen(
                command,
                cwd=self.tree,
                env=self._go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = self._wait(child, doing)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        if status != 0:
            tail = "\n  ".join(log.read_text(errors="replace").strip().splitlines()[-8:])
            raise LabError(
                f"building Kubernetes failed while {doing}, with status {status}:\n  {tail}",
                remedy="see that 4 GB of disk and 2 GB of memory are free, then try again; "
                "or point KUBEBUILDER_ASSETS to binaries of Kubernetes 1.20",
            )

    def _wait(self, child: subprocess.Popen[bytes], doing: str) -> int:
        deadline = time.monotonic() + COMMAND_SECONDS
        while True:
            try:
                return child.wait(HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise LabError(f"{doing} was not done after {COMMAND_SECONDS} s") from None
                self.show(f"still {doing}")

    def _go_environment(self) -> dict[str, str]:
        goroot = self.toolchain / "usr/lib" / f"go-{GO}"
        kept = {name: value for name, value in self.environment.items() if name[:2] != "GO"}
        return {
            **kept,
            "PATH": f"{goroot / 'bin'}:{self.environment.get('PATH', os.defpath)}",
            "GOROOT": str(goroot),
            "GOPATH": str(self.gopath),
            "GOCACHE": str(self.root / "gocache"),
            "GO111MODULE": "off",
            "GOPROXY": "off",
            "CGO_ENABLED": "0",
        }


def sweep(home: Path) -> None:
    """Remove the gigabytes left by a build that was interrupted after installing its binaries."""
    if _workshop(home).exists():
        shutil.rmtree(_workshop(home))


def _workshop(home: Path) -> Path:
    return home.with_name(f"{home.name}.building")


def build(
    components: Sequence[str], home: Path, say: Progress, environment: Mapping[str, str]
) -> Path:
    """Build the components and put them into `home`, which is only created when all are there.

    Takes 4 to 7 minutes and 3 GB of disk on two cores. Raises LabError with the compiler's last
    output.
    """
    shop = Workshop(
        root=_workshop(home),
        say=say,
        begun=time.monotonic(),
        environment=environment,
    )
    say(f"Building Kubernetes {KUBERNETES_VERSION} from Debian's source: 4 to 7 minutes, once")
    shop.root.mkdir(parents=True, exist_ok=True)
    debian.unpack(TOOLCHAIN, shop.toolchain, shop.show)
    shop.tree.parent.mkdir(parents=True, exist_ok=True)
    debian.source("kubernetes", shop.tree.parent, shop.show)
    check_version((shop.tree / "debian/changelog").read_text().partition("\n")[0])
    _replace_reflect2(shop)
    quicken_pod_deletion(shop.tree / "pkg/kubelet/kubelet_pods.go")
    _generate_openapi(shop)
    products = shop.root / "bin"
    for name in components:
        flags = ("-trimpath", "-ldflags", linker_flags(), "-o", str(products / name))
        shop.run(f"compiling {name}", "go", "build", *flags, f"./cmd/{name}")
        shop.show(f"built {name}")
    os.replace(products, home)
    sweep(home)
    return home


def check_version(changelog: str) -> None:
    """Raise LabError unless Debian's changelog starts with the version that the lab runs."""
    if not re.search(rf"[(+y]{re.escape(KUBERNETES_VERSION)}-", changelog):
        raise LabError(
            f"Debian's source of kubernetes is not {KUBERNETES_VERSION}: saw {changelog!r}",
            remedy="use Debian 12, or point KUBEBUILDER_ASSETS to binaries of Kubernetes 1.20",
        )


def quicken_pod_deletion(source: Path) -> None:
    """Make the kubelet report pods as deleted without waiting for its garbage collection.

    1.20.0 to 1.20.2 wait until the sandbox's record is collected, so every deletion takes up to a
    minute; 1.20.3 no longer waits (kubernetes/kubernetes#97980). Raises LabError when the condition
    is not found.
    """
    waiting = "if len(runtimeStatus.SandboxStatuses) > 0 {"
    text = source.read_text()
    if text.count(waiting) != 1:
        raise LabError(
            f"{source.name} is not the source of Kubernetes {KUBERNETES_VERSION}: expected once "
            f"{waiting!r}, saw it {text.count(waiting)} times"
        )
    source.write_text(text.replace(waiting, waiting.replace("if ", "if false && ")))


def linker_flags() -> str:
    """Linker flags with the version, without which clients see the binaries as v0.0.0."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    stamp = {
        "gitVersion": f"v{KUBERNETES_VERSION}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "debian",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("component-base/version", "client-go/pkg/version")
    values = (
        f"-X {_MAIN}/vendor/k8s.io/{package}.{name}={value}"
        for package in packages
        for name, value in stamp.items()
    )
    return " ".join(("-s", "-w", *values))


def openapi_packages(tree: Path) -> tuple[str, ...]:
    """The packages with types tagged for the OpenAPI definitions, by their names in GOPATH."""
    return tuple(sorted(set(_tagged_packages(tree))))


def _tagged_packages(tree: Path) -> Iterator[str]:
    staging = tree / "staging/src"
    for top in (tree / "pkg", staging / "k8s.io"):
        for file in top.rglob("*.go"):
            if any(name in file.parts for name in _NO_OPENAPI):
                continue
            if _OPENAPI_TAG.search(file.read_bytes()):
                inside_staging = file.is_relative_to(staging)
                within = file.parent.relative_to(staging if inside_staging else tree)
                yield f"{_MAIN}/{'vendor/' if inside_staging else ''}{within}"


def _replace_reflect2(shop: Workshop) -> None:
    # The vendored version crashes the API server on the first CRD when built with Go 1.18 or newer.
    vendored = shop.tree / "vendor" / REFLECT2
    for file in [*vendored.glob("*.go"), *vendored.glob("*.s")]:
        file.unlink()
    newer = shop.toolchain / "usr/share/gocode/src" / REFLECT2
    for file in [*newer.glob("*.go"), *newer.glob("*.s")]:
        if not file.name.endswith("_test.go"):
            shutil.copy2(file, vendored / file.name)


def _generate_openapi(shop: Workshop) -> None:
    # The source package lacks this generated file, without which the API server does not compile.
    generator = str(shop.root / "openapi-gen")
    openapi_gen = "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"
    shop.run("compiling openapi-gen", "go", "build", "-o", generator, openapi_gen)
    shop.run(
        "generating the OpenAPI definitions",
        generator,
        f"--input-dirs={','.join(openapi_packages(shop.tree))}",
        f"--output-package={_MAIN}/pkg/generated/openapi",
        "--output-file-base=zz_generated.openapi",
        "--go-header-file=vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
        f"--report-filename={shop.root / 'violations.report'}",
    )
    shop.show("generated the OpenAPI definitions")
