"""The `[lab]` section of the services' configuration."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

OPTIONS = [
    cfg.StrOpt("amphora_host", default="", help="The host on which amphorae run"),
    cfg.StrOpt("amphora_owner", default="", help="device_owner of an amphora's ports"),
]


def lab_options() -> Any:
    """The section, registered on first use, since drivers are loaded after the files are read."""
    cfg.CONF.register_opts(OPTIONS, group="lab")
    return cfg.CONF.lab
