"""Python by its syntax tree: clients and where they point, raw calls, dynamic imports, model strings, downloads."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models, shell, sql
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.fold import Scope, Value
from secpipe.scan.shadow_ai.hosts import HOLE, URL, Destination, counts, resolve
from secpipe.scan.shadow_ai.places import ai_path, destination_signal, permissions
from secpipe.scan.shadow_ai.python_downloads import download_of
from secpipe.scan.shadow_ai.scope import collect
from secpipe.scan.shadow_ai.signal import UNKNOWN, EnvValue, Reading, Signal

_MAX_NODES = 400_000
_HTTP = {
    "post",
    "get",
    "put",
    "request",
    "stream",
    "urlopen",
    "fetch",
    "Request",
    "send",
    "build_request",
    "connect",
    "create_connection",
}
_PROCESS = {
    "system",
    "run",
    "Popen",
    "call",
    "check_call",
    "check_output",
    "popen",
    "getoutput",
    "getstatusoutput",
    "create_subprocess_shell",
    "create_subprocess_exec",
    "spawn",
}
_DESTINATION_KINDS = {"framework", "mcp", "vector-db", "llm-observability", "coding-agent"}
_EXTRA_HOSTS = {"HTTPSConnection", "HTTPConnection", "create_connection"}


def read(source: str, catalogue: Catalogue) -> Reading:
    """Return the signs in Python source. Raises InputError when it does not parse or is beyond the bounds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the file under test are not ours to report
            tree = ast.parse(source)
    except SyntaxError as error:
        raise InputError(f"does not parse as Python: {error.msg} at line {error.lineno}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"does not parse as Python: {type(error).__name__}") from None
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        nodes.append(node)
        if len(nodes) > _MAX_NODES:
            raise InputError(f"holds more than {_MAX_NODES:,} syntax nodes")
    try:
        return _Reader(nodes, catalogue).run()
    except RecursionError:
        raise InputError("is nested too deeply to follow") from None


class _Reader:
    """One pass over the nodes of one file."""

    def __init__(self, nodes: list[ast.AST], catalogue: Catalogue) -> None:
        self.nodes = nodes
        self.catalogue = catalogue
        self.scope: Scope = collect(nodes)
        self.out = Reading(engine="python-ast")
        self.consumed: set[int] = set()  # string expressions that were read as part of something else
        self.documentation = _documentation(nodes)

    def run(self) -> Reading:
        for node in self.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Assign):
                self._assign(node)
        for node in self.nodes:
            if (
                isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Call | ast.Subscript)
                and id(node) not in self.consumed
            ):
                self._string(node)
        return self.out

    def fold(self, node: ast.expr | None) -> Value:
        return self.scope.fold(node)

    def sign(self, role: str, mechanism: str, provider: str, node: ast.AST, evidence: str, **rest: object) -> None:
        line = getattr(node, "lineno", 0)
        self.out.signals.append(Signal(role, mechanism, provider, line=line, evidence=evidence, **rest))  # type: ignore[arg-type]

    # imports

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            return
        for name in names:
            self._imported(name, node, f"imports {name}")

    def _imported(self, name: str, node: ast.AST, evidence: str) -> None:
        owner, part = self.catalogue.imported("python", name)
        if not owner:
            return
        provider = self.catalogue.providers[owner]
        rest = name[len(part) + 1 :].split(".")[0]
        brand = (
            self.catalogue.brand(name.rpartition(".")[2]) if provider.kind == "framework" and rest[:1].isupper() else ""
        )
        confirm = "" if self._confirmed(owner, part, rest) else _package(provider.packages.get("pypi", ()), part)
        self.sign(
            "import", "sdk", brand or owner, node, evidence, sdk=owner, confirm=confirm,
            confidence=Confidence.LOW if confirm else Confidence.HIGH,
        )  # fmt: skip

    def _confirmed(self, owner: str, part: str, rest: str) -> bool:
        names = self.catalogue.providers[owner].confirm.get(part)
        return names is None or rest in names

    # calls

    def _call(self, node: ast.Call) -> None:
        name = self.scope.dotted(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        if last in {"import_module", "__import__", "import_string", "find_spec"} and node.args:
            for text in self.fold(node.args[0]).texts:
                self._imported(text, node, f"imports {text} dynamically")
            return
        self._environment(node, name, last)
        found = download_of(node, name, last, self.scope, self.catalogue)
        if found is not None:
            self.out.downloads.append(found)
        if last == "partial" and node.args:
            name = self.scope.dotted(node.args[0])
            last = name.rpartition(".")[2]
        if last in {"client", "resource", "create_client"} and node.args:
            self._cloud_service(node)
        owner, part = self.catalogue.imported("python", name) if "." in name or name in self.scope.modules else ("", "")
        if owner and self._confirmed(owner, part, name[len(part) + 1 :].split(".")[0]):
            self._sdk_call(node, owner, part, name, last)
        elif last in _HTTP:
            self._http_call(node)
        if last in _EXTRA_HOSTS and node.args:
            self._host_argument(node)
        if last in _PROCESS:
            self._process(node)
        self._model_arguments(node, last)

    def _environment(self, node: ast.Call, name: str, last: str) -> None:
        if last in {"getenv", "putenv"} or name in {"os.environ.get", "environ.get", "os.environ.setdefault"}:
            names = self.fold(node.args[0]).texts if node.args else frozenset()
            self.out.reads |= names
            if last in {"putenv", "setdefault"} and len(node.args) > 1:
                for env in names:
                    self._env_value(env, node.args[1], node)

    def _env_value(self, name: str, value: ast.expr, node: ast.AST) -> None:
        for text in self.fold(value).texts:
            self.out.values.append(EnvValue(name, text, "", getattr(node, "lineno", 0)))

    def _cloud_service(self, node: ast.Call) -> None:
        services = self.catalogue.signals["aws_services"]
        words = {word.arg: word.value for word in node.keywords}
        for text in self.fold(node.args[0]).texts:
            if text not in services:
                continue
            evidence = f'client("{text}")'
            if "endpoint_url" in words:
                self._pointed(node, services[text], words["endpoint_url"], evidence)
            else:
                region = next(iter(sorted(self.fold(words.get("region_name")).texts)), "*")
                host = f"{text}.{region}.amazonaws.com" if services[text] == "aws-bedrock" else ""
                self.sign(
                    "client",
                    "sdk",
                    services[text],
                    node,
                    evidence,
                    host=host,
                    sdk=services[text],
                    confidence=Confidence.HIGH,
                )

    def _sdk_call(self, node: ast.Call, owner: str, part: str, name: str, last: str) -> None:
        """A call into a known SDK: a client (or a module-level function that needs none) and where it points."""
        provider = self.catalogue.providers[owner]
        classes = self.catalogue.signals["classes"]
        if last in classes:
            owner = classes[last]
        elif provider.kind in {"framework", "cloud", "gateway"} and last[:1].isupper():
            owner = self.catalogue.brand(last) or owner
        words = self._keywords(node)
        if (
            words.get("vertexai") is not None
            and isinstance(words["vertexai"], ast.Constant)
            and words["vertexai"].value is True
        ):
            owner = "google-vertex"
        target = next((value for key, value in words.items() if squash(key) in self.catalogue.base_names), None)
        rest = name[len(part) + 1 :].split(".")
        client = last[:1].isupper() or target is not None or len(rest) == 1 or provider.kind == "framework"
        if not client:
            return
        evidence = f"calls {name}"
        if target is not None:
            self._pointed(node, owner, target, evidence)
            return
        self._routed(node, owner, words, evidence, last)

    def _routed(self, node: ast.Call, owner: str, words: dict[str, ast.expr], evidence: str, last: str) -> None:
        """A client without an address: routers and frameworks are decided by the model, an SDK by its own default."""
        kind = self.catalogue.providers[owner].kind
        model = self._model_of(node, words, positional=kind in {"framework", "gateway"})
        named = next(iter(sorted(self.fold(words.get("model_provider") or words.get("custom_llm_provider")).texts)), "")
        if kind in {"framework", "gateway"}:
            routed = (
                self.catalogue.prefixes.get(f"{named}/", "")
                or self.catalogue.prefixes.get(f"{named}:", "")
                or (models.provider_of(model, self.catalogue, key=True) if model else "")
            )
            if routed:
                self.sign("client", "model" if kind == "gateway" else "sdk", routed, node, f"{evidence} with {model}", model=model,
                          host=self.catalogue.providers[routed].host, sdk=owner, confidence=Confidence.HIGH)  # fmt: skip
                return
            if kind == "framework":
                return
        if (
            last[:1].isupper()
            or kind == "gateway"
            or last in {"configure", "init", "run", "chat", "generate", "embed", "embeddings"}
        ):
            provider = self.catalogue.providers[owner]
            self.sign("client", "sdk", owner, node, evidence, host=provider.host, model=model, sdk=owner,
                      envs=provider.lists["base_url_env"], confidence=Confidence.HIGH)  # fmt: skip

    def _pointed(self, node: ast.AST, sdk: str, target: ast.expr, evidence: str) -> None:
        """A client that is told where to go."""
        self._consume(target)
        value = self.fold(_unwrap(target))
        found = False
        for text in sorted(value.texts):
            destination = resolve(text, self.catalogue)
            if destination is not None:
                found = True
                self.out.signals.append(
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
            self.out.reads |= value.envs
            self.sign("client", "sdk", "", node, f"{evidence} at {', '.join(sorted(value.envs))}", envs=tuple(sorted(value.envs)), sdk=sdk,
                      confirm="optional" if found else "", confidence=Confidence.HIGH)  # fmt: skip
        elif value.none and not found:
            provider = self.catalogue.providers[sdk]
            self.sign(
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
        elif not found:
            self.sign(
                "client",
                "sdk",
                UNKNOWN,
                node,
                f"{evidence} at an address that the code computes",
                sdk=sdk,
                confidence=Confidence.HIGH,
            )

    def _http_call(self, node: ast.Call) -> None:
        """A raw call whose body is a chat request, to whatever address."""
        words = self._keywords(node)
        bodies = [words[key] for key in ("json", "data", "body", "content") if key in words] + list(node.args[1:3])
        if not any(self._is_chat_body(body) for body in bodies):
            return
        address = words.get("url") or next((item for item in node.args if not self._is_verb(item)), None)
        self._body_address(node, address)

    def _body_address(self, node: ast.Call, address: ast.expr | None) -> None:
        value = self.fold(address)
        if address is not None:
            self._consume(address)
        found = False
        for text in sorted(value.texts):
            destination = resolve(text, self.catalogue) if "://" in text else None
            if destination is not None:
                found = True
                self.out.signals.append(
                    destination_signal(
                        "endpoint", "http", destination, node.lineno, f"posts a chat request to {destination.host}"
                    )
                )
        if value.envs:
            self.sign("client", "http", "", node, f"posts a chat request to {', '.join(sorted(value.envs))}", envs=tuple(sorted(value.envs)),
                      confirm="optional" if found else "", confidence=Confidence.HIGH)  # fmt: skip
        elif not found and not any(text.startswith("/") for text in value.texts):
            self.sign("client", "http", UNKNOWN, node, "posts a chat request to an address that the code computes")

    def _is_verb(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isalpha()

    def _is_chat_body(self, node: ast.expr, depth: int = 0) -> bool:
        if depth > 4:
            return False
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            return (
                "model" in keys
                and bool(keys & {"messages", "prompt", "input", "contents"})
                or keys >= {"contents", "generationConfig"}
            )
        if isinstance(node, ast.Call):
            inner = [*node.args, *(word.value for word in node.keywords)]
            if isinstance(node.func, ast.Attribute):
                inner.append(node.func.value)
            if self.scope.dotted(node.func) == "dict":
                return {"model", "messages"} <= {word.arg for word in node.keywords}
            return any(self._is_chat_body(item, depth + 1) for item in inner)
        if isinstance(node, ast.Name):
            return any(self._is_chat_body(item, depth + 1) for item in self.scope.names.get(node.id, ())[:4])
        return False

    def _host_argument(self, node: ast.Call) -> None:
        for text in self.fold(node.args[0]).texts:
            destination = resolve(text, self.catalogue)
            if destination is not None and destination.provider in self.catalogue.providers:
                self.out.signals.append(
                    destination_signal("endpoint", "http", destination, node.lineno, f"connects to {destination.host}")
                )
                self._consume(node.args[0])

    def _process(self, node: ast.Call) -> None:
        for argument in node.args[:2]:
            if isinstance(argument, ast.List | ast.Tuple):
                parts = [next(iter(sorted(self.fold(item).texts)), HOLE) for item in argument.elts[:64]]
                line = " ".join(parts)
            else:
                line = next(iter(sorted(self.fold(argument).texts)), "")
            if line:
                found = shell.commands(line, self.catalogue)
                self.out.signals += [sign.at("", "", node.lineno - 1) for sign in found.signals]
                self.out.downloads += found.downloads
                if found.signals:
                    self._consume(argument)

    def _model_arguments(self, node: ast.Call, last: str) -> None:
        """`model="..."` anywhere: names the model of the file's client, and in a router the provider itself."""
        for word in node.keywords:
            if word.arg and squash(word.arg) in self.catalogue.model_keys:
                for text in self.fold(word.value).texts:
                    self._model(text, word.value, key=True)

    def _model(self, text: str, node: ast.AST, *, key: bool) -> None:
        if HOLE in text or not models.is_model_name(text):
            return
        owner = models.provider_of(text, self.catalogue, key=key)
        if owner:
            self._consume_one(node)
            self.sign(
                "model",
                "model",
                owner,
                node,
                f"model {text}",
                model=text,
                confidence=Confidence.MEDIUM if key else Confidence.LOW,
            )

    def _model_of(self, node: ast.Call, words: dict[str, ast.expr], *, positional: bool) -> str:
        value = next((value for key, value in words.items() if squash(key) in self.catalogue.model_keys), None)
        if value is None and positional and node.args:
            value = node.args[0]
        texts = sorted(self.fold(value).texts) if value is not None else []
        return texts[0] if texts and HOLE not in texts[0] and models.is_model_name(texts[0]) else ""

    def _keywords(self, node: ast.Call) -> dict[str, ast.expr]:
        """Keyword arguments, those of `**{...}` and `**NAME` included."""
        words: dict[str, ast.expr] = {}
        for word in node.keywords:
            if word.arg:
                words[word.arg] = word.value
                continue
            pool = [word.value] if not isinstance(word.value, ast.Name) else self.scope.names.get(word.value.id, [])
            for item in pool:
                words |= dict(_pairs(item))
        return words

    # assignments

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript) and self.scope.dotted(target.value) in {"os.environ", "environ"}:
                for name in self.fold(target.slice).texts:
                    self._env_value(name, node.value, node)
            elif isinstance(target, ast.Attribute) and squash(target.attr) in self.catalogue.base_names:
                owner, _ = self.catalogue.imported("python", self.scope.dotted(target.value))
                if owner and self.catalogue.providers[owner].kind not in _DESTINATION_KINDS:
                    self._pointed(node, owner, node.value, f"sets {ast.unparse(target)[:60]}")

    # strings

    def _string(self, node: ast.expr) -> None:
        if id(node) in self.documentation:
            return
        if isinstance(node, ast.Call | ast.Subscript):
            if isinstance(node, ast.Subscript) and self.scope.dotted(node.value) in {"os.environ", "environ"}:
                self.out.reads |= self.fold(node.slice).texts
                return
            if not _makes_text(node):
                return
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | bytes):
            return
        value = self.fold(node)
        if not value.texts:
            return
        self._consume(node)
        for text in value.texts:
            self._text(text, node)

    def _text(self, text: str, node: ast.expr) -> None:
        self._env_name(text, node)
        spaced = any(char.isspace() for char in text.strip())
        for match in URL.finditer(text):
            destination = resolve(match[0], self.catalogue)
            if destination is not None:
                self._endpoint(destination, node, spaced, text)
        if "://" not in text and not spaced and "." in text and len(text) < 300:
            destination = resolve(text, self.catalogue)
            if (
                destination is not None
                and destination.provider in self.catalogue.providers
                and counts(destination, self.catalogue)
            ):
                self.out.signals.append(
                    destination_signal(
                        "endpoint",
                        "http",
                        destination,
                        node.lineno,
                        f"names {destination.host}",
                        confidence=Confidence.MEDIUM,
                    )
                )
        if not spaced and ("/" in text or ":" in text):
            self._model(text, node, key=False)
        self.out.signals += permissions(text, node.lineno, self.catalogue) if ":" in text else []
        self.out.signals += sql.functions(text, self.catalogue, line=node.lineno) if spaced and "(" in text else []
        if spaced and "curl" in text:
            self.out.signals += [
                sign.at("", "", node.lineno - 1) for sign in shell.commands(text, self.catalogue).signals
            ]

    def _env_name(self, text: str, node: ast.expr) -> None:
        if text in self.catalogue.env or text in self.catalogue.weak_env or text in self.catalogue.base_url_env:
            self.out.reads.add(text)
            owner = (
                self.catalogue.env.get(text) or self.catalogue.weak_env.get(text) or self.catalogue.base_url_env[text]
            )
            if owner:
                weak = text in self.catalogue.weak_env
                self.sign(
                    "env", "env", owner, node, f"reads {text}", confidence=Confidence.LOW if weak else Confidence.MEDIUM
                )

    def _endpoint(self, destination: Destination, node: ast.expr, spaced: bool, text: str) -> None:
        known = destination.provider in self.catalogue.providers
        if known and not counts(destination, self.catalogue):
            return
        if not known and not ai_path(destination.path, self.catalogue, text):
            return
        confidence = Confidence.LOW if spaced else Confidence.HIGH
        self.out.signals.append(
            destination_signal(
                "endpoint", "http", destination, node.lineno, f"calls {destination.host}", confidence=confidence
            )
        )

    def _consume(self, node: ast.AST) -> None:
        for child in ast.walk(node):
            self.consumed.add(id(child))

    def _consume_one(self, node: ast.AST) -> None:
        self.consumed.add(id(node))


def _documentation(nodes: list[ast.AST]) -> set[int]:
    """Strings that stand alone as a statement: docstrings and commented-out text."""
    return {id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}


def _makes_text(node: ast.expr) -> bool:
    """Whether a call or subscript may put a string together rather than look one up."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice)
    func = node.func if isinstance(node, ast.Call) else None
    last = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return last in {
        "join",
        "format",
        "replace",
        "decode",
        "b64decode",
        "urlsafe_b64decode",
        "fromhex",
        "unhexlify",
        "urljoin",
        "bytes",
    }


def _unwrap(node: ast.expr) -> ast.expr:
    """`HttpOptions(base_url=X)` and `{"base_url": X}` stand for X."""
    if isinstance(node, ast.Dict):
        return next((value for key, value in _pairs(node) if "url" in key.lower() or "endpoint" in key.lower()), node)
    if isinstance(node, ast.Call):
        return next((word.value for word in node.keywords if word.arg in {"base_url", "api_endpoint", "url"}), node)
    return node


def _pairs(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.Call):
        for word in node.keywords:
            if word.arg:
                yield word.arg, word.value


def _package(packages: tuple[str, ...], part: str) -> str:
    """What confirms an ambiguous import: its package in a manifest, or any other sign of the provider in the file."""
    return f"pypi:{packages[0]}" if packages else "+"
