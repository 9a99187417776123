"""The lab's certificate authority: what it issues is accepted by a strict TLS peer, and stays."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from kuryr_runbook.lab import pki
from kuryr_runbook.model.errors import LabError


def certificate(issued: pki.Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.cert.read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_ca_is_made_once_and_loaded_after(tmp_path: Path) -> None:
    first = pki.ensure_ca(tmp_path / "pki")
    again = pki.ensure_ca(tmp_path / "pki")
    assert again.certificate == first.certificate
    assert mode(tmp_path / "pki" / "ca.key") == 0o600
    assert [p.name for p in sorted((tmp_path / "pki").iterdir())] == ["ca.key", "ca.pem"]


def test_issued_again_only_when_it_says_something_else(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path)
    first = certificate(ca.issue("api", common_name="api", addresses=["192.0.2.2"]))
    same = certificate(ca.issue("api", common_name="api", addresses=["192.0.2.2"]))
    other_names = certificate(ca.issue("api", common_name="api", dns_names=["api.test"]))
    other_subject = certificate(ca.issue("api", common_name="b", dns_names=["api.test"]))
    assert same == first
    assert len({first, other_names, other_subject}) == 3
    assert other_subject.serial_number != other_names.serial_number
    assert mode(tmp_path / "api.key") == 0o600


def test_order_of_names_does_not_matter(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path)
    first = ca.issue("x", common_name="x", dns_names=["b", "a"], addresses=["10.0.0.10", "9.0.0.1"])
    before = certificate(first)
    ca.issue("x", common_name="x", dns_names=["a", "b"], addresses=["9.0.0.1", "10.0.0.10"])
    assert certificate(first) == before


@pytest.mark.parametrize("damage", ["key lost", "key of another", "signed by another CA"])
def test_issued_again_when_what_is_there_does_not_serve(tmp_path: Path, damage: str) -> None:
    ca = pki.ensure_ca(tmp_path / "one")
    issued = ca.issue("api", common_name="api")
    before = certificate(issued)
    other = pki.ensure_ca(tmp_path / "two").issue("api", common_name="api")
    match damage:
        case "key lost":
            issued.key.unlink()
        case "key of another":
            issued.key.write_bytes(other.key.read_bytes())
        case _:
            issued.key.write_bytes(other.key.read_bytes())
            issued.cert.write_bytes(other.cert.read_bytes())
    after = certificate(ca.issue("api", common_name="api"))
    after.verify_directly_issued_by(ca.certificate)
    assert after != before


def test_issued_again_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = pki.ensure_ca(tmp_path)
    monkeypatch.setattr(pki, "LEAF_LIFETIME", pki.RENEW_BEFORE - timedelta(days=1))
    short = certificate(ca.issue("api", common_name="api"))
    monkeypatch.undo()
    renewed = certificate(ca.issue("api", common_name="api"))
    assert renewed.not_valid_after_utc - datetime.now(UTC) > pki.RENEW_BEFORE
    assert renewed != short


def test_organization_is_the_kubernetes_group(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path)
    subject = certificate(
        ca.issue("k", common_name="system:node:worker1", organization="system:nodes")
    ).subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:worker1"


def test_strict_peers_accept_each_other_and_refuse_another_ca(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path / "one")
    server = ca.issue("server", common_name="server", addresses=["127.0.0.1"])
    client = ca.issue("client", common_name="client", organization="system:masters")
    assert handshake(ca.cert, server, client) == "client"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pki.ensure_ca(tmp_path / "two").cert, server, client)


def handshake(trusted: Path, server: pki.Issued, client: pki.Issued) -> str:
    """Common name of the client, as the server verified it."""
    seen: list[str] = []
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(server.cert, server.key)
    offered.load_verify_locations(trusted)
    offered.verify_mode = ssl.CERT_REQUIRED
    asked = ssl.create_default_context(cafile=str(trusted))
    asked.verify_flags |= ssl.VERIFY_X509_STRICT
    asked.load_cert_chain(client.cert, client.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                with offered.wrap_socket(connection, server_side=True) as stream:
                    peer = stream.getpeercert() or {}
                    subject = dict(pair for rdn in peer["subject"] for pair in rdn)  # type: ignore[misc]
                    seen.append(subject["commonName"])
                    stream.sendall(b"x")
            except ssl.SSLError:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=10) as plain,
                asked.wrap_socket(plain, server_hostname="127.0.0.1") as stream,
            ):
                stream.recv(1)
        finally:
            thread.join(10)
    return seen[0]


def test_octavia_reads_the_key_only_with_its_passphrase(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path)
    encrypted = ca.encrypted_key("open sesame")
    key = serialization.load_pem_private_key(encrypted, password=b"open sesame")
    assert key.public_key() == ca.certificate.public_key()
    with pytest.raises(TypeError):
        serialization.load_pem_private_key(encrypted, password=None)


def test_service_account_pair_matches_and_stays(tmp_path: Path) -> None:
    private, public = pki.ensure_rsa_pair(tmp_path / "pki", "sa")
    before = private.read_bytes()
    key = serialization.load_pem_private_key(before, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert serialization.load_pem_public_key(public.read_bytes()) == key.public_key()
    assert mode(private) == 0o600
    pki.ensure_rsa_pair(tmp_path / "pki", "sa")
    assert private.read_bytes() == before


def test_a_broken_ca_is_refused_with_the_way_out(tmp_path: Path) -> None:
    pki.ensure_ca(tmp_path)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(LabError, match=r"ca\.key") as refused:
        pki.ensure_ca(tmp_path)
    assert refused.value.remedy
