"""Python by its syntax tree: what each call, import, assignment and string says of AI."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import replace

from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.python_clients import (
    assignment,
    cloud_service,
    confirmed,
    handed_on,
    import_statement,
    imported,
    resource_call,
    sdk_call,
    setting,
)
from secpipe.scan.shadow_ai.python_downloads import download_of
from secpipe.scan.shadow_ai.python_file import File
from secpipe.scan.shadow_ai.python_requests import host_argument, http_call, process_call
from secpipe.scan.shadow_ai.python_strings import model_string, string
from secpipe.scan.shadow_ai.references import defaults_of, reference_of
from secpipe.scan.shadow_ai.scope import BINDS
from secpipe.scan.shadow_ai.signal import EnvValue, Reading
from secpipe.scan.shadow_ai.values import cut_at

_MAX_NODES = 400_000
_IMPORT = re.compile(
    r"\s*(?:import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+(?:\s+as\s+\w+)?)*"
    r"|from\s+[\w.]+\s+import\s+\w+(?:\s+as\s+\w+)?(?:\s*,\s*\w+(?:\s+as\s+\w+)?)*)\s*(?:#.*)?"
)
_BARE = {
    "id",
    "ctx",
    "op",
    "ops",
    "attr",
    "arg",
    "name",
    "names",
    "level",
    "module",
    "type_comment",
}  # hold no expressions
_CHILDREN = {
    kind: tuple(name for name in kind._fields if name not in _BARE)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind is not ast.Constant
}
_HTTP = {"post", "get", "put", "request", "stream", "urlopen", "fetch", "Request", "send", "build_request", "connect"}
_SOCKETS = {"HTTPSConnection", "HTTPConnection", "create_connection"}
_STATES = {ast.Import, ast.ImportFrom, ast.Call, ast.Assign, ast.AnnAssign}
_TEXTS = {ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call, ast.Subscript}
#: What anybody asks for: two thirds of the nodes are names, constants that are numbers, and places.
_TELLING = BINDS | _STATES | _TEXTS | {ast.Expr}
_PROCESS = {
    "system", "run", "Popen", "call", "check_call", "check_output", "popen", "getoutput", "getstatusoutput",
    "create_subprocess_shell", "create_subprocess_exec", "spawn",
}  # fmt: skip


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
    nodes = _nodes(tree)
    try:
        return _run(File(nodes, catalogue))
    except RecursionError:
        raise InputError("is nested too deeply to follow") from None


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes that say something, outer ones first; each is visited once, and its children are looked up once.

    Raises InputError for more than the bound.
    """
    nodes = [tree]
    for node in nodes:
        for name in _CHILDREN.get(type(node), ()):
            child = getattr(node, name, None)
            if child.__class__ is list:
                nodes += [item for item in child if isinstance(item, ast.AST)]
            elif isinstance(child, ast.AST):
                nodes.append(child)
        if len(nodes) > _MAX_NODES:
            raise InputError(f"holds more than {_MAX_NODES:,} syntax nodes")
    return [node for node in nodes if type(node) in _TELLING]


def read_what_parses(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in text that may be a program: all of them if it is one, else those of lines that import."""
    lines = [line.strip() if "import" in line and _IMPORT.fullmatch(line) else "" for line in content.split("\n")]
    for text in (content, "\n".join(lines)) if "import" in content else ():
        try:
            return read(text, catalogue)
        except InputError:  # prose after all, or a template
            continue
    return Reading()


def _run(file: File) -> Reading:
    for node in (node for node in file.nodes if type(node) in _STATES):
        if isinstance(node, ast.Import | ast.ImportFrom):
            import_statement(file, node)
        elif isinstance(node, ast.Call):
            _call(file, node)
        elif isinstance(node, ast.Assign):
            assignment(file, node)
            file.out.downloads += defaults_of(node, "", file.scope, file.catalogue)
        elif isinstance(node, ast.AnnAssign):
            setting(file, node.target, node.value)
            file.out.downloads += defaults_of(node, "", file.scope, file.catalogue)
    for node in (*(node for node in file.nodes if type(node) in _TEXTS), *file.scope.grown.values()):
        if isinstance(node, ast.expr) and id(node) not in file.consumed:
            string(file, node)
    file.out.signals = [sign for sign in file.out.signals if not (sign.sdk in file.moved and resource_call(sign))]
    calls = {sign.sdk for sign in file.out.signals if sign.role == "client"}
    for index, sign in enumerate(file.out.signals):
        if sign.role == "import" and sign.sdk in file.stand_in and sign.sdk not in calls:
            other = file.stand_in[sign.sdk]  # `import openai` for `openai.AzureOpenAI` alone
            file.out.signals[index] = replace(sign, provider=other, sdk=other)
    file.out.unread += cut_at(file.cuts)
    if file.scope.folder is not None and file.scope.folder.spent:
        file.out.unread.append("its expressions are too many to follow")
    file.out.engine = "python-ast"
    return file.out


def _call(file: File, node: ast.Call) -> None:
    name = file.scope.dotted(node.func)
    last = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
    if last in {"import_module", "__import__", "import_string", "find_spec"} and node.args:
        for text in sorted(file.fold(node.args[0]).texts):
            imported(file, text, node, f"imports {text} dynamically")
        return
    _environment_call(file, node, name, last)
    _defaults(file, node)
    found = download_of(node, name, last, file.scope, file.catalogue)
    if found is None and isinstance(node.func, ast.Name) and node.func.id != last:  # handed on under another name
        found = download_of(node, node.func.id, node.func.id, file.scope, file.catalogue)
    found = found or reference_of(node, name, file.scope, file.catalogue)
    if found is not None:
        file.out.downloads.append(found)
    file.out.downloads += defaults_of(node, name, file.scope, file.catalogue)
    if last == "partial" and node.args:
        name = file.scope.dotted(node.args[0])
        last = name.rpartition(".")[2]
    if last in {"client", "resource", "create_client"}:
        cloud_service(file, node)
    owner, part = file.catalogue.imported("python", name) if "." in name or name in file.scope.modules else ("", "")
    if owner and confirmed(file, owner, part, name[len(part) + 1 :].split(".")[0]):
        sdk_call(file, node, owner, part, name, last)
    elif handed_on(file, node, last):
        pass
    elif last in _HTTP:
        http_call(file, node)
    if last in _SOCKETS and node.args:
        host_argument(file, node)
    if last in _PROCESS:
        process_call(file, node)
    _model_arguments(file, node, last)
    if owner := file.catalogue.signals["methods"].get(last, ""):
        host = file.catalogue.providers[owner].host
        file.sign("direct", "sdk", owner, node, f"calls {last}", host=host, sdk=owner, confidence=Confidence.HIGH)


def _defaults(file: File, node: ast.Call) -> None:
    """`Env(LLM_URL=(str, "https://..."))`, `Settings(LLM_URL="https://...")`: what a name is where nothing sets it."""
    for word in node.keywords:
        if word.arg and word.arg.isupper():
            last = word.value.elts[-1:] if isinstance(word.value, ast.Tuple) else [word.value]
            for text in sorted(text for one in last for text in file.fold(one).texts if "://" in text):
                file.out.values.append(EnvValue(word.arg, text, "", word.value.lineno))


def _environment_call(file: File, node: ast.Call, name: str, last: str) -> None:
    if last in {"getenv", "putenv"} or name in {"os.environ.get", "environ.get", "os.environ.setdefault"}:
        names = file.fold(node.args[0]).texts if node.args else frozenset()
        file.out.reads |= names
        if last in {"putenv", "setdefault"} and len(node.args) > 1:
            for env in sorted(names):
                file.set_environment(env, node.args[1], node)


def _model_arguments(file: File, node: ast.Call, last: str) -> None:
    """`model="..."` anywhere: names the model of the file's client, and in a router the provider itfile."""
    for word in node.keywords:
        if word.arg and squash(word.arg) in file.catalogue.model_keys:
            for text in sorted(file.fold(word.value).texts):
                model_string(file, text, word.value, key=True)
