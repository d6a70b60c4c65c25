"""Who must act where nothing can be run: one sentence a rule, with what it is about, its owner and its advice."""

from __future__ import annotations

from secpipe.core.verdict import Reason
from secpipe.gate.accepted import kind_of
from secpipe.scan.vulnerabilities import NO_FEED

_ANOTHER = "get {what} anew from whoever signed it: nobody can accept a signature that does not hold"
_SIGN_AGAIN = "whoever signs {what} signs it again with an active key (secpipe sign)"
_ROTATE = "whoever holds the key behind {what} rotates it (secpipe keys rotate) and signs again"
_ORIGIN = "whoever builds {what} builds it from what {policy} accepts, or {owner} adds to its [provenance] lists"

#: Packages of an ecosystem that no feed covers; the scanner's words are `NO_FEED`.
_NO_FEED_SAYS = "whoever keeps the advisories gives those of that ecosystem to secpipe advisories update --from"

#: words of why something was not read -> the sentence
_UNREAD: dict[str, str] = {
    "image by a variable": "write the image into {what}, FROM name@sha256:..., or give its ARG a default",
    "does not parse as Python": "mend {what} until Python can read it, or remove it: what cannot run need not ship",
    "cell": "mend or remove that cell of {what}, and check again",
    "Git-LFS": "fetch the real file in place of the pointer {what} (git lfs pull), and check again",
    "without an exact version": (
        "pin these packages in a lock file (uv lock, pip-compile, npm install): {what} names no exact version"
    ),
    "submodule": "check out {what} (git submodule update --init), and check again",
}

#: (rule, words of the finding) -> the sentence, where one rule is about two causes
_CAUSES: dict[tuple[str, str], str] = {
    ("agents/fetch-and-run", "without encryption"): (
        "write https:// (or wss://) in {what} where it is reached without encryption, or remove it"
    ),
}

#: rule -> the sentence; `rule:check` where one rule is that of several checks.
SENTENCES: dict[str, str] = {
    "agents/hidden-text": "take out of {what} what a reader cannot see: nobody can approve it",
    "agents/fetch-and-run": "let {what} start what was installed at one version, in place of what it fetches and runs",
    "agents/hostile-command": "remove from {what} the item that brings the command, and look at where it came from",
    "agents/floating-package": "name one version in {what}: name@1.2.3, name==1.2.3, image@sha256:...",
    "agents/wide-permission": "name in {what} what may be run, and let it ask before anything else",
    "agents/secret-in-configuration": "revoke the secret in {what}, and name it by a variable there",
    "agents/credential-theft": "remove from {what} what reads credentials and sends; change them if it ever ran",
    "agents/lethal-combination": "take private data, text of strangers or the way out from {what}: never all three",
    "agents/instruction-to-conceal": "remove the sentence from {what}, and look at who wrote it",
    "agents/instruction-to-disable": "remove the sentence from {what}: no check is switched off by prose",
    "agents/look-alike-name": "write the name of the one you meant in {what}, or remove it",
    "agents/redirected-traffic": "remove from {what} the address of the assistant's traffic, or approve its host",
    "agents/leaves-project": "put the file into the project in place of the link {what}",
    "agents/changed-description": "read what the tool says now, then pin it anew: secpipe agents pin {what}",
    "audit/malicious-package": "{advice}",
    "gate/not-checked": "mend what stood in the way of the check, and check again",
    "gate/check-failed": "mend what does not hold, and check again",
    "gate/incomplete": (
        "bring or repair {what}, or let {owner} exclude it from the release or accept it (secpipe accept) in {policy}"
    ),
    "gate/stale-advisories": (
        "whoever keeps the advisory mirror gives its address to secpipe advisories update --from on this machine"
    ),
    "gate/policy-expired": "{owner} reviews the policy and sets a later expires in {policy}",
    "gate/waiver-expired": "{owner} mends what the waiver was about, or waives it anew (secpipe waive)",
    "gate/waiver-refused": "{owner} mends what the waiver is about, or lets it meet [waivers] in {policy}",
    "gate/tree-policy-denies": "meet the project's own policy, or let its owner change it",
    "gate/not-promoted": (
        "let this very release pass in the stage before, with its verdict signed into the store (check --store --sign)"
    ),
    "gate/not-checked:promotion": "whoever runs the stage before says where its verdict store is: --verdicts",
    "gate/review-missing": (
        "let other people than the signer review {what} and sign what they say (secpipe attest, with their own keys)"
    ),
    "gate/key-algorithm": _ROTATE,
    "gate/key-too-old": _ROTATE,
    "gate/root-algorithm": "the holders of the trust root make one with accepted algorithms (secpipe keys init)",
    "gate/trust-below-minimum": "whoever keeps the trust root gives the newer one; secpipe trust update takes it",
    "gate/incomplete-sbom": "add to the sources of the AI-BOM what secpipe sbom score says is lacking",
    "gate/missing-evidence:sbom": "score the AI-BOM with secpipe sbom score, and add what is lacking",
    "gate/missing-evidence:attestations": "whoever tests {what} runs the test and signs its result (secpipe attest)",
    "gate/missing-evidence:provenance": "whoever builds {what} signs where it comes from (secpipe attest)",
    "gate/input-missing": "whoever builds {what} names these inputs in its provenance and signs it again",
    "gate/test-failed": "whoever makes {what} mends it until the test passes, and the tester signs the new result",
    "gate/builder-not-allowed": _ORIGIN,
    "gate/source-not-allowed": _ORIGIN,
    "gate/base-model-not-allowed": _ORIGIN,
    "gate/dataset-not-allowed": _ORIGIN,
    "gate/builders-not-named": "{owner} names the accepted builders in {policy}: [provenance] builders",
    "gate/clock": "{advice}",
    "gate/condition-unknown": "bring what the condition could not look at, and check again",
    "sbom/lfs-pointer": "fetch the real file in place of the pointer {what} (git lfs pull), and check again",
    "shadow-ai/leaked-key": "{advice}, and take the old one out of {what}: until it is revoked, who saw it can use it",
    "signatures/changed-file": _ANOTHER,
    "signatures/extra-file": "remove what nobody signed, or let the signer look at it and sign again: {what}",
    "signatures/missing-file": "bring back what was signed, or let the signer sign again: {what}",
    "signatures/invalid": _ANOTHER,
    "signatures/stripped-half": _ANOTHER,
    "signatures/unknown-key": "ask who signed {what}; the holders of the trust root decide whether to accept the key",
    "signatures/wrong-purpose": "let somebody sign {what} whose key may",
    "signatures/expired-key": _SIGN_AGAIN,
    "signatures/suspended-key": "the holders of the trust root say why the key is suspended, and for how long",
    "signatures/compromised-key": "look at {what} as if anybody had made it, then sign it again with a new key",
    "signatures/ignored-path": "sign {what} again without leaving anything out",
    "signatures/reserved-name": "remove or rename {what}: only a signature may have that name",
    "signatures/replayed": "deploy the newer signed version instead of {what}",
}


def sentence_of(reason: Reason) -> str:
    """Return the sentence for a reason, with fields to fill in, or ""."""
    if reason.rule == "gate/incomplete" and NO_FEED in reason.what:
        return _NO_FEED_SAYS
    kind = kind_of(reason.unread[0]) if reason.unread else ""
    if said := next((sentence for words, sentence in _UNREAD.items() if words in kind), ""):
        return said
    for (rule, words), sentence in _CAUSES.items():
        if reason.rule == rule and words in reason.what:
            return sentence
    return SENTENCES.get(f"{reason.rule}:{reason.check}") or SENTENCES.get(reason.rule, "")
