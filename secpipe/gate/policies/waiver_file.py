"""Waivers beside the policy (`check --waivers FILE`): `secpipe.waivers/1`, TOML with nothing but `[[waiver]]` tables.

They are given from outside the tree, and count as its rules do: pinned by a digest, or signed for the purpose `waiver`
by an identity of the pinned trust root. Otherwise the verdict is self-judged.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import did_you_mean, printable
from secpipe.core.trust import Trust
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Waiver
from secpipe.gate.policies.policy_identity import identity
from secpipe.gate.policies.policy_places import Places
from secpipe.gate.policies.policy_reader import build, read, tables
from secpipe.gate.policies.signed_file import is_signed, signer_of
from secpipe.gate.request import BUILTIN
from secpipe.system import files

SCHEMA = policy_file.WAIVERS
PURPOSE = "waiver"


@dataclass(frozen=True, slots=True)
class Given:
    """Waivers from a file of their own.

    `digest` is that of the canonical form; `loose` says why nothing vouches for them, "" where a pin or signature does.
    """

    waivers: tuple[Waiver, ...] = ()
    digest: str = ""
    loose: str = ""


def parse(data: bytes, source: str) -> Given:
    """Return the waivers in a document, vouched for by nobody yet; raises ConfigError."""
    where = Places(data, printable(source))
    try:
        raw = parse_toml(data, where.source)
    except InputError as error:
        raise ConfigError(error.message) from None
    if raw.get("schema") != SCHEMA:
        raise where.error(("schema",), f'schema must be "{SCHEMA}"')
    known = ("schema", "waiver")
    for name in raw.keys() - set(known):
        hint = did_you_mean(name, known) or f"known keys: {', '.join(known)}"
        raise where.error((name,), f'unknown key "{printable(name, 120)}"', hint=hint)
    found = [_waiver(item, path, where) for path, item in tables(raw.get("waiver", []), ("waiver",), where)]
    return Given(tuple(found), identity(raw), "nobody vouches for them")


def _waiver(item: Any, path: Any, where: Places) -> Waiver:
    made: Waiver = build(Waiver, read(Waiver, item, path, where))
    return replace(made, source=where.source)


def load(path: Path, *, reference: str, trust: Trust | None, environment: str, now: datetime) -> Given:
    """Return the waivers in a file, and whether a pin (`sha256:HEX`) or a signature vouches for them.

    Raises ConfigError for a broken file or pin, TrustError for a file that is not the pinned one.
    """
    try:
        data = files.read_bytes(path, DEFAULT.text_bytes)
    except InputError as error:
        raise ConfigError(error.message, hint="--waivers FILE") from None
    given = parse(data, str(path))
    if reference:
        _match(reference, given.digest, str(path))
        given = replace(given, loose="")
    if not is_signed(path):
        return given if reference else replace(given, loose="no pin and no signature (secpipe sign --kind waiver)")
    try:
        who = signer_of(path, data, PURPOSE, trust, environment=environment, now=now)
    except SecpipeError as error:
        return given if reference else replace(given, loose=error.message)
    return replace(given, waivers=tuple(replace(waiver, signed_by=who) for waiver in given.waivers), loose="")


def digest_of(source: str) -> str:
    """Return the identity of a policy or of a file of waivers; raises ConfigError."""
    if not source.startswith(BUILTIN):
        with contextlib.suppress(InputError):
            data = files.read_bytes(source, DEFAULT.text_bytes)
            if parse_toml(data, source).get("schema") == SCHEMA:
                return parse(data, source).digest
    return policy_file.load(source).digest


def _match(reference: str, digest: str, source: str) -> None:
    wanted = reference.removeprefix("sha256:").lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise ConfigError(
            f'"{printable(reference, 100)}" is no pin of waivers', hint="--waivers-ref sha256:HEX (64 hex digits)"
        )
    if wanted != digest:
        raise TrustError(
            f"the waivers {printable(source)} are not the pinned ones: they are sha256:{digest}",
            hint="review the change, then pin the new digest",
        )
