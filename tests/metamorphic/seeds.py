"""Seeds: the smallest project that breaks a rule, and its honest twin. Nothing of them is ever executed or loaded."""

from __future__ import annotations

import json
import pickle
import struct
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.agents.test_agents_rules import FILES, RULES
from tests.unit.scan.models.test_every_model_rule import CASES

Files = Mapping[str, bytes]
Policy = Mapping[str, Any]

HERE = Path(__file__).resolve().parent
#: Rules that have no seed: why, and the test that holds their pair.
WITHOUT: dict[str, dict[str, str]] = {
    row["id"]: row for row in tomllib.loads((HERE / "without.toml").read_text())["rule"]
}
#: The folder that transformations move; `main.py` stays where it is.
PART = "part"


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """A bad project and its honest twin. `part` is the file that carries the difference.

    `bad_policy` and `honest_policy` are added to the policy that all seeds share.
    """

    rule: str
    part: str
    bad: Files
    honest: Files
    name: str = ""
    bad_policy: Policy = field(default_factory=dict)
    honest_policy: Policy = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}: {self.name}" if self.name else self.rule

    @property
    def wing(self) -> str:
        """The first word of the rule: models, shadow-ai, agents, audit, sbom or gate."""
        return self.rule.partition("/")[0]

    @property
    def file(self) -> str:
        """The part's own name."""
        return self.part.rpartition("/")[2]

    @property
    def is_code(self) -> bool:
        """Whether `main.py` imports the part; what is not code is found by what it is."""
        return self.part == f"{PART}/client.py"

    @property
    def is_text(self) -> bool:
        """Whether every twin's part is text."""
        return all(_is_text(files.get(self.part, b"")) for files in (self.bad, self.honest))

    @property
    def moves(self) -> bool:
        """Whether the part lies in the folder that transformations may rename."""
        return self.part.startswith(f"{PART}/")


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def safetensors(size: int = 4) -> bytes:
    """Return the smallest honest model: one tensor of zeros."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


def _private() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


_HUB = """
[[shadow_ai.allow]]
provider = "huggingface"
owner = "ann@example.org"
reason = "models from the hub"
expires = 2027-06-30
"""
#: What a table cannot hold in so many words: keys that must not look leaked, bytes.
_WORDS = {
    "@KEY@": "sk-ant-" + "api03-" + "Ab3dEf9hIjK1mNoPq7sTuVwX2z" * 4,
    "@COMMIT@": "3f786850e387550fdab836ed7e6dc881de23001b",
    "@DIGEST@": "ab12" * 16,
    "@HUB@": _HUB,
    "@EXPIRED@": "expires = 2026-11-01\n",
}
_BYTES = {"@MODEL@": safetensors(), "@PICKLE@": pickle.dumps({"a": [1, 2]}, 2), "@PRIVATE@": _private()}


def _words(text: str) -> str:
    for word, meaning in _WORDS.items():
        text = text.replace(word, meaning)
    return text


def _bytes(text: str) -> bytes:
    return _BYTES[text] if text in _BYTES else _words(text).lstrip("\n").encode()


def _row(row: Mapping[str, Any]) -> Seed:
    part = row["part"]
    main = f"from {PART} import client\n\nclient.ask()\n" if part == f"{PART}/client.py" else "print(1)\n"
    beside = {path: _bytes(text) for path, text in row.get("beside", {}).items()}
    base = {"main.py": main.encode(), **beside}

    def project(text: str) -> Files:
        return {**base, part: _bytes(text)} if text else base

    def policy(twin: str) -> Policy:
        return tomllib.loads(_words(row.get("policy", "")) + "\n" + _words(row.get(f"{twin}_policy", "")))

    return Seed(
        row["rule"], part, project(row["bad"]), project(row.get("honest", "")), row.get("name", ""),
        policy("bad"), policy("honest"),
    )  # fmt: skip


def _rows(name: str) -> Iterator[Seed]:
    for row in tomllib.loads((HERE / name).read_text())["seed"]:
        yield _row(row)


_ASSISTANT = {
    "agents": {"default": "allow"},
    "shadow_ai": tomllib.loads(_HUB.replace("huggingface", "anthropic"))["shadow_ai"],
}


def _agents() -> Iterator[Seed]:
    """The examples of the rules' own pages; what they declare is approved, so that only the rule is left."""
    main = {"main.py": b"print(1)\n"}
    policy = tomllib.loads((HERE / "agents.toml").read_text())["approved"]
    for rule, name in FILES.items():
        part = f"{PART}/{name}"
        bad, good = ({**main, part: RULES[rule][kind].lstrip("\n").encode()} for kind in ("bad", "good"))
        # A host is asked about by its own rule only where items need no approval.
        asked = _ASSISTANT if rule == "agents/redirected-traffic" else policy
        yield Seed(rule, part, bad, good, "", asked, asked)


def _models() -> Iterator[Seed]:
    main = {"main.py": b"print(1)\n"}
    for rule, (name, bad, good) in CASES.items():
        if f"models/{rule}" in WITHOUT:
            continue
        part = f"{PART}/{name}"
        yield Seed(f"models/{rule}", part, {**main, part: bad}, {**main, part: good})


SEEDS = (*_rows("seeds.toml"), *_rows("agents.toml"), *_agents(), *_models())
