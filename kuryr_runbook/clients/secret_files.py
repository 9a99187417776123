"""The secrets in the files and variables that a site's phases log in with.

Read at the beginning of a run, so that they are known before any cell could print one. A file that
cannot be read is passed over: the phases say so, and nothing of it can get anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.login_files import (
    cloud_files,
    decoded,
    kubeconfigs,
    mapping,
    mappings,
    read_mapping,
    text_of,
)
from kuryr_runbook.clients.secrets import url_password
from kuryr_runbook.model.secrets import SECRET_NAME, Secret
from kuryr_runbook.model.site import Site

URL_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
STORE_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""The login of an archive in an object store."""


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
    for path in cloud_files(site, environment):
        yield from _named(read_mapping(path), path)


def _of_kubeconfigs(site: Site, environment: Mapping[str, str]) -> Iterator[Secret]:
    for path in kubeconfigs(site, environment):
        content = read_mapping(path)
        yield from _named(content, path)
        for item in mappings(content.get("users")):
            yield from _of_user(mapping(item.get("user")), path)


def _of_user(user: Mapping[str, Any], path: Path) -> Iterator[Secret]:
    """What is no secret by its name: the key, and files with key or token."""
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
