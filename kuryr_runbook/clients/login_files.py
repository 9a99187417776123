"""The files by which a site's phases log in: where they are, and what they hold."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import site_config_path, user_config_path

from kuryr_runbook.clients.files import MOST_YAML, read_bytes
from kuryr_runbook.model.documents import parse_json, parse_yaml
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.site import Site

SUFFIXES = (".yaml", ".yml", ".json")


def cloud_files(site: Site, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where openstacksdk looks, the site's own file first; they need not be there."""
    places = (Path.cwd(), user_config_path("openstack"), site_config_path("openstack"))
    named = (environment.get(f"OS_CLIENT_{kind}_FILE") for kind in ("CONFIG", "SECURE"))
    given = site.openstack.clouds_yaml
    yield from (given,) if given else ()
    yield from (Path(name) for name in named if name)
    for place in (*places, Path.home() / ".config" / "openstack", Path("/etc/openstack")):
        for stem in ("clouds", "secure"):
            yield from (place / f"{stem}{suffix}" for suffix in SUFFIXES)


def kubeconfigs(site: Site, environment: Mapping[str, str]) -> list[Path]:
    """The site's, else those that KUBECONFIG names, else the default."""
    given = site.kubernetes.kubeconfig
    named = environment.get("KUBECONFIG", "").split(os.pathsep)
    default = Path.home() / ".kube" / "config"
    return [given] if given else [Path(name) for name in named if name] or [default]


def text_of(path: Path) -> str:
    """The text of a file; empty when it cannot be read."""
    try:
        return read_bytes(path.expanduser(), "login file").decode(errors="replace")
    except (FileError, RuntimeError):  # The latter: nobody has that home directory.
        return ""


def read_mapping(path: Path) -> dict[str, Any]:
    """What a JSON or YAML file holds; empty when it cannot be read or is no mapping."""
    text = text_of(path)
    # JSON first: YAML's parser takes it too, a hundred times slower.
    for parse in (parse_json, parse_yaml):
        with suppress(FileError):
            return mapping(parse(text[:MOST_YAML], path.name))
    return {}


def mapping(value: object) -> dict[str, Any]:
    """A value of such a file where a mapping belongs; empty when there is another."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """A value where a list of mappings belongs; without what is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def decoded(value: object) -> bytes:
    """What a text in base64 holds; nothing when it is none."""
    try:
        return base64.b64decode(str(value))
    except ValueError:
        return b""
