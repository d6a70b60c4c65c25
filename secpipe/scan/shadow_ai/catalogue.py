"""The catalogue of AI providers: read from `policies/ai-providers/*.toml`, indexed for lookups, extended by the
user's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.finding import Confidence
from secpipe.core.text import did_you_mean
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

#: `@cdktf/provider-aws/lib/bedrock-guardrail`, `cdktf_cdktf_provider_aws.bedrock_guardrail`.
_BINDING = re.compile(r"(?:@cdktf/provider-|cdktf_cdktf_provider_)([a-z0-9]+)(?:/lib/|\.)([\w-]+)")
_VERSION = re.compile(r"_v\d+\w*$")
_MAX_BYTES = 4 << 20
PROVIDER_SCHEMA = "secpipe.ai-providers/1"
SIGNALS_SCHEMA = "secpipe.ai-signals/1"

_LISTS = [
    "protocols",
    "hosts",
    "host_patterns",
    "env",
    "weak_env",
    "base_url_env",
    "model_prefixes",
    "model_names",
    "paths",
    "cli",
    "images",
    "files",
    "actions",
    "terraform",
    "iam",
    "sql",
    "unconfirmed",
    "sources",
]
_TABLES = ("packages", "imports", "confirm", "host_paths", "mcp_paths")
_KNOWN = {"id", "name", "kind", "jurisdiction", "note", "context", "keys", "revoke", *_LISTS, *_TABLES}
_PAGE = re.compile(r"https://[a-z0-9.-]+(?:/[A-Za-z0-9._/#~-]*)?")
_SEPARATORS = {
    "python": ".",
    "java": ".",
    "csharp": ".",
    "rust": "::",
    "php": "\\",
    "go": "/",
    "npm": "/",
    "ruby": "/",
    "c": "/",
}


@dataclass(frozen=True, slots=True)
class Key:
    """The format of a provider's secret; `term` is lower-case text every match contains ("" = only beside other
    signs).
    """

    provider: str
    pattern: re.Pattern[str]
    term: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of the catalogue; the lists are what the schema says (`policies/schema/ai-providers.schema.json`)."""

    id: str
    name: str
    kind: str
    jurisdiction: str = ""
    context: bool = False
    revoke: str = ""  # the page where a key that leaked is revoked
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    confirm: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    host_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mcp_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host its SDK calls when nothing else is said, or ""."""
        hosts = self.lists["hosts"]
        return hosts[0] if hosts else ""

    @property
    def local(self) -> bool:
        return self.kind == "local-runtime"


class Catalogue:
    """Providers with the indexes the readers look things up in. Keys of every index are lower case where case is
    free.
    """

    def __init__(
        self, providers: Sequence[Provider], keys: Sequence[Key], signals: Mapping[str, Any], digest: str
    ) -> None:
        self.providers = {provider.id: provider for provider in providers}
        self.keys = tuple(keys)
        self.signals = signals
        self.digest = digest
        self.hosts = _index(providers, "hosts")
        self.env = _index(providers, "env", fold=False)
        self.weak_env = _index(providers, "weak_env", fold=False)
        self.base_url_env = {
            **dict.fromkeys(signals["base_url_env"], ""),
            **_index(providers, "base_url_env", fold=False),
        }
        self.prefixes = _index(providers, "model_prefixes")
        self.cli = _pairs(providers, "cli")
        self.images = _pairs(providers, "images")
        self.files = _pairs(providers, "files")
        self.actions = _index(providers, "actions")
        self.terraform = _pairs(providers, "terraform")
        self.iam = _pairs(providers, "iam")
        self.sql = _pairs(providers, "sql")
        self.packages = {eco: _nested(providers, "packages", eco) for eco in _ecosystems(providers, "packages")}
        self.imports = {lang: _nested(providers, "imports", lang) for lang in _ecosystems(providers, "imports")}
        self.imports["npm"] = self.packages.get("npm", {})
        self.imports["go"] = {**self.packages.get("go", {}), **self.imports.get("go", {})}
        self.base_names = frozenset(squash(name) for name in signals["base_url_names"])
        self.weak_base_names = frozenset(squash(name) for name in signals["weak_base_url_names"])
        self.model_keys = frozenset(squash(name) for name in signals["model_names_keys"])
        self._patterns: list[tuple[re.Pattern[str], str]] | None = None
        self._models: list[tuple[re.Pattern[str], str]] | None = None

    @property
    def patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Host patterns, each for the whole `host[:port]`."""
        if self._patterns is None:
            self._patterns = [
                (re.compile(text, re.I), id_) for text, id_ in _pairs(self.providers.values(), "host_patterns")
            ]
        return self._patterns

    def model_owner(self, name: str) -> str:
        """Return the provider whose bare model names look like `name` (`gpt-4o`), or ""."""
        if self._models is None:
            self._models = [
                (re.compile(text, re.I), id_) for text, id_ in _pairs(self.providers.values(), "model_names")
            ]
        if len(name) > 200:
            return ""
        return next((id_ for pattern, id_ in self._models if pattern.fullmatch(name)), "")

    def imported(self, language: str, name: str) -> tuple[str, str]:
        """Return (provider, the catalogued part) of an imported package or module, longest part first, or ("", "")."""
        index, separator = self.imports.get(language, {}), _SEPARATORS.get(language, ".")
        part = name
        while part:
            if part in index:
                return index[part], part
            if (plain := _VERSION.sub("", part)) != part and plain in index:  # google.cloud.speech_v1p1beta1
                return index[plain], plain
            part = part.rpartition(separator)[0]
        return (owner, name) if (owner := self.bound(name)) else ("", "")

    def resource(self, kind: str) -> str:
        """Return the provider of what Terraform or CloudFormation calls `kind` (`aws_bedrock_guardrail`), or ""."""
        return next((owner for prefix, owner in self.terraform if kind.startswith(prefix)), "")

    def bound(self, name: str) -> str:
        """Return the provider of a resource that CDK for Terraform binds as a module, or ""."""
        match = _BINDING.match(name)
        return self.resource(f"{match[1]}_{match[2]}".replace("-", "_")) if match else ""

    def prefix(self, name: str) -> str:
        """Return the provider that routers call `name` (`bedrock_converse`), or ""."""
        return self.prefixes.get(f"{name.lower()}/", "") or self.prefixes.get(f"{name.lower()}:", "")

    def package(self, ecosystem: str, name: str) -> str:
        """Return the provider of a package as a manifest names it, or ""."""
        index = self.packages.get(ecosystem, {})
        if owner := index.get(normal_name(ecosystem, name)):
            return owner
        if ecosystem == "maven":
            return index.get(name.partition(":")[0], "")
        if ecosystem == "go":
            return self.imported("go", name)[0]
        scope = name.partition("/")[0]
        return index.get(f"{scope}/*", "") if scope.startswith("@") else ""

    def brand(self, name: str) -> str:
        """Return the provider a client class of a framework is made for (`ChatOpenAI`, `AzureChatOpenAI`), or ""."""
        classes: Mapping[str, str] = self.signals["classes"]
        if name in classes:
            return classes[name]
        word = squash(name)
        return next((id_ for brand, id_ in self.signals["brands"].items() if brand in word), "")


def squash(name: str) -> str:
    """Return a parameter or class name without case, `_`, `-` and spaces."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


@cache
def shipped_catalogue() -> Catalogue:
    """Return the catalogue that comes with secpipe."""
    return load(())


def load(extra: Iterable[str | Path]) -> Catalogue:
    """Return the shipped catalogue extended by the user's own provider files; a later entry of the same id replaces.

    Raises ConfigError for an unknown key, a wrong type or a pattern that does not compile.
    """
    folder = shipped() / "ai-providers"
    names = sorted(path for path in folder.glob("*.toml") if path.name != "signals.toml")
    digest = hashlib.sha256()
    documents = []
    for path in [*names, *(Path(item) for item in extra)]:
        data = read_bytes(path, _MAX_BYTES)
        digest.update(hashlib.sha256(data).digest())
        documents.append((parse_toml(data, f"catalogue {path.name}"), path.name))
    data = read_bytes(folder / "signals.toml", _MAX_BYTES)
    digest.update(data)
    signals = parse_toml(data, "catalogue signals.toml")
    if signals.get("schema") != SIGNALS_SCHEMA:
        raise ConfigError("the shipped signals.toml is of another schema", hint="reinstall secpipe")
    return build(documents, signals, digest.hexdigest())


def build(documents: Sequence[tuple[Mapping[str, Any], str]], signals: Mapping[str, Any], digest: str) -> Catalogue:
    """Return the catalogue of parsed documents, each with the name it is called by in errors. Raises ConfigError."""
    providers: dict[str, Provider] = {}
    keys: dict[str, list[Key]] = {}
    for document, name in documents:
        if document.get("schema") != PROVIDER_SCHEMA:
            raise ConfigError(f"{name} is no catalogue of AI providers", hint=f'schema = "{PROVIDER_SCHEMA}"')
        for row in document.get("provider", ()):
            provider = _provider(row, name)
            providers[provider.id] = provider
            keys[provider.id] = [_key(provider.id, item, name) for item in row.get("keys", ())]
    return Catalogue(list(providers.values()), [key for group in keys.values() for key in group], signals, digest)


def _provider(row: Mapping[str, Any], name: str) -> Provider:
    for key in row:
        if key not in _KNOWN:
            raise ConfigError(f'{name}: unknown key "{key}" in [[provider]]', hint=did_you_mean(key, _KNOWN))
    for key in ("id", "name", "kind"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise ConfigError(f'{name}: a provider lacks its "{key}"')
    lists = {key: _strings(row.get(key, ()), f"{name}: {row['id']}.{key}") for key in _LISTS}
    for pattern in (*lists["host_patterns"], *lists["model_names"]):
        _compile(pattern, name)
    tables = {
        table: {key: _strings(value, f"{name}: {row['id']}.{table}.{key}") for key, value in row.get(table, {}).items()}
        for table in _TABLES
    }
    revoke = row.get("revoke", "")
    if not isinstance(revoke, str) or (revoke and not _PAGE.fullmatch(revoke)):
        raise ConfigError(f"{name}: {row['id']}.revoke is no address of a page", hint='revoke = "https://..."')
    return Provider(
        row["id"], row["name"], row["kind"], row.get("jurisdiction", ""), bool(row.get("context")), revoke, lists,
        **tables,
    )  # fmt: skip


def _key(provider: str, row: Mapping[str, Any], name: str) -> Key:
    try:
        confidence = Confidence.parse(row["confidence"])
        return Key(provider, _compile(row["regex"], name), row["term"], Confidence(confidence))
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{name}: a key format of {provider} is malformed ({error})") from None


def _compile(text: str, name: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigError(f"{name}: {text!a} is no regular expression: {error}") from None


def _strings(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{what} is not a list of words")
    return tuple(value)


def _index(providers: Iterable[Provider], key: str, *, fold: bool = True) -> dict[str, str]:
    found: dict[str, str] = {}
    for provider in providers:
        for item in provider.lists[key]:
            found.setdefault(item.lower() if fold else item, provider.id)
    return found


def _pairs(providers: Iterable[Provider], key: str) -> list[tuple[str, str]]:
    pairs = [(item, provider.id) for provider in providers for item in provider.lists[key]]
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def _ecosystems(providers: Iterable[Provider], table: str) -> list[str]:
    return sorted({eco for provider in providers for eco in getattr(provider, table)})


def _nested(providers: Iterable[Provider], table: str, ecosystem: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for provider in providers:
        for item in getattr(provider, table).get(ecosystem, ()):
            found.setdefault(
                normal_name(ecosystem, item) if table == "packages" else item,
                provider.id,
            )
    return found


def read_catalogue(extra: Iterable[str | Path] = ()) -> Catalogue:
    """Return the shipped catalogue, extended by the user's files if any. Raises ConfigError or InputError."""
    files = tuple(extra)
    try:
        return load(files) if files else shipped_catalogue()
    except InputError as error:
        raise ConfigError(error.message, hint=error.hint) from None
