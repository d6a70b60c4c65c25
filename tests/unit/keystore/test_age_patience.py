"""A busy machine must not make a right passphrase wrong."""

from __future__ import annotations

import pyrage
import pytest

from secpipe.core.errors import InputError
from secpipe.keystore import age
from tests.unit.keystore.conftest import quick_seal


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
