"""The commands that the documents show, and what the tests on the lab do with each.

README's `my-site.yaml` is the lab's site file there. What is executed in another form, or not at
all, says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from support.repository import REPOSITORY

DOCUMENTS = (
    REPOSITORY / "README.md",
    *(REPOSITORY / "docs" / f"{name}.md" for name in ("operations", "lab", "tutorial")),
)

NO_COMMANDS: Mapping[str, str] = {
    "What is built": "a picture",
}
"""Headings whose blocks hold something else."""
COMMENT = re.compile(r"(^|\s+)#(\s.*)?$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code in a document."""

    heading: str
    """The heading above it."""
    language: str
    """As the fence names it; empty for an indented block."""
    text: str

    @property
    def holds_commands(self) -> bool:
        """Whether it is there to be typed."""
        return self.language in ("", "sh") and self.heading not in NO_COMMANDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a command is executed on a lab on which Kuryr is installed."""

    status: int = 0
    instead: str = ""
    """What is executed in its place."""
    why: str = ""


AS_IT_IS = Execution()
EXECUTED: Mapping[str, Execution] = {
    "kuryr-runbook run --site my-site.yaml --only preflight": AS_IT_IS,
    "papermill notebooks/02_openstack_prep.ipynb out.ipynb -f my-site.yaml": AS_IT_IS,
    "kuryr-runbook plan --site my-site.yaml --out plan.json": Execution(
        why="status 0 and not 3: the lab's site is installed"
    ),
    "kuryr-runbook run --site my-site.yaml --plan plan.json": Execution(
        instead="kuryr-runbook run --site my-site.yaml --plan plan.json --only openstack_prep",
        why="a second whole run would take minutes",
    ),
    "kuryr-runbook diagnose --site my-site.yaml": AS_IT_IS,
    "kuryr-runbook diagnose --site my-site.yaml --pod web-1 --namespace shop": Execution(
        instead="kuryr-runbook diagnose --site my-site.yaml --service kubernetes",
        why="the lab has no such pod",
    ),
    "kuryr-runbook run --site my-site.yaml --only verification --resilience": Execution(
        instead="kuryr-runbook run --site my-site.yaml --only verification --dry-run",
        why="tests/lab/test_mesh.py tries it, and has the workload up already",
    ),
    "kuryr-runbook diagnose --site my-site.yaml --picture site.svg": AS_IT_IS,
    "kuryr-runbook diagnose --site my-site.yaml --fix": Execution(
        why="it asks nothing: on a healthy lab there is nothing to fix"
    ),
    "kuryr-runbook lab status": AS_IT_IS,
    "kuryr-runbook lab env": AS_IT_IS,
    "kuryr-runbook lab logs NAME": Execution(
        instead="kuryr-runbook lab logs keystone", why="NAME stands for the name of a program"
    ),
    'eval "$(kuryr-runbook lab env)"': AS_IT_IS,
    'export PATH="$PATH:$HOME/.cache/kuryr-runbook/kubernetes-1.20.2-node/usr/bin"': AS_IT_IS,
    "kubectl get nodes": AS_IT_IS,
    "kuryr-runbook run --site parameters/lab.yaml --only preflight": AS_IT_IS,
    "kuryr-runbook plan --site parameters/lab.yaml": Execution(
        why="status 0 both times that it is there: the lab's site is installed"
    ),
    "kubectl run hello --image=kuryr-runbook.lab/pause:1": AS_IT_IS,
    "kubectl wait --for=condition=Ready --timeout=60s pod/hello": AS_IT_IS,
    "kubectl get pod hello --output=wide": AS_IT_IS,
    "kubectl get pod hello --output=yaml | grep openstack.org/kuryr-vif": AS_IT_IS,
    "kubectl exec hello -- /busybox ip address show eth0": AS_IT_IS,
    "kubectl exec hello -- /busybox ping -c 1 203.0.113.10": AS_IT_IS,
    "kubectl delete pod hello --now": AS_IT_IS,
    "kubectl --namespace=kube-system delete configmap kuryr-cni-conf": AS_IT_IS,
    "kuryr-runbook plan --site parameters/lab.yaml --only daemon": Execution(status=3),
    "kuryr-runbook run --site parameters/lab.yaml --only daemon": Execution(
        instead="kuryr-runbook run --site parameters/lab.yaml --only daemon --yes",
        why="there is nobody to ask",
    ),
    "kuryr-runbook teardown --site parameters/lab.yaml --dry-run": Execution(status=3),
}
"""In the order of the documents."""

ENVIRONMENT = "the tests have their environment already"
FIXTURES = "the fixtures of tests/lab/conftest.py do it before"
JUPYTERLAB = "it waits for a person: tests/lab/test_jupyterlab.py does it with a browser"
LIFECYCLE = "tests/lab/test_lifecycle.py does it, when nothing needs the lab any more"

NOT_EXECUTED: Mapping[str, str] = {
    "make setup": ENVIRONMENT,
    ". .venv/bin/activate": ENVIRONMENT,
    "pip install .": ENVIRONMENT,
    "pip install '.[ui]'": ENVIRONMENT,
    "kuryr-runbook version": "tests/cli does it",
    "kuryr-runbook docs": "tests/cli/test_docs.py does it",
    "kuryr-runbook init my-site.yaml --cloud my-cloud --image registry.example.org/kuryr/kuryr": (
        "tests/lab/test_init.py does it, with the names that the lab has"
    ),
    "make run": FIXTURES,
    "make test": "it runs these tests",
    "kuryr-runbook lab up": FIXTURES,
    "kuryr-runbook run --site parameters/lab.yaml": FIXTURES,
    "kuryr-runbook notebooks --site my-site.yaml": JUPYTERLAB,
    "kuryr-runbook notebooks --site parameters/lab.yaml --no-browser": JUPYTERLAB,
    "kuryr-runbook teardown --site parameters/lab.yaml": "the last test on the lab does it",
    "kuryr-runbook lab down": LIFECYCLE,
    "kuryr-runbook lab destroy": LIFECYCLE,
}


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of code of a document, fenced or indented."""
    heading, in_heading = "", False
    for token in MarkdownIt().parse(markdown):
        if in_heading:
            heading = token.content
        in_heading = token.type == "heading_open"
        if token.type in ("fence", "code_block"):
            yield Block(heading, token.info.partition(" ")[0], token.content)


def commands(text: str) -> Iterator[str]:
    """The commands of a block: without comments, and with the lines that go on joined."""
    gathered = ""
    for line in text.splitlines():
        gathered += COMMENT.sub("", line).strip()
        if gathered.endswith("\\"):
            gathered = f"{gathered[:-1].rstrip()} "
        elif gathered:
            yield gathered
            gathered = ""


def commands_of(document: Path) -> list[str]:
    """All commands that a document shows, in order."""
    return [
        command
        for block in blocks(document.read_text())
        if block.holds_commands
        for command in commands(block.text)
    ]
