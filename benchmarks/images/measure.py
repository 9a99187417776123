"""The size of the image of each release, beside that of an image of one stage.

    python benchmarks/images/measure.py [--constraints SET] [--base-image IMAGE] [RELEASE]...

Wants a lab that is up, for its registry and base image, and an hour for all releases. Sizes are
what a node transfers: the compressed layers. Each release is built, tried and pushed by phase 01,
unless the registry has it already. The image of one stage holds Stein's Python packages with the
compiler that they need, without a CNI plugin; it is pushed under a name of its own. With
`--constraints historic` each release is installed with the versions of its time, on a base image
with the Python of its time.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from kuryr_runbook.clients.images.kuryr import read_image_spec
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.releases.parts import ConstraintsName
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.image_build import ImageBuild
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.specs.image import CONTAINERFILE, Reference

SITE = Path(__file__).parents[2] / "parameters" / "lab.yaml"
SINGLE_STAGE = Path(__file__).with_name("Containerfile")
MEGABYTE = 1_000_000


def site_of(release: str, **image: Any) -> Site:
    """The lab's site with that release, and these keys of its section `image`."""
    site = read_site(SITE)
    # Ussuri is refused without tags; an image does not depend on them.
    kuryr = site.kuryr.model_copy(update={"release": release, "resource_tags": (site.name,)})
    return site.model_copy(
        update={"kuryr": kuryr, "image": site.image.model_copy(update=image)},
    )


def pushed_size(phase: ImageBuild, reference: Reference) -> int:
    """Bytes of an image in the lab's registry."""
    remote = phase.registry.remote_image(reference)
    if remote is None:
        sys.exit(f"the registry lost {reference}")
    return remote.size


def of_the_phase(site: Site) -> int:
    """Bytes of the image that phase 01 makes."""
    phase = ImageBuild(site)
    phase.carry_out(phase.make_plan())
    return pushed_size(phase, read_image_spec(phase.site, phase.registry).reference)


def of_one_stage() -> int:
    """Bytes of the image that one writes at first."""
    phase = ImageBuild(site_of("stein"))
    spec = read_image_spec(phase.site, phase.registry)
    spec = replace(
        spec,
        reference=replace(spec.reference, version="one-stage"),
        files={**spec.files, CONTAINERFILE: SINGLE_STAGE.read_bytes()},
    )
    phase.engine.build(spec)
    phase.engine.push(str(spec.reference))
    return pushed_size(phase, spec.reference)


def main() -> None:
    """Print a row as soon as it is known."""
    options = argparse.ArgumentParser()
    options.add_argument("releases", nargs="*", default=list(RELEASES), metavar="RELEASE")
    options.add_argument("--constraints", type=ConstraintsName, default=ConstraintsName.MODERN)
    options.add_argument("--base-image", default=read_site(SITE).image.base_image)
    chosen = options.parse_args()
    image = {"constraints": chosen.constraints, "base_image": chosen.base_image}
    rows = {name: partial(of_the_phase, site_of(name, **image)) for name in chosen.releases}
    print("| image | compressed | built, tried and pushed in |\n|---|---|---|")
    for name, measured in {**rows, "stein, one stage": of_one_stage}.items():
        start = perf_counter()
        size = measured()
        print(f"| {name} | {size / MEGABYTE:.0f} MB | {perf_counter() - start:.0f} s |", flush=True)


main()
