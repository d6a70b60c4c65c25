"""The closed table of refusal codes: every verifier of this format answers with one of them (docs/spec/refusals.md).

A code belongs to one result: `refused` where something does not hold, `undecided` where nobody can tell. Both mean: do
not load, do not deploy. Codes are never renamed.
"""

from __future__ import annotations

from secpipe.core.errors import InputError, SecpipeError, TrustError

VERIFIED, REFUSED, UNDECIDED = "verified", "refused", "undecided"

#: What is verified -> code -> what it says. The order is that in which the rules are tried.
TABLE: dict[str, dict[str, str]] = {
    "trust": {
        "trust-malformed": "A document of the trust bundle is not what the keyring's format allows, or over a bound.",
        "root-chain": "The roots are not versions 1 to N in order of number and time.",
        "quorum": "Too few people signed a root, a ring or a rotation with both halves.",
        "wrong-pin": "No root of the chain has the pinned digest.",
        "target-mismatch": "A target file is not the one whose digest and length were signed.",
        "identity-rules": "An identity has mixed duties, or key versions that are not contiguous in number and time.",
        "key-reused": "One public key has two jobs.",
        "ring-history": "A ring does not list the digest of each earlier version.",
        "rotation-does-not-extend": "The rotation's history does not begin with the ring that it stands on.",
        "rotation-beyond-role": "The rotation role does what only the holders may.",
        "rotation-bounds": "A rotation, or a key version in it, breaks the dates or algorithms that the holders allow.",
        "endorser-state": "The endorsing key version is suspended, compromised, destroyed or too long past its end.",
        "successor-order": "A key version names another predecessor, number or trust root.",
        "successor-proof": "A key version lacks a signature of its predecessor, its own halves or its rotation key.",
        "rotation-jump": "The number of the rotation rose by more than it appended.",
        "trust-not-yet": "The root or the ring was issued after now.",
        "trust-expired": "The root or the ring expired.",
        "ring-stale": "Nothing shows that the ring was the newest within the age that was asked for.",
        "rollback": "The trust is older than the one accepted before.",
        "fork": "The trust is of another line than the one accepted before.",
        "epoch-keeps-key": "A new epoch keeps a rotation key of the one before.",
        "taken-back": "A key version or a suspension that was known is gone or changed.",
    },
    "signature": {
        "not-signed": "There is no bundle.",
        "bundle-malformed": "A bundle is not strict JSON of exactly the fields of the format, or over a bound.",
        "payloads-differ": "The bundles sign different payloads.",
        "statement-malformed": "The payload is not a statement as the format has it.",
        "undeclared": "The payload declares no halves.",
        "half-repeated": "Both bundles point at one key.",
        "half-undeclared": "A bundle points at a key that the payload does not declare.",
        "half-missing": "A declared half has no bundle.",
        "unknown-key": "A bundle points at a key that is not in the ring.",
        "wrong-place": "A half stands where a half of the other class belongs.",
        "wrong-algorithm": "The declared algorithm is not the one of the ring.",
        "mixed-halves": "The halves are of different identities or key versions.",
        "half-left-out": "The payload does not declare every half of the key version.",
        "bad-signature": "A signature does not hold.",
        "below-floor": "The verified halves are fewer than the verifier requires.",
        "suspended-key": "The key version is suspended.",
        "compromised-key": "The key version is compromised, and nothing proves an earlier signature.",
        "key-not-yet": "The key version was not active yet.",
        "expired-key": "The key version ended.",
        "time-not-supported": "Time stamps could decide, and this verifier cannot read them.",
        "unvetted-type": "The predicate type is not a vetted one.",
        "predicate-not-empty": "A statement of this type claims nothing, and this one does.",
        "purpose-not-allowed": "The identity may not sign this purpose.",
        "subject-not-allowed": "The identity may not sign this name.",
        "environment-not-allowed": "The identity may not sign for this environment.",
        "wrong-purpose": "It is signed as something else than was asked for.",
        "wrong-name": "It is signed under another name.",
        "old-version": "The signed version is older than the least accepted, or none.",
    },
    "artifact": {
        "wrong-form": "The type signs a folder and a file is given, or the other way round, or neither.",
        "reserved-name": "The artifact bears a name that is kept for signatures.",
        "changed-file": "A file has another content than was signed.",
        "manifest-malformed": "The manifest is not as the format has it.",
        "ignored-path": "The signature leaves out a path that could hold anything.",
        "manifest-digests": "The signed digests do not follow from the manifest.",
        "extra-file": "Something stands there that the signature does not cover.",
        "missing-file": "A signed file is not there.",
        "replayed": "What is signed under this name stands elsewhere in the tree.",
        "invalid": "The artifact could not be verified for another reason.",
    },
    "verdict": {
        "not-a-verdict": "It is not the kind of statement that a verdict is.",
        "mixed-duties": "The signer may sign other things than verdicts.",
        "verdict-malformed": "The predicate is no verdict, or its result does not follow from its decision.",
        "not-yet-made": "The verdict says a time to come, or none.",
        "other-release": "The verdict is about other files.",
        "other-environment": "The verdict is for another environment.",
        "other-links": "The symbolic links are not those that were judged.",
        "other-verifier": "The verifier that it names is not who signed it.",
        "other-root": "The verdict was given under another trust root, or none.",
        "newer-trust": "The verdict was given under a newer root or ring than the verifier has.",
        "newer-does-not-hold": "A newer verdict does not hold.",
        "verifier-not-accepted": "The policy does not accept this verifier.",
        "other-policy": "The verdict was given by another policy.",
        "old-trust": "Root or ring, here or of the verdict, is older than the least accepted.",
        "verdict-says-no": "The verdict is a no.",
        "verdict-undecided": "The verdict came to no answer, or by rules that nothing pinned.",
        "verdict-expired": "The verdict's own end is past.",
        "verdict-too-old": "The verdict is older than was asked for.",
    },
    "log": {
        "log-malformed": "The proof, its checkpoint or its entry is not as the formats have it, or over a bound.",
        "other-log": "The checkpoint is of another log.",
        "log-line-invalid": "A line of a known key does not hold.",
        "log-line-missing": "A key of the log did not sign.",
        "witness-quorum": "Too few witnesses signed.",
        "not-in-log": "The path does not lead from the entry to the root.",
        "other-entry": "The entry is about something else.",
    },
}

UNDECIDED_CODES = frozenset(
    {
        "trust-malformed",
        "ring-stale",
        "time-not-supported",
        "newer-trust",
        "old-trust",
        "verdict-undecided",
        "verdict-expired",
        "verdict-too-old",
        "log-malformed",
    }
)  # fmt: skip
#: What no verifier of one artifact in one pair of bundles answers -> who does.
ALONE: dict[str, str] = {
    "replayed": "who looks at a whole tree of artifacts",
    "newer-does-not-hold": "who holds a store of verdicts",
    "mixed-duties": "nobody (the ring of such a signer is `identity-rules` already)",
}
CODES: dict[str, str] = {code: words for part in TABLE.values() for code, words in part.items()}


def result_of(code: str) -> str:
    """Return the one result that a code belongs to; `verified` for none. Raises KeyError for an unknown code."""
    if not code:
        return VERIFIED
    return UNDECIDED if CODES[code] and code in UNDECIDED_CODES else REFUSED


def code_of(error: SecpipeError, malformed: str) -> str:
    """Return the code of an error; `malformed` is that of a document that cannot be read.

    Raises the error again where it is neither of a verifier's own nor about a document.
    """
    if error.code:
        return error.code
    if isinstance(error, InputError) and not isinstance(error, TrustError):
        return malformed
    raise error
