"""Records that a time-stamping service has signed: what is made anew, or cut off, shows there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from runs.recorded import recorded
from worlds.sites import LAB, lab_site
from worlds.timestamping import Service, make_service, served_timestamps

from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import RecordError, UsageError
from kuryr_runbook.model.site import RecordSection, Site
from kuryr_runbook.recording.chain import head_path
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.witness import refuse_unusable_witness, stamp


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served_timestamps(tmp_path_factory.mktemp("tsa") / "service") as service:
        yield service


@pytest.fixture
def site(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    service.broken = False
    section = RecordSection(timestamp_url=service.url, timestamp_ca=service.ca)
    return lab_site().model_copy(update={"record": section})


def a_run(site: Site, name: str) -> Record:
    named = {
        "name": "lab",
        "digest": {"sha256": "0" * 64},
        "parameters": site.model_dump(mode="json"),
    }
    return recorded(Path("runs/lab"), name, site=named, timestamp=site.record.timestamp_url)


def verified(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["records", "verify", *map(str, arguments)])


def reported(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_a_stamped_record_holds(site: Site, service: Service) -> None:
    issued = len(service.issued)
    for name in ("r01", "r02"):
        stamp(a_run(site, name), site)
    assert (verified().exit_code, verified().output) == (0, "2 records are valid\n")
    assert len(service.issued) == issued + 2


def missing(stamps: list[Path], service: Service) -> None:
    stamps[1].unlink()


def swapped(stamps: list[Path], service: Service) -> None:
    first = stamps[0].read_bytes()
    stamps[0].write_bytes(stamps[1].read_bytes())
    stamps[1].write_bytes(first)


def spoilt(stamps: list[Path], service: Service) -> None:
    document = json.loads(stamps[1].read_text())
    document["answer"] = f"AAAA{document['answer'][4:]}"
    stamps[1].write_text(f"{json.dumps(document, indent=2)}\n")


def annotated(stamps: list[Path], service: Service) -> None:
    document = json.loads(stamps[1].read_text()) | {"note": "evil"}
    stamps[1].write_text(f"{json.dumps(document, indent=2)}\n")


def empty(stamps: list[Path], service: Service) -> None:
    stamps[1].write_text("")


def linked(stamps: list[Path], service: Service) -> None:
    stamps[1].rename("kept")
    stamps[1].symlink_to(Path("kept").absolute())


@pytest.mark.parametrize(
    "tamper", [missing, swapped, spoilt, annotated, empty, linked], ids=lambda it: it.__name__
)
def test_what_is_done_to_a_stamp_is_noticed(tamper: object, site: Site, service: Service) -> None:
    records = [a_run(site, name) for name in ("r01", "r02")]
    for record in records:
        stamp(record, site)
    assert callable(tamper)
    tamper([record.directory / "timestamp.json" for record in records], service)
    result = verified()
    assert result.exit_code == 4
    assert "timestamp.json" in reported(result)


def test_a_record_made_anew_with_the_key_itself_does_not_get_the_old_time(site: Site) -> None:
    old = a_run(site, "r01")
    stamp(old, site)
    kept = (old.directory / "timestamp.json").read_bytes()
    shutil.rmtree("runs")
    head_path("lab").unlink()
    other = {"user": "somebody", "host": "else"}
    same = {"site": old.predicate["site"], "timestamp": site.record.timestamp_url}
    anew = recorded(Path("runs/lab"), "r01", by=other, **same)
    (anew.directory / "timestamp.json").write_bytes(kept)
    result = verified()
    assert result.exit_code == 4
    assert "time stamp is invalid" in reported(result)


def test_a_stamp_of_another_authority_is_reported(site: Site, tmp_path: Path) -> None:
    stamp(a_run(site, "r01"), site)
    other = make_service(tmp_path / "other", "another CA")
    result = verified("--timestamp-ca", other.ca)
    assert result.exit_code == 4
    assert "time stamp is invalid" in reported(result)
    assert verified("--timestamp-ca", site.record.timestamp_ca or "").exit_code == 0


def test_what_cannot_be_verified_is_no_success(site: Site) -> None:
    section = site.record.model_copy(update={"timestamp_ca": None})
    without = site.model_copy(update={"record": section})
    stamp(a_run(without, "r01"), without)
    result = verified()
    assert result.exit_code == 5
    assert "--timestamp-ca" in reported(result)


def test_a_stamp_that_no_record_speaks_of_was_added(site: Site) -> None:
    directory = recorded(Path("runs/lab"), "r01").directory
    (directory / "timestamp.json").write_text("{}")
    assert "timestamp.json: was added" in reported(verified())


def test_what_the_run_could_not_have_stamped_is_made_up_for(
    site: Site, service: Service, tmp_path: Path
) -> None:
    record = a_run(site, "r01")
    service.broken = True
    with pytest.raises(RecordError, match="r01 has no time stamp") as caught:
        stamp(record, site)
    assert "records timestamp" in str(caught.value)
    assert "timestamp.json: is missing" in reported(verified())
    service.broken = False
    values = yaml.safe_load(LAB.read_text())
    values["record"] = {"timestamp_url": service.url, "timestamp_ca": str(service.ca)}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(values))
    made = CliRunner().invoke(main, ["records", "timestamp", "--site", str(tmp_path / "site.yaml")])
    assert made.output == "time-stamped: r01\n"
    assert verified().exit_code == 0


def test_what_is_cut_off_with_its_note_only_the_service_knows(site: Site, service: Service) -> None:
    before = len(service.issued)
    first = a_run(site, "r01")
    stamp(first, site)
    pages = (Path("runs/lab/index.html"), Path("runs/index.html"))
    kept = {path: path.read_bytes() for path in (head_path("lab"), *pages)}
    stamp(a_run(site, "r02"), site)
    shutil.rmtree("runs/lab/r02")
    for path, content in kept.items():
        path.write_bytes(content)
    assert verified().output == "1 record is valid\n"
    assert len(service.issued) - before == 2


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_used_is_refused_at_once(
    content: str | None, site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    section = site.record.model_copy(update={"timestamp_ca": path})
    with pytest.raises(UsageError, match=r"record\.timestamp_ca"):
        refuse_unusable_witness(site.model_copy(update={"record": section}))
