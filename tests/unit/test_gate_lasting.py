"""Until when a kept verdict holds: every key that it rests on counts, also that of the second attestation of a kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.gate.cached.lasting import lasts_until
from secpipe.gate.decide import decide
from tests.unit.gate_builders import NOW, clean, ok, situation
from tests.unit.sign.world import make_identity, make_key, make_trust

HOUR = timedelta(hours=1)
END = NOW + 24 * HOUR


@pytest.mark.parametrize("where", ["artifact", "attestation", "second attestation"])
@pytest.mark.parametrize("date", ["sign_until", "verify_until", "suspended_since", "compromised_since"])
def test_it_ends_before_a_key_it_rests_on_changes(where: str, date: str) -> None:
    own: dict[str, Any] = {"identity": "late", "key_version": 1, "path": "m", "state": "ok"}
    first = own | {"identity": "first"}
    evidence = {
        "artifact": clean(signatures=ok("signatures", artifacts=[own])),
        "attestation": clean() | {"attestation:bias": Evidence("attestation:bias", State.OK, facts=own)},
        "second attestation": clean()
        | {"attestation:bias": Evidence("attestation:bias", State.OK, facts={**first, "each": [first, own]})},
    }[where]
    key = make_key().dated(**{date: NOW + 3 * HOUR})
    trust = make_trust(make_identity("first", make_key(2)), make_identity("late", key))
    until = lasts_until(lambda now: decide(situation(evidence, now=now)), evidence, trust, NOW, END)
    assert NOW < until < NOW + 3 * HOUR
