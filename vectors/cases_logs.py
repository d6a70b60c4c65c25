"""Cases about log proofs: entries, paths, checkpoints, the two lines of a log and the quorum of its witnesses."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from secpipe.log import merkle, note
from secpipe.log.checkpoint import Checkpoint, NoteSigner
from secpipe.log.entry import Entry
from secpipe.log.note import Line, Note
from secpipe.log.proof import Proof
from vectors.book import Book
from vectors.world import NOW, b64, dumps, key, sha256

ORIGIN = "log.example/shop"


def signer(name: str, algorithm: str, type_: int, seed: str = "") -> NoteSigner:
    made = key(f"log/{seed or name}", algorithm)
    return NoteSigner(note.key_of(name, type_, made.public), made)


LOG = (signer(ORIGIN, "ed25519", note.ED25519), signer(ORIGIN, "ml-dsa-44", note.ML_DSA_44))
W1, W2 = (signer(f"w{number}.example/team", "ml-dsa-44", note.ML_DSA_44) for number in (1, 2))
W3 = signer("w3.example/old", "ed25519", note.COSIGNED_ED25519)
STRANGER = signer("w9.example/team", "ml-dsa-44", note.ML_DSA_44)
ENTRIES = [Entry("file", NOW, sha256(b"%d" % nth)).encode() for nth in range(13)]
WHO = {"keys": [one.key.text() for one in LOG]}
SEEN = {**WHO, "witnesses": [W1.key.text(), W2.key.text()], "quorum": 1}


class Extended(Checkpoint):
    """A checkpoint with an extension line, which secpipe does not write."""

    __slots__ = ()

    def text(self) -> str:
        return super().text() + "note\n"


def tree(entries: Sequence[bytes]) -> Any:
    leaves = [merkle.leaf(one) for one in entries]
    return lambda level, index: merkle.perfect(b"".join(leaves[index << level : (index + 1) << level]))


def head(entries: Sequence[bytes], **changes: Any) -> Checkpoint:
    size = len(entries)
    base = {"origin": ORIGIN, "size": size, "root": merkle.root(tree(entries), size)}
    return Checkpoint(**(base | changes))


def checkpoint(one: Checkpoint, signers: Sequence[NoteSigner] = LOG, change: Any = None) -> bytes:
    lines = [each.sign(one, NOW) for each in signers]
    return Note(one.text(), tuple(change(lines) if change else lines)).encode()


def proof(entries: Sequence[bytes], at: int, signed: bytes | None = None, **changes: Any) -> bytes:
    path = tuple(merkle.inclusion(tree(entries), at, len(entries)))
    base = {"index": at, "path": path, "checkpoint": signed or checkpoint(head(entries)), "extra": entries[at]}
    return Proof(**(base | changes)).encode()


def digest(index: int) -> str:
    return sha256(b"%d" % index)


def add_all(book: Book) -> None:
    paths(book)
    lines(book)
    texts(book)
    entries(book)


def paths(book: Book) -> None:
    for size in (1, 2, 3, 4, 7, 8, 13):
        signed = checkpoint(head(ENTRIES[:size]))
        for index in sorted({0, size // 2, size - 1}):
            good = proof(ENTRIES[:size], index, signed)
            book.log(f"path-{size}-{index}", f"Entry {index} of {size}.", "", good, digest(index), WHO)
    seven, signed = ENTRIES[:7], checkpoint(head(ENTRIES[:7]))
    path = merkle.inclusion(tree(seven), 4, 7)

    def add(id_: str, about: str, code: str, data: bytes, index: int = 4) -> None:
        book.log(id_, about, code, data, digest(index), WHO)

    bad = "not-in-log"
    add("path-short", "A hash is missing.", bad, proof(seven, 4, signed, path=tuple(path[:-1])))
    add("path-long", "A hash too many.", bad, proof(seven, 4, signed, path=(*path, bytes(32))))
    add("path-order", "The hashes in another order.", bad, proof(seven, 4, signed, path=tuple(reversed(path))))
    add("path-damaged", "A hash is another one.", bad, proof(seven, 4, signed, path=(bytes(32), *path[1:])))
    add("path-none", "No hash.", bad, proof(seven, 4, signed, path=()))
    add("index-other", "The index of a neighbour.", bad, proof(seven, 4, signed, index=5))
    add("index-beyond", "An index that the tree does not have.", bad, proof(seven, 4, signed, index=7))
    add("index-far", "An index far beyond.", bad, proof(seven, 4, signed, index=2**62))
    add("entry-other", "Another entry on this path.", bad, proof(seven, 4, signed, extra=ENTRIES[5]), 5)
    add("about-other", "A good proof about something else.", "other-entry", proof(seven, 4, signed), 5)
    add("root-of-smaller", "The root of a smaller tree.", bad, proof(seven, 4, checkpoint(head(ENTRIES[:6]))))
    empty = checkpoint(head([], root=merkle.EMPTY, size=0))
    add("tree-empty", "A log without entries.", bad, proof(ENTRIES[:1], 0, empty), 0)
    add(
        "tree-empty-root",
        "A log without entries that has a root of some.",
        bad,
        proof(ENTRIES[:1], 0, checkpoint(head(ENTRIES[:1], size=0))),
        0,
    )
    node = merkle.node(merkle.leaf(ENTRIES[0]), merkle.leaf(ENTRIES[1]))
    inner = proof(
        ENTRIES[:2],
        0,
        checkpoint(head(ENTRIES[:2], size=1, root=node)),
        path=(),
        extra=merkle.leaf(ENTRIES[0]) + merkle.leaf(ENTRIES[1]),
    )
    add("node-as-leaf", "An inner node is no entry.", bad, inner, 0)


def lines(book: Book) -> None:
    five = ENTRIES[:5]

    def add(id_: str, about: str, code: str, signed: bytes, who: Mapping[str, Any] = WHO) -> None:
        book.log(id_, about, code, proof(five, 2, signed), digest(2), who)

    one = head(five)
    missing, invalid, few = "log-line-missing", "log-line-invalid", "witness-quorum"
    add("line-order", "The lines in another order.", "", checkpoint(one, LOG[::-1]))
    add("line-no-pq", "The ML-DSA line is missing.", missing, checkpoint(one, LOG[:1]))
    add("line-no-classical", "The Ed25519 line is missing.", missing, checkpoint(one, LOG[1:]))
    add("line-twice", "A line stands twice.", "", checkpoint(one, (LOG[0], LOG[0], LOG[1])))
    add("line-stranger", "A line of nobody who is known does no harm.", "", checkpoint(one, (*LOG, STRANGER)))
    for at, word in ((0, "classical"), (1, "pq")):

        def damaged(found: list[Line], at: int = at) -> list[Line]:
            spoiled = found[at].signature[:-1] + bytes((found[at].signature[-1] ^ 1,))
            return [Line(line.name, line.id, spoiled) if index == at else line for index, line in enumerate(found)]

        def doubled(found: list[Line], at: int = at) -> list[Line]:
            return [*found, damaged(found, at)[at]]

        add(f"line-{word}-damaged", f"The {word} line is damaged.", invalid, checkpoint(one, change=damaged))
        add(
            f"line-{word}-damaged-too",
            f"A damaged {word} line beside the good one.",
            invalid,
            checkpoint(one, change=doubled),
        )
        add(
            f"line-{word}-short",
            f"The {word} line is cut.",
            invalid,
            checkpoint(
                one,
                change=lambda found, at=at: [
                    Line(line.name, line.id, line.signature[:9]) if index == at else line
                    for index, line in enumerate(found)
                ],
            ),
        )
    other = [signer(ORIGIN, "ed25519", note.ED25519, "other"), signer(ORIGIN, "ml-dsa-44", note.ML_DSA_44, "other")]
    add("line-other-keys", "Other keys under the log's name.", missing, checkpoint(one, other))
    add(
        "line-other-id",
        "A line whose key id is another's is a stranger's.",
        missing,
        checkpoint(one, change=lambda found: [found[0], Line(found[1].name, b"\0\0\0\0", found[1].signature)]),
    )
    add(
        "line-other-name",
        "A line under another name is a stranger's.",
        missing,
        checkpoint(one, change=lambda found: [found[0], Line("x", found[1].id, found[1].signature)]),
    )
    late = [LOG[0].sign(one, NOW), Line(ORIGIN, LOG[1].key.id, b"\xff" * 8 + LOG[1].sign(one, NOW).signature[8:])]
    add("line-time-beyond", "A time that no clock shows.", invalid, checkpoint(one, change=lambda _: late))
    moved = [LOG[0].sign(one, NOW), Line(ORIGIN, LOG[1].key.id, bytes(8) + LOG[1].sign(one, NOW).signature[8:])]
    add("line-time-moved", "Another time than was signed.", invalid, checkpoint(one, change=lambda _: moved))
    add(
        "origin-other",
        "A checkpoint of another log, by the same keys.",
        "other-log",
        checkpoint(head(five, origin="log.example/other")),
    )
    add("size-other", "Another size than was signed.", invalid, checkpoint(one).replace(b"\n5\n", b"\n6\n", 1))
    add(
        "extension",
        "An extension line, which ML-DSA does not sign.",
        "log-malformed",
        checkpoint(Extended(ORIGIN, 5, one.root)),
    )
    add("witness-one", "One of two witnesses signed, and one is needed.", "", checkpoint(one, (*LOG, W1)), SEEN)
    add("witness-both", "Both did.", "", checkpoint(one, (*LOG, W1, W2)), SEEN)
    add("witness-none", "None did.", few, checkpoint(one), SEEN)
    add("witness-two-needed", "One did, two are needed.", few, checkpoint(one, (*LOG, W1)), SEEN | {"quorum": 2})
    add("witness-twice", "One did twice, two are needed.", few, checkpoint(one, (*LOG, W1, W1)), SEEN | {"quorum": 2})
    add("witness-stranger", "A witness that nobody knows.", few, checkpoint(one, (*LOG, STRANGER)), SEEN)
    add("witness-not-asked", "Witnesses are known and none is needed.", "", checkpoint(one), SEEN | {"quorum": 0})
    spoiled = checkpoint(
        one,
        (*LOG, W1, W2),
        lambda found: [*found[:3], Line(found[3].name, found[3].id, found[3].signature[:-1] + b"\0")],
    )
    add("witness-damaged", "A damaged line of a known witness spoils the checkpoint.", invalid, spoiled, SEEN)
    old = SEEN | {"witnesses": [W3.key.text()]}
    add("witness-ed25519", "A witness with an Ed25519 cosignature.", "", checkpoint(one, (*LOG, W3)), old)
    pairs = SEEN | {"witnesses": [W1.key.text(), signer(W1.key.name, "ed25519", note.COSIGNED_ED25519).key.text()]}
    add("witness-half", "A witness with two keys, of which one signed.", few, checkpoint(one, (*LOG, W1)), pairs)
    add(
        "witness-pair",
        "Both of its keys signed.",
        "",
        checkpoint(one, (*LOG, W1, signer(W1.key.name, "ed25519", note.COSIGNED_ED25519))),
        pairs,
    )


def texts(book: Book) -> None:
    three = ENTRIES[:3]
    good = proof(three, 1)

    def add(id_: str, about: str, code: str, data: bytes) -> None:
        book.log(f"text-{id_}", about, code, data, digest(1), WHO)

    bad = "log-malformed"
    extra = b64(three[1]).encode()
    swaps: dict[str, tuple[bytes, bytes]] = {
        "header": (b"@v1", b"@v2"), "crlf": (b"\n", b"\r\n"), "no-extra-word": (b"extra ", b"extras "), "extra-base64": (b"extra ", b"extra *"), "index-zero": (b"index 1", b"index 01"),
        "index-sign": (b"index 1", b"index +1"), "index-negative": (b"index 1", b"index -1"), "index-huge": (b"index 1", b"index 9223372036854775808"), "index-space": (b"index 1", b"index  1"),
        "index-missing": (b"index 1\n", b""), "no-blank": (b"\n\n", b"\n"), "dash": ("\u2014".encode(), b"-"), "tab": (b"\n3\n", b"\n3\t\n"), "size-zero": (b"\n3\n", b"\n03\n"),
        "size-text": (b"\n3\n", b"\nx\n"), "size-missing": (b"\n3\n", b"\n"), "not-utf-8": (ORIGIN.encode(), b"\xff"), "extra-url": (extra, extra.replace(b"=", b"").replace(b"e", b"-", 1)),
    }  # fmt: skip
    for word, (old, new) in swaps.items():
        add(
            word, f"A proof with: {word}.", bad, good.replace(old, new, 1) if word != "crlf" else good.replace(old, new)
        )
    add("empty", "An empty file.", bad, b"")
    add("no-end", "No newline at the end.", bad, good.rstrip(b"\n"))
    add("no-lines", "A checkpoint without lines.", bad, good[: good.index(b"\n\n", good.index(b"\n\n") + 2) + 2])
    add("hash-short", "A hash of 31 bytes.", bad, proof(three, 1, path=(bytes(31), bytes(32))))
    add(
        "hash-padding",
        "Padding bits that are not zero.",
        bad,
        good.replace(
            b64(merkle.inclusion(tree(three), 1, 3)[0]).encode(),
            b64(merkle.inclusion(tree(three), 1, 3)[0]).encode()[:-2] + b"B=",
        ),
    )
    add("hashes-many", "Sixty-four hashes.", bad, proof(three, 1, path=(bytes(32),) * 64))
    add("root-short", "A root of 31 bytes.", bad, proof(three, 1, checkpoint(head(three, root=bytes(31)))))
    add("lines-many", "Sixty-five lines.", bad, proof(three, 1, checkpoint(head(three), [*LOG, *[LOG[0]] * 63])))
    add("lines-most", "Sixty-four lines.", "", proof(three, 1, checkpoint(head(three), [*LOG, *[LOG[0]] * 62])))
    add(
        "line-short",
        "A line of four bytes.",
        bad,
        proof(three, 1, checkpoint(head(three), change=lambda found: [*found, Line("x", b"1234", b"")])),
    )
    book.log("text-too-long", "A file that is over the bound.", bad, good, digest(1), WHO, pad=700_000)


def entries(book: Book) -> None:
    def add(id_: str, about: str, code: str, entry: bytes) -> None:
        data = proof([ENTRIES[0], entry], 1)
        book.log(f"entry-{id_}", about, code, data, digest(1), WHO)

    bad, base = "log-malformed", ENTRIES[1]
    table: dict[str, Any] = {
        "about": {},
        "digest": {"sha256": digest(1)},
        "schema": "secpipe.log-entry/1",
        "time": "2026-11-21T12:00:00Z",
        "type": "file",
    }
    assert dumps(table) == base
    changes: dict[str, dict[str, Any]] = {
        "schema": {"schema": "secpipe.log-entry/2"}, "type": {"type": "mood"}, "time": {"time": "2026-11-21"}, "digest": {"digest": {"sha256": "x"}}, "digest-more": {"digest": {"sha256": digest(1), "sha512": "x"}},
        "unknown-field": {"note": "x"}, "about-number": {"about": {"a": 1}}, "about-key": {"about": {"A": "x"}}, "about-long": {"about": {"a": "x" * 513}}, "about-list": {"about": []},
        "about-many": {"about": {f"a{nth}": "x" for nth in range(33)}},
    }  # fmt: skip
    for word, change in changes.items():
        add(word, f"An entry with: {word}.", bad, dumps(table | change))
    add("about", "An entry that says more.", "", dumps(table | {"about": {"release": "0" * 64, "environment": "prod"}}))
    add("about-unicode", "What it says may be any text.", "", dumps(table | {"about": {"note": 'ü "\\\n\u2028\x7f'}}))
    for kind in (
        "verdict",
        "override",
        "signature",
        "attestation",
        "derivation",
        "evaluation",
        "waiver",
        "acceptance",
        "rotation",
        "revocation",
        "ceremony",
    ):
        add(f"type-{kind}", f"An entry of type {kind}.", "", dumps(table | {"type": kind}))
    add("spaces", "Spaces: not canonical.", bad, base.replace(b":", b": ", 1))
    add(
        "order",
        "Another order of keys: not canonical.",
        bad,
        b'{"type":"file",' + base[1:].replace(b',"type":"file"', b""),
    )
    add("escapes", "An escape that is not needed.", bad, base.replace(b"file", b"f\\u0069le"))
    add("surrogate", "Text that is not Unicode.", bad, base.replace(b'"about":{}', b'"about":{"note":"\\ud800"}'))
    add("no-json", "No JSON.", bad, b"hello")
    book.log("entry-missing", "No entry in the proof.", "not-in-log", proof(ENTRIES[:2], 1, extra=b""), digest(1), WHO)
    assert base64.b64decode(b64(base)) == base
