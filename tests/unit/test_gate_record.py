"""Evidence as a document: nothing is lost, nothing hostile gets through, and it judges as the original did."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.artifact import Digest, Skip
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Policy, Waiver
from secpipe.gate.record import Record, decode, encode
from tests.unit.gate_builders import NOW, clean, finding, ok

LIBRARY = Component(
    "pkg:pypi/torch@2.1", ComponentKind.LIBRARY, "torch", "2.1", "pkg:pypi/torch@2.1", "PyPI", "uv.lock", 7,
    (Digest("sha256", "ab" * 32),), ("BSD-3-Clause",), False,
    {"license": Fact("BSD-3-Clause", Grade.DECLARED, "uv.lock")},
)  # fmt: skip


def record(**evidence: Evidence) -> Record:
    return Record(
        NOW, "prod", {"name": "acme", "digest": {"dirHash": "0" * 64}}, clean(**evidence), ("a", "m/x"), "", (LIBRARY,)
    )


TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud800", "\udcff", "\x1b[2J", "a\nb", ""])
COUNTS = st.dictionaries(TEXT, st.integers(1, 10**6), max_size=2)
ACCOUNTS = st.none() | st.builds(
    lambda tallies, shallow: Account(tuple(tallies), tuple(shallow)),
    st.lists(st.sampled_from(list(Thing)), unique=True).flatmap(
        lambda things: st.tuples(*(
            st.builds(Tally, st.just(thing), COUNTS, COUNTS, st.integers(0, 9), st.integers(0, 9))
            for thing in sorted(things, key=list(Thing).index)
        ))
    ),
    st.lists(st.builds(Skip, TEXT, TEXT), max_size=2),
)  # fmt: skip
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    path=TEXT,
    subject=TEXT,
    message=TEXT,
    facts=st.dictionaries(TEXT, FACTS, max_size=3),
    soft=st.booleans(),
    account=ACCOUNTS,
)
def test_nothing_is_lost_whatever_the_names(
    path: str, subject: str, message: str, facts: Any, soft: bool, account: Account | None
) -> None:
    found = finding(path=path, subject=subject, message=message, details=facts)
    before = record(
        models=Evidence(
            "models", State.STALE, message or "old", NOW, (found,), (Skip(path, "why", soft),), facts, "p", account
        )
    )
    after = decode(encode(before), "it")
    assert after == before
    assert [f.id for f in after.evidence["models"].findings] == [found.id]
    assert encode(after) == encode(before)


def test_it_judges_as_the_original_did() -> None:
    policy = replace(Policy(), name="p", owner="o")
    for before in (
        record(),
        record(models=ok("models", x=1)),
        record(audit=Evidence("audit", State.SKIPPED, "no data")),
    ):
        assert decide(decode(encode(before), "it").situation(policy)) == decide(before.situation(policy))


def test_the_text_cannot_steer_a_terminal() -> None:
    assert b"\x1b" not in encode(record(files=ok("files", name="\x1b[2J\x9b")))
    assert encode(record(files=ok("files", name="\x9b"))).isascii()


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("evidence"),
        lambda d: d.update(schema="secpipe.verdict/1"),
        lambda d: d["evidence"]["models"].update(state="fine"),
        lambda d: d["evidence"]["models"].update(state="failed"),  # without a reason
        lambda d: d.update(at="yesterday"),
        lambda d: d.update(at="2026-11-21T12:00:00"),
        lambda d: d.update(paths=[1]),
        lambda d: d.update(components=[{}]),
        lambda d: d.update(components={"a": 1}),
        lambda d: d["evidence"].update(models=None),
        lambda d: d.update(evidence=[]),
    ],
)
def test_a_damaged_document_is_an_error_of_ours(damage: Any) -> None:
    document = json.loads(encode(record()))
    damage(document)
    with pytest.raises(InputError):
        decode(json.dumps(document).encode(), "it")


@given(st.data())
def test_truncated_or_mutated_never_raises_anything_else(data: st.DataObject) -> None:
    whole = bytearray(encode(record()))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]), "it")


def test_waivers_and_the_policys_signer_come_back_and_count_again() -> None:
    beside = Waiver(
        id="W", rule="models/*", owner="raj", reason="r", expires=date(2026, 12, 1), source="w", signed_by="s"
    )
    own = replace(beside, id="P", source="", signed_by="")
    again = decode(encode(replace(record(), waivers=(beside,), policy_signer="security")), "evidence")
    assert (again.waivers, again.policy_signer) == ((beside,), "security")
    signers = {one.id: one.signed_by for one in again.situation(replace(Policy(), waiver=(own,))).policy.waiver}
    assert signers == {"P": "security", "W": "s"}


@pytest.mark.parametrize("change", [{"expires": "soon"}, {"expires": None}, {"paths": "x"}, {"paths": [1]}, {"id": 3}])
def test_a_recorded_waiver_that_is_none_is_refused(change: dict[str, Any]) -> None:
    beside = Waiver(id="W", rule="models/*", owner="raj", reason="r", expires=date(2026, 12, 1))
    document = json.loads(encode(replace(record(), waivers=(beside,))))
    document["waivers"][0] |= change
    with pytest.raises(InputError):
        decode(json.dumps(document).encode(), "evidence")


def test_the_first_version_is_read_and_has_no_account() -> None:
    document = json.loads(encode(record(models=ok("models"))))
    document["schema"] = "secpipe.evidence/1"
    for one in document["evidence"].values():
        del one["account"]
    assert decode(json.dumps(document).encode(), "it").evidence["models"].account is None


def test_an_account_that_hides_what_was_not_read_is_a_defect() -> None:
    with pytest.raises(ValueError, match="does not name"):
        Evidence("models", State.OK, account=Account((Tally(Thing.FILE, not_read=1),)))
