"""`kuryr-runbook monitoring`: YAML on standard output, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from worlds.sites import LAB, LAB_TEXT

from kuryr_runbook.cli import main
from kuryr_runbook.specs.dashboard import dashboard
from kuryr_runbook.specs.monitoring import rules, rules_manifest


@pytest.mark.parametrize(
    ("options", "expected"), [([], rules()), (["--manifest"], rules_manifest())]
)
def test_rules_are_printed_in_both_forms(options: list[str], expected: object) -> None:
    result = CliRunner().invoke(main, ["monitoring", "rules", *options])
    assert (result.exit_code, result.stderr) == (0, "")
    assert yaml.safe_load(result.stdout) == expected


def test_exporters_are_documents_to_apply(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(LAB_TEXT.replace("release: stein", 'release: "2024.1"'))
    result = CliRunner().invoke(main, ["monitoring", "exporters", "--site", str(file)])
    kinds = [document["kind"] for document in yaml.safe_load_all(result.stdout)]
    assert kinds == ["Service", "ServiceMonitor"] * 2


def test_the_dashboard_is_printed_as_json() -> None:
    result = CliRunner().invoke(main, ["monitoring", "dashboard"])
    assert (result.exit_code, json.loads(result.stdout)) == (0, dashboard())


def test_a_release_without_any_is_refused() -> None:
    result = CliRunner().invoke(main, ["monitoring", "exporters", "--site", str(LAB)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "serves no metrics of its own" in " ".join(result.stderr.split())
