"""One source file while it is being read: its tokens, its expressions, and what was found so far."""

from __future__ import annotations

from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.expressions import Expressions
from secpipe.scan.shadow_ai.lexer import Language, Lexed
from secpipe.scan.shadow_ai.signal import Reading


class File:
    """The state of one reading; `out` is what the readers add to."""

    def __init__(self, lexed: Lexed, language: Language, catalogue: Catalogue) -> None:
        self.lexed = lexed
        self.tokens = lexed.tokens
        self.language = language
        self.catalogue = catalogue
        self.expressions = Expressions(lexed, language)
        self.out = Reading(engine=f"lexer:{language.name}")
        self.sdks: list[str] = []
        self.consumed: set[int] = set()  # tokens that were read as part of something else
        self.inline: list[tuple[int, str]] = []  # (token of a setting that says where a client goes, its SDK)

    def line_at(self, offset: int) -> int:
        """Return the line of a character offset."""
        return self.lexed.code.count("\n", 0, offset) + 1
