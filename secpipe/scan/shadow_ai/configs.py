"""Containers, orchestration, infrastructure and pipelines: line by line, so that templates and broken YAML are read
as well.
"""

from __future__ import annotations

import inspect
import re

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import encoded, flows, python, shell, source, substitution, surfaces, terraform, text, words
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.places import permissions
from secpipe.scan.shadow_ai.signal import Reading, Signal

_IMAGE = re.compile(
    r"""^\s*-?\s*["']?(?:image|repository|container|base_image|baseImage|docker_image)["']?\s*[:=]\s*["']?([\w./:@{}$-]+)"""
)
_USES = re.compile(r"""^\s*-?\s*uses\s*:\s*["']?([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@""")
_MODELS_READ = re.compile(r"^\s*models\s*:\s*(?:read|write)\s*$")
_KIND = re.compile(
    r"^\s*-?\s*kind\s*:\s*[\"']?(InferenceService|LLMInferenceService|ServingRuntime|ClusterServingRuntime|RayService)\b"
)
_RESOURCE = re.compile(r'^\s*(?:resource|data|module)\s+"([\w-]+)"')
_LEAD = re.compile(
    r"""^(\s*)(?:-\s+)?(?:(?:run|script|command|cmd|args|entrypoint|before_script|after_script|sh|bash|shell|postCreateCommand|exec|test|build|CMD|RUN|ENTRYPOINT)\s*:?\s*)?(?:[|>][+-]?\s*)?["'\[]*"""
)
_LISTED = re.compile(r"[\"']\s*,\s*[\"']")
_SPACED = re.compile(r"(?im)^([ \t]*(?:ONBUILD[ \t]+)?(?:ENV|ARG)[ \t]+\w+)[ \t]+(?!=)")
_INSTRUCTION = re.compile(
    r"^\s*(?:ONBUILD\s+)?(FROM|RUN|CMD|ENTRYPOINT|ENV|ARG|ADD|COPY|HEALTHCHECK|LABEL|SHELL|USER|WORKDIR|EXPOSE|VOLUME)\b\s*(.*)",
    re.I | re.S,
)


def read(content: str, path: str, catalogue: Catalogue) -> Reading:
    """Return the signs in YAML, JSON, HCL and their templates."""
    content, whole = terraform.filled(content) if path.endswith((".tf", ".tfvars", ".hcl")) else (content, True)
    content = encoded.plain(content)
    if "{{" in content and "$" + "{{" not in content:
        content = substitution.named(content, words.settings(content))
    out = text.read(content, catalogue)
    out.unread += ["its locals stand for more than is followed"] * (not whole)
    out.engine = "config"
    lines = content.split("\n")
    workflow = "/workflows/" in f"/{path}" or path.endswith(("action.yml", "action.yaml"))
    for sign in surfaces.read(content, lines, path, catalogue):
        out.signals.append(sign)
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(("#", "//")):
            continue
        _structure(line, number, catalogue, out)
        if workflow and _MODELS_READ.match(line):
            out.signals.append(_direct("action", "github-models", number, "the workflow may call GitHub Models"))
    if path.endswith(".json") and '"nodes"' in content:
        flows.read(content, lines, catalogue, out)
    if path.endswith((".yml", ".yaml", ".tpl", ".json", ".toml", ".j2", ".hcl", ".nomad")):
        _commands(out, "\n".join(_command(line) for line in lines), catalogue)
    return out


def dockerfile(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a Dockerfile: base images, environment, commands."""
    content = _SPACED.sub(r"\1=", content)
    content = substitution.named(content, words.given(content)) if "${" in content else content
    out = text.read(content, catalogue)
    out.engine = "dockerfile"
    rows: list[str] = []
    for number, line in enumerate(content.split("\n"), 1):
        match = _INSTRUCTION.match(line)
        if match is None:
            rows.append(line)
            continue
        word, rest = match[1].upper(), match[2]
        if word in {"FROM", "COPY"}:
            image = rest.split()[-1 if word == "COPY" else 0] if rest.split() else ""
            for part in rest.split():
                image = part.removeprefix("--from=")
                owner = shell.image_owner(image, catalogue) if not part.startswith("--platform") else ""
                if owner:
                    out.signals.append(_direct("image", owner, number, f"builds on image {image}"))
        if word in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV", "ARG"}:
            rest = re.sub(r"^(?:CMD\s+)?(?:--\S+\s+)*", "", rest) if word in {"HEALTHCHECK", "RUN"} else rest
            rows.append(_array(rest))
        else:
            rows.append("")
    _commands(out, "\n".join(rows), catalogue)
    return out


def makefile(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a Makefile or justfile: its recipes are shell."""
    content = substitution.filled(content)
    content = substitution.named(content, words.settings(content)) if "{{" in content else content
    out = text.read(content, catalogue)
    _commands(out, "\n".join(re.sub(r"^\s*[@-]*\s*", "", line) for line in content.split("\n")), catalogue)
    out.engine = "shell"
    return out


def script(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a shell script."""
    content = substitution.filled(words.as_sh(content))
    out = text.read(content, catalogue)
    _commands(out, content, catalogue)
    out.engine = "shell"
    return out


def _structure(line: str, number: int, catalogue: Catalogue, out: Reading) -> None:
    if match := _IMAGE.match(line):
        owner = shell.image_owner(match[1], catalogue)
        if owner:
            out.signals.append(_direct("image", owner, number, f"runs image {match[1]}"))
    if match := _USES.match(line):
        owner = catalogue.actions.get(match[1].lower(), "")
        if owner:
            out.signals.append(_direct("action", owner, number, f"uses {match[1]}"))
    if _KIND.match(line):
        out.signals.append(_direct("iac", "kserve", number, "serves a model in the cluster"))
    if match := _RESOURCE.match(line):
        owner = catalogue.resource(match[1])
        if owner:
            out.signals.append(_direct("iac", owner, number, f"provisions {match[1]}"))
    if "AWS::" in line:
        for prefix, owner in catalogue.terraform:
            if prefix.startswith("AWS::") and prefix in line:
                out.signals.append(_direct("iac", owner, number, f"provisions {prefix.rstrip(':')}"))
    if "@n8n/n8n-nodes-langchain" in line:
        out.signals.append(_direct("config", "n8n-langchain", number, "an n8n workflow with AI nodes"))
    out.signals += permissions(line, number, catalogue)


def _command(line: str) -> str:
    """A line of YAML as the shell command it may hold."""
    return _array(_LEAD.sub("", line)).strip().rstrip("\"'],")


def _array(text_: str) -> str:
    """`["a", "b"]` as `a b`."""
    stripped = text_.strip()
    if stripped.startswith("[") or _LISTED.search(stripped):
        return " ".join(part.strip().strip("\"'") for part in stripped.strip("[]").split(","))
    return text_


def _commands(out: Reading, commands: str, catalogue: Catalogue) -> None:
    """Add the signs in shell, and in the programs of other languages that it hands to their interpreters."""
    _add(out, shell.commands(commands, catalogue))
    for interpreter, program, line in words.programs(commands):
        _add(out, _program(interpreter, inspect.cleandoc(program), catalogue), line)


def _program(interpreter: str, program: str, catalogue: Catalogue) -> Reading:
    """A template that is no program before it is filled in is read for its imports."""
    if not interpreter.startswith("py"):
        language = {"ruby": "ruby", "php": "php", "perl": "hash"}.get(interpreter, "javascript")
        return source.read(program, language, catalogue)
    return python.read_what_parses(program, catalogue)


def _add(out: Reading, other: Reading, offset: int = 0) -> None:
    out.signals += [sign.at("", "", offset) for sign in other.signals] if offset else other.signals
    out.values += other.values
    out.unread += other.unread
    out.downloads += other.downloads
    out.packages |= other.packages


def _direct(mechanism: str, owner: str, line: int, evidence: str) -> Signal:
    return Signal("direct", mechanism, owner, line=line, evidence=evidence, confidence=Confidence.HIGH)
