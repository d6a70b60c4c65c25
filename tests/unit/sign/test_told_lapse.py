"""`secpipe verify` says when nothing proves that a signature is older than the end of its key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from secpipe.cli.verify.report import human
from tests.unit.sign.world import World, make_identity, make_key, make_trust

DAY = timedelta(days=1)
KEY = make_key()
TRUST = make_trust(make_identity("builder", KEY))
WORDS = f"stopped signing on {KEY.version.sign_until:%Y-%m-%d}"


def told(world: World, now) -> str:
    evidence = world.verify(TRUST, now=now)
    assert evidence.state == "ok", evidence.reason
    return human(evidence, ["x"], now=now, simulated=False)


@pytest.fixture
def signed(world: World) -> World:
    return world.sign(KEY)


def test_while_the_key_signs_nothing_is_said(signed):
    assert "stopped signing" not in told(signed, KEY.version.sign_until - DAY)


def test_afterwards_it_is(signed):
    text = told(signed, KEY.version.sign_until + DAY)
    assert text.startswith("VERIFIED")
    assert WORDS in text
    assert "secpipe keys grandfather" in text
