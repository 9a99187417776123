"""The base image of the lab's site: a minimal Debian 12, built here instead of pulled.

mmdebstrap makes the root file system once, in the cache. It becomes the only layer of an image (OCI
image specification 1.1), which is uploaded to the lab's registry.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kuryr_runbook.lab import debian
from kuryr_runbook.lab.debian import Suite
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import REGISTRY, LabSettings
from kuryr_runbook.model.errors import LabError

CODENAME = "bookworm"
REPOSITORY = "lab/debian"
REFERENCE = f"{REGISTRY}/{REPOSITORY}:{CODENAME}"
MAKE_SECONDS = 900
LOG_LINES = 8

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Names of architectures: the kernel's, and those of images."""

LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*")
KEPT = ("/usr/share/doc/*/copyright",)
FORGOTTEN = ("etc/resolv.conf", "etc/hostname", "etc/apt/apt.conf.d/99mmdebstrap")
"""Files that mmdebstrap copies from this machine."""


def make(settings: LabSettings, say: Progress) -> Path:
    """The image in the cache: `layer.tar.gz`, `config.json` and `manifest.json` in a directory.

    If it is not there, building takes half a minute. Raises LabError when Debian's archive cannot
    be used.
    """
    suites = debian.suites(CODENAME)
    if not suites:
        raise LabError(
            f"apt has no source of Debian {CODENAME}, from which the base image is built",
            remedy="add Debian's mirror to /etc/apt/sources.list and run `apt-get update`",
        )
    proxies = apt_proxies()
    command = mmdebstrap(proxies)
    key = hashlib.sha256(repr((command, suites)).encode()).hexdigest()[:12]
    image = settings.cache / f"base-image-{CODENAME}-{key}"
    if not image.is_dir():
        say(f"making the base image {REPOSITORY}:{CODENAME} with mmdebstrap")
        making = image.with_name(f"{image.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        _make_layer(command, suites, making / "layer.tar.gz")
        _describe(making)
        making.rename(image)
    return image


def mmdebstrap(apt_options: Sequence[str]) -> tuple[str, ...]:
    """The command without its output file; it reads apt's sources from standard input."""
    rules = [f"path-exclude={path}" for path in LEFT_OUT] + [f"path-include={p}" for p in KEPT]
    forget = " ".join(f'"$1/{path}"' for path in FORGOTTEN)
    return (
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar"),
        *(f"--dpkgopt={rule}" for rule in rules),
        *(f"--aptopt={option}" for option in apt_options),
        "--skip=output/dev",  # a container's runtime makes its /dev
        f"--customize-hook=rm -f {forget}",
        CODENAME,
    )


def apt_proxies() -> tuple[str, ...]:
    """The proxy settings of this machine's apt, as options for another apt."""
    dump = subprocess.run(
        ("apt-config", "dump"), capture_output=True, text=True, timeout=30, check=True
    )
    lines = dump.stdout.splitlines()
    return tuple(
        line for line in lines if line.startswith("Acquire::") and "::Proxy" in line.split()[0]
    )


def render_sources(suites: Iterable[Suite]) -> str:
    """apt's `sources.list` of the image."""
    return "".join(f"deb {suite.uri} {suite.name} main\n" for suite in suites)


def describe(diff_id: str, layer: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Configuration and manifest of an image with one layer.

    `diff_id` is the digest of the uncompressed layer, `layer` the descriptor of the stored one.
    """
    machine = platform.machine()
    config = _encoded(
        {
            "architecture": ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {
                "Cmd": ["bash"],
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            },
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": f"mmdebstrap --variant=minbase {CODENAME}"}],
        }
    )
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": CONFIG_TYPE,
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": [dict(layer)],
        }
    )
    return config, manifest


def digest_of(content: bytes) -> str:
    """A digest in the form used by images."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of_file(file: Path) -> str:
    """The digest of a file, in the same form."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _make_layer(command: Sequence[str], suites: Sequence[Suite], layer: Path) -> None:
    tar = layer.with_suffix("")
    try:
        done = subprocess.run(
            (*command, str(tar), "-"),
            input=render_sources(suites),
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=MAKE_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(
            "mmdebstrap is not on this machine", remedy="apt-get install mmdebstrap"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"mmdebstrap was not done after {MAKE_SECONDS} s",
            remedy="see that the machine reaches its Debian mirror, then try again",
        ) from error
    if done.returncode != 0:
        said = "\n  ".join(done.stderr.strip().splitlines()[-LOG_LINES:])
        raise LabError(
            f"mmdebstrap ended with status {done.returncode}; it said last:\n  {said}",
            remedy="see that `apt-get update` works on this machine, then try again",
        )
    with tar.open("rb") as plain, layer.open("wb") as stored:
        # Without a time in the header, so that equal root file systems give equal layers.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stored, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
    (layer.parent / "diff_id").write_text(digest_of_file(tar))
    tar.unlink()


def _describe(image: Path) -> None:
    layer = image / "layer.tar.gz"
    descriptor = {
        "mediaType": LAYER_TYPE,
        "digest": digest_of_file(layer),
        "size": layer.stat().st_size,
    }
    config, manifest = describe((image / "diff_id").read_text(), descriptor)
    (image / "config.json").write_bytes(config)
    (image / "manifest.json").write_bytes(manifest)


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
