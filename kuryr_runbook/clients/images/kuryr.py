"""The Kuryr image: its inputs, whether the registry has it, and how it gets there."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from kuryr_runbook.clients.files import MIB, read_bytes
from kuryr_runbook.clients.images.engines import Engine
from kuryr_runbook.clients.images.registry import RegistryClient, RemoteImage
from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import ApplyError, DriftError, UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.image import PLUGIN_PATH, ImageSpec, Reference, SmokeTest, image_spec

MOST_PLUGIN = 512 * MIB


def image_sources() -> dict[str, bytes]:
    """Path to content of all files in this package that go into the image."""
    return dict(_walk(files("kuryr_runbook") / "share" / "image", ""))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_file():
            yield f"{prefix}{entry.name}", entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _walk(entry, f"{prefix}{entry.name}/")


def read_image_spec(site: Site, registry: RegistryClient) -> ImageSpec:
    """What the site's image should be, on the base image that its registry has now."""
    base = Reference.parse(site.base_image)
    digest = base.version if base.is_digest else registry.digest(base)
    if digest is None:
        raise UsageError(
            f"image.base_image: the registry {base.registry} has no image {base}",
            remedy=f"name an image of Debian with Python {site.constraint_set.python}, such as "
            f"{site.constraint_set.base_image}",
        )
    return image_spec(site, image_sources(), digest)


def read_remote_image(spec: ImageSpec, registry: RegistryClient) -> RemoteImage | None:
    """What the registry has under the wanted name, whatever its inputs; None: nothing.

    If `spec.is_made_as(remote.labels)`, there is nothing left to do.
    """
    return registry.remote_image(spec.reference)


def smoke_test(engine: Engine, image: str, test: SmokeTest) -> None:
    """Run one smoke test in an image of this machine. Raises ApplyError if it fails."""
    # On a busy machine Buildah may lose a command's output; a real failure happens again.
    for _ in range(2):
        result = engine.run_in_image(image, *test.command, stdin=test.stdin)
        if result.status == test.status and re.search(test.expected, result.output):
            return
    raise ApplyError(
        f"smoke test of the image: {test.name}: status {result.status}, expected {test.status} "
        f"and /{test.expected}/; its last output:\n{result.tail}",
        remedy=f"the whole output is in {engine.log}; the image was not pushed",
    )


def push_image(engine: Engine, spec: ImageSpec, registry: RegistryClient) -> RemoteImage:
    """Push the image and read it back. Raises DriftError if the registry has another one."""
    pushed = engine.push(str(spec.reference))
    remote = registry.remote_image(spec.reference)
    if remote is None or remote.digest != pushed or not spec.is_made_as(remote.labels):
        raise DriftError(
            f"{spec.reference}: pushed {pushed}, but the registry has "
            f"{remote.digest if remote else 'nothing'} under that name",
            remedy="find out who else pushes to that name, then run the phase again",
        )
    return remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """The CNI plugin, for nodes that do not get it from the daemon's init container."""

    content: bytes
    sha256: str


def read_plugin(engine: Engine, image: str) -> Plugin:
    """The CNI plugin from an image of this machine (by id, or by a name that was pulled).

    It is copied through a shared directory: on a busy machine Buildah may lose the end of a
    command's output.
    """
    with tempfile.TemporaryDirectory(prefix="kuryr-cni-") as private:
        out = Path(private) / "out"
        make_directory(out)
        # Root in the container may be any user outside, and has no capabilities.
        out.chmod(0o777)
        result = engine.run_in_image(image, "cp", PLUGIN_PATH, "/out/plugin", out=out)
        if result.status == 0:
            content = read_bytes(out / "plugin", "the CNI plugin", most=MOST_PLUGIN)
            return Plugin(content=content, sha256=hashlib.sha256(content).hexdigest())
    raise ApplyError(
        f"copying {PLUGIN_PATH} out of {image}: status {result.status}; its last output:\n"
        f"{result.tail}",
        remedy=f"the whole output is in {engine.log}",
    )


def write_plugin(plugin: Plugin, path: Path) -> None:
    """Writes the CNI plugin to `path`, executable, as a whole or not at all."""
    make_directory(path.parent)
    # All users of the node may run a CNI plugin.
    write_file(path, plugin.content, mode=0o755)
