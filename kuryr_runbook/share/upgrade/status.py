"""Kuryr's own `kuryr-k8s-status`, with kuryr.conf, which that program does not read by itself.

Runs inside the image, with the same arguments.
"""

import sys

from kuryr_kubernetes import config
from kuryr_kubernetes.cmd import status

config.init(["--config-file", "/etc/kuryr/kuryr.conf"])
sys.exit(status.main())
