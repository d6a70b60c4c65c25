"""From signs to uses: environment names joined across files, SDK signs given to where their client goes, signs
merged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.hosts import Destination, resolve
from secpipe.scan.shadow_ai.nearness import common, foreign, governs
from secpipe.scan.shadow_ai.signal import LOCAL, MECHANISMS, UNKNOWN, UNLISTED, EnvValue, Reading, Signal, Use

_MAX_EVIDENCE = 12
_MAX_TEXTS = 1_000  # that one value may stand for
_REFERENCE = re.compile(r"\$\{\s*(\w+)\s*(?::?-([^}]*))?\}|\$(\w+)")
_CAME = ", which came with another and is not used"
_ECOSYSTEMS = {".py": "pypi", ".ipynb": "pypi"} | dict.fromkeys((".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"), "npm")
_DECLARES = ("declares ", "installs ")
#: Whose line a use is shown at.
_ROLES = ("client", "endpoint", "direct", "model", "evidence", "import", "env", "manifest")


class Environment:
    """Every value the tree gives to an environment name, nearest first for a given file."""

    def __init__(self, values: Iterable[EnvValue], catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._values: dict[str, list[EnvValue]] = defaultdict(list)
        self._led: dict[tuple[tuple[str, ...], str], list[tuple[Destination, EnvValue]]] = {}
        for value in values:
            self._values[value.name].append(value)

    def destinations(self, names: Sequence[str], path: str) -> list[tuple[Destination, EnvValue]]:
        """Return where the names may lead: all distinct hosts, those set nearest to `path` first."""
        key = tuple(names), path.rpartition("/")[0]
        if key not in self._led:
            self._led[key] = list(self._lead(names, path).values())
        return self._led[key]

    def _lead(self, names: Sequence[str], path: str) -> dict[str, tuple[Destination, EnvValue]]:
        found: dict[str, tuple[Destination, EnvValue]] = {}
        values = [value for name in names for value in self._values.get(name, ())]
        for value in sorted(values, key=lambda item: (-common(item.path, path), item.path, item.line)):
            for text in self._expand(value.value):
                destination = resolve(text, self._catalogue)
                if destination is not None:
                    found.setdefault(destination.host, (destination, value))
        return found

    def _expand(self, value: str) -> list[str]:
        """`${OTHER}`, `$OTHER` and `${OTHER:-default}` anywhere in a text stand for what OTHER is set to, else for the
        default.
        """
        ends: dict[str, None] = {}
        seen: set[str] = set()
        pending = [value]
        while pending and len(seen) < _MAX_TEXTS:  # what is left out leaves the destination unknown
            text = pending.pop()
            if text in seen:
                continue
            seen.add(text)
            found = _REFERENCE.search(text)
            if found is None:
                ends[text] = None
                continue
            inner = [item.value for item in self._values.get(found[1] or found[3], ())]
            inner = inner or ([found[2]] if found[2] else [])
            pending += [f"{text[: found.start()]}{item}{text[found.end() :]}" for item in reversed(inner)]
        return list(ends)


def needed(values: Sequence[EnvValue], wanted: Collection[str]) -> list[EnvValue]:
    """Return the values of the names wanted, and of the names that these values are made of."""
    names, met = set(wanted), 0
    while len(names) > met:
        met = len(names)
        referred = (_REFERENCE.finditer(value.value) for value in values if value.name in names)
        names |= {found[1] or found[3] for several in referred for found in several}
    return [value for value in values if value.name in names]


def attribute(readings: dict[str, Reading], catalogue: Catalogue) -> list[Use]:
    """Return the uses of a tree, sorted by path and line, given what each file said."""
    environment = Environment([value for reading in readings.values() for value in reading.values], catalogue)
    packages = {package for reading in readings.values() for package in reading.packages}
    per_file: dict[str, list[Signal]] = {}
    for path, reading in readings.items():
        joined = [sign for signal in reading.signals for sign in _joined(signal, path, environment, catalogue)]
        joined = [_undeclared(sign, path, packages, catalogue) for sign in joined]
        confirmed = [sign for sign in joined if _confirmed(sign, joined, packages)]
        per_file[path] = _settle(confirmed, path, environment, catalogue)
    _explain(per_file, readings)
    uses = [use for path, signals in per_file.items() for use in _merge(signals, catalogue)]
    return sorted(uses, key=lambda use: (use.path, use.line, use.provider, use.host, use.mechanism, use.model))


def _joined(signal: Signal, path: str, environment: Environment, catalogue: Catalogue) -> list[Signal]:
    """Resolve the environment names on which a client depends."""
    if not signal.envs or signal.role != "client":
        return [signal]
    found = environment.destinations(signal.envs, path)
    elsewhere = bool(found) and all(foreign(value.path, path) for _, value in found)
    signals = [
        replace(
            signal,
            provider=destination.provider,
            host=destination.host,
            envs=(),
            confirm="",
            evidence=f"{signal.evidence}; {value.name} is {destination.host} in {value.path or path}",
        )
        for destination, value in found
    ]
    if signal.host:  # the SDK's own default, which the environment overrides
        governed = any(governs(value.path, path) for _, value in found)
        return signals if governed else [replace(signal, envs=()), *signals]
    if elsewhere:
        said = f"{signal.evidence}, which only another part of the tree sets"
        return [*signals, replace(signal, provider=UNKNOWN, envs=(), evidence=said)]
    if signals or signal.confirm == "optional":
        return signals
    own = catalogue.providers.get(signal.sdk)
    if own and own.kind == "cloud" and not own.host and own.lists["host_patterns"] and signal.mechanism == "sdk":
        # Each customer has a host of its own below the provider's: which one is told where the program runs.
        return [replace(signal, provider=signal.sdk, envs=())]
    return [replace(signal, provider=UNKNOWN, envs=(), evidence=f"{signal.evidence}, which nothing in the tree sets")]


def _confirmed(signal: Signal, all_signals: Sequence[Signal], packages: set[str]) -> bool:
    """Ordinary words count only if the package is declared or something else in the file names the provider."""
    if not signal.confirm or signal.confirm == "optional":
        return True
    return signal.confirm in packages or any(
        other.provider == signal.provider and not other.confirm for other in all_signals
    )


def _settle(signals: list[Signal], path: str, environment: Environment, catalogue: Catalogue) -> list[Signal]:
    """Within a file: imports, names and models give way to the clients they belong to."""
    clients = [sign for sign in signals if sign.role == "client"]
    by_sdk: dict[str, list[Signal]] = defaultdict(list)
    for client in clients:
        by_sdk[client.sdk].append(client)
    reached = {sign.provider for sign in signals if sign.role in {"client", "endpoint", "direct"}}
    named = any(_names_one(sign) and not _framework(sign, catalogue) for sign in signals)
    out: list[Signal] = []
    carriers = [*clients, *(sign for sign in signals if sign.role == "direct" and sign.mechanism == "action")]
    carriers = carriers or _only_cloud(signals, catalogue) or _only_host(signals, catalogue)
    for sign in signals:
        if sign.role == "import":
            goes = by_sdk.get(sign.sdk) or (by_sdk.get(sign.provider))
            if goes:
                out.append(_give(sign, goes[0]))
                continue
            if named and _framework(sign, catalogue):  # the provider it is used with says where the file calls
                sign = replace(sign, confidence=Confidence.LOW)
            out += _default(sign, path, environment, catalogue)
        elif sign.role == "env" and sign.provider not in reached:
            goes = [client for client in clients if client.sdk == sign.provider]
            led = next((one for one in signals if one.role == "endpoint" and one.line == sign.line), None)
            if led and sign.evidence.rpartition(" ")[2] in catalogue.base_url_env:  # `export OPENAI_BASE_URL=...`
                sign = replace(sign, confidence=Confidence.LOW, evidence=f"{sign.evidence}, which is {led.host}")
            out.append(_give(sign, goes[0]) if goes else sign)
        elif sign.role == "direct" and sign.mechanism == "config" and named and _framework(sign, catalogue):
            out.append(replace(sign, confidence=Confidence.LOW))
        elif sign.role == "model":
            out.append(_model(sign, carriers, reached))
        else:
            out.append(sign)
    return [_follow(sign, out) for sign in out]


def _only_cloud(signals: Sequence[Signal], catalogue: Catalogue) -> list[Signal]:
    """The import of a cloud's SDK where it is all that a file imports: a cloud serves the models of others by name."""
    imports = [sign for sign in signals if sign.role == "import" and not _framework(sign, catalogue)]
    alone = {sign.provider for sign in imports}
    return imports[:1] if len(alone) == 1 and catalogue.providers[imports[0].provider].kind == "cloud" else []


def _only_host(signals: Sequence[Signal], catalogue: Catalogue) -> list[Signal]:
    """The address of a cloud where it is the only one that a file names: `DeploymentName` beside `Endpoint`."""
    hosts = {(sign.provider, sign.host): sign for sign in signals if sign.role == "endpoint"}
    only = list(hosts.values()) if len(hosts) == 1 else []
    return [one for one in only if (owner := catalogue.providers.get(one.provider)) and owner.kind == "cloud"]


def _follow(sign: Signal, others: Sequence[Signal]) -> Signal:
    """A name of the provider in a file whose only use of its SDK goes elsewhere belongs to where that goes."""
    if sign.role != "env" or any(other.provider == sign.provider and other.role != "env" for other in others):
        return sign
    gone = next((other for other in others if other.sdk == sign.provider and other.role in {"import", "client"}), None)
    return _give(sign, gone) if gone else sign


def _names_one(sign: Signal) -> bool:
    """Whether a sign says who is called, so that the framework used for it is no finding beside it."""
    configured = sign.role == "direct" and sign.mechanism == "config"
    return (
        configured
        or sign.role in {"import", "client", "endpoint"}
        or (sign.role == "model" and sign.confidence > Confidence.LOW)
    )


def _framework(sign: Signal, catalogue: Catalogue) -> bool:
    provider = catalogue.providers.get(sign.provider)
    return provider is not None and provider.kind == "framework"


def _give(sign: Signal, client: Signal) -> Signal:
    """Return the sign as further evidence of where the client goes."""
    return replace(
        sign, provider=client.provider, host=client.host, role="evidence", sdk=client.sdk, mechanism=client.mechanism
    )


def _default(sign: Signal, path: str, environment: Environment, catalogue: Catalogue) -> list[Signal]:
    """An import without a client in the same file goes where its SDK goes by default, unless the environment says
    else.
    """
    provider = catalogue.providers[sign.provider]
    found = [
        (destination, value)
        for destination, value in environment.destinations(provider.lists["base_url_env"], path)
        if governs(value.path, path)
    ]
    if not found:
        return [replace(sign, host=provider.host if provider.kind not in {"framework", "vector-db"} else "")]
    return [
        replace(
            sign,
            provider=to.provider,
            host=to.host,
            sdk=sign.provider,
            evidence=f"{sign.evidence}; {value.name} is {to.host} in {value.path}",
        )
        for to, value in found
    ]


def _by_model(client: Signal, sign: Signal) -> bool:
    """Whether a client goes where each model's name says, so that it says nothing of another provider's model."""
    return bool(client.model) and client.sdk != client.provider and bool(re.search("[/:]", sign.model))


def _model(sign: Signal, clients: Sequence[Signal], reached: set[str]) -> Signal:
    """A model string belongs to the one client of the file; without a client it stands for its provider."""
    goers = {(client.provider, client.host): client for client in clients if not _by_model(client, sign)}
    if sign.provider in reached:
        return sign
    if set(goers) == {(UNKNOWN, "")} and re.search("[/:]", sign.model):  # a router: its table says where it may go
        return sign
    if len(goers) == 1:
        return replace(_give(sign, next(iter(goers.values()))), model=sign.model)
    if goers and sign.provider not in reached:
        return replace(sign, confidence=Confidence.LOW)
    return sign


def _explain(per_file: dict[str, list[Signal]], readings: dict[str, Reading]) -> None:
    """A declared package or a configured key is explained by the code that uses it, and follows where that code
    goes.
    """
    users: dict[str, set[str]] = defaultdict(set)
    readers: dict[str, list[list[Signal]]] = defaultdict(list)
    for path, signals in per_file.items():
        for sign in signals:
            if (
                sign.sdk
                and sign.role in {"client", "import", "evidence"}
                and sign.region in {"code", "example", "config"}
            ):
                users[sign.sdk].add(sign.provider)
                users[sign.provider].add(sign.provider)
        for name in sorted(readings[path].reads):
            readers[name].append([sign for sign in signals if sign.role in {"client", "endpoint"}])
    declared = {
        sign.provider for signals in per_file.values() for sign in signals if sign.evidence.startswith(_DECLARES)
    }
    if any(reading.engine == "manifest" for reading in readings.values()):
        for path, signals in per_file.items():
            per_file[path] = [_through_others(sign, declared, users) for sign in signals]
    for path, signals in per_file.items():
        per_file[path] = [_explained(sign, users, readers) for sign in signals]


def _through_others(sign: Signal, declared: set[str], users: Mapping[str, set[str]]) -> Signal:
    """A package that only a lock names, and no code imports, came with another one: it informs."""
    if sign.role != "manifest" or not sign.evidence.startswith("locks ") or sign.provider in declared:
        return sign
    if users.get(sign.provider):
        return sign
    return replace(sign, confidence=Confidence.LOW, evidence=f"{sign.evidence}{_CAME}")


def _undeclared(sign: Signal, path: str, packages: Collection[str], catalogue: Catalogue) -> Signal:
    """An import of what no manifest of the tree names, where there are manifests of its kind: that is said."""
    ecosystem = _ECOSYSTEMS.get(path[path.rfind(".") :], "")
    if sign.role != "import" or sign.sdk not in catalogue.providers or "imports " not in sign.evidence:
        return sign
    named = [package.partition(":")[2] for package in packages if package.startswith(f"{ecosystem}:")]
    if not named or not catalogue.providers[sign.sdk].packages.get(ecosystem):
        return sign
    declared = any(catalogue.package(ecosystem, name) == sign.sdk for name in named)
    return sign if declared else replace(sign, evidence=f"{sign.evidence}, which no manifest declares")


def _explained(sign: Signal, users: dict[str, set[str]], readers: dict[str, list[list[Signal]]]) -> Signal:
    if sign.role == "manifest" and users.get(sign.provider):
        return replace(sign, confidence=Confidence.LOW, evidence=f"{sign.evidence}, which the code uses")
    if sign.role == "env" and sign.region == "config":
        names = sign.evidence.split()
        files = readers.get(names[-1], []) if names else []
        goes = {client.provider for clients in files for client in clients}
        if files and all(files) and sign.provider not in goes:
            return replace(
                sign,
                confidence=Confidence.LOW,
                evidence=f"{sign.evidence}, read by code that calls {', '.join(sorted(goes))}",
            )
    return sign


def _merge(signals: Sequence[Signal], catalogue: Catalogue) -> list[Use]:
    """One use for each destination and model of a file, with everything that speaks for it."""
    groups: dict[tuple[str, str, str, str], list[Signal]] = defaultdict(list)
    for sign in signals:
        provider = catalogue.providers.get(sign.provider)
        host = sign.host or (provider.host if provider and sign.role in {"env", "model", "evidence"} else "")
        groups[sign.path, sign.provider, host, sign.region].append(sign)
    _fold_hostless(groups)
    uses = []
    for (path, provider_id, host, region), members in groups.items():
        models = sorted({sign.model for sign in members if sign.model and sign.mechanism != "download"}) or [""]
        plain = [sign for sign in members if sign.mechanism != "download"]
        for model in models if plain else ():
            uses.append(
                _use(path, provider_id, host, region, model, [s for s in plain if s.model in {"", model}], catalogue)
            )
        for sign in members:
            if sign.mechanism == "download":
                uses.append(_use(path, provider_id, host, region, sign.model, [sign], catalogue))
    return uses


def _fold_hostless(groups: dict[tuple[str, str, str, str], list[Signal]]) -> None:
    """Signs of a provider without a host join the provider's host in the same file and region."""
    for key in [key for key in groups if not key[2]]:
        path, provider, _, region = key
        target = next(
            (other for other in groups if other != key and other[:2] == (path, provider) and other[3] == region), None
        )
        if target is not None:
            groups[target].extend(groups.pop(key))


def _use(
    path: str, provider_id: str, host: str, region: str, model: str, members: list[Signal], catalogue: Catalogue
) -> Use:
    provider = catalogue.providers.get(provider_id)
    lead = min(members, key=lambda sign: (MECHANISMS.index(sign.mechanism), -sign.confidence, sign.line))
    best = max(sign.confidence for sign in members)
    line = min(members, key=lambda sign: (_ROLES.index(sign.role), -sign.confidence, sign.line)).line
    evidence = list(
        dict.fromkeys(f"line {sign.line}: {sign.evidence}" for sign in sorted(members, key=lambda s: s.line))
    )
    names = {UNKNOWN: "unknown destination", UNLISTED: "a host of no known provider", LOCAL: "this machine or network"}
    return Use(
        provider_id, host, lead.mechanism, model, path, line, region, best, tuple(evidence[:_MAX_EVIDENCE]),
        kind=provider.kind if provider else provider_id, name=provider.name if provider else names.get(provider_id,
        provider_id),
        jurisdiction=provider.jurisdiction if provider else "", sdk=next((sign.sdk for sign in members if sign.sdk),
        ""),
        local=provider_id == LOCAL or (provider is not None and provider.local),
        basis=_basis(path, members), context=bool(provider and provider.context),
    )  # fmt: skip


def _basis(path: str, members: Sequence[Signal]) -> str:
    """What a use rests on. That an import is all there is can be told of Python alone, where each call is looked at."""
    roles = {sign.role for sign in members}
    if roles == {"manifest"}:
        return "came along" if all(_CAME in sign.evidence for sign in members) else "dependency"
    return "import" if roles == {"import"} and path.endswith((".py", ".pyi", ".pyw")) else "use"
