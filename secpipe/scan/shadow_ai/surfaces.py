"""Small surfaces of configuration, by a table: models of a container set-up, bindings of a worker, hosts of a proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.places import bare_host
from secpipe.scan.shadow_ai.signal import Signal

#: (path, what the whole file must hold, line, provider, what is said)
_ROWS: tuple[tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], str, str], ...] = tuple(
    (re.compile(path), re.compile(whole, re.M), re.compile(line), provider, said)
    for path, whole, line, provider, said in (
        (
            r"\.ya?ml$",
            r"\A(?=[\s\S]*^services\s*:)[\s\S]*^models\s*:",
            r"^\s+model\s*:\s*[\"']?\S+",
            "docker-model-runner",
            "runs a model",
        ),
        (r"\.ya?ml$", r"^services\s*:", r"^\s+type\s*:\s*[\"']?model\b", "docker-model-runner", "provides a model"),
        (r"(?:^|/)wrangler\.toml$", r"", r"^\s*\[(?:env\.[\w-]+\.)?ai\]", "cloudflare", "binds Workers AI"),
        (r"(?:^|/)wrangler\.toml$", r"", r"^\s*ai\s*=\s*\{", "cloudflare", "binds Workers AI"),
        (r"(?:^|/)Modelfile[\w.-]*$", r"", r"^FROM\s+(?![./~])\S+", "ollama", "builds on a model"),
        (r"\.nix$", r"", r"\b(?:services|pkgs)\.ollama\b", "ollama", "runs Ollama"),
        (r"(?:^|/)wrangler\.jsonc?$", r"", r"\"ai\"\s*:\s*\{", "cloudflare", "binds Workers AI"),
    )
)
#: A line of a proxy, a mesh or a zone that names where traffic goes.
_LEADS = re.compile(
    r"(?i)(?:^|[\s{,\"'])(?:server\s+\S+|external-?name|hosts?|address|proxy_pass|upstream|backend|cname|domains?|sni"
    r"|target|authority|extra_hosts|services?|api|match-?name|match-?pattern|fqdns?)[\"']?"
    r"(?:\s*[:=]|\s)[ \t]*(?P<rest>.*)"
)
_HOST = re.compile(r"(?i)(?<![\w./@-])(?:[a-z0-9-]+\.)+[a-z]{2,12}(?::\d{2,5})?(?![\w.-]*[\w/-])")


#: `"host": ["api", "example", "com"]` of an exported collection of requests.
_LABELS = re.compile(r"\"host\"\s*:\s*\[((?:\s*\"[\w-]{1,63}\"\s*,?){2,8})\s*\]")


_PROVIDER = re.compile(
    r"""(?i)["']?\b(?:model_?|llm_?)?provider["']?\s*[:=]\s*["']?(?:[\w-]+/)*(?P<name>[\w.-]{2,40})"""
)
_MODEL = re.compile(
    r"""(?i)["']?\b(?P<key>model(?:_?(?:name|id))?|name)["']?\s*[:=]\s*["']?(?P<name>[\w./:@-]{2,120})"""
)
_DIGIT = re.compile(r"\d")
_NEAR = 4  # lines between the two


def _providers(lines: list[str], catalogue: Catalogue) -> Iterator[Signal]:
    """Yield the providers of `provider: groq` beside `model: llama-3.3-70b`."""
    for index, line in enumerate(lines):
        match = _PROVIDER.search(line) if "rovider" in line else None
        owner = (
            catalogue.prefix(match["name"]) or catalogue.signals["brands"].get(match["name"].lower()) if match else ""
        )
        if not match or not owner or line.lstrip().startswith(("#", "//", ";")):
            continue
        near = (found for one in lines[max(0, index - _NEAR) : index + _NEAR + 1] for found in _MODEL.finditer(one))
        named = [(found["key"].lower(), found["name"]) for found in near]
        model = next((n for key, n in named if catalogue.model_owner(n) or (key != "name" and _DIGIT.search(n))), "")
        if model:
            evidence = f"asks {match['name']} for {model}"
            yield Signal(
                "direct", "config", owner, line=index + 1, model=model, evidence=evidence, confidence=Confidence.MEDIUM
            )


#: An account of Azure for models, in any of the languages that provision one.
_COGNITIVE = re.compile(
    r"""(?:(?:^|[\s{(,])["']?kind["']?\s*(?::\s*["']?|=\s*["'])(?:OpenAI|AIServices)(?:["']|\s*$))"""
)
_COGNITIVE_NEAR = re.compile(
    r"azurerm_cognitive_account|Microsoft\.CognitiveServices/accounts|cognitiveservices(?:\.|:|/[\w/]*:)Account"
    r"|cognitive_account",
    re.I,
)


def accounts(content: str) -> Iterator[Signal]:
    """Yield the accounts for models that a configuration or a program provisions."""
    lines = content.split("\n") if "ognitive" in content and _COGNITIVE_NEAR.search(content) else ()
    for number, line in enumerate(lines, 1):
        if _COGNITIVE.search(line) and not line.lstrip().startswith(("#", "//")):
            said = "provisions an Azure OpenAI account"
            yield Signal("direct", "iac", "azure-openai", line=number, evidence=said, confidence=Confidence.HIGH)


def read(content: str, lines: list[str], path: str, catalogue: Catalogue) -> Iterator[Signal]:
    """Yield the signs of the table in a configuration file."""
    rows = [row for row in _ROWS if row[0].search(path) and row[1].search(content)]
    for match in _LABELS.finditer(content):
        host = ".".join(re.findall(r"[\w-]+", match[1]))
        yield from bare_host(host, content.count("\n", 0, match.start()) + 1, catalogue)
    yield from _providers(lines, catalogue)
    listed = False  # inside the list below such a key
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(("#", "//", ";")):
            continue
        for _, _, pattern, provider, said in rows:
            if pattern.search(line):
                evidence = f"{said}: {line.strip()[:80]}"
                yield Signal("direct", "config", provider, line=number, evidence=evidence, confidence=Confidence.HIGH)
        leads = _LEADS.search(line) if "." in line or line.rstrip().endswith(":") else None
        named = leads["rest"] if leads else line if listed and line.lstrip().startswith("-") else ""
        listed = bool(leads and not leads["rest"].strip()) or (listed and named == line)
        for match in _HOST.finditer(named):
            yield from bare_host(match[0], number, catalogue)
