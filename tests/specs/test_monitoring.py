"""Rules about metrics that there are, which name what they found; and Kuryr's own exporters."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from worlds.sites import lab_site_with
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.metrics import diagnosis_metrics, plan_metrics
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.plan import Action, Plan, Step, Target
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.dashboard import WIDTH, dashboard
from kuryr_runbook.specs.monitoring import ALERTS, exporters, rules, rules_manifest

OF_KURYR = {
    "kuryr_quota_free_count": {"resource"},
    "kuryr_port_quota_per_subnet": {"subnet_id", "subnet_name"},
    "kuryr_pod_creation_latency_bucket": {"le"},
    "kuryr_cni_request_duration_seconds_bucket": {"command", "error", "le"},
}
"""What Kuryr serves from Yoga on, with the labels, as its exporters define it."""
AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def written() -> str:
    """Metrics of a site with a fault and a change."""
    world = World(3)
    world.remove("port", "port-web-1")
    step = Step(action=Action.CREATE, target=Target("subnet", "a"), because="it is so")
    findings = check_diagnosis(Look(world.read()))
    plan = Plan(phase="daemon", steps=(step,))
    return diagnosis_metrics("lab", findings, AT) + plan_metrics("lab", [plan], AT)


def ours() -> dict[str, set[str]]:
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(written())
        for sample in family.samples
    }


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alerts_are_about_metrics_that_there_are_and_labels_that_these_have(alert: Any) -> None:
    known = ours() | OF_KURYR
    names = set(re.findall(r"kuryr_\w+", alert.expression))
    assert names <= known.keys()
    used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    kept = re.search(r"sum by \(([^)]*)\)", alert.expression)
    there = set(kept[1].split(", ")) if kept else set.intersection(*(known[it] for it in names))
    assert used <= there
    assert used or "$value" in alert.summary


def test_a_finding_is_named_by_its_alert() -> None:
    about = [alert for alert in ALERTS if "kuryr_runbook_finding{" in alert.expression]
    statuses = {re.findall(r'status="(\w+)"', alert.expression)[0] for alert in about}
    assert statuses == {"fail", "unknown", "warn"}
    assert all("$labels.title" in alert.summary for alert in about)


def test_every_metric_of_ours_that_says_something_is_wrong_has_an_alert() -> None:
    text = " ".join(alert.expression for alert in ALERTS)
    silent = {name for name in ours() if not re.search(rf"\b{name}\b", text)}
    # Numbers for a dashboard: what they count is in the others, too.
    assert silent == {"kuryr_runbook_findings", "kuryr_runbook_finding_victims"}


def test_the_operator_gets_the_same_rules() -> None:
    manifest = rules_manifest()
    assert (manifest["kind"], manifest["spec"]) == ("PrometheusRule", rules())


@pytest.mark.parametrize("release", RELEASES)
def test_kuryrs_own_metrics_are_scraped_where_it_serves_any(release: str) -> None:
    site = lab_site_with(kuryr={"release": release, "resource_tags": ["lab"]})
    ports = RELEASES[release].metrics_ports
    if ports is None:
        with pytest.raises(UsageError, match="serves no metrics of its own"):
            [*exporters(site)]
        return
    found = [*exporters(site)]
    assert [it["kind"] for it in found] == ["Service", "ServiceMonitor"] * 2
    for service, monitor, name, port in zip(
        found[::2], found[1::2], (CONTROLLER, DAEMON), (ports.controller, ports.daemon), strict=True
    ):
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["selector"] == {"name": name}
        assert [it["port"] for it in service["spec"]["ports"]] == [port]
        assert (
            monitor["spec"]["selector"]["matchLabels"].items()
            <= service["metadata"]["labels"].items()
        )
        [endpoint] = monitor["spec"]["endpoints"]
        assert endpoint["port"] == service["spec"]["ports"][0]["name"]


def test_the_dashboard_shows_metrics_that_there_are_and_no_panel_covers_another() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({it["title"] for it in panels})
    places: set[tuple[int, int]] = set()
    for panel in panels:
        [target] = panel["targets"]
        names = set(re.findall(r"kuryr_\w+", target["expr"]))
        known = ours() | OF_KURYR
        assert names
        assert names <= known.keys()
        used = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        kept = re.search(r"sum by \(([^)]*)\)", target["expr"])
        assert used <= (set(kept[1].split(", ")) if kept else known[names.pop()])
        at = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not covered & places
        assert max(x for x, _ in covered) < WIDTH
        places |= covered


needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is in Debian's package prometheus, 96 MB"
)


def promtool(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        ["promtool", *arguments],
        input=given,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@needs_promtool
def test_promtool_finds_nothing_wrong_with_rules_and_metrics(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules()))
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", str(file))
    assert promtool("check", "metrics", given=written()) == ""


@needs_promtool
def test_promtool_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = [
        {"record": f"panel:{panel['id']}", "expr": panel["targets"][0]["expr"]}
        for panel in dashboard()["panels"]
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", str(file))


@needs_promtool
def test_promtool_sees_the_fault_named(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    [line] = [it for it in written().splitlines() if it.startswith("kuryr_runbook_finding{")]
    series = line.rpartition(" ")[0]
    labels = dict(re.findall(r'(\w+)="([^"]*)"', series))
    fault = next(alert for alert in ALERTS if alert.name == "KuryrFault")
    summary = f"Site lab: {labels['title']}" + (
        f": {labels['subject']}" if labels["subject"] else ""
    )
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": "1 1 0"}],
                "alert_rule_test": [
                    {
                        "eval_time": "1m",
                        "alertname": fault.name,
                        "exp_alerts": [
                            {
                                "exp_labels": {**labels, "severity": fault.severity},
                                "exp_annotations": {
                                    "summary": summary,
                                    "description": fault.description,
                                },
                            }
                        ],
                    },
                    {"eval_time": "2m", "alertname": fault.name, "exp_alerts": []},
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(test))
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "test.yaml"))
