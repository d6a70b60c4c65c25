"""The list of cases: each adds its files once, by their content, and one entry to the index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.refusals import CODES, result_of
from vectors.world import NOW, Trust, sha256

#: Long public keys, and signatures of metadata, as they stand in a trust bundle.
_SHARED = re.compile(rb"(-----BEGIN PUBLIC KEY-----[^-]{1000,4000}-----END PUBLIC KEY-----|[0-9a-f]{4840})")


class Book:
    """Cases and the files that they name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cases: list[dict[str, Any]] = []

    def file(self, data: bytes) -> str | list[str]:
        """Return the name of a file with this content, or those of its parts: what many share is kept once."""
        parts = [part for part in _SHARED.split(data) if part]
        names = [f"files/{sha256(part)[:20]}" for part in parts] or [f"files/{sha256(data)[:20]}"]
        self.files |= dict(zip(names, parts or [data], strict=True))
        return names if len(names) > 1 else names[0]

    def _add(self, check: str, id_: str, about: str, code: str, now: datetime, rest: dict[str, Any]) -> dict[str, Any]:
        assert code in CODES or not code, code
        assert all(case["id"] != id_ for case in self.cases), id_
        expect = {"result": result_of(code), "code": code}
        kept = {name: value for name, value in rest.items() if value not in (None, "", [], {}, 0)}
        case = {"id": id_, "check": check, "about": about, "now": times.rfc3339(now), **kept, "expect": expect}
        self.cases.append(case)
        return case

    def trusts(self, trust: Trust | bytes, pin: str = "", **rest: Any) -> dict[str, Any]:
        """Return the fields by which a case names its trust."""
        if isinstance(trust, bytes):
            return {"trust": self.file(trust), "pin": pin, **rest}
        return {"trust": self.file(trust.bundle()), "pin": pin or trust.pin, **rest}

    def trust(
        self, id_: str, about: str, code: str, trust: Trust | bytes, *, now: datetime = NOW, pin: str = "",
        seen: Trust | None = None, max_ring_age: int = 0,
    ) -> None:  # fmt: skip
        fields = self.trusts(trust, pin)
        fields |= {"seen": self.file(seen.bundle()) if seen else None, "maxRingAge": max_ring_age}
        self._add("trust", f"trust/{id_}", about, code, now, fields)

    def artifact(
        self, id_: str, about: str, code: str, trust: Trust, bundles: Sequence[bytes | None], tree: Sequence[Mapping[str, Any]],
        *, name: str = "prompt.txt", folder: bool = False, now: datetime = NOW, pad: int = 0,
        without: Mapping[str, str] | None = None, **demand: Any,
    ) -> None:  # fmt: skip
        """Add an artifact with its (classical, post-quantum) bundles; `pad`: spaces to append to the first."""
        if asked := demand.pop("demanded", ""):
            demand["name"] = asked
        named = dict(zip(("classical", "pq"), bundles, strict=True))
        places = {half: self.file(data) for half, data in named.items() if data is not None}
        rest = {
            **self.trusts(trust),
            "artifact": name,
            "form": "folder" if folder else "file",
            "tree": list(tree),
            "bundles": places,
            "pad": pad,
            "demand": demand,
        }
        case = self._add("artifact", id_, about, code, now, rest)
        if without:
            case["without"] = {what: {"result": result_of(other), "code": other} for what, other in without.items()}

    def verdict(
        self, id_: str, about: str, code: str, trust: Trust, bundles: Sequence[bytes | None], asked: Mapping[str, Any],
        *, now: datetime = NOW,
    ) -> None:  # fmt: skip
        """Add a signed verdict and what whoever deploys asks of it."""
        named = dict(zip(("classical", "pq"), bundles, strict=True))
        places = {half: self.file(data) for half, data in named.items() if data is not None}
        case = self._add("verdict", f"verdict/{id_}", about, code, now, {**self.trusts(trust), "bundles": places})
        case["asked"] = dict(asked)

    def log(
        self, id_: str, about: str, code: str, proof: bytes, digest: str, who: Mapping[str, Any], pad: int = 0
    ) -> None:
        """Add a log proof, what it must be about and whose signatures count."""
        keys = {"keys": who["keys"], "witnesses": who.get("witnesses", [])}
        rest = {"proof": self.file(proof), "digest": digest, "pad": pad, "quorum": who.get("quorum", 0)}
        self._add("log", f"log/{id_}", about, code, NOW, rest | {"who": self.file(json.dumps(keys).encode())})
