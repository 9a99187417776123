"""The files with a site's logins: where they are, and the secrets in them and in variables.

The secrets are read at the beginning of a run, so that they are known before any cell could print
one. A file that cannot be read is skipped: the phases report it, and nothing in it can leak.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import site_config_path, user_config_path

from kuryr_runbook.clients.files import MOST_YAML, read_bytes, user_path
from kuryr_runbook.clients.secrets import url_password
from kuryr_runbook.model.documents import from_base64, parse_json, parse_yaml
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.secrets import SECRET_NAME, Secret
from kuryr_runbook.model.site import Site

SUFFIXES = (".yaml", ".yml", ".json")
URL_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
STORE_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""The login of an archive in an object store."""


def cloud_files(site: Site, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where openstacksdk looks, the site's own file first; they may not exist."""
    places = (Path.cwd(), user_config_path("openstack"), site_config_path("openstack"))
    named = (environment.get(f"OS_CLIENT_{kind}_FILE") for kind in ("CONFIG", "SECURE"))
    given = site.openstack.clouds_yaml
    yield from (given,) if given else ()
    yield from (Path(name) for name in named if name)
    for place in (*places, Path.home() / ".config" / "openstack", Path("/etc/openstack")):
        for stem in ("clouds", "secure"):
            yield from (place / f"{stem}{suffix}" for suffix in SUFFIXES)


def kubeconfigs(site: Site, environment: Mapping[str, str]) -> list[Path]:
    """The site's, else those in KUBECONFIG, else the default."""
    given = site.kubernetes.kubeconfig
    named = environment.get("KUBECONFIG", "").split(os.pathsep)
    default = Path.home() / ".kube" / "config"
    return [given] if given else [Path(name) for name in named if name] or [default]


def read_secrets(site: Site, environment: Mapping[str, str]) -> list[Secret]:
    """All of a site's secrets that can be known before a phase has run."""
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
    for path in cloud_files(site, environment):
        yield from _named(read_mapping(path), path)


def _of_kubeconfigs(site: Site, environment: Mapping[str, str]) -> Iterator[Secret]:
    for path in kubeconfigs(site, environment):
        content = read_mapping(path)
        yield from _named(content, path)
        for item in mappings(content.get("users")):
            yield from _of_user(mapping(item.get("user")), path)


def _of_user(user: Mapping[str, Any], path: Path) -> Iterator[Secret]:
    """Secrets that are not recognized by their names: the key, and files with a key or token."""
    if key := decoded(user.get("client-key-data", "")):
        yield Secret(key.decode(errors="replace"), f"the key in {path.name}")
    for name in ("client-key", "tokenFile"):
        value = text_of(path.parent / str(user[name])) if user.get(name) else ""
        if value:
            yield Secret(value, f"the file {name} of {path.name}")


def _of_registry(path: Path | None) -> Iterator[Secret]:
    logins = (read_mapping(path) if path else {}).get("auths")
    for registry, login in mapping(logins).items():
        encoded = str(mapping(login).get("auth", ""))
        _, _, password = decoded(encoded).decode(errors="replace").partition(":")
        yield from (Secret(x, f"the login of {registry}") for x in (password, encoded) if x)
        yield from _named(login, Path(registry))


def _named(value: Any, path: Path) -> Iterator[Secret]:
    """The values of all keys with names of secrets, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if SECRET_NAME.search(str(key)) and isinstance(item, str | int | float):
                yield Secret(str(item), f"{key} in {path.name}")
            else:
                yield from _named(item, path)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, path)


def text_of(path: Path) -> str:
    """The text of a file; empty if it cannot be read."""
    try:
        return read_bytes(user_path(path, "login file"), "login file").decode(errors="replace")
    except FileError:
        return ""


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a JSON or YAML file; empty if it cannot be read or is something else."""
    text = text_of(path)
    # JSON first: YAML's parser reads it too, but a hundred times slower.
    for parse in (parse_json, parse_yaml):
        with suppress(FileError):
            return mapping(parse(text[:MOST_YAML], path.name))
    return {}


def mapping(value: object) -> dict[str, Any]:
    """A value that should be a mapping; empty if it is something else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """The mappings in a value that should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def decoded(value: object) -> bytes:
    """The content of a text in base64, on any number of lines; empty if it is not base64."""
    return from_base64("".join(str(value).split())) or b""
