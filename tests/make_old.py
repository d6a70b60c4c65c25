"""Make tests/data/old/COMMIT: keys, policy, signed model, evidence, verdict and findings as that version writes them.

    python tests/make_old.py COMMIT

Run once for a version, in a clone that has the commit; the result is kept for ever and never made anew. Needs what that
version needs. Private keys stay in a temporary folder and are thrown away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
POLICY = """\
schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2099-01-01
profile = "baseline"
overridable = ["mode", "shadow_ai.default", "shadow_ai.gateway"]

[signatures]
required = true
cover = ["models"]

[shadow_ai]
min_confidence = "low"
regions = ["code", "config"]

[[shadow_ai.allow]]
provider = "openai"
model = "gpt-4o*"
owner = "ml@acme.example"
reason = "support answers"
expires = 2098-12-31

[[waiver]]
id = "W-1"
rule = "audit/*"
owner = "ml@acme.example"
reason = "not reachable"
expires = 2098-12-31

[env.dev]
mode = "warn"
[env.dev.shadow_ai]
default = "allow"
gateway = "llm.acme.example"
"""
APP = 'from openai import OpenAI\n\nOpenAI().chat.completions.create(model="gpt-4o-mini", messages=[])\n'


def project(folder: Path) -> None:
    """Write a small honest project."""
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (folder / "models/tiny").mkdir(parents=True)
    (folder / "models/tiny/model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("requests==2.32.4\n")


def make(commit: str, work: Path, target: Path) -> None:
    """Run that version's own commands in `work` and keep what they wrote in `target`."""
    source = work / "source"
    subprocess.run(["git", "worktree", "add", "--detach", source, commit], cwd=ROOT, check=True)
    env = {
        **os.environ,
        "PYTHONPATH": str(source),
        "SECPIPE_HOME": str(work / "home"),
        "SECPIPE_CACHE": str(work / "c"),
    }
    env["COLUMNS"] = "100"

    def run(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "secpipe", *words], cwd=target, env=env, capture_output=True, text=True
        )
        assert done.returncode in codes, (words, done.returncode, done.stderr)
        return done.stdout

    try:
        target.mkdir(parents=True)
        project(target / "acme")
        (target / "policy.toml").write_text(POLICY)
        (work / "passphrase").write_text("only for this fixture")
        (work / "passphrase").chmod(0o600)
        phrase = ("--passphrase-file", str(work / "passphrase"))
        run("keys", "init", "--holder", "alice", *phrase)
        (target / "trust.pin").write_text(run("trust", "pin", "keys"))
        (target / "policy.pin").write_text(run("policy", "pin", "policy.toml"))
        run("sign", "acme/models/tiny", *phrase)
        trusted = ("--trust", "keys", "--trust-pin", (target / "trust.pin").read_text().split()[0])
        rules = ("--policy", "policy.toml", "--policy-ref", (target / "policy.pin").read_text().split()[0])
        run(
            "check", "acme", "--env", "prod", *rules, *trusted, "--store", "verdicts", "--sign", "verdict", *phrase,
            "-f", "json=verdict.json", codes=(0, 1, 3),
        )  # fmt: skip
        run("check", "acme", "--env", "prod", *rules, *trusted, "--emit-input", "evidence.json", codes=(0, 1, 3))
        run("scan", "models", "acme", "-f", "json=models.findings.json")
        run("scan", "shadow-ai", "acme", "-f", "json=shadow-ai.findings.json", codes=(0, 1))
        run("sbom", "generate", "acme", "-o", "acme.cdx.json")
        (target / "made.txt").write_text(run("verdict", "list", "--store", "verdicts"))
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", source], cwd=ROOT, check=False)


def main() -> int:
    """Make the folder of one commit; refuse to overwrite one."""
    (commit,) = sys.argv[1:]
    target = ROOT / "tests/data/old" / commit
    if target.exists():
        sys.exit(f"{target} exists: what an old version wrote is never made anew")
    with tempfile.TemporaryDirectory() as folder:
        try:
            make(commit, Path(folder), target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
