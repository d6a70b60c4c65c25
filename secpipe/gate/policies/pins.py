"""What `--policy-ref` says: a digest, a protected branch of the repository, or a signature; and whether it holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import did_you_mean, printable
from secpipe.core.trust import Trust
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.policies.signed_file import signer_of
from secpipe.gate.request import ADOPTING, BUILTIN, DEFAULT_POLICY, TREE_POLICY, Request

KINDS = ("sha256", "git", "signed")
PURPOSE = "policy"
_FORMS = "sha256:HEX, git:REF[:PATH] or signed[:IDENTITY]"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed `--policy-ref`. `kind` is one of KINDS, or "" where none was given; `path` is that of `git:REF:PATH`."""

    kind: str
    value: str = ""
    path: str = ""


def parse(text: str) -> Reference:
    """Return what `--policy-ref` names; raises ConfigError. A bare digest is one, too."""
    kind, colon, value = text.partition(":")
    if not text:
        return Reference("")
    if kind == "git" and value:
        name, _, path = value.partition(":")
        return Reference("git", name, path)
    if kind == "signed" and (value or not colon):
        return Reference("signed", value)
    wanted = text.removeprefix("sha256:").lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        near = did_you_mean(kind, KINDS) if colon and kind not in KINDS else ""
        raise ConfigError(f'"{printable(text, 120)}" is no policy pin', hint=near or f"--policy-ref {_FORMS}")
    return Reference("sha256", wanted)


def from_git(reference: Reference, request: Request) -> tuple[Loaded, str]:
    """Return the policy as it stands in a ref of the repository that the project lies in, and what pinned it.

    The work tree is never read: `REF` is a commit or a branch, and the file comes out of the object store. It is the
    one at `PATH`, or where `--policy` says, or the project's own. Raises ConfigError where there is no such thing; only
    where nobody named a place and the branch has no policy yet, the default one stands in (the change that adopts it).
    """
    from secpipe.system import git

    if request.policy and (reference.path or request.policy.startswith(BUILTIN)):
        raise ConfigError("two policies are named", hint="--policy FILE --policy-ref git:REF, or git:REF:PATH alone")
    try:
        where = git.enclosing(request.repository or request.path)
        path = reference.path or where.prefix + (_beside(request) or TREE_POLICY)
        name, commit = git.resolve(where, reference.value)
        data = git.read_at(where, commit, os.path.normpath(path), DEFAULT.text_bytes)
    except git.Absent as error:
        if request.policy or reference.path:
            raise ConfigError(error.message) from None
        return policy_file.load(DEFAULT_POLICY), f"{ADOPTING}as {printable(name)} has no policy yet"
    except InputError as error:
        raise ConfigError(error.message, hint=error.hint or "--policy-ref git:origin/main:policy.toml") from None
    return policy_file.parse(data, f"git:{reference.value}:{path}"), f"git:{name}@{commit}:{printable(path)}"


def matches(reference: Reference, loaded: Loaded) -> bool:
    """Return whether a digest was given; raises TrustError where the policy is another."""
    if reference.kind != "sha256":
        return False
    if reference.value != loaded.digest:
        raise TrustError(
            f"the policy {loaded.source} is not the pinned one: it is sha256:{loaded.digest}",
            hint="review the change, then pin the new digest",
        )
    return True


def _beside(request: Request) -> str:
    """Return the path of `--policy` from the project, by its words alone: links of the work tree decide nothing."""
    if not request.policy:
        return ""
    return os.path.relpath(os.path.abspath(request.policy), os.path.abspath(request.repository or request.path))


def hold(
    reference: Reference, loaded: Loaded, trust: Trust | None, *, environment: str, now: datetime
) -> tuple[str, str]:
    """Return (what pins the policy, "" for nothing; the identity that signed it, or "").

    Raises TrustError where the policy is not the pinned one, InputError where a signature cannot be judged.
    """
    if matches(reference, loaded):
        return "sha256", ""
    if reference.kind == "signed":
        if loaded.builtin:
            raise ConfigError("a shipped policy is not signed", hint="--policy FILE")
        place = Path(loaded.source)
        who = signer_of(place, loaded.data, PURPOSE, trust, environment=environment, now=now)
        if reference.value and who != reference.value:
            raise TrustError(f"the policy {loaded.source} is signed by {who}, not by {printable(reference.value, 60)}")
        return f"signed:{who}", who
    return ("builtin", "") if loaded.builtin else ("", "")
