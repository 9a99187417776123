"""A site as a form: every key is there, problems stand at their field, the file is that site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.schema import render_schema
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.site_form import (
    IDS,
    form_fields,
    rendered_site,
    text_problems,
    texts_of,
    values_of,
)

PARAMETERS = packaged("parameters")
EXAMPLE = (PARAMETERS / "example.yaml").read_text()
FIELDS = {field.path: field for field in form_fields()}
files = pytest.mark.parametrize("path", sorted(PARAMETERS.glob("*.yaml")), ids=lambda p: p.name)


def texts(path: Path = PARAMETERS / "lab.yaml") -> dict[str, str]:
    return texts_of(yaml.safe_load(path.read_text()))


def test_every_key_of_the_schema_is_a_field_with_a_meaning() -> None:
    schema = json.loads(render_schema())
    keys = {
        name
        for section in (schema, *schema["$defs"].values())
        for name, key in section.get("properties", {}).items()
        if "properties" not in schema["$defs"].get(key.get("$ref", "").rpartition("/")[2], {})
    }
    assert {path.rpartition(".")[2] for path in (*FIELDS, *IDS.values())} == keys
    assert all(field.meaning for field in FIELDS.values())


@files
def test_what_the_form_writes_is_the_site_that_it_read(path: Path) -> None:
    site = parse_site(path.read_text(), path.name)
    assert text_problems(texts(path)) == {}
    assert parse_site(rendered_site(texts(path), EXAMPLE), "form") == site


def test_what_is_written_keeps_comments_and_numbers() -> None:
    written = rendered_site(texts() | {"kuryr.resource_tags": "a, b"}, EXAMPLE)
    assert "replicas: 4 " in written
    assert "resource_tags: [a, b]" in written
    assert "# a DNS label" in written


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("name", "", "is missing"),
        ("network.pod_subnet.cidr", "10.1.0.5/24", "did you mean 10.1.0.0/24?"),
        ("network.pod_subnet.cidr", "10.2.0.0/24", "overlap"),
        ("kuryr.vif_driver", "overlay", "overlay"),
        ("kuryr.release", "zulu", "known are stein"),
        ("kuryr.resource_tags", "fine, not fine", "not fine"),
        ("verification.replicas", "many", "integer"),
        ("image.repository", "", "is missing"),
    ],
)
def test_a_problem_stands_at_its_field(path: str, text: str, problem: str) -> None:
    found = text_problems(texts() | {path: text})
    assert list(found) == [path]
    assert problem in found[path]


ID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("name", IDS)
def test_a_field_takes_the_name_or_the_id(name: str) -> None:
    written = yaml.safe_load(rendered_site(texts() | {name: ID}, EXAMPLE))
    assert texts_of(written)[name] == ID
    *sections, key = IDS[name].split(".")
    place = written
    for section in sections:
        place = place[section]
    assert place[key] == ID
    assert text_problems(texts() | {name: "a name"}) == {}
    assert text_problems(texts() | {name: "x" * 999}).keys() == {name}


def test_yes_and_no_are_chosen() -> None:
    field = FIELDS["kuryr.credential_access_rules"]
    assert (field.choices, field.default) == (("true", "false"), "false")
    wanted = texts() | {
        "kuryr.release": "train",
        "kuryr.credentials": "application_credential",
        "kuryr.credential_access_rules": "true",
    }
    assert parse_site(rendered_site(wanted, EXAMPLE), "form").kuryr.credential_access_rules is True


@example({"network.node_subnet": ID})
@example({"verification.replicas": ""})
@example({"verification.replicas": "9" * 5000})
@example({"record.archive": "a directory with a long name " * 5})
@settings(max_examples=25)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, st.text(max_size=20))))
def test_whatever_is_typed_either_has_its_problem_at_a_field_or_is_what_is_written(
    typed: dict[str, Any],
) -> None:
    wanted = texts() | typed
    problems = text_problems(wanted)
    assert set(problems) <= set(FIELDS)
    if not problems:
        written = parse_site(rendered_site(wanted, EXAMPLE), "form")
        assert written == Site.model_validate(values_of(wanted))
