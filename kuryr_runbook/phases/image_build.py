"""Phase 01: one image for controller and daemon, with the CNI plugin inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path, user_state_path

from kuryr_runbook.applying.image import ARTIFACT, SIGNATURE, ImageExecutor, Made, plugin_path
from kuryr_runbook.applying.steps import apply_plan
from kuryr_runbook.clients.artifacts import ArtifactStore, artifact_store
from kuryr_runbook.clients.images.attaching import RegistryWriter
from kuryr_runbook.clients.images.engines import Engine, find_engine
from kuryr_runbook.clients.images.kuryr import (
    read_image_spec,
    read_remote_image,
)
from kuryr_runbook.clients.images.signatures import (
    load_signing_key,
    objection,
    signature_objection,
)
from kuryr_runbook.clients.images.workplace import Workplace
from kuryr_runbook.display.plans import left_out_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, staged
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.specs.attachments import signature_reference, unsigned_remedy
from kuryr_runbook.specs.image import ImageSpec, Reference

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MEBIBYTE = 1024 * 1024


class ImageBuild(Phase):
    """Builds, tries and pushes the image, unless the registry has it, built from these inputs."""

    name = "image_build"
    needs_cluster = False

    _made: Made | None = None
    """Facts about the image that this phase built; None if it built none."""

    @cached_property
    def store(self) -> ArtifactStore | None:
        """Where the CNI plugin is uploaded as well; None if nowhere."""
        url = self.site.image.artifact_store
        return artifact_store(url, say) if url else None

    @cached_property
    def registry(self) -> RegistryWriter:
        """A client for the registry."""
        image = self.site.image
        return RegistryWriter(image.registry_auth, image.registry_ca, say)

    @cached_property
    def engine(self) -> Engine:
        """The container engine; all its output goes to a file, only its steps are shown."""
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
        """Build the image or keep the registry's; the same for signature and plugin."""
        spec = read_image_spec(self.site, self.registry)
        store, key = self.store, self.site.image.signing_key
        image = self._image_step(spec)
        beside = [_plugin_step(store, spec)] if store else []
        if key:
            beside.append(self._signature_step(spec, image, load_signing_key(key)))
        return Plan(phase=self.name, steps=tuple(staged([image], beside)))

    def _signature_step(self, spec: ImageSpec, image: Step, key: PrivateKeyTypes) -> Step:
        target = Target(SIGNATURE, str(spec.reference))
        if image.action is not Action.KEEP:
            because = "an image that is pushed is signed anew"
            return Step(action=Action.CREATE, target=target, because=because)
        pushed = spec.reference.at(str(image.id))
        if problem := objection(pushed, key.public_key(), self.registry):
            return Step(action=Action.CREATE, target=target, because=problem)
        because = "the site's key signed that image"
        place = str(signature_reference(pushed))
        return Step(action=Action.KEEP, target=target, id=place, because=because)

    def _image_step(self, spec: ImageSpec) -> Step:
        target = Target("image", str(spec.reference))
        remote = read_remote_image(spec, self.registry)
        if remote is None:
            because = "the registry has no image with that name"
            return Step(action=Action.CREATE, target=target, because=because)
        made = spec.is_made_as(remote.labels)
        return Step(
            action=Action.KEEP if made else Action.UPDATE,
            target=target,
            id=remote.digest,
            because="the registry has it, built from the same inputs"
            if made
            else spec.difference(remote.labels),
        )

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Build, try every program in the image, push, and read the digest back."""
        executor = ImageExecutor(self.site, self.registry, self.store, self.engine)
        outcomes = apply_plan(plan, executor, say)
        self._made = executor.made
        return outcomes

    def findings(self) -> Iterable[Finding]:
        """What the registry says about the image."""
        spec = read_image_spec(self.site, self.registry)
        remote = read_remote_image(spec, self.registry)
        made = remote is not None and spec.is_made_as(remote.labels)
        yield Finding(
            check="image-in-registry",
            title=f"the registry has {spec.reference}",
            status=Status.PASS if made else Status.FAIL,
            evidence=_evidence(remote.digest, made=made) if remote else "it does not have it",
            remedy="" if made else "run the phase again",
        )
        if remote is not None and self.site.image.verify_key:
            yield self._signature_finding(spec.reference.at(remote.digest))

    def _signature_finding(self, image: Reference) -> Finding:
        problem = signature_objection(self.site, image, self.registry)
        return Finding(
            check="image-signature",
            title="the key of image.verify_key signed the image",
            status=Status.FAIL if problem else Status.PASS,
            evidence=problem or f"{image}, by {self.site.image.verify_key}",
            remedy=unsigned_remedy(self.site) if problem else "",
        )

    def image(self) -> View:
        """Digest, size and labels of the image, read from the registry."""
        if self.dry_run:
            return left_out_view(self.name, "the image is known once the phase has run")
        spec = read_image_spec(self.site, self.registry)
        remote = read_remote_image(spec, self.registry)
        if remote is None:
            return table("Image", ("the registry does not have it",), [])
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


def _plugin_step(store: ArtifactStore, spec: ImageSpec) -> Step:
    path = plugin_path(spec)
    target = Target(ARTIFACT, store.address(path))
    if store.sha256(f"{path}.sha256") is None:
        because = "the store has none built from these inputs"
        return Step(action=Action.CREATE, target=target, because=because)
    return Step(
        action=Action.KEEP,
        target=target,
        id=store.sha256(path),
        because="the store has it, built from the same inputs",
    )


def _evidence(digest: str, *, made: bool) -> str:
    return f"{digest}, built from {'these' if made else 'other'} inputs"


def _milestones(line: str) -> None:
    """Show the engine's steps, but not the output of the tools in them."""
    if "STEP " in line or line.startswith("Step "):
        say(line)
