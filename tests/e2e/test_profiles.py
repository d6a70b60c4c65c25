"""Every shipped profile: a release that passes, and for each key it sets a release that fails for exactly that.

All of it runs through the real gate over real keys, signatures and attestations. What a key demands is told from the
resolved policy, so that a new key in a profile without a case here fails `test_every_demand_of_a_profile_has_a_case`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.policies import policy_file
from secpipe.keystore import age
from tests.e2e import release
from tests.e2e.release import REVIEW, Case, Maker, advisory, copy, provenance, reasons, write
from tests.e2e.transcript import ROOT
from tests.unit.keystore.conftest import quick_seal

PROFILES = policy_file.profiles()
MODEL, PROMPT, DATA = "model", "prompts/system.txt", "datasets/tickets.jsonl"

#: Keys that say how a verdict is used, not what a release must be; and those of other sections' own tests.
NO_DEMANDS = {
    "name", "owner", "expires", "mode", "exclude", "waiver", "condition", "ledger.accept",
    "log.folder", "log.required", "log.keys", "log.witnesses", "log.quorum",  # relying on a verdict
    "verdicts.valid_hours", "break_glass.holders", "break_glass.max_hours",
    "shadow_ai.regions", "shadow_ai.min_confidence", "vulnerabilities.scope",  # they say what is looked at
    "vulnerabilities.embedded_until",  # it only ever lets data count
}  # fmt: skip
#: Demands that a profile makes and that no release can fail: nothing the scanners say is of so low a severity.
NEVER_MET = {("strict", "models.warn")}


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        context.setattr(age, "seal", quick_seal)
        yield context


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Maker:
    """The good release, signed with P-384 + ML-DSA-87 up to the root: good enough for every profile."""
    made = release.make(tmp_path_factory.mktemp("cnsa2"), patch, "cnsa2")
    algorithms = "--algorithm ecdsa-p256 --algorithm ml-dsa-65 --purpose model --holder alice --trust trusted"
    made.run(f"secpipe keys add-identity legacy {algorithms} --passphrase-file pass")
    return made


@pytest.fixture(scope="module")
def weak_root(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch, maker: Maker) -> Maker:
    """The same release under the default keys: P-256 + ML-DSA-65, a root of Ed25519 + ML-DSA-65."""
    folder = tmp_path_factory.mktemp("default")
    made = release.make(folder, patch, "default")
    patch.chdir(maker.root)
    for name, value in maker.shell.environment.items():
        patch.setenv(name, value)
    return made


Spoil = Callable[[Case], Case]


# What spoils a release ---------------------------------------------------------------------------------------------


def drop(*globs: str) -> Spoil:
    def spoil(case: Case) -> Case:
        found = [path for glob in globs for path in case.tree.glob(glob)]
        assert found, globs
        for path in found:
            path.unlink()
        return case

    return spoil


def policy(text: str) -> Spoil:
    return lambda case: case.with_policy(text)


def later(days: int, text: str = "") -> Spoil:
    return lambda case: case.with_policy(text).later(days=days)


def several(*spoils: Spoil) -> Spoil:
    def spoil(case: Case) -> Case:
        for one in spoils:
            case = one(case)
        return case

    return spoil


def changed(name: str, text: str | bytes) -> Spoil:
    """Add or replace a file of the model, then sign and attest the model again: only the content is at fault."""

    def spoil(case: Case) -> Case:
        path = case.tree / MODEL / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        drop("model/*.sig", "model.*.att.json")(case)
        case.maker.sign(str(case.tree / MODEL))
        case.maker.vouch(str(case.tree / MODEL))
        case.maker.sbom(str(case.tree))
        return case

    return spoil


def resigned(key: str) -> Spoil:
    def spoil(case: Case) -> Case:
        drop("model/*.sig")(case)
        case.maker.sign(str(case.tree / MODEL), key)
        return case

    return spoil


def attested(purpose: str, predicate: dict[str, Any], key: str, kind: str = "") -> Spoil:
    def spoil(case: Case) -> Case:
        drop(f"model.{kind or purpose}*.att.json")(case)
        case.maker.attest(str(case.tree / MODEL), purpose, predicate, key, kind)
        return case

    return spoil


def locked(**package: Any) -> Spoil:
    """Change the one locked package, then make the SBOM again."""

    def spoil(case: Case) -> Case:
        path = case.tree / "package-lock.json"
        lock = json.loads(path.read_text())
        row = lock["packages"]["node_modules/left-pad"]
        row.update(package)
        lock["packages"]["node_modules/left-pad"] = {key: value for key, value in row.items() if value is not None}
        path.write_text(json.dumps(lock))
        case.maker.sbom(str(case.tree))
        return case

    return spoil


def advisories(record: dict[str, Any]) -> Spoil:
    def spoil(case: Case) -> Case:
        write(case.root / "advisories/OSV-2.json", json.dumps(record))
        return case

    return spoil


def dated(day: str) -> Spoil:
    def spoil(case: Case) -> Case:
        record = advisory("nobody-uses-this") | {"modified": f"{day}T00:00:00Z"}
        write(case.root / "advisories/OSV-1.json", json.dumps(record))
        return case

    return spoil


def unusable(case: Case) -> Case:
    write(case.root / "advisories/OSV-1.json", "{")
    return case


def unreadable(case: Case) -> Case:
    os.mkfifo(case.tree / "weights.safetensors")
    return case


def bom_again(case: Case) -> Case:
    case.maker.sbom(str(case.tree))
    return case


def added(name: str, text: str | bytes) -> Spoil:
    def spoil(case: Case) -> Case:
        (case.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (case.tree / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return case

    return spoil


def bom(**changes: Any) -> Spoil:
    """Edit the shipped SBOM: `made` is its timestamp; `foreign` makes it an old document of another tool."""

    def spoil(case: Case) -> Case:
        path = case.tree / "bom.cdx.json"
        document = json.loads(path.read_text())
        if "made" in changes:
            document["metadata"]["timestamp"] = changes["made"]
        if "foreign" in changes:
            document = _old_bom(document, changes["foreign"])
        path.write_text(json.dumps(document))
        return case

    return spoil


def _old_bom(document: dict[str, Any], spec: str) -> dict[str, Any]:
    """The same files and packages, as plain components of an older CycloneDX."""
    components, pending = [], list(document["components"])
    while pending:
        item = pending.pop()
        pending += item.get("components", [])
        files = [row["value"] for row in item.get("properties", []) if row["name"] == "secpipe:file"]
        components += [{"type": "file", "name": name, "hashes": item["hashes"]} for name in files]
        if item["type"] == "file" and not files:
            components.append({"type": "file", "name": item["name"], "hashes": item["hashes"]})
        if item["type"] == "library":
            components.append(
                {"type": "library", "name": item["name"], "version": item["version"], "purl": item["purl"]}
            )
    head = {"bomFormat": "CycloneDX", "specVersion": spec, "version": 1}
    return head | {"metadata": {"timestamp": document["metadata"]["timestamp"]}, "components": components}


class Shell:
    """Runs when it is loaded; it is never loaded."""

    def __reduce__(self) -> Any:
        return os.system, ("true",)


OPENAI = "from openai import OpenAI\nclient = OpenAI()\n"
UNKNOWN = "import sys\nfrom openai import OpenAI\nclient = OpenAI(base_url=sys.argv[1])\n"
APPROVED = """[shadow_ai]
default = "deny"
local_only = {local}
[[shadow_ai.allow]]
provider = "openai"
owner = "jane@acme.example"
reason = "contract"
expires = 2039-01-01
"""
WIDE = '[keys]\nalgorithms = ["ecdsa-p256", "ecdsa-p384", "ml-dsa-65", "ml-dsa-87"]\n'
ANY_FORMAT = "[models]\nformats = []\n"
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L"
LEFT_OUT = {"base_models": "base-model-not-allowed", "datasets": "dataset-not-allowed", "sources": "source-not-allowed"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A spoiled release: the key it breaks (an element of a list behind `:`), how, and the one rule that says so."""

    key: str
    spoil: Spoil
    rule: str
    effect: str = "deny"
    name: str = ""
    only: tuple[str, ...] = ()
    also: str = ""  # a rule that follows from the same fault
    check: str = ""  # the check that must say so, where several share the rule


SERVER = '{"mcpServers": {"notes": {"command": "npx", "args": ["-y", "acme-notes"]}}}'
FREE = '[shadow_ai]\nlocal_only = false\n[agents]\ndefault = "allow"\n'
ANYTHING = '{"permissions": {"allow": ["Bash(*)"]}}'
VARIANTS = [
    Variant("signatures.required", drop("model/*.sig"), "gate/unsigned-artifact"),
    Variant("signatures.require", drop("model/model.pqc.sig"), "signatures/stripped-half",
            also="gate/unsigned-artifact"),
    Variant("signatures.cover:models", drop("model/*.sig"), "gate/unsigned-artifact"),
    Variant("signatures.cover:prompts", drop("prompts/*.sig"), "gate/unsigned-artifact"),
    Variant("signatures.cover:datasets", drop("datasets/*.sig"), "gate/unsigned-artifact"),
    Variant("signatures.roles:review", drop("model.review-*"), "gate/review-missing", name="no review"),
    Variant("signatures.roles:review", attested("review", REVIEW, "alice-review"), "gate/review-missing",
            name="one person with two identities"),
    Variant("signatures.roles:review", attested("review", {"result": "REJECTED"}, "omar"), "gate/review-missing",
            name="a review that rejects"),
    Variant("signatures.roles:provenance", attested("provenance", provenance(), "builder"), "gate/review-missing",
            name="provenance by the signer"),
    Variant("signatures.phase", several(resigned("legacy"), later(41, WIDE)), "gate/key-algorithm"),
    Variant("sbom.required", several(added("tools/uv.lock", "[[broken"), bom_again), "gate/incomplete", "undecided",
            check="sbom"),
    Variant("sbom.shipped", drop("bom.cdx.json"), "gate/missing-evidence", "undecided", "none"),
    Variant("sbom.shipped", added("bom.cdx.json", '{"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1}'),
            "gate/sbom-disagrees", name="an empty one"),
    Variant("sbom.shipped", several(
        locked(version="1.2.0", resolved="https://registry.npmjs.org/left-pad/-/left-pad-1.2.0.tgz"),
        lambda case: keep_old_bom(case)), "gate/sbom-disagrees", name="one of another release"),
    Variant("sbom.spec", bom(foreign="1.5"), "gate/sbom-format"),
    Variant("sbom.max_age_days", bom(made="2024-11-21T00:00:00Z"), "gate/sbom-too-old", name="old"),
    Variant("sbom.max_age_days", bom(made="2027-11-21T00:00:00Z"), "gate/sbom-too-old", name="of the future"),
    Variant("sbom.profiles:eu-annex-xi", changed("README.md", "---\nlicense: apache-2.0\n---\n# support\n"),
            "gate/incomplete-sbom"),
    Variant("licenses.review", locked(license=None), "gate/license-review", only=("strict",)),
    Variant("licenses.review", locked(license="CC-BY-NC-4.0"), "gate/license-review", only=("eu-ai-act",)),
    Variant("licenses.deny", locked(license="AGPL-3.0-only"), "gate/license-denied"),
    Variant("vulnerabilities.required", unusable, "gate/not-checked", "undecided"),
    Variant("vulnerabilities.block", advisories(advisory("left-pad")), "audit/known-vulnerability"),
    Variant("vulnerabilities.warn", advisories(advisory("left-pad", LOW)), "audit/known-vulnerability", "warn"),
    Variant("vulnerabilities.max_age_days", several(dated("2026-11-02"), later(40)), "gate/stale-advisories",
            "undecided"),
    Variant("vulnerabilities.complete",
            several(policy("[licenses]\nreview = []\n"), added("web/pyproject.toml", '[project]\nname = "w"\n'
                    'version = "1"\ndependencies = ["click"]\n'), bom_again), "gate/incomplete", "undecided",
            check="audit"),
    Variant("models.required", several(unreadable, bom_again), "gate/incomplete", "undecided", check="models"),
    Variant("models.formats", changed("vocabulary.pkl", pickle.dumps({"a": 1})), "gate/format-not-allowed"),
    Variant("models.block", several(policy(ANY_FORMAT), changed("vocabulary.pkl", pickle.dumps(Shell()))),
            "models/dangerous-call"),
    Variant("models.warn", several(policy(ANY_FORMAT), changed("vocabulary.pkl", pickle.dumps({}) + pickle.dumps({}))),
            "models/several-streams", "warn"),
    Variant("provenance.required", several(policy("[signatures]\nroles = {}\n"), drop("model.provenance.*")),
            "gate/missing-evidence", "undecided"),
    Variant("provenance.named_builders", policy("[provenance]\nbuilders = []\n"), "gate/builders-not-named",
            "undecided"),
    Variant("provenance.sources", attested("provenance", provenance(source="git+https://github.com/mallory/models"),
            "ci"), "gate/source-not-allowed", only=("slsa-l3",)),
    Variant("provenance.base_models", attested("provenance", provenance(base_models=None), "ci"),
            "gate/missing-evidence", "undecided"),
    Variant("provenance.datasets", attested("provenance", provenance(datasets=None), "ci"), "gate/missing-evidence",
            "undecided"),
    *(Variant(f"attestations.require:{kind}", drop(f"model.{kind}.*"), "gate/missing-evidence", "undecided", "none")
      for kind in ("evaluation", "bias", "safety")),
    Variant("attestations.require:bias", attested("test-result", {"result": "FAILED", "configuration": []}, "builder",
            "bias"), "gate/test-failed", name="failed"),
    Variant("attestations.require:bias", later(10, '[[attestations.require]]\ntype = "bias"\nmax_age_days = 7\n'),
            "gate/missing-evidence", "undecided", "old"),
    Variant("keys.algorithms", resigned("legacy"), "gate/key-algorithm"),
    Variant("keys.max_age_days", later(11, "[keys]\nmax_age_days = 10\n"), "gate/key-too-old"),
    Variant("keys.max_ring_age_days", policy("[keys]\nmax_ring_age_days = 3\n"), "gate/trust-below-minimum",
            "undecided"),
    Variant("minimum.root", policy("[minimum]\nroot = 9\n"), "gate/trust-below-minimum", "undecided"),
    Variant("minimum.ring", policy("[minimum]\nring = 99\n"), "gate/trust-below-minimum", "undecided"),
    Variant("minimum.advisories", dated("2026-10-31"), "gate/stale-advisories", "undecided"),
    Variant("ledger.depth", added("app.py", "import os\0\1\2\3"), "gate/incomplete", "undecided", check="shadow-ai"),
    Variant("ledger.depth", added("batch.cob", "* nothing of openai is called\n"), "gate/incomplete", "undecided",
            name="a program that was only searched", only=("strict",), check="shadow-ai"),
    Variant("shadow_ai.default", several(policy('[shadow_ai]\ndefault = "deny"\nlocal_only = false\n'),
            added("app.py", OPENAI)), "shadow-ai/unapproved-host"),
    Variant("shadow_ai.unknown_destination", several(policy("[shadow_ai]\nlocal_only = false\n"),
            added("app.py", UNKNOWN)), "shadow-ai/unknown-destination"),
    Variant("shadow_ai.local_only", several(policy(APPROVED.format(local="true")), added("app.py", OPENAI)),
            "shadow-ai/not-local"),
    Variant("agents.default", several(policy("[shadow_ai]\nlocal_only = false\n"), added(".mcp.json", SERVER)),
            "agents/unapproved-item", check="agents", also="agents/floating-package"),
    Variant("agents.block", several(policy(FREE),
            added(".claude/settings.json", ANYTHING)),
            "agents/wide-permission", check="agents"),
    Variant("agents.warn", several(policy(f'{FREE}block = "never"\n'),
            added(".claude/settings.json", ANYTHING)), "agents/wide-permission", "warn"),
]  # fmt: skip


def keep_old_bom(case: Case) -> Case:
    shutil.copy(case.maker.root / "project/bom.cdx.json", case.tree / "bom.cdx.json")
    return case


def demands(profile: str) -> set[str]:
    """Return the keys by which a profile demands something, lists element by element."""
    return set(_leaves(dataclasses.asdict(policy_file.load(f"builtin:{profile}").resolve("prod")))) - NO_DEMANDS


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    elementwise = {"signatures.cover", "signatures.roles", "sbom.profiles", "attestations.require"}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if key in elementwise:
            yield from (f"{key}:{item['type'] if isinstance(item, dict) else item}" for item in value)
        elif isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        elif value not in (None, False, 0, "", (), [], {}, "never"):
            yield key


def cases() -> Iterator[Any]:
    for profile in PROFILES:
        wanted = demands(profile)
        for variant in VARIANTS:
            meant = (profile, variant.key) not in NEVER_MET and profile in (variant.only or PROFILES)
            if meant and variant.key in wanted:
                yield pytest.param(profile, variant, id=f"{profile}-{variant.key}-{variant.name}".rstrip("-"))


def test_every_demand_of_a_profile_has_a_case() -> None:
    covered = {(param.values[0], param.values[1].key) for param in cases()}
    elsewhere = {("cnsa2", "keys.root_algorithms"), ("strict", "keys.stamped_from")}  # each has its own test below
    missing = {(profile, key) for profile in PROFILES for key in demands(profile)} - covered - elsewhere - NEVER_MET
    assert missing == set()


@pytest.mark.parametrize("profiles", [*((name,) for name in PROFILES), ("strict", "cnsa2"), tuple(PROFILES)],
                         ids="+".join)  # fmt: skip
def test_the_good_release_passes(maker: Maker, tmp_path: Path, profiles: tuple[str, ...]) -> None:
    document = copy(maker, tmp_path, *profiles).judge()
    assert reasons(document) == set(), document["sentence"]
    assert document["exit_code"] == 0
    assert document["self_judged"] is False


def test_a_retired_key_without_a_time_stamp(maker: Maker, tmp_path: Path) -> None:
    """So much later the advisory data is stale as well, and the day of the profile is brought forward."""
    case = copy(maker, tmp_path, "strict")
    late = later(200, "[keys]\nstamped_from = 2026-01-01\n")
    assert reasons(late(case).judge(), "deny") == {"gate/key-too-old"}


@pytest.mark.parametrize(("profile", "variant"), list(cases()))
def test_a_release_that_fails_one_demand(maker: Maker, tmp_path: Path, profile: str, variant: Variant) -> None:
    document = variant.spoil(copy(maker, tmp_path, profile)).judge()
    shown = [(reason["effect"], reason["rule"], reason["what"]) for reason in document["reasons"]]
    if variant.effect == "warn":
        assert variant.rule in reasons(document, "warn"), shown
        assert document["exit_code"] == 0
        return
    expected = {variant.rule} | ({variant.also} if variant.also else set())
    assert reasons(document) == expected, shown
    assert reasons(document, variant.effect) == expected, shown
    checks = {row["check"] for row in document["checks"] if row["result"] == variant.effect}
    assert not variant.check or variant.check in checks, shown
    assert document["exit_code"] == {"deny": 1, "undecided": 3}[variant.effect]


def test_a_root_of_weaker_keys_than_the_artifacts_fails_cnsa2(weak_root: Maker, tmp_path: Path) -> None:
    # The artifacts' own algorithms are let through, so that only what stands above them is at fault.
    case = copy(weak_root, tmp_path, "cnsa2").with_policy("[keys]\nalgorithms = []\n")
    assert reasons(case.judge()) == {"gate/root-algorithm"}
    assert reasons(copy(weak_root, tmp_path / "as-is", "cnsa2").judge()) == {
        "gate/root-algorithm",
        "gate/key-algorithm",
    }


def test_at_shows_what_breaks_on_the_day_a_phase_begins(maker: Maker, tmp_path: Path) -> None:
    case = resigned("legacy")(copy(maker, tmp_path, "cnsa2").with_policy(WIDE))
    assert reasons(case.judge()) == set()
    eve, day = (dataclasses.replace(case, now=case.now.replace(year=2026 + (d == 1), month=12 - 11 * (d == 1), day=d))
                for d in (31, 1))  # fmt: skip
    assert reasons(eve.judge()) == set()
    assert reasons(day.judge()) == {"gate/key-algorithm"}


def test_good_evidence_about_one_model_is_none_about_another(maker: Maker, tmp_path: Path) -> None:
    case = copy(maker, tmp_path, "eu-ai-act")
    shutil.copytree(case.tree / "model", case.tree / "second", ignore=shutil.ignore_patterns("*.sig"))
    (case.tree / "second/model.safetensors").write_bytes(release.tensor(1))
    case.maker.sign(str(case.tree / "second"))
    case.maker.attest(str(case.tree / "second"), "review", REVIEW, "omar")
    bom_again(case)
    document = case.judge()
    assert reasons(document) == {"gate/missing-evidence"}
    assert {reason["path"] for reason in document["reasons"] if reason["effect"] == "undecided"} == {
        "second/model.safetensors"
    }
    assert len([reason for reason in document["reasons"] if reason["effect"] == "undecided"]) == 4  # origin and 3 tests


def test_data_that_calls_itself_an_attestation_needs_a_signature(maker: Maker, tmp_path: Path) -> None:
    case = copy(maker, tmp_path, "strict")
    real = (case.tree / "datasets/tickets.jsonl.review-omar.att.json").read_text()
    write(case.tree / "datasets/more.train.att.json", real[:-1] + ', "rows": ["poison"]}')
    assert "gate/unsigned-artifact" in reasons(case.judge(), "deny")


def test_every_file_of_a_dataset_folder_needs_a_signature(maker: Maker, tmp_path: Path) -> None:
    case = copy(maker, tmp_path, "cnsa2")
    write(case.tree / "datasets/poison.jsonl", '{"question": "a", "answer": "c"}\n')
    document = case.judge()
    assert reasons(document) == {"gate/unsigned-artifact"}
    assert "datasets/poison.jsonl" in document["sentence"]


def test_an_approval_that_a_project_adds_does_not_open_an_air_gap(maker: Maker, tmp_path: Path) -> None:
    case = copy(maker, tmp_path, "air-gapped").with_policy(APPROVED.format(local="true"))
    write(case.tree / "app.py", 'from openai import OpenAI\nclient = OpenAI(base_url="http://127.0.0.1:8000/v1")\n')
    assert reasons(case.judge()) == set()
    for remote in ("https://ollama.com", "https://api.openai.com/v1", "http://{where}/v1"):
        text = f'import os\nfrom openai import OpenAI\nwhere = os.environ["W"]\nclient = OpenAI(base_url=f"{remote}")\n'
        write(case.tree / "app.py", text)
        assert reasons(case.judge()) == {"shadow-ai/not-local"}, remote


def test_every_policy_that_the_page_shows_is_one() -> None:
    page = (ROOT / "docs/profiles.md").read_text()
    shown = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len([policy_file.parse(text.encode(), "the page").resolve("prod") for text in shown]) >= 5
    assert set(re.findall(r"^## (.+)$", page, re.MULTILINE)) == set(PROFILES)
