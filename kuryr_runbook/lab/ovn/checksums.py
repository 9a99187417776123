"""`python -m kuryr_runbook.lab.ovn.checksums [--check]`: finishes the checksums of pods' packets.

Runs in a worker that is a chassis, in its namespaces. Kuryr connects a pod by a veth, through which
the kernel passes packets whose checksums are not computed yet; Open vSwitch's datapath in the
kernel knows that, the one in userspace does not. (Its `userspace-tso-enable` does, and then drops
them at tunnels.) So this turns it off at the pods' ends, as soon as there are any.
"""

from __future__ import annotations

import argparse
import errno
import socket
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

from kuryr_runbook.lab.network.kernel import finish_checksums, ip_json, run
from kuryr_runbook.lab.network.namespaces import namespaces
from kuryr_runbook.model.errors import LabError

PODS = "cni-"
"""containerd's names of pods' network namespaces begin with this."""
LINK_GROUP = 1
"""RTMGRP_LINK in rtnetlink(7)."""
EVENT_BYTES = 1 << 16
SETTLE_SECONDS = 0.01
"""How long to wait after an event for those that belong to it."""

End = tuple[str, str, int]
"""A pod's end of a veth: its network namespace, its name, its index."""


def main() -> int:
    """Follow the worker's links until the process is ended, or check once that nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a pod's are not finished")
    if parser.parse_args().check:
        left = [end for end in ends() if not is_finished(end)]
        sys.stderr.writelines(f"{device} in {name}\n" for name, device, _ in left)
        return bool(left)
    follow()


def follow() -> NoReturn:
    """Finish the checksums of every end, those to come too."""
    done: set[End] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
        events.bind((0, LINK_GROUP))
        while True:
            done = finish(done)
            wait(events)


def finish(done: set[End]) -> set[End]:
    """Finish those that are not done yet. Returns all that are."""
    there = set(ends())
    for end in there - done:
        name, device, _ = end
        try:
            finish_checksums(name, device)
        except LabError as error:
            sys.stdout.write(f"{device} in {name}: {error}\n")
            there.discard(end)
        else:
            sys.stdout.write(f"{device} in {name}: checksums are finished\n")
        sys.stdout.flush()
    return there


def ends() -> Iterator[End]:
    """The pods' ends of veths."""
    for name in namespaces(PODS):
        try:
            links = ip_json("link", "show", "type", "veth", namespace=name)
        except LabError:
            continue  # the pod has ended since it was listed
        yield from ((name, link["ifname"], link["ifindex"]) for link in links)


def is_finished(end: End) -> bool:
    """Whether the kernel computes checksums before packets leave the pod."""
    name, device, _ = end
    try:
        shown = run("ethtool", "--show-offload", device, namespace=name)
    except LabError:
        return True  # it has gone since it was listed
    return "tx-checksumming: off" in shown


def wait(events: socket.socket) -> None:
    """Wait until a link is made, changed or removed."""
    try:
        events.recv(EVENT_BYTES)
        time.sleep(SETTLE_SECONDS)
        while events.recv(EVENT_BYTES, socket.MSG_DONTWAIT):
            continue
    except BlockingIOError:
        return
    except OSError as error:
        # More events than the kernel keeps: what there is will be looked at anyway.
        if error.errno != errno.ENOBUFS:
            raise


if __name__ == "__main__":
    sys.exit(main())
