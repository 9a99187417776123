"""Labels, taints and tolerations, and how much the programs may use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.sites import lab_sections, lab_site, lab_site_with

from kuryr_runbook.model.placement import (
    EVERY_TAINT,
    is_of_master,
    is_tolerated,
    resources,
    selector,
    toleration,
)
from kuryr_runbook.model.site_file import site_problems

KEYS = st.sampled_from(("dedicated", "example.org/dedicated", "node-role.kubernetes.io/infra"))
VALUES = st.sampled_from(("", "a", "b.c", "infra"))
EFFECTS = st.sampled_from(("NoSchedule", "NoExecute", "PreferNoSchedule"))


@pytest.mark.parametrize(
    ("taint", "tolerated", "well"),
    [
        ("dedicated=db:NoSchedule", "dedicated=db:NoSchedule", True),
        ("dedicated=db:NoSchedule", "dedicated=db", True),
        ("dedicated=db:NoSchedule", "dedicated:NoSchedule", True),
        ("dedicated=db:NoSchedule", "dedicated", True),
        ("dedicated=db:NoSchedule", EVERY_TAINT, True),
        ("dedicated=db:NoSchedule", "dedicated=web:NoSchedule", False),
        ("dedicated=db:NoSchedule", "dedicated=db:NoExecute", False),
        ("dedicated=db:NoSchedule", "dedicate", False),
        ("dedicated:NoExecute", "dedicated=db", False),
        ("dedicated:PreferNoSchedule", "other", True),
    ],
)
def test_a_toleration_covers_what_it_leaves_open(taint: str, tolerated: str, *, well: bool) -> None:
    assert is_tolerated(taint, (tolerated,)) is well
    assert is_tolerated(taint, ("other:NoSchedule", tolerated)) is well


@given(KEYS, VALUES, EFFECTS, KEYS, VALUES, EFFECTS)
def test_it_is_judged_as_the_api_would_judge_what_it_gets(
    key: str, value: str, effect: str, wanted: str, wanted_value: str, wanted_effect: str
) -> None:
    text = f"{wanted}{'=' if wanted_value else ''}{wanted_value}:{wanted_effect}"
    sent = toleration(text)
    matches = (
        sent["key"] == key
        and sent["effect"] == effect
        and (sent["operator"] == "Exists" or sent["value"] == value)
    )
    taint = f"{key}{'=' if value else ''}{value}:{effect}"
    assert is_tolerated(taint, (text,)) is (matches or effect == "PreferNoSchedule")


@pytest.mark.parametrize(
    ("taint", "master"),
    [
        ("node-role.kubernetes.io/master:NoSchedule", True),
        ("node-role.kubernetes.io/control-plane=true:NoExecute", True),
        ("node-role.kubernetes.io/master:PreferNoSchedule", False),
        ("node-role.kubernetes.io/infra:NoSchedule", False),
    ],
)
def test_masters_are_recognized_by_their_taints(taint: str, *, master: bool) -> None:
    assert is_of_master(taint) is master


def test_by_default_there_is_no_limit_of_cpu() -> None:
    assert resources(lab_site().kuryr.daemon) == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "1Gi"},
    }
    limited = lab_site_with(kuryr={"daemon": {"cpu_limit": "1"}})
    assert resources(limited.kuryr.daemon)["limits"] == {"cpu": "1", "memory": "1Gi"}


def test_a_label_may_have_an_empty_value() -> None:
    labels = ("node-role.kubernetes.io/infra=", "zone=a")
    assert selector(labels) == {"node-role.kubernetes.io/infra": "", "zone": "a"}


@pytest.mark.parametrize(
    ("program", "values", "place", "words"),
    [
        ("controller", {"node_selector": ["infra"]}, "node_selector.0", "a label of nodes"),
        ("controller", {"node_selector": ["a=b", "a=c"]}, "node_selector", "names a twice"),
        ("controller", {"node_selector": ["a=b=c"]}, "node_selector.0", "a label of nodes"),
        ("controller", {"tolerations": ["a:Never"]}, "tolerations.0", "a taint such as"),
        ("controller", {"tolerations": ["*"]}, "tolerations.0", "a taint such as"),
        ("controller", {"tolerations": [""]}, "tolerations.0", "a taint such as"),
        ("controller", {"cpu_request": 1}, "cpu_request", "put it in quotes"),
        ("controller", {"cpu_request": "0.5"}, "cpu_request", "an amount of CPU"),
        ("controller", {"no_proxy": [".test"]}, "no_proxy", "only for http_proxy or https_proxy"),
        ("controller", {"http_proxy": "http://u:p@proxy:3128"}, "http_proxy", "a URL such as"),
        ("controller", {"http_proxy": "proxy:3128"}, "http_proxy", "a URL such as"),
        ("controller", {"https_proxy": "http://proxy:3128", "no_proxy": ["a,b"]}, "no_proxy.0",
         "a host, the end of its name"),
        ("controller", {"https_proxy": "http://proxy:3128", "no_proxy": [".a.test"]}, "", ""),
        ("daemon", {"cpu_request": "1", "cpu_limit": "500m"}, "cpu_request", "more than cpu_limit"),
        ("daemon", {"cpu_request": "1", "cpu_limit": "1000m"}, "", ""),
        ("daemon", {"memory_request": "2Gi"}, "memory_request", "more than memory_limit, 1Gi"),
        ("daemon", {"memory_request": "1024Mi"}, "", ""),
        ("daemon", {"memory_limit": "1G"}, "memory_limit", "an amount of memory"),
        ("daemon", {"memory_limit": "0Mi"}, "memory_limit", "an amount of memory"),
        ("daemon", {"priority_class": "High_One"}, "priority_class", "the name of a priority"),
        ("daemon", {"tolerations": ["a"]}, "tolerations", "unknown key"),
    ],
)  # fmt: skip
def test_what_kubernetes_would_refuse_is_refused_before(
    program: str, values: dict[str, object], place: str, words: str
) -> None:
    found = site_problems(lab_sections(kuryr={program: values}))
    if not place:
        assert found == []
        return
    [(path, problem)] = found
    assert path == f"kuryr.{program}.{place}"
    assert words in problem
