"""Cases about the trust bundle: roots, ring, rotations, suspension, compromise, growth, forks, rollback, freshness."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from secpipe.core.trust import Identity
from secpipe.keys.metadata import EXTRA
from secpipe.keys.ring import Suspension
from secpipe.keys.successor import Successor
from secpipe.keys.tufkey import TufKey
from vectors.book import Book
from vectors.world import (
    EXPIRES,
    ISSUED,
    NOW,
    ROTATION_KEYS,
    Key,
    Trust,
    anchor_of,
    day,
    delegation,
    holders,
    keys_of,
    pair,
    person,
    ring,
    root,
    rotation,
    sealed,
    sha256,
    simple,
    successor,
    version,
)  # fmt: skip

SIGNERS = ("ecdsa-p256", "ml-dsa-44")
ONE, TWO, THREE = (pair(f"small/{number}", *SIGNERS) for number in (1, 2, 3))
SECOND = timedelta(seconds=1)


def builder(**dates: datetime) -> Identity:
    return person("builder", version(1, ONE, **dates))


BASE = simple([builder()])
ANCHOR = anchor_of(BASE.roots[0])
MADE = day("2026-11-01")


def add_all(book: Book) -> None:
    for part in (bundles, roots, people, rings, identities, rotations, growth, freshness):
        part(book)


def bundles(book: Book) -> None:
    """The file itself."""
    book.trust("good", "A root, a ring, an identity.", "", BASE)
    book.trust(
        "good-without-pin",
        "Without a pin everything holds as well; what that is worth is for the caller.",
        "",
        BASE.bundle(),
    )
    book.trust("pin-other", "The pin is of another root.", "wrong-pin", BASE, pin="sha256:" + "0" * 64)
    bad, table = "trust-malformed", json.loads(BASE.bundle())

    def changed(id_: str, about: str, code: str, **values: Any) -> None:
        copied = {name: value for name, value in (table | values).items() if value != "GONE"}
        book.trust(f"bundle-{id_}", about, code, json.dumps(copied, indent=1).encode(), pin=BASE.pin)

    changed("unknown-field", "An unknown field: what nobody signed says nothing.", bad, identities=[])
    changed("schema", "Another schema.", bad, schema="secpipe.trust-bundle/2")
    for name in ("roots", "ring", "targets", "schema"):
        changed(f"without-{name}", f"A bundle without {name}.", bad, **{name: "GONE"})
        changed(f"null-{name}", f"{name} is null.", bad, **{name: None})
    changed("no-roots", "No root.", bad, roots=[])
    changed("target-missing", "A target file is not there.", bad, targets={})
    changed(
        "target-extra",
        "A target that no signed list names is not looked at.",
        "",
        targets=table["targets"] | {"x.json": "{}"},
    )
    changed("target-number", "A target that is no text.", bad, targets={"builder.json": 1})
    changed(
        "target-changed",
        "A target file with another content.",
        "target-mismatch",
        targets={"builder.json": table["targets"]["builder.json"] + " "},
    )
    changed(
        "target-authority",
        "An identity that gave itself a purpose.",
        "target-mismatch",
        targets={"builder.json": table["targets"]["builder.json"].replace('"dataset"', '"verdict"')},
    )
    changed("ring-space", "Space in a metadata file is not signed.", "", ring=table["ring"] + " ")
    changed("ring-no-json", "A ring that is no JSON.", bad, ring="x")
    changed(
        "ring-duplicate",
        "A key stands twice in the ring.",
        bad,
        ring=table["ring"].replace('"version": 1\n', '"version": 1,\n  "version": 1\n')
        if '"version": 1\n' in table["ring"]
        else table["ring"][:-2] + ',"signed":{}}',
    )
    changed(
        "ring-fraction",
        "A fraction in the ring.",
        bad,
        ring=table["ring"].replace('"key_days": 120', '"key_days": 120.0'),
    )
    changed(
        "ring-big-number",
        "A number of more than 15 digits.",
        bad,
        ring=table["ring"].replace('"key_days": 120', '"key_days": 1200000000000000'),
    )
    changed(
        "ring-surrogate",
        "A lone surrogate in the ring.",
        bad,
        ring=table["ring"].replace('"builder.json"', '"\\ud800builder.json"'),
    )
    changed(
        "ring-escaped",
        "A text may be escaped: its meaning is signed.",
        "",
        ring=table["ring"].replace('"builder.json"', '"\\u0062uilder.json"'),
    )
    changed("root-is-ring", "A ring in place of a root.", bad, roots=[table["ring"]])
    changed("ring-is-root", "A root in place of a ring.", bad, ring=table["roots"][0])
    changed("rotation-is-ring", "The ring in place of a rotation as well.", "quorum", rotation=table["ring"])
    book.trust("bundle-text", "A file that is no JSON.", bad, b"hello", pin=BASE.pin)
    book.trust("bundle-empty", "An empty file.", bad, b"", pin=BASE.pin)
    book.trust(
        "bundle-duplicate",
        "A key stands twice in the bundle.",
        bad,
        BASE.bundle().replace(b'"roots":', b'"roots": [], "roots":', 1),
        pin=BASE.pin,
    )
    book.trust("bundle-mark", "A byte order mark.", bad, b"\xef\xbb\xbf" + BASE.bundle(), pin=BASE.pin)


def again(
    trust: Trust, change: Callable[[dict[str, Any]], Any], what: str = "ring", keys: Sequence[Key] | None = None
) -> Trust:
    """Return a trust whose root or ring is changed and signed again."""
    data = trust.roots[-1] if what == "root" else trust.ring
    signed = copy.deepcopy(json.loads(data)["signed"])
    change(signed)
    made = sealed(signed, keys_of("alice") if keys is None else keys)
    return replace(trust, roots=(*trust.roots[:-1], made)) if what == "root" else replace(trust, ring=made)


def chain(
    *names: Sequence[str], people: Sequence[int] = (), signers: Sequence[Sequence[str]] = (), **dates: Any
) -> Trust:
    """Return a trust with a chain of roots, each held by some people and signed by `signers` of it."""
    files = []
    for number, holding in enumerate(names, start=1):
        before = names[number - 2] if number > 1 else holding
        who = signers[number - 1] if signers else tuple(dict.fromkeys((*holding, *before)))
        need = people[number - 1] if people else 1
        issued = dates.get("issued", [ISSUED] * len(names))[number - 1]
        files.append(sealed(root(number, holding, need, issued=issued), keys_of(*who)))
    signed, documents = ring([builder()])
    return Trust(tuple(files), sealed(signed, keys_of(*names[-1])), documents)


def roots(book: Book) -> None:
    add = book.trust
    two = chain(("alice",), ("bob",))
    add("root-chain", "Root 2 has other people, and those of root 1 signed it.", "", two)
    add(
        "root-chain-pinned-old",
        "The pin may be of any root of the chain.",
        "",
        two,
        pin=f"sha256:{sha256(two.roots[0])}",
    )
    add("root-chain-three", "Three roots.", "", chain(("alice",), ("alice", "bob"), ("bob",)))
    add(
        "root-unsigned-by-old",
        "Root 2 is signed by its own people only.",
        "quorum",
        chain(("alice",), ("bob",), signers=(("alice",), ("bob",))),
    )
    add(
        "root-unsigned-by-new",
        "Root 2 is signed by the old people only.",
        "quorum",
        chain(("alice",), ("bob",), signers=(("alice",), ("alice",))),
    )
    add("root-without-first", "The chain begins with root 2.", "root-chain", replace(two, roots=two.roots[1:]))
    three = chain(("alice",), ("alice",), ("alice",))
    add(
        "root-gap",
        "Root 2 is left out.",
        "root-chain",
        replace(three, roots=(three.roots[0], three.roots[2])),
        pin=three.pin,
    )
    add("root-order", "The roots are in another order.", "root-chain", replace(two, roots=two.roots[::-1]), pin=two.pin)
    add(
        "root-twice",
        "Root 1 stands twice.",
        "root-chain",
        replace(two, roots=(two.roots[0], two.roots[0])),
        pin=f"sha256:{sha256(two.roots[0])}",
    )
    add(
        "root-earlier",
        "Root 2 is issued before root 1.",
        "root-chain",
        chain(("alice",), ("bob",), issued=[ISSUED, ISSUED - SECOND]),
    )
    add(
        "ring-by-old-people", "The ring is signed by the people of root 1 only.", "quorum", replace(two, ring=BASE.ring)
    )
    add(
        "root-first-second",
        "The first second that a root holds, for a clock a minute behind.",
        "",
        BASE,
        now=ISSUED - 60 * SECOND,
    )
    add("root-not-yet", "A second before.", "trust-not-yet", BASE, now=ISSUED - 61 * SECOND)
    add("root-last-second", "The last second.", "", BASE, now=EXPIRES)
    add("root-expired", "A second after.", "trust-expired", BASE, now=EXPIRES + SECOND)
    bad = "trust-malformed"
    for word, change in {
        "type": lambda one: one.update(_type="targets"), "spec": lambda one: one.update(spec_version="2.0"), "version-zero": lambda one: one.update(version=0),
        "version-text": lambda one: one.update(version="1"), "no-issued": lambda one: one[EXTRA].pop("issued"), "expires-before": lambda one: one.update(expires="2026-01-01T00:00:00Z"),
        "time-fraction": lambda one: one.update(expires="2027-06-01T00:00:00.5Z"), "time-zone": lambda one: one.update(expires="2027-06-01T00:00:00+00:00"),
        "role-missing": lambda one: one["roles"].pop("snapshot"), "role-more": lambda one: one["roles"].update(mirrors={"keyids": [], "threshold": 1}),
        "threshold-odd": lambda one: one["roles"]["root"].update(threshold=1), "threshold-zero": lambda one: one["roles"]["root"].update(threshold=0),
        "threshold-high": lambda one: one["roles"]["root"].update(threshold=4), "keyid-unknown": lambda one: one["roles"]["root"]["keyids"].append("0" * 64),
        "keyid-twice": lambda one: one["roles"]["root"]["keyids"].append(one["roles"]["root"]["keyids"][0]),
        "half-holder": lambda one: one["roles"]["root"]["keyids"].pop(), "authorities": lambda one: one[EXTRA].update(time_authorities={}),
    }.items():  # fmt: skip
        add(f"root-{word}", f"A root with: {word}.", bad, again(BASE, change, "root"))

    def keys(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        return lambda one: change(one["keys"])

    def first(table: dict[str, Any], kind: str) -> dict[str, Any]:
        return next(value for value in table.values() if value["keytype"] == kind)

    for word, change in {
        "id-wrong": lambda table: table.update({"0" * 64: table.pop(next(iter(table)))}), "type-unknown": lambda table: first(table, "ed25519").update(keytype="rsa"),
        "scheme-unknown": lambda table: first(table, "ml-dsa").update(scheme="ml-dsa-44/2"), "hex-upper": lambda table: first(table, "ed25519")["keyval"].update(public=first(table, "ed25519")["keyval"]["public"].upper()),
        "pem-crlf": lambda table: first(table, "ml-dsa")["keyval"].update(public=first(table, "ml-dsa")["keyval"]["public"].replace("\n", "\r\n")),
        "no-holder": lambda table: first(table, "ed25519").pop("x-secpipe-holder"), "holder-name": lambda table: first(table, "ed25519").update({"x-secpipe-holder": "Alice"}),
    }.items():  # fmt: skip
        add(f"root-key-{word}", f"A key of a root with: {word}.", bad, again(BASE, keys(change), "root"))


def people(book: Book) -> None:
    """The class-aware rule, of three holders of whom two must sign."""
    quorum, _ = holders(("alice", "bob", "carol"), 2)
    assert quorum.people == 2
    names = ("alice", "bob", "carol")
    signed, documents = ring([builder()])
    half = {name: dict(zip(("c", "p"), pair(f"holder/{name}", "ed25519", "ml-dsa-44"), strict=True)) for name in names}

    def of(*words: str) -> list[Key]:
        return [half[name][one] for word in words for name, kinds in [word.split(":")] for one in kinds]

    first = sealed(root(1, names, 2), of("alice:cp", "bob:cp"))

    def add(id_: str, about: str, code: str, *words: str) -> None:
        book.trust(f"people-{id_}", about, code, Trust((first,), sealed(signed, of(*words)), documents))

    add("two", "Two people signed with both halves.", "", "alice:cp", "carol:cp")
    add("three", "Three people did.", "", "alice:cp", "bob:cp", "carol:cp")
    add("one", "One person did.", "quorum", "alice:cp")
    add("nobody", "Nobody did.", "quorum")
    add(
        "four-keys-one-class",
        "Three classical halves and one other reach TUF's threshold, and are one person.",
        "quorum",
        "alice:cp",
        "bob:c",
        "carol:c",
    )
    add("crossed", "The classical half of one, the other half of another.", "quorum", "alice:cp", "bob:c", "carol:p")
    add("all-classical", "All classical halves.", "quorum", "alice:c", "bob:c", "carol:c")
    add("all-pq", "All post-quantum halves.", "quorum", "alice:p", "bob:p", "carol:p")
    good = json.loads(sealed(signed, of("alice:cp", "bob:cp")))
    for word, change in {
        "signature-twice": lambda rows: rows.append(rows[0]), "signature-upper": lambda rows: rows[0].update(sig=rows[0]["sig"].upper()),
        "signature-odd": lambda rows: rows[0].update(sig=rows[0]["sig"][:-1]),
    }.items():  # fmt: skip
        copied = copy.deepcopy(good)
        change(copied["signatures"])
        book.trust(
            f"people-{word}",
            f"A metadata file with: {word}.",
            "trust-malformed",
            Trust((first,), json.dumps(copied).encode(), documents),
        )
    for word, kind in (("classical", 128), ("pq", 4840)):
        copied = copy.deepcopy(good)
        row = next(row for row in copied["signatures"] if len(row["sig"]) == kind)
        row["sig"] = ("0" if row["sig"][0] != "0" else "1") + row["sig"][1:]
        book.trust(
            f"people-{word}-damaged",
            f"One {word} signature is damaged: that person does not count.",
            "quorum",
            Trust((first,), json.dumps(copied).encode(), documents),
        )
    copied = copy.deepcopy(good)
    copied["signatures"].append({"keyid": "0" * 64, "sig": "00"})
    book.trust(
        "people-stranger",
        "A signature of nobody who is known does no harm.",
        "",
        Trust((first,), json.dumps(copied).encode(), documents),
    )
    tuf = [TufKey(one.public, "").keyid for one in of("alice:cp", "bob:cp")]
    assert len(set(tuf)) == 4


def rings(book: Book) -> None:
    add, bad = book.trust, "trust-malformed"
    for word, code, change in (
        ("type", bad, lambda one: one.update(_type="root")), ("no-fresh", bad, lambda one: one[EXTRA].pop("fresh_until")),
        ("history-long", "ring-history", lambda one: one[EXTRA].update(history=["0" * 64])), ("history-missing", bad, lambda one: one[EXTRA].pop("history")),
        ("history-no-digest", bad, lambda one: one[EXTRA].update(history=["x"])), ("version-two", "ring-history", lambda one: one.update(version=2)),
        ("no-delegation", bad, lambda one: one.pop("delegations")), ("two-roles", bad, lambda one: one["delegations"]["roles"].append(one["delegations"]["roles"][0])),
        ("role-name", bad, lambda one: one["delegations"]["roles"][0].update(name="other")), ("no-bounds", bad, lambda one: one["delegations"]["roles"][0].pop(EXTRA)),
        ("key-days-zero", bad, lambda one: one["delegations"]["roles"][0][EXTRA].update(key_days=0)), ("key-days-high", bad, lambda one: one["delegations"]["roles"][0][EXTRA].update(key_days=36501)),
        ("algorithms-twice", bad, lambda one: one["delegations"]["roles"][0][EXTRA].update(algorithms=["a", "a"])), ("target-name", bad, lambda one: one["targets"].update({"../builder.json": one["targets"].pop("builder.json")})),
        ("target-upper", bad, lambda one: one["targets"].update({"Builder.json": one["targets"].pop("builder.json")})), ("target-length", "target-mismatch", lambda one: one["targets"]["builder.json"].update(length=1)),
        ("target-digest", "target-mismatch", lambda one: one["targets"]["builder.json"]["hashes"].update(sha256="0" * 64)), ("epoch-text", bad, lambda one: one[EXTRA].update(epoch="1")),
        ("grandfathered", "", lambda one: one[EXTRA].update(grandfathered={"0" * 64: "name version 1"})), ("grandfathered-empty", bad, lambda one: one[EXTRA].update(grandfathered={})),
        ("unknown-field", "", lambda one: one.update(note="x")), ("expires", "", lambda one: one.update(expires="2027-01-01T00:00:00Z")),
    ):  # fmt: skip
        add(f"ring-{word}", f"A ring with: {word}.", code, again(BASE, change))
    add(
        "ring-expired",
        "A ring that expired, under a root that did not.",
        "trust-expired",
        simple([builder()], expires=NOW - SECOND),
    )
    add(
        "ring-stale",
        "A ring on which no rotation was made in time.",
        "trust-expired",
        simple([builder()], fresh=NOW - SECOND),
    )
    add("ring-last-second", "Its last second.", "", simple([builder()], fresh=NOW))
    add("ring-not-yet", "A ring of tomorrow.", "trust-not-yet", simple([builder()], issued=NOW + 61 * SECOND))
    add("ring-clock", "A ring of a minute hence.", "", simple([builder()], issued=NOW + 60 * SECOND))
    alone = simple([person("other", version(1, TWO))])
    add(
        "ring-of-others",
        "A ring that other people signed.",
        "quorum",
        replace(BASE, ring=sealed(json.loads(alone.ring)["signed"], keys_of("bob")), documents=alone.documents),
    )


def identities(book: Book) -> None:
    add, bad = book.trust, "trust-malformed"

    def changed(id_: str, about: str, code: str, change: Callable[[dict[str, Any]], Any]) -> None:
        table = json.loads(BASE.documents["builder.json"])
        change(table)
        data = (json.dumps(table, indent=1, sort_keys=True) + "\n").encode()
        signed = copy.deepcopy(json.loads(BASE.ring)["signed"])
        signed["targets"]["builder.json"] = {"length": len(data), "hashes": {"sha256": sha256(data)}}
        add(
            f"identity-{id_}",
            about,
            code,
            replace(BASE, ring=sealed(signed, keys_of("alice")), documents={"builder.json": data}),
        )

    first = lambda one: one["versions"][0]  # noqa: E731
    for word, code, change in (
        ("schema", bad, lambda one: one.update(schema="secpipe.identity/2")), ("other-name", bad, lambda one: one.update(name="other")), ("unknown-field", bad, lambda one: one.update(admin=True)),
        ("no-versions", "identity-rules", lambda one: one.update(versions=[])), ("version-gap", "identity-rules", lambda one: first(one).update(version=2)),
        ("no-halves", bad, lambda one: first(one).update(halves=[])), ("halves-order", bad, lambda one: first(one)["halves"].reverse()),
        ("two-classical", bad, lambda one: first(one)["halves"].__setitem__(1, {"algorithm": "ecdsa-p256", "pem": TWO[0].public.pem})),
        ("algorithm-unknown", bad, lambda one: first(one)["halves"][0].update(algorithm="rsa-2048")), ("algorithm-other", bad, lambda one: first(one)["halves"][0].update(algorithm="ecdsa-p384")),
        ("pem-no-newline", bad, lambda one: first(one)["halves"][0].update(pem=first(one)["halves"][0]["pem"].rstrip())), ("pem-lines", bad, lambda one: first(one)["halves"][1].update(pem=first(one)["halves"][1]["pem"].replace("\n", "", 3))),
        ("signs-backwards", bad, lambda one: first(one).update(sign_until="2025-01-01T00:00:00Z")), ("verifies-less", bad, lambda one: first(one).update(verify_until="2026-12-01T00:00:00Z")),
        ("version-unknown-field", bad, lambda one: first(one).update(note="x")), ("authority-unknown-field", bad, lambda one: one["authority"].update(roles=[])),
        ("authority-twice", bad, lambda one: one["authority"].update(purposes=["file", "file"])), ("glob-control", bad, lambda one: one["authority"].update(namespaces=["a\n"])),
        ("star", "identity-rules", lambda one: one["authority"].update(purposes=["*"])), ("verdict-and-model", "identity-rules", lambda one: one["authority"].update(purposes=["vsa", "model"])),
        ("verdict-glob", "identity-rules", lambda one: one["authority"].update(purposes=["v*"])), ("verdict-alone", "", lambda one: one["authority"].update(purposes=["vsa", "verdict"])),
        ("override-and-verdict", "identity-rules", lambda one: one["authority"].update(purposes=["vsa", "override"])), ("override-alone", "", lambda one: one["authority"].update(purposes=["override"])),
        ("nothing", "", lambda one: one["authority"].update(purposes=[])), ("holder-name", bad, lambda one: one.update(holder="A")), ("origin", "", lambda one: one.update(origin="0" * 64)),
        ("rotation-half", bad, lambda one: one.update(rotation=[first(one)["halves"][0]])), ("suspended", "", lambda one: first(one).update(suspended_since="2026-11-01T00:00:00Z")),
        ("date-null", bad, lambda one: first(one).update(suspended_since=None)),
    ):  # fmt: skip
        changed(word, f"An identity with: {word}.", code, change)
    shared = [builder(), person("other", version(1, ONE))]
    add("key-shared", "Two identities share a key.", "key-reused", simple(shared))
    add(
        "key-version-shared",
        "Two versions share a key.",
        "key-reused",
        simple([person("builder", version(1, ONE), version(2, ONE))]),
    )
    add(
        "key-half-shared",
        "Two versions share one half.",
        "key-reused",
        simple([person("builder", version(1, ONE), version(2, (TWO[0], ONE[1])))]),
    )
    add(
        "key-rotation-shared",
        "An identity has the key of the rotation role.",
        "key-reused",
        simple([person("builder", version(1, (ONE[0], ROTATION_KEYS[1])))]),
    )
    holder = pair("holder/alice", "ed25519", "ml-dsa-44")
    add(
        "key-holder-shared",
        "An identity has the key of a holder.",
        "key-reused",
        simple([person("builder", version(1, (ONE[0], holder[1])))]),
    )
    mine = [TufKey(one.public, "alice") for one in holder]
    add(
        "key-role-shared",
        "The rotation role has the keys of a holder.",
        "key-reused",
        simple([builder()], delegation=delegation(mine)),
    )
    older = person("builder", version(1, ONE), version(2, TWO, not_before=day("2025-06-01")))
    add("version-before", "A version that starts before the one it follows.", "identity-rules", simple([older]))


# -- rotation ---------------------------------------------------------------------------------------------------------


def turned(
    *made: Successor, suspended: Sequence[Suspension] = (), base: Trust = BASE, number: int = 0, history: Sequence[str] | None = None,
    change: Callable[[dict[str, Any]], Any] | None = None, keys: Sequence[Key] = ROTATION_KEYS, **dates: Any,
) -> Trust:  # fmt: skip
    """Return a trust with a rotation on its ring."""
    history = [sha256(base.ring)] if history is None else history
    signed, documents = rotation(number or len(history) + 1, history, made, suspended, **dates)
    if change:
        change(signed)
    return replace(base, rotation=sealed(signed, keys), documents={**base.documents, **documents})


def next_of(
    keys: Sequence[Key] = TWO, old: Sequence[Key] = ONE, number: int = 2, issued: datetime = MADE, **options: Any
) -> Successor:
    identity = options.pop("identity", builder())
    return successor(identity, number, keys, old, options.pop("anchor", ANCHOR), issued, **options)


def rotations(book: Book) -> None:
    add = book.trust
    good = next_of()
    add("rotation-good", "Automation appended version 2.", "", turned(good))
    second = successor(replace(builder(), versions=(*builder().versions, good.version)), 3, THREE, TWO, ANCHOR, MADE)
    add("rotation-two", "Versions 2 and 3 in one rotation.", "", turned(good, second))
    mark = Suspension("builder", 1, MADE)
    add("rotation-suspends", "Automation suspended version 1.", "", turned(suspended=[mark]))
    add(
        "rotation-jump",
        "The number rose by more than was appended.",
        "rotation-jump",
        turned(good, number=3, history=[sha256(BASE.ring), "0" * 64]),
    )
    add("rotation-nothing", "A rotation that appends nothing.", "rotation-jump", turned())
    add(
        "rotation-other-ring",
        "A rotation of another ring.",
        "rotation-does-not-extend",
        turned(good, history=["0" * 64]),
    )
    add(
        "rotation-history-short",
        "A history with a gap.",
        "ring-history",
        turned(good, number=3, history=[sha256(BASE.ring)]),
    )
    add("rotation-unsigned", "Nobody signed the rotation.", "quorum", turned(good, keys=[]))
    add("rotation-half-signed", "One half of the rotation key signed.", "quorum", turned(good, keys=ROTATION_KEYS[:1]))
    add(
        "rotation-by-holder",
        "A holder signed, who is not the rotation role.",
        "quorum",
        turned(good, keys=keys_of("alice")),
    )
    add("rotation-by-builder", "The identity's own key signed.", "quorum", turned(good, keys=ONE))
    add("rotation-expired", "The rotation expired.", "trust-expired", turned(good, expires=NOW - SECOND))
    add("rotation-not-yet", "The rotation is of tomorrow.", "trust-not-yet", turned(good, issued=NOW + 61 * SECOND))
    add(
        "rotation-long",
        "The rotation lives longer than the holders allow.",
        "rotation-bounds",
        turned(good, expires=MADE + timedelta(days=60) + SECOND),
    )
    add("rotation-longest", "It lives as long as they allow.", "", turned(good, expires=MADE + timedelta(days=60)))
    add(
        "rotation-before-ring",
        "The rotation is older than its ring.",
        "rotation-bounds",
        turned(
            suspended=[Suspension("builder", 1, ISSUED)], issued=ISSUED - SECOND, expires=ISSUED + timedelta(days=20)
        ),
    )
    add(
        "rotation-delegates",
        "The rotation role delegates.",
        "rotation-beyond-role",
        turned(good, change=lambda one: one.update(delegations={})),
    )
    add(
        "rotation-identity",
        "The rotation role makes an identity.",
        "rotation-beyond-role",
        turned(good, change=lambda one: one["targets"].update({"evil.json": one["targets"].pop("builder/2.json")})),
    )
    add(
        "rotation-of-nobody",
        "A version of an identity that is not there.",
        "rotation-beyond-role",
        turned(next_of(identity=person("evil", version(1, ONE)))),
    )
    add(
        "rotation-suspends-nobody",
        "It suspends an identity that is not there.",
        "rotation-beyond-role",
        turned(suspended=[Suspension("evil", 1, MADE)]),
    )
    add(
        "rotation-suspends-version",
        "It suspends a version that is not there.",
        "rotation-beyond-role",
        turned(suspended=[Suspension("builder", 2, MADE)]),
    )
    foreign = simple([replace(builder(), origin="0" * 64)])
    add(
        "rotation-foreign",
        "A version of an identity of another team.",
        "rotation-beyond-role",
        turned(next_of(), base=foreign),
    )
    skipped = replace(builder(), versions=(*builder().versions, version(2, TWO)))
    add(
        "successor-skips",
        "Version 3 without version 2.",
        "successor-order",
        turned(next_of(THREE, TWO, 3, identity=skipped)),
    )
    add(
        "successor-other-root",
        "A version that was made for another trust root.",
        "successor-order",
        turned(next_of(anchor="0" * 64)),
    )
    add(
        "successor-other-predecessor",
        "A version that another key endorsed.",
        "successor-order",
        turned(next_of(TWO, THREE, identity=person("builder", version(1, THREE)))),
    )
    proofs(book, good)
    bounds(book)


def proofs(book: Book, good: Successor) -> None:
    def changed(id_: str, about: str, code: str, **fields: Any) -> None:
        book.trust(f"proof-{id_}", about, code, turned(replace(good, **fields)))

    bad = "successor-proof"
    first = {
        name: {keyid: bytes((data[0] ^ 1, *data[1:])) for keyid, data in getattr(good, name).items()}
        for name in ("endorsement", "possession")
    }
    for name in ("endorsement", "possession"):
        proof = getattr(good, name)
        keyids = list(proof)
        changed(f"{name}-none", f"No {name}.", bad, **{name: {}})
        changed(
            f"{name}-classical",
            f"The {name} lacks the post-quantum half.",
            bad,
            **{name: {keyids[0]: proof[keyids[0]]}},
        )
        changed(f"{name}-pq", f"The {name} lacks the classical half.", bad, **{name: {keyids[1]: proof[keyids[1]]}})
        changed(
            f"{name}-damaged", f"The {name} is damaged.", bad, **{name: proof | {keyids[1]: first[name][keyids[1]]}}
        )
        changed(f"{name}-more", f"A further signature in the {name}.", bad, **{name: proof | {"0" * 64: b"x"}})
    changed(
        "exchanged",
        "Endorsement and possession are exchanged.",
        bad,
        endorsement=good.possession,
        possession=good.endorsement,
    )
    changed("authorisation", "An authorisation where nobody is asked for one.", bad, authorisation=good.possession)
    changed(
        "date-moved",
        "The dates are others than those that were signed.",
        bad,
        version=replace(good.version, sign_until=good.version.sign_until + SECOND),
    )
    table = json.loads(turned(good).documents["builder/2.json"])

    def document(id_: str, about: str, change: Callable[[dict[str, Any]], Any]) -> None:
        copied = copy.deepcopy(table)
        change(copied)
        data = json.dumps(copied).encode()
        entry = {"length": len(data), "hashes": {"sha256": sha256(data)}}
        made = turned(good, change=lambda one: one["targets"].update({"builder/2.json": entry}))
        book.trust(
            f"version-{id_}",
            about,
            "trust-malformed",
            replace(made, documents={**made.documents, "builder/2.json": data}),
        )

    document("unknown-field", "An unknown field of a key version's document.", lambda one: one.update(note="x"))
    document(
        "marked",
        "A version that is born suspended.",
        lambda one: one["key"].update(suspended_since="2026-11-01T00:00:00Z"),
    )
    document("other-number", "A version with another number than its place.", lambda one: one["key"].update(version=3))
    document(
        "other-identity", "A version of another identity than its place.", lambda one: one.update(identity="other")
    )
    document("schema", "Another schema.", lambda one: one.update(schema="secpipe.key-version/2"))
    document(
        "base64",
        "A proof that is not base64.",
        lambda one: one["endorsement"].update({next(iter(one["endorsement"])): "*"}),
    )


def bounds(book: Book) -> None:
    add = book.trust
    late = timedelta(days=60)
    bad = "rotation-bounds"
    add(
        "bounds-key-days",
        "A key that lives as long as the holders allow.",
        "",
        turned(next_of(not_before=MADE, sign_until=MADE + timedelta(days=120))),
    )
    add(
        "bounds-key-days-over",
        "A second longer.",
        bad,
        turned(next_of(not_before=MADE, sign_until=MADE + timedelta(days=120) + SECOND)),
    )
    add("bounds-past", "A version that starts before it was made.", bad, turned(next_of(not_before=MADE - SECOND)))
    add("bounds-before-ring", "A version made before its ring.", bad, turned(next_of(issued=ISSUED - SECOND)))
    add("bounds-after-rotation", "A version made after its rotation.", bad, turned(next_of(issued=MADE + SECOND)))
    add(
        "bounds-algorithms",
        "An algorithm set that the holders do not allow.",
        bad,
        turned(next_of(pair("strong", "ecdsa-p384", "ml-dsa-87"))),
    )
    add("bounds-one-half", "A version with one half.", bad, turned(next_of(TWO[:1])))
    for word, dates, code in (
        ("suspended", {"suspended_since": MADE}, "endorser-state"), ("suspended-later", {"suspended_since": MADE + SECOND}, ""), ("compromised", {"compromised_since": day("2030-01-01")}, "endorser-state"),
        ("destroyed", {"destroyed_since": MADE}, "endorser-state"), ("ended", {"sign_until": MADE - SECOND}, ""), ("late", {"sign_until": MADE - late}, ""),
        ("too-late", {"sign_until": MADE - late - SECOND}, "endorser-state"),
    ):  # fmt: skip
        who = builder(**dates)
        add(
            f"endorser-{word}",
            f"The endorsing version is {word}.",
            code,
            turned(next_of(identity=who), base=simple([who])),
        )
    who = builder(sign_until=MADE - 2 * SECOND)
    for word, days, code in (("none", 0, "endorser-state"), ("some", 1, "")):
        given = simple([who], delegation=delegation(late_days=days))
        add(
            f"endorser-late-days-{word}",
            f"The holders allow {days} days after the end.",
            code,
            turned(next_of(identity=who), base=given),
        )
    add(
        "endorser-suspended-here",
        "The rotation suspends the version that endorses in it.",
        "endorser-state",
        turned(next_of(), suspended=[Suspension("builder", 1, MADE)]),
    )
    add(
        "endorser-suspended-after",
        "It suspends it from a second later on.",
        "",
        turned(next_of(), suspended=[Suspension("builder", 1, MADE + SECOND)]),
    )


# -- what may follow --------------------------------------------------------------------------------------------------


def growth(book: Book) -> None:
    add = book.trust
    good, other = next_of(), next_of(THREE)
    grown = turned(good)
    add("seen-same", "The trust that was accepted before.", "", BASE, seen=BASE)
    add("seen-grown", "A rotation on the ring that was accepted before.", "", grown, seen=BASE)
    add("seen-rollback", "The ring without the rotation that was accepted before.", "rollback", BASE, seen=grown)
    add("seen-fork", "Another rotation of the same number.", "fork", turned(other), seen=grown)
    mark = Suspension("builder", 1, MADE)
    many = two_people()
    held = turned(suspended=[mark], base=many)
    line = [sha256(many.ring), sha256(held.rotation or b"")]
    add(
        "seen-kept",
        "A later rotation keeps the suspension.",
        "",
        turned(other_identity(), suspended=[mark], history=line, base=many),
        seen=held,
    )
    two_made = (other_identity(), other_identity(4))
    add(
        "seen-lifted", "A later rotation lifts it.", "taken-back", turned(*two_made, history=line, base=many), seen=held
    )
    moved = Suspension("builder", 1, MADE + SECOND)
    add(
        "seen-moved",
        "A later rotation dates it later.",
        "taken-back",
        turned(other_identity(), suspended=[moved], history=line, base=many),
        seen=held,
    )
    before = Suspension("builder", 1, MADE - SECOND)
    add(
        "seen-moved-back",
        "A later rotation dates it earlier.",
        "",
        turned(other_identity(), suspended=[before], history=line, base=many),
        seen=held,
    )
    added = turned(good, base=many)
    line = [sha256(many.ring), sha256(added.rotation or b"")]
    add(
        "seen-version-kept",
        "A later rotation keeps version 2.",
        "",
        turned(good, other_identity(), history=line, base=many),
        seen=added,
    )
    add(
        "seen-version-gone",
        "A later rotation drops version 2.",
        "taken-back",
        turned(*two_made, history=line, base=many),
        seen=added,
    )
    add(
        "seen-version-other",
        "A later rotation has another version 2.",
        "taken-back",
        turned(other, other_identity(), history=line, base=many),
        seen=added,
    )
    late_mark = Suspension("builder", 1, MADE + SECOND)
    held = turned(suspended=[late_mark], base=many)
    line = [sha256(many.ring), sha256(held.rotation or b"")]
    add(
        "seen-suspended-endorses",
        "A version that was suspended endorses a successor dated before.",
        "endorser-state",
        turned(good, suspended=[late_mark], history=line, base=many),
        seen=held,
    )
    new_ring(book, grown)
    stolen_epoch(book, grown)
    foreign = Trust(
        (sealed(root(1, ("bob",)), keys_of("bob")),),
        sealed(json.loads(BASE.ring)["signed"], keys_of("bob")),
        BASE.documents,
    )
    add("seen-other-root", "Another trust root than the one accepted before.", "fork", foreign, seen=BASE)
    renewed = chain(("alice",), ("alice",))
    add(
        "seen-root-rollback",
        "Root 2 was accepted before, and root 1 is offered.",
        "rollback",
        replace(renewed, roots=renewed.roots[:1]),
        seen=renewed,
    )
    add(
        "seen-root-renewed",
        "Root 2 follows what was accepted before.",
        "",
        renewed,
        seen=replace(renewed, roots=renewed.roots[:1]),
    )
    twin = chain(("alice",), ("alice", "bob"))
    add("seen-root-fork", "Another root 2 than the one accepted before.", "fork", twin, seen=renewed)


def two_people() -> Trust:
    return simple([builder(), person("other", version(1, pair("small/other", *SIGNERS)))])


def other_identity(number: int = 2) -> Successor:
    who = person("other", version(1, pair("small/other", *SIGNERS)))
    if number == 2:
        return successor(who, 2, pair("small/other-2", *SIGNERS), pair("small/other", *SIGNERS), ANCHOR, MADE)
    first = other_identity()
    both = replace(who, versions=(*who.versions, first.version))
    return successor(both, 3, pair("small/other-3", *SIGNERS), pair("small/other-2", *SIGNERS), ANCHOR, MADE)


def after(line: Sequence[Trust], identities: Sequence[Identity], **options: Any) -> Trust:
    """Return a trust whose holders signed a new ring after the newest of `line`."""
    history = [sha256(one.rotation or one.ring) for one in line]
    signed, documents = ring(identities, len(history) + 1, history, **options)
    return replace(BASE, ring=sealed(signed, keys_of("alice")), documents=documents, rotation=None)


def new_ring(book: Book, grown: Trust) -> None:
    """The holders sign a ring that takes rotations over."""
    add, made = book.trust, next_of()
    taken = replace(builder(), versions=(*builder().versions, made.version))
    merged = after([BASE, grown], [taken])
    add("seen-merged", "The holders' ring 3 takes the rotation over.", "", merged, seen=grown)
    add("seen-merged-rollback", "The ring before it.", "rollback", grown, seen=merged)
    dropped = after([BASE, grown], [builder()])
    add("seen-dropped", "The holders may drop what automation made.", "", dropped, seen=grown)
    side = after([BASE], [builder()])
    add(
        "seen-side", "The holders signed ring 2 beside the rotation that was accepted before.", "fork", side, seen=grown
    )
    base2 = after([BASE], [builder()], issued=day("2026-07-01"))
    line = [sha256(BASE.ring), sha256(base2.ring)]
    back = turned(made, history=[*line], base=BASE, number=3)
    add("seen-set-aside", "A rotation sets aside a ring that the holders signed.", "rotation-jump", back, seen=base2)
    twice = turned(made, replace_second(made), history=line, base=BASE, number=3)
    add("seen-set-aside-counted", "The same with enough changes to count.", "fork", twice, seen=base2)


def replace_second(made: Successor) -> Successor:
    both = replace(builder(), versions=(*builder().versions, made.version))
    return successor(both, 3, THREE, TWO, ANCHOR, MADE)


def stolen_epoch(book: Book, grown: Trust) -> None:
    """The rotation key was stolen: the holders begin a new epoch with another one."""
    add = book.trust
    fresh = [TufKey(one.public, "automation") for one in pair("rotation-2", *"ed25519 ml-dsa-44".split())]
    began = after([BASE], [builder()], epoch=1, delegation=delegation(fresh))
    add("epoch-new", "A new epoch beside a rotation that was accepted before.", "", began, seen=grown)
    add("epoch-old", "The old epoch again.", "rollback", grown, seen=began)
    same = after([BASE], [builder()], epoch=1)
    add("epoch-same-key", "A new epoch with the stolen key.", "epoch-keeps-key", same, seen=grown)
    strange = after([simple([builder()], issued=ISSUED + SECOND)], [builder()], epoch=1, delegation=delegation(fresh))
    add("epoch-other-line", "A new epoch that does not follow the holders' ring.", "fork", strange, seen=grown)


def freshness(book: Book) -> None:
    add = book.trust

    def stated(base: Trust, **options: Any) -> Trust:
        issued = options.get("issued", NOW - timedelta(days=1))
        names = options.get(
            "meta", {"targets.json": (1, base.ring), **({"rotation.json": (2, base.rotation)} if base.rotation else {})}
        )
        number, newest = options.get("root", (len(base.roots), base.roots[-1]))
        entry = lambda number, data: {"version": number, "hashes": {"sha256": sha256(data)}}  # noqa: E731
        signed = {
            "_type": "snapshot", "spec_version": "1.0.31", "version": 1, "expires": f"{options.get('expires', NOW + timedelta(days=2)):%Y-%m-%dT%H:%M:%SZ}",
            EXTRA: {"issued": f"{issued:%Y-%m-%dT%H:%M:%SZ}", "root": entry(number, newest)},
            "meta": {name: entry(*one) for name, one in names.items()},
        }  # fmt: skip
        return replace(base, snapshot=sealed(signed, options.get("keys", ROTATION_KEYS)))

    grown = turned(next_of())
    add("fresh-good", "The rotation role says that this is the newest ring.", "", stated(BASE), max_ring_age=3)
    add("fresh-rotation", "And of a ring with a rotation.", "", stated(grown), max_ring_age=3)
    add(
        "fresh-grown",
        "A ring that grew from the one it names is newer still.",
        "",
        replace(grown, snapshot=stated(BASE).snapshot),
        max_ring_age=3,
    )
    stale = "ring-stale"
    add("fresh-none", "Nothing is said.", stale, BASE, max_ring_age=3)
    add("fresh-not-asked", "Nothing is said, and nobody asks.", "", BASE)
    add(
        "fresh-behind",
        "The statement names a newer ring than lies here.",
        stale,
        replace(BASE, snapshot=stated(grown).snapshot),
        max_ring_age=3,
    )
    add(
        "fresh-behind-not-asked",
        "Nobody asks: the statement is not read.",
        "",
        replace(BASE, snapshot=stated(grown).snapshot),
    )
    add(
        "fresh-old",
        "It is older than was asked for.",
        stale,
        stated(BASE, issued=NOW - timedelta(days=3) - SECOND),
        max_ring_age=3,
    )
    add("fresh-just", "It is just as old as that.", "", stated(BASE, issued=NOW - timedelta(days=3)), max_ring_age=3)
    add("fresh-expired", "It expired.", stale, stated(BASE, expires=NOW - SECOND), max_ring_age=3)
    add("fresh-future", "It is of tomorrow.", stale, stated(BASE, issued=NOW + 61 * SECOND), max_ring_age=3)
    add(
        "fresh-long",
        "It lives longer than the holders allow.",
        stale,
        stated(BASE, expires=NOW + timedelta(days=60)),
        max_ring_age=3,
    )
    add("fresh-by-holder", "A holder signed it.", stale, stated(BASE, keys=keys_of("alice")), max_ring_age=3)
    add("fresh-half", "One half signed it.", stale, stated(BASE, keys=ROTATION_KEYS[:1]), max_ring_age=3)
    add("fresh-other-root", "It names another root.", stale, stated(BASE, root=(1, b"x")), max_ring_age=3)
    add("fresh-newer-root", "It names a newer root.", stale, stated(BASE, root=(2, b"x")), max_ring_age=3)
    add(
        "fresh-unknown-file",
        "It names a file that nobody knows.",
        stale,
        stated(BASE, meta={"targets.json": (1, BASE.ring), "x.json": (1, b"x")}),
        max_ring_age=3,
    )
    add("fresh-no-json", "It is no JSON.", stale, replace(BASE, snapshot=b"x"), max_ring_age=3)
    add("fresh-no-json-not-asked", "It is no JSON, and nobody asks.", "", replace(BASE, snapshot=b"x"))
