"""Which site a command or a notebook works on, and what is wrong with its file."""

from __future__ import annotations

import pytest
from worlds.sites import LAB, lab_sections

from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site.reading import chosen_site


def test_the_variable_names_a_site_when_no_parameter_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(LAB))
    assert chosen_site({"name": "", "openstack": {}}).name == "lab"
    other = {**lab_sections(), "name": "other"}
    assert chosen_site(other).name == "other"


def test_a_missing_site_file_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, "/nonexistent/site.yaml")
    with pytest.raises(SiteError, match=r"site file /nonexistent/site\.yaml cannot be read"):
        chosen_site({})


def test_a_file_in_no_home_directory_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, "~nobody-here/site.yaml")
    with pytest.raises(SiteError, match="there is no home directory ~nobody-here"):
        chosen_site({})
