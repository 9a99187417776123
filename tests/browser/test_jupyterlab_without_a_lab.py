"""JupyterLab in a browser, without a cloud: the copy, the form, the plan's approval."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from playwright.sync_api import ViewportSize, expect
from support.browsing import APP, Jupyter, Person, browser_page, jupyterlab
from worlds.cloud_answers import PROJECT
from worlds.memory_cloud import cluster_cloud
from worlds.served_apis import ServedApis, served
from worlds.sites import lab_sections

from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.phases.site.reading import read_site

pytestmark = pytest.mark.browser

TESTS = Path(__file__).parents[1]
NODES = {"master": "172.18.0.10", "worker1": "172.18.0.11"}
PHASE = "approvable.ipynb"
LONG = "long.ipynb"
SETUP = """from kuryr_runbook.phases.site.reading import chosen_site
from runs.approvable_phase import Approvable

phase = Approvable(chosen_site({}))"""
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
STANDS = """from kuryr_runbook.phases.site.overview import where_it_stands

where_it_stands()"""
CHOOSE = """from kuryr_runbook.phases.site.choice import choose_site

choose_site()"""
DIAGNOSIS = {
    "begin": """from kuryr_runbook.phases.site.reading import chosen_site
from runs.diagnosable_phase import Diagnosable

phase = Diagnosable(chosen_site({}))""",
    "check": "phase.check()",
    "picture": "phase.picture()",
    "trace": "phase.trace()",
}
CELLS = {
    "begin": SETUP,
    "plan": "phase.plan()",
    "apply": "phase.apply()",
    "check": "phase.check()",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a person works: with site files of its own."""
    found = tmp_path_factory.mktemp("person")
    (found / "parameters").mkdir()
    for name in ("lab.yaml", "stein.yaml"):
        (found / "parameters" / name).write_bytes((packaged("parameters") / name).read_bytes())
    return found


@pytest.fixture(scope="module")
def jupyter(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    home = tmp_path_factory.mktemp("jupyter")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    state = str(tmp_path_factory.mktemp("state"))
    with jupyterlab(directory, home, PYTHONPATH=path, XDG_STATE_HOME=state) as found:
        write_notebook(found.directory / PHASE, CELLS)
        numbers = {f"cell-{number}": f"print({number})" for number in range(40)}
        write_notebook(found.directory / LONG, numbers, "A paragraph.\n\n" * 20)
        yield found


def write_notebook(path: Path, sources: Mapping[str, str], prose: str = "") -> None:
    """With code cells of these ids, and prose between them."""
    new: Any = nbformat.v4
    cells = []
    for key, source in sources.items():
        cells += [new.new_markdown_cell(prose)] if prose else []
        cells.append(new.new_code_cell(source, id=key))
    spec = {"name": "python3", "display_name": "", "language": "python"}
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


@pytest.fixture
def person() -> Iterator[Person]:
    with browser_page() as found:
        yield found


def test_a_site_is_chosen_and_problems_are_shown_while_one_types(
    jupyter: Jupyter, person: Person, directory: Path
) -> None:
    person.open(jupyter, "start.ipynb")
    person.run("site")
    form = person.cell("site")
    form.get_by_label("Site file", exact=True).select_option(label="parameters/lab.yaml: lab")
    form.get_by_text("This is a valid site").wait_for()

    form.get_by_role("button", name="network").click()
    field = form.locator(".kuryr-runbook-network-pod_subnet-cidr input")
    field.fill("10.1.0.")
    field.press_sequentially("5/24")
    form.get_by_text("did you mean 10.1.0.0/24?").wait_for()
    assert form.get_by_role("button", name="Use this site").is_disabled()
    person.screenshot("form-light")
    person.theme("JupyterLab Dark")
    field.scroll_into_view_if_needed()
    person.screenshot("form-dark")
    person.narrow(True)
    field.scroll_into_view_if_needed()
    person.screenshot("form-narrow")
    person.narrow(False)
    person.theme("JupyterLab Light")

    field.fill("10.1.0.0/24")
    form.get_by_text("did you mean 10.1.0.0/24?").wait_for(state="detached")
    form.get_by_role("button", name="Use this site").click()
    form.get_by_text("The notebooks now work with parameters/lab.yaml").wait_for()
    chosen = jupyter.directory / "site.yaml"
    assert read_site(chosen) == read_site(directory / "parameters" / "lab.yaml")

    person.leave()
    person.open(jupyter, PHASE)
    assert person.code_cells() == list(CELLS)
    person.run("begin")
    assert not person.failed("begin")
    person.run("plan")
    person.cell("plan").get_by_role("button", name="Approve 3 changes for lab").wait_for()


def test_what_the_cloud_has_is_chosen_and_without_an_answer_typed(
    jupyter: Jupyter, person: Person, directory: Path, tmp_path: Path
) -> None:
    cloud = cluster_cloud(NODES)
    cloud.add("router", name="k8s-router", project_id=PROJECT)
    cloud.add("router", name="twice", id=f"{1:032x}", project_id=PROJECT)
    cloud.add("router", name="twice", id=f"{2:032x}", project_id=PROJECT)
    sections = lab_sections()
    sections["openstack"] |= {"cloud": "k8s", "clouds_yaml": str(tmp_path / "clouds.yaml")}
    sections["kubernetes"] |= {"kubeconfig": str(tmp_path / "kubeconfig"), "context": "c"}
    (directory / "asked.yaml").write_text(yaml.safe_dump(sections))
    with served(ServedApis(cloud, NODES), tmp_path):
        # Not start.ipynb, which another test has saved with a form whose kernel has ended.
        write_notebook(jupyter.directory / "form.ipynb", {"site": CHOOSE})
        person.open(jupyter, "form.ipynb")
        person.run("site")
        form = person.cell("site")
        form.get_by_label("Site file", exact=True).select_option(label="asked.yaml: lab")
        form.get_by_text("according to Keystone and Neutron, Octavia, Kubernetes").wait_for()
        form.get_by_role("button", name="network").click()
        router = form.locator(".kuryr-runbook-network-router select")
        router.select_option(label=f"twice ({2:032x})")
        for theme in ("Light", "Dark"):
            person.theme(f"JupyterLab {theme}")
            router.scroll_into_view_if_needed()
            person.screenshot(f"form-offers-{theme.lower()}")
        person.theme("JupyterLab Light")
        router.select_option(label="another: type it below")
        typed = form.locator(".kuryr-runbook-network-router input")
        typed.fill("mine")
        person.screenshot("form-typed")
    form.get_by_role("button", name="Ask cloud and cluster again").click()
    form.get_by_text("✗ Keystone and Neutron, Octavia").wait_for()
    assert typed.input_value() == "mine"
    assert router.is_hidden()
    form.get_by_text("Asking", exact=False).wait_for(state="detached")
    form.get_by_label("Site file", exact=True).scroll_into_view_if_needed()
    person.screenshot("form-no-answer")
    (directory / "asked.yaml").unlink()


@pytest.fixture
def chosen(jupyter: Jupyter, directory: Path) -> None:
    link = jupyter.directory / "site.yaml"
    link.unlink(missing_ok=True)
    link.symlink_to(directory / "parameters" / "lab.yaml")


@pytest.mark.usefixtures("chosen")
def test_nothing_is_changed_before_the_plan_is_approved(jupyter: Jupyter, person: Person) -> None:
    person.open(jupyter, PHASE)
    person.run("begin")
    plan = person.run("plan")
    assert "2 to create, 1 to change, 0 to delete; 1 as wanted" in plan
    assert "ApprovalError" in person.run("apply")

    shown = person.cell("plan")
    details = shown.locator("details").first
    details.locator("summary").click()
    details.get_by_role("cell", name="10.1.0.0/24").wait_for()
    for theme in ("Light", "Dark"):
        person.theme(f"JupyterLab {theme}")
        person.screenshot(f"plan-{theme.lower()}", "plan")
    person.narrow(True)
    person.screenshot("plan-narrow", "plan")
    person.narrow(False)
    person.theme("JupyterLab Light")

    person.approve("plan")
    done = person.run("apply")
    assert not person.failed("apply")
    assert "done load balancer demo with all its members" in done
    person.screenshot("applied", "apply")
    assert "nothing to change" in person.run("plan")
    person.run("apply")
    assert not person.failed("apply")


@pytest.mark.usefixtures("chosen")
def test_the_button_below_a_long_plan_is_in_sight(jupyter: Jupyter, person: Person) -> None:
    cells = {"begin": SETUP.replace("Approvable", "Tall"), "plan": "phase.plan()"}
    write_notebook(jupyter.directory / "tall.ipynb", cells)
    person.page.set_viewport_size(LAPTOP)
    person.open(jupyter, "tall.ipynb")
    person.run("begin")
    assert "pods-of-zone-40" in person.run("plan")
    shown = person.cell("plan")
    button = shown.get_by_role("button", name="Approve 40 changes for lab")
    button.wait_for()
    top, box = shown.bounding_box(), button.bounding_box()
    assert top is not None
    assert box is not None
    assert box["y"] + box["height"] < LAPTOP["height"]
    for theme in ("Dark", "Light"):
        person.theme(f"JupyterLab {theme}")
        person.screenshot(f"plan-long-{theme.lower()}")
    last = shown.get_by_text("pods-of-zone-40", exact=True).first
    last.scroll_into_view_if_needed()
    person.screenshot("plan-long-end")
    button.click()
    shown.get_by_text("Approved at").wait_for()


@pytest.mark.usefixtures("chosen")
def test_where_the_site_stands_leads_to_notebooks_and_records(
    jupyter: Jupyter, person: Person, directory: Path, tmp_path: Path
) -> None:
    sections = lab_sections()
    sections["openstack"] |= {"cloud": "k8s", "clouds_yaml": str(tmp_path / "clouds.yaml")}
    sections["kubernetes"] |= {"kubeconfig": str(tmp_path / "kubeconfig"), "context": "c"}
    link = jupyter.directory / "site.yaml"
    link.unlink()
    link.write_text(yaml.safe_dump(sections))
    run = directory / "runs" / "lab" / "20261101T101500Z"
    run.mkdir(parents=True)
    phases = [
        {"phase": "preflight", "status": "SUCCEEDED", "started": "2026-11-01T10:15:00+00:00"},
        {"phase": "image_build", "status": "FAILED", "started": "2026-11-01T10:15:20+00:00"},
    ]
    (run / "run.json").write_text(json.dumps({"status": "FAILED", "phases": phases}))
    for place in (run.parent, run):
        page = f"<h1>Pages of {place.name}</h1><a href='{run.name}/index.html'>one</a>"
        (place / "index.html").write_text(page)
    write_notebook(jupyter.directory / "stands.ipynb", {"standing": STANDS})
    with served(ServedApis(cluster_cloud(NODES), NODES), tmp_path):
        person.open(jupyter, "stands.ipynb")
        told = person.run("standing")
    assert re.search(r"02 openstack prep +never +\d+ create", told)
    assert "2026-11-01 10:15" in told
    shown = person.cell("standing")
    for theme in ("Dark", "Light"):
        person.theme(f"JupyterLab {theme}")
        person.screenshot(f"standing-{theme.lower()}", "standing")
    with person.page.context.expect_page() as opened:
        shown.get_by_role("link", name="All runs and their records").click()
    opened.value.get_by_role("heading", name="Pages of lab").wait_for()
    opened.value.get_by_role("link", name="one").click()
    opened.value.get_by_role("heading", name=f"Pages of {run.name}").wait_for()
    browser = person.page.context.browser
    assert browser is not None
    stranger = browser.new_context().new_page()
    answer = stranger.goto(opened.value.url)
    assert answer is not None
    assert "Pages of" not in stranger.content()
    shown.get_by_role("link", name="02 openstack prep").click()
    person.page.wait_for_function(
        f"() => {APP}.shell.currentWidget?.context?.path === '02_openstack_prep.ipynb'"
    )


@pytest.mark.usefixtures("chosen")
def test_findings_fold_and_link_to_what_is_to_do(jupyter: Jupyter, person: Person) -> None:
    person.open(jupyter, PHASE)
    person.run("begin")
    person.run("check")
    shown = person.cell("check")
    shown.get_by_role("table", name="approvable").get_by_text("✓ pass").wait_for()
    shown.get_by_role("link", name="a check that ends with warn").click()
    remedy = shown.get_by_text("look at the security group").first
    remedy.wait_for()
    person.screenshot("findings-light", "check")
    shown.locator("details").first.locator("summary").click()
    remedy.wait_for(state="hidden")


@pytest.mark.usefixtures("chosen")
def test_the_picture_leads_to_findings_and_paths_are_picked(
    jupyter: Jupyter, person: Person
) -> None:
    write_notebook(jupyter.directory / "wrong.ipynb", DIAGNOSIS, "A paragraph.\n\n" * 12)
    person.open(jupyter, "wrong.ipynb")
    for cell in ("begin", "check", "picture"):
        person.run(cell)
        assert not person.failed(cell), person.outputs(cell)
    picture, table = person.cell("picture"), person.cell("check")
    finding = table.get_by_text("port port-web-1 of pod default/web-1 does not exist")
    for theme in ("Dark", "Light"):
        person.theme(f"JupyterLab {theme}")
        person.cell("picture").scroll_into_view_if_needed()
        person.screenshot(f"picture-{theme.lower()}")
        # What is there is the link above it.
        picture.get_by_text("web-1", exact=True).first.click(force=True)
        expect(finding).to_be_in_viewport()
        person.screenshot(f"picture-led-to-{theme.lower()}")

    assert "name a pod or a service" in person.run("trace")
    shown = person.cell("trace")
    pod = shown.get_by_label("Pod", exact=True)
    pod.select_option(label="web-1 ✗ FAIL")
    shown.get_by_text("Path to pod default/web-1").wait_for()
    person.screenshot("path-picked", "trace")
    shown.get_by_label("Service", exact=True).select_option(label="web-0 ✗ FAIL")
    shown.get_by_text("Path to service default/web-0").wait_for()
    assert pod.evaluate("it => it.selectedIndex") == 0
    # The path is part of the notebook, as if it had been named in the cell.
    assert "Path to service default/web-0" in person.outputs("trace")


def test_cells_that_are_not_drawn_yet_are_reached(jupyter: Jupyter, person: Person) -> None:
    person.open(jupyter, LONG)
    for number in (39, 0, 20):
        assert person.run(f"cell-{number}").strip() == str(number)
        person.cell(f"cell-{number}").get_by_text(str(number), exact=True).first.wait_for()


@pytest.mark.usefixtures("chosen")
def test_a_headless_run_in_there_asks_nobody(jupyter: Jupyter, tmp_path: Path) -> None:
    """Its kernel inherits what distinguishes JupyterLab's kernels from others."""
    import papermill

    variables = {
        "KURYR_RUNBOOK_JUPYTERLAB": str(jupyter.process.pid),
        "KURYR_RUNBOOK_SITE": str(jupyter.directory / "site.yaml"),
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        out = papermill.execute_notebook(
            jupyter.directory / PHASE, tmp_path / "out.ipynb", progress_bar=False
        )
    types = {
        kind
        for cell in out.cells
        for output in cell.outputs
        for kind in output.get("data", {"": ""})
    }
    assert "application/vnd.jupyter.widget-view+json" not in types
