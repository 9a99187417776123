"""All signs of the logs of Kuryr's programs, in the order in which a record is read by them."""

from __future__ import annotations

from kuryr_runbook.checking.signs import apis, cloud, plugging, programs
from kuryr_runbook.checking.signs.sign import Sign

CONTROLLER_SIGNS: tuple[Sign, ...] = (*cloud.CLOUD, *programs.CONTROLLER, *apis.CONTROLLER)
DAEMON_SIGNS: tuple[Sign, ...] = (*plugging.PLUGGING, *programs.DAEMON, *apis.DAEMON)
