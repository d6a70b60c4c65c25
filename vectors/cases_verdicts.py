"""Cases about signed verdicts: what they are about, who gave them, under which trust, and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secpipe.gate.verdicts import vsa
from secpipe.gate.verdicts.vsa import Judged, Summary
from vectors.book import Book
from vectors.world import NOW, Key, day, document, pair, person, sha256, simple, twins, version

JUDGE, MIXED, SUSPENDED, BUILD = pair("verdict"), pair("verdict-2"), pair("verdict-3"), pair("builder")
SECOND = timedelta(seconds=1)
URI = "https://slsa.dev/verification_summary/v1"
RELEASE, POLICY = "a" * 64, "b" * 64
TRUST = simple(
    [
        person("verdict", version(1, JUDGE), purposes=("verdict", "vsa")),
        person("only-verdict", version(1, MIXED), purposes=("verdict",)),
        person("suspended", version(1, SUSPENDED, suspended_since=day("2026-11-01")), purposes=("verdict", "vsa")),
        person("builder", version(1, BUILD)),
    ]
)
ASKED = {"digest": RELEASE, "environment": "prod", "links": "", "policy": POLICY}
GOOD = Summary(
    verifier=vsa.verifier_id("verdict"), version="1.0.0", at=NOW - timedelta(hours=1), resource=vsa.resource_uri("prod", "acme-chat"),
    policy_name="acme", policy=POLICY, resolved="c" * 64, environment="prod", mode="enforce", decision="pass", self_judged=False,
    verdict="d" * 64, evidence="e" * 64, trust=Judged(1, sha256(TRUST.roots[0]), 1, sha256(TRUST.ring)), advisories="",
    valid_until=NOW + timedelta(hours=23), because="the policy's verdicts.valid_hours", levels=("SECPIPE_SIGNATURES",),
)  # fmt: skip


def made(
    summary: Summary, keys: Sequence[Key] = JUDGE, change: Callable[[dict[str, Any]], Any] | None = None, **options: Any
) -> list[bytes]:
    notes = {"kind": "vsa", "made": "2026-11-21T11:00:00Z"} | options.pop("notes", {})
    digest = options.pop("digest", {"dirHash": RELEASE})
    one = document(
        keys,
        "acme-chat",
        digest,
        options.pop("kind_uri", URI),
        vsa.predicate(summary),
        **{name: value for name, value in notes.items() if value},
    )
    if change:
        change(one)
    return twins(one, keys)


def add_all(book: Book) -> None:
    def add(id_: str, about: str, code: str, bundles: Sequence[bytes | None], **asked: Any) -> None:
        now = asked.pop("now", NOW)
        asks: Mapping[str, Any] = {name: value for name, value in (ASKED | asked).items() if value is not None}
        book.verdict(id_, about, code, TRUST, bundles, asks, now=now)

    ours = made(GOOD)
    add("good", "A verdict that lets the release out.", "", ours)
    add("good-warn", "With warnings.", "", made(replace(GOOD, decision="warn")))
    add(
        "good-warn-mode",
        "In warn mode, where enforcing would have let it out too.",
        "",
        made(replace(GOOD, mode="warn")),
    )
    add("good-links-unknown", "Whoever asks does not know the links.", "", ours, links=None)
    add("good-any-policy", "Any policy will do.", "", ours, policy=None)
    add("good-verifier", "By an accepted verifier.", "", ours, verifiers=[GOOD.verifier])
    add("good-name", "By the name that is asked for.", "", ours, name="acme-chat")
    add("good-minimum", "Under root and ring as asked for.", "", ours, minRoot=1, minRing=1)
    add("good-age", "As old as was asked for.", "", ours, maxAge=3600)
    add(
        "good-unknown-fields",
        "Fields that nobody knows are ignored, as SLSA asks.",
        "",
        made(GOOD, change=lambda one: one["predicate"].update(note="x")),
    )
    add("last-second", "The last second.", "", ours, now=GOOD.valid_until - SECOND)
    add("ended", "The second after.", "verdict-expired", ours, now=GOOD.valid_until)
    add("none", "There is no verdict.", "not-signed", (None, None))
    add("stripped-pq", "The post-quantum half is stripped.", "half-missing", (ours[0], None))
    add("stripped-classical", "The classical half is stripped.", "half-missing", (None, ours[1]))
    add("swapped", "The halves are exchanged.", "wrong-place", ours[::-1])
    add("other-release", "A verdict on another release.", "other-release", made(GOOD, digest={"dirHash": "f" * 64}))
    add("other-release-asked", "Another release is asked about.", "other-release", ours, digest="f" * 64)
    add("other-environment", "A verdict for dev.", "other-environment", made(replace(GOOD, environment="dev")))
    add("other-environment-asked", "Another environment is asked about.", "other-environment", ours, environment="dev")
    add("other-links", "The links are others.", "other-links", ours, links="0" * 64)
    add("no-links", "The verdict knows links, and there are none.", "other-links", made(replace(GOOD, links="0" * 64)))
    add("other-policy", "Another policy.", "other-policy", ours, policy="0" * 64)
    add("other-name", "Another name is asked for.", "wrong-name", ours, name="other")
    add(
        "verifier-not-accepted",
        "By a verifier that is not accepted.",
        "verifier-not-accepted",
        ours,
        verifiers=["https://secpipe.dev/verifier/other"],
    )
    add("minimum-root", "A newer root is asked for.", "old-trust", ours, minRoot=2)
    add("minimum-ring", "A newer ring is asked for.", "old-trust", ours, minRing=2)
    add("too-old", "Older than was asked for.", "verdict-too-old", ours, maxAge=3599)
    add(
        "order",
        "What stands against the verdict itself is said before its end.",
        "other-policy",
        ours,
        policy="0" * 64,
        now=GOOD.valid_until,
    )
    no = replace(GOOD, decision="deny")
    add("denied", "A no.", "verdict-says-no", made(no))
    add("denied-warn-mode", "A no in warn mode is a no.", "verdict-says-no", made(replace(no, mode="warn")))
    add("denied-ended", "A no does not end.", "verdict-says-no", made(no), now=GOOD.valid_until)
    add("undecided", "No answer.", "verdict-undecided", made(replace(GOOD, decision="undecided")))
    add("self-judged", "By rules that nothing pinned.", "verdict-undecided", made(replace(GOOD, self_judged=True)))
    add(
        "other-verifier",
        "It names another verifier than its signer.",
        "other-verifier",
        made(replace(GOOD, verifier=vsa.verifier_id("other"))),
    )
    add("future", "Given tomorrow.", "not-yet-made", made(replace(GOOD, at=NOW + timedelta(minutes=5) + SECOND)))
    add(
        "near-future",
        "Given in five minutes: a clock that is behind.",
        "",
        made(replace(GOOD, at=NOW + timedelta(minutes=5))),
    )
    add(
        "made-future",
        "Its statement was made tomorrow.",
        "not-yet-made",
        made(GOOD, notes={"made": "2026-11-22T12:00:00Z"}),
    )
    add("made-missing", "Its statement does not say when it was made.", "not-yet-made", made(GOOD, notes={"made": ""}))
    add("kind-missing", "Its statement does not say what it is.", "not-a-verdict", made(GOOD, notes={"kind": ""}))
    add(
        "kind-override",
        "Its statement says that it is an override.",
        "not-a-verdict",
        made(GOOD, notes={"kind": "override"}),
    )
    judged = GOOD.trust
    assert judged
    add("no-trust", "It was given under no trust root.", "other-root", made(replace(GOOD, trust=None)))
    add(
        "other-root",
        "Under another trust root.",
        "other-root",
        made(replace(GOOD, trust=replace(judged, root_digest="0" * 64))),
    )
    add(
        "newer-root",
        "Under a newer root.",
        "newer-trust",
        made(replace(GOOD, trust=replace(judged, root_digest="0" * 64, root_version=2))),
    )
    add("newer-ring", "Under a newer ring.", "newer-trust", made(replace(GOOD, trust=replace(judged, ring_version=2))))
    add(
        "image",
        "It says that it judged an image and names none.",
        "verdict-malformed",
        made(replace(GOOD, image="0" * 64)),
    )
    add(
        "image-named",
        "It names an image and does not say that it judged it.",
        "verdict-malformed",
        made(GOOD, digest={"dirHash": RELEASE, "sha256": "0" * 64}),
    )
    add(
        "image-both",
        "It names the image that it judged.",
        "",
        made(replace(GOOD, image="0" * 64), digest={"dirHash": RELEASE, "sha256": "0" * 64}),
    )
    add(
        "digest-sha256", "A release is named by dirHash.", "statement-malformed", made(GOOD, digest={"sha256": RELEASE})
    )
    add(
        "digest-other",
        "And by nothing else.",
        "statement-malformed",
        made(GOOD, digest={"dirHash": RELEASE, "sha512": "0" * 128}),
    )
    add(
        "by-builder",
        "A builder gives a verdict.",
        "purpose-not-allowed",
        made(replace(GOOD, verifier=vsa.verifier_id("builder")), BUILD),
    )
    add(
        "by-other-purpose",
        "An identity that may sign verdict files only.",
        "purpose-not-allowed",
        made(replace(GOOD, verifier=vsa.verifier_id("only-verdict")), MIXED),
    )
    add(
        "by-suspended",
        "A suspended key.",
        "suspended-key",
        made(replace(GOOD, verifier=vsa.verifier_id("suspended")), SUSPENDED),
    )
    add(
        "other-type",
        "A verdict's content under another type.",
        "purpose-not-allowed",
        made(GOOD, kind_uri="https://secpipe.dev/override/v1"),
    )
    own = lambda one: one["predicate"]["https://secpipe.dev/verdict/v1"]  # noqa: E731
    bad = "verdict-malformed"
    for field in (
        "verifier",
        "timeVerified",
        "resourceUri",
        "policy",
        "verificationResult",
        "verifiedLevels",
        "inputAttestations",
        "https://secpipe.dev/verdict/v1",
    ):
        word = field.rpartition("dev/")[2].replace("/", "-")
        add(
            f"without-{word}",
            f"A verdict without {word}.",
            bad,
            made(GOOD, change=lambda one, field=field: one["predicate"].pop(field)),
        )
    for field in (
        "environment",
        "mode",
        "decision",
        "selfJudged",
        "policyName",
        "resolvedPolicy",
        "verdict",
        "evidence",
        "trust",
        "advisories",
        "validUntil",
        "validUntilBecause",
        "breakGlass",
        "links",
        "leftOut",
        "artifacts",
    ):
        add(
            f"without-own-{field}",
            f"A verdict without {field}.",
            bad,
            made(GOOD, change=lambda one, field=field: own(one).pop(field)),
        )
    for word, change in {
        "result-passed": lambda one: (own(one).update(decision="deny"), one["predicate"].update(verificationResult="PASSED")), "result-failed": lambda one: one["predicate"].update(verificationResult="FAILED"),
        "decision-unknown": lambda one: own(one).update(decision="maybe"), "decision-case": lambda one: own(one).update(decision="PASS"), "self-judged-text": lambda one: own(one).update(selfJudged="false"),
        "until-zone": lambda one: own(one).update(validUntil="2026-11-22T11:00:00+00:00"), "until-fraction": lambda one: own(one).update(validUntil="2026-11-22T11:00:00.0Z"),
        "ring-zero": lambda one: own(one)["trust"].update(ringVersion=0), "ring-fraction": lambda one: own(one)["trust"].update(ringVersion=1.0), "ring-text": lambda one: own(one)["trust"].update(ringVersion="1"),
        "ring-true": lambda one: own(one)["trust"].update(ringVersion=True), "ring-huge": lambda one: own(one)["trust"].update(ringVersion=10**30), "digest-upper": lambda one: own(one)["verdict"].update(sha256="D" * 64),
        "levels-twice": lambda one: one["predicate"].update(verifiedLevels=["A", "A"]), "artifact-two-digests": lambda one: own(one).update(artifacts=[{"path": "x", "digest": {"sha256": "0" * 64, "dirHash": "0" * 64}}]),
        "artifact-algorithm": lambda one: own(one).update(artifacts=[{"path": "x", "digest": {"md5": "0" * 64}}]), "input-no-uri": lambda one: one["predicate"].update(inputAttestations=[{"digest": {"sha256": "0" * 64}}]),
        "executable-text": lambda one: own(one).update(executable="x"), "exploited-negative": lambda one: own(one).update(exploited=-1), "holders-text": lambda one: own(one)["breakGlass"].update(holders="2"),
        "version-missing": lambda one: one["predicate"]["verifier"].pop("version"), "predicate-empty": lambda one: one.update(predicate={}),
    }.items():  # fmt: skip
        add(f"with-{word}", f"A verdict with: {word}.", bad, made(GOOD, change=change))
    for word, change in {
        "artifact": lambda one: own(one).update(artifacts=[{"path": "x", "digest": {"dirHash": "0" * 64}}]), "exploited": lambda one: own(one).update(exploited=0),
        "executable": lambda one: own(one).update(executable=["run.sh"]), "input": lambda one: one["predicate"].update(inputAttestations=[{"uri": "x", "digest": {"sha256": "0" * 64}}]),
    }.items():  # fmt: skip
        add(f"good-with-{word}", f"A verdict with: {word}.", "", made(GOOD, change=change))
