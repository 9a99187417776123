"""Kuryr's own `kuryr-k8s-status`, with the kuryr.conf that this program does not read by itself.

Runs inside the image: its arguments are those of the program.
"""

import sys

from kuryr_kubernetes import config
from kuryr_kubernetes.cmd import status

config.init(["--config-file", "/etc/kuryr/kuryr.conf"])
sys.exit(status.main())
