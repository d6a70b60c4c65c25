"""From a tree to an inventory: libraries, models, adapters, datasets, prompts, and what cannot be read."""
# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.inventory import Component, ComponentKind, Grade, Inventory, RelationKind
from secpipe.sbom.collect import collect
from secpipe.sbom.evidence import findings as drift_findings
from secpipe.sbom.lineage import findings
from secpipe.system.tree import walk


def put(root: Path, files: dict[str, str | bytes | Any]) -> Inventory:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return collect(walk(root))


def named(inventory: Inventory, name: str, kind: ComponentKind | None = None) -> Component:
    found = [item for item in inventory.components if item.name == name and (kind is None or item.kind is kind)]
    assert len(found) == 1, (name, [item.name for item in inventory.components])
    return found[0]


def edges(inventory: Inventory, kind: RelationKind) -> set[tuple[str, str]]:
    names = {item.ref: item.name for item in inventory.components}
    return {(names[edge.source], names[edge.target]) for edge in inventory.relations if edge.kind is kind}


def safetensors(**shapes: tuple[int, ...]) -> bytes:
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


H1, H2 = "a" * 64, "b" * 64


def test_requirements_pins_hashes_markers_and_addresses(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "requirements.txt": f"requests==2.31.0 \\\n    --hash=sha256:{H1} \\\n    --hash=sha256:{H2}\n    # via -r requirements.in\n"
        "urllib3==2.0.7  # via requests\nflask>=2\nnumpy==1.*\ncolorama==0.4.6 ; sys_platform == 'win32'\n"
        "Foo @ https://user:secret@example.org/foo-1.whl?token=x\n-e git+https://github.com/acme/bar.git@" + "c" * 40 + "#egg=bar\n"
        "./local\n-c constraints.txt\nhttpx\n", "constraints.txt": "httpx==0.27.0\n",
    })  # fmt: skip
    requests = named(seen, "requests")
    assert (requests.version, requests.purl, requests.line, requests.direct) == (
        "2.31.0",
        "pkg:pypi/requests@2.31.0",
        1,
        True,
    )
    assert requests.facts["hashes"].value == f"sha256:{H1} sha256:{H2}"
    assert requests.digests == ()
    assert named(seen, "urllib3").direct is False
    assert edges(seen, RelationKind.DEPENDS_ON) == {("requests", "urllib3")}
    assert (named(seen, "flask").version, named(seen, "flask").purl) == ("", "pkg:pypi/flask")
    assert named(seen, "numpy").version == ""
    assert named(seen, "colorama").facts["scope"].value == "excluded"
    foo = named(seen, "Foo")
    assert (foo.purl, foo.ecosystem) == ("", "")
    assert foo.facts["source-url"].value == "https://example.org/foo-1.whl"
    assert named(seen, "bar").purl == "pkg:github/acme/bar@" + "c" * 40
    assert named(seen, "httpx").version == "0.27.0"  # from the constraint
    assert "secret" not in repr(seen)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-r ../outside.txt", "not in the tree"),
        ("-r /etc/passwd", "not in the tree"),
        ("-r https://example.org/r.txt", "not in the tree"),
        ("!!!", "not a requirement"),
        ("a b c", "not a requirement"),
    ],
)
def test_what_requirements_cannot_give_is_said(tmp_path: Path, line: str, why: str) -> None:
    seen = put(tmp_path, {"requirements.txt": line + "\n"})
    assert why in seen.skipped[0].reason


def test_requirements_that_include_each_other_end(tmp_path: Path) -> None:
    seen = put(
        tmp_path,
        {"requirements.txt": "-r requirements-b.txt\na==1\n", "requirements-b.txt": "-r requirements.txt\nb==1\n"},
    )
    assert {item.name for item in seen.components} == {"a", "b"}


def test_pyproject_and_uv_lock_are_one_graph(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "pyproject.toml": '[project]\nname = "My_App"\nversion = "1.2"\nlicense = "MIT"\ndependencies = ["httpx>=0.20"]\n'
        '[dependency-groups]\ndev = ["pytest", {include-group = "x"}]\n',
        "uv.lock": 'version = 1\n[[package]]\nname = "my-app"\nversion = "1.2"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "httpx" }]\n[[package]]\nname = "httpx"\nversion = "0.27.0"\n'
        'source = { registry = "https://pypi.org/simple" }\ndependencies = [{ name = "idna" }, { name = "winonly", marker = "sys_platform == \'win32\'" }]\n'
        f'wheels = [{{ url = "https://files.pythonhosted.org/h.whl", hash = "sha256:{H1}" }}]\n'
        '[[package]]\nname = "idna"\nversion = "3.7"\nsource = { registry = "https://corp.example/simple" }\n'
        '[[package]]\nname = "winonly"\nversion = "1"\nsource = { registry = "https://pypi.org/simple" }\n',
    })  # fmt: skip
    assert {item.name for item in seen.components} == {"My_App", "httpx", "idna", "pytest", "winonly"}
    httpx = named(seen, "httpx")
    assert (httpx.version, httpx.direct, httpx.line) == ("0.27.0", True, 7)
    assert [str(digest) for digest in httpx.digests] == [f"sha256:{H1}"]
    idna = named(seen, "idna")
    assert idna.purl == "pkg:pypi/idna@3.7?repository_url=https://corp.example/simple"
    assert idna.ecosystem == ""
    assert edges(seen, RelationKind.DEPENDS_ON) == {("My_App", "httpx"), ("My_App", "pytest"), ("httpx", "idna")}


def test_poetry_pdm_pylock_and_pipfile(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "a/pyproject.toml": '[tool.poetry]\nname = "a"\nversion = "0"\n[tool.poetry.dependencies]\npython = "^3.11"\nrich = "^13"\n',
        "a/poetry.lock": f'[[package]]\nname = "rich"\nversion = "13.7.0"\noptional = false\nfiles = [{{file = "r.whl", hash = "sha256:{H1}"}}]\n'
        '[package.dependencies]\nmdurl = {version = ">=0.1", markers = "python_version < \\"2.7\\""}\npygments = ">=2"\n'
        '[[package]]\nname = "pygments"\nversion = "2.17"\noptional = false\nfiles = []\n',
        "b/pdm.lock": '[[package]]\nname = "click"\nversion = "8.1.7"\nsummary = "cli"\ndependencies = ["colorama; platform_system == \'Windows\'"]\n',
        "c/pylock.toml": 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "attrs"\nversion = "23.2"\n'
        f'[packages.sdist]\nname = "a.tgz"\n[packages.sdist.hashes]\nsha256 = "{H2}"\n',
        "d/Pipfile.lock": {"_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}]},
                           "default": {"six": {"version": "==1.16.0", "hashes": [f"sha256:{H1}"], "index": "pypi"}},
                           "develop": {"tox": {"version": "*"}}},
    })  # fmt: skip
    assert named(seen, "rich").version == "13.7.0"
    assert edges(seen, RelationKind.DEPENDS_ON) == {("a", "rich"), ("rich", "pygments")}
    assert named(seen, "click").purl == "pkg:pypi/click@8.1.7"
    assert [str(digest) for digest in named(seen, "attrs").digests] == [f"sha256:{H2}"]
    assert named(seen, "six").version == "1.16.0"
    assert named(seen, "tox").version == ""
    assert seen.skipped == ()


def test_package_lock_resolves_as_node_does(tmp_path: Path) -> None:
    lock = {"name": "web", "lockfileVersion": 3, "packages": {
        "": {"name": "web", "version": "1.0.0", "dependencies": {"a": "^1", "alias": "npm:@s/real@1"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "*"}, "integrity": "sha512-" + "A" * 86 + "=="},
        "node_modules/a/node_modules/b": {"version": "2.0.0"},
        "node_modules/b": {"version": "1.0.0", "dev": True},
        "node_modules/alias": {"name": "@s/real", "version": "1.0.0", "resolved": "https://npm.corp/real.tgz"},
        "node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/o/g.git#" + "d" * 40},
    }}  # fmt: skip
    seen = put(
        tmp_path,
        {"package-lock.json": lock, "package.json": {"name": "web", "version": "1.0.0", "dependencies": {"a": "^1"}}},
    )
    refs = {(item.name, item.version): item for item in seen.components}
    assert refs["a", "1.0.0"].direct
    assert not refs["b", "2.0.0"].direct
    assert refs["@s/real", "1.0.0"].purl.startswith("pkg:npm/%40s/real@1.0.0?repository_url=")
    assert refs["g", "1.0.0"].purl == "pkg:github/o/g@" + "d" * 40
    assert ("a", "b") in edges(seen, RelationKind.DEPENDS_ON)
    assert (refs["a", "1.0.0"].ref, refs["b", "2.0.0"].ref) in {(edge.source, edge.target) for edge in seen.relations}


def test_a_broken_lock_is_said_and_others_go_on(tmp_path: Path) -> None:
    seen = put(tmp_path, {"uv.lock": "version = [", "a/package-lock.json": '{"a":1,"a":2}', "b/Pipfile.lock": "[]", "requirements.txt": "six==1.16.0\n",
                          "c/poetry.lock": 'package = "x"', "d/pylock.toml": "[[packages]]\nversion='1'"})  # fmt: skip
    assert [item.name for item in seen.components] == ["six"]
    assert {skip.path for skip in seen.skipped} == {
        "uv.lock",
        "a/package-lock.json",
        "b/Pipfile.lock",
        "c/poetry.lock",
        "d/pylock.toml",
    }


def test_installed_packages_are_not_the_project(tmp_path: Path) -> None:
    seen = put(
        tmp_path,
        {
            "node_modules/x/package.json": {"name": "x"},
            ".venv/lib/python3/site-packages/y/pyproject.toml": '[project]\nname="y"',
        },
    )
    assert seen.components == ()


CARD = """---
license: llama3.1
base_model: meta-llama/Llama-3.1-8B
datasets: [acme/support]
pipeline_tag: text-generation
co2_eq_emissions: {emissions: 120, source: codecarbon}
model-index:
- name: base
  results: [{dataset: {name: MMLU}, metrics: [{type: accuracy, value: 0.61}]}]
---
# Base
## Intended use
Support chat.
"""


def repository(root: Path) -> Inventory:
    return put(root, {
        "models/base/model.safetensors": safetensors(a=(20, 30), b=(5,)),
        "models/base/config.json": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 2048},
        "models/base/tokenizer_config.json": {"chat_template": "{{ messages }}"},
        "models/base/README.md": CARD,
        "models/lora/adapter_model.safetensors": safetensors(l=(2, 30)),
        "models/lora/adapter_config.json": {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "acme/base"},
        "prompts/system.md": "You are kind.",
        "data/train.jsonl": '{"a": 1}\n',
        "models/rank.joblib": b"\x80\x04.",
    })  # fmt: skip


def test_a_model_folder_is_one_model_described_by_its_bytes_and_its_card(tmp_path: Path) -> None:
    seen = repository(tmp_path)
    base = named(seen, "base")
    assert base.kind is ComponentKind.MODEL
    assert (base.facts["parameters"].value, base.facts["parameters"].grade) == ("605", Grade.VERIFIED)
    assert (base.facts["architecture"].value, base.facts["architecture"].grade) == ("LlamaForCausalLM", Grade.DECLARED)
    assert base.licenses == ("llama3.1",)
    assert base.digests == named(seen, "model.safetensors").digests
    assert json.loads(base.facts["metrics"].value)[0]["value"] == "0.61"
    assert {"base", "lora", "rank", "meta-llama/Llama-3.1-8B"} == {
        item.name for item in seen.of_kind(ComponentKind.MODEL)
    }
    assert named(seen, "rank").facts["analysis"].value == "not analysed"
    assert len(named(seen, "rank").digests) == 1
    assert named(seen, "system.md").kind is ComponentKind.PROMPT
    assert named(seen, "chat template").path == "models/base/tokenizer_config.json"
    assert named(seen, "train.jsonl").kind is ComponentKind.DATASET


def test_lineage_leads_from_adapter_to_base_to_what_is_only_named(tmp_path: Path) -> None:
    seen = repository(tmp_path)
    assert edges(seen, RelationKind.DERIVED_FROM) == {("lora", "base"), ("base", "meta-llama/Llama-3.1-8B")}
    assert edges(seen, RelationKind.TRAINED_ON) == {("base", "acme/support")}
    named_only = named(seen, "meta-llama/Llama-3.1-8B")
    assert (named_only.purl, named_only.digests) == ("", ())
    assert findings(seen) == ()


def test_an_adapter_is_never_its_own_base(tmp_path: Path) -> None:
    config = {"peft_type": "LORA", "base_model_name_or_path": "acme/lora"}
    seen = put(tmp_path, {"lora/adapter_model.safetensors": safetensors(a=(1,)), "lora/adapter_config.json": config})
    assert named(seen, "lora").facts["role"].value == "adapter"
    assert not edges(seen, RelationKind.DERIVED_FROM) & {("lora", "lora")}


def test_a_cycle_of_base_models_is_found(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for name, base in (("one", "two"), ("two", "one")):
        files[f"{name}/model.safetensors"] = safetensors(**{name: (1,)})
        files[f"{name}/config.json"] = {"model_type": "x"}
        files[f"{name}/README.md"] = f"---\nbase_model: {base}\n---\n"
    assert [finding.rule for finding in findings(put(tmp_path, files))] == ["sbom/lineage-cycle"] * 2


def test_a_git_lfs_pointer_is_not_the_model(tmp_path: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{H1}\nsize 12345\n"
    seen = put(tmp_path, {"m/model.safetensors": pointer})
    model = named(seen, "m")
    assert model.digests == ()
    assert model.facts["lfs-digest"].value == f"sha256:{H1}"
    assert "Git-LFS pointer" in seen.skipped[0].reason


def test_missing_shards_and_broken_headers_are_said(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "m/model-00001-of-00003.safetensors": safetensors(a=(1,)), "m/config.json": {"model_type": "x"}, "m/model.safetensors.index.json": {},
        "bad.gguf": b"GGUF" + b"\xff" * 60, "poly.safetensors": b"PK\x03\x04" + bytes(60),
    })  # fmt: skip
    reasons = {skip.path: skip.reason for skip in seen.skipped}
    assert "2 of 3 shards" in reasons["m/model-00001-of-00003.safetensors"]
    assert "not analysed" in reasons["bad.gguf"]
    assert "not analysed" in reasons["poly.safetensors"]
    assert named(seen, "bad").facts["analysis"].value


def test_a_gguf_under_another_name_is_still_a_model(tmp_path: Path) -> None:
    blob = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
    assert [item.kind for item in put(tmp_path, {"notes.txt": blob}).components] == [ComponentKind.MODEL]


def test_hub_cache_folders_prove_their_revision(tmp_path: Path) -> None:
    folder = f"hub/models--org--name/snapshots/{'e' * 40}"
    seen = put(
        tmp_path, {f"{folder}/model.safetensors": safetensors(a=(1,)), f"{folder}/config.json": {"model_type": "x"}}
    )
    model = next(iter(seen.of_kind(ComponentKind.MODEL)))
    assert (model.name, model.purl) == ("org/name", f"pkg:huggingface/org/name@{'e' * 40}")


def test_hostile_cards_are_said(tmp_path: Path) -> None:
    bomb = (
        "---\na: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}{(',*' + chr(97 + i)) * 8}]\n" for i in range(9))
        + "---\n"
    )
    seen = put(
        tmp_path,
        {"m/model.safetensors": safetensors(a=(1,)), "m/config.json": {"model_type": "x"}, "m/README.md": bomb},
    )
    assert named(seen, "m").facts["card-problems"].value


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pyproject.toml",
                     "package-lock.json", "package.json", "README.md", "adapter_config.json", "config.json"]),
    st.one_of(st.binary(max_size=200), st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["packages", "package", "name", "version", "dependencies", "", "source", "project", "default", "hashes"]), inner, max_size=4),
        max_leaves=12).map(lambda value: json.dumps(value).encode())),
)  # fmt: skip
def test_any_content_gives_an_inventory(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "model.safetensors").write_bytes(safetensors(a=(1,)))
    try:
        collect(walk(tmp_path))
    finally:
        (tmp_path / name).unlink()


def test_a_link_that_leads_nowhere_does_not_hide_the_rest_of_a_package_lock(tmp_path: Path) -> None:
    packages = {"": {"name": "web"}, "node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"link": True}}
    seen = put(tmp_path, {"package-lock.json": {"name": "web", "lockfileVersion": 3, "packages": packages}})
    assert named(seen, "a").version == "1.0.0"
    assert seen.skipped == ()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("go.sum", b"\xff\xfe", "not analysed: is not UTF-8 at byte 0"),
        ("Cargo.lock", b'[[package]]\nversion = "1"\n', "not analysed: an entry lacks name"),
    ],
)
def test_why_a_lock_is_not_analysed_is_said_in_words(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    assert [(skip.path, skip.reason) for skip in put(tmp_path, {name: content}).skipped] == [(name, reason)]


def test_go_modules_with_replacements_and_sums(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "go.mod": "module example.org/app\n\ngo 1.22\n\nrequire github.com/a/b v1.2.3\nrequire (\n\tgithub.com/c/d v0.1.0 // indirect\n\texample.org/local v1.0.0\n)\n"
        "replace example.org/local => ../local\nreplace github.com/c/d v0.1.0 => github.com/fork/d v0.2.0\n",
        "go.sum": "github.com/a/b v1.2.3 h1:" + "A" * 43 + "=\ngithub.com/a/b v1.2.3/go.mod h1:" + "B" * 43 + "=\n",
    })  # fmt: skip
    b = named(seen, "github.com/a/b")
    assert (b.purl, b.line, b.direct, b.ecosystem) == ("pkg:golang/github.com/a/b@v1.2.3", 5, True, "Go")
    assert b.facts["go-sum"].value.startswith("h1:AAA")
    assert named(seen, "github.com/fork/d").version == "v0.2.0"
    assert (named(seen, "example.org/local").purl, named(seen, "example.org/local").version) == ("", "")


def test_cargo_pnpm_yarn_conda_and_dockerfile(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "r/Cargo.lock": 'version = 3\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = ["serde"]\n[[package]]\nname = "serde"\nversion = "1.0.1"\n'
        f'source = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{H1}"\n',
        "p/pnpm-lock.yaml": "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0(b@2.0.0)\n"
        "packages:\n  a@1.0.0:\n    resolution: {integrity: sha512-" + "A" * 86 + "==}\n  '@s/b@2.0.0':\n    resolution: {}\n"
        "snapshots:\n  a@1.0.0(b@2.0.0):\n    dependencies:\n      '@s/b': 2.0.0\n",
        "y/yarn.lock": '# yarn lockfile v1\n\n\nleft@^1.0.0, left@^1.1.0:\n  version "1.1.0"\n  resolved "https://registry.yarnpkg.com/left/-/left-1.1.0.tgz#abc"\n'
        '  dependencies:\n    right "~2"\n\n"right@~2":\n  version "2.0.1"\n',
        "c/environment.yml": "name: x\nchannels: [conda-forge]\ndependencies:\n  - numpy=1.26\n  - scipy==1.11.4\n  - pip:\n    - six==1.16.0\n",
        "Dockerfile": "ARG TAG=3.11\nFROM python:${TAG} AS build\nRUN pip install --no-cache-dir -r x.txt \\\n    torch==2.5.0 'flask>=2' && echo done\n"
        f"FROM build\nFROM ghcr.io/acme/base:1@sha256:{H1}\nFROM scratch\n",
    })  # fmt: skip
    assert [str(digest) for digest in named(seen, "serde").digests] == [f"sha256:{H1}"]
    assert {("app", "serde"), ("a", "@s/b"), ("left", "right")} <= edges(seen, RelationKind.DEPENDS_ON)
    assert named(seen, "numpy").version == ""
    assert named(seen, "scipy").purl == "pkg:conda/scipy@1.11.4?channel=conda-forge"
    assert named(seen, "six").path == "c/environment.yml"
    assert (named(seen, "torch").version, named(seen, "torch").line, named(seen, "flask").version) == ("2.5.0", 3, "")
    assert (named(seen, "python").version, named(seen, "python").purl) == ("3.11", "")
    image = named(seen, "ghcr.io/acme/base")
    assert image.purl == f"pkg:oci/base@sha256:{H1}?repository_url=ghcr.io/acme/base&tag=1"
    assert {item.name for item in seen.of_kind(ComponentKind.CONTAINER)} == {"python", "ghcr.io/acme/base"}
    assert [skip.reason for skip in seen.skipped] == ["line 3 installs a list that is not in the tree"]


def record(*rows: tuple[str, bytes]) -> str:
    def digest(data: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

    return "".join(f"{path},sha256={digest(data)},{len(data)}\n" for path, data in rows)


SITE = "venv/lib/python3.11/site-packages"


def environment(root: Path, **more: str) -> Inventory:
    metadata = "Metadata-Version: 2.4\nName: Foo.Bar\nVersion: 1.0\nLicense-Expression: MIT\nAuthor: Ada\nRequires-Dist: baz[fast]\nRequires-Dist: win; sys_platform == 'win32'\n\nText"
    baz = "Name: baz\nVersion: 2.0\nClassifier: License :: OSI Approved :: MIT License\nRequires-Dist: quick; extra == 'fast'\n"
    quick = "Name: quick\nVersion: 3\n"
    sbom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "name": "openssl", "version": "4.0.3", "purl": "pkg:generic/openssl@4.0.3"}],
    }
    return put(root, {
        f"{SITE}/foo_bar-1.0.dist-info/METADATA": metadata,
        f"{SITE}/foo_bar-1.0.dist-info/RECORD": record(("foo.py", b"ok"), ("gone.py", b"x")),
        f"{SITE}/foo_bar-1.0.dist-info/sboms/native.cdx.json": sbom,
        f"{SITE}/foo.py": "changed", f"{SITE}/evil.pth": "import os",
        f"{SITE}/baz-2.0.dist-info/METADATA": baz, f"{SITE}/baz-2.0.dist-info/RECORD": "",
        f"{SITE}/quick-3.dist-info/METADATA": quick, f"{SITE}/quick-3.dist-info/RECORD": "",
        f"{SITE}/win-1.dist-info/METADATA": "Name: win\nVersion: 1\n", f"{SITE}/win-1.dist-info/RECORD": "", **more,
    })  # fmt: skip


def test_an_installed_environment_is_read_and_held_against_its_records(tmp_path: Path) -> None:
    seen = environment(tmp_path, **{"requirements.txt": "baz==2.1\n"})
    foo = named(seen, "foo-bar")
    assert (foo.purl, foo.licenses, foo.facts["supplier"].value) == ("pkg:pypi/foo-bar@1.0", ("MIT",), "Ada")
    assert foo.facts["record-changed"].value == f"{SITE}/foo.py"
    assert foo.facts["record-missing"].value == f"{SITE}/gone.py"
    assert edges(seen, RelationKind.DEPENDS_ON) == {("foo-bar", "baz"), ("baz", "quick")}
    assert ("foo-bar", "openssl") in edges(seen, RelationKind.CONTAINS)
    assert named(seen, "evil.pth").facts["unowned"].grade is Grade.VERIFIED
    messages = [finding.message for finding in drift_findings(seen) if finding.rule == "sbom/environment-drift"]
    assert len(messages) == 4
    assert any("the lock says 2.1" in message for message in messages)


def test_what_is_left_out_is_not_missing(tmp_path: Path) -> None:
    rows = record(("data/a.toml", b"a"), ("database/b.toml", b"b"))
    environment(tmp_path, **{f"{SITE}/data/a.toml": "a", f"{SITE}/quick-3.dist-info/RECORD": rows})
    seen = collect(walk(tmp_path).without({f"{SITE}/data"}))
    assert named(seen, "quick").facts["record-missing"].value == f"{SITE}/database/b.toml"


def test_nothing_of_an_environment_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    environment(
        tmp_path / "t",
        **{
            f"{SITE}/x.pth": f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n",
            f"{SITE}/sitecustomize.py": f"open({str(mark)!r}, 'w')",
        },
    )
    assert not mark.exists()


def test_wheels_give_their_metadata_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "w-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w-1.0.dist-info/METADATA", "Name: w\nVersion: 1.0\n")
    (tmp_path / "bad.whl").write_bytes(b"PK\x03\x04 not a wheel")
    seen = collect(walk(tmp_path))
    assert named(seen, "w").digests[0].value == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [skip.path for skip in seen.skipped] == ["bad.whl"]


def test_an_mlflow_folder_is_one_model(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "m/MLmodel": "artifact_path: ranker\nflavors:\n  python_function: {loader_module: mlflow.sklearn}\n  sklearn: {}\nmlflow_version: 2.9\nrun_id: abc\n",
        "m/model.pkl": b"\x80\x04N.", "m/conda.yaml": "dependencies: []", "bad/MLmodel": "[",
    })  # fmt: skip
    ranker = named(seen, "ranker")
    assert ranker.facts["framework"].value == "python_function sklearn"
    assert {target for source, target in edges(seen, RelationKind.CONTAINS) if source == "ranker"} == {
        "m",
        "conda.yaml",
        "MLmodel",
    }
    assert [skip.path for skip in seen.skipped] == ["bad/MLmodel"]


def test_ollama_modelfiles_and_manifests(tmp_path: Path) -> None:
    blob = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
    digest = hashlib.sha256(blob).hexdigest()
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"},
              {"mediaType": "application/vnd.ollama.image.template", "digest": f"sha256:{H1}"}]  # fmt: skip
    seen = put(tmp_path, {
        "chat/Modelfile": 'FROM ./base.gguf\nSYSTEM """You are\nkind."""\nPARAMETER temperature 1\n', "chat/base.gguf": blob + b"\0" * 32,
        "o/manifests/registry.ollama.ai/library/tiny/latest": {"layers": layers}, f"o/blobs/sha256-{digest}": blob,
    })  # fmt: skip
    assert ("chat", "base") in edges(seen, RelationKind.DERIVED_FROM)
    assert ("chat", "chat template (system prompt)") in edges(seen, RelationKind.CONTAINS)
    assert named(seen, "tiny:latest").facts["format"].value == "ollama"
    assert any(H1 in skip.reason for skip in seen.skipped)


def test_images_of_compose_and_kubernetes_files(tmp_path: Path) -> None:
    seen = put(tmp_path, {
        "compose.yaml": "services:\n  db:\n    image: qdrant/qdrant:v1.13.4\n", "k8s/d.yml": f"apiVersion: apps/v1\nkind: Deployment\nspec:\n  - image: 'ghcr.io/a/b@sha256:{H1}'\n",
        "other.yaml": "image: not-a-deployment\n",
    })  # fmt: skip
    assert {(item.name, item.line) for item in seen.of_kind(ComponentKind.CONTAINER)} == {
        ("qdrant/qdrant", 3),
        ("ghcr.io/a/b", 4),
    }


def test_the_hub_cache_is_read_through_its_links_without_following_them(tmp_path: Path) -> None:
    weights, blobs = safetensors(a=(1,)), tmp_path / "models--org--name" / "blobs"
    snapshot = tmp_path / "models--org--name" / "snapshots" / ("e" * 40)
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    for name, data in {"model.safetensors": weights, "config.json": b'{"model_type": "llama"}'}.items():
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        (snapshot / name).symlink_to(f"../../blobs/{digest}")
    (snapshot / "escape.gguf").symlink_to("/etc/passwd")
    seen = collect(walk(tmp_path))
    model = next(iter(seen.of_kind(ComponentKind.MODEL)))
    assert (len(seen.of_kind(ComponentKind.MODEL)), model.purl) == (1, f"pkg:huggingface/org/name@{'e' * 40}")
    assert model.digests[0].value == hashlib.sha256(weights).hexdigest()
    assert {item.name for item in seen.of_kind(ComponentKind.FILE)} == {"model.safetensors", "config.json"}
    assert [skip.reason for skip in seen.skipped] == ["link leaves the tree"]


@pytest.mark.parametrize(("path", "name"), [
    ("model.safetensors", "Card title"), ("acme-chat/model.safetensors", "acme-chat"), ("acme-chat/onnx/model.onnx", "acme-chat"),
    ("weights/ranker.onnx", "ranker"), ("models/unet/diffusion_pytorch_model.safetensors", "unet"), ("x/consolidated.00.pth", "x"),
])  # fmt: skip
def test_models_are_called_what_people_call_them(tmp_path: Path, path: str, name: str) -> None:
    content = (
        b"\x08\x09\x3a\x00" if path.endswith(".onnx") else safetensors(a=(1,)) if path.endswith("safetensors") else b"x"
    )
    seen = put(tmp_path, {path: content, "README.md": "---\nlicense: mit\n---\n# Card title\n"})
    assert [item.name for item in seen.of_kind(ComponentKind.MODEL)] == [name]


def test_weights_that_an_onnx_file_keeps_elsewhere_are_hashed_too(tmp_path: Path) -> None:
    def part(field: int, data: bytes) -> bytes:
        return bytes([field << 3 | 2, len(data)]) + data

    def tensor(location: bytes) -> bytes:
        return part(5, part(8, b"w") + part(13, part(1, b"location") + part(2, location)))

    blob = b"\x08\x09" + part(7, tensor(b"model.onnx_data") + tensor(b"absent.bin") + tensor(b"../outside"))
    seen = put(tmp_path, {"r/ranker.onnx": blob, "r/model.onnx_data": b"weights"})
    data = named(seen, "model.onnx_data")
    assert data.digests[0].value == hashlib.sha256(b"weights").hexdigest()
    assert ("ranker", "model.onnx_data") in edges(seen, RelationKind.CONTAINS)
    assert sorted(skip.reason.split(" are ")[0] for skip in seen.skipped) == [
        "the weights in ../outside",
        "the weights in absent.bin",
    ]
