"""`kuryr-runbook init`: draft a site file from what is found in cloud and cluster."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.terminal import echo


@click.command()
@click.argument("file", type=UserPath(dir_okay=False))
@click.option("--cloud", help="Entry of clouds.yaml [default: OS_CLOUD, else the OS_* variables].")
@click.option("--clouds-yaml", help="The clouds.yaml with that entry.")
@click.option("--kubeconfig", help="[default: KUBECONFIG, else ~/.kube/config]")
@click.option("--context", help="Context of the kubeconfig [default: its current one].")
@click.option("--image", help="Registry and repository for Kuryr's image, without a tag.")
def init(
    *,
    file: Path,
    cloud: str | None,
    clouds_yaml: str | None,
    kubeconfig: str | None,
    context: str | None,
    image: str | None,
) -> None:
    """Write a commented site file FILE for a cloud and a cluster.

    Looks up the service range, the nodes' subnet, router and security group, the
    external network and a free range for pods. What it cannot find stays blank in
    the file, which says how to look it up, and does not load before it is filled
    in. Changes nothing but FILE, which must not exist.
    """
    from kuryr_runbook.clients.writing import write_new
    from kuryr_runbook.phases.site import draft

    options = {
        "name": file.stem,
        "openstack.cloud": cloud,
        "openstack.clouds_yaml": clouds_yaml,
        "kubernetes.kubeconfig": kubeconfig,
        "kubernetes.context": context,
        "image.repository": image,
    }
    given = {key: value for key, value in options.items() if value}
    # Progress is not part of the result.
    with redirect_stdout(sys.stderr):
        found = draft.surveyed(given)
    text = draft.site_text(given, found)
    write_new(file, text)
    blanks = draft.site_blanks(text)
    echo(draft.survey_view(found))
    if blanks:
        echo("")
        echo(draft.blanks_view(blanks))
    then = "fill in what is blank" if blanks else "read it"
    echo(f"\n{file} was written: {then}, then try it with")
    echo(f"  kuryr-runbook run --site {file} --dry-run")
