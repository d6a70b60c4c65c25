"""`secpipe incident`: the evidence for a notice, from real verdicts; what is not known is said, never left out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.cli.main import run
from secpipe.report import incident as pages
from tests.e2e.transcript import Shell
from tests.unit.gate_past import NOW, Gate, advisory

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "policies/schema/incident.schema.json").read_text())
KEV = {
    "catalogVersion": "2026.11.23", "dateReleased": "2026-11-23T00:00:00Z",
    "vulnerabilities": [{"cveID": "CVE-2026-1111", "dateAdded": "2026-11-22"}],
}  # fmt: skip


@pytest.fixture
def gate(shell: Shell) -> Gate:
    shell.now = NOW
    made = Gate(shell.cwd)
    made.judge()
    made.now = NOW + timedelta(hours=1)
    made.write("requirements.txt", f"torch==2.2.0 --hash=sha256:{'a' * 64}\n")
    made.judge()
    shell.now = NOW + timedelta(days=3)
    (shell.cwd / "kev.json").write_text(json.dumps(KEV))
    return made


def digests(gate: Gate) -> list[str]:
    """The releases in the store, oldest first."""
    return [place.parent.name for place in sorted((gate.store / "prod").glob("*/*"), key=lambda one: one.name)]


def pack(gate: Gate, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    options = ["--store", str(gate.store), "--advisories", str(gate.advisories), "-f", "json"]
    assert run(["incident", *words, *options]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(found)
    return found


def both(gate: Gate) -> None:
    record = advisory("GHSA-new", "torch", "2.2.0", "2026-11-22", aliases=["CVE-2026-1111"])
    record["affected"][0]["versions"] += ["2.1.0"]
    gate.advise(record, advisory("GHSA-other", "torch", "2.2.0", "2026-11-22", aliases=["CVE-2026-2222"]))


def test_it_says_what_shipped_since_when_who_is_affected_and_what_is_exploited(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    both(gate)
    old, new = digests(gate)
    found = pack(gate, capsys, f"dirHash:{new}", "--kev", "kev.json", "--aware", "2026-11-24T06:00:00Z")
    assert [(one["at"], one["environment"]) for one in found["shipped"]] == [("2026-11-21T13:00:00Z", "prod")]
    by_id = {one["id"]: one for one in found["vulnerabilities"]}
    assert by_id["CVE-2026-1111"]["exploited"] == {"state": "yes", "since": "2026-11-22", "by": "CISA KEV"}
    assert by_id["CVE-2026-2222"]["exploited"]["state"] == "not-listed"
    affected = [(one["dirHash"], one["version"], one["deployed"]) for one in by_id["CVE-2026-1111"]["releases"]]
    assert affected == [(new, "2.2.0", True), (old, "2.1.0", False)]
    assert [one["dirHash"] for one in by_id["CVE-2026-2222"]["releases"]] == [new]
    due = {one["article"]: one["due"] for one in found["duties"]}
    assert due["14(2)(a), 14(4)(a)"] == "2026-11-25T06:00:00Z"
    assert due["14(2)(b), 14(4)(b)"] == "2026-11-27T06:00:00Z"
    assert all(one["source"].startswith("https://eur-lex.europa.eu/") for one in found["duties"])
    assert "no legal advice" in found["notice"]


def test_without_the_catalogue_nothing_is_said_not_to_be_exploited(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    both(gate)
    found = pack(gate, capsys, digests(gate)[1])
    assert {one["exploited"]["state"] for one in found["vulnerabilities"]} == {"unknown"}
    told = " ".join(found["not_known"])
    for option in ("--kev", "--trust", "--log-key", "--db"):
        assert option in told
    assert found["shipped"][0]["signature"]["state"] == "unknown"


def test_one_vulnerability_is_asked_for_by_any_of_its_names(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    both(gate)
    for name in ("CVE-2026-2222", "GHSA-other"):
        found = pack(gate, capsys, digests(gate)[1], "--vulnerability", name)
        assert [one["id"] for one in found["vulnerabilities"]] == ["CVE-2026-2222"]
    found = pack(gate, capsys, digests(gate)[1], "--vulnerability", "CVE-2026-9999")
    assert found["vulnerabilities"] == []
    assert "know some not in this release" in " ".join(found["not_known"])


def test_a_file_names_the_releases_that_hold_it(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    found = pack(gate, capsys, f"sha256:{'a' * 64}")
    assert [one["dirHash"] for one in found["shipped"]] == digests(gate)[::-1]


@pytest.mark.parametrize("word", ["", "abc", "sha256:xyz", "f" * 64, "-", "../x"])
def test_what_is_no_digest_or_unknown_is_no_pack(gate: Gate, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incident", word, "--store", str(gate.store), "--advisories", str(gate.advisories)]) in (2, 3)
    assert capsys.readouterr().out == ""


def test_an_entry_that_was_edited_is_told_and_ends_with_3(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    new = digests(gate)[1]
    next((gate.store / "prod" / new).glob("*")).joinpath("evidence.json").write_bytes(b"{}")
    found = pack(gate, capsys, new, code=3)
    assert found["complete"] is False
    assert found["damaged"]


def test_the_inventory_tells_other_products(gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    both(gate)
    other = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "application", "name": "other-shop", "version": "7"}},
        "components": [{"type": "library", "name": "torch", "version": "2.2.0", "purl": "pkg:pypi/torch@2.2.0"}],
    }  # fmt: skip
    (shell.cwd / "other.cdx.json").write_text(json.dumps(other))
    assert run(["inventory", "add", "other.cdx.json", "--db", "all.sqlite"]) == 0
    found = pack(gate, capsys, digests(gate)[1], "--db", "all.sqlite")
    assert {row["release"] for one in found["vulnerabilities"] for row in one["inventory"]} == {"other-shop 7"}


def test_the_page_holds_no_markup_of_others_and_its_own_document(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    both(gate)
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    gate.write(f"models/{'x'}.txt", evil)
    found = pack(gate, capsys, digests(gate)[1], "--kev", "kev.json")
    for one in found["vulnerabilities"]:
        one["package"] = one["version"] = evil
    found["not_known"] += [evil]
    found["sentence"] += evil
    page = pages.html(found)
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r"<[^>]*\s(?:src|style|onerror)=", page)
    assert "no legal advice" in page
    text = pages.terminal(found)
    assert "no legal advice" in text
    assert "EXPLOITED, listed 2026-11-22 (CISA KEV)" in " ".join(text.split())


def test_every_release_that_has_it_is_named(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(5):
        gate.write("main.py", f"print({number})\n")
        gate.now += timedelta(minutes=1)
        gate.judge()
    both(gate)
    found = pack(gate, capsys, digests(gate)[-1])
    assert len(found["vulnerabilities"][0]["releases"]) == 7


def test_formats_go_where_they_are_sent(gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both(gate)
    words = ["incident", digests(gate)[1], "--store", str(gate.store), "--advisories", str(gate.advisories)]
    assert run([*words, "-f", "html=pack.html", "-f", "json=pack.json", "-f", "terminal"]) == 0
    assert capsys.readouterr().out.startswith("acme-chat: 2 known vulnerabilities; 2 releases affected; 4 things not")
    assert json.loads(Path("pack.json").read_text())["schema"] == "secpipe.incident/1"
    assert Path("pack.html").read_text().startswith("<!doctype html>")


def test_signature_and_log_entry_of_the_verdict_are_verified_and_a_forged_one_is_told(
    gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real keys, a real log; then the bundle is changed, and later the proof belongs to another log."""
    monkeypatch.setenv("PW", "correct horse")
    words = ["--passphrase-file", "env:PW"]
    assert run(["keys", "init", "--holder", "ann", *words]) == 0
    assert run(["log", "init", "log", "--origin", "log.acme.example/ai", *words]) == 0
    assert run(["log", "show", "log", "--keys", "-o", "log.keys"]) == 0
    pin = shell("secpipe trust pin keys")[1].split()[-1]
    reference = shell(f"secpipe policy pin {gate.policy_file}")[1].strip()
    trusted = ["--trust", "keys", "--trust-pin", pin]
    shell.sleep(minutes=5)
    gate.write("main.py", "print(1)\n")
    with monkeypatch.context() as logging:
        logging.setenv("SECPIPE_LOG", str(shell.cwd / "log"))
        judged = ["check", str(gate.project), "--policy", str(gate.policy_file), "--policy-ref", reference, *trusted]
        kept = ["--advisories", str(gate.advisories), "--store", str(gate.store), "--sign", "verdict", *words]
        assert run([*judged, *kept]) == 0
    assert run(["log", "checkpoint", "log", *words]) == 0
    new = digests(gate)[-1]
    bundle = next((gate.store / "prod" / new).glob("*/vsa.att.json"))
    assert run(["log", "prove", "log", str(bundle)]) == 0
    shell.sleep(minutes=5)
    (row,) = pack(gate, capsys, new, *trusted, "--log-key", "log.keys")["shipped"]
    assert row["signature"] == {"state": "holds", "who": "verdict version 1"}
    assert row["log"]["state"] == "holds"
    assert run(["log", "init", "other", "--origin", "log.other.example/ai", *words]) == 0
    assert run(["log", "show", "other", "--keys", "-o", "other.keys"]) == 0
    (row,) = pack(gate, capsys, new, *trusted, "--log-key", "other.keys")["shipped"]
    assert row["log"]["state"] == "does-not-hold"
    bundle.write_bytes(bundle.read_bytes().replace(b'"sig"', b'"gis"'))
    (row,) = pack(gate, capsys, new, *trusted, "--log-key", "log.keys")["shipped"]
    assert (row["signature"]["state"], row["log"]["state"]) == ("does-not-hold", "unknown")
