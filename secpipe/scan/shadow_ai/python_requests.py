"""Raw calls in Python: chat requests posted by hand, hosts given to sockets, command lines of other programs."""

from __future__ import annotations

import ast
from functools import reduce

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import shell
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.places import destination_signal
from secpipe.scan.shadow_ai.python_clients import keywords
from secpipe.scan.shadow_ai.python_file import File
from secpipe.scan.shadow_ai.python_strings import is_fixed
from secpipe.scan.shadow_ai.signal import UNKNOWN
from secpipe.scan.shadow_ai.values import concat
from secpipe.scan.shadow_ai.values import text as literal


def http_call(file: File, node: ast.Call) -> None:
    """A raw call whose body is a chat request, to whatever address."""
    words = keywords(file, node)
    bodies = [words[key] for key in ("json", "data", "body", "content") if key in words] + list(node.args[1:3])
    seen: dict[int, int] = {}
    if not any(_is_chat_body(file, body, seen) for body in bodies):
        return
    address = words.get("url") or next((item for item in node.args if not _is_verb(file, item)), None)
    _body_address(file, node, address)


def _body_address(file: File, node: ast.Call, address: ast.expr | None) -> None:
    value = file.fold(address)
    if address is not None:
        file.consume(address)
    found = False
    if value.cut and not (address is not None and is_fixed(address)):
        file.cut(node, "client", "http", "posts a chat request")
    for text in sorted(value.texts):
        destination = resolve(text, file.catalogue) if "://" in text else None
        if destination is not None:
            found = True
            file.out.signals.append(
                destination_signal(
                    "endpoint", "http", destination, node.lineno, f"posts a chat request to {destination.host}"
                )
            )
    if value.envs:
        file.sign("client", "http", "", node, f"posts a chat request to {', '.join(sorted(value.envs))}",
            envs=tuple(sorted(value.envs)),
                  confirm="optional" if found else "", confidence=Confidence.HIGH)  # fmt: skip
    elif not found and not any(text.startswith("/") for text in value.texts):
        file.sign("client", "http", UNKNOWN, node, "posts a chat request to an address that the code computes")


def _is_verb(file: File, node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isalpha()


def _is_chat_body(file: File, node: ast.expr, seen: dict[int, int], depth: int = 0) -> bool:
    """Whether the body is a chat request; `seen` holds at which depth a node was looked at, so that each is once."""
    if depth > 4 or seen.get(id(node), 5) <= depth:
        return False
    seen[id(node)] = depth
    if isinstance(node, ast.Dict):
        keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
        return ("model" in keys and bool(keys & {"messages", "prompt", "input", "contents"})) or keys >= {
            "contents",
            "generationConfig",
        }
    if isinstance(node, ast.Call):
        inner = [*node.args, *(word.value for word in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            inner.append(node.func.value)
        if file.scope.dotted(node.func) == "dict":
            return {"model", "messages"} <= {word.arg for word in node.keywords}
        return any(_is_chat_body(file, item, seen, depth + 1) for item in inner)
    if isinstance(node, ast.Name):
        return any(_is_chat_body(file, item, seen, depth + 1) for item in file.scope.names.get(node.id, ()))
    return False


def host_argument(file: File, node: ast.Call) -> None:
    """`HTTPSConnection("host")`."""
    for text in sorted(file.fold(node.args[0]).texts):
        destination = resolve(text, file.catalogue)
        if destination is not None and destination.provider in file.catalogue.providers:
            file.out.signals.append(
                destination_signal("endpoint", "http", destination, node.lineno, f"connects to {destination.host}")
            )
            file.consume(node.args[0])


def process_call(file: File, node: ast.Call) -> None:
    """`subprocess.run([...])`, `os.system("...")`."""
    for argument in node.args[:2]:
        if isinstance(argument, ast.List | ast.Tuple):
            value = reduce(
                lambda done, item: concat(concat(done, literal(" ")), file.fold(item)), argument.elts, literal("")
            )
        else:
            value = file.fold(argument)
        if value.cut and any(shell.commands(line, file.catalogue).signals for line in sorted(value.texts)):
            file.cut(node, "client", "http", "runs a command")
        for line in sorted(value.texts):
            found = shell.commands(line, file.catalogue)
            file.out.signals += [sign.at("", "", node.lineno - 1) for sign in found.signals]
            file.out.downloads += found.downloads
            if found.signals:
                file.consume(argument)
