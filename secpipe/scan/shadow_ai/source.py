"""Source in languages without a parser of their own: imports, clients and where they point, raw calls, model
strings.
"""

from __future__ import annotations

from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.lexer import LANGUAGES, SUFFIXES, lex
from secpipe.scan.shadow_ai.places import endpoints
from secpipe.scan.shadow_ai.signal import Reading
from secpipe.scan.shadow_ai.source_clients import overrides, placed, plain_clients, routed, settings, switched
from secpipe.scan.shadow_ai.source_file import File
from secpipe.scan.shadow_ai.source_imports import brands, imports
from secpipe.scan.shadow_ai.source_requests import raw_call
from secpipe.scan.shadow_ai.source_strings import downloads, names_and_models, strings
from secpipe.scan.shadow_ai.tags import as_assignments
from secpipe.scan.shadow_ai.values import cut_at


def read(source: str, name: str, catalogue: Catalogue) -> Reading:
    """Return the signs in source of language `name`; bounded, never fails."""
    language = LANGUAGES[name]
    lexed = lex(source, language)
    file = File(as_assignments(lexed) if name == "go" else lexed, language, catalogue)
    imports(file)
    brands(file)
    overrides(file)
    placed(file)
    routed(file)
    switched(file)
    settings(file)
    strings(file)
    names_and_models(file)
    plain_clients(file)
    downloads(file)
    if not any(sign.role in {"client", "endpoint"} for sign in file.out.signals):
        raw_call(file)
    for line, comment in file.lexed.comments:
        for sign in endpoints(comment, line, catalogue, comment, confidence=Confidence.LOW):
            file.out.signals.append(replace(sign, region="comment"))
    file.out.unread += cut_at(file.cuts)
    if file.expressions.spent:
        file.out.unread.append("its expressions are too many to follow")
    if not file.lexed.complete:
        file.out.notes.append("holds more words than the lexer reads")
    file.out.engine = f"lexer:{language.name}"
    return file.out


def language_of(path: str) -> str:
    """Return the language of a file by its ending, or ""."""
    name = path.rpartition("/")[2].lower()
    if name in {"gemfile", "rakefile", "vagrantfile", "podfile", "fastfile"}:
        return "ruby"
    if name == "jenkinsfile":
        return "kotlin"
    return SUFFIXES.get(name[name.rfind(".") :], "") if "." in name else ""
