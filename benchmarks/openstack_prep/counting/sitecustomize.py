"""Notes every HTTP request of this process to the cloud, one line each.

Python imports this by itself in every process that has its folder on PYTHONPATH, so it sees the
modules that Ansible starts and the kernels that papermill starts, too. requests, urllib3 and what
stands on them go through http.client.
"""

import http.client
import os

HOST = os.environ["COUNTED_HOST"]
FILE = os.environ["COUNTED_FILE"]

_putrequest = http.client.HTTPConnection.putrequest


def _noted(connection, method, url, *args, **options):
    if connection.host == HOST:
        with open(FILE, "a") as file:
            file.write(f"{method} {url}\n")
    return _putrequest(connection, method, url, *args, **options)


http.client.HTTPConnection.putrequest = _noted
