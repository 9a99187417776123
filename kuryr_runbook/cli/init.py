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
@click.option("--cloud", help="Entry of clouds.yaml [default: the OS_* variables].")
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
    external network and a free range for pods. Reports what it cannot find, and
    marks it in the file. Changes nothing but FILE, which must not exist.
    """
    from kuryr_runbook.clients.writing import write_new
    from kuryr_runbook.phases.site.draft import site_text, survey_view, surveyed

    options = {
        "name": file.stem,
        "openstack.cloud": cloud or "envvars",
        "openstack.clouds_yaml": clouds_yaml,
        "kubernetes.kubeconfig": kubeconfig,
        "kubernetes.context": context,
        "image.repository": image,
    }
    given = {key: value for key, value in options.items() if value}
    # Progress is not part of the result.
    with redirect_stdout(sys.stderr):
        found = surveyed(given)
    write_new(file, site_text(given, found))
    echo(survey_view(found))
    echo(f"\n{file} was written: read it, then try it with")
    echo(f"  kuryr-runbook run --site {file} --dry-run")
