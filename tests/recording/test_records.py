"""Records: what they state, their signature, and their chain."""

from __future__ import annotations

import hashlib
import json
import secrets
import stat
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from runs.recorded import recorded, run_facts
from worlds.sites import lab_site

from kuryr_runbook.model.errors import RecordError, UsageError
from kuryr_runbook.model.findings import PLUGIN_DIGEST
from kuryr_runbook.model.secrets import REDACTED, KnownSecrets, Secret
from kuryr_runbook.model.site import RecordSection, Site
from kuryr_runbook.recording.chain import Head, head_path, read_head
from kuryr_runbook.recording.making import make_record
from kuryr_runbook.recording.records import read_record, recorded_in
from kuryr_runbook.recording.signing import (
    is_signed,
    key_path,
    load_public_keys,
    load_signer,
    public_path,
)
from kuryr_runbook.recording.statement import phase_facts


def site_with(**record: Path) -> Site:
    return lab_site().model_copy(update={"record": RecordSection(**record)})


OTHER = {"name": "other", "digest": {"sha256": "1" * 64}, "parameters": {}}


def test_it_is_an_in_toto_statement_in_a_dsse_envelope(tmp_path: Path) -> None:
    record = recorded(tmp_path, "r01")
    envelope = json.loads((tmp_path / "r01" / "record.json").read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [sorted(signature) for signature in envelope["signatures"]] == [["keyid", "sig"]]
    statement = json.loads(b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:kuryr-runbook:record:1"
    assert {item["name"]: item["digest"]["sha256"] for item in statement["subject"]} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "r01").iterdir()
        if path.name != "record.json"
    }
    assert statement["predicate"]["by"] == {"user": "operator", "host": "there"}
    assert record.predicate == statement["predicate"]


def test_records_are_chained_by_their_digests_also_from_other_places(tmp_path: Path) -> None:
    first = recorded(tmp_path, "r01")
    second = recorded(tmp_path / "elsewhere", "r02")
    third = recorded(tmp_path, "r03")
    assert [record.number for record in (first, second, third)] == [1, 2, 3]
    assert first.previous is None
    assert second.previous == first.link
    assert third.link
    assert third.previous
    assert third.previous == second.link
    assert (
        third.previous.sha256
        == hashlib.sha256((tmp_path / "elsewhere" / "r02" / "record.json").read_bytes()).hexdigest()
    )
    assert read_head("lab") == Head(third.link, third.directory)


def test_each_site_has_a_chain_of_its_own(tmp_path: Path) -> None:
    recorded(tmp_path, "r01")
    assert recorded(tmp_path, "r02", site=OTHER).previous is None
    assert recorded(tmp_path, "r03").number == 2


def test_a_machine_without_history_goes_on_after_what_its_key_signed_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recorded(tmp_path, "r01")
    own = key_path(None).read_bytes()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine's"))
    assert recorded(tmp_path, "r02").previous is None
    key_path(None).write_bytes(own)
    head_path("lab").unlink()
    assert recorded(tmp_path, "r03").previous == first.link


def test_the_own_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    site = site_with()
    signer = load_signer(site)
    path = key_path(site)
    assert path.is_relative_to(tmp_path / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_signer(site).public_key == signer.public_key
    assert sorted(item.name for item in path.parent.iterdir()) == [
        "signing-key.pem",
        "signing-key.pub",
    ]


@pytest.mark.parametrize("algorithm", ["ed25519", "ec", "rsa"])
def test_a_key_of_openssl_signs_and_verifies(algorithm: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    options = {"ec": ("-pkeyopt", "ec_paramgen_curve:P-256")}.get(algorithm, ())
    command = ("openssl", "genpkey", "-algorithm", algorithm, *options, "-out", str(key))
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    directory = tmp_path / "runs" / "r01"
    directory.mkdir(parents=True)
    signer = load_signer(site_with(signing_key=key))
    record = make_record(directory, run_facts(directory), signer, KnownSecrets())
    assert is_signed(record.envelope, load_public_keys([public_path(key)]))
    load_signer(site_with())
    own = load_public_keys([public_path(key_path(site_with()))])
    assert not is_signed(record.envelope, own)


@pytest.mark.parametrize("content", [None, b"no key"])
def test_a_key_that_cannot_be_used_is_refused(content: bytes | None, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(UsageError, match=r"record\.signing_key: .*key\.pem cannot be used"):
        load_signer(site_with(signing_key=key))
    with pytest.raises(UsageError, match="public key"):
        load_public_keys([key])


def test_files_with_a_secret_are_not_recorded(tmp_path: Path) -> None:
    value = secrets.token_hex(8)
    (tmp_path / "r01").mkdir()
    (tmp_path / "r01" / "a.html").write_text(f"<b>{value}</b>")
    known = KnownSecrets([Secret(value, "the password")])
    with pytest.raises(RecordError, match=r"a\.html, line 1: the password"):
        make_record(tmp_path / "r01", run_facts(tmp_path / "r01"), load_signer(lab_site()), known)
    assert not (tmp_path / "r01" / "record.json").exists()
    assert read_head("lab") is None


def test_a_link_in_the_directory_is_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "r01").mkdir()
    (tmp_path / "r01" / "a.html").symlink_to(tmp_path / "elsewhere")
    signer = load_signer(lab_site())
    with pytest.raises(RecordError, match="not a plain file"):
        make_record(tmp_path / "r01", run_facts(tmp_path / "r01"), signer, KnownSecrets())
    assert not (tmp_path / "r01" / "record.json").exists()


def test_only_what_lies_beside_is_looked_at(tmp_path: Path) -> None:
    recorded(tmp_path / "deep" / "below", "r01", site=OTHER)
    first = recorded(tmp_path, "r02")
    assert recorded_in(first.directory.parent) == ["r02"]


def test_no_secret_gets_into_the_record_itself(tmp_path: Path) -> None:
    value = secrets.token_hex(8)
    (tmp_path / "r01").mkdir()
    facts = run_facts(tmp_path / "r01", by={"user": value, "host": "there"})
    known = KnownSecrets([Secret(value, "the password")])
    record = make_record(tmp_path / "r01", facts, load_signer(lab_site()), known)
    assert record.predicate["by"]["user"] == REDACTED


@pytest.mark.parametrize(
    "content", ["", "{}", '{"payload": "e30=", "payloadType": "x", "signatures": []}']
)
def test_what_is_no_record_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(RecordError, match=r"record\.json"):
        read_record(tmp_path)


def test_findings_of_disturbances_stand_beside_those_of_the_checks() -> None:
    check, trial = {"evidence": "12 of 12"}, {"evidence": "well again"}
    assert phase_facts([{"findings": [check]}, {"resilience": [trial]}]) == {
        "findings": [check, trial]
    }


def test_a_phase_has_what_its_cells_displayed_last() -> None:
    reported = {"evidence": "10-kuryr.conf", "facts": {PLUGIN_DIGEST: "a" * 64}}
    facts = phase_facts(
        [
            {"plan": {"steps": [1]}},
            {"outcomes": []},
            {"plan": {"steps": []}},
            {"findings": [reported, reported, {"evidence": "200", "facts": {}}]},
        ]
    )
    assert facts["plan"] == {"steps": []}
    assert facts["plugins"] == {"sha256": ["a" * 64]}
