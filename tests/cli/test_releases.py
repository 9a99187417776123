"""`kuryr-runbook releases`: for a person at 80 columns, and as data."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kuryr_runbook.cli import main
from kuryr_runbook.model.releases import RELEASES, SOURCES


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["releases", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def row(release: str) -> list[str]:
    line = next(line for line in run().splitlines() if line.startswith(f"{release} "))
    return line.split()


@pytest.mark.parametrize("arguments", [[], *([name] for name in RELEASES)])
def test_everything_fits_80_columns(arguments: list[str]) -> None:
    assert max(len(line) for line in run(*arguments).splitlines()) <= 80


def test_the_overview_says_what_works_with_what() -> None:
    assert row("stein") == "stein 1.0.1 yes yes yes no 1.11 to 1.23 *".split()
    assert row("ussuri") == "ussuri 2.1.0 yes yes yes yes 1.11 to 1.23 *".split()
    assert row("victoria") == "victoria 3.1.0 yes yes yes yes 1.16 to 1.23 *".split()
    assert row("2024.1") == "2024.1 10.0.0 yes yes yes yes from 1.16 on".split()


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_shown_whole_with_hazards_and_sources(name: str) -> None:
    text = "".join(run(name).split())
    release = RELEASES[name]
    for hazard in release.hazards:
        for part in (hazard.text, hazard.way_out, hazard.source):
            assert "".join(part.split()) in text
    for field, source in SOURCES.items():
        if field not in ("name", "hazards"):
            assert "".join(source.split()) in text, field
    for rule in (*release.controller_rules, *release.daemon_rules):
        assert "".join(rule.resources[0].split()) in text


def test_a_release_shows_the_ways_to_the_others() -> None:
    lines = [line.split() for line in run("ussuri").splitlines()]
    assert "stein back: ussuri -> train -> stein".split() in lines
    assert "wallaby up: ussuri -> victoria -> wallaby".split() in lines
    assert ["ussuri", "none"] in [line.split() for line in run("victoria").splitlines()]


def test_data_holds_every_field_of_every_release() -> None:
    data = json.loads(run("--json"))
    assert [item["name"] for item in data] == list(RELEASES)
    for item in data:
        assert set(SOURCES) <= set(item)
    one = json.loads(run("ussuri", "--json"))
    assert one == data[2]
    assert one["kubernetes_window"] == {"first": "1.11", "last": "1.23"}
    assert one["vif_drivers"]["nested-macvlan"] == "nested-macvlan-locked"
    assert one["ways"]["wallaby"] == ["victoria", "wallaby"]
    assert data[3]["ways"]["ussuri"] is None
    assert one["sources"]["version"] == "PyPI, kuryr-kubernetes"


def test_an_unknown_release_exits_2_and_names_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["releases", "rocky"])
    assert result.exit_code == 2
    assert "stein" in result.stderr
    assert "2024.1" in result.stderr
