"""The lab for the tests that are marked `lab`: one for all of them, brought up if there is none."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from support.credentials import carry_out, sections
from support.evidence import controller_logs
from support.lab_of_tests import SITE_FILE, BareLab, LabOfTests, runbook
from worlds import host as host_world
from worlds.lab import world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.lab import lifecycle, openstack
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.site.reading import read_site

if TYPE_CHECKING:
    from openstack.connection import Connection

AT_THE_END = (
    "test_teardown_leaves_cloud_and_cluster_as_they_were",
    "test_a_run_on_the_bare_lab_shows_what_the_notebooks_store",
    "test_destroy_leaves_nothing_behind",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what wants the bare lab, then what wants Kuryr on it, then what takes both away.

    At the very end come labs of other kinds.
    """

    def order(item: pytest.Item) -> int:
        fixtures = getattr(item, "fixturenames", ())
        if item.name in AT_THE_END:
            return 2 + AT_THE_END.index(item.name)
        if "own_lab" in fixtures:
            return 2 + len(AT_THE_END)
        return int("kuryr_run" in fixtures)

    items.sort(key=order)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed with Kuryr on the lab shows what Kuryr's controller logged: it is gone later."""
    report = yield
    if report.failed:
        report.sections.extend(controller_logs(LabSettings()))
    return report


@pytest.fixture(scope="session")
def aloud(pytestconfig: pytest.Config) -> Callable[[], AbstractContextManager[None]]:
    """Lets what takes minutes show its progress while pytest captures."""
    manager = pytestconfig.pluginmanager.getplugin("capturemanager")
    return cast("Callable[[], AbstractContextManager[None]]", manager.global_and_fixture_disabled)


@pytest.fixture(scope="session")
def lab_of_tests(aloud: Callable[[], AbstractContextManager[None]]) -> Iterator[LabOfTests]:
    found = remembered(LabSettings())
    settings = found.settings if found else LabSettings()
    before = None if found else host_world.read(settings)
    lab = LabOfTests(settings, before)
    with aloud():
        lifecycle.up(settings, print)
    yield lab
    if lab.may_go and remembered(settings):
        lifecycle.destroy(settings, print)


@pytest.fixture(scope="session")
def settings(lab_of_tests: LabOfTests) -> LabSettings:
    """The parameters of the running lab."""
    return lab_of_tests.settings


@pytest.fixture(scope="session")
def admin(settings: LabSettings) -> Iterator[Connection]:
    """The cloud, as its administrator."""
    with openstack.connect(settings, "admin") as connection:
        yield connection


@pytest.fixture(scope="session")
def k8s(settings: LabSettings) -> Iterator[Connection]:
    """The cloud, as the cluster's user."""
    with openstack.connect(settings, "k8s") as connection:
        yield connection


@pytest.fixture(scope="session")
def cloud(settings: LabSettings) -> OpenStackClient:
    """The cloud, as the phases see it."""
    return OpenStackClient("k8s", settings.clouds_yaml)


@pytest.fixture
def identity(cloud: OpenStackClient) -> IdentityClient:
    """Keystone, as the phases see it."""
    return IdentityClient(cloud.session)


@pytest.fixture
def controller_restored(kuryr: Site) -> Iterator[None]:
    """Afterwards the controller is as the lab's site has it."""
    yield
    carry_out(Controller(Site.model_validate(sections(kuryr))))


@pytest.fixture(scope="session")
def cluster(settings: LabSettings) -> KubernetesClient:
    """The cluster, as the phases see it."""
    return KubernetesClient(settings.kubeconfig)


@pytest.fixture(scope="session")
def before_kuryr(
    cloud: OpenStackClient,
    cluster: KubernetesClient,
    aloud: Callable[[], AbstractContextManager[None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, str]]:
    """The world of the bare lab; what an earlier run left there is torn down first."""
    with aloud():
        runbook("teardown", tmp_path_factory.mktemp("clean") / "run")
    return world(cloud, cluster)


@pytest.fixture
def bare(
    before_kuryr: dict[str, dict[str, str]],
    cloud: OpenStackClient,
    cluster: KubernetesClient,
    aloud: Callable[[], AbstractContextManager[None]],
    tmp_path: Path,
) -> BareLab:
    return BareLab(cloud, cluster, before_kuryr, aloud, tmp_path)


@pytest.fixture
def lab(bare: BareLab) -> Iterator[BareLab]:
    """Afterwards the lab is bare again."""
    yield bare
    bare.call("teardown", bare.folder / "site.yaml", "teardown")
    assert bare.changed() == []


@pytest.fixture(scope="session")
def kuryr_run(
    before_kuryr: dict[str, dict[str, str]],
    aloud: Callable[[], AbstractContextManager[None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a run that installed Kuryr on the bare lab."""
    directory = tmp_path_factory.mktemp("kuryr") / "run"
    with aloud():
        runbook("run", directory)
    return directory


@pytest.fixture(scope="session")
def kuryr(kuryr_run: Path) -> Site:
    """The lab's site, with Kuryr installed."""
    return read_site(SITE_FILE)
