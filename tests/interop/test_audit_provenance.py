"""PEP 740 attestations held against the real `pypi-attestations` program; tests marked `needs_program` run it.

No published attestation is kept here: name a folder with archives and their provenance in SECPIPE_PEP740 to see real
ones accepted. What must be refused is made on the spot, with a certificate of our own that no Fulcio ever issued.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from secpipe.core.evidence import Evidence, State
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory
from secpipe.scan.vulnerabilities.attested import PROVENANCES, Invalid, read
from secpipe.scan.vulnerabilities.provenance import RULE, with_provenance
from secpipe.system import process
from tests import skips

REPOSITORY = "https://github.com/acme/tiny"
IDENTITY = f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.0"
WHEEL = "tiny-1.0-py3-none-any.whl"
SAMPLES = os.environ.get("SECPIPE_PEP740", "")
_B64 = base64.b64encode(bytes(32)).decode()
#: A transparency log entry of the right shape (Rekor v1, as JSON) that stands in no log.
ENTRY = {
    "logIndex": "1",
    "logId": {"keyId": _B64},
    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
    "integratedTime": "1767225600",
    "inclusionPromise": {"signedEntryTimestamp": _B64},
    "inclusionProof": {
        "logIndex": "1",
        "rootHash": _B64,
        "treeSize": "2",
        "hashes": [_B64],
        "checkpoint": {"envelope": f"log.example\n2\n{_B64}\n\n\u2014 log.example {_B64}\n"},
    },
    "canonicalizedBody": base64.b64encode(
        json.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "payloadHash": {"algorithm": "sha256", "value": "0" * 64},
                    "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
                    "signatures": [{"signature": _B64, "verifier": _B64}],
                },
            }
        ).encode()
    ).decode(),
}
BEFORE = Evidence("audit", State.OK, producer="secpipe")

pytestmark = pytest.mark.interop
needs_program = skips.unless_installed(
    process.find_program("pypi-attestations", outside="/nonexistent"), "pypi-attestations is not installed (make tools)"
)


def library(name: str, version: str, hashes: str = "") -> Inventory:
    facts = {"hashes": Fact(hashes, Grade.DECLARED)} if hashes else {}
    return Inventory(
        (Component(f"pkg:pypi/{name}@{version}", ComponentKind.LIBRARY, name, version, ecosystem="PyPI", facts=facts),)
    )


def certificate(*uris: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=1))
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=True)
    made = builder.sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def attestation(content: bytes, *uris: str) -> dict[str, Any]:
    """An attestation of the right shape for `content`, signed by nobody that anyone trusts."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": WHEEL, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": None,
    }
    return {
        "version": 1,
        "verification_material": {"certificate": certificate(*(uris or (IDENTITY,))), "transparency_entries": [ENTRY]},
        "envelope": {
            "statement": base64.b64encode(json.dumps(statement).encode()).decode(),
            "signature": base64.b64encode(b"not a signature").decode(),
        },
    }


def provenance(*attestations: dict[str, Any], **publisher: Any) -> dict[str, Any]:
    said = {"kind": "GitHub", "repository": "acme/tiny", "workflow": "release.yml", **publisher}
    return {"version": 1, "attestation_bundles": [{"publisher": said, "attestations": list(attestations)}]}


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Evidence]:
    """Put a wheel and attesting files into a folder, and return what comes of it."""

    def run(
        material: dict[str, Any], content: bytes = b"wheel", hashes: str = "", publisher: str = REPOSITORY
    ) -> Evidence:
        folder = tmp_path / "wheels"
        folder.mkdir(exist_ok=True)
        (folder / WHEEL).write_bytes(content)
        for ending, document in material.items():
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            (folder / f"{WHEEL}{ending}").write_bytes(data)
        named = {"tiny": publisher} if publisher else {}
        return with_provenance(BEFORE, library("tiny", "1.0", hashes), folder, named, tree=tmp_path / "tree")

    return run


def refused(evidence: Evidence) -> str:
    assert [finding.rule for finding in evidence.findings] == [RULE], evidence
    assert evidence.facts["provenance"]["verified"] == []
    return evidence.findings[0].message


@needs_program
def test_an_attestation_that_nobody_trusted_signed_is_refused_by_the_program(judge: Callable[..., Evidence]) -> None:
    made = attestation(b"wheel")
    assert "Verification failed" in refused(judge({".provenance": provenance(made)}))


@needs_program
def test_a_bare_attestation_is_verified_against_the_identity_in_its_certificate(
    judge: Callable[..., Evidence],
) -> None:
    assert "Verification failed" in refused(judge({".publish.attestation": attestation(b"wheel")}))


@needs_program
def test_a_log_entry_that_makes_the_program_crash_proves_nothing(judge: Callable[..., Evidence]) -> None:
    made = attestation(b"wheel")
    made["verification_material"]["transparency_entries"] = [{}]
    evidence = judge({".provenance": provenance(made)})
    assert evidence.findings or evidence.skips
    assert evidence.facts["provenance"]["verified"] == []


@needs_program
@pytest.mark.parametrize(
    "document",
    [
        {"version": 9, **{key: value for key, value in provenance({"x": 1}).items() if key != "version"}},
        provenance({"x": 1}),
        provenance(attestation(b"wheel") | {"envelope": "none"}),
    ],
)
def test_shapes_that_the_program_does_not_know_are_refused(judge: Callable[..., Evidence], document: Any) -> None:
    assert "Invalid provenance" in refused(judge({".provenance": document}))


@needs_program
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"garbage", "not JSON"),
        (b"", "not JSON"),
        (b'{"version":1,"version":1}', "twice"),
        (b"[]", "shape of PEP 740"),
        (b'{"version":1,"attestation_bundles":[]}', "no attestation"),  # the program itself says OK to these two
        (json.dumps(provenance()).encode(), "no attestation"),
        (json.dumps(provenance({"x": 1}, repository="../../evil")).encode(), "no repository|publisher"),
    ],
)
def test_garbage_and_empty_provenance_are_refused(judge: Callable[..., Evidence], data: bytes, why: str) -> None:
    assert re.search(why, refused(judge({".provenance": data})))


@needs_program
def test_another_publisher_than_the_one_named_is_refused(judge: Callable[..., Evidence]) -> None:
    evidence = judge({".provenance": provenance(attestation(b"wheel"))}, publisher="https://github.com/acme/tin")
    assert "as publisher" in refused(evidence)


def test_without_the_program_nothing_is_known(judge: Callable[..., Evidence], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_program", lambda name, outside: None)
    evidence = judge({".provenance": provenance(attestation(b"wheel"))})
    assert not evidence.findings
    assert "pip install pypi-attestations" in evidence.skips[0].reason


@pytest.mark.parametrize("script", ["exit 0", "exit 1", "echo 'Traceback: Verification failed' >&2; exit 1", "kill $$"])
def test_a_program_that_says_nothing_proves_nothing(
    judge: Callable[..., Evidence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    program = tmp_path / "bin" / "pypi-attestations"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(process, "find_program", lambda name, outside: str(program))
    evidence = judge({".provenance": provenance(attestation(b"wheel"))})
    assert not evidence.findings
    assert evidence.facts["provenance"]["verified"] == []
    assert "ended with exit code" in evidence.skips[0].reason


def test_a_program_that_came_with_the_material_is_not_started(
    judge: Callable[..., Evidence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "wheels" / "pypi-attestations"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\necho 'OK: all' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(program.parent))
    monkeypatch.setattr("sys.executable", str(program))
    evidence = judge({".provenance": provenance(attestation(b"wheel"))})
    assert not (tmp_path / "started").exists()
    assert "not installed" in evidence.skips[0].reason


def test_material_without_its_archive_and_a_folder_about_nothing_are_listed(tmp_path: Path) -> None:
    (tmp_path / f"{WHEEL}.provenance").write_text("{}")
    evidence = with_provenance(BEFORE, library("tiny", "1.0"), tmp_path, {}, tree=tmp_path / "tree")
    reasons = " ".join(skip.reason for skip in evidence.skips)
    assert "not beside it" in reasons
    assert "nothing in the folder" in reasons
    missing = with_provenance(BEFORE, library("tiny", "1.0"), tmp_path / "none", {}, tree=tmp_path)
    assert missing.skips[0].reason.startswith("no provenance")


@pytest.mark.parametrize("uris", [(), (IDENTITY, IDENTITY + "x")])
def test_a_certificate_names_exactly_one_workflow(uris: tuple[str, ...]) -> None:
    made = attestation(b"wheel")
    made["verification_material"]["certificate"] = certificate(*uris)
    with pytest.raises(Invalid):
        read(f"{WHEEL}.publish.attestation", [json.dumps(made).encode()])


def test_a_workflow_identity_is_of_the_repository_it_stands_in() -> None:
    made = json.dumps(attestation(b"wheel")).encode()
    claim = read(f"{WHEEL}.publish.attestation", [made])
    assert claim.identity == IDENTITY
    assert claim.by("https://github.com/Acme/tiny.git")
    assert not claim.by("https://github.com/acme")
    assert not claim.by("https://github.com/acme/tiny/.github")


@needs_program
@skips.unless_possible(SAMPLES, "no published attestations are kept here: SECPIPE_PEP740 names a folder of them")
def test_published_attestations_are_accepted_and_changed_bytes_are_not(tmp_path: Path) -> None:
    from secpipe.scan.vulnerabilities.provenance import _named

    places = [path for path in Path(SAMPLES).iterdir() if path.name.endswith(PROVENANCES)]
    assert places
    for place in places:
        archive = place.with_name(place.name.partition(".provenance")[0])
        name, version = _named(archive.name)
        document = json.loads(place.read_bytes())
        publisher = "https://github.com/" + document["attestation_bundles"][0]["publisher"]["repository"]
        folder = tmp_path / name
        folder.mkdir()
        for path in (archive, place):
            shutil.copy(path, folder)
        good = hashlib.sha256(archive.read_bytes()).hexdigest()
        for pinned, publishers, verified in (
            (f"sha256:{good}", {name: publisher}, 1),
            ("", {name: publisher}, 1),
            ("", {}, 0),
            (f"sha256:{'0' * 64}", {name: publisher}, 0),
        ):
            inventory = library(name, str(version), pinned)
            evidence = with_provenance(BEFORE, inventory, folder, publishers, tree=tmp_path / "tree")
            assert len(evidence.facts["provenance"]["verified"]) == verified
            assert len(evidence.skips) == 1 - verified
            assert not evidence.findings
        (folder / archive.name).write_bytes(archive.read_bytes() + b"\0")
        inventory = library(name, str(version))
        evidence = with_provenance(BEFORE, inventory, folder, {name: publisher}, tree=tmp_path / "tree")
        assert "does not match distribution digest" in refused(evidence)
