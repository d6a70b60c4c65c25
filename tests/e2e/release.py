"""One release that meets every shipped profile: real keys, signatures, attestations, an SBOM and advisory data."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.pipeline import check
from secpipe.gate.request import Request
from tests.e2e.transcript import NOON, Shell

BUILDER = "https://ci.acme.example/release"
SOURCE = "git+https://github.com/acme/models@refs/heads/main"
BASE = "pkg:huggingface/mistralai/Mistral-7B-v0.3"
DATA = "https://data.acme.example/approved/tickets.jsonl"
CARD = """---
license: apache-2.0
language: [en]
library_name: transformers
pipeline_tag: text-generation
base_model: mistralai/Mistral-7B-v0.3
datasets: [acme/tickets]
metrics: [exact_match]
co2_eq_emissions: { emissions: 1200, source: estimate, training_type: fine-tuning }
---
# support

Drafts of support answers.

## Intended use
Drafts that a person checks.

## Limitations
English only.

## Training
Two epochs over the tickets.
"""
POLICY = """schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2040-01-01
profile = {profiles}
{rest}"""
#: what a user's own policy must add to a profile
OWN = {"slsa-l3": f'[provenance]\nbuilders = ["{BUILDER}"]\nsources = ["git+https://github.com/acme/*"]\n'}


def tensor(byte: int = 0) -> bytes:
    """Return a small safetensors file."""
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return len(header).to_bytes(8, "little") + header + bytes([byte]) * 4


def provenance(**changes: Any) -> dict[str, Any]:
    """Return a SLSA provenance predicate of the release's model; `changes` replace external parameters."""
    return {
        "buildDefinition": {
            "buildType": "https://acme.example/train/v1",
            "externalParameters": {
                "source": SOURCE, "base_models": [BASE], "datasets": [DATA], "seed": 42, **changes,
            },
            "resolvedDependencies": [{"uri": SOURCE, "digest": {"gitCommit": "0" * 40}}],
        },
        "runDetails": {"builder": {"id": BUILDER}},
    }  # fmt: skip


RESULT = {"result": "PASSED", "configuration": [{"name": "suite"}]}
REVIEW = {"result": "APPROVED"}


class Maker:
    """Runs the real command line to make keys, sign and attest; the clock stands at NOON unless moved."""

    def __init__(self, shell: Shell, profile: str) -> None:
        self.shell, self.root = shell, shell.cwd
        (self.root / "pass").write_text("correct horse\n")
        (self.root / "pass").chmod(0o600)
        self.run(f"secpipe keys init --trust trusted --holder alice --profile {profile} --passphrase-file pass")
        for name, purpose, holder in (("omar", "review", "omar"), ("ci", "provenance", "platform"),
                                      ("alice-review", "review", "alice")):  # fmt: skip
            scope = f"--purpose {purpose} --holder {holder} --trust trusted"
            self.run(f"secpipe keys add-identity {name} {scope} --passphrase-file pass")
        self.pin = self.run("secpipe trust pin trusted").strip()

    def run(self, command: str) -> str:
        code, out, err = self.shell(command)
        assert code == 0, f"{command}\n{out}{err}"
        return out

    def sign(self, path: str, key: str = "builder", kind: str = "") -> None:
        kinds = f"--kind {kind}" if kind else ""
        self.run(f"secpipe sign {path} --trust trusted --key {key} {kinds} --passphrase-file pass")

    def attest(self, path: str, purpose: str, predicate: dict[str, Any], key: str = "builder", kind: str = "") -> None:
        (self.root / "predicate.json").write_text(json.dumps(predicate))
        kinds = f"--kind {kind}" if kind else ""
        words = f"--type {purpose} --predicate predicate.json --trust trusted --key {key} {kinds}"
        self.run(f"secpipe attest {path} {words} --passphrase-file pass")

    def sbom(self, project: str = "project") -> None:
        Path(self.root / project / "bom.cdx.json").unlink(missing_ok=True)
        self.run(f"secpipe sbom generate {project} -o {project}/bom.cdx.json")

    def release(self) -> None:
        """Make the good release in `project`, its advisory data beside it."""
        tree = self.root / "project"
        write(tree / "app.py", "print('hello')\n")
        write(tree / "prompts/system.txt", "You are a helpful assistant. Answer in English.\n")
        write(tree / "datasets/tickets.jsonl", '{"question": "a", "answer": "b"}\n' * 3)
        write(
            tree / "datasets/README.md",
            "---\nlicense: cc-by-4.0\ntask_categories: [question-answering]\nsize_categories: [n<1K]\n---\n# tickets\n",
        )
        write(tree / "package.json", json.dumps({"name": "acme", "version": "1.0.0", "license": "MIT",
                                                 "dependencies": {"left-pad": "1.3.0"}}))  # fmt: skip
        pad = {
            "version": "1.3.0",
            "license": "MIT",
            "resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz",
        }
        top = {"name": "acme", "version": "1.0.0", "license": "MIT", "dependencies": {"left-pad": "1.3.0"}}
        lock = {"name": "acme", "version": "1.0.0", "lockfileVersion": 3,
                "packages": {"": top, "node_modules/left-pad": pad}}  # fmt: skip
        write(tree / "package-lock.json", json.dumps(lock))
        (tree / "model").mkdir()
        (tree / "model/model.safetensors").write_bytes(tensor())
        write(tree / "model/README.md", CARD)
        write(tree / "model/config.json", '{"architectures": ["MistralForCausalLM"], "model_type": "mistral"}')
        self.sign("project/model")
        self.sign("project/prompts/system.txt", kind="prompt")
        self.sign("project/datasets/tickets.jsonl", kind="dataset")
        self.vouch("project/model")
        for path in ("project/prompts/system.txt", "project/datasets/tickets.jsonl"):
            self.attest(path, "review", REVIEW, "omar")
            self.attest(path, "provenance", provenance(), "ci")
        self.sbom()
        write(self.root / "advisories/OSV-1.json", json.dumps(advisory("nobody-uses-this")))

    def vouch(self, path: str) -> None:
        """Attest all that the profiles ask of a model."""
        self.attest(path, "review", REVIEW, "omar")
        self.attest(path, "provenance", provenance(), "ci")
        for kind in ("evaluation", "bias", "safety"):
            self.attest(path, "test-result", RESULT, kind=kind)


def advisory(package: str, severity: str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") -> dict[str, Any]:
    """Return an OSV record about every version of an npm package."""
    affected = {
        "package": {"ecosystem": "npm", "name": package},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
    }
    return {
        "id": f"GHSA-{package}", "modified": "2026-11-20T00:00:00Z", "published": "2026-11-01T00:00:00Z",
        "summary": "a fault", "severity": [{"type": "CVSS_V3", "score": severity}], "affected": [affected],
    }  # fmt: skip


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@dataclass(frozen=True)
class Case:
    """A copy of the release to spoil, and how it is judged."""

    maker: Maker
    root: Path
    profiles: tuple[str, ...]
    now: datetime = NOON
    rest: str = ""

    @property
    def tree(self) -> Path:
        return self.root / "project"

    def later(self, **span: float) -> Case:
        return replace(self, now=self.now + timedelta(**span))

    def with_policy(self, text: str) -> Case:
        return replace(self, rest=self.rest + text)

    def judge(self) -> dict[str, Any]:
        """Return the verdict document of the real gate, with policy and trust from outside the tree and pinned."""
        own = "".join(OWN.get(name, "") for name in self.profiles)
        policy = self.root / "policy.toml"
        rest = self.rest if "[provenance]" in self.rest else own + self.rest
        policy.write_text(POLICY.format(profiles=json.dumps(list(self.profiles)), rest=rest))
        from secpipe.gate.policies.policy_file import load

        request = Request(
            path=self.tree, now=self.now, policy=str(policy), policy_ref=f"sha256:{load(str(policy)).digest}",
            trust=self.root / "trusted", trust_pin=self.maker.pin, advisories=self.root / "advisories", cache=False,
        )  # fmt: skip
        return check(request).document


def reasons(document: dict[str, Any], *effects: str) -> set[str]:
    """Return the rules of the reasons with these effects (deny and undecided if none is named)."""
    wanted = effects or ("deny", "undecided")
    return {reason["rule"] for reason in document["reasons"] if reason["effect"] in wanted}


def copy(maker: Maker, into: Path, *profiles: str) -> Case:
    """Return a copy of the good release in the folder `into`."""
    shutil.copytree(maker.root, into, dirs_exist_ok=True)
    return Case(maker, into, profiles)


def make(folder: Path, patch: pytest.MonkeyPatch, profile: str) -> Maker:
    """Make the release with keys of a key profile (`default`, `cnsa2`)."""
    maker = Maker(Shell(folder, patch), profile)
    maker.release()
    return maker
