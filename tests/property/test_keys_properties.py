"""Random histories and random damage: plans keep their promises, readers return or refuse and never crash."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from secpipe.core.errors import SecpipeError
from secpipe.core.trust import Authority, HalfClass, Identity, KeyState, KeyVersion, PublicHalf
from secpipe.keys import identity as documents
from secpipe.keys import wire
from secpipe.keys.metadata import Quorum, parse_envelope
from secpipe.keys.plan import plan_rotation
from secpipe.keys.ring import Delegation, read_ring
from secpipe.keys.root import parse_root, verify_chain
from secpipe.keys.schedule import Schedule, check_schedule, parse_duration, parse_schedule
from secpipe.keys.schemes.pkcs8 import import_pem, import_pkcs8
from secpipe.keys.successor import parse_successor
from secpipe.keystore import age
from secpipe.keystore.create import Plan, create
from secpipe.keystore.importing import import_key

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BOUNDS = Delegation(Quorum((), 1), ("ecdsa-p256+ml-dsa-65", "ml-dsa-65"), 400, 400)
LEGAL = {
    KeyState.PRE_ACTIVATION: {KeyState.PRE_ACTIVATION, KeyState.ACTIVE, KeyState.DEACTIVATED},
    KeyState.ACTIVE: {KeyState.ACTIVE, KeyState.DEACTIVATED},
    KeyState.DEACTIVATED: {KeyState.DEACTIVATED},
}


def halves(number):
    return (
        PublicHalf("ecdsa-p256", HalfClass.CLASSICAL, f"c{number}"),
        PublicHalf("ml-dsa-65", HalfClass.PQ, f"p{number}"),
    )


schedules = st.builds(
    lambda period, lead, overlap, jitter: Schedule(
        timedelta(days=period),
        timedelta(days=max(1, period * lead // 100)),
        timedelta(days=period * overlap // 100),
        timedelta(days=period * jitter // 100),
    ),
    st.integers(10, 150), st.integers(5, 60), st.integers(0, 100), st.integers(0, 30),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(schedules, st.lists(st.integers(1, 40), min_size=5, max_size=60))
def test_random_histories(schedule, gaps):
    """Whenever the scheduler runs: contiguous versions, no gap in signing, legal states, nothing forgotten."""
    check_schedule(schedule, "the schedule")
    identity = Identity(
        "builder", Authority(("model",)), (KeyVersion(1, halves(1), NOW, NOW + schedule.period + schedule.overlap),)
    )
    now, states = NOW, {}
    for gap in gaps:
        now += gap * DAY
        plan = plan_rotation((identity,), schedule, now, BOUNDS.algorithms, (), BOUNDS.key_days)
        assert plan == plan_rotation((identity,), schedule, now, BOUNDS.algorithms, (), BOUNDS.key_days)
        for step in plan.steps:
            assert step.version == identity.versions[-1].version + 1
            assert step.not_before >= now
            assert step.not_before < step.sign_until <= step.not_before + BOUNDS.key_days * DAY
            assert not step.blocked
            on_time = now <= identity.versions[-1].sign_until
            assert not on_time or step.not_before <= identity.versions[-1].sign_until  # nobody is left without a key
            version = KeyVersion(step.version, halves(step.version), step.not_before, step.sign_until)
            identity = Identity(identity.name, identity.authority, (*identity.versions, version))
        again = plan_rotation((identity,), schedule, now, BOUNDS.algorithms, (), BOUNDS.key_days)
        assert not again.steps or again.steps[0].not_before > now or not plan.steps
        for version in identity.versions:
            state = version.state(now)
            assert state in LEGAL[states.get(version.version, KeyState.PRE_ACTIVATION)]
            states[version.version] = state
    assert [version.version for version in identity.versions] == list(range(1, len(identity.versions) + 1))
    data = documents.identity_document(identity)
    assert len(data) < 1000 + 700 * len(identity.versions)  # linear in the number of keys


PLAIN = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | PLAIN


@given(
    st.recursive(LEAVES, lambda one: st.lists(one, max_size=4) | st.dictionaries(PLAIN, one, max_size=4), max_leaves=20)
)
def test_canonical_json_is_tufs(value):
    assert wire.canonical(value) == encode_canonical(value).encode()
    if isinstance(value, dict):
        assert wire.read(wire.pretty(value), "x") == value


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_readers_never_crash_on_noise(data):
    for reader in (
        lambda: wire.read(data, "x"),
        lambda: parse_root(data, "x"),
        lambda: documents.parse_identity(data, "builder"),
        lambda: parse_successor(data, "builder", 2),
        lambda: parse_envelope(data, "targets", "x"),
        lambda: parse_schedule(data, "x"),
        lambda: import_pkcs8(data),
        lambda: import_pem(data),
        lambda: import_key(data, lambda: b"x"),
        lambda: age.unseal(data, b"x", "x"),
        lambda: parse_duration(data.decode("latin-1")),
    ):
        with pytest.raises(SecpipeError):
            reader()


REFUSED = ['{"a":1,"a":1}', '{"a":1.5}', '{"a":NaN}', '{"a":1e3}', '{"a":"\\ud800"}', "[1]", "{" * 200_000, "\ufeff{}"]
REFUSED += ['{"a":' * 70 + "1" + "}" * 70, '{"a":' + "9" * 4000 + "}"]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_json_that_is_refused(text):
    with pytest.raises(SecpipeError):
        wire.read(text.encode("utf-8"), "x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("property")
    before, age.seal = age.seal, lambda text, passphrase, *, work=0: b"not needed here"
    try:
        plan = Plan("alice", {"builder": Authority(("model",))}, ("ed25519", "ml-dsa-65"), ("ecdsa-p256", "ml-dsa-65"),
                    90 * DAY, 14 * DAY, 3652, 400)  # fmt: skip
        create(base / "keys", base / "home", plan, b"x", NOW, lambda text: None)
    finally:
        age.seal = before
    return base / "keys"


SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damage(data, draw):
    """Change a value somewhere in the JSON, or cut, or flip a byte."""
    kind = draw(st.sampled_from(["cut", "flip", "edit", "drop"]))
    if kind == "cut":
        return data[: draw(st.integers(0, len(data) - 2))]
    if kind == "flip":
        at = draw(st.integers(0, len(data) - 2))
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
    document = json.loads(data)
    node, paths = document, []
    while isinstance(node, dict | list) and node:
        key = draw(st.sampled_from(sorted(node))) if isinstance(node, dict) else draw(st.integers(0, len(node) - 1))
        paths.append((node, key))
        node = node[key]
        if draw(st.booleans()) and len(paths) > 1:
            break
    parent, key = paths[-1]
    if kind == "drop":
        del parent[key]
    else:
        parent[key] = draw(
            st.sampled_from([None, 0, -1, True, "", "x", [], {}, 10**14, "2026-11-21T12:00:00Z", [{}], {"a": 1}])
        )
    return json.dumps(document).encode()


@SETTINGS
@given(st.data())
def test_a_damaged_root_is_refused_and_nothing_crashes(folder, data):
    good = (folder / "root/1.root.json").read_bytes()
    bad = damage(good, data.draw)
    if json_equal(good, bad):
        return
    with pytest.raises(SecpipeError):
        verify_chain([bad])


@SETTINGS
@given(st.data())
def test_a_damaged_ring_is_refused_and_nothing_crashes(folder, data):
    (root,) = verify_chain([(folder / "root/1.root.json").read_bytes()])
    good = (folder / "ring/1.targets.json").read_bytes()
    (target,) = (folder / "targets").iterdir()
    content = target.read_bytes()
    bad = damage(good, data.draw)
    if json_equal(good, bad):
        return
    with pytest.raises(SecpipeError):
        read_ring(root, root.envelope.digest, bad, None, lambda path, digest: content)


@SETTINGS
@given(st.data())
def test_a_damaged_identity_never_crashes(folder, data):
    (target,) = (folder / "targets").iterdir()
    bad = damage(target.read_bytes(), data.draw)
    with contextlib.suppress(SecpipeError):
        documents.parse_identity(bad, "builder")


def json_equal(one, two):
    try:
        return json.loads(one) == json.loads(two)
    except ValueError:
        return False


@given(st.integers(1, 10**6), st.sampled_from(["M", "H", "D", "W"]))
def test_durations_are_what_they_say(number, unit):
    number = number % 9999 + 1
    text = f"P{number}{unit}" if unit in "DW" else f"PT{number}{unit}"
    assert parse_duration(text) == number * timedelta(minutes={"M": 1, "H": 60, "D": 1440, "W": 10080}[unit])
