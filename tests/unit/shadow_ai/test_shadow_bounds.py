"""A bound never cuts in silence: what it leaves of a destination is unknown, and the file is named as not read."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence
from secpipe.core.limits import DEFAULT
from secpipe.scan.shadow_ai import python, source, substitution, text
from secpipe.scan.shadow_ai.scan import scan
from secpipe.scan.shadow_ai.values import MAX_VALUES
from secpipe.system.tree import open_tree

SMALL = replace(DEFAULT, text_bytes=2000)
PYTHON_CALL = "import openai\n{values}\nopenai.OpenAI(base_url='https://api.' + PART)\n"
SCRIPT_CALL = "import OpenAI from 'openai';\nlet PART;\n{values}\nnew OpenAI({{ baseURL: 'https://api.' + PART }});\n"
ASSIGNED = "PART = 'openai.com/v{n}'"
FAR = "PART = 'deepseek.com/v1'"


def looked(folder: Path, name: str, source: str) -> Evidence:
    (folder / name).write_text(source)
    return scan(open_tree(folder))


def providers(evidence: Evidence) -> set[str]:
    return {use["provider"] for use in evidence.facts["uses"]}


@pytest.mark.parametrize(("name", "call"), [("app.py", PYTHON_CALL), ("app.ts", SCRIPT_CALL)])
@pytest.mark.parametrize("before", [8, 12, 100])
def test_the_value_after_many_is_found(tmp_path: Path, name: str, call: str, before: int) -> None:
    values = "\n".join([*(ASSIGNED.format(n=n) for n in range(before)), FAR])
    assert "deepseek" in providers(looked(tmp_path, name, call.format(values=values)))


@pytest.mark.parametrize(("name", "call"), [("app.py", PYTHON_CALL), ("app.ts", SCRIPT_CALL)])
def test_a_destination_of_too_many_values_is_unknown_and_told(tmp_path: Path, name: str, call: str) -> None:
    values = "\n".join([*(ASSIGNED.format(n=n) for n in range(MAX_VALUES + 5)), FAR])
    evidence = looked(tmp_path, name, call.format(values=values))
    assert "unknown" in providers(evidence)
    assert any("more possible values than are followed" in skip.reason for skip in evidence.skips)


def test_long_lists_that_lead_nowhere_are_no_noise(tmp_path: Path) -> None:
    names = "\n".join(f"NAME = 'city {n}'" for n in range(2000))
    source = f"import openai\n{names}\nprint('go to ' + NAME)\nopenai.OpenAI()\n"
    evidence = looked(tmp_path, "app.py", source)
    assert providers(evidence) == {"openai"}
    assert not evidence.skips


def test_a_list_of_addresses_is_each_of_them(tmp_path: Path) -> None:
    hosts = ", ".join(f"'https://api.openai.com/v{n}'" for n in range(20))
    listed = f"import openai\nALL = [{hosts}, 'https://api.deepseek.com/v1']\n"
    source = f"{listed}openai.OpenAI(base_url=ALL[choose()])\n"
    assert {"openai", "deepseek"} <= providers(looked(tmp_path, "app.py", source))


@pytest.mark.parametrize("count", [65, 300])
def test_the_last_of_many_parts_counts(tmp_path: Path, count: int) -> None:
    parts = ", ".join(["'https://api.'", *(["''"] * count), "'deepseek.com/v1'"])
    source = f"import OpenAI from 'openai';\nnew OpenAI({{ baseURL: [{parts}].join('') }});\n"
    assert "deepseek" in providers(looked(tmp_path, "app.js", source))
    source = f"import openai\nopenai.OpenAI(base_url=''.join([{parts}]))\n"
    assert "deepseek" in providers(looked(tmp_path, "app.py", source))


def test_the_last_of_many_servers_is_named(tmp_path: Path) -> None:
    rows = ", ".join(f'"s{n}": {{"command": "npx", "args": ["-y", "pkg{n}"]}}' for n in range(400))
    far = '"far": {"url": "https://far.example/mcp"}'
    evidence = looked(tmp_path, ".mcp.json", f'{{"mcpServers": {{{far}, {rows}}}}}')
    assert "far.example" in {use["host"] for use in evidence.facts["uses"]}


def test_a_setting_of_many_values_leads_to_each(tmp_path: Path) -> None:
    for n in range(12):
        (tmp_path / f"env{n:02}").mkdir()
        (tmp_path / f"env{n:02}/.env").write_text(f"LLM_BASE_URL=https://h{n}.example.org/v1\n")
    (tmp_path / "zz").mkdir()
    (tmp_path / "zz/.env").write_text("LLM_BASE_URL=https://api.deepseek.com/v1\n")
    source = "import os, openai\nopenai.OpenAI(base_url=os.environ['LLM_BASE_URL'])\n"
    assert "deepseek" in providers(looked(tmp_path, "app.py", source))


DEEPSEEK = "api.deepseek.com/v1/chat/completions"
LONG_NAMES = {
    "app.py": f"import requests\nrequests.post('https://{{}}@{DEEPSEEK}', json={{{{}}}})\n",
    "app.js": f"fetch('https://{{}}@{DEEPSEEK}')\n",
    "app.yaml": f"url: https://{{}}@{DEEPSEEK}\n",
    "app.sh": f"curl https://{{}}@{DEEPSEEK}\n",
    "app.txt": f"{'word ' * 3900}https://{{}}@{DEEPSEEK} {'word ' * 9000}\n",
}


@pytest.mark.parametrize("name", LONG_NAMES)
@pytest.mark.parametrize("count", [600, 2100, 30_000])
def test_an_address_counts_whatever_stands_before_its_host(tmp_path: Path, name: str, count: int) -> None:
    assert "deepseek" in providers(looked(tmp_path, name, LONG_NAMES[name].format("a" * count)))


@pytest.mark.parametrize("name", ["app.py", "app.yaml"])
def test_a_host_without_a_scheme_counts_whatever_stands_behind_it(tmp_path: Path, name: str) -> None:
    assert "deepseek" in providers(looked(tmp_path, name, f"host = '{DEEPSEEK}?{'a' * 400}'\n"))


def test_an_expression_in_a_string_is_followed_at_any_length(tmp_path: Path) -> None:
    source = "fetch(`https://${'api.deep' + 'seek.com' /* " + "c" * 400 + " */}/v1/chat/completions`)\n"
    assert "deepseek" in providers(looked(tmp_path, "app.js", source))


@pytest.mark.parametrize("count", [250, 5000])
def test_an_open_address_counts_whatever_its_default(tmp_path: Path, count: int) -> None:
    source = f"curl ${{URL:-{'a' * count}}}/v1/chat/completions\n"
    assert "unknown" in providers(looked(tmp_path, "app.sh", source))


def test_a_long_setting_keeps_its_host(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f'OPENAI_BASE_URL="https://models.example/v1?{"a" * 600}"\n')
    assert "unlisted" in providers(looked(tmp_path, "app.py", "import openai\nopenai.OpenAI()\n"))


def test_more_keys_than_are_listed_are_told(tmp_path: Path) -> None:
    keys = [base64.urlsafe_b64encode(hashlib.sha512(bytes([n])).digest()).decode()[:80] for n in range(60)]
    source = "import anthropic\n" + "".join(f"K = 'sk-ant-api03-{key}AA'\n" for key in keys)
    evidence = looked(tmp_path, "app.py", source)
    assert len(evidence.findings) == 50
    assert [skip.reason for skip in evidence.skips] == ["more than 50 keys"]


CELL = "import anthropic\nanthropic.Anthropic().messages.create(model='m')\n"
NOTEBOOKS = {
    "nbformat 4": json.dumps({"cells": [{"cell_type": "code", "source": CELL}]}),
    "nbformat 3": json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": [CELL]}]}]}),
    "escaped": json.dumps({"cells": [{"cell_type": "code", "source": CELL}]}).replace('"source"', '"sou\\u0072ce"'),
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_too_large_to_parse_is_read_in_every_form(tmp_path: Path, name: str) -> None:
    text = NOTEBOOKS[name]
    (tmp_path / "a.ipynb").write_text(text[:-1] + " " * 5000 + "}")
    evidence = scan(open_tree(tmp_path), limits=SMALL)
    assert "anthropic" in providers(evidence) or evidence.skips


def test_the_output_of_a_large_notebook_is_no_cell(tmp_path: Path) -> None:
    data = json.dumps({"data": {"say": 'the \\"source\\": "import anthropic"', "\u00e9t\u00e9": CELL}})
    text = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1", "outputs": [data]}]})
    (tmp_path / "a.ipynb").write_text(text[:-1] + " " * 5000 + "}")
    evidence = scan(open_tree(tmp_path), limits=SMALL)
    assert not providers(evidence)
    assert not evidence.skips


BIG = "# words\n" * 1000 + "import anthropic\nanthropic.Anthropic()\n"


def test_a_part_of_a_large_file_that_no_reader_reads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text(BIG)
    long = ("app.py", "is too long to be parsed; read as plain text")
    assert [(skip.path, skip.reason) for skip in scan(open_tree(tmp_path), limits=SMALL).skips] == [long]

    def broken(*_: object, **__: object) -> None:
        raise ValueError

    for reader in (python, source, text):
        monkeypatch.setattr(reader, "read", broken)
    evidence = scan(open_tree(tmp_path), limits=SMALL)
    told = [(skip.path, skip.reason) for skip in evidence.skips]
    assert told == [long, ("app.py", "no reader could read a part of it")]
    assert evidence.account is not None
    assert evidence.account.not_read == 1


def test_more_signs_in_a_large_file_than_are_kept_are_told(tmp_path: Path) -> None:
    (tmp_path / "app.txt").write_text(f"https://{DEEPSEEK}\n" * 200)
    few = replace(SMALL, findings=20)
    assert any("signs of AI" in skip.reason for skip in scan(open_tree(tmp_path), limits=few).skips)


MANY_NAMES = "\n".join(f"NAME = 'https://h{n}.example/v1'" for n in range(MAX_VALUES + 5))
MANY_MODELS = "\n".join(f"MODEL = 'openai/gpt-{n}'" for n in range(MAX_VALUES + 5))


def test_the_lines_of_a_file_that_were_cut_are_one_sentence(tmp_path: Path) -> None:
    calls = "\n".join(f"c{n} = openai.OpenAI(base_url=NAME)" for n in range(9))
    evidence = looked(tmp_path, "app.py", f"import openai\n{MANY_NAMES}\n{calls}\n")
    told = [skip.reason for skip in evidence.skips]
    first = 2 + MAX_VALUES + 5
    assert told == [
        f"lines {first}, {first + 1}, {first + 2} and 6 more: an address of more possible values than are followed"
    ]
    assert sum(use["provider"] == "unknown" for use in evidence.facts["uses"]) == 1


def test_what_sends_nothing_has_no_destination(tmp_path: Path) -> None:
    source = (
        f"import litellm\n{MANY_MODELS}\nlitellm.get_model_info(model=MODEL)\nlitellm.supports_vision(model=MODEL)\n"
        "raise litellm.BadRequestError('no', model=MODEL, llm_provider='x')\n"
    )
    evidence = looked(tmp_path, "app.py", source)
    assert "unknown" not in providers(evidence)
    assert not evidence.skips


def test_what_sends_is_told_beside_it(tmp_path: Path) -> None:
    evidence = looked(
        tmp_path, "app.py", f"import litellm\n{MANY_MODELS}\nlitellm.completion(model=MODEL, messages=[])\n"
    )
    assert "unknown" in providers(evidence)
    assert evidence.skips


def test_a_whole_host_is_known_whatever_comes_behind_it(tmp_path: Path) -> None:
    urls = "url = f'https://api.mistral.ai/v1/{MODEL}/raw'\nother = 'https://api.deepseek.com/' + MODEL\n"
    source = f"import requests\n{MANY_MODELS}\n{urls}"
    evidence = looked(tmp_path, "app.py", source)
    assert providers(evidence) >= {"mistral", "deepseek"}
    assert "unknown" not in providers(evidence)
    assert not evidence.skips


def test_a_host_that_goes_on_is_not_whole(tmp_path: Path) -> None:
    tails = "\n".join(f"TAIL = '.h{n}.example'" for n in range(MAX_VALUES + 5))
    call = "requests.post(f'https://api.mistral.ai{TAIL}/v1', json={'model': 'm', 'messages': []})\n"
    source = f"import requests\n{tails}\n{call}"
    assert "unknown" in providers(looked(tmp_path, "app.py", source))


def test_a_page_that_holds_addresses_is_no_address(tmp_path: Path) -> None:
    lines = "\n".join(f"LINE = 'see https://docs{n}.example for more'" for n in range(MAX_VALUES + 5))
    evidence = looked(tmp_path, "app.py", f"import openai\n{lines}\nprint(f'{{LINE}} or ask')\nopenai.OpenAI()\n")
    assert providers(evidence) == {"openai"}
    assert not evidence.skips


def test_a_table_of_many_rows_is_not_cut_in_silence(tmp_path: Path) -> None:
    rows = "".join(f"    'n{n}': ('https://h{n}.example/v1', 'K'),\n" for n in range(MAX_VALUES + 5))
    source = (
        f"from openai import OpenAI\nROWS = {{\n{rows}    'last': ('https://api.deepseek.com/v1', 'K'),\n}}\n"
        "base, key = ROWS[name]\nOpenAI(base_url=base)\n"
    )
    evidence = looked(tmp_path, "app.py", source)
    assert "deepseek" in providers(evidence) or "unknown" in providers(evidence)
    assert evidence.skips or "deepseek" in providers(evidence)


def test_names_that_stand_for_very_much_are_told() -> None:
    with pytest.raises(InputError, match="more text than is followed"):
        substitution.named("{{ n }}" * 60_000, {"n": ("x" * 400,)})
    assert substitution.named("{{ n }}.{{ two }}", {"n": ("a",), "two": ("b", "c")}) == "a.{{ two }}"
