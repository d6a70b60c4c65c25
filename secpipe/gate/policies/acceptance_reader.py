"""What an entry of `[[ledger.accept]]` must say, so that it cannot be stretched over what nobody looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secpipe.core.text import printable
from secpipe.gate.policies.persons import check_answerable
from secpipe.gate.policies.policy_places import Path, Places

NEEDED = ("checks", "kind", "owner", "reason", "accepted", "expires")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LETTERS = 8  # that a kind must spell out: a glob alone names none


def check_acceptance(values: Mapping[str, Any], path: Path, where: Places) -> None:
    """Refuse an entry that names no kind, no things, no bound or nobody; raises ConfigError."""
    check_answerable("acceptance", NEEDED, values, path, where)
    if sum(letter.isalpha() for letter in values["kind"]) < _LETTERS:
        hint = 'as the report says it: kind = "is encrypted*"'
        raise where.error((*path, "kind"), f'"{printable(values["kind"], 60)}" names no kind', hint=hint)
    for number, digest in enumerate(values.get("digests", ())):
        if not _DIGEST.fullmatch(digest):
            what = f'"{printable(digest, 80)}" is no digest'
            raise where.error((*path, "digests", number), what, hint="sha256: and 64 hex digits, lower case")
    if not values.get("paths") and not values.get("digests"):
        raise where.error(path, "an acceptance names neither paths nor digests")
    bounded = values.get("most") and "bytes" in values
    if not values.get("digests") and not bounded:
        hint = "most = 2 and bytes = 4096; more than that asks again"
        raise where.error(path, "an acceptance of paths says how many they are and how many bytes", hint=hint)
    if values["accepted"] > values["expires"]:
        raise where.error((*path, "expires"), "an acceptance ends before it begins")
