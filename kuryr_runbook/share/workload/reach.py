"""Runs inside a pod with which network policies are tried: which servers answer HTTP?

The only argument is a list of addresses and ports, as JSON. The result, on the last line of stdout,
is a list of true and false in the same order.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

SECONDS = 3.0
"""A packet that a security group drops is never answered."""


def answers(server: tuple[str, int]) -> bool:
    """Whether there is an answer in time: a load balancer accepts each connection."""
    connection = HTTPConnection(*server, timeout=SECONDS)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    servers = json.loads(sys.argv[1])
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        sys.stdout.write(json.dumps(list(pool.map(answers, servers))) + "\n")
