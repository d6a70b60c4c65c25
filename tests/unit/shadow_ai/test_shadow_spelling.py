"""One address, many spellings: escapes, letters in other forms, variables of a shell, a program in a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai import words
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

HOST = "api.deepseek.com"
GO = "curl https://api.{}.com/v1\n"


def providers(folder: Path, **files: str) -> set[str]:
    for name, content in files.items():
        place = folder / name.replace("__", "/").replace("_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    evidence = scan(open_tree(folder))
    assert not evidence.skips
    return {use["provider"] for use in evidence.facts["uses"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a_json", '{"base_url": "https:\\/\\/' + HOST + '\\/v1"}'),
        ("a_json", '{"base_url": "https\\u003a\\u002f\\u002fapi.\\u0064eepseek.com"}'),
        ("a_yaml", 'base_url: "https://api.\\x64eepseek.com"\n'),
        ("a_toml", 'base_url = "https://api.\\u0064eepseek.com"\n'),
        ("a_html", '<form action="https://api.&#100;eepseek.com/v1"></form>'),
        ("a_js", "fetch('https://ａｐｉ.ｄｅｅｐｓｅｅｋ.com/v1')\n"),
        ("a_py", "import requests\nrequests.post('https://api.deep\u00adseek.com/v1')\n"),
        ("a_go", 'package a\nvar u = "https://api\u3002deepseek\uff0ecom/v1"\n'),
        ("a_ts", "fetch('https://api.𝐝𝐞𝐞𝐩𝐬𝐞𝐞𝐤.com/v1')\n"),
    ],
)
def test_a_host_is_what_a_client_makes_of_it(tmp_path: Path, name: str, content: str) -> None:
    assert providers(tmp_path, **{name: content}) == {"deepseek"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a_sh", f"curl {HOST}/v1/chat\n"),
        ("a_sh", f"wget -qO- {HOST}:443/v1\n"),
        ("a_sh", f"openssl s_client -connect {HOST}:443\n"),
        ("a_sh", f"curl --connect-to ::{HOST}: https://x.example/v1\n"),
        ("a_sh", f"sudo http POST {HOST}/v1 a=b\n"),
        ("a_sh", "D=deepseek\n" + GO.format("$D")),
        ("a_sh", "export D='deepseek'\n" + GO.format("${D}")),
        ("a_sh", "D=other\nD=deepseek\n" + GO.format("$D")),
        ("a_sh", GO.format("${D:-deepseek}")),
        ("a_sh", f'H="{HOST}"\nU=https://$H\ncurl "$U/v1"\n'),
        ("a_ps1", '$d = "deepseek"\nirm "https://api.$d.com/v1"\n'),
        ("a_bat", "set D=deepseek\r\ncurl https://api.%D%.com/v1\r\n"),
        ("Makefile", "D = deepseek\nx:\n\tcurl https://api.$(D).com/v1\n"),
        ("Dockerfile", "FROM scratch\nARG D=deepseek\nRUN " + GO.format("${D}")),
        ("a_yaml", f'command: ["curl","{HOST}/v1"]\n'),
    ],
)
def test_a_shell_calls_what_it_puts_together(tmp_path: Path, name: str, content: str) -> None:
    assert providers(tmp_path, **{name: content}) == {"deepseek"}


CALL = 'import cohere\ncohere.Client().chat(message="a")\n'
ONE = 'import cohere; cohere.Client().chat(message="a")'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a_sh", f"python3 - <<'EOF'\n{CALL}EOF\n"),
        ("a_sh", f"ssh host python3 <<-EOF\n\t{CALL}"),
        ("a_sh", f"python -c '{ONE}'\n"),
        ("a_sh", f"python3.11 -u -c '\n{CALL}'\n"),
        ("a_sh", "node -e 'const c = require(\"cohere-ai\"); new c.CohereClient()'\n"),
        ("_github__workflows__a_yml", f"jobs:\n  a:\n    steps:\n    - run: |\n        python -c '{ONE}'\n"),
        ("Dockerfile", f"FROM scratch\nRUN python -c '{ONE}'\n"),
        ("start", CALL),
        ("app_dat", CALL),
        ("tool", f"#!/usr/bin/env -S uv run --script\n{CALL}"),
    ],
)
def test_a_program_is_read_wherever_it_stands(tmp_path: Path, name: str, content: str) -> None:
    assert providers(tmp_path, **{name: content}) == {"cohere"}


@pytest.mark.parametrize(
    "content",
    [
        f"echo see {HOST}\n",
        f"# curl {HOST}\n",
        "D=example\n" + GO.format("$D"),
        "curl -o api.deepseek.com.txt https://example.org/list\n",
        f"grep -c {HOST} access.log\n",
        "cat <<EOF\nimport cohere\nEOF\n",
        "python - <<'EOF'\nprint(1)\nEOF\n",
        "python -c 'print(\"cohere\")'\n",
        f"ssh-keyscan {HOST} | true\n",
    ],
)
def test_what_only_names_a_service_calls_nothing(tmp_path: Path, content: str) -> None:
    assert providers(tmp_path, a_sh=content) == set()


def test_a_line_that_stands_for_too_many_is_told(tmp_path: Path) -> None:
    many = "".join(f"A={n}\nB={n}\nC={n}\n" for n in range(9))
    (tmp_path / "a.sh").write_text(f"{many}# deepseek\ncurl https://$A.$B.$C/v1/chat/completions\n")
    assert "stands for more commands" in scan(open_tree(tmp_path)).skips[0].reason


def test_programs_end_where_their_document_ends_or_the_file_does() -> None:
    found = list(words.programs("a\npython <<X\n1\nX\nnode <<Y\n2\n"))
    assert found == [("python", "1", 2), ("node", "2\n", 5)]
