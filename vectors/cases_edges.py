"""Cases about the edges of what is allowed, one step inside and one outside: a stranger's verifier moved them unseen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secpipe.keys.metadata import EXTRA
from secpipe.keys.successor import endorse
from vectors import cases_folders as folders
from vectors import cases_logs as logs
from vectors import cases_signatures as files
from vectors import cases_trust as trusts
from vectors import cases_verdicts as verdicts
from vectors.book import Book
from vectors.cases_trust import ANCHOR, BASE, MADE, ONE, SECOND, TWO, builder, next_of, turned
from vectors.world import NOW, day, document, dumps, pair, person, sha256, simple, twins, version

Change = Callable[[dict[str, Any]], Any]


def add_all(book: Book) -> None:
    for part in (metadata, rotations, orders, people, statements, manifests, summaries, entries):
        part(book)


def metadata(book: Book) -> None:
    """Roots and rings."""
    bad, bounds = "trust-malformed", lambda one: one["delegations"]["roles"][0][EXTRA]
    changes: dict[str, tuple[str, Change]] = {
        "expires-when-issued": (bad, lambda one: one.update(expires=one[EXTRA]["issued"])),
        "epoch-zero": (bad, lambda one: one[EXTRA].update(epoch=0)),
        "late-days-most": ("", lambda one: bounds(one).update(late_days=36_500)),
        "late-days-over": (bad, lambda one: bounds(one).update(late_days=36_501)),
        "rotation-paths": ("", lambda one: one["delegations"]["roles"][0].update(paths=[])),
        "keyids-twice": (bad, lambda one: _twice(one["delegations"]["roles"][0]["keyids"])),
        "number-most": ("", lambda one: one.update(note=-999_999_999_999_999)),
        "number-over": (bad, lambda one: one.update(note=10**15)),
    }
    for word, (code, change) in changes.items():
        book.trust(f"ring-{word}", f"A ring with: {word}.", code, trusts.again(BASE, change))
    silent = trusts.again(BASE, lambda one: one[EXTRA].pop("time_authorities"), "root")
    book.trust("root-no-authorities", "A root without its list of time authorities.", bad, silent)
    strange = trusts.again(BASE, lambda one: one.update(note="x"))
    for word, old, new in (("exponent", '"note": "x"', '"note": 1e3'), ("infinite", '"note": "x"', '"note": 1e999')):
        ring = strange.ring.decode().replace(old, new).encode()
        book.trust(f"ring-number-{word}", f"A ring with a number: {word}.", bad, replace(strange, ring=ring))


def _twice(items: list[Any]) -> None:
    items.append(items[0])


def rotations(book: Book) -> None:
    """What automation may do, to the second."""
    early = builder(not_before=MADE + timedelta(days=20))
    made = next_of(identity=early)
    about = "A version that starts before the one that it follows."
    book.trust("bounds-before-predecessor", about, "rotation-bounds", turned(made, base=simple([early])))
    long = replace(next_of().version, verify_until=day("2099-01-01"))
    given = endorse("builder", long, MADE, ANCHOR, builder().versions[0], ONE, TWO)
    book.trust("bounds-verify-until", "How long a version is accepted has no bound.", "", turned(given))
    who = builder(destroyed_since=MADE + SECOND)
    about = "The endorsing version is destroyed later."
    book.trust("endorser-destroyed-later", about, "", turned(next_of(identity=who), base=simple([who])))
    old = simple([builder()], fresh=NOW - SECOND)
    book.trust(
        "ring-fresh-rotated", "On a ring with a rotation, the rotation's end counts.", "", turned(next_of(), base=old)
    )


def orders(book: Book) -> None:
    """Two things are wrong, and one is said."""
    grown = turned(next_of())
    late = simple([builder()], expires=NOW - SECOND)
    book.trust(
        "order-expired-fork", "Expired, and of another line: the end is said first.", "trust-expired", late, seen=grown
    )
    about = "Another line, and no statement of the newest ring: the line is said first."
    book.trust("order-fork-stale", about, "fork", turned(next_of(trusts.THREE)), seen=grown, max_ring_age=3)


def people(book: Book) -> None:
    """Identities."""

    def add(word: str, code: str, **authority: Sequence[str]) -> None:
        who = person("builder", version(1, ONE), **authority)
        book.trust(f"identity-{word}", f"An identity with: {word}.", code, simple([who]))

    add("override-and-model", "identity-rules", purposes=("override", "model"))
    add("override-glob", "identity-rules", purposes=("overrid?",))
    add("no-duty-glob", "", purposes=("[!vo]*",))
    add("glob-longest", "", namespaces=("a" * 200,))
    add("glob-too-long", "trust-malformed", namespaces=("a" * 201,))
    add("glob-empty", "trust-malformed", namespaces=("",))
    add("glob-c1", "", namespaces=("a\x85",))
    add("glob-delete", "trust-malformed", namespaces=("a\x7f",))
    for word, name, code in (
        ("longest", "a" * 64, ""),
        ("too-long", "a" * 65, "trust-malformed"),
        ("dash", "a-", "trust-malformed"),
    ):
        who = replace(builder(), holder=name)
        book.trust(f"identity-holder-{word}", f"A holder's name: {word}.", code, simple([who]))
    own = tuple(one.public for one in pair("small/own", *trusts.SIGNERS))
    both = replace(builder(), origin="0" * 64, rotation=own)
    book.trust(
        "identity-origin-and-rotation", "A rotation key of another team's identity.", "trust-malformed", simple([both])
    )
    keys = pair("builder")
    narrow = simple([person("builder", version(1, keys), namespaces=("[z-a].txt", "[!]x"), environments=("prod",))])
    for name, code in (("z.txt", "subject-not-allowed"), ("[!]x", "environment-not-allowed")):
        made = twins(document(keys, name, files.DIGEST), keys)
        tree = [{"path": name, "text": files.TEXT}]
        about = f"The name {name}, of an identity that may sign [z-a].txt and [!]x, for prod; no environment is named."
        word = "range-backwards" if code[0] == "s" else "no-environment"
        book.artifact(f"authority/{word}", about, code, narrow, made, tree, name=name)


def statements(book: Book) -> None:
    """Statements over a file."""

    def add(id_: str, about: str, code: str, change: Change, tree: Any = None, **rest: Any) -> None:
        made = files.good()
        change(made)
        book.artifact(id_, about, code, files.TRUST, twins(made, files.BUILDER), tree or files.TREE, **rest)

    subject = lambda one: one["subject"][0]  # noqa: E731
    bad = "statement-malformed"
    add(
        "statement/annotations-null",
        "Annotations that are null.",
        bad,
        lambda one: subject(one).update(annotations=None),
    )
    for note, value, code in (("kind", 1, bad), ("made", 1, bad), ("made", "", ""), ("kind", "", "")):

        def noted(one: dict[str, Any], note: str = note, value: Any = value) -> None:
            subject(one)["annotations"][f"https://secpipe.dev/{note}/v1"] = value

        word = f"{note}-{'empty' if value == '' else 'number'}"
        add(f"statement/note-{word}", f"An annotation: {word}.", code, noted)
    add(
        "statement/further-digest-number",
        "A further digest that is no text.",
        bad,
        lambda one: subject(one)["digest"].update(md5=1),
    )
    other = [{"path": "other.txt", "text": "else"}]
    about = "Another content under another name: the content is said first."
    add("file/changed-and-renamed", about, "changed-file", lambda _: None, other, name="other.txt")
    odd = [{"path": "a.\u017fig", "text": files.TEXT}]
    add(
        "file/reserved-long-s",
        "A long s is an s in another case.",
        "reserved-name",
        lambda _: None,
        odd,
        name="a.\u017fig",
    )
    ours = twins(document(files.CLASSIC, "prompt.txt", files.DIGEST), files.CLASSIC)
    spoiled = files.flipped(ours[0], lambda data: data[:-1] + bytes((data[-1] ^ 1,)))
    about = "One half, which does not hold, where two are asked for: the signature is said first."
    book.artifact("halves/damaged-below-floor", about, "bad-signature", files.TRUST, (spoiled, None), files.TREE)


def manifests(book: Book) -> None:
    """How a manifest says that it was made."""
    how = lambda one: one["predicate"]["serialization"]  # noqa: E731
    bad = "manifest-malformed"
    changes: dict[str, tuple[str, Change]] = {
        "no-hash-type": (bad, lambda one: how(one).pop("hash_type")),
        "no-allow-symlinks": (bad, lambda one: how(one).pop("allow_symlinks")),
        "ignore-twice": ("", lambda one: _twice(how(one)["ignore_paths"])),
        "ignore-below": ("ignored-path", lambda one: how(one)["ignore_paths"].append("code/x")),
    }
    for word, (code, change) in changes.items():
        made = folders.statement(folders.FILES)
        change(made)
        book.artifact(
            f"manifest/{word}", f"A manifest with: {word}; the verifier leaves out code.", code, files.TRUST,
            twins(made, files.BUILDER), folders.tree_of(folders.FILES), name=folders.NAME, folder=True, ignore=["code"],
        )  # fmt: skip


def summaries(book: Book) -> None:
    """Fields of a verdict."""
    own = lambda one: one["predicate"]["https://secpipe.dev/verdict/v1"]  # noqa: E731
    bad = "verdict-malformed"
    changes: dict[str, tuple[str, Change]] = {
        "exploited-true": (bad, lambda one: own(one).update(exploited=True)),
        "executable-twice": (bad, lambda one: own(one).update(executable=["a", "a"])),
        "left-out-twice": (bad, lambda one: own(one).update(leftOut=["a", "a"])),
        "holders-negative": (bad, lambda one: own(one)["breakGlass"].update(holders=-1)),
        "holders-none": ("", lambda one: own(one)["breakGlass"].update(holders=0)),
        "mode-long": (bad, lambda one: own(one).update(mode="m" * 17)),
        "mode-any": ("", lambda one: own(one).update(mode="dream")),
        "advisories-any": ("", lambda one: own(one).update(advisories="none")),
        "policy-no-uri": ("", lambda one: one["predicate"]["policy"].pop("uri")),
        "digest-more": ("", lambda one: own(one)["verdict"].update(sha512="x")),
        "verifier-longest": (bad, lambda one: one["predicate"]["verifier"].update(id="x" * 4097)),
    }
    for word, (code, change) in changes.items():
        made = verdicts.made(verdicts.GOOD, change=change)
        book.verdict(f"edge-{word}", f"A verdict with: {word}.", code, verdicts.TRUST, made, verdicts.ASKED)
    soon = verdicts.made(verdicts.GOOD, notes={"made": "2026-11-21T12:05:00Z"})
    book.verdict("edge-made-soon", "Its statement was made in five minutes.", "", verdicts.TRUST, soon, verdicts.ASKED)
    late = verdicts.made(verdicts.GOOD, notes={"made": "2026-11-21T12:00:00Z"})
    about = "Its age is that of timeVerified, not of its statement."
    book.verdict("edge-age", about, "verdict-too-old", verdicts.TRUST, late, verdicts.ASKED | {"maxAge": 3599})


def entries(book: Book) -> None:
    """Entries of a log."""
    table: dict[str, Any] = {
        "about": {}, "digest": {"sha256": logs.digest(1)}, "schema": "secpipe.log-entry/1", "time": "2026-11-21T12:00:00Z", "type": "file",
    }  # fmt: skip
    bad = "log-malformed"
    for word, about, code in (
        ("value-longest", {"a": "\U0001f600" * 512}, ""), ("value-empty", {"a": ""}, ""), ("key-longest", {"a" * 32: "x"}, ""), ("key-too-long", {"a" * 33: "x"}, bad),
        ("key-digit", {"1": "x"}, bad), ("key-inner-upper", {"aB": "x"}, bad), ("key-marks", {"a-b_1": "x"}, ""), ("most", {f"a{nth}": "x" for nth in range(32)}, ""),
    ):  # fmt: skip
        data = logs.proof([logs.ENTRIES[0], dumps(table | {"about": about})], 1)
        book.log(f"about-{word}", f"An entry whose about has: {word}.", code, data, logs.digest(1), logs.WHO)
    five = logs.ENTRIES[:5]
    one = logs.head(five)
    signed = logs.checkpoint(
        one, change=lambda _: [logs.LOG[0].sign(one, NOW), logs.LOG[1].sign(one, day("1970-01-01"))]
    )
    book.log("line-time-zero", "A line whose time is 0.", "", logs.proof(five, 2, signed), sha256(b"2"), logs.WHO)
