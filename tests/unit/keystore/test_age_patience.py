"""Key files: what we write opens elsewhere; a busy machine must not make a right passphrase wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyrage
import pytest

from secpipe.core.errors import InputError
from secpipe.keystore import age
from secpipe.keystore.backup import backup, restore
from secpipe.keystore.create import create
from secpipe.keystore.home import records
from secpipe.keystore.unlock import open_record
from tests.unit.keystore.conftest import PASSPHRASE, quick_seal


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "_PAUSE", 0.0)


def busy(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the library refuse as it does under load: it measures the machine anew at every call."""
    real, left = pyrage.passphrase.decrypt, [times]

    def decrypt(data: bytes, passphrase: str) -> bytes:
        if left[0]:
            left[0] -= 1
            raise pyrage.DecryptError("Excessive work parameter for passphrase.\nDecryption would take 64 seconds.")
        return bytes(real(data, passphrase))

    monkeypatch.setattr(pyrage.passphrase, "decrypt", decrypt)


def test_a_file_opens_once_the_machine_is_less_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    busy(monkeypatch, 3)
    assert age.unseal(quick_seal(b"secret", b"pw"), b"pw", "key") == b"secret"


def test_it_gives_up_and_says_that_the_passphrase_may_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    busy(monkeypatch, 99)
    with pytest.raises(InputError, match="more work") as caught:
        age.unseal(quick_seal(b"secret", b"pw"), b"pw", "key")
    assert "passphrase" not in caught.value.message


def test_a_wrong_passphrase_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "_PAUSE", 60.0)
    with pytest.raises(InputError, match="wrong passphrase"):
        age.unseal(quick_seal(b"secret", b"pw"), b"no", "key")


REAL_SEAL = age.seal  # before the fixtures of this folder make it quick


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_another_implementation_opens_what_we_write(size: int) -> None:
    secret = bytes(range(256)) * (size // 256 + 1)
    sealed = REAL_SEAL(secret[:size], "pässword".encode(), work=2)
    assert pyrage.passphrase.decrypt(sealed, "pässword") == secret[:size]
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(sealed, "password")
    for position in (70, 150, len(sealed) - 1):  # stanza, header, content
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises((pyrage.DecryptError, UnicodeDecodeError)):
            pyrage.passphrase.decrypt(bytes(broken), "pässword")


def test_the_work_factors_are_those_of_the_decision() -> None:
    """docs/adr/0031: 128 MiB for what signs each day, four times that for holders and backups."""
    assert (age.WORK, age.HARD_WORK) == (17, 19)
    assert b"-> scrypt " in REAL_SEAL(b"", b"pw", work=3)
    assert REAL_SEAL(b"", b"pw", work=3).split(b"\n")[1].endswith(b" 3")


def test_a_home_has_two_files_and_the_holders_is_the_harder_one(
    tmp_path: Path, plan: Any, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def seal(plaintext: bytes, passphrase: bytes, *, work: int = age.WORK) -> bytes:
        asked.append(work)
        return quick_seal(plaintext, passphrase)

    monkeypatch.setattr(age, "seal", seal)
    create(tmp_path / "keys", tmp_path / "home", plan, PASSPHRASE, now, lambda text: None)
    assert sorted(asked) == [age.WORK, age.HARD_WORK]
    assert len(list((tmp_path / "home/keys").glob("*.age"))) == 2
    opened = {record.name: len(open_record(record, tmp_path / "home", lambda: PASSPHRASE)) for record in
              records(tmp_path / "home")}  # fmt: skip
    assert opened == {"alice": 2, "rotation": 2, "builder": 2, "verdict": 2}
    saved = tmp_path / "backup.age"
    assert backup(tmp_path / "home", saved, b"other") == 4
    assert restore(tmp_path / "elsewhere", saved, b"other") == 4
    for record in records(tmp_path / "elsewhere"):
        assert open_record(record, tmp_path / "elsewhere", lambda: PASSPHRASE)
