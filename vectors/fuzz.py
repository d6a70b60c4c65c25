"""Differential fuzzing: change cases, sign them again, and hold all verifiers against each other.

`python -m vectors.fuzz --seconds 60 --verifier 'verifiers/go/secpipe-verify' --verifier 'node verifiers/js/src/cli.js'`.
A disagreement is printed with its case and kept in a folder; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import random
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.keys.metadata import write_envelope
from secpipe.keys.tufkey import TufKey, message
from secpipe.keys.wire import canonical
from secpipe.sign.bundle import encode
from secpipe.sign.envelope import pae
from vectors import cases_logs
from vectors.check import answers
from vectors.judge import HERE, Files, judge
from vectors.world import ROTATION_KEYS, Key, keys_of, pair, sha256

BATCH = 200
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 64, 10**14, 10**15, 10**30, 1.0, 1.5, -0.0, "", "0", "a", "*", "?", "[a-z]*", "[", "[!x]", "é", "e\u0301", "\U0001f600", "a/b", "../a", "a\\b",
    "a\nb", "\x7f", "\u2028", "\ud800", "0" * 64, "f" * 64, "F" * 64, "2026-11-21T12:00:00Z", "2026-11-21T12:00:60Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-11-21T24:00:00Z", "2026-11-21t12:00:00z", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "__proto__", "constructor", "sha256", "dirHash", "model", "file", "vsa", "v?a", [], {}, [[]], [None], {"a": 1}, ["a", "a"],
)  # fmt: skip
#: Words that mean something somewhere; one is put for another.
WORDS = (
    "pass", "warn", "undecided", "deny", "PASSED", "FAILED", "enforce", "prod", "dev", "builder", "other", "verdict", "alice", "bob", "file", "model", "prompt", "vsa", "override", "*", "all-of",
    "ecdsa-p256", "ecdsa-p384", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87", "ed25519", "prompt.txt", "tiny-model", "config.json", "empty", "Z", "targets.json", "rotation.json", "builder.json", "sha256",
    "https://secpipe.dev/file/v1", "https://secpipe.dev/dataset/v1", "https://model_signing/signature/v1.0", "https://slsa.dev/verification_summary/v1", "https://secpipe.dev/override/v1",
)  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Fuzz:
    """Makes cases out of cases."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files = Files()
        self.made: dict[str, bytes] = {}
        cases = json.loads((HERE / "index.json").read_text())["cases"]
        self.cases = [
            case for case in cases if not {"without", "pad"} & case.keys() and "malformed" not in case["expect"]["code"]
        ]
        names = ("builder", "other", "narrow", "verdict", "retired", "ended", "early")
        self.keys: dict[str, Key] = {one.keyid: one for name in names for one in pair(name)}

    def put(self, data: bytes) -> str:
        name = f"files/{sha256(data)[:20]}"
        self.made[name] = data
        return name

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a value with one change somewhere in it."""
        pick = self.random
        if (depth and pick.random() < 0.15) or not isinstance(value, dict | list) or not value:
            return self.scalar(value)
        if isinstance(value, list):
            at = pick.randrange(len(value))
            if pick.random() < 0.1:
                return pick.choice(([*value, value[at]], value[:at] + value[at + 1 :], value[::-1]))
            return [self.value(one, depth + 1) if index == at else one for index, one in enumerate(value)]
        name = pick.choice(list(value))
        if pick.random() < 0.07:
            other = str(pick.choice(SCALARS)) if pick.random() < 0.5 else name + "x"
            kept = {key: one for key, one in value.items() if key != name}
            return pick.choice((kept, value | {other: pick.choice(SCALARS)}, kept | {other: value[name]}))
        return value | {name: self.value(value[name], depth + 1)}

    def scalar(self, value: Any) -> Any:
        pick = self.random
        if pick.random() < 0.75 and (other := self.alike(value)) is not None:
            return other
        if isinstance(value, str) and value and pick.random() < 0.5:
            at = pick.randrange(len(value))
            return pick.choice(
                (
                    value[:at] + value[at + 1 :],
                    value[:at] + pick.choice("0aZ é\n") + value[at:],
                    value.upper(),
                    value + " ",
                    value[::-1],
                )
            )
        if isinstance(value, int) and pick.random() < 0.5:
            return value + pick.choice((-1, 1, 10**6))
        return copy.deepcopy(pick.choice(SCALARS))

    def alike(self, value: Any) -> Any:
        """Return another value of the same form, if it has one: a time, a digest, a number, a flag, a known word."""
        pick = self.random
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return max(0, value + pick.choice((-30, -1, 1, 30)))
        if not isinstance(value, str):
            return None
        if _TIME.fullmatch(value):
            moved = datetime.fromisoformat(value) + timedelta(
                seconds=pick.choice((-1, 1)) * pick.choice((1, 60, 61, 300, 86400, 86400 * 40, 86400 * 200))
            )
            return f"{moved:%Y-%m-%dT%H:%M:%SZ}"
        if len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return pick.choice((sha256(b"other"), *list(self.keys)[:4]))
        return pick.choice(WORDS) if value in WORDS else None

    def dumps(self, value: Any) -> bytes:
        """Write JSON in one of its forms; what UTF-8 cannot write is escaped."""
        pick = self.random
        ascii_only = pick.random() < 0.3
        options: dict[str, Any] = pick.choice(
            ({}, {"separators": (",", ":")}, {"sort_keys": True, "separators": (",", ":")}, {"indent": 1})
        )
        try:
            return json.dumps(value, ensure_ascii=ascii_only, **options).encode()
        except UnicodeEncodeError:
            return json.dumps(value, **options).encode()

    def text(self, data: bytes) -> bytes:
        """Return bytes with one to three changes."""
        pick, out = self.random, bytearray(data)
        for _ in range(pick.randint(1, 3)):
            at, end = sorted((pick.randrange(len(out) + 1), pick.randrange(len(out) + 1)))
            end = min(end, at + pick.choice((1, 1, 2, 8)))
            out[at:end] = pick.choice(
                (
                    b"",
                    bytes((pick.randrange(256),)),
                    out[at:end] * 2,
                    b'"',
                    b",",
                    b"\n",
                    b" ",
                    b"\\",
                    b"\xc3",
                    b"0",
                    b"}",
                    b"\\u0000",
                )
            )
        return bytes(out)

    # -- what is changed ----------------------------------------------------------------------------------------------

    def bundles(self, case: dict[str, Any]) -> None:
        """Change the text of a bundle, or the statement that both sign."""
        places = case["bundles"]
        if self.random.random() < 0.1:
            half = self.random.choice(list(places))
            data = self.files(places[half])
            changed = self.text(data) if self.random.random() < 0.5 else self.bundle(data)
            places[half] = self.put(changed)
            return
        tables = {half: json.loads(self.files(name)) for half, name in places.items()}
        payload = base64.b64decode(next(iter(tables.values()))["dsseEnvelope"]["payload"])
        new = self.text(payload) if self.random.random() < 0.03 else self.dumps(self.value(json.loads(payload)))
        for half, table in tables.items():
            one = self.keys.get(table["verificationMaterial"]["publicKey"]["hint"])
            if one is not None:
                places[half] = self.put(encode(new, fresh(one, pae(new)), one.keyid))

    def bundle(self, data: bytes) -> bytes:
        try:
            return self.dumps(self.value(json.loads(data)))
        except ValueError:
            return self.text(data)

    def trust(self, case: dict[str, Any]) -> None:
        """Change the text of a trust bundle, or what its holders or its rotation role sign."""
        data = self.files(case["trust"])
        try:
            table = json.loads(data)
            part = self.random.choice(
                ("ring", "ring", "root", "rotation", "rotation", "snapshot", "target", "target", "target")
            )
            case["pin"] = "" if part == "root" else case.get("pin", "")
            table = self.signed(table, part)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, SecpipeError):
            table = None
        changed = self.text(data) if table is None else json.dumps(table, indent=1).encode()
        case["trust"] = self.put(changed)

    def signed(self, table: dict[str, Any], part: str) -> dict[str, Any] | None:
        if part == "text":
            return None
        if part == "target":
            path = self.random.choice(list(table["targets"]))
            new = self.dumps(self.value(json.loads(table["targets"][path]))).decode()
            table["targets"][path] = new
            entry = {"length": len(new.encode()), "hashes": {"sha256": sha256(new.encode())}}
            where = "rotation" if "/" in path else "ring"
            table[where] = self.sealed(table[where], lambda signed: signed["targets"].update({path: entry}), where)
        elif part == "root":
            table["roots"][-1] = self.sealed(table["roots"][-1], None, "ring")
        else:
            table[part] = self.sealed(table[part], None, part)
        return table

    def sealed(self, text: str, change: Callable[[dict[str, Any]], Any] | None, part: str) -> str:
        signed = json.loads(text)["signed"]
        signed = self.value(signed) if change is None else (change(signed), signed)[1]
        keys = keys_of("alice", "bob", "carol") if part == "ring" else ROTATION_KEYS
        payload = canonical(signed)
        made = {TufKey(one.public, "").keyid: fresh(one, message(one.algorithm, payload)) for one in keys}
        return write_envelope(signed, made).decode()

    def log(self, case: dict[str, Any]) -> None:
        """Change the text of a proof, or the entry that it proves."""
        if self.random.random() < 0.4:
            case["proof"] = self.put(self.text(self.files(case["proof"])))
            return
        entry = self.dumps(self.value(json.loads(cases_logs.ENTRIES[1])))
        case["proof"] = self.put(cases_logs.proof([cases_logs.ENTRIES[0], entry], 1))
        case["digest"] = cases_logs.digest(1)

    def case(self, number: int) -> dict[str, Any]:
        case: dict[str, Any] = copy.deepcopy(self.random.choice(self.cases))
        case["id"] = f"{number} {case['id']}"
        if self.random.random() < 0.1:
            case["now"] = self.alike(case["now"])
        change = {"log": self.log, "trust": self.trust}.get(case["check"], self.bundles)
        if case["check"] in {"artifact", "verdict"} and (not case.get("bundles") or self.random.random() < 0.1):
            change = self.trust
        try:
            change(case)
        except (ValueError, KeyError, TypeError, RecursionError):  # the case was no JSON to begin with
            return self.case(number)
        return case


def fresh(one: Key, data: bytes) -> bytes:
    """Return a signature that no pool keeps."""
    return one.private.sign(data) if one.algorithm.startswith("ml-dsa") else one.sign(data)


def batches(fuzz: Fuzz, seconds: float) -> Iterator[list[dict[str, Any]]]:
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        fuzz.made.clear()
        yield [fuzz.case(number + nth) for nth in range(BATCH)]
        number += BATCH


def disagreements(
    fuzz: Fuzz, cases: Sequence[dict[str, Any]], verifiers: Sequence[Sequence[str]], folder: Path
) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Yield each case that two verifiers answer differently, with all answers, secpipe's first."""
    for name in ("files", "index.json"):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    (folder / "files").mkdir()
    named = {
        name
        for case in cases
        for ref in (
            case.get("trust"),
            case.get("seen"),
            case.get("who"),
            case.get("proof"),
            *case.get("bundles", {}).values(),
        )
        if ref
        for name in (ref if isinstance(ref, list) else [ref])
    }
    for name in named:
        (folder / name).write_bytes(fuzz.made.get(name) or (HERE / name).read_bytes())
    (folder / "index.json").write_text(json.dumps({"cases": cases}))
    said = [answers(command, str(folder / "index.json")) for command in verifiers]
    files = Files(fuzz.made)
    for case in cases:
        try:
            ours: Any = judge(case, files)
        except Exception as error:
            ours = f"{type(error).__name__}: {error}"
        found = [ours, *(each.get(case["id"]) for each in said)]
        if any(one != ours for one in found):
            yield case, found


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold verifiers against each other on changed cases.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--verifier", action="append", default=[], help="a command that knows `vectors INDEX`")
    options = parser.parse_args()
    fuzz, verifiers = Fuzz(options.seed), [shlex.split(command) for command in options.verifier]
    count, bad, codes = 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for cases in batches(fuzz, options.seconds):
            for case, found in disagreements(fuzz, cases, verifiers, Path(folder)):
                bad += 1
                sys.stdout.write(f"{case['id']}: {found}\n")
                kept = Path(tempfile.mkdtemp(prefix="disagreement"))
                shutil.copytree(folder, kept, dirs_exist_ok=True)
                (kept / "case.json").write_text(json.dumps(case, indent=1))
            count += len(cases)
            codes.update(judge_code(case, fuzz) for case in cases[:20])
    sys.stdout.write(
        f"seed {options.seed}: {count} cases, {len(verifiers) + 1} verifiers, {bad} disagreements, {len(codes)} codes in a sample\n"
    )
    return 1 if bad else 0


def judge_code(case: dict[str, Any], fuzz: Fuzz) -> str:
    try:
        return judge(case, Files(fuzz.made))["code"]
    except Exception:
        return "exception"


if __name__ == "__main__":
    sys.exit(main())
