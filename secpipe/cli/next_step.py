"""What to type next: after init, check, hook install, keys init, sign, a pin: one command that runs as it stands.

Only people get it: on stderr, never in a CI job. Names out of a project are quoted; one that a terminal would not show
as it is makes no command.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secpipe.cli.options import tell
from secpipe.core.text import printable
from secpipe.gate.request import TREE_POLICY, Request

SELF_JUDGED, UNSIGNED = "gate/self-judged", "gate/unsigned-artifact"
_SHOWN = 8  # folders to sign in one command
_AGAIN = "next, when that is done"


@dataclass(frozen=True, slots=True)
class Step:
    """A command, or some of which each needs the one before, and what leads to it."""

    commands: tuple[tuple[str, ...], ...]
    lead: str = "next"

    def show(self) -> None:
        """Say it on stderr."""
        if not self.commands:
            return
        command = " && ".join(shlex.join(words) for words in self.commands)
        if not os.environ.get("CI") and printable(command, len(command)) == command:
            for line in ("", f"{self.lead}:", f"  {command}"):
                tell(line)


def secpipe(*words: str | Path, lead: str = "next") -> Step:
    """Return a step of secpipe's own."""
    return Step((("secpipe", *map(str, words)),), lead)


def after_init(path: Path, pin: str) -> Step:
    """Judge it; `pin` is that of a policy just written, where it asks less than what holds without one."""
    if not pin:
        return secpipe("check", _plain(path))
    return secpipe("check", _plain(path), "--policy", path / TREE_POLICY, "--policy-ref", f"sha256:{pin}")


def after_keys(folder: str) -> Step:
    """Judge the project whose `keys/` it is: the verdict says what wants a signature. Else know the new root's pin."""
    place = Path(folder)
    return secpipe("check", _plain(place.parent)) if place.name == "keys" else secpipe("trust", "pin", folder)


def after_sign(paths: tuple[str, ...], folder: str, pin: str) -> Step:
    """Judge the project again, by the root that was signed under; a trust root of its own place vouches for paths."""
    place = Path(folder)
    if place.name == "keys":
        return secpipe("check", _plain(place.parent), "--trust-pin", f"sha256:{pin}")
    return secpipe("verify", *paths, "--trust", folder, "--trust-pin", f"sha256:{pin}")


def after_policy_pin(file: str, pin: str) -> Step | None:
    """Judge the project that the policy lies in by exactly this policy."""
    place = Path(file)
    if place.name != TREE_POLICY:
        return None
    return secpipe("check", _plain(place.parent), "--policy", file, "--policy-ref", f"sha256:{pin}")


def after_trust_pin(folder: str, pin: str) -> Step | None:
    """Judge the project that the trust root lies in by exactly this root."""
    place = Path(folder)
    return secpipe("check", _plain(place.parent), "--trust-pin", f"sha256:{pin}") if place.name == "keys" else None


def after_check(document: Mapping[str, Any], request: Request) -> Step | None:
    """Return what brings the release nearest to a pass, or a pass nearest to the place where it decides.

    Whoever names a policy of another place has left the first day behind.
    """
    if request.policy and Path(request.policy).name != TREE_POLICY:
        return None
    rules = {reason["rule"] for reason in document["reasons"] if reason["effect"] in ("deny", "undecided")}
    if not rules:
        return _after_pass(request)
    if rules == {SELF_JUDGED}:
        return _pinned(document, request)
    if not _has_policy(request):
        return secpipe("init", _plain(request.path))  # approvals and exceptions need a place to stand
    trust = request.trust or request.path / "keys"
    unsigned = _unsigned(document) if UNSIGNED in rules else []
    if unsigned and not (trust / "root").is_dir() and (trust.is_dir() or not trust.exists()):
        return secpipe("keys", "init", "--trust", trust)
    if unsigned and document["trust"] is not None and len(unsigned) <= _SHOWN:
        return secpipe("sign", *(_plain(request.path / place) for place in unsigned), "--trust", trust)
    return secpipe("check", *gate_words(request), lead=_AGAIN)


def after_hook_run(document: Mapping[str, Any], request: Request) -> Step | None:
    """Return what lets the next push through: pins in the hook's own line, or a look at the work tree."""
    rules = {reason["rule"] for reason in document["reasons"] if reason["effect"] in ("deny", "undecided")}
    if not rules:
        return None
    if not _has_policy(request):
        return secpipe("init")
    request = replace(request, mode="", warn_until=None)
    if rules != {SELF_JUDGED}:
        return secpipe("check", ".", *gate_words(request)[1:])
    pinned = _with_pins(document, replace(request, path=Path()))
    return secpipe("hook", "install", *gate_words(pinned)[1:], lead=f"next, once you have read {pinned.policy}")


def gate_words(request: Request) -> list[str]:
    """Return the path and the options of `secpipe check` that ask the same question again."""
    words = [_plain(request.path)]
    for flag, value in (
        ("--policy", request.policy),
        ("--policy-ref", request.policy_ref),
        ("--waivers", request.waivers),
        ("--waivers-ref", request.waivers_ref),
        ("--trust", request.trust),
        ("--trust-pin", request.trust_pin),
        ("--env", "" if request.environment == "prod" else request.environment),
        ("--mode", request.mode),
        ("--warn-until", request.warn_until),
        ("--advisories", request.advisories),
        *(("--exclude", path) for path in request.exclude),
    ):
        words += [flag, str(value)] if value else []
    return words


def _after_pass(request: Request) -> Step:
    from secpipe.gate import hook

    if not _has_policy(request):
        return secpipe("init", _plain(request.path))
    state = hook.state(request.path)
    if state == "missing" and not (request.exclude or request.waivers or request.advisories):
        where = () if request.path.resolve() == Path.cwd() else ("-C", _plain(request.path))
        return secpipe("hook", "install", *where, *gate_words(replace(request, mode="", warn_until=None))[1:])
    if state == "installed":
        return Step(hook.push(request.path))
    return secpipe("check", *gate_words(request), lead="next, where your releases are made (0 is a pass)")


def _has_policy(request: Request) -> bool:
    """Whether it is judged by a policy of somebody's own, in which approvals have a place."""
    return bool(request.policy or request.policy_ref or (request.path / TREE_POLICY).is_file())


def _pinned(document: Mapping[str, Any], request: Request) -> Step:
    pinned = _with_pins(document, request)
    read = pinned.policy if pinned.policy != request.policy or not request.policy_ref else pinned.trust or "keys"
    return secpipe("check", *gate_words(pinned), lead=f"next, once you have read {printable(str(read), 200)}")


def _with_pins(document: Mapping[str, Any], request: Request) -> Request:
    """Return the request pinned to what it was judged by: whoever has read that may give its digests."""
    policy, trust = document["policy"], document["trust"]
    if not policy["pinned"]:
        file = request.policy or str(request.path / TREE_POLICY)
        request = replace(request, policy=file, policy_ref=f"sha256:{policy['digest']['sha256']}")
    if trust and not trust["pinned"]:
        request = replace(request, trust_pin=f"sha256:{trust['digest']['sha256']}")
    return request


def _unsigned(document: Mapping[str, Any]) -> list[str]:
    """Return the folders, or files at the top, that want a signature and that the model scan does not refuse."""
    paths = [
        finding["path"]
        for finding in document["findings"]
        if finding["rule"] == UNSIGNED and not finding["details"].get("blocked")
    ]
    return list(dict.fromkeys(path.rpartition("/")[0] or path for path in paths))


def _plain(path: Path) -> str:
    """Return a path that no option can be mistaken for."""
    text = str(path)
    return f"./{text}" if text.startswith("-") else text
