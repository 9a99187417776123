"""Docker, Podman and Buildah, by the command line that they share."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.clients.commands import Completed, Say, Surroundings, run_command
from kuryr_runbook.clients.files import read_bytes, read_text
from kuryr_runbook.clients.images.build_settings import write_host_files
from kuryr_runbook.clients.images.workplace import Workplace
from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DeadlineError,
    RunbookError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.wording import counted
from kuryr_runbook.specs.image import CONTAINERFILE, ImageSpec

ENGINES = ("buildah", "podman", "docker")
"""In the order in which `auto` tries them: Buildah needs neither a daemon nor a runtime."""

BUILD_SECONDS = 30 * 60.0
TRANSFER_SECONDS = 15 * 60.0
RUN_SECONDS = 2 * 60.0
DAEMON_SECONDS = 20.0

TAKES_CERT_DIR = ("build", "from", "pull", "push")

UNTRUSTED = re.compile(r"x509|unauthorized|authentication required|denied:|no basic auth", re.I)
NO_SPACE = re.compile(r"no space left on device", re.I)
NO_BASE_IMAGE = re.compile(
    r"manifest unknown|name unknown|pull access denied|image not known", re.I
)
WRONG_PYTHON = re.compile(r"WRONG PYTHON: (.*)")
"""Printed by the first step of the Containerfile."""
NO_ANSWER = re.compile(r"connection refused|no such host|i/o timeout|no route to host", re.I)


def find_engine(wanted: str) -> str:
    """The engine of that name, or for `auto` the first that this machine can use.

    Raises UsageError if there is none.
    """
    candidates = ENGINES if wanted == "auto" else (wanted,)
    for name in candidates:
        if shutil.which(name) and (name != "docker" or _docker_answers()):
            return name
    raise UsageError(
        f"image.engine {wanted}: none of {', '.join(candidates)} can be used on this machine",
        remedy="`apt-get install buildah`; for Docker, its daemon must run and let you in",
    )


def _docker_answers() -> bool:
    command = ("docker", "version", "--format", "{{.Server.Version}}")
    with contextlib.suppress(RunbookError):
        return run_command(command, say=lambda line: None, deadline=DAEMON_SECONDS).status == 0
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A container engine on this machine, with the registry's login and CA."""

    name: str
    say: Say
    log: Path
    """Gets all of the engine's output."""
    auth_file: Path | None = None
    """Login in the form of docker's config.json; None: the engine's own."""
    ca: Path | None = None
    """CA of the registry, in addition to the system's. Docker's daemon has its own folder."""
    storage: Path | None = None
    """Folder of images and layers; None: the engine's own. Docker's daemon has its own folder."""
    workplace: Workplace | None = None
    """Knows who is at work in that folder; None: it is not checked, and leftovers stay."""

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Build and test images within; leftovers of killed builds are removed first.

        Buildah keeps their containers, mounted, and each killed build would add more of them.
        """
        if self.workplace is None or self.name != "buildah":
            yield
            return
        with self.workplace.at_work(self._tidy):
            yield

    def _tidy(self) -> None:
        # If it fails or takes too long, it can wait until the next time.
        with contextlib.suppress(UnreachableError):
            listed = self._run("containers", "--quiet", seconds=RUN_SECONDS)
            if left := listed.output.split():
                self.say(f"removing {counted(len(left), 'container')} of interrupted builds")
                self._run("rm", "--all", seconds=RUN_SECONDS)

    def build(self, spec: ImageSpec) -> str:
        """Build the image and return its id. Existing layers are used again."""
        with tempfile.TemporaryDirectory(prefix="kuryr-image-") as folder:
            context, id_file = Path(folder) / "context", Path(folder) / "id"
            for path, content in spec.files.items():
                # The image's user reads them, too.
                make_directory((context / path).parent, mode=0o755)
                write_file(context / path, content, mode=0o644)
            write_host_files(context / "host")
            options = ["--file", str(context / CONTAINERFILE), "--tag", str(spec.reference)]
            options += ["--iidfile", str(id_file)]
            if self.name == "docker":
                options += ["--network", "host"]
            else:
                options += ["--isolation", "chroot", "--layers", "--timestamp", "0"]
            for key, value in spec.build_args.items():
                options += ["--build-arg", f"{key}={value}"]
            for key, value in spec.labels.items():
                options += ["--label", f"{key}={value}"]
            result = self._run("build", *options, str(context), seconds=BUILD_SECONDS)
            self._expect_success(result, f"building {spec.reference}")
            return read_text(id_file, "the image's id").strip()

    def run_in_image(
        self, image: str, *command: str, stdin: str = "", out: Path | None = None
    ) -> Completed:
        """Run a command in an image of this machine, without capabilities.

        It has no network either, except with Buildah, which shares the machine's. The command sees
        the directory `out` as /out.
        """
        options = ["--cap-drop", "all", *(["--volume", f"{out}:/out:z"] if out else [])]
        if self.name != "buildah":
            options += ["--rm", "--interactive", "--network", "none", image]
            return self._run("run", *options, *command, seconds=RUN_SECONDS, stdin=stdin)
        with self._working_container(image) as container:
            options += ["--isolation", "chroot", container, "--"]
            return self._run("run", *options, *command, seconds=RUN_SECONDS, stdin=stdin)

    def push(self, reference: str) -> str:
        """Push an image of this machine and return the digest that the engine reports."""
        if self.name == "docker":
            result = self._run("push", reference, seconds=TRANSFER_SECONDS)
            self._expect_success(result, f"pushing {reference}")
            said = re.findall(r"digest: (sha256:[0-9a-f]{64})", result.output)
            return said[-1] if said else ""
        with tempfile.TemporaryDirectory(prefix="kuryr-image-") as folder:
            digest_file = Path(folder) / "digest"
            options = ("--digestfile", str(digest_file), reference)
            result = self._run("push", *options, seconds=TRANSFER_SECONDS)
            self._expect_success(result, f"pushing {reference}")
            return read_text(digest_file, "the digest").strip()

    @contextlib.contextmanager
    def _working_container(self, image: str) -> Iterator[str]:
        result = self._run("from", "--pull=never", image, seconds=RUN_SECONDS)
        self._expect_success(result, f"making a container of {image}")
        container = result.output.split()[-1]
        try:
            yield container
        finally:
            self._run("rm", container, seconds=RUN_SECONDS)

    def _run(self, verb: str, *arguments: str, seconds: float, stdin: str = "") -> Completed:
        options = []
        if self.storage and self.name != "docker":
            options = ["--root", str(self.storage), "--runroot", str(self.storage / "run")]
        with tempfile.TemporaryDirectory(prefix="kuryr-image-") as folder:
            trust = []
            if self.ca and self.name != "docker" and verb in TAKES_CERT_DIR:
                write_file(Path(folder) / "ca.crt", read_bytes(self.ca, "image.registry_ca"))
                trust = ["--cert-dir", folder]
            make_directory(self.log.parent)
            surroundings = Surroundings(
                environment=self._environment(Path(folder)),
                descriptors=self.workplace.descriptors if self.workplace else (),
            )
            try:
                return run_command(
                    [self.name, *options, verb, *trust, *arguments],
                    say=self.say,
                    deadline=seconds,
                    log=self.log,
                    surroundings=surroundings,
                    stdin=stdin,
                )
            except DeadlineError as error:
                # An engine waits that long only for a registry, a package index, or its daemon.
                raise UnreachableError(error.message, remedy=error.remedy) from error

    def _environment(self, folder: Path) -> dict[str, str]:
        """The environment, with the login where each engine expects it."""
        environment = dict(os.environ)
        if self.auth_file is None:
            if not Path(environment.get("REGISTRY_AUTH_FILE", os.devnull)).exists():
                # Buildah and Podman fail if a login file doesn't exist, even if they don't need it.
                del environment["REGISTRY_AUTH_FILE"]
        elif self.name == "docker":
            write_file(folder / "config.json", read_bytes(self.auth_file, "image.registry_auth"))
            environment["DOCKER_CONFIG"] = str(folder)
        else:
            environment["REGISTRY_AUTH_FILE"] = str(self.auth_file)
        return environment

    def _expect_success(self, result: Completed, step: str) -> None:
        if result.status == 0:
            return
        message = f"{step} with {self.name}: exit status {result.status}; its last output:"
        transfer = not step.startswith("building")
        raise _error_of(f"{message}\n{result.tail}", result.output, self.log, transfer=transfer)


def _error_of(message: str, output: str, log: Path, *, transfer: bool) -> RunbookError:
    """The error that the engine's output means; `transfer`: it only talked to a registry."""
    wrong = WRONG_PYTHON.findall(output)
    # The step's own command is printed as well, and contains the message.
    if wrong and "$" not in wrong[-1]:
        return UsageError(
            f"image.base_image: {wrong[-1]}",
            remedy="leave image.base_image out, name one with that Python, or set "
            "image.constraints to the set that suits its Python",
        )
    if NO_SPACE.search(output):
        return ApplyError(
            message,
            remedy="a disk of this machine is full: free some gigabytes where the engine keeps its "
            "images, and in /tmp",
        )
    if not transfer and NO_BASE_IMAGE.search(output):
        return UsageError(
            message, remedy="the base image does not exist: check image.base_image and its digest"
        )
    if transfer and UNTRUSTED.search(output):
        return AccessError(
            message,
            remedy="check image.registry_auth and image.registry_ca; Docker's daemon only trusts "
            "the CAs in /etc/docker/certs.d/REGISTRY/ca.crt",
        )
    if transfer and NO_ANSWER.search(output):
        return UnreachableError(message, remedy="check that the registry runs and can be reached")
    return ApplyError(message, remedy=f"the whole output is in {log}")
