"""Turns an entry of clouds.yaml, or the OS_* variables, into a login; an invalid one is refused.

The SDK validates few of the values that it reads; its later errors would be reported as a bug of
ours, or as a cloud that does not answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kuryr_runbook.clients.files import read_bytes, read_certificates, read_yaml, user_path
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import UsageError

ENVIRONMENT = "envvars"
"""The SDK's name for an entry from the OS_* variables."""
WHAT = "openstack.clouds_yaml"
REMEDY = (
    "try `openstack --os-cloud NAME token issue`; see https://docs.openstack.org/openstacksdk for "
    "clouds.yaml and the OS_* variables"
)
_PASSWORD: tuple[tuple[str, ...], ...] = (("auth_url",), ("username", "user_id"), ("password",))
_CREDENTIAL: tuple[tuple[str, ...], ...] = (
    ("auth_url",),
    ("application_credential_id", "application_credential_name"),
    ("application_credential_secret",),
)
NEEDED = {
    "password": _PASSWORD,
    "v3password": _PASSWORD,
    "v3applicationcredential": _CREDENTIAL,
}
"""From keystoneauth's plugins: of each group of options, one has to be set."""


def cloud_region(
    cloud: str, clouds_yaml: Path | None, session_constructor: Callable[..., Any]
) -> tuple[Any, Any]:
    """The SDK's region and connection for an entry; sends nothing. Raises UsageError."""
    import openstack
    from keystoneauth1.exceptions import ClientException
    from openstack.exceptions import SDKException

    _refuse_broken(cloud, clouds_yaml)
    try:
        config = openstack.config.OpenStackConfig(
            config_files=[str(clouds_yaml)] if clouds_yaml else None,
            session_constructor=session_constructor,  # type: ignore[arg-type]
        )
        region = config.get_one(cloud=cloud)
        _remember_types(region)
        _refuse_partial(cloud, region)
        connection = openstack.connection.Connection(config=region)
        # Created on first access, from values that nobody has validated.
        _ = connection.session
        return region, connection
    except UsageError:
        raise
    except (SDKException, ClientException) as error:
        raise UsageError(f"{_subject(cloud)}: {error}", remedy=REMEDY) from error
    except Exception as error:  # The SDK does not validate values, and may raise anything.
        raise UsageError(
            f"{_subject(cloud)}: the SDK cannot use a value in it ({type(error).__name__})",
            remedy=REMEDY,
        ) from error


def cloud_names(clouds_yaml: Path | None) -> list[str]:
    """The entries that `openstack.cloud` may name; sends nothing. Raises UsageError."""
    import openstack

    _refuse_broken("", clouds_yaml)
    try:
        config = openstack.config.OpenStackConfig(
            config_files=[str(clouds_yaml)] if clouds_yaml else None
        )
        return sorted(map(str, config.get_cloud_names()))
    except Exception as error:  # The SDK does not validate values, and may raise anything.
        raise UsageError(
            f"{WHAT}: the SDK cannot use a value in it ({type(error).__name__})", remedy=REMEDY
        ) from error


def _remember_types(region: Any) -> None:
    """Look up a service's names once, not for each of the hundreds of settings that have them.

    The library copies its whole list each time: a fifth of the time that a diagnosis is busy.
    """
    manager = getattr(region, "_service_type_manager", None)
    if manager is not None:
        manager.get_all_types = cache(manager.get_all_types)


def _subject(cloud: str) -> str:
    return "openstack.cloud: no usable " + (
        f"login in the OS_* variables ({cloud})" if cloud == ENVIRONMENT else f"entry {cloud!r}"
    )


def _refuse_broken(cloud: str, clouds_yaml: Path | None) -> None:
    """Refuse an unsuitable file before the SDK reads it: it would wait for a pipe, for example."""
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    path = clouds_yaml or (Path(named) if named else None)
    if path is None or (clouds_yaml is None and not path.exists()):
        return
    source = f"{WHAT} {path}"
    content = mapping(read_yaml(path, WHAT, remedy=REMEDY), source, remedy=REMEDY)
    clouds = mapping(content.get("clouds", {}), f"{source}: clouds", remedy=REMEDY)
    if cloud in clouds:
        entry = mapping(clouds[cloud], f"{source}: clouds.{cloud}", remedy=REMEDY)
        mapping(entry.get("auth", {}), f"{source}: clouds.{cloud}.auth", remedy=REMEDY)


def _refuse_partial(cloud: str, region: Any) -> None:
    """Refuse a login without the options that its kind needs, and files that do not exist."""
    kind, auth = str(region.config.get("auth_type") or "password"), region.auth
    missing = [names for names in NEEDED.get(kind, ()) if not any(auth.get(name) for name in names)]
    if missing:
        options = ", ".join(" or ".join(map(_named(cloud), names)) for names in missing)
        message = f"{_subject(cloud)}: auth_type {kind} also needs {options}"
        raise UsageError(message, remedy=REMEDY)
    if "auth_url" in auth and not _is_url(str(auth["auth_url"])):
        option = _named(cloud)("auth_url")
        message = f"{_subject(cloud)}: {option} is not an http or https URL"
        raise UsageError(message, remedy=REMEDY)
    _refuse_missing_files(region.config)


def _is_url(text: str) -> bool:
    try:
        found = urlsplit(text)
        # Accessing an invalid port raises.
        return found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False


def _named(cloud: str) -> Callable[[str], str]:
    return (lambda name: f"OS_{name.upper()}") if cloud == ENVIRONMENT else (lambda name: name)


def _refuse_missing_files(config: Mapping[str, Any]) -> None:
    if config.get("cacert") and config.get("verify", True):
        what = "the cloud's cacert"
        path = user_path(config["cacert"], what, remedy=REMEDY)
        read_certificates(path, what, remedy=REMEDY)
    for name in ("cert", "key"):
        if config.get(name):
            what = f"the cloud's {name}"
            read_bytes(user_path(config[name], what, remedy=REMEDY), what, remedy=REMEDY)
