"""One source file while it is being read: its tokens, its expressions, and what was found so far."""

from __future__ import annotations

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.expressions import Expressions
from secpipe.scan.shadow_ai.lexer import Language, Lexed, Token
from secpipe.scan.shadow_ai.signal import UNKNOWN, Reading, Signal
from secpipe.scan.shadow_ai.values import TOO_MANY


class File:
    """The state of one reading; `out` is what the readers add to."""

    def __init__(self, lexed: Lexed, language: Language, catalogue: Catalogue) -> None:
        self.lexed = lexed
        self.tokens = lexed.tokens
        self.language = language
        self.catalogue = catalogue
        self.expressions = Expressions(lexed, language)
        self.out = Reading()
        self.sdks: list[str] = []
        self.consumed: set[int] = set()  # tokens that were read as part of something else
        self.cuts: set[int] = set()  # lines at which a bound left values of an address out
        self.inline: list[tuple[int, str]] = []  # (token of a setting that says where a client goes, its SDK)

    def cut(self, token: Token, role: str, mechanism: str, evidence: str, sdk: str = "") -> None:
        """A bound left out some of the values that a destination is made of: it is also an unknown one."""
        self.cuts.add(token.line)
        said = f"{evidence} at {TOO_MANY}"
        sign = Signal(role, mechanism, UNKNOWN, line=token.line, sdk=sdk, evidence=said, confidence=Confidence.HIGH)
        self.out.signals.append(sign)

    def line_at(self, offset: int) -> int:
        """Return the line of a character offset."""
        return self.lexed.code.count("\n", 0, offset) + 1
