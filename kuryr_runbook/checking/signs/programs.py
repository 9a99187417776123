"""Signs of Kuryr's own programs: their configuration, their kinds of objects, their machine."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.signs.sign import DAEMON_WORK, WORK, Sign, phase_sign, sign
from kuryr_runbook.checking.verdicts import phase

_ERRNO = r"\[Errno {0}\]|\(OSError\) {0}\b|OSError: {0}\b"
_NODE_OF_LINE = "on the node of that pod"


def machine_signs(explains: frozenset[str]) -> Iterator[Sign]:
    """Refusals of the node's kernel: the numbers are Linux's (errno(3))."""
    for name, number, words, means, remedy in (
        (
            "port-in-use", 98, "Address already in use",
            "another program uses a port that Kuryr listens on",
            f"ss -ltnp, {_NODE_OF_LINE}: 8082 and 9654 are the controller's, 8090, 9655 and 5036 "
            "the daemon's; a second Kuryr on the node uses them, too",
        ),
        (
            "files-used-up", "(?:24|23)", "Too many open files",
            "one of Kuryr's programs cannot open more files",
            "raise the container runtime's LimitNOFILE, or fs.inotify.max_user_instances and "
            f"fs.file-max {_NODE_OF_LINE}; then restart the pod",
        ),
        (
            "memory-used-up", 12,
            "Cannot allocate memory|MemoryError|exceeded maximum memory usage",
            "there is no memory left for one of Kuryr's programs",
            f"free -m {_NODE_OF_LINE}; move pods away from it, or give it more",
        ),
        (
            "permission-denied",
            13,
            "Permission denied",
            "one of Kuryr's programs is not allowed to use a file or a directory",
            f"ls -lZ, and dmesg for SELinux and AppArmor, {_NODE_OF_LINE}; `kuryr-runbook "
            "docs security` says what the daemon may do, and needs",
        ),
        (
            "disk-full", "(?:28|122)", "No space left on device|Disk quota exceeded",
            "a node's disk is full, or its inodes",
            f"df -h; df -i {_NODE_OF_LINE}",
        ),
        (
            "disk-read-only", 30, "Read-only file system",
            "a file system that Kuryr writes to is read-only",
            f"dmesg {_NODE_OF_LINE}: a damaged disk is mounted read-only",
        ),
    ):  # fmt: skip
        yield sign(name, rf"{_ERRNO.format(number)}|{words}", means, remedy, explains)


def configuration_signs(fixing_phase: str, explains: frozenset[str]) -> Iterator[Sign]:
    """Problems with kuryr.conf, of either program."""
    yield phase_sign(
        "option-missing",
        r"RequiredOptError|value required for option|MissingRequiredOptions"
        r"|Auth plugin requires parameters|\bNoSuchOptError\b|no such option",
        "an option is missing in kuryr.conf",
        fixing_phase,
        explains,
    )
    yield phase_sign(
        "option-wrong",
        r"ConfigFileValueError|ConfigFileParseError|InvalidKuryrConfiguration"
        r"|worker_num needs to be|Cannot start server on|Invalid '\w+' driver type"
        r"|NoMatches: No '|MultiPodDriverPool|driver selected are not compatible",
        "kuryr.conf has a value that Kuryr cannot use",
        fixing_phase,
        explains,
    )
    yield phase_sign(
        "token-missing",
        r"unable to find token_file",
        "one of Kuryr's programs finds no token of its service account",
        fixing_phase,
        explains,
    )


CONTROLLER: tuple[Sign, ...] = (
    *configuration_signs("controller", WORK),
    phase_sign(
        "handlers-unknown",
        r"handlers .* were not found|Handlers entrypoint .* failed to load",
        "kuryr.conf names handlers that this release does not have, or that cannot be loaded",
        "controller",
        WORK,
    ),
    sign(
        "no-self-link",
        r"KeyError: '?\"?selfLink",
        "objects have no metadata.selfLink",
        "start the API servers with --feature-gates=RemoveSelfLink=false",
        WORK,
    ),
    sign(
        "status-missing",
        r"KeyError: '?\"?(?:status|spec|vifs)\b",
        "an object of Kuryr's own kinds has lost its status or spec: somebody edited or restored "
        "it",
        "kubectl get kuryrports,kuryrloadbalancers -A -o json: delete those without a status, "
        f"Kuryr makes them again; if all are, {phase('controller')} installs the release's kinds",
        WORK,
    ),
    phase_sign(
        "kind-missing",
        r"CRD \S+ does not exists|404 page not found|could not find the requested resource"
        r"|no matches for kind|the server doesn't have a resource type",
        "the cluster does not know a kind of objects that Kuryr keeps",
        "controller",
        WORK,
    ),
    sign(
        "python-too-new",
        r"TypeError.*_context|does not have a public constructor|maximum recursion depth.*ssl",
        "the image's Python is too new for its eventlet",
        phase("image_build"),
        WORK,
    ),
    sign(
        "image-broken",
        r"exec format error|\bModuleNotFoundError\b|\bImportError\b|GLIBC_\S+. not found"
        r"|DistributionNotFound|\bContextualVersionConflict\b|executable file not found",
        "the image does not run: it was built for another machine, or with parts that do not fit",
        phase("image_build"),
        WORK,
    ),
    sign(
        "leader-unknown",
        r"Error when fetching current leader pod name",
        "controller_ha is on, but there is no answer to which replica leads",
        "check the elector's container, or set [kubernetes] controller_ha to false, with one "
        "replica",
        WORK,
    ),
    sign(
        "watch-too-old",
        r"too old resource version|resourceVersion.{0,60}too (?:old|large)"
        r"|\"reason\": ?\"Expired\"",
        "the controller asked for changes that the API server no longer keeps, and missed some",
        "kubectl -n kube-system rollout restart deployment/kuryr-controller: it then reads "
        "everything again",
        WORK,
    ),
    *machine_signs(WORK),
)
"""What the controller may log about itself."""

DAEMON: tuple[Sign, ...] = (
    *configuration_signs("daemon", DAEMON_WORK),
    sign(
        "daemon-image-broken",
        r"exec format error|\bModuleNotFoundError\b|\bImportError\b|GLIBC_\S+. not found",
        "the image does not run: it was built for another machine, or with parts that do not fit",
        phase("image_build"),
        DAEMON_WORK,
    ),
    phase_sign(
        "daemon-kind-missing",
        r"404 page not found|could not find the requested resource|no matches for kind",
        "the cluster does not know a kind of objects that Kuryr keeps",
        "controller",
        DAEMON_WORK,
    ),
    *machine_signs(DAEMON_WORK),
)
"""What a daemon may log about itself."""
