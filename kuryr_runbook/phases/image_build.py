"""Phase 01: one image for controller and daemon, with the CNI plugin inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from platformdirs import user_cache_path, user_state_path

from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.clients.artifacts import ArtifactStore, artifact_store
from kuryr_runbook.clients.images.engines import Engine, find_engine
from kuryr_runbook.clients.images.kuryr import (
    image_sources,
    push_image,
    read_image_spec,
    read_plugin,
    read_remote_image,
    smoke_test,
    write_plugin,
)
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.clients.images.workplace import Workplace
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.bodies import Body
from kuryr_runbook.model.errors import EarlierPhaseError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, known_later, staged
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.specs.daemon import PLUGIN
from kuryr_runbook.specs.image import ImageSpec, Reference

MEBIBYTE = 1024 * 1024
ARTIFACT = "CNI plugin"
"""Kind of the step that uploads it."""
BILL = "sbom.cdx.json"


@dataclass(frozen=True, slots=True)
class Made:
    """What is known of an image only where it was built."""

    plugin_sha256: str
    bill: Mapping[str, Any]
    """Its bill of materials, in CycloneDX."""


class ImageBuild(Phase):
    """Builds, tries and pushes the image, unless the registry has it, made of the same inputs."""

    name = "image_build"
    needs_cluster = False

    _made: Made | None = None
    """What this phase saw of the image that it built; None: it built none."""

    @cached_property
    def store(self) -> ArtifactStore | None:
        """Where the CNI plugin goes beside the image; None: nowhere."""
        url = self.site.image.artifact_store
        return artifact_store(url) if url else None

    @cached_property
    def registry(self) -> RegistryClient:
        """The registry's API."""
        return registry_of(self.site)

    @cached_property
    def engine(self) -> Engine:
        """The container engine; its whole output goes to a file, its steps are shown."""
        image, storage = self.site.image, user_cache_path("kuryr-runbook") / "containers"
        return Engine(
            name=find_engine(image.engine),
            say=_milestones,
            log=user_state_path("kuryr-runbook") / "log" / f"image-{self.site.name}.log",
            auth_file=image.registry_auth,
            ca=image.registry_ca,
            storage=storage,
            workplace=Workplace(storage),
        )

    def make_plan(self) -> Plan:
        """Build, or keep what the registry has; and the same for the plugin in the store."""
        spec = read_image_spec(self.site, self.registry)
        store = self.store
        steps = staged([self._image_step(spec)], [_plugin_step(store, spec)] if store else [])
        return Plan(phase=self.name, steps=tuple(steps))

    def _image_step(self, spec: ImageSpec) -> Step:
        target = Target("image", str(spec.reference))
        remote = read_remote_image(spec, self.registry)
        if remote is None:
            because = "the registry has none of that name"
            return Step(action=Action.CREATE, target=target, because=because)
        made = spec.is_made_as(remote.labels)
        return Step(
            action=Action.KEEP if made else Action.UPDATE,
            target=target,
            id=remote.digest,
            because="the registry has it, made of the same inputs"
            if made
            else spec.difference(remote.labels),
        )

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Build, try every program in the image, push, and read the digest back."""
        return apply_plan(plan, _Build(self), say)

    def build_and_push(self, say: Say) -> Known:
        """The step of the image."""
        spec = read_image_spec(self.site, self.registry)
        engine = self.engine
        say(f"building with {engine.name}; the whole output goes to {engine.log}")
        image = engine.build(spec)
        for test in spec.smoke_tests:
            say(f"smoke test: {test.name}")
            smoke_test(engine, image, test)
        self._made = made = self._described(spec, image, say)
        say(f"pushing {spec.reference}")
        pushed = push_image(engine, spec, self.registry).digest
        say(f"CNI plugin: sha256 {made.plugin_sha256}")
        return {"id": pushed}

    def _described(self, spec: ImageSpec, image: str, say: Say) -> Made:
        """Keeps plugin and bill of materials on this machine; what the record tells of them."""
        from kuryr_runbook.clients.images.sbom import INVENTORY, bill_of_materials, read_inventory

        folder = user_cache_path("kuryr-runbook") / "cni" / spec.reference.version
        plugin = read_plugin(self.engine, image)
        write_plugin(plugin, folder / PLUGIN)
        inventory = read_inventory(self.engine, image, image_sources()[INVENTORY])
        bill = bill_of_materials(spec, inventory, plugin.content)
        write_file(folder / BILL, bill)
        say(f"copies of the CNI plugin and of the bill of materials ({BILL}) are in {folder}")
        return Made(plugin.sha256, json.loads(bill))

    def upload_plugin(self, store: ArtifactStore, say: Say) -> Known:
        """The step of the artifact store; the layers of an image that was kept are built again."""
        spec = read_image_spec(self.site, self.registry)
        plugin = read_plugin(self.engine, self.engine.build(spec))
        path = _plugin_path(spec)
        say(f"uploading {store.address(path)}, sha256 {plugin.sha256}")
        store.put(path, plugin.content)
        # Last: whoever sees it finds the plugin as well.
        store.put(f"{path}.sha256", f"{plugin.sha256}  {PLUGIN}\n".encode())
        return {"id": plugin.sha256}

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
        image: dict[str, Any] = {
            "name": str(spec.reference),
            "digest": remote.digest,
            "labels": {**remote.labels},
        }
        if self._made is None:
            return replace(view, data={"image": image})
        image["cni_plugin_sha256"] = self._made.plugin_sha256
        return replace(view, data={"image": image, "sbom": self._made.bill})


class _Build(Executor):
    """Does the plan's steps."""

    def __init__(self, phase: ImageBuild) -> None:
        self._phase = phase

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        store = self._phase.store
        with self._phase.engine.at_work():
            if store and step.target.kind == ARTIFACT:
                return self._phase.upload_plugin(store, say)
            return self._phase.build_and_push(say)


def _plugin_path(spec: ImageSpec) -> str:
    """Below the store: what is there under a name never changes."""
    return f"{spec.reference.version}/{spec.inputs[:16]}/{PLUGIN}"


def _plugin_step(store: ArtifactStore, spec: ImageSpec) -> Step:
    path = _plugin_path(spec)
    target = Target(ARTIFACT, store.address(path))
    if store.sha256(f"{path}.sha256") is None:
        because = "the store has none that was made of these inputs"
        return Step(action=Action.CREATE, target=target, because=because)
    return Step(
        action=Action.KEEP,
        target=target,
        id=store.sha256(path),
        because="the store has it, made of the same inputs",
    )


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
