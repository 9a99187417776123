"""How Kuryr logs in, on the lab: with which roles it works, and that its credential is replaced."""

from __future__ import annotations

import secrets
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.credentials import OWN, carry_out, ours, sections

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.lab.openstack import connect
from kuryr_runbook.lab.settings import PROJECT, LabSettings
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.controller import Controller, Rotation
from kuryr_runbook.phases.openstack_prep import OpenStackPrep
from kuryr_runbook.phases.teardown import Teardown
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.cloud.credentials import read_credentials
from kuryr_runbook.specs.controller import references

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("controller_restored")]

TEST = "credentials-test"
"""Name of everything that these tests make in Keystone."""


class Killed(BaseException):
    """The process was killed here: no handler of ours may catch it."""


def secret_in_use(site: Site, identity: IdentityClient, cluster: KubernetesClient) -> str:
    used = read_credentials(site, identity, cluster).used
    assert used is not None
    return used.secret


@pytest.fixture
def user_with(
    admin: Any, settings: LabSettings, tmp_path: Path
) -> Iterator[Callable[..., dict[str, str]]]:
    """Makes a user of the cluster's project with these roles; gives the site's openstack keys."""
    made: list[Any] = []

    def make(*roles: str) -> dict[str, str]:
        password = secrets.token_hex(16)
        user = admin.identity.create_user(name=TEST, password=password, domain_id="default")
        made.append(user)
        project = admin.identity.find_project(PROJECT)
        for role in roles:
            found = admin.identity.find_role(role)
            admin.identity.assign_project_role_to_user(project, user, found)
        entry = yaml.safe_load(settings.clouds_yaml.read_text())["clouds"]["k8s"]
        entry["auth"] |= {"username": TEST, "password": password}
        return written(tmp_path, entry)

    yield make
    for user in made:
        admin.identity.delete_user(user)


@pytest.fixture
def credential_with(
    settings: LabSettings, tmp_path: Path
) -> Iterator[Callable[..., dict[str, str]]]:
    """Makes an application credential of the user k8s; gives the site's openstack keys."""
    k8s: Any = connect(settings, "k8s")
    user = k8s.current_user_id

    def make(**fields: Any) -> dict[str, str]:
        made = k8s.identity.create_application_credential(user, TEST, **fields)
        known = yaml.safe_load(settings.clouds_yaml.read_text())["clouds"]["k8s"]
        auth = {
            "auth_url": known["auth"]["auth_url"],
            "application_credential_id": made.id,
            "application_credential_secret": made.secret,
        }
        return written(tmp_path, known | {"auth_type": "v3applicationcredential", "auth": auth})

    yield make
    for item in list(k8s.identity.application_credentials(user, name=TEST)):
        k8s.identity.delete_application_credential(user, item)


def written(folder: Path, entry: dict[str, Any]) -> dict[str, str]:
    path = folder / "clouds.yaml"
    path.touch(0o600)
    path.write_text(yaml.safe_dump({"clouds": {TEST: entry}}))
    return {"cloud": TEST, "clouds_yaml": str(path)}


def test_phase_03_makes_one_and_then_has_nothing_to_do(
    kuryr: Site, identity: IdentityClient, cluster: KubernetesClient
) -> None:
    own = sections(kuryr, kuryr=OWN)
    done = carry_out(Controller(Site.model_validate(own)))
    assert done == ["create application_credential", "update Deployment"]
    assert carry_out(Controller(Site.model_validate(own))) == []
    [made] = ours(kuryr, identity)
    assert not made["unrestricted"]
    assert "admin" in {role["name"] for role in made["roles"]}
    [pod] = cluster.list_objects(
        "v1", "Pod", namespace=kuryr.kubernetes.namespace, labels="name=kuryr-controller"
    )
    assert made["name"] in pod["metadata"]["annotations"].values()
    assert carry_out(Controller(Site.model_validate(sections(kuryr)))) == [
        "update Secret",
        "update Deployment",
        "delete application_credential",
    ]
    assert ours(kuryr, identity) == []


def test_rotation_by_the_command_line_leaves_one_and_shows_no_secret(
    kuryr: Site, identity: IdentityClient, cluster: KubernetesClient, tmp_path: Path
) -> None:
    own = sections(kuryr, kuryr=OWN)
    file = tmp_path / "lab.yaml"
    file.write_text(yaml.safe_dump(own))
    carry_out(Controller(Site.model_validate(own)))
    [before], word = ours(kuryr, identity), secret_in_use(kuryr, identity, cluster)
    planned = rotate(file, "--dry-run")
    assert planned.returncode == 3, planned.stderr
    assert "1 to create, 1 to change, 1 to delete" in planned.stdout
    assert ours(kuryr, identity) == [before]
    told = rotate(file)
    assert told.returncode == 0, told.stderr
    [after] = ours(kuryr, identity)
    assert after["id"] != before["id"]
    assert not identity.accepts(before["id"], word)
    assert identity.accepts(after["id"], secret_in_use(kuryr, identity, cluster))
    for secret in (word, secret_in_use(kuryr, identity, cluster)):
        assert secret not in told.stdout + told.stderr
    assert "/ready" in told.stdout
    assert Controller(Site.model_validate(own)).make_plan().changes == ()


def rotate(site: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *("rotate-credentials", "--site", str(site), *options),
        ],
        check=False,
        timeout=600,
        text=True,
        capture_output=True,
    )


@pytest.mark.exhaustive
def test_rotation_of_the_sites_own_credentials_takes_over_what_clouds_yaml_says(
    kuryr: Site, user_with: Callable[..., dict[str, str]]
) -> None:
    assert carry_out(Rotation(Site.model_validate(sections(kuryr)))) == []
    other = user_with("admin")
    assert carry_out(Rotation(Site.model_validate(sections(kuryr, openstack=other)))) == [
        "update Secret",
        "update Deployment",
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize("cut", [0, 2])
def test_a_rotation_that_was_killed_after_any_change_converges(
    kuryr: Site,
    identity: IdentityClient,
    cluster: KubernetesClient,
    cut: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = sections(kuryr, kuryr=OWN)
    carry_out(Controller(Site.model_validate(own)))
    stranger = identity.create_application_credential(
        {"name": f"kuryr-{kuryr.name}-4711", "roles": [{"name": "member"}]}
    )
    try:
        with monkeypatch.context() as patch:
            seen = killed_at(cut, patch)
            with suppress(Killed):
                carry_out(Rotation(Site.model_validate(own)))
        assert seen == WRITES[: cut + 1]
        carry_out(Controller(Site.model_validate(own)))
        [left] = ours(kuryr, identity)
        assert identity.accepts(left["id"], secret_in_use(kuryr, identity, cluster))
        assert Controller(Site.model_validate(own)).make_plan().changes == ()
        assert stranger["id"] in {item["id"] for item in identity.application_credentials()}
    finally:
        identity.delete_application_credential(stranger["id"])


WRITES = ["create_application_credential", "apply", "apply", "delete_application_credential"]
"""What a rotation does, in order; the first `apply` is the Secret, the second the Deployment."""


def killed_at(cut: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Die once a change has reached its service, unheard; gives the list of changes, as it grows.

    To die before a change is to die after the one before it.
    """
    seen: list[str] = []

    def counted(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def write(self: Any, *arguments: Any, **options: Any) -> Any:
            seen.append(name)
            answer = original(self, *arguments, **options)
            if len(seen) == cut + 1:
                raise Killed
            return answer

        patch.setattr(kind, name, write)

    for name in ("create_application_credential", "delete_application_credential"):
        counted(IdentityClient, name)
    counted(KubernetesClient, "apply")
    return seen


@pytest.mark.exhaustive
def test_an_edited_secret_is_found_and_replaced(
    kuryr: Site, identity: IdentityClient, cluster: KubernetesClient
) -> None:
    own = sections(kuryr, kuryr=OWN)
    carry_out(Controller(Site.model_validate(own)))
    reference, _ = references(kuryr)
    secret = cluster.get(reference)
    assert secret is not None
    conf = b64decode(secret["data"]["kuryr.conf"]).decode()
    edited = conf.replace(secret_in_use(kuryr, identity, cluster), "another")
    data = {"kuryr.conf": b64encode(edited.encode()).decode()}
    cluster.apply({**reference, "type": secret["type"], "data": data})
    assert carry_out(Controller(Site.model_validate(own))) == [
        "create application_credential",
        "update Deployment",
        "delete application_credential",
    ]
    [left] = ours(kuryr, identity)
    assert identity.accepts(left["id"], secret_in_use(kuryr, identity, cluster))


@pytest.mark.exhaustive
def test_kuryr_passes_every_acceptance_check_with_a_role_made_for_it(kuryr: Site) -> None:
    """An application credential of a user who is no admin: policy alone lets Kuryr bind ports."""
    openstack = {"cloud": "kuryr"}
    own = OWN | {"credential_roles": ["member", "kuryr"]}
    site = sections(kuryr, openstack=openstack, kuryr=own)
    assert OpenStackPrep(Site.model_validate(site)).make_plan().changes == ()
    carry_out(Controller(Site.model_validate(site)))
    verification = Verification(Site.model_validate(site))
    try:
        carry_out(verification)
        carry_out(Rotation(Site.model_validate(site)))
        verification.check()
    finally:
        verification.remove()
        # Nobody but the user itself can delete its application credential.
        carry_out(Controller(Site.model_validate(sections(kuryr, openstack=openstack))))


@pytest.mark.exhaustive
def test_a_restricted_application_credential_runs_kuryr_and_makes_no_other(
    kuryr: Site, credential_with: Callable[..., dict[str, str]]
) -> None:
    openstack = credential_with(roles=[{"name": "admin"}])
    with pytest.raises(AccessError, match="a restricted one cannot manage others"):
        Controller(Site.model_validate(sections(kuryr, openstack=openstack, kuryr=OWN))).make_plan()
    carry_out(Controller(Site.model_validate(sections(kuryr, openstack=openstack))))


def test_roles_that_the_user_lacks_are_refused_before_anything_changes(kuryr: Site) -> None:
    site = sections(kuryr, openstack={"cloud": "kuryr"}, kuryr=OWN)
    with pytest.raises(AccessError, match="does not have admin"):
        Controller(Site.model_validate(site)).make_plan()


@pytest.mark.exhaustive
def test_teardown_plans_the_credential_after_the_controller(kuryr: Site) -> None:
    own = sections(kuryr, kuryr=OWN)
    carry_out(Controller(Site.model_validate(own)))
    kinds = [step.target.kind for step in Teardown(Site.model_validate(own)).make_plan().steps]
    assert kinds.index("Deployment") < kinds.index("Secret") < kinds.index("application_credential")
