"""What Kuryr's programs are told to do: kuryr.conf of controller and daemon, without the login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.documents import text_from_base64
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.objects import reference
from kuryr_runbook.snapshots.parsing import part, text
from kuryr_runbook.specs.controller import CONFIG_KEY, CONFIG_SECRET
from kuryr_runbook.specs.daemon import DAEMON_CONFIG
from kuryr_runbook.specs.kuryr_conf import LOGIN, option_names, parse_conf

HIDDEN = "(a value of its own)"
"""What stands for an option that the runbook does not write: it may be a secret."""
Options = Mapping[str, Mapping[str, str]]
"""By section and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The options of both programs; None: there is no such object, or nothing in it."""

    controller: Options | None
    daemon: Options | None


def read_configured(site: Site, cluster: KubernetesReader) -> Configured:
    """Read both. The section of the login is left out."""
    home = site.kubernetes.namespace
    secret = part(cluster.get(reference("Secret", CONFIG_SECRET, home)), "data")
    config = part(cluster.get(reference("ConfigMap", DAEMON_CONFIG, home)), "data")
    return Configured(
        controller=_options(site, text_from_base64(text(secret, CONFIG_KEY))),
        daemon=_options(site, text(config, CONFIG_KEY)),
    )


def _options(site: Site, conf: str) -> Options | None:
    ours = option_names(site)
    return {
        section: {
            name: value if name in ours.get(section, ()) else HIDDEN
            for name, value in options.items()
        }
        for section, options in parse_conf(conf).items()
        if section != LOGIN
    } or None
