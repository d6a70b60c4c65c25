"""An address made of what several files hold, or of pieces in any order, is followed; what is reckoned is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

THEIRS, OURS = ("api.dee", "pseek.com"), ("status.co", "rp.example")
_SEND = "import requests\nrequests.post(f'https://{%s}{%s}/v1')\n"
_FETCH = "fetch(`https://${%s}${%s}/v1`)\n"
_TF = 'resource "x" "y" {\n  url = "https://%s/v1"\n}\n'


def _forms(a: str, b: str) -> dict[str, Mapping[str, str]]:
    python, script = f"A = '{a}'\nB = '{b}'\n", f"export const A = '{a}';\nexport const B = '{b}';\n"
    values = f'locals {{\n  a = "{a}"\n  b = "{b}"\n}}\n'
    glued = _TF % "${local.a}${local.b}"
    return {
        "python": {"a.py": "from conf import A, B\n" + _SEND % ("A", "B"), "conf.py": python},
        "python, under another name": {
            "a.py": "from conf import A as x, B as y\n" + _SEND % ("x", "y"), "conf.py": python,
        },
        "python, by the module": {"a.py": "import conf as c\n" + _SEND % ("c.A", "c.B"), "conf.py": python},
        "python, by star": {"a.py": "from conf import *\n" + _SEND % ("A", "B"), "conf.py": python},
        "python, from two": {
            "a.py": "from conf import A\nfrom more import B\n" + _SEND % ("A", "B"),
            "conf.py": f"A = '{a}'\n", "more.py": f"B = '{b}'\n",
        },
        "python, a package hands it on": {
            "a.py": "from p import A, B\n" + _SEND % ("A", "B"),
            "p/__init__.py": "from .x import y as A\nfrom .x import z as B\n", "p/x.py": f"y = '{a}'\nz = '{b}'\n",
        },
        "python, put together on the way": {
            "a.py": "from mid import Q\nimport requests\nrequests.post('https://' + Q + '/v1')\n",
            "mid.py": "from conf import A as P, B\nQ = P + B\n", "conf.py": python,
        },
        "python, a list over lines": {
            "a.py": "from conf import P\nimport requests\nrequests.post('https://' + ''.join(P) + '/v1')\n",
            "conf.py": f"P = [\n    '{a}',\n    '{b}',\n]\n",
        },
        "python, a function returns it": {
            "a.py": "from conf import host\nimport requests\nrequests.post('https://' + host() + '/v1')\n",
            "conf.py": f"def host():\n    return '{a}' + '{b}'\n",
        },
        "javascript": {"a.mjs": "import {A, B} from './conf.mjs'\n" + _FETCH % ("A", "B"), "conf.mjs": script},
        "javascript, under another name": {
            "a.mjs": "import {A as x, B as y} from './conf.mjs'\n" + _FETCH % ("x", "y"), "conf.mjs": script,
        },
        "javascript, by the module": {
            "a.mjs": "import * as c from './conf.mjs'\n" + _FETCH % ("c.A", "c.B"), "conf.mjs": script,
        },
        "javascript, handed on": {
            "a.mjs": "import {X, Y} from './mid.mjs'\n" + _FETCH % ("X", "Y"),
            "mid.mjs": "export {A as X, B as Y} from './conf.mjs'\n", "conf.mjs": script,
        },
        "javascript, required": {
            "a.js": "const {A: x, B} = require('./conf')\n" + _FETCH % ("x", "B"),
            "conf.js": f"module.exports = {{ A: '{a}', B: '{b}' }};\n",
        },
        "javascript, the default": {
            "a.mjs": "import h from './conf.mjs'\nfetch(`https://${h}/v1`)\n",
            "conf.mjs": f"export default '{a}' + '{b}';\n",
        },
        "go, of one package": {
            "a.go": 'package main\nimport "net/http"\nfunc main() {\n\thttp.Get("https://" + A + B + "/v1")\n}\n',
            "b.go": f'package main\nconst A = "{a}"\nconst B = "{b}"\n',
        },
        "terraform": {"a.tf": glued, "b.tf": values},
        "terraform, a file of values": {
            "a.tf": 'variable "a" {}\nvariable "b" {}\n' + _TF % "${var.a}${var.b}",
            "terraform.tfvars": f'a = "{a}"\nb = "{b}"\n',
        },
        "terraform, one file": {"a.tf": values + glued},
        "terraform, one line": {"a.tf": f'locals {{ h = "{a}{b}" }}\n' + _TF % "${local.h}"},
        "terraform, a table": {"a.tf": f'locals {{\n  m = {{\n    h = "{a}{b}"\n  }}\n}}\n' + _TF % "${local.m.h}"},
        "terraform, a default": {"a.tf": f'variable "h" {{\n  default = "{a}{b}"\n}}\n' + _TF % "${var.h}"},
        "terraform, a literal": {"a.tf": _TF % f'${{"{a}"}}{b}'},
        "terraform, format": {"a.tf": f'resource "x" "y" {{\n  url = format("https://%s%s/v1", "{a}", "{b}")\n}}\n'},
        "terraform, join": {"a.tf": f'locals {{\n  h = join("", ["{a}", "{b}"])\n}}\n' + _TF % "${local.h}"},
        "terraform, local of local": {"a.tf": values + 'locals {\n  c = local.a\n}\n' + _TF % "${local.c}${local.b}"},
        "pieces of one file, apart": {"a.py": f"A = '{a}'\nx = 'other'\nB = '{b}'\n" + _SEND % ("A", "B")},
        "pieces of one file, the last first": {"a.py": f'B = "{b}"\nA = "{a}"\n' + _SEND % ("A", "B")},
        "pieces around a sum": {"a.py": f"import requests\nA = '{a}'\nrequests.post('https://' + A + '{b}/v1')\n"},
        "pieces of a script": {"a.js": f"const B = '{b}', x = 'y', A = '{a}';\n" + _FETCH % ("A", "B")},
    }  # fmt: skip


def _scan(place: Path, files: Mapping[str, str]) -> Evidence:
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    return scan(open_tree(place))


@pytest.mark.parametrize("name", _forms(*THEIRS))
def test_an_address_of_several_files_is_found(name: str, tmp_path: Path) -> None:
    found = _scan(tmp_path, _forms(*THEIRS)[name])
    assert {(use["provider"], use["path"].partition(".")[0]) for use in found.facts["uses"]} == {("deepseek", "a")}


@pytest.mark.parametrize("name", _forms(*OURS))
def test_another_address_made_so_is_nobodys(name: str, tmp_path: Path) -> None:
    found = _scan(tmp_path, _forms(*OURS)[name])
    assert (found.facts["uses"], found.skips) == ([], ())


_CLIENT = "from openai import OpenAI\nfrom real import HOST\nimport decoy\nOpenAI(base_url=f'https://{HOST}/v1')\n"


@pytest.mark.parametrize(
    ("value", "provider"),
    [
        ("'api.openai.com'", "openai"),
        ("'api.deepseek.com'", "deepseek"),
        ("'evil.example'", "unlisted"),
        ("open('/run/host').read()", "unknown"),
    ],
)
def test_a_decoy_of_the_same_name_settles_nothing(value: str, provider: str, tmp_path: Path) -> None:
    files = {"a.py": _CLIENT, "real.py": f"HOST = {value}\n", "decoy.py": "HOST = 'api.openai.com'\n"}
    assert provider in {use["provider"] for use in _scan(tmp_path, files).facts["uses"] if use["path"] == "a.py"}


def test_what_a_module_is_given_under_its_own_name_is_no_circle(tmp_path: Path) -> None:
    given = 'variable "name" {}\nmodule "a" {\n  name = "${var.name}-db"\n  tags = merge(local.tags, {})\n}\n'
    assert _scan(tmp_path, {"a.tf": given}).skips == ()


def test_locals_beyond_the_bound_are_told(tmp_path: Path) -> None:
    chain = "".join(f"  a{number + 1} = local.a{number}\n" for number in range(60))
    found = _scan(tmp_path, {"a.tf": f'locals {{\n  a0 = "api.deepseek.com"\n{chain}}}\n' + _TF % "${local.a60}"})
    assert ["more than is followed" in skip.reason for skip in found.skips] == [True]
