"""Small pure pieces: names, prefixes, schedules, deadlines, simulation, JWK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secpipe.cli.keys.options import pick
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.trust import Authority, HalfClass, Identity, KeyVersion, PublicHalf
from secpipe.keys.deadlines import parse_profile
from secpipe.keys.export import jwk
from secpipe.keys.metadata import Quorum
from secpipe.keys.ring import Delegation
from secpipe.keys.schedule import Schedule, Stage, parse_duration, parse_schedule
from secpipe.keys.schemes import liboqs, scheme
from secpipe.keys.simulate import Future, simulate
from secpipe.keys.tufkey import TufKey, public_half
from secpipe.keys.wire import NAME, canonical

POLICIES = Path(__file__).resolve().parents[3] / "policies"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("name", ["a", "builder", "a-b-1", "x" * 64])
def test_names(name):
    assert NAME.match(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a.b", "a\n", "x" * 65, "ü"])
def test_names_that_could_be_something_else(name):
    assert not NAME.match(name)


def test_a_prefix_must_be_unambiguous():
    assert pick("abc", ["abcdef", "abd"], "keys") == "abcdef"
    assert pick("ab", ["ab", "abc"], "keys") == "ab"
    with pytest.raises(ConfigError, match="any of 2 keys"):
        pick("ab", ["abc", "abd"], "keys")
    with pytest.raises(ConfigError):
        pick("", ["abc"], "keys")


@pytest.mark.parametrize(
    ("text", "hours"), [("P90D", 2160), ("P2W", 336), ("PT6H", 6), ("P1DT12H", 36), ("PT90M", 1.5)]
)
def test_durations(text, hours):
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "P", "90D", "P-1D", "P1Y", "P0D", "P1.5D", "p1d", "P1D ", "P99999999999D"])
def test_durations_that_are_none(text):
    with pytest.raises(ConfigError):
        parse_duration(text)


GOOD = 'schema = "secpipe.rotation/1"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        'schema = "secpipe.rotation/2"',
        GOOD + "perod = 'P90D'",
        GOOD + "period = 90",
        GOOD + "period = 'PT10M'",
        GOOD + "period = 'P10D'\nlead = 'P20D'",
        GOOD + "overlap = 'P99D'",
        GOOD + "ring_validity = 'P30D'",
        GOOD + "period = 'P90D'\nperiod = 'P80D'",
        GOOD + "[[algorithms]]\nhalves = ['ml-dsa-65']\nsign_from = 2026-01-01",
        GOOD + "[[algorithms]]\nhalves = ['ml-dsa-65', 'ecdsa-p256']\nsign_from = 2026-01-01\naccept_from = 2026-01-01",
        GOOD + "[[algorithms]]\nhalves = ['rsa']\nsign_from = 2026-01-01\naccept_from = 2026-01-01",
        GOOD + "[[algorithms]]\nhalves = ['ml-dsa-65']\nsign_from = 2026-01-01\naccept_from = 2027-01-01",
        GOOD + "[[algorithms]]\nhalves = ['ml-dsa-65']\nsign_from = 'x'\naccept_from = 2027-01-01",
        GOOD + "algorithms = 3",
    ],
)
def test_schedules_that_would_break_something(text):
    with pytest.raises(ConfigError):
        parse_schedule(text.encode(), "rotation.toml")


def test_the_shipped_schedule_is_the_default():
    assert parse_schedule((POLICIES / "schedules/rotation.toml").read_bytes(), "x") == Schedule()


def test_jitter_is_fixed_bounded_and_spread():
    schedule = Schedule()
    shares = [schedule.early(f"id-{number}", 1) for number in range(50)]
    assert shares == [schedule.early(f"id-{number}", 1) for number in range(50)]
    assert all(timedelta(0) <= share <= schedule.jitter for share in shares)
    assert max(shares) - min(shares) > schedule.jitter / 2


@pytest.mark.parametrize("path", sorted((POLICIES / "deadlines").glob("*.toml")), ids=lambda path: path.stem)
def test_profiles_have_a_source_and_a_date(path):
    profile = parse_profile(path.read_bytes(), path.name)
    assert profile.name == path.stem
    assert profile.source.startswith("https://")
    assert profile.reviewed.year >= 2026
    assert profile.rules
    for rule in profile.rules:
        assert all(name in scheme.SCHEMES for name in rule.algorithms)


@pytest.mark.parametrize("text", ["", 'schema = "x"', 'schema = "secpipe.deadlines/1"\nrule = 3', "\xff"])
def test_profiles_that_are_none(text):
    with pytest.raises(ConfigError):
        parse_profile(text.encode("latin-1"), "x")


def future(*algorithms, **changes):
    halves = tuple(PublicHalf(name, scheme.get(name).half, name) for name in algorithms)
    identity = Identity("builder", Authority(("model",)), (KeyVersion(1, halves, NOW, NOW + 104 * DAY),))
    bounds = Delegation(Quorum((), 1), ("ecdsa-p256", "ecdsa-p256+ml-dsa-65", "ml-dsa-65"), 400, 400)
    fields = {
        "identities": (identity,),
        "bounds": bounds,
        "root_expires": NOW + 3652 * DAY,
        "targets_expires": NOW + 3652 * DAY,
        "ring_expires": NOW + 400 * DAY,
    }
    return Future(**(fields | changes))


def profiles(*names):
    return [parse_profile((POLICIES / "deadlines" / f"{name}.toml").read_bytes(), name) for name in names]


def test_simulation_of_a_healthy_future():
    events = simulate(future("ecdsa-p256", "ml-dsa-65"), Schedule(), NOW, NOW + 3000 * DAY, profiles("nist-ir-8547"))
    assert not [event for event in events if event.breaks]
    assert 30 <= len(events) <= 36  # one rotation every ninety days
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_simulation_says_what_breaks():
    until = NOW + 4000 * DAY
    classical = simulate(future("ecdsa-p256"), Schedule(), NOW, until, profiles("nist-ir-8547", "us-eo-2026"))
    assert any("us-eo-2026" in event.what and event.breaks for event in classical)
    hybrid = simulate(future("ecdsa-p256", "ml-dsa-65"), Schedule(), NOW, until, profiles("cnsa2"))
    assert any(event.at.year == 2027 and event.breaks for event in hybrid)
    stuck = simulate(future("ecdsa-p256", "ml-dsa-65", automated=False), Schedule(), NOW, until, [])
    assert any("can sign no more" in event.what for event in stuck)
    assert any("keyring expires" in event.what and event.at == NOW + 400 * DAY for event in stuck)
    short = simulate(future("ecdsa-p256", "ml-dsa-65", root_expires=NOW + 100 * DAY), Schedule(), NOW, until, [])
    assert any("trust root expires" in event.what for event in short)
    stages = (Stage(("ed25519", "ml-dsa-65"), NOW, NOW + 50 * DAY),)
    forbidden = simulate(future("ecdsa-p256", "ml-dsa-65"), Schedule(stages=stages), NOW, until, [])
    assert any("does not let automation" in event.what for event in forbidden)


def test_simulation_migrates():
    stages = (
        Stage(("ecdsa-p256", "ml-dsa-65"), NOW, NOW, NOW + 800 * DAY, NOW + 900 * DAY),
        Stage(("ml-dsa-65",), NOW, NOW + 700 * DAY, require="pq"),
    )
    events = simulate(future("ecdsa-p256", "ml-dsa-65"), Schedule(stages=stages), NOW, NOW + 1500 * DAY, [])
    assert any("(ml-dsa-65)" in event.what for event in events)
    assert any("no longer accepted without a time stamp" in event.what for event in events)
    assert not [event for event in events if event.breaks]


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256", "ecdsa-p384", "ml-dsa-44"])
def test_jwk_has_the_key(algorithm):
    half = public_half(algorithm, scheme.get(algorithm).generate().public_pem())
    assert jwk(half)["kid"] == half.keyid
    with pytest.raises(ConfigError):
        jwk(PublicHalf("falcon-512", HalfClass.PQ, half.pem))


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256", "ml-dsa-65"])
def test_a_public_key_has_one_spelling_and_one_algorithm(algorithm):
    pem = scheme.get(algorithm).generate().public_pem()
    lines = pem.splitlines()
    for other in (pem.rstrip("\n"), pem + "\n", pem.replace("\n", "\r\n"), "x\n" + pem, pem[:-40], "",
                  "\n".join([lines[0], "".join(lines[1:-1]), lines[-1], ""]) if len(lines) > 3 else "x"):  # fmt: skip
        with pytest.raises(InputError):
            public_half(algorithm, other)
    for lie in (
        "ed25519",
        "ecdsa-p256",
        "ecdsa-p384",
        "ml-dsa-44",
        "ml-dsa-65",
        "falcon-512",
        "slh-dsa-sha2-128s",
        "rsa",
    ):
        if lie != algorithm:
            with pytest.raises(InputError):
                public_half(lie, pem)
    assert TufKey(public_half(algorithm, pem), "alice").keyid


def test_an_old_liboqs_has_no_slh_dsa(monkeypatch):
    monkeypatch.setattr(liboqs, "_find", lambda: ("/x/lib/liboqs.so", "0.14.0"))
    monkeypatch.setattr(liboqs, "_module", lambda: object())
    assert "older than 0.15" in liboqs.LIBOQS.supports("slh-dsa-sha2-128s")


@pytest.mark.parametrize("name", ["ecdsa-p256", "ecdsa-p384", "ed25519", "ml-dsa-65"])
def test_a_private_key_shows_nothing(name: str) -> None:
    key = scheme.get(name).generate()
    assert repr(key) == str(key) == f"{key}" == "<private key>"


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {None: 1}}, {"a": 1, 2: "b"}, 1.5, b"x", ["a", {1.5}]])
def test_what_is_no_json_is_not_signed(value):
    with pytest.raises(InputError, match="cannot be signed"):
        canonical(value)


def test_canonical_json_is_that_of_tuf():
    value = {"b": ['a"b', "c\\d\n", ("é", None)], "a": {"z": True, "y": -1, "x": {}}}
    wanted = '{"a":{"x":{},"y":-1,"z":true},"b":["a\\"b","c\\\\d\n",["é",null]]}'
    assert canonical(value) == wanted.encode()
