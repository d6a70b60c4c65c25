"""Cases about rules that a stranger's verifier could break unseen: each was found by changing that verifier."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from secpipe.core.trust import Identity, TimeAuthority
from secpipe.gate.verdicts import vsa
from secpipe.keys.metadata import EXTRA
from secpipe.keys.ring import Suspension
from secpipe.keys.successor import Successor, endorse
from secpipe.keys.tufkey import TufKey
from secpipe.log.note import Line
from vectors import cases_folders as folders
from vectors import cases_logs as logs
from vectors import cases_signatures as files
from vectors import cases_trust as trusts
from vectors import cases_verdicts as verdicts
from vectors.book import Book
from vectors.cases_trust import ANCHOR, BASE, MADE, ONE, SECOND, SIGNERS, TWO, builder, next_of, turned
from vectors.world import Trust, day, document, keys_of, pair, ring, root, sealed, sha256, simple, twins, version

#: The order of Ed25519's group: S and S + L would verify alike if nobody looked at S (RFC 8032, 5.1.7).
_ORDER = 2**252 + 27742317777372353535851937790883648493


def add_all(book: Book) -> None:
    for part in (
        authorisations,
        key_jobs,
        roles,
        marks,
        times,
        levels,
        artifacts,
        paths,
        summaries,
        older_trust,
        ed25519,
    ):
        part(book)


def nested(count: int, inside: Any = None) -> Any:
    """Return `count` lists, one in the other; the innermost is empty or holds `inside`."""
    value: Any = [] if inside is None else [inside]
    for _ in range(count - 1):
        value = [value]
    return value


def authorisations(book: Book) -> None:
    """An identity with a rotation key of its own."""
    own, foreign = pair("small/own", *SIGNERS), pair("small/foreign", *SIGNERS)
    who = replace(builder(), rotation=tuple(one.public for one in own))
    base = simple([who])
    made = next_of()
    good = endorse("builder", made.version, MADE, ANCHOR, who.versions[0], ONE, TWO, own, who.rotation)
    given = good.authorisation
    keyids = [one.keyid for one in own]
    strange = {one.keyid: one.sign(good.statement) for one in foreign}

    def add(id_: str, about: str, code: str, one: Successor, trust: Trust = base) -> None:
        book.trust(f"authorisation-{id_}", about, code, turned(one, base=trust))

    def proof(found: dict[str, bytes]) -> Successor:
        return replace(good, authorisation=found)

    bad = "successor-proof"
    add("good", "The identity's own rotation key authorised the version.", "", good)
    add("missing", "It did not, and is asked for.", bad, proof({}))
    for at, word in enumerate(("classical", "pq")):
        add(f"{word}-only", f"Only its {word} half did.", bad, proof({keyids[at]: given[keyids[at]]}))
    add("foreign", "Another pair of keys did.", bad, proof(strange))
    swapped = dict(zip(keyids, strange.values(), strict=True))
    add("foreign-named", "Another pair did, under the keyids of the right one.", bad, proof(swapped))
    add("more", "It did, and one more signature stands there.", bad, proof(given | {"0" * 64: b"x"}))
    add("not-asked", "An authorisation by a key that the identity does not have.", bad, good, BASE)


def key_jobs(book: Book) -> None:
    """One public key has one job, before and after a rotation."""

    def add(id_: str, about: str, trust: Trust) -> None:
        book.trust(f"key-{id_}", about, "key-reused", trust)

    def rotated(identity: Identity, name: str) -> Identity:
        return replace(identity, rotation=tuple(one.public for one in pair(name, *SIGNERS)))

    other = trusts.person("other", version(1, pair("small/other", *SIGNERS)))
    add("own-rotation", "An identity's rotation key is its signing key.", simple([rotated(builder(), "small/1")]))
    add(
        "other-rotation",
        "An identity's rotation key is another one's signing key.",
        simple([rotated(builder(), "small/other"), other]),
    )
    taken = next_of(pair("small/other", *SIGNERS))
    add("rotated", "Automation gives one identity the key of another.", turned(taken, base=trusts.two_people()))
    back = trusts.successor(
        replace(builder(), versions=(*builder().versions, next_of().version)), 3, ONE, TWO, ANCHOR, MADE
    )
    add("rotated-back", "Automation comes back to the key of version 1.", turned(next_of(), back))


def roles(book: Book) -> None:
    """The holders of the root and those of the ring need not be the same people."""
    signed = copy.deepcopy(root(1, ("alice", "bob")))
    ids = {name: [TufKey(one.public, "").keyid for one in keys_of(name)] for name in ("alice", "bob")}
    signed["roles"]["root"].update(keyids=ids["alice"], threshold=2)
    signed["roles"]["targets"].update(keyids=ids["bob"], threshold=2)
    listed, documents = ring([builder()])
    for name, code in (("bob", ""), ("alice", "quorum")):
        first = sealed(signed, keys_of("alice"))
        trust = Trust((first,), sealed(listed, keys_of(name)), documents)
        book.trust(f"role-ring-by-{name}", f"Alice holds the root, bob the ring, and {name} signed it.", code, trust)
    first = sealed(signed, keys_of("bob"))
    trust = Trust((first,), sealed(listed, keys_of("bob")), documents)
    book.trust("role-root-by-bob", "Alice holds the root, and bob signed it.", "quorum", trust)


def marks(book: Book) -> None:
    """Two suspensions of one version, and a rotation that would outlive its ring."""
    many = trusts.two_people()
    mark, moved = Suspension("builder", 1, MADE), Suspension("builder", 1, MADE + SECOND)
    held = turned(suspended=[mark], base=many)
    line = [sha256(many.ring), sha256(held.rotation or b"")]
    for word, both in (("later-first", [moved, mark]), ("later-last", [mark, moved])):
        made = turned(trusts.other_identity(), suspended=both, history=line, base=many)
        book.trust(f"suspended-twice-{word}", "Of two suspensions the earlier counts.", "", made, seen=held)
    short = simple([builder()], expires=day("2026-12-01"), fresh=day("2026-12-01"))
    about = "The rotation expires a second after its ring."
    late = turned(next_of(), base=short, expires=day("2026-12-01") + SECOND)
    book.trust("rotation-outlives", about, "rotation-bounds", late)
    same = turned(next_of(), base=short, expires=day("2026-12-01"))
    book.trust("rotation-as-long", "The rotation expires with its ring.", "", same)
    silent = turned(next_of(), change=lambda one: one[EXTRA].pop("suspended"))
    book.trust("rotation-no-suspended", "A rotation without its list of suspensions.", "trust-malformed", silent)


def times(book: Book) -> None:
    """A suspended key is refused before anybody looks at stamps."""
    stamped = simple(files.people(), (TimeAuthority("authority", "no certificate\n"),))
    keys, tokens = pair("suspended"), (b"\x30\x03\x02\x01\x00",)
    bundles = twins(document(keys, "prompt.txt", files.DIGEST), keys, tokens)
    about = "A suspended key, and stamps that nobody can read: suspension is said first."
    book.artifact("time/stamp-suspended", about, "suspended-key", stamped, bundles, files.TREE)


def levels(book: Book) -> None:
    """How deep JSON may nest: every value counts."""
    for word, lists, inside, code in (
        ("most", 60, None, ""), ("over", 61, None, "statement-malformed"), ("scalar", 60, 1, "statement-malformed"),
    ):  # fmt: skip
        made = files.good()
        made["subject"][0]["annotations"]["https://example.com/note"] = nested(lists, inside)
        about = f"A payload whose levels are: {word}."
        book.artifact(f"statement/levels-{word}", about, code, files.TRUST, twins(made, files.BUILDER), files.TREE)
    for word, lists, inside, code in (
        ("most", 63, None, ""), ("over", 64, None, "trust-malformed"), ("scalar", 63, 1, "trust-malformed"),
    ):  # fmt: skip
        trust = trusts.again(BASE, lambda one, value=nested(lists, inside): one.update(note=value))
        book.trust(f"levels-{word}", f"A ring whose levels are: {word}.", code, trust)


def artifacts(book: Book) -> None:
    """What is asked for where nothing is asked for."""
    keys = files.CLASSIC
    made = twins(document(keys, "prompt.txt", files.DIGEST), keys)
    about = "A key with one half, and whoever asks names no floor: both halves are asked for."
    book.artifact("halves/default-floor", about, "below-floor", files.TRUST, (made[0], None), files.TREE)


def paths(book: Book) -> None:
    def add(id_: str, about: str, code: str, signed: dict[str, str], stands: dict[str, str]) -> None:
        made = twins(folders.statement(signed), files.BUILDER)
        tree = folders.tree_of(stands)
        book.artifact(id_, about, code, files.TRUST, made, tree, name=folders.NAME, folder=True)

    both = {"a": "1", "a/b": "2"}
    add("manifest/file-and-folder", "One name is a file and a folder.", "missing-file", both, {"a": "1"})
    add("manifest/folder-and-file", "The folder stands.", "missing-file", both, {"a/b": "2"})
    upper = {".GIT/config": "x", "a": "1"}
    add("folder/git-upper", "Only .git, so spelled, is git's store.", "", upper, upper)
    named = {"model.sig.tlog-proof": "x", "a": "1"}
    add(
        "manifest/lists-sidecar",
        "The manifest lists a bundle.",
        "missing-file",
        {"a": "1", "model.sig": "x"},
        {"a": "1"},
    )
    add("manifest/lists-proof", "A listed proof at the top is not covered.", "extra-file", named, named)
    deep = {"a/model.sig.tlog-proof": "x", "a/model.sig": "y"}
    add("folder/sidecars-deep", "Below the top such names are files as others.", "", deep, deep)


def summaries(book: Book) -> None:
    """Verdicts: levels that follow from the result, and what nobody compares."""

    def add(id_: str, about: str, code: str, summary: vsa.Summary = verdicts.GOOD, **fields: Any) -> None:
        made = verdicts.made(summary, change=lambda one: one["predicate"].update(fields))
        book.verdict(id_, about, code, verdicts.TRUST, made, verdicts.ASKED)

    bad, no = "verdict-malformed", replace(verdicts.GOOD, decision="deny")
    add("levels-none", "A yes that claims no level.", "", verifiedLevels=[])
    add("levels-failed", "A yes whose level is FAILED.", bad, verifiedLevels=["FAILED"])
    add(
        "levels-failed-too", "A yes with FAILED among its levels.", bad, verifiedLevels=["SECPIPE_SIGNATURES", "FAILED"]
    )
    add("denied-levels", "A no that claims a level.", bad, no, verifiedLevels=["SECPIPE_SIGNATURES"])
    add(
        "denied-levels-too",
        "A no that claims a level beside FAILED.",
        bad,
        no,
        verifiedLevels=["FAILED", "SECPIPE_MODELS"],
    )
    add("denied-no-levels", "A no that does not say FAILED.", bad, no, verifiedLevels=[])
    add("no-slsa-version", "The version of SLSA is not read.", "", slsaVersion=None)
    dev = replace(verdicts.GOOD, resource=vsa.resource_uri("dev", "acme-chat"))
    add("resource-of-dev", "What SLSA's readers go by names another environment: ours go by `environment`.", "", dev)
    judged = verdicts.GOOD.trust
    assert judged
    other = replace(verdicts.GOOD, trust=replace(judged, ring_digest="0" * 64))
    add("ring-digest-other", "The ring's digest is for readers; its number is compared.", "", other)
    newer = replace(verdicts.GOOD, trust=replace(judged, root_version=2))
    add("root-number-newer", "A root that is known, under a number that is not.", "newer-trust", newer)


def older_trust(book: Book) -> None:
    """The verdict was given under an older trust than the verifier's."""
    who = [trusts.person("verdict", version(1, verdicts.JUDGE), purposes=("verdict", "vsa"))]
    second = sealed(root(2), keys_of("alice"))
    listed, documents = ring(who, 2, [sha256(verdicts.TRUST.ring)])
    trust = Trust((*verdicts.TRUST.roots, second), sealed(listed, keys_of("alice")), documents)
    made = verdicts.made(verdicts.GOOD)
    for word, least, code in (
        ("accepted", {"minRoot": 1, "minRing": 1}, ""), ("root", {"minRoot": 2}, "old-trust"), ("ring", {"minRing": 2}, "old-trust"),
    ):  # fmt: skip
        about = f"Given under root 1 and ring 1, verified under root 2 and ring 2: {word}."
        book.verdict(f"older-{word}", about, code, trust, made, verdicts.ASKED | least)


def ed25519(book: Book) -> None:
    """S + L in place of S."""

    def moved(signature: bytes) -> bytes:
        return signature[:32] + (int.from_bytes(signature[32:], "little") + _ORDER).to_bytes(32, "little")

    table = json.loads(BASE.ring)
    row = next(row for row in table["signatures"] if len(row["sig"]) == 128)
    row["sig"] = moved(bytes.fromhex(row["sig"])).hex()
    changed = replace(BASE, ring=json.dumps(table).encode())
    book.trust("people-ed25519-order", "Ed25519 with S + L in place of S.", "quorum", changed)
    five = logs.ENTRIES[:5]

    def spoil(found: list[Line]) -> list[Line]:
        return [Line(found[0].name, found[0].id, moved(found[0].signature)), found[1]]

    signed = logs.checkpoint(logs.head(five), change=spoil)
    about = "The Ed25519 line with S + L in place of S."
    book.log("line-ed25519-order", about, "log-line-invalid", logs.proof(five, 2, signed), logs.digest(2), logs.WHO)
