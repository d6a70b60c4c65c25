"""Cases about twin bundles over a file: halves, JSON and DSSE oddities, statements, authority and time."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from secpipe.core.trust import TimeAuthority
from secpipe.sign.bundle import encode
from secpipe.sign.envelope import pae
from vectors.book import Book
from vectors.world import (
    NOW,
    Key,
    b64,
    day,
    document,
    dumps,
    key,
    pair,
    person,
    sha256,
    signed,
    simple,
    twins,
    version,
)  # fmt: skip

TEXT = "be kind"
DIGEST = {"sha256": sha256(TEXT.encode())}
TREE = [{"path": "prompt.txt", "text": TEXT}]
BUILDER, OTHER, SECOND = pair("builder"), pair("other"), pair("builder-2")
CNSA, LEVEL2 = pair("cnsa2", "ecdsa-p384", "ml-dsa-87"), pair("level2", "ecdsa-p256", "ml-dsa-44")
CLASSIC, ONLY_PQ = pair("classic", "ecdsa-p256"), pair("only-pq", "ml-dsa-65")
NARROW = pair("narrow")
SECONDS = timedelta(seconds=1)
#: identity -> dates of its only key version, for the cases of time
DATED: dict[str, dict[str, datetime]] = {
    "early": {"not_before": NOW, "sign_until": day("2027-01-01")},
    "ended": {"sign_until": day("2026-10-01"), "verify_until": NOW},
    "retired": {"sign_until": day("2026-10-01")},
    "suspended": {"suspended_since": NOW},
    "compromised": {"compromised_since": day("2026-11-01")},
    "doomed": {"compromised_since": day("2027-03-01")},
    "destroyed": {"destroyed_since": day("2026-11-01")},
    "both": {"suspended_since": NOW, "compromised_since": day("2026-11-01")},
}


def people() -> list[Any]:
    found = [
        person("builder", version(1, BUILDER), version(2, SECOND, not_before=day("2026-06-01"))),
        person("other", version(1, OTHER)),
        person("strong", version(1, CNSA)),
        person("level2", version(1, LEVEL2)),
        person("classic", version(1, CLASSIC)),
        person("only-pq", version(1, ONLY_PQ)),
        person(
            "narrow", version(1, NARROW), purposes=("prompt", "file"),
            namespaces=("prompts-*", "[abx-z]?.txt", "[!p]rompt.txt", "a[]b]c", "d[e"), environments=("prod", "eu-*"),
        ),
    ]  # fmt: skip
    return found + [person(name, version(1, pair(name), **dates)) for name, dates in DATED.items()]


TRUST = simple(people())


def good(keys: Sequence[Key] = BUILDER, name: str = "prompt.txt", **options: Any) -> dict[str, Any]:
    return document(keys, name, DIGEST, **options)


def flipped(bundle: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a bundle with another signature."""
    table = json.loads(bundle)
    one = table["dsseEnvelope"]["signatures"][0]
    one["sig"] = b64(change(base64.b64decode(one["sig"])))
    return json.dumps(table, separators=(",", ":")).encode() + b"\n"


def halves(book: Book) -> None:
    def add(id_: str, about: str, code: str, bundles: Sequence[bytes | None], **rest: Any) -> None:
        book.artifact(f"halves/{id_}", about, code, rest.pop("trust", TRUST), bundles, rest.pop("tree", TREE), **rest)

    ours, theirs = twins(good(), BUILDER), twins(good(OTHER), OTHER)
    add("good", "Both halves hold.", "", ours)
    add("good-cnsa2", "P-384 and ML-DSA-87.", "", twins(good(CNSA), CNSA))
    add("good-level2", "P-256 and ML-DSA-44.", "", twins(good(LEVEL2), LEVEL2))
    add("good-second-version", "The second version of a key.", "", twins(good(SECOND), SECOND))
    add(
        "good-reversed-declaration",
        "The order of declared halves means nothing.",
        "",
        twins(good(BUILDER[::-1]), BUILDER),
    )
    for floor in ("classical+pq", "classical", "pq"):
        word = floor.replace("+", "-")
        add(f"floor-{word}", f"Both halves under the floor {floor}.", "", ours, require=floor)
        for half, bundles in (("pq", (ours[0], None)), ("classical", (None, ours[1]))):
            about = f"The {half} half is stripped; a floor of {floor} does not help."
            add(f"stripped-{half}-floor-{word}", about, "half-missing", bundles, require=floor)
        only = twins(good(CLASSIC), CLASSIC)[0]
        code = "" if floor == "classical" else "below-floor"
        add(
            f"classical-identity-floor-{word}",
            "An identity with a classical half only.",
            code,
            (only, None),
            require=floor,
        )
        only = twins(good(ONLY_PQ), ONLY_PQ)[0]
        code = "" if floor == "pq" else "below-floor"
        add(
            f"pq-identity-floor-{word}", "An identity with a post-quantum half only.", code, (None, only), require=floor
        )
    add("not-signed", "There is no bundle at all.", "not-signed", (None, None))
    add("swapped-places", "Each half stands in the other's place.", "wrong-place", ours[::-1])
    add("classical-twice", "The classical bundle stands in both places.", "half-repeated", (ours[0], ours[0]))
    add("pq-twice", "The post-quantum bundle stands in both places.", "half-repeated", (ours[1], ours[1]))
    add("pq-only-misplaced", "Only the post-quantum half, in the classical place.", "half-missing", (ours[1], None))
    two_classical = (BUILDER[0], OTHER[0])
    add("two-classical", "Two classical halves.", "wrong-place", twins(good(two_classical), two_classical))
    mixed = (BUILDER[0], OTHER[1])
    add("mixed-identities", "Halves of two identities.", "mixed-halves", twins(good(mixed), mixed))
    crossed = (BUILDER[0], SECOND[1])
    add("mixed-versions", "Halves of two versions of one identity.", "mixed-halves", twins(good(crossed), crossed))
    add("other-payload", "Each half signs a payload of its own.", "payloads-differ", (ours[0], theirs[1]))
    spaced = signed(dumps(good()).replace(b",", b", ", 1), BUILDER[1])
    add("payload-reformatted", "Equal JSON, other bytes.", "payloads-differ", (ours[0], spaced))
    alone = good(BUILDER[:1])
    add(
        "declares-one",
        "Only one half is declared, and only that is there.",
        "half-left-out",
        (signed(alone, BUILDER[0]), None),
        require="classical",
    )
    add("declares-one-has-two", "One half is declared, two are there.", "half-undeclared", twins(alone, BUILDER))
    third = (*BUILDER, OTHER[1])
    add("declares-three", "A third half is declared and is not there.", "half-missing", twins(good(third), BUILDER))
    stranger = pair("stranger")
    add("unknown-key", "A key that no ring knows.", "unknown-key", twins(good(stranger), stranger))
    half_known = (BUILDER[0], stranger[1])
    add("half-unknown", "One half by a key that no ring knows.", "unknown-key", twins(good(half_known), half_known))
    for at, alg in (
        (0, "ecdsa-p384"),
        (0, "ml-dsa-65"),
        (1, "ml-dsa-87"),
        (1, "ml-dsa-44"),
        (1, ""),
        (0, "ECDSA-P256"),
    ):
        relabelled = good()
        relabelled["subject"][0]["annotations"]["https://secpipe.dev/hybrid/v1"]["halves"][at]["alg"] = alg
        add(
            f"relabelled-{at}-{alg or 'empty'}",
            "A declared algorithm that the ring does not know.",
            "wrong-algorithm",
            twins(relabelled, BUILDER),
        )
    table = json.loads(ours[0])
    table["verificationMaterial"]["publicKey"]["hint"] = OTHER[0].keyid
    add("hint-replaced", "The hint is not the key that is declared.", "half-undeclared", (dumps(table), ours[1]))
    swapped = [json.loads(one) for one in ours]
    swapped[0]["dsseEnvelope"]["signatures"], swapped[1]["dsseEnvelope"]["signatures"] = (
        swapped[1]["dsseEnvelope"]["signatures"], swapped[0]["dsseEnvelope"]["signatures"],
    )  # fmt: skip
    add(
        "signatures-exchanged",
        "The signatures are exchanged, the hints are not.",
        "bad-signature",
        [dumps(one) for one in swapped],
    )
    for half, at in (("classical", 0), ("pq", 1)):
        for word, change in {
            "bit-flipped": lambda data: bytes((data[0], data[1], *data[2:-1], data[-1] ^ 1)),
            "first-bit": lambda data: bytes((data[0] ^ 128,)) + data[1:],
            "truncated": lambda data: data[:-1],
            "extended": lambda data: data + b"\0",
            "zeros": lambda data: bytes(len(data)),
            "one-byte": lambda data: b"\0",
        }.items():
            bundles = list(ours)
            bundles[at] = flipped(ours[at], change)
            add(f"{half}-{word}", f"The {half} signature, {word}.", "bad-signature", bundles)
    der_forms(add, ours)
    other_messages(add, ours)


def der_forms(add: Callable[..., None], ours: Sequence[bytes]) -> None:
    """ECDSA signatures are DER, and only DER."""
    order = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
    raw = base64.b64decode(json.loads(ours[0])["dsseEnvelope"]["signatures"][0]["sig"])
    r, s = decode_dss_signature(raw)
    twisted = encode_dss_signature(r, order - s)
    add(
        "ecdsa-other-s",
        "ECDSA signatures hold for s and for n - s.",
        "",
        (flipped(ours[0], lambda _: twisted), ours[1]),
    )
    forms = {
        "raw-r-s": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "long-length": b"\x30\x81" + raw[1:],
        "trailing": raw + b"\x05\0",
        "padded-r": b"\x30" + bytes((raw[1] + 1,)) + b"\x02" + bytes((raw[3] + 1,)) + b"\0" + raw[4:],
        "zero-r": encode_dss_signature(0, s),
        "zero-s": encode_dss_signature(r, 0),
        "r-plus-n": encode_dss_signature(r + order, s),
        "empty-sequence": b"\x30\0",
        "indefinite": b"\x30\x80" + raw[2:] + b"\0\0",
        "set-for-sequence": b"\x31" + raw[1:],
    }
    for word, form in forms.items():
        add(
            f"ecdsa-{word}",
            f"An ECDSA signature as {word}.",
            "bad-signature",
            (flipped(ours[0], lambda _, form=form: form), ours[1]),
        )


def other_messages(add: Callable[..., None], ours: Sequence[bytes]) -> None:
    """Good signatures over something else than the DSSE encoding of the payload."""
    payload = dumps(good())
    others: dict[str, bytes] = {
        "payload-itself": payload,
        "other-type": pae(payload, "application/json"),
        "base64-text": pae(b64(payload).encode()),
        "version-2": pae(payload).replace(b"DSSEv1", b"DSSEv2", 1),
        "wrong-length": pae(payload).replace(b" %d " % len(payload), b" %d " % (len(payload) + 1), 1),
    }
    for word, text in others.items():
        for at, half in ((0, "classical"), (1, "pq")):
            bundles = list(ours)
            bundles[at] = encode(payload, BUILDER[at].sign(text), BUILDER[at].keyid)
            add(f"{half}-over-{word}", f"The {half} half signs: {word}.", "bad-signature", bundles)
    wrong = encode(payload, key("builder", "ml-dsa-87").sign(pae(payload)), BUILDER[1].keyid)
    add("pq-of-another-set", "An ML-DSA-87 signature for an ML-DSA-65 key.", "bad-signature", (ours[0], wrong))
    wrong = encode(payload, OTHER[1].sign(pae(payload)), BUILDER[1].keyid)
    add("pq-by-another-key", "A good signature by another key under this hint.", "bad-signature", (ours[0], wrong))


# -- DSSE and JSON ----------------------------------------------------------------------------------------------------


def oddities(book: Book) -> None:
    ours = twins(good(), BUILDER)
    text = ours[0].decode()
    table = json.loads(text)

    def add(id_: str, about: str, code: str, data: bytes | str, **rest: Any) -> None:
        first = data if isinstance(data, bytes) else data.encode()
        book.artifact(f"json/{id_}", about, code, TRUST, (first, ours[1]), TREE, **rest)

    def changed(id_: str, about: str, code: str, path: str, value: Any, *, gone: bool = False) -> None:
        copied = copy.deepcopy(table)
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place = copied
        for part in parents:
            place = place[part]
        if gone:
            del place[last]
        else:
            place[last] = value
        add(id_, about, code, dumps(copied))

    bad = "bundle-malformed"
    paths = {
        "mediaType": "top", "verificationMaterial.publicKey": "material", "verificationMaterial.publicKey.hint": "key",
        "dsseEnvelope.payload": "payload", "dsseEnvelope.payloadType": "type", "dsseEnvelope.signatures": "signatures",
        "dsseEnvelope.signatures.0.sig": "sig", "verificationMaterial": "all-material", "dsseEnvelope": "envelope",
    }  # fmt: skip
    for path, word in paths.items():
        changed(f"missing-{word}", f"{path} is missing.", bad, path, None, gone=True)
        changed(f"null-{word}", f"{path} is null.", bad, path, None)
        changed(f"number-{word}", f"{path} is a number.", bad, path, 7)
        changed(f"list-{word}", f"{path} is a list with a list in it.", bad, path, [[]])
    for path in (
        "",
        "verificationMaterial.",
        "verificationMaterial.publicKey.",
        "dsseEnvelope.",
        "dsseEnvelope.signatures.0.",
    ):
        changed(
            f"unknown-field-{path.count('.')}-{path[:1] or 'top'}",
            f"An unknown field in {path or 'the bundle'}.",
            bad,
            f"{path}note",
            "x",
        )
    for media in (
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle.v0.2+json",
        "application/json",
        "",
    ):
        changed(
            f"media-{media.rpartition('.')[2].partition('+')[0] or 'none'}-{len(media)}",
            f'The media type "{media}".',
            bad,
            "mediaType",
            media,
        )
    changed("log-entries-empty", "An empty list of log entries is allowed.", "", "verificationMaterial.tlogEntries", [])
    changed("log-entries", "A log entry is not.", bad, "verificationMaterial.tlogEntries", [{"logIndex": "1"}])
    changed("log-entries-null", "Null is no empty list.", bad, "verificationMaterial.tlogEntries", None)
    changed("keyid-absent", "keyid may be absent.", "", "dsseEnvelope.signatures.0.keyid", None, gone=True)
    changed("keyid-null", "keyid may not be null.", bad, "dsseEnvelope.signatures.0.keyid", None)
    changed("keyid-given", "keyid may not name a key.", bad, "dsseEnvelope.signatures.0.keyid", BUILDER[0].keyid)
    one = table["dsseEnvelope"]["signatures"][0]
    changed("two-signatures", "Two signatures in one bundle.", bad, "dsseEnvelope.signatures", [one, one])
    changed("no-signature", "No signature in a bundle.", bad, "dsseEnvelope.signatures", [])
    changed("payload-type", "Another payload type.", bad, "dsseEnvelope.payloadType", "application/json")
    changed(
        "payload-type-case",
        "Types are compared letter by letter.",
        bad,
        "dsseEnvelope.payloadType",
        "application/vnd.in-toto+JSON",
    )
    hint = BUILDER[0].keyid
    for word, value in {
        "upper": hint.upper(),
        "short": hint[:-1],
        "long": hint + "0",
        "newline": hint + "\n",
        "empty": "",
        "letters": "g" * 64,
    }.items():
        changed(f"hint-{word}", f"The hint, {word}.", bad, "verificationMaterial.publicKey.hint", value)
    changed(
        "certificate",
        "A certificate instead of a key.",
        bad,
        "verificationMaterial",
        {"certificate": {"rawBytes": "AAAA"}},
    )
    stamps = "verificationMaterial.timestampVerificationData"
    changed("stamps-empty", "An empty set of time stamps is allowed.", "", stamps, {})
    changed("stamps-none", "An empty list of time stamps is allowed.", "", stamps, {"rfc3161Timestamps": []})
    changed("stamps-null", "Null is read as no time stamps.", "", stamps, None)
    changed(
        "stamps-unknown-authority",
        "A stamp by nobody that is pinned proves nothing.",
        "",
        stamps,
        {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}]},
    )
    changed(
        "stamps-nine",
        "More than eight time stamps.",
        bad,
        stamps,
        {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}] * 9},
    )
    changed("stamps-unknown", "An unknown field beside them.", bad, stamps, {"other": []})
    changed("stamps-list", "A list where an object belongs.", bad, stamps, [])
    changed(
        "stamps-no-base64",
        "A stamp that is not base64.",
        bad,
        stamps,
        {"rfc3161Timestamps": [{"signedTimestamp": "*"}]},
    )
    sixty = "dsseEnvelope.signatures.0.sig"
    sig = one["sig"]
    loose = sig.rstrip("=")
    for word, value in {
        "spaces": sig[:8] + " " + sig[8:], "newline": sig[:8] + "\n" + sig[8:], "end-newline": sig + "\n", "padding-twice": sig + "====",
        "empty": "", "not-ascii": sig[:-4] + "é===", "star": "*" + sig[1:], "urlsafe": "-_" + sig[2:],
        "unpadded": loose if loose != sig else sig[:-1],
    }.items():  # fmt: skip
        changed(f"base64-{word}", f"Signature in base64, {word}.", bad, sixty, value)
    changed("base64-payload-bits", "Padding bits that are not zero.", bad, "dsseEnvelope.payload", "QR==")
    changed("signature-too-long", "A signature of more than 64 KiB.", bad, sixty, b64(bytes(65 * 1024)))
    texts(add, text, ours)


def texts(add: Callable[..., None], text: str, ours: Sequence[bytes]) -> None:
    """Oddities of the JSON text itself."""
    bad, line = "bundle-malformed", text.rstrip()
    for word, old in {
        "top": '"mediaType":',
        "material": '"publicKey":',
        "key": '"hint":',
        "envelope": '"payloadType":',
        "signature": '"sig":',
    }.items():
        name = old.strip('":')
        add(f"duplicate-{word}", f"{name} stands twice.", bad, text.replace(old, f'"{name}":"x",{old}', 1))
    add(
        "duplicate-same",
        "A key stands twice with the same value.",
        bad,
        text.replace('"keyid":""', '"keyid":"","keyid":""'),
    )
    add(
        "duplicate-escaped",
        "A key stands twice, once escaped.",
        bad,
        text.replace('"keyid":""', '"keyid":"","key\\u0069d":""'),
    )
    add("escaped-key", "A key may be written with escapes.", "", text.replace('"keyid"', '"key\\u0069d"'))
    add("pretty", "Space between tokens means nothing.", "", json.dumps(json.loads(text), indent=2))
    add("crlf", "Nor do line ends of Windows.", "", json.dumps(json.loads(text), indent=2).replace("\n", "\r\n"))
    for word, form in {
        "byte-order-mark": "\ufeff" + line, "trailing-comma": line[:-1] + ",}", "trailing-text": line + "x", "two-documents": line + line,
        "comment": line[:-1] + "/**/}", "single-quotes": line.replace('"', "'"), "not-a-number": line.replace('"keyid":""', '"keyid":NaN'),
        "infinity": line.replace('"keyid":""', '"keyid":1e999'), "array": f"[{line}]", "null": "null", "empty": "", "string": '"x"', "true": "true",
        "control-character": line.replace('"keyid":""', '"keyid":"\t"'), "bad-escape": line.replace('"keyid":""', '"keyid":"\\x"'),
        "form-feed": "\f" + line, "no-break-space": "\u00a0" + line, "leading-zero": line.replace('"keyid":""', '"keyid":01'),
        "unclosed": line[:-1], "plus-number": line.replace('"keyid":""', '"keyid":+1'), "deep": line[:-1] + ',"x":' + "[" * 100 + "]" * 100 + "}",
        "very-deep": line[:-1] + ',"x":' + "[" * 20_000 + "]" * 20_000 + "}", "proto": line[:-1] + ',"__proto__":{}}',
        "long-number": line[:-1] + ',"x":' + "9" * 5000 + "}", "nul": line + "\0", "undefined": line.replace('"keyid":""', '"keyid":undefined'),
        "short-escape": line.replace('"keyid":""', '"keyid":"\\u12"'), "bare-key": line.replace('"keyid"', "keyid"), "fraction": line.replace('"keyid":""', '"keyid":1.'),
    }.items():  # fmt: skip
        add(f"text-{word}", f"The JSON text: {word}.", bad, form)
    add("text-latin-1", "Bytes that are not UTF-8.", bad, line.replace('"keyid":""', '"keyid":"é"').encode("latin-1"))
    add("text-utf-16", "UTF-16.", bad, line.encode("utf-16"))
    add("text-overlong", "An overlong byte sequence.", bad, line.encode().replace(b'"keyid":""', b'"keyid":"\xc0\x80"'))
    add(
        "text-surrogate-bytes",
        "A surrogate in bytes.",
        bad,
        line.encode().replace(b'"keyid":""', b'"keyid":"\xed\xa0\x80"'),
    )
    add("limit-over", "A bundle of more than 64 MiB.", bad, text, pad=64 * 1024 * 1024)


def statements(book: Book) -> None:
    def add(id_: str, about: str, code: str, change: Callable[[dict[str, Any]], Any] | bytes, **rest: Any) -> None:
        made: Any = good()
        payload = change if isinstance(change, bytes) else dumps(change(made) or made)
        book.artifact(f"statement/{id_}", about, code, TRUST, twins(payload, BUILDER), TREE, **rest)

    bad = "statement-malformed"
    subject = lambda one: one["subject"][0]  # noqa: E731
    hybrid = lambda one: subject(one)["annotations"]["https://secpipe.dev/hybrid/v1"]  # noqa: E731
    text = dumps(good())
    add(
        "any-order", "Keys of a payload may stand in any order.", "", json.dumps(good(), separators=(",", ":")).encode()
    )
    add("pretty", "A payload may be written with spaces.", "", json.dumps(good(), indent=1).encode())
    add("no-statement", "A payload that is no JSON.", bad, b"hello")
    add("empty", "A payload without a byte is no base64 that we read.", "bundle-malformed", b"")
    add("list", "A payload that is a list.", bad, b"[]")
    add("not-utf-8", "A payload that is not UTF-8.", bad, text.replace(b"prompt.txt", b"prompt\xff.txt"))
    add(
        "duplicate-key",
        "A key stands twice in the payload.",
        bad,
        text.replace(b'"predicate":{}', b'"predicate":{},"predicate":{}'),
    )
    add(
        "duplicate-deep",
        "A key stands twice deep in the payload.",
        bad,
        text.replace(b'"mode":"all-of"', b'"mode":"all-of","mode":"all-of"'),
    )
    add(
        "surrogate-name",
        "A name that is not Unicode is no file's name.",
        "wrong-name",
        text.replace(b'"name":"prompt.txt"', b'"name":"prompt\\ud800.txt"'),
    )
    add("type-v0.1", "Statement v0.1.", bad, lambda one: one.update(_type="https://in-toto.io/Statement/v0.1"))
    for name in ("_type", "subject", "predicateType", "predicate"):
        add(f"without-{name}", f"A statement without {name}.", bad, lambda one, name=name: one.pop(name) and None)
        add(f"null-{name}", f"{name} is null.", bad, lambda one, name=name: one.update({name: None}))
    add("unknown-field", "An unknown field of the statement.", bad, lambda one: one.update(extra=1))
    add("unknown-subject-field", "An unknown field of the subject.", bad, lambda one: subject(one).update(uri="x"))
    add("no-subject", "No subject.", bad, lambda one: one.update(subject=[]))
    add("two-subjects", "Two subjects.", bad, lambda one: one["subject"].append(subject(one)))
    add("subject-name-number", "A name that is a number.", bad, lambda one: subject(one).update(name=1))
    add("no-digest", "A subject without digest.", bad, lambda one: subject(one).pop("digest") and None)
    add("digest-empty", "A subject with no digest in it.", bad, lambda one: subject(one).update(digest={}))
    add(
        "digest-upper",
        "A digest in capitals.",
        bad,
        lambda one: subject(one).update(digest={"sha256": DIGEST["sha256"].upper()}),
    )
    add(
        "digest-short",
        "A digest of 63 digits.",
        bad,
        lambda one: subject(one).update(digest={"sha256": DIGEST["sha256"][1:]}),
    )
    add("digest-other", "Another algorithm alone.", bad, lambda one: subject(one).update(digest={"sha512": "0" * 128}))
    add(
        "digest-and-other",
        "A file has its SHA-256 alone.",
        bad,
        lambda one: subject(one)["digest"].update(sha512="0" * 128),
    )
    add("digest-number", "A digest that is a number.", bad, lambda one: subject(one).update(digest={"sha256": 1}))
    add("annotations-list", "Annotations that are a list.", bad, lambda one: subject(one).update(annotations=[]))
    add(
        "no-annotations",
        "No annotations: nothing is declared.",
        "undeclared",
        lambda one: subject(one).pop("annotations") and None,
    )
    add(
        "declaration-null",
        "A declaration that is null.",
        "undeclared",
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/hybrid/v1": None}),
    )
    add(
        "declaration-list",
        "A declaration that is a list.",
        bad,
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/hybrid/v1": []}),
    )
    add(
        "other-annotation",
        "Other annotations are nobody's business.",
        "",
        lambda one: subject(one)["annotations"].update(note=[1, 2.5, None]),
    )
    add("mode-any-of", "Any of the halves is not enough.", bad, lambda one: hybrid(one).update(mode="any-of"))
    add("mode-missing", "No mode.", bad, lambda one: hybrid(one).pop("mode") and None)
    add("halves-empty", "No half is declared.", bad, lambda one: hybrid(one).update(halves=[]))
    add(
        "halves-nine",
        "Nine halves.",
        bad,
        lambda one: hybrid(one).update(halves=[{"alg": "x", "keyid": f"{n:064x}"} for n in range(9)]),
    )
    add(
        "halves-twice",
        "One half is declared twice.",
        bad,
        lambda one: hybrid(one)["halves"].append(hybrid(one)["halves"][0]),
    )
    add("half-unknown-field", "An unknown field of a half.", bad, lambda one: hybrid(one)["halves"][0].update(use="x"))
    add(
        "half-keyid-upper",
        "A keyid in capitals.",
        bad,
        lambda one: hybrid(one)["halves"][0].update(keyid=BUILDER[0].keyid.upper()),
    )
    add("half-alg-number", "An algorithm that is a number.", bad, lambda one: hybrid(one)["halves"][0].update(alg=1))
    add(
        "version-number",
        "A version that is a number.",
        bad,
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/version/v1": 1}),
    )
    add(
        "made-no-time",
        "A time that is none.",
        bad,
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/made/v1": "today"}),
    )
    add(
        "made-other-zone",
        "A time in another zone.",
        bad,
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/made/v1": "2026-11-21T12:00:00+01:00"}),
    )
    add(
        "made-no-day",
        "A day that no month has.",
        bad,
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/made/v1": "2026-02-30T12:00:00Z"}),
    )
    add(
        "made",
        "A time in UTC.",
        "",
        lambda one: subject(one)["annotations"].update({"https://secpipe.dev/made/v1": "2026-11-21T12:00:00Z"}),
    )
    add(
        "type-unknown",
        "A predicate type that nobody vetted.",
        "unvetted-type",
        lambda one: one.update(predicateType="https://example.com/mine/v1"),
    )
    add(
        "type-case",
        "Types are compared letter by letter.",
        "unvetted-type",
        lambda one: one.update(predicateType="https://secpipe.dev/File/v1"),
    )
    add("type-number", "A predicate type that is a number.", bad, lambda one: one.update(predicateType=1))
    add(
        "predicate-filled",
        "A file's predicate is empty.",
        "predicate-not-empty",
        lambda one: one.update(predicate={"a": 1}),
    )
    add("predicate-list", "A predicate that is a list.", bad, lambda one: one.update(predicate=[]))
    add(
        "predicate-deep",
        "A predicate that is nested too deeply.",
        bad,
        lambda one: one.update(predicate=json.loads('{"a":' * 80 + "1" + "}" * 80)),
    )
    for kind, uri, body in (
        ("model", "https://model_signing/signature/v1.0", {}), ("provenance", "https://slsa.dev/provenance/v1", {"buildDefinition": {}, "runDetails": {}}),
        ("image", "https://sigstore.dev/cosign/sign/v1", {}),
    ):  # fmt: skip
        add(
            f"form-{kind}",
            f"A {kind} signature on a file.",
            "wrong-form",
            lambda one, uri=uri, body=body: one.update(predicateType=uri, predicate=body),
        )
    for kind in ("dataset", "prompt", "sbom", "policy", "waiver", "advisories"):
        add(
            f"type-{kind}",
            f"A file signed as {kind}.",
            "",
            lambda one, kind=kind: one.update(predicateType=f"https://secpipe.dev/{kind}/v1"),
        )
    names(book, add)


def names(book: Book, add: Callable[..., None]) -> None:
    def file(
        id_: str, about: str, code: str, name: str, signed_name: str = "", content: str = TEXT, **demand: Any
    ) -> None:
        bundles = twins(good(name=signed_name or name), BUILDER)
        book.artifact(
            f"file/{id_}", about, code, TRUST, bundles, [{"path": name, "text": content}], name=name, **demand
        )

    file("renamed", "A file under another name.", "wrong-name", "other.txt", "prompt.txt")
    file("changed", "A file with another content.", "changed-file", "prompt.txt", content="be cruel")
    file(
        "changed-line-ends",
        "A line end of Windows is another content.",
        "changed-file",
        "prompt.txt",
        content=TEXT + "\r\n",
    )
    file("empty", "A file that lost its content.", "changed-file", "prompt.txt", content="")
    file("unicode", "A name that is not ASCII.", "", "überblick.txt")
    file(
        "unicode-other-form",
        "The same name in another Unicode form is another name.",
        "wrong-name",
        "u\u0308berblick.txt",
        "überblick.txt",
    )
    file("case", "Another case is another name.", "wrong-name", "Prompt.txt", "prompt.txt")
    for reserved in ("model", "MODEL", "model.pqc", "a.sig", "a.pqc.sig", "a.att.json", "a.tlog-proof", "A.SIG"):
        file(f"reserved-{reserved}", "A name that is kept for signatures.", "reserved-name", reserved)
    file("hidden", "A hidden file is a file.", "", ".env")


# -- who and when -----------------------------------------------------------------------------------------------------


def authority(book: Book) -> None:
    def add(
        id_: str,
        about: str,
        code: str,
        name: str = "prompts-1",
        kind: str = "file",
        keys: Sequence[Key] = NARROW,
        **demand: Any,
    ) -> None:
        made = document(keys, name, DIGEST, f"https://secpipe.dev/{kind}/v1", **demand.pop("notes", {}))
        demand = {"environment": "prod"} | demand
        book.artifact(
            f"authority/{id_}",
            about,
            code,
            TRUST,
            twins(made, keys),
            [{"path": name, "text": TEXT}],
            name=name,
            **demand,
        )

    add("good", "Purpose, name and environment are allowed.", "")
    add("purpose", "A purpose that is not.", "purpose-not-allowed", kind="dataset")
    add("subject", "A name that is not.", "subject-not-allowed", name="prompt")
    add("environment", "An environment that is not.", "environment-not-allowed", environment="dev")
    add(
        "environment-none",
        "No environment is named, and the identity is bound to some.",
        "environment-not-allowed",
        environment="",
    )
    add("environment-glob", "An environment by its glob.", "", environment="eu-west")
    add("environment-glob-bare", "A star takes nothing, too.", "", environment="eu-")
    add("environment-case", "Globs tell cases apart.", "environment-not-allowed", environment="PROD")
    add(
        "order",
        "Purpose is judged before name and environment.",
        "purpose-not-allowed",
        name="x",
        kind="dataset",
        environment="dev",
    )
    for word, name, code in (
        ("class", "a1.txt", ""), ("class-range", "y1.txt", ""), ("class-not-in", "c1.txt", "subject-not-allowed"), ("class-two", "aa1.txt", "subject-not-allowed"),
        ("negated", "Prompt.txt", ""), ("negated-hit", "prompt.txt", "subject-not-allowed"), ("bracket-in-class", "a]c", ""), ("bracket-b", "abc", ""),
        ("bracket-other", "axc", "subject-not-allowed"), ("unclosed-class", "d[e", ""), ("unclosed-other", "de", "subject-not-allowed"), ("star-slashless", "prompts-a.b", ""),
        ("question-emoji", "a\U0001f600.txt", ""),
    ):  # fmt: skip
        add(f"glob-{word}", f'The name "{name}" against the globs of the identity.', code, name=name)
    add("asked-purpose", "The purpose that is asked for.", "", purpose="file")
    add("asked-other-purpose", "Another purpose than is asked for.", "wrong-purpose", purpose="prompt")
    add("asked-name", "The name that is asked for.", "", keys=BUILDER)
    for word, have, least, code in (
        ("equal", "1.4.0", "1.4.0", ""), ("newer", "1.10", "1.9", ""), ("older", "1.9", "1.10", "old-version"), ("zeros", "1.4", "1.4.0", ""), ("none", "", "1.0", "old-version"),
        ("words", "latest", "1.0", "old-version"), ("longer", "1.4.0.1", "1.4", ""), ("major", "2", "10", "old-version"), ("big", "1.99999999999999999999", "1.9", ""),
    ):  # fmt: skip
        notes = {"version": have} if have else {}
        add(
            f"version-{word}",
            f'Version "{have}" where at least {least} is asked for.',
            code,
            keys=BUILDER,
            notes=notes,
            minVersion=least,
        )


def time(book: Book) -> None:
    def add(id_: str, about: str, code: str, who: str, now: datetime = NOW, **rest: Any) -> None:
        keys = pair(who)
        made = document(keys, "prompt.txt", DIGEST)
        book.artifact(
            f"time/{id_}",
            about,
            code,
            rest.pop("trust", TRUST),
            twins(made, keys, rest.pop("tokens", ())),
            TREE,
            now=now,
            **rest,
        )

    add("first-second", "A key on its first second.", "", "early")
    add("before", "A key a second before.", "key-not-yet", "early", NOW - SECONDS)
    add("last-second", "A key on the last second of its acceptance.", "", "ended")
    add("after", "A key a second after.", "expired-key", "ended", NOW + SECONDS)
    add("retired", "A key that signs no more and has no end of acceptance.", "", "retired")
    add("suspended", "A suspended key.", "suspended-key", "suspended")
    add("not-yet-suspended", "A key a second before its suspension.", "", "suspended", NOW - SECONDS)
    add("compromised", "A compromised key, and nothing proves an earlier signature.", "compromised-key", "compromised")
    add("compromised-later", "A compromise that is dated to come counts already.", "compromised-key", "doomed")
    add("suspended-first", "Suspended and compromised: suspension is said first.", "suspended-key", "both")
    add("destroyed", "A destroyed key made its signatures before.", "", "destroyed")
    add("root-expires", "The last second of the trust.", "", "retired", day("2027-06-01"))
    add("root-expired", "A second after.", "trust-expired", "retired", day("2027-06-01") + SECONDS)
    stamped = simple(people(), (TimeAuthority("authority", "no certificate\n"),))
    tokens = (b"\x30\x03\x02\x01\x00",)
    add(
        "stamp-unreadable",
        "A stamp that nobody can read, where an authority is pinned.",
        "invalid",
        "retired",
        trust=stamped,
        tokens=tokens,
        without={"rfc3161": "time-not-supported"},
    )
    add("stamp-missing", "An authority is pinned and nothing is stamped.", "", "retired", trust=stamped)
    one, two = pair("retired")
    made = document((one, two), "prompt.txt", DIGEST)
    book.artifact(
        "time/stamp-on-one-half",
        "Only one half is stamped: no time is known.",
        "",
        stamped,
        (signed(made, one, tokens), signed(made, two)),
        TREE,
    )
    made = document(pair("compromised"), "prompt.txt", DIGEST)
    one, two = pair("compromised")
    book.artifact(
        "time/stamp-on-one-half-compromised",
        "One stamp does not save a compromised key.",
        "compromised-key",
        stamped,
        (signed(made, one, tokens), signed(made, two)),
        TREE,
    )


def add_all(book: Book) -> None:
    for part in (halves, oddities, statements, authority, time):
        part(book)
