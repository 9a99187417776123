"""Whatever text stands in a site, it is refused, or it stays one value of what is made of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import iniparser
from worlds.sites import PARAMETERS, lab_sections, lab_site

from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.site_form import form_fields, rendered_site, texts_of
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.image import Reference

EXAMPLE = (PARAMETERS / "example.yaml").read_text()
TEXTS = [
    field.path for field in form_fields() if not (field.integer or field.choices or field.listed)
]
IDS = kuryr_conf.KuryrIds(**dict.fromkeys(kuryr_conf.KuryrIds.__slots__, "id"))
AUTH = {"auth_url": "https://c:5000/v3", "username": "u", "password": "p"}
NASTY = (
    "ens3\n[neutron]\nauth_url = http://evil",
    "ens3\r[neutron]",
    "a\0b",
    "\x1b[2J",
    "\u202egnp",
    "a\u2028b",
    "\ud800",
    "$(reboot)",
    "${neutron.password}",
    "$DEFAULT.debug",
    "%(here)s",
    "`id`",
    "'; reboot #",
    '" && reboot',
    "# no value",
    "; no value",
    " ens3",
    "ens3 ",
    "-x",
    "--help",
    "../../etc/passwd",
    "*",
    "&a",
    "!!str x",
    "{a: b}",
    "- a",
    "a: b",
    "|",
    "yes",
    "null",
    "1.30",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "x" * 300,
    "",
)


class Parser(iniparser.BaseParser):
    """Keeps what oslo.config's parser finds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._section = ""

    def assignment(self, key: str, value: list[str]) -> None:
        self.found[self._section][key] = "\n".join(value)

    def new_section(self, section: str) -> None:
        assert section not in self.found
        self._section = section
        self.found[section] = {}


def with_value(path: str, value: str) -> dict[str, Any]:
    """The lab's site with that text at the path."""
    values: dict[str, Any] = lab_sections()
    *sections, name = path.split(".")
    place = values
    for section in sections:
        place = place.setdefault(section, {})
    place[name] = value
    return values


def rendered(site: Site) -> list[str]:
    login = kuryr_conf.login(AUTH, "R", private_ca=True)
    api_root = site.kubernetes.api_root or "https://172.18.0.2:6443"
    return [
        kuryr_conf.render_conf(kuryr_conf.controller_conf(site, IDS, login, api_root)),
        kuryr_conf.render_conf(kuryr_conf.daemon_conf(site, api_root, dockershim=True)),
    ]


def keys(text: str) -> list[tuple[str, str]]:
    parser = Parser()
    parser.parse(text.splitlines(keepends=True))
    return [(section, key) for section, found in parser.found.items() for key in found]


KEYS = [keys(text) for text in rendered(lab_site())]


def is_fit_to_be_shown(message: str) -> bool:
    return len(message) < 3000 and message.replace("\n", "").isprintable()


@cache
def holds(path: str, value: str) -> bool:
    """Whether the site takes the value; if so, nothing that is made of it has more than before."""
    values = with_value(path, value)
    try:
        # JSON is YAML, and written in no time.
        site = parse_site(json.dumps(values), "x.yaml")
    except SiteError as error:
        return not is_fit_to_be_shown(str(error))
    assert [keys(text) for text in rendered(site)] == KEYS
    assert str(Reference.parse(site.base_image)).isprintable()
    texts = texts_of(values)
    assert parse_site(rendered_site(texts, EXAMPLE), "again").model_dump() == site.model_dump()
    return True


@pytest.mark.parametrize("path", TEXTS)
def test_no_nasty_value_breaks_out_of_its_place(path: str) -> None:
    assert not all([holds(path, value) for value in NASTY])


@given(st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_value_at_all_breaks_out_of_its_place(path: str, value: str) -> None:
    holds(path, value)


def test_what_no_terminal_may_get_is_in_no_value() -> None:
    refused = [value for value in NASTY if not value.isprintable()]
    assert not [(path, value) for path in TEXTS for value in refused if holds(path, value)]
