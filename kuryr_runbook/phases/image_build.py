"""Phase 01: one image for controller and daemon, with the CNI plugin inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from platformdirs import user_cache_path, user_state_path

from kuryr_runbook.applying.steps import Body, Executor, Known, Say, apply_plan
from kuryr_runbook.clients.engines import Engine, find_engine
from kuryr_runbook.clients.images import (
    push_image,
    read_image_spec,
    read_plugin,
    read_remote_image,
    smoke_test,
    write_plugin,
)
from kuryr_runbook.clients.registry import RegistryClient
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.errors import EarlierPhaseError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, known_later
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.specs.daemon import PLUGIN
from kuryr_runbook.specs.image import Reference

MEBIBYTE = 1024 * 1024


class ImageBuild(Phase):
    """Builds, tries and pushes the image, unless the registry has it, made of the same inputs."""

    name = "image_build"
    needs_cluster = False

    @cached_property
    def registry(self) -> RegistryClient:
        """The registry's API."""
        return registry_of(self.site)

    @cached_property
    def engine(self) -> Engine:
        """The container engine; its whole output goes to a file, its steps are shown."""
        image = self.site.image
        return Engine(
            name=find_engine(image.engine),
            say=_milestones,
            log=user_state_path("kuryr-runbook") / "log" / f"image-{self.site.name}.log",
            auth_file=image.registry_auth,
            ca=image.registry_ca,
            storage=user_cache_path("kuryr-runbook") / "containers",
        )

    def make_plan(self) -> Plan:
        """Build, or keep what the registry has."""
        spec = read_image_spec(self.site, self.registry)
        target = Target("image", str(spec.reference))
        remote = read_remote_image(spec, self.registry)
        if remote is not None and spec.is_made_as(remote.labels):
            step = Step(
                action=Action.KEEP,
                target=target,
                id=remote.digest,
                because="the registry has it, made of the same inputs",
            )
        elif remote is not None:
            step = Step(
                action=Action.UPDATE,
                target=target,
                id=remote.digest,
                because=spec.difference(remote.labels),
            )
        else:
            step = Step(
                action=Action.CREATE, target=target, because="the registry has none of that name"
            )
        return Plan(phase=self.name, steps=(step,))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Build, try every program in the image, push, and read the digest back."""
        return apply_plan(plan, _Build(self), say)

    def build_and_push(self, say: Say) -> Known:
        """The one step of the plan."""
        spec = read_image_spec(self.site, self.registry)
        engine = self.engine
        say(f"building with {engine.name}; the whole output goes to {engine.log}")
        image = engine.build(spec)
        for test in spec.smoke_tests:
            say(f"smoke test: {test.name}")
            smoke_test(engine, image, test)
        plugin = read_plugin(engine, image)
        copy = user_cache_path("kuryr-runbook") / "cni" / spec.reference.version / PLUGIN
        write_plugin(plugin, copy)
        say(f"CNI plugin: sha256 {plugin.sha256}, a copy for other means is in {copy}")
        say(f"pushing {spec.reference}")
        return {"id": push_image(engine, spec, self.registry).digest}

    def findings(self) -> Iterable[Finding]:
        """The registry's own word on the image."""
        spec = read_image_spec(self.site, self.registry)
        remote = read_remote_image(spec, self.registry)
        made = remote is not None and spec.is_made_as(remote.labels)
        yield Finding(
            check="image-in-registry",
            title=f"the registry has {spec.reference}",
            status=Status.PASS if made else Status.FAIL,
            evidence=f"{remote.digest}, made of these inputs: {made}" if remote else "it has none",
            remedy="" if made else "run the phase again",
        )

    def image(self) -> View:
        """Digest, size and labels of the image, read from the registry."""
        if self.dry_run:
            return table("Dry run", ("the image is known once the phase has run",), [])
        spec = read_image_spec(self.site, self.registry)
        remote = read_remote_image(spec, self.registry)
        if remote is None:
            return table("Image", ("the registry has none",), [])
        rows = [
            ("name", str(spec.reference)),
            ("digest", remote.digest),
            ("compressed", f"{remote.size / MEBIBYTE:.0f} MiB"),
            *sorted(remote.labels.items()),
        ]
        view = table("Image", ("what", "value"), rows)
        image = {"name": str(spec.reference), "digest": remote.digest, "labels": {**remote.labels}}
        return replace(view, data={"image": image})


class _Build(Executor):
    """Does the plan's only step."""

    def __init__(self, phase: ImageBuild) -> None:
        self._phase = phase

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        return self._phase.build_and_push(say)


def registry_of(site: Site) -> RegistryClient:
    """The API of the site's registry."""
    return RegistryClient(site.image.registry_auth, site.image.registry_ca)


def deployed_image(site: Site, *, ahead: bool = False) -> str:
    """The image by its digest, as the manifests name it: a tag may move.

    Raises EarlierPhaseError when phase 01 has work left; to plan `ahead` of it, the digest is known
    later.
    """
    registry = registry_of(site)
    spec = read_image_spec(site, registry)
    remote = read_remote_image(spec, registry)
    if remote is not None and spec.is_made_as(remote.labels):
        return str(spec.reference.at(remote.digest))
    if ahead:
        return f"{site.image.repository}@{known_later('digest of the image')}"
    raise EarlierPhaseError(
        f"the registry does not have {spec.reference}, made of these inputs",
        remedy="run phase image_build first",
    )


def registry_login(site: Site) -> str:
    """The registry's login for the kubelets, without those of other registries; empty: none."""
    path = site.image.registry_auth
    if path is None:
        return ""
    host = Reference.parse(site.image.repository).registry
    auths: Mapping[str, object] = json.loads(path.read_text()).get("auths", {})
    return json.dumps({"auths": {name: auths[name] for name in auths if name == host}})


def _milestones(line: str) -> None:
    """Show the engine's steps, not what every tool in them prints."""
    if "STEP " in line or line.startswith("Step "):
        say(line)
