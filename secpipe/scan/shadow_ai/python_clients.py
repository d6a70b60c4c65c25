"""Imports of AI libraries in Python, the clients made of them, and where those point."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models
from secpipe.scan.shadow_ai.catalogue import squash
from secpipe.scan.shadow_ai.hosts import HOLE, Destination, resolve
from secpipe.scan.shadow_ai.places import destination_signal
from secpipe.scan.shadow_ai.python_file import File, pairs
from secpipe.scan.shadow_ai.signal import UNKNOWN, EnvValue, Signal
from secpipe.scan.shadow_ai.values import join

_SHORTEST = 3  # of a name by which files find each other's settings: URL
_NO_CLIENTS = {"types", "errors", "exceptions"}  # modules of an SDK that hold what is sent, not who sends it
#: What a router or framework offers beside its calls: nothing is sent by it.
_HELPER = re.compile(r"^(?:get|supports|is|set|register|validate|check|count)_|(?:Error|Exception|Timeout|Warning)$")
_DESTINATION_KINDS = {"framework", "mcp", "vector-db", "llm-observability", "coding-agent"}


_RESOURCE = {"create", "acreate"}


def resource_call(sign: Signal) -> bool:
    """Whether a sign is a call of a module that is its own client: it goes where the module was pointed."""
    return sign.role == "client" and sign.evidence.rpartition(".")[2] in _RESOURCE


def import_statement(file: File, node: ast.Import | ast.ImportFrom) -> None:
    """`import x`, `from x import y`."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif node.level == 0:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        imported(file, name, node, f"imports {name}")


def imported(file: File, name: str, node: ast.AST, evidence: str) -> None:
    """Something was imported by the dotted `name`, statically or not."""
    owner, part = file.catalogue.imported("python", name)
    if not owner:
        return
    provider = file.catalogue.providers[owner]
    rest = name[len(part) + 1 :].split(".")[0]
    owner = file.catalogue.signals["classes"].get(rest, owner)
    brand = file.catalogue.brand(name.rpartition(".")[2]) if provider.kind == "framework" and rest[:1].isupper() else ""
    confirm = "" if confirmed(file, owner, part, rest) else _package(provider.packages.get("pypi", ()), part)
    file.sign(
        "import", "sdk", brand or owner, node, evidence, sdk=owner, confirm=confirm,
        confidence=Confidence.LOW if confirm else Confidence.HIGH,
    )  # fmt: skip


def confirmed(file: File, owner: str, part: str, rest: str) -> bool:
    """Whether an ordinary word (`agents`) is meant as the library, by the name taken from it."""
    names = file.catalogue.providers[owner].confirm.get(part)
    return names is None or rest in names


def sdk_call(file: File, node: ast.Call, owner: str, part: str, name: str, last: str) -> None:
    """A call into a known SDK: a client (or a module-level function that needs none) and where it points."""
    provider = file.catalogue.providers[owner]
    classes = file.catalogue.signals["classes"]
    if last in classes:
        file.stand_in[owner] = classes[last]
        owner = classes[last]
    elif last[:1].isupper() and (provider.kind in {"framework", "cloud", "gateway"} or last.startswith("Azure")):
        brand = file.catalogue.brand(last) or owner
        if last.startswith("Azure") and brand != owner:
            file.stand_in[owner] = brand
        owner = brand
    words = keywords(file, node)
    if (
        words.get("vertexai") is not None
        and isinstance(words["vertexai"], ast.Constant)
        and words["vertexai"].value is True
    ):
        file.stand_in[owner] = owner = "google-vertex"
    if (handed := _provider_argument(file, words.get("provider"))) and handed != owner:
        host = file.catalogue.providers[handed].host
        evidence = f"calls {name} with its provider"
        file.sign("client", "sdk", handed, node, evidence, host=host, sdk=owner, confidence=Confidence.HIGH)
        return
    target = next((value for key, value in words.items() if squash(key) in file.catalogue.base_names), None)
    if target is None and last[:1].isupper() and node.args and provider.kind not in _DESTINATION_KINDS:
        target = node.args[0] if any("://" in text for text in file.fold(node.args[0]).texts) else None
    rest = name[len(part) + 1 :].split(".")
    made = last[:1].isupper() and not _NO_CLIENTS & set(rest)
    resource = len(rest) == 2 and rest[0][:1].isupper() and last in _RESOURCE  # `openai.ChatCompletion.create(...)`
    client = made or resource or target is not None or len(rest) == 1 or provider.kind == "framework"
    if not client or (target is None and provider.kind in {"framework", "gateway"} and _HELPER.search(last)):
        return
    evidence = f"calls {name}"
    if target is None and isinstance(words.get("openai_client"), ast.Name | ast.Attribute | ast.Call):
        return  # it goes where the client goes that it is given, which is a use of its own
    if target is not None:
        _pointed(file, node, owner, target, evidence)
        return
    _routed(file, node, owner, words, evidence, last)


def _provider_argument(file: File, node: ast.expr | None) -> str:
    """`provider=DeepSeekProvider(...)`, `provider="groq"`: who is called, or "" where the argument does not tell."""
    if isinstance(node, ast.Call):
        if any(squash(word.arg or "") in file.catalogue.base_names for word in node.keywords):
            return ""
        return file.catalogue.brand(file.scope.dotted(node.func).rpartition(".")[2])
    named = file.fold(node).texts if node is not None else frozenset()
    return file.catalogue.prefix(next(iter(named))) if len(named) == 1 else ""


def handed_on(file: File, node: ast.Call, last: str) -> bool:
    """A client class that another file hands on (`from .lib import OpenAI`) and that is told where to go."""
    own = node.func.id if isinstance(node.func, ast.Name) else last
    owner = next((brand for word in (last, own) if word[:1].isupper() and (brand := file.catalogue.brand(word))), "")
    words = keywords(file, node) if owner else {}
    target = next((value for key, value in words.items() if squash(key) in file.catalogue.base_names), None)
    if target is None or own in file.classes:
        return False
    _pointed(file, node, owner, target, f"calls {own}")
    return True


def _routed(file: File, node: ast.Call, owner: str, words: dict[str, ast.expr], evidence: str, last: str) -> None:
    """A client without an address: routers and frameworks are decided by the model, an SDK by its own default."""
    kind = file.catalogue.providers[owner].kind
    models_ = _models_of(file, node, words, positional=kind in {"framework", "gateway"})
    model = models_[0] if models_ else ""
    named = next(iter(sorted(file.fold(words.get("model_provider") or words.get("custom_llm_provider")).texts)), "")
    if kind in {"framework", "gateway"}:
        fixed = file.catalogue.prefix(named)
        goes = {
            item: fixed or models.provider_of(item, file.catalogue, key=True)
            for item in models_ or ["" if fixed else HOLE]
        }
        for item, routed in goes.items():
            if routed:
                file.sign("client", "model" if kind == "gateway" else "sdk", routed, node, f"{evidence} with {item}",
                    model=item, host=file.catalogue.providers[routed].host, sdk=owner,
                          confidence=Confidence.HIGH)  # fmt: skip
        if any(goes.values()):
            return
        if kind == "framework":
            return
    if (
        last[:1].isupper()
        or kind == "gateway"
        or last in _RESOURCE
        or last in {"configure", "init", "run", "chat", "generate", "embed", "embeddings"}
    ):
        provider = file.catalogue.providers[owner]
        file.sign("client", "sdk", owner, node, evidence, host=provider.host, model=model, sdk=owner,
                  envs=provider.lists["base_url_env"], confidence=Confidence.HIGH)  # fmt: skip


def _pointed(file: File, node: ast.AST, sdk: str, target: ast.expr, evidence: str) -> None:
    """A client that is told where to go."""
    file.consume(target)
    value = file.fold(_unwrap(target))
    found = False
    if value.cut:
        file.cut(node, "client", "sdk", evidence, sdk)
    for text in sorted(value.texts):
        destination = resolve(text, file.catalogue)
        if destination is not None:
            found = True
            destination = _own_host(file, sdk, destination)
            file.out.signals.append(
                destination_signal(
                    "client",
                    "sdk",
                    destination,
                    getattr(node, "lineno", 0),
                    f"{evidence} at {destination.host}",
                    sdk=sdk,
                )
            )
    if value.envs:
        file.out.reads |= value.envs
        file.sign("client", "sdk", "", node, f"{evidence} at {', '.join(sorted(value.envs))}",
            envs=tuple(sorted(value.envs)), sdk=sdk,
                  confirm="optional" if found else "", confidence=Confidence.HIGH)  # fmt: skip
    elif value.none and not found:
        provider = file.catalogue.providers[sdk]
        file.sign(
            "client",
            "sdk",
            sdk,
            node,
            evidence,
            host=provider.host,
            envs=provider.lists["base_url_env"],
            sdk=sdk,
            confidence=Confidence.HIGH,
        )
    elif not found and (name := _setting_name(file, target)):
        file.sign(
            "client",
            "sdk",
            "",
            node,
            f"{evidence} at {name}",
            envs=(name,),
            sdk=sdk,
            confidence=Confidence.HIGH,
        )
    elif not found:
        file.sign(
            "client",
            "sdk",
            UNKNOWN,
            node,
            f"{evidence} at an address that the code computes",
            sdk=sdk,
            confidence=Confidence.HIGH,
        )


def _own_host(file: File, sdk: str, destination: Destination) -> Destination:
    """Services of one cloud share their hosts: the one whose client it is stands before the first that has such."""
    provider = file.catalogue.providers.get(sdk)
    host = destination.host.partition(":")[0].replace("*", "x")
    patterns = provider.lists["host_patterns"] if provider else ()
    return replace(destination, provider=sdk) if any(re.fullmatch(one, host, re.I) for one in patterns) else destination


def _models_of(file: File, node: ast.Call, words: dict[str, ast.expr], *, positional: bool) -> list[str]:
    """Every model that a call may name: each is a destination of a router."""
    value = next((value for key, value in words.items() if squash(key) in file.catalogue.model_keys), None)
    if value is None and positional and node.args:
        value = node.args[0]
    folded = file.fold(value)
    tables = [table for word in words.values() for table in file.scope.containers(word)]
    if value is None or file.scope.containers(value):  # `Router(model_list=[{"litellm_params": {"model": ...}}])`
        listed = [
            item for table in (*words.values(), *tables) for item in ast.walk(table) if isinstance(item, ast.Dict)
        ]
        inner = [value for one in listed for key, value in pairs(one) if squash(key) == "model"]
        folded = join([folded, *map(file.fold, inner)])
    if folded.cut:
        file.cut(node, "client", "sdk", "takes its model")
    return [item for item in sorted(folded.texts) if HOLE not in item and models.is_model_name(item)]


def cloud_service(file: File, node: ast.Call) -> None:
    """`client("bedrock-runtime")` of a cloud SDK."""
    services = file.catalogue.signals["aws_services"]
    words = keywords(file, node)
    value = file.fold(node.args[0] if node.args else words.get("service_name"))
    if value.cut:
        file.cut(node, "client", "sdk", "creates a cloud client")
    for text in sorted(value.texts):
        if text not in services:
            continue
        evidence = f'client("{text}")'
        if "endpoint_url" in words:
            _pointed(file, node, services[text], words["endpoint_url"], evidence)
        else:
            region = next(iter(sorted(file.fold(words.get("region_name")).texts)), "*")
            host = f"{text}.{region}.amazonaws.com" if services[text] == "aws-bedrock" else ""
            file.sign(
                "client",
                "sdk",
                services[text],
                node,
                evidence,
                host=host,
                sdk=services[text],
                confidence=Confidence.HIGH,
            )


def keywords(file: File, node: ast.Call) -> dict[str, ast.expr]:
    """Keyword arguments, those of `**{...}` and `**NAME` included."""
    words: dict[str, ast.expr] = {}
    for word in node.keywords:
        if word.arg:
            words[word.arg] = word.value
            continue
        pool = [word.value] if not isinstance(word.value, ast.Name) else file.scope.names.get(word.value.id, [])
        for item in pool:
            words |= dict(pairs(item))
    return words


def setting(file: File, target: ast.expr, value: ast.expr | None) -> None:
    """A constant or field that holds an address, for the files that import it."""
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
    if value is None or len(name) < _SHORTEST or (isinstance(value, ast.Constant) and _no_address(value.value)):
        return
    for text in sorted(file.fold(value).texts):
        if "://" in text:
            file.out.values.append(EnvValue(name.upper(), text, "", target.lineno))


def _no_address(value: object) -> bool:
    return not isinstance(value, str | bytes) or (isinstance(value, str) and "://" not in value)


def assignment(file: File, node: ast.Assign) -> None:
    """`openai.api_base = X`, `os.environ["OPENAI_BASE_URL"] = X`."""
    for target in node.targets:
        setting(file, target, node.value)
        if isinstance(target, ast.Subscript) and file.scope.dotted(target.value) in {"os.environ", "environ"}:
            for name in sorted(file.fold(target.slice).texts):
                file.set_environment(name, node.value, node)
        elif isinstance(target, ast.Attribute) and squash(target.attr) in file.catalogue.base_names:
            owner, _ = file.catalogue.imported("python", file.scope.dotted(target.value))
            if owner and file.catalogue.providers[owner].kind not in _DESTINATION_KINDS:
                file.moved.add(owner)
                _pointed(file, node, owner, node.value, f"sets {ast.unparse(target)[:60]}")


def _unwrap(node: ast.expr) -> ast.expr:
    """`HttpOptions(base_url=X)` and `{"base_url": X}` stand for X."""
    if isinstance(node, ast.Dict):
        return next((value for key, value in pairs(node) if "url" in key.lower() or "endpoint" in key.lower()), node)
    if isinstance(node, ast.Call):
        return next((word.value for word in node.keywords if word.arg in {"base_url", "api_endpoint", "url"}), node)
    return node


def _package(packages: tuple[str, ...], part: str) -> str:
    """What confirms an ambiguous import: its package in a manifest, or any other sign of the provider in the file."""
    return f"pypi:{packages[0]}" if packages else "+"


def _setting_name(file: File, node: ast.expr) -> str:
    """The name under which another file may hold the address: `settings.llm_base_url` is LLM_BASE_URL."""
    if isinstance(node, ast.Attribute):
        return node.attr.upper() if len(node.attr) >= _SHORTEST else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value.upper() if len(node.slice.value) >= _SHORTEST else ""  # `config["llm"]["base_url"]`
    name = node.id if isinstance(node, ast.Name) else ""
    name = file.scope.modules.get(name, name).rpartition(".")[2] if name.isupper() or "_" in name else ""
    return name.upper() if len(name) >= _SHORTEST else ""
