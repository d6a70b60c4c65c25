"""A pull request may change everything in the tree. None of it turns a deny into a pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.transcript import Shell

POLICY = """schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2027-06-30
profile = ["baseline"]

[[shadow_ai.allow]]
provider = "openai"
owner = "jane@acme.example"
reason = "contract"
expires = 2027-06-30
"""
LAX = """schema = "secpipe.policy/1"
name = "lax"
owner = "mallory"
expires = 2030-01-01
mode = "warn"
exclude = ["app.py", "model"]
[signatures]
required = false
[models]
block = "never"
[vulnerabilities]
required = false
block = "never"
[sbom]
required = false
[shadow_ai]
default = "allow"
[[waiver]]
id = "W"
rule = "*"
owner = "mallory"
reason = "trust me"
expires = 2030-01-01
"""
DEEPSEEK = 'from openai import OpenAI\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n'
OPENAI = "from openai import OpenAI\nclient = OpenAI()\n"


class Gate:
    """A project with a signed model, judged with pins from outside the tree, as a protected CI job would."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        (shell.cwd / "pass").write_text("correct horse\n")
        (shell.cwd / "pass").chmod(0o600)
        (shell.cwd / "policy.toml").write_text(POLICY)
        self.tree = shell.cwd / "project"
        (self.tree / "model").mkdir(parents=True)
        (self.tree / "app.py").write_text(OPENAI)
        (self.tree / "requirements.txt").write_text("click==8.1.8\n")
        header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        (self.tree / "model/w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
        self.run(0, "secpipe keys init --trust project/keys --passphrase-file pass")
        self.run(0, "secpipe sign project/model --trust project/keys --passphrase-file pass")
        self.policy_pin = self.run(0, "secpipe policy pin policy.toml").strip()
        self.trust_pin = self.run(0, "secpipe trust pin project/keys").strip()
        shutil.copytree(self.tree / "keys", shell.cwd / "trusted")

    def run(self, code: int, command: str) -> str:
        got, out, err = self.shell(command)
        assert got == code, f"{command}\n{out}{err}"
        return out

    def check(self, extra: str = "") -> tuple[int, dict[str, object]]:
        pins = f"--policy policy.toml --policy-ref {self.policy_pin} --trust trusted --trust-pin {self.trust_pin}"
        code, out, err = self.shell(f"secpipe check project {pins} -f json {extra}")
        assert out, err
        return code, json.loads(out)


@pytest.fixture
def gate(shell: Shell) -> Gate:
    return Gate(shell)


def test_the_untouched_project_passes(gate: Gate) -> None:
    code, document = gate.check()
    assert (code, document["decision"] in ("pass", "warn")) == (0, True), document["sentence"]
    assert document["self_judged"] is False


def own_keys(gate: Gate) -> None:
    shutil.rmtree(gate.tree / "keys")
    for sidecar in gate.tree.glob("model/*.sig"):
        sidecar.unlink()
    home = Path(gate.shell.environment["SECPIPE_HOME"])
    home.rename(home.with_name("honest"))
    gate.run(0, "secpipe keys init --trust project/keys --passphrase-file pass")
    gate.run(0, "secpipe sign project/model --trust project/keys --passphrase-file pass")


def replace_model(gate: Gate) -> None:
    path = gate.tree / "model/w.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def write(name: str, text: str) -> Callable[[Gate], None]:
    def attack(gate: Gate) -> None:
        (gate.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (gate.tree / name).write_text(text)

    return attack


BAD = {
    "an unapproved provider": write("app.py", DEEPSEEK),
    "a changed model": replace_model,
    "a model signed by keys of their own": own_keys,
}
COVER = {
    "nothing": lambda gate: None,
    "a policy": write("secpipe-policy.toml", LAX),
    "a policy elsewhere": write("policies/baseline.toml", LAX),
    "keys": own_keys,
    "config": write("secpipe.toml", 'policy = "secpipe-policy.toml"\nexit-zero = true\nmode = "warn"\n'),
    "project config": write("pyproject.toml", '[tool.secpipe]\nmode = "warn"\nexclude = ["app.py"]\n'),
    "ignore files": lambda gate: [
        write(name, "*\napp.py\nmodel/\n")(gate) for name in (".gitignore", ".secpipeignore", ".semgrepignore")
    ],
    "an allow-list": write("policies/ai-providers/mine.toml", 'schema = "secpipe.ai-providers/1"\n'),
    "inline waivers": lambda gate: (gate.tree / "app.py").write_text(
        "# nosemgrep\n" + (gate.tree / "app.py").read_text().replace("\n", "  # nosemgrep  # secpipe: ignore\n")
    ),
    "a baseline": write(".secpipe-baseline.json", "{}"),
    "a cache": write("cache/verdicts/x", "{}"),
    "a program": write("bin/semgrep", "#!/bin/sh\nexit 0\n"),
}


@pytest.mark.parametrize("cover", COVER)
@pytest.mark.parametrize("bad", BAD)
def test_what_is_bad_stays_bad_whatever_else_the_tree_says(gate: Gate, bad: str, cover: str) -> None:
    BAD[bad](gate)
    if not (bad.startswith("a model signed") and cover == "keys"):
        COVER[cover](gate)
    code, document = gate.check()
    assert code == 1, document["sentence"]
    assert document["decision"] == "deny"


@pytest.mark.parametrize("cover", [name for name in COVER if name not in ("nothing", "keys", "a cache")])
def test_without_pins_the_tree_still_cannot_pass(gate: Gate, cover: str) -> None:
    BAD["an unapproved provider"](gate)
    COVER[cover](gate)
    code, out, _ = gate.shell("secpipe check project -f json")
    assert code in (1, 3)
    if cover == "a policy":
        assert code == 3
        assert "self-judged" in json.loads(out)["sentence"]


def test_a_policy_that_is_not_the_pinned_one_is_refused(gate: Gate) -> None:
    (gate.shell.cwd / "policy.toml").write_text(LAX)
    pins = f"--policy policy.toml --policy-ref {gate.policy_pin}"
    code, out, err = gate.shell(f"secpipe check project {pins}")
    assert (code, out) == (1, "")
    assert "is not the pinned one" in err


def test_a_trust_root_that_is_not_the_pinned_one_verifies_nothing(gate: Gate) -> None:
    own_keys(gate)
    pins = f"--policy policy.toml --policy-ref {gate.policy_pin} --trust-pin {gate.trust_pin}"
    code, out, _ = gate.shell(f"secpipe check project {pins} -f json")
    assert code == 1
    assert "pin" in json.loads(out)["sentence"]


def test_warn_mode_in_an_unpinned_policy_does_not_count(gate: Gate) -> None:
    (gate.shell.cwd / "policy.toml").write_text(POLICY + '[env.prod]\nmode = "warn"\n'.replace("[env.prod]\n", ""))
    BAD["an unapproved provider"](gate)
    text = POLICY.replace("expires = 2027-06-30\nprofile", 'expires = 2027-06-30\nmode = "warn"\nprofile')
    (gate.shell.cwd / "policy.toml").write_text(text)
    assert gate.shell("secpipe check project --policy policy.toml")[0] == 1
    assert gate.shell("secpipe check project --policy policy.toml --mode warn")[0] == 0
    pin = gate.run(0, "secpipe policy pin policy.toml").strip()
    assert gate.shell(f"secpipe check project --policy policy.toml --policy-ref {pin}")[0] == 0


def test_the_trees_policy_tightens_a_pinned_one(gate: Gate) -> None:
    strict = POLICY.replace('profile = ["baseline"]', 'profile = ["baseline"]\n[models]\nformats = ["onnx"]\n')
    (gate.tree / "secpipe-policy.toml").write_text(strict)
    code, document = gate.check()
    assert code == 1
    assert "the project's own policy" in str(document["sentence"])


def test_exit_zero_turns_only_a_deny(gate: Gate) -> None:
    BAD["an unapproved provider"](gate)
    assert gate.check("--exit-zero")[0] == 0
    (gate.tree / "app.py").write_text(OPENAI)
    (gate.tree / "uv.lock").write_text("[[broken")
    assert gate.check("--exit-zero")[0] == 3


@pytest.mark.parametrize("name", ["keys/me.pem", "keys/deep/seed", "keys/builder.age"])
def test_a_private_key_in_keys_is_refused_even_with_trust_from_elsewhere(gate: Gate, name: str) -> None:
    home = Path(gate.shell.environment["SECPIPE_HOME"])
    pem = b"-----BEGIN " + b"PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END " + b"PRIVATE KEY-----\n"
    sealed = next(
        path.read_bytes() for path in home.rglob("*") if path.is_file() and b"age-encryption" in path.read_bytes()
    )
    place = gate.tree / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(sealed if name.endswith((".age", "seed")) else pem)
    code, document = gate.check()
    assert code == 1
    assert "holds a private key" in str(document["reasons"])


def test_a_private_key_cannot_hide_behind_a_folder_too_large_to_search(gate: Gate) -> None:
    with open(gate.tree / "keys/padding", "wb") as file:
        file.truncate(1 << 30)
    (gate.tree / "keys/zz.pem").write_bytes(b"-----BEGIN " + b"PRIVATE KEY-----\n")
    code, document = gate.check()
    assert code in (1, 3), document["sentence"]
