"""The verifiers in Go and JavaScript answer every case as secpipe does; and their tables are secpipe's own."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secpipe.core.refusals import CODES, UNDECIDED_CODES
from secpipe.core.trust import Authority
from secpipe.keys.schedule import Schedule
from secpipe.keystore import age
from secpipe.keystore.commit import rotate
from secpipe.keystore.create import Plan, create
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.trust_bundle import export
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from secpipe.sign.sign import sign_artifact
from secpipe.system.tree import open_tree
from tests import skips
from tests.unit.keystore.conftest import PASSPHRASE, quick_seal
from vectors.agreement import COMMANDS
from vectors.check import answers, wanted
from vectors.judge import HERE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "Go": "\n".join(path.read_text() for path in sorted((ROOT / "verifiers/go").glob("*.go"))),
    "JavaScript": "\n".join(path.read_text() for path in sorted((ROOT / "verifiers/js/src").glob("*.js"))),
}


@pytest.mark.interop
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_another_verifier_answers_every_case(name: str) -> None:
    if not COMMANDS[name]:
        skips.cannot(f"the verifier in {name} is not built: make verifiers")
    cases = json.loads((HERE / "index.json").read_text())["cases"]
    assert answers(COMMANDS[name]) == {case["id"]: wanted(case, ("rfc3161",)) for case in cases}


@pytest.mark.interop
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_secpipe_makes_is_verified_by_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trust that was made, rotated and exported by secpipe, a folder and a file that it signed: as anybody would."""
    if not COMMANDS[name]:
        skips.cannot(f"the verifier in {name} is not built: make verifiers")
    made = World(tmp_path, monkeypatch)
    first = made.export("1.json")
    made.rotate()
    newest = made.export("2.json")
    model = made.sign("tiny-model")

    def ask(*words: str, trust: Path = newest, pin: str = made.pin) -> tuple[int, str]:
        argv = [*COMMANDS[name], *words, "--trust", str(trust), "--pin", pin]
        done = subprocess.run(argv, capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout or "{}").get("code", "usage")

    assert ask("trust", "--max-ring-age", "3", "--seen", str(first)) == (0, "")
    assert ask("trust", "--seen", str(newest), trust=first) == (1, "rollback")
    assert ask("artifact", str(model), "--env", "prod", "--purpose", "model", "--name", "tiny-model") == (0, "")
    assert ask("artifact", str(model), pin="sha256:" + "0" * 64) == (1, "wrong-pin")
    assert ask("artifact", str(model), pin="")[0] == 2
    (model / "new.py").write_text("import os")
    assert ask("artifact", str(model)) == (1, "extra-file")


class World:
    """A project whose keys, ring, rotation and statement are made by secpipe's own commands, now."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(age, "seal", quick_seal)
        file_custody.forget()
        self.base, self.keys, self.home = base, base / "keys", base / "home"
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=60)
        span = timedelta(days=90), timedelta(days=14)
        scope = {"builder": Authority(("model", "file")), "verdict": Authority(("verdict",))}
        plan = Plan("alice", scope, ("ed25519", "ml-dsa-65"), ("ecdsa-p256", "ml-dsa-65"), *span, 3652, 400)
        self.pin = f"sha256:{create(self.keys, self.home, plan, PASSPHRASE, self.start, lambda text: None)}"

    def rotate(self) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        file_custody.forget()
        schedule = Schedule(jitter=timedelta(0), snapshot=timedelta(days=7))
        rotate(self.keys, self.home, schedule, lambda: PASSPHRASE, lambda: now, ("builder",))

    def export(self, name: str) -> Path:
        (self.base / name).write_bytes(export(self.keys))
        return self.base / name

    def sign(self, name: str) -> Path:
        folder, now = self.base / name, datetime.now(UTC)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x" * 5_000_000)
        trust = open_trust(self.keys, now=now)
        version, signers = open_signers("builder", trust=trust, home=self.home, passphrase=lambda: PASSPHRASE, now=now)
        sign_artifact(folder, open_tree(folder), signers, version, now=now)
        return folder


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_vetted_types_of_a_verifier_are_ours(name: str) -> None:
    rows = tomllib.loads((ROOT / "policies/signing/predicates.toml").read_text())["predicate"]
    lines = [line for line in SOURCES[name].splitlines() if re.search(r'["\']https://[^"\']+["\'][:,]', line)]
    for row in rows:
        (line,) = [line for line in lines if f'"{row["uri"]}"' in line or f"'{row['uri']}'" in line]
        words = SOURCES[name].split(line)[1] if row["purpose"] not in line else line
        assert row["purpose"] in words[:200], row["uri"]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_verifier_has_no_code_of_its_own(name: str) -> None:
    said = re.findall(r"(?<![.\w])(?:refuse|as|Refusal)\(['\"]([a-z-]+)['\"]", SOURCES[name])
    assert len(set(said)) > 50
    assert set(said) <= set(CODES)
    begin, end = ("undecided = map", "\n}") if name == "Go" else ("UNDECIDED = new Set", "])")
    table = SOURCES[name].partition(begin)[2].partition(end)[0]
    assert set(re.findall(r"['\"]([a-z-]+)['\"]", table)) == UNDECIDED_CODES
