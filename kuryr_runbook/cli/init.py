"""`kuryr-runbook init`: draft a site file from what is found in cloud and cluster."""

from __future__ import annotations

from pathlib import Path

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.options import Output, answer, output_options, place_options
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import progress_apart


@click.command(
    cls=Command,
    examples=[
        "kuryr-runbook init my-site.yaml --cloud my-cloud",
        "kuryr-runbook init my-site.yaml --cloud my-cloud --context my-cluster \\",
        "    --image registry.example.org/kuryr/kuryr",
    ],
)
@click.argument("file", type=UserPath(dir_okay=False))
@place_options
@click.option("--image", help="Registry and repository for Kuryr's image, without a tag.")
@click.option(
    "--probe-nodes",
    is_flag=True,
    help="Start a short pod on each node, which looks for the interface with the node's address, "
    "and delete it.",
)
@click.option("--probe-image", help="Its image, with a shell [default: one that the node has].")
@output_options
def init(
    *,
    file: Path,
    image: str | None,
    output: Output,
    probe_nodes: bool,
    probe_image: str | None,
    **where: str | None,
) -> None:
    """Write a commented site file FILE for a cloud and a cluster.

    Looks up the service range, the nodes' subnet, router and security group, the
    external network and a free range for pods. What it cannot find stays blank in
    the file, which says how to look it up, and does not load before it is filled
    in. Writes FILE, which must not exist. Changes nothing else, unless
    --probe-nodes asks for pods, which are deleted again.
    """
    from kuryr_runbook.clients.writing import write_new
    from kuryr_runbook.display.tables import stacked
    from kuryr_runbook.phases.site import draft

    if probe_image and not probe_nodes:
        raise click.UsageError("--probe-image is the image of --probe-nodes")
    probe = draft.Probe(image=probe_image or "") if probe_nodes else None
    options = {
        "openstack.cloud": where["cloud"],
        "openstack.clouds_yaml": where["clouds_yaml"],
        "kubernetes.kubeconfig": where["kubeconfig"],
        "kubernetes.context": where["context"],
        "image.repository": image,
    }
    given = {key: value for key, value in options.items() if value}
    with progress_apart():
        found = draft.surveyed(given, file.stem, probe)
    text = draft.site_text(given, found)
    write_new(file, text)
    blanks = draft.site_blanks(text)
    views = [draft.survey_view(found), *([draft.blanks_view(blanks)] if blanks else [])]
    answer(output, lambda: stacked(views), lambda: draft.survey_data(file, found, blanks))
    if not output.is_data:
        then = "fill in what is blank" if blanks else "read it"
        echo(f"\n{file} was written: {then}, then try it with")
        echo(f"  kuryr-runbook run --site {file} --dry-run")
