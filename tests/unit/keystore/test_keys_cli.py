"""The commands as a user types them, in one process: laptop, team, emergency; exit codes and what is printed where."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secpipe.cli.main import run
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.trusted import open_trust
from secpipe.sign import timestamps
from secpipe.system import clock, places
from tests.unit.sign.tsa import Authority


@pytest.fixture
def shell(tmp_path, monkeypatch, capfdbinary):
    """`shell("keys", "list")` -> (exit code, stdout); one home, one folder, a passphrase file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)

    def call(*argv, home="home"):
        monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / home))
        file_custody.forget()
        code = run(list(argv))
        out, err = capfdbinary.readouterr()
        call.err = err.decode()
        return code, out.decode()

    return call


@pytest.fixture
def laptop(shell):
    code, out = shell("keys", "init", "--passphrase-file", "secret", "--holder", "alice")
    assert code == 0, shell.err
    return out


def travel(monkeypatch, days):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: later)
    return later


def test_init_makes_a_sound_default(shell, laptop, tmp_path):
    assert "identities: builder, verdict, advisories" in laptop
    _, pin = shell("trust", "pin")
    assert pin.strip() in laptop
    assert shell("trust", "verify", "keys", "--trust-pin", pin.strip())[0] == 0
    assert shell("trust", "verify", "keys", "--trust-pin", "sha256:" + "0" * 64)[0] == 1
    code, out = shell("keys", "list", "-f", "json")
    document = json.loads(out)
    purposes = {item["name"]: item["authority"]["purposes"] for item in document["identities"]}
    assert (code, purposes["verdict"]) == (0, ["verdict", "vsa"])
    assert "verdict" not in purposes["builder"]
    assert not any(b"PRIVATE" in path.read_bytes() for path in (tmp_path / "keys").rglob("*") if path.is_file())
    assert oct((tmp_path / "home").stat().st_mode & 0o777) == "0o700"


def test_init_again_refuses(shell, laptop):
    code, _ = shell("keys", "init", "--passphrase-file", "secret")
    assert code == 3
    assert "already" in shell.err


def test_where_public_keys_cannot_stand_no_private_ones_are_made(shell, tmp_path):
    (tmp_path / "keys").write_text("a file of the project\n")
    assert shell("keys", "init", "--passphrase-file", "secret")[0] == 2
    assert "not a folder" in shell.err
    assert not list((tmp_path / "home").rglob("*.age"))


def test_profile_cnsa2_goes_all_the_way_up(shell, tmp_path):
    code, _ = shell("keys", "init", "--profile", "cnsa2", "--identity", "builder", "--passphrase-file", "secret")
    assert code == 0
    _, out = shell("keys", "show", "builder")
    assert "ecdsa-p384" in out
    assert "ml-dsa-87" in out
    root = json.loads((tmp_path / "keys/root/1.root.json").read_text())["signed"]["keys"].values()
    assert sorted(key["scheme"] for key in root) == ["ecdsa-sha2-nistp384", "ml-dsa-87/1"]


def test_wrong_usage_is_exit_2(shell, laptop):
    for argv in (
        ("keys", "init", "--trust", "b", "--purpose", "model"),
        ("keys", "init", "--trust", "b", "--period", "soon"),
        ("keys", "init", "--trust", "b", "--identity", "../x", "--passphrase-file", "secret"),
        ("keys", "rotate"),
        ("keys", "rotate", "--if-due", "builder"),
        ("keys", "rotate", "--if-due", "--at", "2030-01-01"),
        ("keys", "show", "nobody-by-that-name"),
        ("keys", "export", "builder", "--version", "9"),
        ("keys", "simulate", "--until", "2030-01-01", "--profile", "nist"),
        ("keys", "suspend", "nobody", "--passphrase-file", "secret"),
        ("keys", "custody", "nobody"),
        ("keys", "sign-root", "--passphrase-file", "secret"),
        ("keys", "frobnicate"),
    ):
        assert shell(*argv)[0] == 2, argv


def test_export_forms(shell, laptop, tmp_path):
    _, pem = shell("keys", "export", "builder", "--format", "pem", "--classical")
    _, cosign = shell("keys", "export", "builder", "--format", "cosign")
    assert pem == cosign
    assert pem.count("BEGIN PUBLIC KEY") == 1
    _, both = shell("keys", "export", "builder")
    assert both.startswith(pem)
    assert both.count("BEGIN PUBLIC KEY") == 2
    _, jwk = shell("keys", "export", "builder", "--format", "jwk", "--pq")
    assert json.loads(jwk)["alg"] == "ML-DSA-65"
    assert shell("keys", "export", "builder", "--format", "cosign", "-o", "cosign.pub") == (0, "")
    assert (tmp_path / "cosign.pub").read_text() == cosign


def test_keys_are_found_by_prefix_and_ambiguity_is_said(shell, laptop):
    _, out = shell("keys", "list", "-f", "json")
    first = json.loads(out)["identities"][0]["versions"][0]
    assert shell("keys", "show", first["id"][:12])[0] == 0
    assert shell("keys", "show", first["halves"][0]["keyid"][:12])[0] == 0
    assert shell("keys", "show", "build")[0] == 0
    assert shell("keys", "show", "")[0] == 2


def test_due_rotate_and_the_second_run(shell, laptop, monkeypatch):
    assert shell("keys", "due")[0] == 0
    assert shell("keys", "due", "--at", (datetime.now(UTC) + timedelta(days=80)).strftime("%Y-%m-%d"))[0] == 1
    code, out = shell(
        "keys", "rotate", "--if-due", "--dry-run", "--at", f"{datetime.now(UTC) + timedelta(days=80):%Y-%m-%d}"
    )
    assert code == 0
    assert "SIMULATED" in out
    assert "would rotate: builder version 2" in out
    travel(monkeypatch, 80)
    code, out = shell("keys", "rotate", "--if-due", "-f", "json", "--passphrase-file", "secret")
    document = json.loads(out)
    assert (code, document["changed"], len(document["due"]), document["ring"]) == (0, True, 3, 2)
    code, out = shell("keys", "rotate", "--if-due", "-f", "json", "--passphrase-file", "secret")
    assert (code, json.loads(out)["changed"]) == (0, False)
    assert shell("trust", "verify")[0] == 0


def test_simulate_prints_the_timeline(shell, laptop):
    code, out = shell("keys", "simulate", "--until", "2036-12-31")
    assert code == 1
    assert "version 40" in out or "version 30" in out
    assert "BREAKS" in out
    assert "the trust root expires" in out
    code, out = shell(
        "keys", "simulate", "--until", f"{datetime.now(UTC) + timedelta(days=200):%Y-%m-%d}", "-f", "json"
    )
    assert code in {0, 1}
    assert json.loads(out)["schema"] == "secpipe.simulation/1"


def test_a_team_of_three(shell, laptop):
    secret = ("--passphrase-file", "secret")
    assert shell("keys", "add-holder", "bob", *secret, home="bob")[0] == 0
    code, out = shell("keys", "add-holder", "carol", "--people", "2", *secret, home="carol")
    assert "1 more" in out or "2 more" in out
    assert shell("keys", "sign-root", *secret)[0] == 2  # nobody is there to read it
    assert 'adds holder "carol"' in shell.err
    assert "needs 2 of 3 holders (now 1 of 1)" in shell.err
    assert shell("keys", "sign-root", "--yes", *secret)[0] == 2  # --yes reads nothing, and authority moves
    assert "--expect DIGEST" in shell.err
    code, out = shell("keys", "sign-root", "--expect", shell("keys", "sign-root", "--show")[1].strip(), *secret)
    assert code == 0
    assert "published" in out
    _, out = shell("trust", "show")
    assert "2 of 3 (alice, bob, carol)" in out
    code, out = shell("keys", "add-identity", "notary", "--purpose", "provenance", *secret)
    assert "1 more" in out
    code, _ = shell("keys", "renew", *secret)
    assert code == 2
    assert "waits for signatures" in shell.err
    draft = shell("keys", "sign-root", "--show")[1].strip()
    assert "published" in shell("keys", "sign-root", "--expect", draft, *secret, home="bob")[1]
    assert 'adds identity "notary"' in shell.err
    assert "notary" in shell("keys", "list")[1]


def test_an_emergency(shell, laptop):
    secret = ("--passphrase-file", "secret")
    code, out = shell("keys", "suspend", "builder", *secret)
    assert code == 0, shell.err
    assert "suspended" in shell("keys", "list")[1]
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    code, _ = shell("keys", "revoke", "builder", "--compromised-since", yesterday, "--reason", "stolen", *secret)
    assert code == 0, shell.err
    _, out = shell("keys", "show", "builder")
    assert "version 1: compromised" in out
    assert "version 2: active" in out
    assert shell("keys", "reinstate", "builder", *secret)[0] == 0


def test_backup_and_restore(shell, laptop, tmp_path):
    assert shell("keys", "backup", "keys.backup", "--passphrase-file", "secret")[0] == 0
    assert shell("keys", "restore", "keys.backup", "--passphrase-file", "secret", home="new")[0] == 0
    assert "file:" in shell("keys", "custody", "builder", home="new")[1]
    assert shell("keys", "restore", "secret", "--passphrase-file", "secret", home="new")[0] == 3


def test_bring_a_key_along(shell, laptop, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "mine.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    secret = ("--passphrase-file", "secret")
    path.chmod(0o644)
    argv = ("keys", "add-identity", "legacy", "--purpose", "file", "--import", str(path))
    assert shell(*argv, *secret)[0] == 3
    assert "read by others" in shell.err
    path.chmod(0o600)
    assert shell(*argv, *secret)[0] == 0, shell.err
    _, pem = shell("keys", "export", "legacy", "--classical")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert pem.encode() == public


def test_update_by_command(shell, laptop, tmp_path):
    _, pin = shell("trust", "pin")
    assert shell("trust", "update", "keys", "--trust", "clone")[0] == 2
    code, out = shell("trust", "update", "keys", "--trust", "clone", "--trust-pin", pin.strip())
    assert (code, out[:14]) == (0, "root 1, ring 1")


def test_without_a_terminal_and_without_a_reference_nothing_hangs(shell, monkeypatch):
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert shell("keys", "init")[0] == 2
    assert "passphrase" in shell.err


def test_the_passphrase_shows_nowhere(shell, laptop):
    assert "correct horse" not in laptop + shell.err
    assert places.home().name == "home"


def test_rotate_into_another_profile(shell, laptop, tmp_path):
    """The holders allow the algorithms first; then one identity moves, and the others stay."""
    secret = ("--passphrase-file", "secret")
    code, _ = shell("keys", "rotate", "builder", "--profile", "cnsa2", *secret)
    assert code == 1
    assert "does not let automation make ecdsa-p384+ml-dsa-87" in shell.err
    assert shell("keys", "rotate", "--if-due", "--profile", "cnsa2")[0] == 2
    with (tmp_path / "keys/rotation.toml").open("a") as file:
        file.write(
            '[[algorithms]]\nhalves = ["ecdsa-p384", "ml-dsa-87"]\naccept_from = 2026-01-01\nsign_from = 2099-01-01\n'
        )
    assert shell("keys", "renew", "--adopt-schedule", *secret)[0] == 0
    assert shell("keys", "rotate", "builder", "--profile", "cnsa2", *secret)[0] == 0, shell.err
    _, out = shell("keys", "list", "-f", "json")
    newest = {item["name"]: item["versions"][-1]["halves"][1]["algorithm"] for item in json.loads(out)["identities"]}
    assert newest == {"builder": "ml-dsa-87", "verdict": "ml-dsa-65", "advisories": "ml-dsa-65"}


def test_time_authorities(shell, laptop, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tsa")]),
    )
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = built.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    (tmp_path / "tsa.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = ("--passphrase-file", "secret")
    assert shell("keys", "time-authority", "acme", "tsa.pem", *secret)[0] == 0, shell.err
    _, out = shell("trust", "show", "-f", "json")
    assert (json.loads(out)["time_authorities"], json.loads(out)["root"]["version"]) == (["acme"], 2)
    assert shell("keys", "time-authority", "acme")[0] == 2
    assert shell("keys", "time-authority", "other", "secret", *secret)[0] == 3
    assert shell("keys", "time-authority", "nobody", "--remove", *secret)[0] == 2
    assert shell("keys", "time-authority", "acme", "--remove", *secret)[0] == 0
    assert json.loads(shell("trust", "show", "-f", "json")[1])["time_authorities"] == []


def test_a_signing_certificate_beside_its_root_is_pinned(shell, laptop, tmp_path):
    """As the page says: both in one file, and stamps by that very certificate count."""
    authority = Authority(tmp_path / "tsa")
    other = Authority(tmp_path / "other")
    pair = authority.pinned_leaf.pem + authority.pinned.pem
    (tmp_path / "pair.pem").write_text(pair)
    secret = ("--passphrase-file", "secret")
    assert shell("keys", "time-authority", "acme", "pair.pem", *secret)[0] == 0, shell.err
    assert "stamps count until" in shell.err
    now = datetime.now(UTC)
    (pinned,) = open_trust(tmp_path / "keys", now=now).time_authorities
    token = authority.stamp(b"signature")
    assert timestamps.earliest([token], b"signature", (pinned,), now + timedelta(minutes=1))
    narrowed = replace(pinned, pem=other.pinned_leaf.pem + authority.pinned.pem)
    assert timestamps.earliest([token], b"signature", (narrowed,), now + timedelta(minutes=1)) is None
    (tmp_path / "leaf.pem").write_text(authority.pinned_leaf.pem)
    assert shell("keys", "time-authority", "leaf", "leaf.pem", *secret)[0] == 3
    assert "root certificate of the authority" in shell.err
    (tmp_path / "twice.pem").write_text(authority.pinned.pem * 11)
    assert shell("keys", "time-authority", "many", "twice.pem", *secret)[0] == 3


def test_a_wrong_passphrase_makes_nothing_and_a_draft_needs_no_holder(shell, laptop, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not it")
    wrong.chmod(0o600)
    before = sorted(path.name for path in (tmp_path / "home").rglob("*"))
    argv = ("keys", "add-identity", "notary", "--purpose", "provenance", "--passphrase-file")
    assert shell(*argv, "wrong")[0] == 3
    assert "wrong passphrase" in shell.err
    after = sorted(path.name for path in (tmp_path / "home").rglob("*") if path.suffix != ".lock")
    assert after == before
    assert not (tmp_path / "keys/pending").exists()
    code, out = shell(*argv, "secret", home="engineer")
    assert (code, "signed by nobody yet; 1 more" in out) == (0, True)
    draft = shell("keys", "sign-root", "--show")[1].strip()
    assert "published" in shell("keys", "sign-root", "--expect", draft, "--passphrase-file", "secret")[1]
