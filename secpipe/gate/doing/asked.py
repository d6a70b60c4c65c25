"""How a request was typed: the words that a command told to its reader repeats."""

from __future__ import annotations

from pathlib import Path

from secpipe.gate.doing.call import Call
from secpipe.gate.origin import Rules
from secpipe.gate.request import TREE_POLICY, Request


def called(request: Request, rules: Rules) -> Call:
    """Return how the gate was asked, and the digests of what it was judged by."""
    trust, copied = rules.trust, request.repository is not None  # of a pushed commit: nobody reaches that folder
    folder = request.trust or (Path() if copied else request.path) / "keys"
    inside = TREE_POLICY if copied else str(request.path / TREE_POLICY)
    may = [one.name for one in trust.identities if {"model", "file"} <= set(one.authority.purposes)] if trust else []
    return Call(
        known=True,
        path="." if copied else str(request.path),
        policy=request.policy or (inside if (request.path / TREE_POLICY).is_file() else ""),
        policy_ref=request.policy_ref,
        policy_pin=f"sha256:{rules.policy.digest}",
        trust="" if folder.exists() and not folder.is_dir() else str(folder),
        trust_pin=f"sha256:{trust.root_digest}" if trust else "",
        trust_there=(folder / "root").is_dir(),
        signers=tuple(may),
        asked=request.asked,
        options=(*_asked(request), *_enforcing(rules, request)),
    )


def _asked(request: Request) -> tuple[str, ...]:
    """Return the other options of the question that change its answer."""
    named = [("--advisories", request.advisories), ("--verdicts", request.verdicts), ("--waivers", request.waivers)]
    words = [word for option, value in named if value for word in (option, str(value))]
    words += [word for path in request.exclude for word in ("--exclude", path)]
    words += ["--max-ring-age", str(request.max_ring_age)] * bool(request.max_ring_age)
    words += ["--waivers-ref", request.waivers_ref] * bool(request.waivers_ref)
    return (*(["--env", request.environment] * (request.environment != "prod")), *words)


def _enforcing(rules: Rules, request: Request) -> tuple[str, ...]:
    """A policy that only warns would let pass what stands against the release as soon as somebody pins it."""
    return ("--mode", "enforce") if rules.policy.resolve(request.environment).mode == "warn" else ()
