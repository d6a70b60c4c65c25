"""Trusted time from a real `openssl ts` authority: what it saves, and everything that must not pass for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.core.trust import TimeAuthority, Trust
from secpipe.sign import bundle as bundles
from secpipe.sign import timestamps
from secpipe.sign.refusal import Refused
from tests import skips
from tests.unit.sign.tsa import Authority
from tests.unit.sign.world import HybridKey, World, make_identity, make_trust, rules

skips.module("rfc3161_client")

DAY = timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def trust_with(key: HybridKey, *authorities: TimeAuthority) -> Trust:
    far = datetime.now(UTC) + 3650 * DAY
    return make_trust(make_identity("builder", key), authorities=authorities, root_expires=far, ring_expires=far)


def stamped(world: World, stamp: Callable[[bytes], bytes], now: datetime) -> HybridKey:
    """Sign with timestamps by a key that is active now; return it for other dates."""
    key = world.key.dated(not_before=now - 30 * DAY, sign_until=now + 30 * DAY)
    world.sign(key, timestamper=stamp, now=now)
    return key


def test_a_timestamp_over_each_half_is_trusted_time(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, authority.stamp, now)
    for pinned in (authority.pinned, TimeAuthority("both", authority.pinned.pem + authority.pinned_leaf.pem)):
        (artifact,) = world.verify(trust_with(key, pinned), now=now + DAY).facts["artifacts"]
        assert artifact["verified"]
        when = datetime.fromisoformat(artifact["trusted_time"])
        assert abs(when - now) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("dates", "proven", "unproven"),
    [
        ({"sign_until": 1, "verify_until": 10}, None, "expired-key"),
        ({"compromised_since": 5}, None, "compromised-key"),
        ({"compromised_since": -5}, "compromised-key", "compromised-key"),
        ({"suspended_since": 5}, "suspended-key", "suspended-key"),
        ({"not_before": 5}, "expired-key", None),
        ({"sign_until": -5}, "expired-key", None),
        ({"destroyed_since": -5}, "expired-key", None),
    ],
    ids=["ended", "compromised after", "compromised before", "suspended", "too early", "too late", "destroyed before"],
)
def test_key_states_with_and_without_trusted_time(
    world: World, authority: Authority, now: datetime, dates: dict[str, int], proven: str | None, unproven: str | None
) -> None:
    """Dates are days from signing; the verdict falls 20 days later."""
    key = stamped(world, authority.stamp, now).dated(**{name: now + days * DAY for name, days in dates.items()})
    later = now + 20 * DAY
    for trust, rule in ((trust_with(key, authority.pinned), proven), (trust_with(key), unproven)):
        for evidence in world.both(trust, now=later):
            assert evidence.state is (State.FAILED if rule else State.OK), evidence.reason
            assert rules(evidence) == ({rule} if rule else set())


def test_one_half_without_a_timestamp_is_no_trusted_time(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, authority.stamp, now)
    half = bundles.decode(world.pq.read_bytes(), "x")
    world.pq.write_bytes(bundles.encode(half.payload, half.signature, half.hint))
    (artifact,) = world.verify(trust_with(key, authority.pinned), now=now).facts["artifacts"]
    assert artifact["trusted_time"] is None


def test_a_token_for_other_bytes(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, lambda signature: authority.stamp(signature + b"!"), now)
    for evidence in world.both(trust_with(key, authority.pinned), now=now):
        assert evidence.state is State.FAILED
        assert rules(evidence) == {"invalid"}


def test_the_other_halfs_token_proves_nothing(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, authority.stamp, now)
    one, two = (bundles.decode(path.read_bytes(), "x") for path in (world.classical, world.pq))
    world.pq.write_bytes(bundles.encode(two.payload, two.signature, two.hint, one.timestamps))
    assert rules(world.verify(trust_with(key, authority.pinned), now=now)) == {"invalid"}


def test_an_authority_that_is_not_pinned_proves_nothing(
    world: World, authority: Authority, now: datetime, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    key = stamped(world, stranger.stamp, now).dated(compromised_since=now + 5 * DAY)
    assert rules(world.verify(trust_with(key, authority.pinned), now=now + 6 * DAY)) == {"compromised-key"}
    assert world.verify(trust_with(key, stranger.pinned), now=now + 6 * DAY).state is State.OK


def test_an_authority_of_the_same_name_is_not_the_pinned_one(
    world: World, authority: Authority, now: datetime, tmp_path: Path
) -> None:
    twin = Authority(tmp_path / "twin")  # same subject names, other keys
    key = stamped(world, twin.stamp, now).dated(compromised_since=now + 5 * DAY)
    assert rules(world.verify(trust_with(key, authority.pinned), now=now + 6 * DAY)) == {"compromised-key"}


def test_the_later_half_counts(world: World, authority: Authority, now: datetime) -> None:
    times = iter((now - 10 * DAY, now - 2 * DAY))
    key = stamped(world, lambda signature: authority.stamp(signature, next(times)), now)
    (artifact,) = world.verify(trust_with(key, authority.pinned), now=now).facts["artifacts"]
    assert datetime.fromisoformat(artifact["trusted_time"]) == now - 2 * DAY


def test_a_token_from_the_future_proves_nothing(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, authority.stamp, now).dated(compromised_since=now + DAY)
    evidence = world.verify(trust_with(key, authority.pinned), now=now - 5 * DAY)
    assert rules(evidence) == {"compromised-key"}


def test_a_classical_token_proves_nothing_after_the_deadline(world: World, authority: Authority, now: datetime) -> None:
    key = stamped(world, authority.stamp, now).dated(compromised_since=now + DAY)
    trust = trust_with(key, authority.pinned)
    options: dict[str, Any] = {"now": now + 2 * DAY}
    assert world.verify(trust, **options).state is State.OK
    assert world.verify(trust, **options, classical_time_until=now + 3 * DAY).state is State.OK
    assert rules(world.verify(trust, **options, classical_time_until=now + DAY)) == {"compromised-key"}


@pytest.mark.parametrize("content", [b"", b"\0", b"\x30\x80", b"\x30\x03\x02\x01\x00"])
def test_a_broken_token_is_refused(world: World, authority: Authority, now: datetime, content: bytes) -> None:
    key = stamped(world, lambda signature: content, now)
    assert rules(world.verify(trust_with(key, authority.pinned), now=now)) == {"invalid"}


def test_tokens_are_verified_bit_by_bit(authority: Authority, now: datetime) -> None:
    answer = authority.stamp(b"signature")
    assert timestamps.earliest([answer], b"signature", [authority.pinned], now) is not None
    accepted = 0
    for position in range(0, len(answer), 7):
        bad = bytearray(answer)
        bad[position] ^= 0x01
        proof = None
        with contextlib.suppress(InputError, Refused):
            proof = timestamps.earliest([bytes(bad)], b"signature", [authority.pinned], now + DAY)
        accepted += proof is not None
        if proof is not None:  # bits outside the signature (the certificate bag's order) may change nothing
            assert abs(proof[0] - now) < timedelta(minutes=2)
    assert accepted < 20


def test_asking_an_authority_over_http(authority: Authority, now: datetime) -> None:
    server = authority.serve()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        answer = timestamps.request(url, b"signature")
        assert timestamps.earliest([answer], b"signature", [authority.pinned], now + DAY) is not None
    finally:
        server.shutdown()


def test_an_answer_to_another_question_is_refused(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    other = authority.stamp(b"something else")
    monkeypatch.setattr(timestamps.net, "fetch", lambda *_, **__: other)
    with pytest.raises(InputError, match="something else"):
        timestamps.request("https://tsa.example", b"signature")


def test_a_pin_that_could_never_prove_a_time_is_refused(authority: Authority, now: datetime) -> None:
    root, leaf = authority.pinned.pem.encode(), authority.pinned_leaf.pem.encode()
    assert timestamps.check_pin(root, now) == authority.root.not_valid_after_utc
    assert timestamps.check_pin(leaf + root, now) == min(
        authority.root.not_valid_after_utc, authority.leaf.not_valid_after_utc
    )
    with pytest.raises(InputError, match="alone proves no time"):
        timestamps.check_pin(leaf, now)
    for when in (authority.root.not_valid_after_utc + DAY, authority.root.not_valid_before_utc - DAY):
        with pytest.raises(InputError, match="not valid now"):
            timestamps.check_pin(root, when)
    for wrong in (b"", b"no certificate", root[:100]):
        with pytest.raises(InputError, match="not a PEM"):
            timestamps.check_pin(wrong, now)
