"""Where private halves live: file, environment, a command, a real PKCS#11 token; and how each one fails."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.trust import Authority, HalfClass, Identity
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme
from secpipe.keystore import age, quorum
from secpipe.keystore import home as store
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.custody.places import open_half
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from tests import skips

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))
SOFTHSM_AT = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/opt/homebrew/lib")
SOFTHSM = next((at for at in (Path(f"{lib}/softhsm/libsofthsm2.so") for lib in SOFTHSM_AT) if at.is_file()), None)


@pytest.fixture
def record(project, now):
    trust = open_trust(project.keys, now=now)
    return store.read_record(project.home, trust.identities[0].versions[0].id)


def key_file(project, record) -> Path:
    return store.keys_folder(project.home) / next(
        place.removeprefix("file:") for place in record.custody if place.startswith("file:")
    )


def sign_as_builder(project, passphrase, now):
    trust = open_trust(project.keys, now=now)
    version, signers = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=now)
    for signer, half in zip(signers, version.halves, strict=True):
        scheme.get(half.algorithm).verify(half.pem, signer.sign(b"payload"), b"payload")
    return signers


def pkcs8_of(project, record, passphrase):
    """The private halves of one record, of all that lie in its file: the first identity's come first."""
    return file_custody.parse_pem(age.unseal(key_file(project, record).read_bytes(), passphrase(), "x"))[:2]


def test_key_files_are_private_and_age_opens_them(project, record, passphrase):
    path = key_file(project, record)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert [len(key) for key in pkcs8_of(project, record, passphrase)][1] == 54  # the seed, never the expanded key


def test_a_file_that_others_can_read_is_refused(project, record, passphrase, now):
    key_file(project, record).chmod(0o640)
    with pytest.raises(InputError, match="read by others"):
        sign_as_builder(project, passphrase, now)


def test_wrong_passphrase_truncated_and_foreign_files(project, record, passphrase, now, capsys):
    path = key_file(project, record)
    sealed = path.read_bytes()
    with pytest.raises(InputError, match="wrong passphrase"):
        sign_as_builder(project, lambda: b"not it", now)
    for size in (0, 10, 100, len(sealed) - 1):
        path.write_bytes(sealed[:size])
        file_custody.forget()
        with pytest.raises(InputError):
            sign_as_builder(project, passphrase, now)
    other = next(item for item in path.parent.glob("*.age") if item != path)
    path.write_bytes(other.read_bytes())
    file_custody.forget()
    with pytest.raises(InputError, match=r"another public key|is not"):
        sign_as_builder(project, passphrase, now)


def test_a_work_factor_bomb_is_refused(project, record, passphrase, now):
    path = key_file(project, record)
    path.write_bytes(path.read_bytes().replace(b" 2\n", b" 30\n", 1))
    with pytest.raises(InputError, match="work factor of 30"):
        sign_as_builder(project, passphrase, now)


def test_a_key_is_unlocked_once_a_process(project, now):
    asked = []

    def ask():
        asked.append(1)
        return b"correct horse"

    for _ in range(3):
        sign_as_builder(project, ask, now)
    assert len(asked) == 1


def test_a_record_changed_by_hand_is_refused(project, record, passphrase, now):
    path = store.keys_folder(project.home) / f"{record.id}.json"
    other = next(item for item in path.parent.glob("*.json") if item != path)
    path.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match="changed by hand"):
        sign_as_builder(project, passphrase, now)


def test_nothing_secret_shows(project, passphrase, now):
    for signer in sign_as_builder(project, passphrase, now):
        assert "PRIVATE" not in repr(signer)
        assert repr(signer).endswith("private key>")


def test_env_and_exec_sign_but_do_not_rotate(project, record, passphrase, now, monkeypatch, tmp_path):
    keys = pkcs8_of(project, record, passphrase)
    monkeypatch.setenv("BUILDER_CLASSICAL", base64.b64encode(keys[0]).decode())
    secret = tmp_path / "pq.pem"
    secret.write_bytes(file_custody.write_pem(keys[1:]))
    secret.chmod(0o600)
    script = tmp_path / "sign.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from secpipe.keys.schemes import scheme; from secpipe.keys.schemes.pkcs8 import import_pem\n"
        f"key = scheme.get(sys.argv[-2]).load_private(import_pem(open({str(secret)!r}, 'rb').read()).pkcs8)\n"
        "sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read()))\n"
    )
    places = ("env:BUILDER_CLASSICAL", f"exec:{sys.executable} {script}")
    others = file_custody.parse_pem(age.unseal(key_file(project, record).read_bytes(), passphrase(), "x"))[2:]
    key_file(project, record).write_bytes(age.seal(file_custody.write_pem(others), passphrase()))
    store.write_record(project.home, record.moved(places))
    sign_as_builder(project, passphrase, now)
    outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    assert [step.identity for step in outcome.made] == ["verdict"]
    assert "env: custody" in next(step.blocked for step in outcome.plan.steps if step.identity == "builder")
    builder, verdict = open_trust(project.keys, now=now + 76 * DAY).identities
    assert (len(builder.versions), len(verdict.versions)) == (1, 2)
    monkeypatch.delenv("BUILDER_CLASSICAL")
    with pytest.raises(InputError, match="not set"):
        sign_as_builder(project, passphrase, now + 76 * DAY)


@pytest.mark.parametrize("script", ["import sys; sys.exit(3)", "print('nonsense')", ""])
def test_a_signing_command_that_lies(record, passphrase, project, script):
    signer = open_half(f"exec:{sys.executable} -c {script!r}", record.halves[0], project.home, passphrase)
    with pytest.raises(SecpipeError):
        signer.sign(b"m")


@pytest.mark.parametrize(
    "reference", ["", "file", "nowhere:x", "exec:", "exec:'", "file:../../etc/passwd", "pkcs11:x=y"]
)
def test_bad_references(record, passphrase, project, reference):
    with pytest.raises(SecpipeError):
        open_half(reference, record.halves[0], project.home, passphrase)


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A fresh SoftHSM token; what it is called and its PIN."""
    if SOFTHSM is None or shutil.which("softhsm2-util") is None:
        skips.missing("SoftHSM2 is not here")
    skips.module("pkcs11")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(
        f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PIN", "1234")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "t1", "--pin", "1234", "--so-pin", "5678"]
    subprocess.run(command, check=True, capture_output=True)
    return f"module={SOFTHSM};token=t1;pin=env:PIN"


def in_a_child(work) -> None:
    """SoftHSM reads its configuration once a process: every test gets a process."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0


def test_split_custody_in_a_real_token(project, passphrase, now, token, monkeypatch):
    """The classical half in the device, the post-quantum half in a file; it signs, and it rotates by itself."""

    def work():
        found = quorum.begin(project.keys, project.home, now)
        blank = Identity("notary", Authority(("provenance",)), (), "alice")
        origin = quorum.Origin({HalfClass.CLASSICAL: f"pkcs11:{token}"})
        halves = ["ecdsa-p256", "ml-dsa-65"]
        change = quorum.with_identity(found, project.home, blank, halves, SCHEDULE, passphrase, now, origin)
        quorum.draft(found, change, now)
        assert sign_pending(project.keys, project.home, passphrase, now).published
        outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
        assert ("notary", 2) in [(step.identity, step.version) for step in outcome.made]
        at = now + 100 * DAY
        trust = open_trust(project.keys, now=at)
        version, signers = open_signers("notary", trust=trust, home=project.home, passphrase=passphrase, now=at)
        assert version.version == 2
        for signer, half in zip(signers, version.halves, strict=True):
            scheme.get(half.algorithm).verify(half.pem, signer.sign(b"payload"), b"payload")
        record = store.read_record(project.home, version.id)
        assert record.custody[0] == f"pkcs11:object=notary-2;{token}"
        assert record.custody[1] == f"file:{record.id}.age"
        assert "1234" not in (store.keys_folder(project.home) / f"{record.id}.json").read_text()
        assert len(file_custody.parse_pem(age.unseal(key_file(project, record).read_bytes(), passphrase(), "x"))) == 1
        device = signers[0]
        monkeypatch.setenv("PIN", "9999")
        with pytest.raises(InputError, match="refuses the PIN"):
            device.sign(b"m")
        monkeypatch.setenv("PIN", "1234")
        for change, message in (({"token": "t2"}, "not there"), ({"object": "x"}, "no such key")):
            fields = tuple((dict(device.fields) | change).items())
            with pytest.raises(InputError, match=message):
                replace(device, fields=fields).sign(b"m")
        other = trust.identities[0].versions[0].halves[0]
        with pytest.raises(InputError, match="another public key"):
            open_half(device.reference, other, project.home, passphrase)

    in_a_child(work)
