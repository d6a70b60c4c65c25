"""The catalogue keeps itself true: a sample of every name of every entry is made, read and found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Provider, read_catalogue

CATALOGUE = read_catalogue()
#: language of `imports` -> (file, the statement that imports a name)
IMPORTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "python": ("a.py", lambda name: f"import {name}\n"),
    "java": ("A.java", lambda name: f"import {name}.Client;\n"),
    "csharp": ("A.cs", lambda name: f"{name}.CreateBuilder(args);\nusing {name};\n"),
    "rust": ("a.rs", lambda name: f"use {name}::Client;\n"),
    "php": ("a.php", lambda name: f"<?php\nuse {name}\\Client;\n"),
    "swift": ("a.swift", lambda name: f"import {name}\n"),
    "ruby": ("a.rb", lambda name: f'require "{name}"\n'),
    "dart": ("a.dart", lambda name: f"import '{name}/client.dart';\n"),
    "go": ("a.go", lambda name: f'package a\nimport "{name}"\n'),
    "elixir": ("a.ex", lambda name: f"alias {name}.Chat\n"),
    "c": ("a.c", lambda name: f'#include "{name}"\n'),
    "r": ("a.R", lambda name: f"library({name})\n"),
}
#: ecosystem of `packages` -> (manifest, what declares a name in it)
MANIFESTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "pypi": ("requirements.txt", lambda name: f"{name}==1.0\n"),
    "npm": ("package.json", lambda name: json.dumps({"dependencies": {name.replace("*", "x"): "1.0.0"}})),
    "go": ("go.mod", lambda name: f"module a\nrequire {name} v1.0.0\n"),
    "maven": ("a.gradle", lambda name: f'implementation "{name if ":" in name else name + ":a"}:1.0"\n'),
    "nuget": ("a.csproj", lambda name: f'<PackageReference Include="{name}" Version="1.0" />\n'),
    "gem": ("Gemfile", lambda name: f'gem "{name}"\n'),
    "cargo": ("Cargo.toml", lambda name: f'[dependencies]\n{name} = "1"\n'),
    "composer": ("composer.json", lambda name: json.dumps({"require": {name: "^1"}})),
    "hex": ("mix.exs", lambda name: f'[{{:{name}, "~> 1.0"}}]\n'),
    "pub": ("pubspec.yaml", lambda name: f"dependencies:\n  {name}: ^1.0.0\n"),
    "swift": ("Package.swift", lambda name: f'[.package(url: "https://{name}.git", from: "1.0.0")]\n'),
}


def samples(provider: Provider) -> Iterator[tuple[str, str, str]]:
    """Yield (what, path, content) for each name of an entry."""
    for language, names in provider.imports.items():
        path, statement = IMPORTS[language]
        for name in names:
            yield f"{language}: {name}", path, statement(name)
    for ecosystem, names in provider.packages.items():
        path, statement = MANIFESTS[ecosystem]
        for name in names:
            yield f"{ecosystem}: {name}", path, statement(name)
    for image in provider.lists["images"]:
        yield f"image {image}", "Dockerfile", f"FROM {image.rstrip('/')}{'/x' if image.endswith('/') else ''}:1\n"
    for action in provider.lists["actions"]:
        yield f"action {action}", ".github/workflows/a.yml", f"      - uses: {action}@v1\n"
    for name in provider.lists["sql"]:
        yield f"SQL {name}", "a.sql", f"SELECT {name} x);\n"
    for command in provider.lists["cli"]:
        yield f"command {command}", "a.sh", f"{command} x\n"
    for prefix in provider.lists["terraform"]:
        row = f"    Type: {prefix}X\n" if prefix.startswith("AWS::") else f'resource "{prefix}x" "a" {{\n'
        yield f"resource {prefix}", "a.yaml" if prefix.startswith("AWS::") else "a.tf", row


def owners(path: str, content: str) -> set[str]:
    return {sign.provider for sign in readers.read(path, content, content.encode()[:64], CATALOGUE).signals}


@pytest.mark.parametrize("language", sorted({one for p in CATALOGUE.providers.values() for one in p.imports}))
def test_each_language_of_the_catalogue_has_a_reader_here(language: str) -> None:
    assert language in IMPORTS


def test_each_sample_is_found_as_its_own_or_as_the_entry_that_comes_first() -> None:
    lost = []
    for provider in CATALOGUE.providers.values():
        for what, path, content in samples(provider):
            found = owners(path, content)
            if provider.id not in found and not (found & _sharing(what)):
                lost.append(f"{provider.id}, {what}: {sorted(found)}")
    assert not lost, "\n".join(lost)


def _sharing(what: str) -> set[str]:
    """The entries that name the same thing: the first of them is found."""
    return {one.id for one in CATALOGUE.providers.values() for other, _, _ in samples(one) if other == what}
