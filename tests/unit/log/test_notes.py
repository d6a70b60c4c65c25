"""Notes, verifier keys, checkpoints and cosignatures: the specifications' own examples, and what is no note."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError, InputError, MissingDependency, TrustError
from secpipe.keys.schemes import scheme
from secpipe.log import checkpoint, entry, merkle, note, proof, trusted
from secpipe.log.checkpoint import Checkpoint
from secpipe.log.merkle import EMPTY
from secpipe.log.note import Line, Note
from tests.unit.log_world import NOW, ORIGIN, entries, signer, signers, trust, vkeys, witness

HEAD = Checkpoint(ORIGIN, 7, b"r" * 32)
# The example of C2SP signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def signed(head: Checkpoint = HEAD, *more: object) -> bytes:
    lines = [each.sign(head, NOW) for each in (*signers(), *more)]  # type: ignore[attr-defined]
    return Note(head.text(), tuple(lines)).encode()


def test_the_example_of_the_specification() -> None:
    key, found = note.parse_key(VKEY), note.parse(NOTE.encode(), "the example")
    assert key.text() == VKEY
    assert found.encode() == NOTE.encode()
    (match,) = note.known(found, [key])
    half = match[0].half
    scheme.get("ed25519").verify(half.pem, match[1].signature, found.text.encode())


def test_the_cosigned_message_is_that_of_the_specification() -> None:
    key = witness().key
    expected = (
        b"subtree/v1\n\0" + b"\x12witness.example/w1" + struct.pack(">Q", 5) + bytes((len(ORIGIN),)) + ORIGIN.encode()
        + struct.pack(">QQ", 0, 7) + b"r" * 32
    )  # fmt: skip
    assert checkpoint.message(key, HEAD, 5) == expected
    classical = signer("w.example/c", "ed25519", note.COSIGNED_ED25519).key
    assert checkpoint.message(classical, HEAD, 5) == b"cosignature/v1\ntime 5\n" + HEAD.text().encode()


def test_both_halves_of_the_log_and_the_quorum_are_needed() -> None:
    who = trust(witness(), quorum=1)
    seen = trusted.check(signed(HEAD, witness()), who)
    assert seen.head == HEAD
    assert seen.witnesses == ("witness.example/w1",)
    with pytest.raises(TrustError, match=r"0 of the 1 witnesses"):
        trusted.check(signed(), who)
    for nth, missing in enumerate(("ed25519", "ml-dsa-44")):
        line = signers()[1 - nth].sign(HEAD, NOW)
        with pytest.raises(TrustError, match=f"not signed by the log's {missing}"):
            trusted.check(Note(HEAD.text(), (line,)).encode(), trust())


def test_a_line_of_a_known_key_that_does_not_hold_spoils_the_whole_note() -> None:
    line = witness().sign(HEAD, NOW)
    bad = replace(line, signature=line.signature[:-1] + bytes((line.signature[-1] ^ 1,)))
    lines = (*(each.sign(HEAD, NOW) for each in signers()), bad)
    data = Note(HEAD.text(), lines).encode()
    with pytest.raises(TrustError, match=r"witness.example/w1 does not hold"):
        trusted.check(data, trust(witness()))
    assert trusted.check(data, trust()).witnesses == (), "a key that nobody knows is ignored"


def test_a_witness_with_two_keys_counts_with_both() -> None:
    two = signer("witness.example/w1", "ed25519", note.COSIGNED_ED25519)
    who = trusted.trusted(vkeys(), [witness().key.text(), two.key.text()], 1)
    assert trusted.check(signed(HEAD, witness(), two), who).witnesses == ("witness.example/w1",)
    with pytest.raises(TrustError, match="0 of the 1"):
        trusted.check(signed(HEAD, witness()), who)


def test_a_signature_of_one_name_or_log_is_none_of_another() -> None:
    line = witness("witness.example/w1").sign(HEAD, NOW)
    renamed = note.key_of("witness.example/w2", note.ML_DSA_44, witness().key.half)
    with pytest.raises(TrustError):
        checkpoint.verify(renamed, HEAD, Line(renamed.name, renamed.id, line.signature))
    with pytest.raises(TrustError):
        checkpoint.verify(witness().key, replace(HEAD, origin="log.example/other"), line)
    other = signed(replace(HEAD, origin="log.example/other"))
    with pytest.raises(TrustError, match=r"not of log.example/shop"):
        trusted.check(other, trust())


@pytest.mark.parametrize(
    ("keys", "witnesses", "quorum"),
    [
        ((), (), 0),
        ((*vkeys(), vkeys("log.example/other")[0]), (), 0),
        (vkeys(), (vkeys()[1],), 1),  # the log as its own witness
        (vkeys(), (note.key_of("w.example/self", note.ML_DSA_44, signers()[1].key.half).text(),), 1),
        (vkeys(), (witness().key.text(),) * 2, 1),
        (vkeys(), (witness().key.text(),), 2),
        (vkeys(), (witness().key.text(),), -1),
        (vkeys(), (signer("w.example/plain", "ed25519", note.ED25519).key.text(),), 1),
    ],
)
def test_trust_that_says_less_than_it_seems_is_refused(
    keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int
) -> None:
    with pytest.raises(ConfigError):
        trusted.trusted(keys, witnesses, quorum)


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", "a\n", "a\n\n", "a\n\n\u2014 n AAAA", "a\n\nn AAAAAAA=\n", "a\n\n\u2014 n AAAA\n",
        "a\n\n\u2014 n+x AAAAAAA=\n",
        "a\n\n\u2014 n AAAAAAA=\n\n", "a\r\n\n\u2014 n AAAAAAA=\n",
        "a\n\n\u2014  AAAAAAA=\n", "a\n\n\u2014 n AAAAAAB=\n",
        "a\n\n" + "\u2014 n AAAAAAA=\n" * (note.MOST + 1), "a\0\n\n\u2014 n AAAAAAA=\n",
    ],
)  # fmt: skip
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(InputError):
        note.parse(text.encode(), "it")


def test_sixteen_large_signatures_are_taken() -> None:
    lines = tuple(Line(f"w{nth}.example", b"abcd", b"s" * 5000) for nth in range(16))
    assert note.parse(Note("a\n", lines).encode(), "it").lines == lines


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n07\n{'A' * 43}=\n", f"{ORIGIN}\n7\nAAAA\n", f"{ORIGIN}\n7\n", f"\n7\n{'A' * 43}=\n",
        f"{ORIGIN}\n-1\n{'A' * 43}=\n",
        f"{ORIGIN}\n{2**63}\n{'A' * 43}=\n", f"{ORIGIN}\n7\n{'A' * 43}=\n\nx\n", f"{ORIGIN}\n\u0667\n{'A' * 43}=\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint(text: str) -> None:
    data = Note(text, (Line("n", b"abcd", b"s"),)).encode()
    with pytest.raises(InputError):
        checkpoint.read(data)


def test_an_empty_tree_has_the_root_of_none() -> None:
    assert trusted.check(signed(Checkpoint(ORIGIN, 0, EMPTY)), trust()).head.size == 0
    with pytest.raises(TrustError, match="without entries"):
        trusted.check(signed(Checkpoint(ORIGIN, 0, b"r" * 32)), trust())


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+b+c", VKEY.replace("530d903a", "530d903b"), VKEY + "A", VKEY.replace("+Aek", "+Cek"), " " + VKEY,
     "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"],
)  # fmt: skip
def test_what_is_no_verifier_key(text: str) -> None:
    with pytest.raises(InputError):
        note.parse_key(text)


def test_without_a_library_for_ml_dsa_nothing_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(algorithm: str) -> object:
        if algorithm == "ml-dsa-44":
            raise MissingDependency("ml-dsa-44 is not in this build of cryptography")
        return real(algorithm)

    data, real = signed(), scheme.get
    monkeypatch.setattr(scheme, "get", absent)
    with pytest.raises(MissingDependency):
        trusted.check(data, trust())


@given(st.binary(max_size=300))
def test_the_readers_never_raise_anything_else(data: bytes) -> None:
    for read in (checkpoint.read, note.parse, proof.parse, entry.parse):
        with contextlib.suppress(InputError):
            read(data, "it")


def proven(data: bytes) -> None:
    found = proof.parse(data, "it")
    proof.verify(found, found.extra, trust())


@given(st.data())
def test_a_proof_with_a_byte_changed_is_refused(data: st.DataObject) -> None:
    leaf = entries(1)[0]
    whole = proof.Proof(0, (), signed(Checkpoint(ORIGIN, 1, merkle.leaf(leaf))), leaf).encode()
    at, flip = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    changed = whole[:at] + bytes((whole[at] ^ flip,)) + whole[at + 1 :]
    with pytest.raises((TrustError, InputError)):
        proven(changed)


@given(st.data())
def test_every_byte_of_a_checkpoint_counts(data: st.DataObject) -> None:
    whole = bytearray(_SIGNED)
    at, flip = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    whole[at] ^= flip
    with pytest.raises((TrustError, InputError)):
        trusted.check(bytes(whole), trust(witness(), quorum=1))


_SIGNED = signed(HEAD, witness())
