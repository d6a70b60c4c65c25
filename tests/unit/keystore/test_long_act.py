"""The whole act: sign in 2026, rotate 12 times, migrate to post-quantum only, verify the 2026 artifact in 2036."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secpipe.core.trust import KeyState
from secpipe.keys.schedule import Schedule, Stage, parse_schedule
from secpipe.keys.schemes import scheme
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trust_update import FolderSource, update
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers

DAY = timedelta(days=1)
ROTATION = b"""
schema = "secpipe.rotation/1"
period = "P270D"
lead = "P30D"
overlap = "P30D"
jitter = "P3D"
ring_validity = "P400D"

[[algorithms]]
halves = ["ecdsa-p256", "ml-dsa-65"]
accept_from = 2026-01-01
sign_from = 2026-01-01
sign_until = 2032-01-01

[[algorithms]]
halves = ["ml-dsa-65"]
accept_from = 2031-01-01
sign_from = 2031-07-01
require = "pq"
"""


def verify(trust, signatures, now):
    """What the sign room does with a ring: known key, acceptable state, every half."""
    for keyid, signature in signatures.items():
        identity, version, half = trust.find(keyid)
        assert identity.name == "builder"
        assert version.state(now) in {KeyState.ACTIVE, KeyState.DEACTIVATED}
        assert version.verify_until is None or now <= version.verify_until
        scheme.get(half.algorithm).verify(half.pem, signature, b"the 2026 artifact")


def test_ten_years(project, passphrase, now, tmp_path):
    schedule = parse_schedule(ROTATION, "rotation.toml")
    verifier, machine = tmp_path / "verifier", tmp_path / "machine"
    update(verifier, FolderSource(project.keys), machine, now, pin=project.pin)
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found, schedule=schedule), now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    trust = open_trust(project.keys, now=now)
    _, signers = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=now)
    signatures = {signer.keyid: signer.sign(b"the 2026 artifact") for signer in signers}
    verify(trust, signatures, now)

    at, rotations, algorithms = now, 0, []
    while at < datetime(2036, 11, 1, tzinfo=UTC):
        at += 29 * DAY  # a scheduler that mostly failed
        if at.year == 2031 and open_trust(project.keys, now=at).root_version == 1:  # the holders meet once in ten years
            found = quorum.begin(project.keys, project.home, at)
            quorum.draft(found, quorum.renewed(found, root=True), at)
            assert sign_pending(project.keys, project.home, passphrase, at).published
        outcome = rotate(project.keys, project.home, schedule, passphrase, lambda at=at: at)
        rotations += bool(outcome.made)
        algorithms += ["+".join(step.algorithms) for step in outcome.made if step.identity == "builder"]
        if outcome.made:
            verify(update(verifier, FolderSource(project.keys), machine, at).trust, signatures, at)
    assert rotations >= 12
    assert algorithms[0] == "ecdsa-p256+ml-dsa-65"
    assert set(algorithms[-4:]) == {"ml-dsa-65"}
    assert algorithms == sorted(algorithms)  # one migration, and no way back

    last = datetime(2036, 11, 15, tzinfo=UTC)
    trust = open_trust(project.keys, pin=project.pin, now=last)
    assert trust.pinned
    verify(trust, signatures, last)
    newest, signers = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=last)
    assert [signer.algorithm for signer in signers] == ["ml-dsa-65"]
    assert [half.algorithm for half in newest.halves] == ["ml-dsa-65"]


def test_from_classical_over_hybrid_to_post_quantum(project, passphrase, now):
    """An identity that began with a classical key only: the quorum allows each set, automation walks through them."""
    from secpipe.core.trust import Authority, Identity

    old = Schedule(jitter=timedelta(0))
    found = quorum.begin(project.keys, project.home, now)
    blank = Identity("legacy", Authority(("file",)), (), "alice")
    change = quorum.with_identity(found, project.home, blank, ["ecdsa-p256"], old, passphrase, now)
    quorum.draft(found, change, now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    assert open_trust(project.keys, now=now).identities[1].versions[0].halves[0].algorithm == "ecdsa-p256"
    stages = (
        Stage(("ecdsa-p256", "ml-dsa-65"), now, now + 200 * DAY, now + 500 * DAY, now + 3000 * DAY),
        Stage(("ml-dsa-65",), now + 300 * DAY, now + 400 * DAY, require="pq"),
    )
    schedule = Schedule(jitter=timedelta(0), stages=stages)
    at, walked = now, []
    for _ in range(60):
        at += 10 * DAY
        outcome = rotate(project.keys, project.home, schedule, passphrase, lambda at=at: at)
        walked += [(step.not_before, step.algorithms) for step in outcome.made if step.identity == "legacy"]
    assert [names for _, names in walked][:2] == [("ecdsa-p256",), ("ecdsa-p256",)]
    hybrid = [start for start, names in walked if len(names) == 2]
    assert min(hybrid) == now + 200 * DAY  # published in time to sign on the very day
    assert min(start for start, names in walked if names == ("ml-dsa-65",)) == now + 400 * DAY
    versions = open_trust(project.keys, now=at).identities[1].versions
    assert {version.verify_until for version in versions if len(version.halves) == 2} == {now + 3000 * DAY}
    assert all(version.sign_until <= now + 500 * DAY for version in versions if len(version.halves) == 2)
