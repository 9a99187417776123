"""The secrets in the files and variables that a site's phases log in with.

Read at the beginning of a run, so that they are known before any cell could print one. A file that
cannot be read is passed over: the phases say so, and nothing of it can get anywhere.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from platformdirs import site_config_path, user_config_path

from kuryr_runbook.clients.secrets import url_password
from kuryr_runbook.model.secrets import SECRET_NAME, Secret
from kuryr_runbook.model.site import Site

URL_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
STORE_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""The login of an archive in an object store."""
SUFFIXES = (".yaml", ".yml", ".json")


def read_secrets(site: Site, environment: Mapping[str, str]) -> list[Secret]:
    """All that can be known of a site's secrets before a phase has run."""
    return [
        *_of_environment(environment),
        *_of_clouds(site, environment),
        *_of_kubeconfigs(site, environment),
        *_of_registry(site.image.registry_auth),
    ]


def _of_environment(environment: Mapping[str, str]) -> Iterator[Secret]:
    for name, value in environment.items():
        of_cloud = name.startswith("OS_") and SECRET_NAME.search(name)
        if value and (of_cloud or name in STORE_VARIABLES):
            yield Secret(value, f"the variable {name}")
        elif name.upper() in URL_VARIABLES:
            for url in value.split():
                if password := url_password(url):
                    yield Secret(password, f"the password in {name}")


def _of_clouds(site: Site, environment: Mapping[str, str]) -> Iterator[Secret]:
    for path in _cloud_files(site.openstack.clouds_yaml, environment):
        yield from _named(_read(path), path)


def _cloud_files(given: Path | None, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where openstacksdk looks, and where it would look without `given`."""
    places = (Path.cwd(), user_config_path("openstack"), site_config_path("openstack"))
    named = (environment.get(f"OS_CLIENT_{kind}_FILE") for kind in ("CONFIG", "SECURE"))
    yield from (given,) if given else ()
    yield from (Path(name) for name in named if name)
    for place in (*places, Path.home() / ".config" / "openstack", Path("/etc/openstack")):
        for stem in ("clouds", "secure"):
            yield from (place / f"{stem}{suffix}" for suffix in SUFFIXES)


def _of_kubeconfigs(site: Site, environment: Mapping[str, str]) -> Iterator[Secret]:
    given = site.kubernetes.kubeconfig
    named = environment.get("KUBECONFIG", "").split(os.pathsep)
    default = Path.home() / ".kube" / "config"
    paths = [given] if given else [Path(name) for name in named if name] or [default]
    for path in paths:
        content = _read(path)
        yield from _named(content, path)
        users = content.get("users") if isinstance(content, dict) else None
        for item in users or ():
            yield from _of_user(item.get("user") or {}, path)


def _of_user(user: Mapping[str, Any], path: Path) -> Iterator[Secret]:
    """What is no secret by its name: the key, and files with key or token."""
    if encoded := user.get("client-key-data"):
        yield Secret(base64.b64decode(encoded).decode(errors="replace"), f"the key in {path.name}")
    for name in ("client-key", "tokenFile"):
        if user.get(name):
            value = _text(path.parent / Path(user[name]).expanduser())
            if value:
                yield Secret(value, f"the file {name} of {path.name}")


def _of_registry(path: Path | None) -> Iterator[Secret]:
    content = _read(path) if path else None
    logins = content.get("auths") if isinstance(content, dict) else None
    for registry, login in (logins or {}).items():
        if encoded := login.get("auth"):
            _, _, password = base64.b64decode(encoded).decode(errors="replace").partition(":")
            yield Secret(password, f"the login of {registry}")
            yield Secret(encoded, f"the login of {registry}")
        yield from _named(login, Path(registry))


def _named(value: Any, path: Path) -> Iterator[Secret]:
    """The values of all keys that are named like secrets, however deep."""
    if isinstance(value, dict):
        for key, item in value.items():
            if SECRET_NAME.search(str(key)) and isinstance(item, str | int | float):
                yield Secret(str(item), f"{key} in {path.name}")
            else:
                yield from _named(item, path)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, path)


def _text(path: Path) -> str:
    try:
        return path.expanduser().read_text(errors="replace")
    except OSError:
        return ""


def _read(path: Path) -> Any:
    text = _text(path)
    try:
        # JSON first: YAML's parser takes it too, a hundred times slower.
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
