"""Where Kubernetes comes from, and what is refused."""

import fcntl
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kuryr_runbook.lab.kubernetes import binaries, official, source_build
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

CLOSED_PORT = "http://127.0.0.1:1"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def silent(_: str) -> None:
    pass


def write_assets(directory: Path, version: str, names: tuple[str, ...]) -> None:
    for name in names:
        file = directory / name
        file.write_text(f"#!/bin/sh\necho Kubernetes {version}\n")
        file.chmod(0o755)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL of a mirror on loopback, and the archive that it offers."""
    root = tmp_path / "mirror"
    archive = root / "v1.20.2" / official.ARCHIVE
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name in (*binaries.COMPONENTS, "kube-proxy"):
            member = tarfile.TarInfo(f"kubernetes/server/bin/{name}")
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", archive
    server.shutdown()
    thread.join()
    server.server_close()


def test_assets_of_the_series_are_accepted(tmp_path: Path) -> None:
    write_assets(tmp_path, "v1.20.15", binaries.COMPONENTS)
    binaries.check_assets(tmp_path)


def test_all_problems_with_assets_are_reported_at_once(tmp_path: Path) -> None:
    write_assets(tmp_path, "v1.20.2", ("kube-apiserver",))
    write_assets(tmp_path, "v1.21.0", ("kubelet",))
    (tmp_path / "kube-scheduler").write_text("not executable")
    with pytest.raises(LabError) as caught:
        binaries.check_assets(tmp_path)
    message = str(caught.value)
    assert "kube-scheduler: not there, or not executable" in message
    assert "kube-controller-manager: not there" in message
    assert "kubelet: expected Kubernetes v1.20.x, saw 'Kubernetes v1.21.0'" in message
    assert "kube-apiserver:" not in message


def test_an_archive_with_another_digest_is_refused_and_removed(
    tmp_path: Path, mirror: tuple[str, Path]
) -> None:
    home = tmp_path / "home"
    with pytest.raises(LabError, match="is not the archive that Kubernetes published"):
        official.fetch(binaries.COMPONENTS, home, silent, {official.URL_VARIABLE: mirror[0]})
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_the_components_are_taken_from_the_published_archive(
    tmp_path: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, archive = mirror
    monkeypatch.setattr(official, "SHA512", hashlib.sha512(archive.read_bytes()).hexdigest())
    home = official.fetch(
        binaries.COMPONENTS, tmp_path / "home", silent, {official.URL_VARIABLE: url}
    )
    assert {path.name for path in home.iterdir()} == set(binaries.COMPONENTS)
    assert (home / "kubelet").read_text() == "kubelet"
    assert (home / "kubelet").stat().st_mode & 0o111
    assert {path.name for path in tmp_path.iterdir()} == {"mirror", "home"}


def test_an_archive_that_lacks_a_component_names_it(
    tmp_path: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, archive = mirror
    monkeypatch.setattr(official, "SHA512", hashlib.sha512(archive.read_bytes()).hexdigest())
    with pytest.raises(LabError, match="does not contain kube-nothing"):
        official.fetch(("kube-nothing",), tmp_path / "h", silent, {official.URL_VARIABLE: url})


def test_a_release_that_does_not_answer_is_no_failure(tmp_path: Path) -> None:
    environment = {official.URL_VARIABLE: CLOSED_PORT}
    with pytest.raises(official.NotAvailable, match="ConnectionError"):
        official.fetch(binaries.COMPONENTS, tmp_path / "home", silent, environment)
    assert list(tmp_path.iterdir()) == []


def test_debians_renamed_version_is_the_one_that_the_lab_runs() -> None:
    source_build.check_version("kubernetes (1.20.5+really1.20.2-1.1+deb12u1) bookworm; urgency=low")


@pytest.mark.parametrize("version", ["1.32.3-1", "1.20.20-1", "11.20.2-1"])
def test_another_version_in_debian_is_refused(version: str) -> None:
    with pytest.raises(LabError, match=r"is not 1\.20\.2"):
        source_build.check_version(f"kubernetes ({version}) trixie; urgency=medium")


def test_the_version_is_stamped_where_servers_and_clients_look() -> None:
    flags = source_build.linker_flags()
    for package in ("component-base/version", "client-go/pkg/version"):
        assert f"vendor/k8s.io/{package}.gitVersion=v1.20.2 " in flags


def test_packages_with_the_tag_are_found_by_their_gopath_names(tmp_path: Path) -> None:
    tagged = "// +k8s:openapi-gen=true\npackage x\n"
    for path, text in {
        "pkg/apis/one/doc.go": tagged,
        "pkg/apis/two/doc.go": "package two\n",
        "staging/src/k8s.io/api/core/v1/doc.go": tagged,
        "staging/src/k8s.io/api/core/v1/types.go": tagged,
        "staging/src/k8s.io/sample-apiserver/pkg/doc.go": tagged,
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert source_build.openapi_packages(tmp_path) == (
        "k8s.io/kubernetes/pkg/apis/one",
        "k8s.io/kubernetes/vendor/k8s.io/api/core/v1",
    )


def test_the_wait_for_sandboxes_is_taken_out_once(tmp_path: Path) -> None:
    file = tmp_path / "kubelet_pods.go"
    file.write_text("\tif len(runtimeStatus.SandboxStatuses) > 0 {\n\t\treturn false\n\t}\n")
    source_build.quicken_pod_deletion(file)
    assert "if false && len(runtimeStatus.SandboxStatuses) > 0 {" in file.read_text()
    with pytest.raises(LabError, match="saw it 0 times"):
        source_build.quicken_pod_deletion(file)


def test_a_second_builder_waits_and_says_so_on_expiry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "LOCK_SECONDS", 0.0)
    settings = LabSettings(state=tmp_path / "state", cache=tmp_path)
    home = tmp_path / "kubernetes-1.20.2-node"
    home.mkdir()
    with (home / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LabError, match="another process has held"):
            binaries.ensure(settings, silent, {})


def test_what_a_build_left_that_was_cut_off_is_swept(tmp_path: Path) -> None:
    home = tmp_path / "kubernetes-1.20.2-debian"
    home.mkdir()
    (tmp_path / "kubernetes-1.20.2-debian.building" / "gocache").mkdir(parents=True)
    source_build.sweep(home)
    source_build.sweep(home)
    assert list(tmp_path.iterdir()) == [home]
