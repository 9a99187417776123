"""Which site the notebooks in JupyterLab work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kuryr_runbook.display.asking import Asking
from kuryr_runbook.display.site_form import Offered, SiteForm
from kuryr_runbook.display.tables import View
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_form import Texts, form_fields
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site import choice
from kuryr_runbook.phases.site.choice import LINK, choose, choose_site, site_files
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.planning.site_offers import Offer, plain


def test_the_link_names_the_file_that_was_chosen_last(tmp_path: Path) -> None:
    link = tmp_path / LINK
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(name)
        choose(tmp_path / name, link)
        assert link.read_text() == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "b.yaml", LINK]


def test_a_file_in_its_place_stays(tmp_path: Path) -> None:
    link = tmp_path / LINK
    link.write_text("mine")
    with pytest.raises(UsageError, match="is a file, not a link"):
        choose(tmp_path / "a.yaml", link)
    assert link.read_text() == "mine"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with site files, and others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SITE_VARIABLE, raising=False)
    text = (packaged("parameters") / "lab.yaml").read_text()
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "lab.yaml").write_text(text)
    (tmp_path / "bad.yaml").write_text(text.replace("10.1.0.0/24", "10.1.0.5/24"))
    (tmp_path / "other.yaml").write_text("services: {}\n")
    (tmp_path / "broken.yaml").write_text("kuryr: [\n")
    return tmp_path


def test_site_files_are_recognized_and_described(here: Path) -> None:
    assert site_files() == [("bad.yaml", "1 problem"), ("parameters/lab.yaml", "lab")]


def test_headless_the_site_files_are_a_table(here: Path) -> None:
    view = choose_site()
    assert type(view) is View
    assert "parameters/lab.yaml" in view.text
    assert "papermill -f" in view.text


class Person:
    """Does with the widgets of a form what a person does."""

    def __init__(self, form: SiteForm) -> None:
        self.form = form
        self.picker, self.use_button, self._said, self._told, *others = form.widget.children
        self.ask_button, *sections, self._verdict, name, save = others
        self._name, self.save_button = name, save
        rows = [row for section in sections for row in section.children[1].children]
        self.rows = {
            field.path: row.children for field, row in zip(form_fields(), rows, strict=True)
        }

    def type(self, path: str, text: str) -> None:
        self.rows[path][1].value = text

    def choose(self, path: str, label: str) -> None:
        self.rows[path][0].label = label

    def labels(self, path: str) -> list[str]:
        """What can be chosen; nothing if it has to be typed."""
        picker = self.rows[path][0]
        return [label for label, _ in picker.options] if picker.layout.display != "none" else []

    def is_typed(self, path: str) -> bool:
        return bool(self.rows[path][1].layout.display != "none")

    def problem(self, path: str) -> str:
        return str(self.rows[path][3].value)

    def name(self, text: str) -> None:
        self._name.value = text

    @property
    def said(self) -> str:
        return str(self._said.value)

    @property
    def told(self) -> str:
        return str(self._told.value)

    @property
    def verdict(self) -> str:
        return str(self._verdict.value)


class Asked:
    """Answers for a cloud and a cluster, when a test wants it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Texts, Callable[[Offered], None]]] = []

    def __call__(self, texts: Texts, then: Callable[[Offered], None]) -> None:
        self.waiting.append((texts, then))

    def answer(self, **offers: Sequence[Offer]) -> None:
        _, then = self.waiting.pop(0)
        then(Offered(offers={f"network.{key}": it for key, it in offers.items()}, told="✓ Choose"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(choice, "ask", found)
    return found


@pytest.fixture
def person(here: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv(SITE_VARIABLE, str(here / LINK))
    monkeypatch.setattr(choice, "is_interactive", lambda: True)
    choose(here / "parameters" / "lab.yaml", here / LINK)
    view = choose_site()
    assert isinstance(view, Asking)
    assert isinstance(view.panel, SiteForm)
    return Person(view.panel)


def test_the_form_begins_with_the_site_that_was_chosen(person: Person) -> None:
    assert person.form.texts["name"] == "lab"
    assert "✓ This is a valid site" in person.verdict


def test_a_problem_is_shown_while_one_types_and_nothing_can_be_saved(person: Person) -> None:
    person.type("network.pod_subnet.cidr", "10.1.0.5/24")
    assert "did you mean 10.1.0.0/24?" in person.problem("network.pod_subnet.cidr")
    assert "1 problem: network.pod_subnet.cidr" in person.verdict
    assert person.use_button.disabled
    person.name("new.yaml")
    assert person.save_button.disabled


def test_a_changed_site_is_saved_in_a_new_file_and_never_over_another(
    person: Person, here: Path
) -> None:
    person.type("name", "other")
    assert person.use_button.disabled
    person.name("bad.yaml")
    person.save_button.click()
    assert "already exists" in person.said
    person.name("new.yaml")
    person.save_button.click()
    assert "new.yaml is written" in person.said
    assert read_site(here / "new.yaml").name == "other"
    person.use_button.click()
    assert read_site(here / LINK).name == "other"


ROUTER = "network.router"
NODES, NODES_ID = "network.node_subnet", "01234567-89ab-cdef-0123-456789abcdef"


def test_before_there_is_an_answer_everything_can_be_typed(person: Person, asked: Asked) -> None:
    assert "Asking cloud and cluster" in person.told
    assert [texts["openstack.cloud"] for texts, _ in asked.waiting] == ["k8s"]
    assert person.is_typed(ROUTER)
    assert not person.labels(ROUTER)


def test_what_there_is_can_be_chosen_and_something_else_typed(
    person: Person, asked: Asked, here: Path
) -> None:
    offer = Offer(value=NODES_ID, label="nodes (01234567…)")
    asked.answer(router=plain(["k8s-router", "other"]), node_subnet=[offer])
    assert "✓ Choose" in person.told
    assert person.labels(ROUTER) == [
        "(default: k8s-router)", "k8s-router", "other", "another: type it below",
    ]  # fmt: skip
    assert person.form.texts[ROUTER] == "k8s-router"
    assert "k8s-node-subnet (not there)" in person.labels(NODES)
    assert "✓ This is a valid site" in person.verdict

    person.choose(ROUTER, "other")
    person.choose(NODES, "nodes (01234567…)")
    assert not person.is_typed(ROUTER)
    person.name("new.yaml")
    person.save_button.click()
    network = read_site(here / "new.yaml").network
    assert (network.router, network.node_subnet_id) == ("other", NODES_ID)

    person.choose(ROUTER, "another: type it below")
    assert person.is_typed(ROUTER)
    person.type(ROUTER, "mine")
    assert person.form.texts[ROUTER] == "mine"


def test_an_id_in_a_file_is_shown_by_its_name(person: Person, asked: Asked) -> None:
    person.type(ROUTER, "r-1")
    asked.answer(router=[Offer(value="k8s-router", label="k8s-router (r-1)", others=("r-1",))])
    assert person.rows[ROUTER][0].label == "k8s-router (r-1)"


def test_an_answer_about_another_cloud_is_not_offered(person: Person, asked: Asked) -> None:
    asked.answer(router=plain(["k8s-router"]))
    person.type("kubernetes.kubeconfig", "/other")
    assert "another cloud or cluster" in person.told
    assert person.is_typed(ROUTER)
    assert person.form.texts[ROUTER] == "k8s-router"
    person.ask_button.click()
    person.type("kubernetes.kubeconfig", "/third")
    asked.answer(router=plain(["theirs"]))
    assert person.is_typed(ROUTER)
