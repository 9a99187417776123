"""Run inside the image: which options the installed Kuryr knows.

Without an argument, prints them with their defaults and old names, and Kuryr's entry points, as
JSON. With an argument, a JSON object of sections and option names, checks whether Kuryr knows them
all; that part is written for Python 3.6, which the image may have.
"""

import json
import sys
from importlib import import_module
from typing import Any, Dict, List

from keystoneauth1 import loading
from kuryr_kubernetes import opts
from os_vif import opts as os_vif
from oslo_concurrency import opts as concurrency
from oslo_privsep import priv_context

LOGINS = ("password", "v3applicationcredential")
"""Values of auth_type, each with its own options."""

PRIVILEGED = ("vif_plug_ovs.privsep", "vif_plug_linux_bridge.privsep")
"""os-vif's plugins; each has a section for the helper that it runs as root."""

PLACES = ("pybasedir", "bindir")
"""Options whose default depends on where Kuryr is installed."""

ENTRY_POINTS = {
    "handlers": "kuryr_kubernetes.controller.handlers",
    "vif_drivers": "kuryr_kubernetes.controller.drivers.pod_vif",
}

Known = Dict[str, Dict[str, Any]]
"""Sections, with oslo.config's options by name."""


def known() -> Known:
    """All options that kuryr.conf may have."""
    sections = [*opts.list_kuryr_opts(), *concurrency.list_opts(), *os_vif.list_plugins_opts()]
    sections += [("neutron", loading.get_auth_plugin_conf_options(name)) for name in LOGINS]
    sections += [
        (import_module(name).vif_plug.cfg_section, priv_context.OPTS) for name in PRIVILEGED
    ]
    found = {}  # type: Known
    for section, options in sections:
        named = found.setdefault(str(section or "DEFAULT"), {})
        named.update({option.dest: option for option in options})
    return found


def described(found: Known) -> Dict[str, Any]:
    """The options and entry points as JSON values."""
    from importlib import metadata

    packages = ("kuryr-kubernetes", "kuryr-lib", "oslo.log", "os-vif")
    points = {
        kind: sorted(point.name for point in metadata.entry_points(group=group))
        for kind, group in ENTRY_POINTS.items()
    }
    defaults = {
        section: {
            name: None if name in PLACES else option.default
            for name, option in sorted(options.items())
        }
        for section, options in sorted(found.items())
    }
    old_names = {
        f"{section}.{name}": sorted({old.name for old in option.deprecated_opts if old.name})
        for section, options in sorted(found.items())
        for name, option in sorted(options.items())
        if any(old.name for old in option.deprecated_opts)
    }
    versions = {name: metadata.version(name) for name in packages}
    return {"packages": versions, **points, "options": defaults, "old_names": old_names}


def check(found: Known, wanted: Dict[str, List[str]]) -> None:
    """Exit with an error that names unknown options, or print that all are known."""
    pairs = [(section, name) for section, names in wanted.items() for name in names]
    unknown = [pair for pair in pairs if pair[1] not in found.get(pair[0], ())]
    if unknown:
        raise SystemExit(
            "unknown to Kuryr: " + ", ".join(f"[{section}] {name}" for section, name in unknown)
        )
    print(f"all {len(pairs)} options are known")  # noqa: T201


if len(sys.argv) > 1:
    check(known(), json.loads(sys.argv[1]))
else:
    print(json.dumps(described(known()), default=str))  # noqa: T201
