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
        (r"\.ya?ml$", r"^models\s*:", r"^\s+model\s*:\s*[\"']?\S+", "docker-model-runner", "runs a model"),
        (r"\.ya?ml$", r"^services\s*:", r"^\s+type\s*:\s*[\"']?model\b", "docker-model-runner", "provides a model"),
        (r"(?:^|/)wrangler\.toml$", r"", r"^\s*\[(?:env\.[\w-]+\.)?ai\]", "cloudflare", "binds Workers AI"),
        (r"(?:^|/)wrangler\.toml$", r"", r"^\s*ai\s*=\s*\{", "cloudflare", "binds Workers AI"),
        (r"(?:^|/)wrangler\.jsonc?$", r"", r"\"ai\"\s*:\s*\{", "cloudflare", "binds Workers AI"),
    )
)
#: A line of a proxy, a mesh or a zone that names where traffic goes.
_LEADS = re.compile(
    r"(?i)(?:^|[\s{,\"'])(?:server\s+\S+|external-?name|hosts?|address|proxy_pass|upstream|backend|cname|domains?|sni"
    r"|target|authority|extra_hosts)[\"']?(?:\s*[:=]|\s)[ \t]*(?P<rest>.*)"
)
_HOST = re.compile(r"(?i)(?<![\w./@-])(?:[a-z0-9-]+\.)+[a-z]{2,12}(?::\d{2,5})?(?![\w.-]*[\w/-])")


def read(content: str, lines: list[str], path: str, catalogue: Catalogue) -> Iterator[Signal]:
    """Yield the signs of the table in a configuration file."""
    rows = [row for row in _ROWS if row[0].search(path) and row[1].search(content)]
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
