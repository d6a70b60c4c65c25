"""Shell commands: AI command lines, raw calls by curl and its kin, models pulled, packages and images fetched."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import words
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.places import bare_host, endpoints
from secpipe.scan.shadow_ai.signal import Download, EnvValue, Reading, Signal

_START = (
    r"(?:^|[;&|(`]|\$\(|\b(?:sudo|time|exec|nohup|env|then|do|else|xargs|npx|bunx|uvx|pipx run|yes \|)(?: -[\w-]+)*)"
    r"\s*(?:[A-Z_]+=\S{0,300}\s+)*"  # bounded: without a blank each start would read to the end of the line
)
_PULL = re.compile(_START + r"ollama\s+(?:pull|run)\s+([\w./:-]+)")
_HUB = re.compile(r"\b(?:huggingface-cli|hf)\s+download\s+(?:--[\w-]+(?:[ =]\S+)?\s+)*([\w.-]+/[\w.-]+)([^\n;|&]*)")
_GIT_HUB = re.compile(
    r"\bgit\s+(?:lfs\s+)?clone\s+[^\n;|&]*?https://(?:[^@\s/]*@)?(?:huggingface\.co|hf\.co)/((?:datasets/|spaces/)?[\w.-]+/[\w.-]+)"
)
_SERVE = re.compile(
    r"\b(?:vllm\s+serve\s+|vllm\.entrypoints\S*\s[^\n;|&]*--model[ =]"
    r"|text-generation-launcher\s[^\n;|&]*--model-id[ =]"
    r"|sglang\.launch_server\s[^\n;|&]*--model(?:-path)?[ =])([\w./-]+)"
)
_INSTALL = re.compile(
    r"\b(?P<tool>pip3?|uv pip|uv|poetry|pipenv|conda|npm|yarn|pnpm|bun|gem|go|cargo|composer|dotnet|npx|uvx|pipx)\s+"
    r"(?:-m\s+pip\s+)?(?:install|add|i|get|require|global add|add package|run|-y|--yes)\s+(?P<rest>[^\n;|&]*)"
)
_RUNNERS = re.compile(r"\b(?:npx|bunx|pnpm dlx|uvx|pipx run)\s+(?:-\S+\s+)*(?P<name>@?[\w./-]+)(?:@[\w.-]+)?")
ECOSYSTEM = {"pip": "pypi", "pip3": "pypi", "uv": "pypi", "uv pip": "pypi", "poetry": "pypi", "pipenv": "pypi",
    "conda": "pypi", "pipx": "pypi", "uvx": "pypi",
              "npm": "npm", "yarn": "npm", "pnpm": "npm", "bun": "npm", "npx": "npm", "gem": "gem", "go": "go",
              "cargo": "cargo", "composer": "composer", "dotnet": "nuget"}  # fmt: skip
#: A line that only prints; what it prints into a pipe or a file may still be run.
_SAYS = re.compile(r"\s*(?:@?echo|printf|print|Write-Host|log|info|warn)\b[^|>`$]*$")
_PUT_TOGETHER = re.compile(r"[$%'\"\\]")
#: What opens a connection to the host that it is given, and the rest of its command.
_CLIENT = re.compile(
    _START
    + r"(?:curl|wget2?|aria2c|https?|xh|grpcurl|websocat|wscat|n?cat|nc|netcat|socat|openssl\s+s_client|axel|hey|wrk"
    r"|Invoke-(?:RestMethod|WebRequest)|irm|iwr)(?:\.exe)?\s([^\n;|&]*)",
    re.I,
)
_NAMED = re.compile(r"(?<![\w./@-])[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/[^\s\"']*)?")
_IMAGE = re.compile(r"\b(?:docker|podman|nerdctl)\s+(?:run|pull|create)\s+(?P<rest>[^\n;|&]*)")
_EXPORT = re.compile(
    r"(?:^|[;&|\s])(?:export\s+|set\s+|setx\s+|\$env:|\$)?(?P<name>[A-Za-z][A-Za-z0-9_]{0,60})\s*=\s*(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|]+)"
)


def commands(text: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a piece of shell; line numbers count from 1 within `text`."""
    out = Reading()
    joined = re.sub(
        r"\\\r?\n[ \t]*", lambda match: " " * match[0].endswith((" ", "\t")) + "\x01", text
    )  # \x01 keeps count of the lines that were joined
    line, values = 1, words.given(joined)
    lowered = joined.replace("\x01", "").lower()
    programs = [(command, owner) for command, owner in catalogue.cli if command.lower() in lowered]
    for row in joined.split("\n"):
        bare = row.replace("\x01", "")
        if not bare.lstrip().startswith(("#", "//", "::", "REM ")):
            _row(bare, line, catalogue, out, values, programs)
        line += 1 + row.count("\x01")
    out.engine = "shell"
    return out


def _row(
    row: str, line: int, catalogue: Catalogue, out: Reading, values: words.Given, programs: Sequence[tuple[str, str]]
) -> None:
    if _SAYS.match(row):
        return
    lowered = row.lower()
    for command, owner in programs:
        index = lowered.find(command.lower())
        if index >= 0 and re.search(_START + re.escape(command.lower()), lowered):
            out.signals.append(
                _sign("cli", owner, line, f"runs {command.strip()}", host=catalogue.providers[owner].host)
            )
            break
    _models(row, line, out)
    _reached(row, line, catalogue, out, values)
    for match in _IMAGE.finditer(row):
        for word in match["rest"].split():
            owner = image_owner(word.strip("\"'"), catalogue)
            if owner:
                out.signals.append(_sign("image", owner, line, f"runs image {word}"))
    _packages(row, line, catalogue, out)
    for match in _EXPORT.finditer(row):
        value = match["value"].strip("\"'")
        if not match["name"].isupper() and "." not in value:
            continue  # a word of a command: `if=x`, `retries=3`
        out.values.append(EnvValue(match["name"], value, "", line))
        owner = catalogue.env.get(match["name"], "")
        if owner:
            out.signals.append(Signal("env", "env", owner, line=line, evidence=f"sets {match['name']}"))


def _reached(row: str, line: int, catalogue: Catalogue, out: Reading, values: words.Given) -> None:
    """Addresses as they stand and as the shell puts them together, and bare hosts given to a client of the network."""
    found = endpoints(row, line, catalogue, row)
    more, whole = words.said(row, values) if _PUT_TOGETHER.search(row) else ([], True)
    for one in more:
        found += endpoints(one, line, catalogue, one)
    for one in (row, *more):
        for client in _CLIENT.finditer(one):
            for host in dict.fromkeys(_NAMED.findall(client[1])):
                found += bare_host(host, line, catalogue)
    if not whole:
        out.unread.append(f"line {line} stands for more commands than are followed")
    out.signals += {sign.host or sign.envs: sign for sign in reversed(found)}.values()


def _models(row: str, line: int, out: Reading) -> None:
    for match in _PULL.finditer(row):
        out.downloads.append(Download("ollama", match[1], line, "@sha256:" in match[1], False, "ollama pull"))
    for match in _HUB.finditer(row):
        pinned = bool(re.search(r"--revision[ =][0-9a-f]{40}\b", match[2]))
        out.downloads.append(Download("huggingface", match[1], line, pinned, False, "huggingface-cli download"))
    for match in _GIT_HUB.finditer(row):
        out.downloads.append(Download("huggingface", match[1].removesuffix(".git"), line, False, False, "git clone"))
    for match in _SERVE.finditer(row):
        if "/" in match[1] and not match[1].startswith(("/", ".")):
            pinned = bool(re.search(r"--revision[ =][0-9a-f]{40}\b", row))
            out.downloads.append(
                Download("huggingface", match[1], line, pinned, "--trust-remote-code" in row, "model server")
            )


def _packages(row: str, line: int, catalogue: Catalogue, out: Reading) -> None:
    for match in _RUNNERS.finditer(row):
        ecosystem = "pypi" if match[0].startswith(("uvx", "pipx")) else "npm"
        owner = catalogue.package(ecosystem, match["name"])
        if owner:
            out.signals.append(_sign("cli", owner, line, f"runs {match['name']}", host=catalogue.providers[owner].host))
    for match in _INSTALL.finditer(row):
        ecosystem = ECOSYSTEM[match["tool"]]
        for word in match["rest"].split():
            name = re.split(r"[=<>~!\[;]", word.strip("\"'"), maxsplit=1)[0]
            name = (
                name
                if ecosystem == "npm" and name.startswith("@") and name.count("@") == 1
                else re.sub(r"(?<=.)@.*", "", name)
            )
            owner = catalogue.package(ecosystem, name) if name and not name.startswith("-") else ""
            if owner:
                out.packages.add(f"{ecosystem}:{name}")
                out.signals.append(
                    Signal("manifest", "manifest", owner, line=line, sdk=owner, evidence=f"installs {name}")
                )


def image_owner(image: str, catalogue: Catalogue) -> str:
    """Return the provider of a container image reference (`docker.io/ollama/ollama:0.3@sha256:...`), or ""."""
    name = image.partition("@")[0].lower()
    head, _, tail = name.rpartition("/")
    name = f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
    name = name.removeprefix("docker.io/").removeprefix("index.docker.io/")
    for prefix, owner in catalogue.images:
        plain = prefix.lower().rstrip("/")
        if name == plain or name.startswith(plain + "/") or name.endswith("/" + plain):
            return owner
    return ""


def _sign(mechanism: str, owner: str, line: int, evidence: str, host: str = "") -> Signal:
    return Signal("direct", mechanism, owner, line=line, host=host, evidence=evidence, confidence=Confidence.HIGH)
