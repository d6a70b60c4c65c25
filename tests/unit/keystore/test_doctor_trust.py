"""What `secpipe doctor` says about a trust root, its ring and the next rotation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from secpipe.cli.doctor import state as doctor_state


@pytest.mark.parametrize(
    ("days", "states"),
    [
        (0, ["ok", "ok", "ok"]),
        (89, ["ok", "ok", "attention"]),  # a rotation is due
        (390, ["ok", "attention", "attention"]),  # the ring ends soon
        (401, ["ok", "broken", "attention"]),
        (4000, ["broken", "broken", "attention"]),
    ],
)
def test_trust_and_rotation_are_dated(project: Any, now: datetime, days: int, states: list[str]) -> None:
    items = list(doctor_state.trusted(project.keys, now + timedelta(days=days)))
    assert [item.name for item in items] == ["trust root", "key ring", "next rotation"]
    assert [item.state for item in items] == states
    assert all(item.hint for item in items if item.state != "ok")


def test_the_private_keys_are_counted(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(project.home))
    said = [item.said for item in doctor_state.folders() if item.name == "private keys"]
    assert any(text.endswith("keys on this machine") for text in said)


def test_keys_that_this_machine_cannot_verify_are_named(
    project: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secpipe.keystore.backends.unable", lambda name: "no library" * name.startswith("ml-dsa"))
    (item,) = [item for item in doctor_state.trusted(project.keys, now) if item.name == "keys"]
    assert item.state == "broken"
    assert "builder version 1 (ml-dsa-65)" in item.said
