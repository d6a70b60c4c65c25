"""How a server or hook is started: which package, image, program or address, and whether that names one version."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from secpipe.scan.agents.commands import URL, host_of
from secpipe.scan.agents.known import table

_RUNNERS = {
    "npx": "npm", "bunx": "npm", "pnpx": "npm", "uvx": "pypi", "pipx": "pypi",
}  # fmt: skip
_TWO = {
    ("npm", "exec"): "npm", ("npm", "x"): "npm", ("pnpm", "dlx"): "npm", ("yarn", "dlx"): "npm", ("bun", "x"): "npm",
    ("uv", "run"): "pypi", ("pipx", "run"): "pypi", ("deno", "run"): "url", ("go", "run"): "go", ("nix", "run"): "url",
    ("nix", "shell"): "url", ("pnpm", "exec"): "",
}  # fmt: skip
_TAKES_VALUE = frozenset(table("frameworks")["launch"]["values"])
_INSTALLERS: dict[str, str] = table("frameworks")["launch"]["installers"]
_INSTALL_VALUES = frozenset(table("frameworks")["launch"]["install_values"])
_PACKAGE_OPTION = {"-p", "--package", "--from", "--with", "--spec"}
_WRAPPERS = {
    "sudo",
    "env",
    "nohup",
    "time",
    "exec",
    "command",
    "nice",
    "stdbuf",
    "doas",
    "timeout",
    "dotenvx",
    "dotenv",
    "op",
}
_SHELLS = re.compile(r"(?i)^(?:ba|z|da|k|fi)?sh$|^(?:cmd|powershell|pwsh)$")
_EXACT = re.compile(r"v?\d+(?:\.\d+){0,3}(?:[-.+]?[0-9A-Za-z][0-9A-Za-z.+-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_VALUED = frozenset(table("frameworks")["launch"]["docker_values"])
_FLOATING_TAGS = {"", "latest", "main", "master", "edge", "nightly", "dev", "stable", "next", "beta", "canary", "alpha"}


@dataclass(slots=True)
class Launch:
    """What a command line starts."""

    words: list[str] = field(default_factory=list)
    packages: list[tuple[str, str, str]] = field(default_factory=list)  # (ecosystem, name, version); "" floats
    script: str = ""  # a file of the project that is started
    shell: str = ""  # text that a shell runs
    floating: str = ""  # what does not name one version
    roots: list[str] = field(default_factory=list)  # folders that are handed over


def launched(words: list[str], depth: int = 3) -> Launch:
    """Return what a command line (program and arguments) starts; wrappers and shells are looked through."""
    made = Launch(words)
    rest = _unwrapped(words)
    if not rest:
        return made
    program, arguments = _name(rest[0]), rest[1:]
    inner = _inner_shell(program, arguments)
    if inner is not None:
        return _in_shell(inner, made, depth)
    if " " in rest[0].strip() and not arguments:
        return _in_shell(rest[0], made, depth)
    kind = _RUNNERS.get(program)
    if kind and program == "pipx" and arguments[:1] == ["run"]:
        arguments = arguments[1:]
    if kind is None and arguments and (kind := _TWO.get((program, arguments[0]))) is not None:
        arguments = arguments[1:]
    own = program == "uv"
    if own and arguments[:2] == ["tool", "run"]:
        kind, arguments, own = "pypi", arguments[2:], False
    if kind == "url" or (kind is None and program == "deno"):
        _address(arguments, made)
    elif kind:
        _package(kind, arguments, made, own=own)
    elif program in {"docker", "podman", "nerdctl"}:
        _image(arguments, made)
    elif program == "git" and arguments[:1] == ["clone"] and made.words:
        made.floating = next((word for word in arguments if "://" in word or "@" in word), "")
    elif installed := _installs(program, arguments):
        _named_packages(*installed, made)
    else:
        _script(rest, made)
    made.roots += [
        word for word in arguments if re.match(r"^(?:/|~|\$\{?HOME|[A-Za-z]:\\)", word) and "://" not in word
    ]
    return made


def _installs(program: str, arguments: list[str]) -> tuple[str, list[str]] | None:
    """Return (ecosystem, words) of a command that installs packages by name, or None."""
    words = [program, *arguments]
    if re.fullmatch(r"python[\d.]*|py", program) and arguments[:2] == ["-m", "pip"]:
        words = words[2:]
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    kind = _INSTALLERS.get(re.sub(r"[\d.]+$", "", words[0]))
    verbs = {"install", "add", "i", "upgrade", *(("get",) if kind == "go" else ())}
    return (kind, words[2:]) if kind and len(words) > 2 and words[1] in verbs else None


def _named_packages(kind: str, words: list[str], made: Launch) -> None:
    """Packages that are installed by name; files of requirements and the project itself name theirs elsewhere."""
    skip = False
    for word in words:
        taken, skip = skip, word in _INSTALL_VALUES
        if taken or word.startswith(("-", ".", "/", "$")) or word.endswith((".txt", ".whl", ".toml")):
            continue
        name, version = _version(kind, word)
        made.packages.append((kind, name, version))
        if not version:
            made.floating = made.floating or word


def _unwrapped(words: list[str]) -> list[str]:
    rest = list(words)
    while rest and (_name(rest[0]) in _WRAPPERS or re.fullmatch(r"[A-Za-z_]\w*=.*", rest[0], re.DOTALL)):
        wrapper = _name(rest.pop(0))
        while (
            wrapper in _WRAPPERS
            and rest
            and (rest[0].startswith("-") or re.fullmatch(r"\d+[smh]?", rest[0]) or rest[0] == "run")
        ):
            rest.pop(0)
    return rest


def _name(word: str) -> str:
    name = re.split(r"[/\\]", word.strip())[-1].lower()
    return re.sub(r"\.(?:exe|cmd|bat|ps1)$", "", name)


def _inner_shell(program: str, arguments: list[str]) -> str | None:
    """Return the text that a shell is given to run, or None."""
    if not _SHELLS.match(program):
        return None
    for index, word in enumerate(arguments):
        if re.fullmatch(r"(?i)-[a-z]*c|/c|/k|-command|-encodedcommand|-enc|-e", word):
            prefix = "powershell -enc " if re.fullmatch(r"(?i)-enc\w*|-e", word) else ""
            return prefix + " ".join(
                arguments[index + 1 : index + 2]
                if program not in {"cmd", "powershell", "pwsh"}
                else arguments[index + 1 :]
            )
    return None


def _in_shell(text: str, made: Launch, depth: int) -> Launch:
    """Look at each command of a shell's text; the first that starts something names the launch."""
    parts = re.split(r"&&|\|\||[;\n|]", text)
    inner = [launched(split(part), depth - 1) for part in parts[:50] if depth and part.strip()]
    for one in inner:
        made.packages += one.packages
        made.floating = made.floating or one.floating
        made.script = made.script or one.script
        made.roots += one.roots
    plain = len(parts) == 1 and (made.packages or made.script) and not re.search(r"[`$]\(|[<>]", text)
    made.shell = "" if plain else text
    return made


def split(text: str) -> list[str]:
    """Return the words of a command line; what quotes badly is split at blanks."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _package(kind: str, arguments: list[str], made: Launch, *, own: bool = False) -> None:
    if any(word in {"--no-install", "--no", "--offline"} for word in arguments):
        return  # only what the project has installed is started
    named: list[str] = []
    index, first = 0, ""
    while index < len(arguments):
        word = arguments[index]
        option, has_value, value = word.partition("=")
        if option in _PACKAGE_OPTION and has_value and option.startswith("--"):
            named.append(value)
        elif word in _TAKES_VALUE:
            if word in _PACKAGE_OPTION and index + 1 < len(arguments):
                named.append(arguments[index + 1])
            index += 1
        elif not word.startswith("-"):
            first = word
            break
        index += 1
    if own:  # `uv run x` runs what the project's own lock names
        if "://" in first:
            made.floating = made.floating or first
        elif first.endswith(".py") or "/" in first:
            made.script = first
    elif not named and first:
        named.append(first)
    for one in named:
        name, version = _version(kind, one)
        if name.startswith((".", "/")) and "://" not in name:
            made.script = made.script or name
            continue
        made.packages.append((kind, name, version))
        if not version:
            made.floating = made.floating or one


def _version(kind: str, word: str) -> tuple[str, str]:
    """Return the name and the one version that a word names; "" where it floats."""
    if re.match(r"(?i)^(?:git\+|https?:|git:|ssh:|github:|gitlab:|bitbucket:)", word) or re.fullmatch(
        r"[\w.-]+/[\w.-]+(?:#.*)?", word
    ):
        name, _, ref = re.sub(r"^\w+\+", "", word).rpartition("@" if "@" in word.rpartition("/")[2] else "#")
        return (name or word), (ref if name and _COMMIT.fullmatch(ref.split("#")[0]) else "")
    if kind == "pypi" and "==" in word:
        name, _, version = word.partition("==")
        return _base(name), version if _EXACT.fullmatch(version) else ""
    at = word.rfind("@")
    if at > 0:
        name, version = word[:at], word[at + 1 :]
        exact = _EXACT.fullmatch(version) and (kind != "npm" or version.count(".") >= 2)
        return _base(name), version if exact or _COMMIT.fullmatch(version) else ""
    return _base(re.split(r"[<>~!=]", word)[0]), ""


def _base(name: str) -> str:
    return re.sub(r"\[[^\]]*\]$", "", name)


def _image(arguments: list[str], made: Launch) -> None:
    rest = arguments[1:] if arguments[:1] == ["run"] else arguments[2:] if arguments[:2] == ["container", "run"] else []
    index = 0
    while index < len(rest) and rest[index].startswith("-"):
        word = rest[index]
        valued = word in _VALUED and index + 1 < len(rest)
        value = rest[index + 1] if valued else word.partition("=")[2]
        if re.match(r"^(?:-v|--volume|--mount)\b", word):
            made.roots += [
                source for source in [re.sub(r"^.*?(?:src|source)=([^,]+).*$", r"\1", value).split(":")[0]] if source
            ]
        if word == "--privileged" or "docker.sock" in value:
            made.roots.append("/")
        index += 2 if valued else 1
    if index < len(rest):
        image = rest[index]
        name, _, digest = image.partition("@")
        tag = name.rpartition(":")[2] if ":" in name.rpartition("/")[2] else ""
        pinned = digest or ("" if tag.lower() in _FLOATING_TAGS else tag)
        made.packages.append(("docker", name.removesuffix(f":{tag}") if tag else name, pinned))
        if not pinned:
            made.floating = image


def _address(arguments: list[str], made: Launch) -> None:
    for word in arguments:
        if URL.match(word) or word.startswith(("npm:", "jsr:", "github:", "git+")):
            version = "".join(re.findall(r"@v?(\d+(?:\.\d+)+)", word)[-1:])
            made.packages.append(("deno", re.sub(r"@v?\d[\w.]*", "", word), version))
            made.floating = "" if version else word
            return
        if not word.startswith("-"):
            made.script = word
            return


def _script(rest: list[str], made: Launch) -> None:
    """A program of the project, or one of this machine with a file of the project."""
    for word in rest[:6]:
        if (
            "://" not in word and re.search(r"(?i)\.(?:py|js|mjs|cjs|ts|sh|rb|pl|ps1|jar|bash)$", word)
        ) or word.startswith(("./", "../")):
            made.script = word
            return


def remote_host(launch: Launch) -> str:
    """Return the host that a bridge to a remote server is given (`mcp-remote URL`), or ""."""
    if any(name.rpartition("/")[2] in {"mcp-remote", "supergateway", "mcp-proxy"} for _, name, _ in launch.packages):
        return next((host_of(word) for word in launch.words if URL.match(word)), "")
    return ""
