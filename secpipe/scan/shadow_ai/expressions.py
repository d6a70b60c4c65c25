"""What an expression of a C-like language amounts to, over tokens: texts put together, constants, environment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from secpipe.scan.shadow_ai.assignments import assignments
from secpipe.scan.shadow_ai.gluing import (
    BASE64,
    CLOSE,
    CONCATS,
    DEFAULTS,
    ENV_CALLS,
    ENV_ROOTS,
    FORMATS,
    GLUE,
    GLUE_LAST,
    GLUERS,
    JOINED,
    JOINS,
    LISTS,
    OR,
    SKIP,
    TRANSPARENT,
    buffered,
    characters,
    formatted,
    glued,
    is_piece,
    names_environment,
    sum_start,
)  # fmt: skip
from secpipe.scan.shadow_ai.lexer import Language, Lexed, Token, lex, unescape
from secpipe.scan.shadow_ai.naming import MAX_DEPTH, MAX_STEPS, Naming
from secpipe.scan.shadow_ai.values import (
    CUT,
    MAX_VALUES,
    OPEN,
    Value,
    concat,
    decoded,
    from_base64,
    join,
    replaced,
    text,
)

_NEAR = 40  # tokens of the options of one setting
_FAR = 4_000  # tokens of one argument


class Expressions(Naming):
    """Folds expressions of one file; a name stands for everything assigned to it in the file."""

    def __init__(self, lexed: Lexed, language: Language) -> None:
        self.tokens: Sequence[Token] = lexed.tokens
        self.code = lexed.code
        self.language = language
        super().__init__(*assignments(self.tokens))

    def fold(self, index: int, depth: int = 0) -> tuple[Value, int]:
        """Return the value of the expression at token `index` and where it ends."""
        if depth == 0:
            self._steps[0] = 0
        value, index = self._operand(index, depth)
        while index < len(self.tokens) and depth < MAX_DEPTH:
            mark = self.tokens[index].value if self.tokens[index].kind in {"mark", "word"} else ""
            if mark in GLUE and self._starts_operand(index + 1):
                right, index = self._operand(index + 1, depth + 1)
                value = concat(value, right)
            elif mark in OR:
                right, index = self.fold(index + 1, depth + 1)
                value = join((value, right))
            elif mark == "?" and self.tokens[index].kind == "mark" and self._starts_operand(index + 1):
                left, index = self.fold(index + 1, depth + 1)
                if index < len(self.tokens) and self.tokens[index].value == ":":
                    right, index = self.fold(index + 1, depth + 1)
                    left = join((left, right))
                value = left
            elif self._pasted(index):
                right, index = self._operand(index, depth + 1)
                value = concat(value, right)
            else:
                break
        return value, index

    def start_of(self, index: int) -> int:
        """Return the token at which the sum starts in which the string at `index` stands."""
        return sum_start(self.tokens, index, self._pasted)

    def _pasted(self, index: int) -> bool:
        """Whether a literal or macro stands right after another: C and Dart paste them together."""
        if self.language.name not in {"c", "dart"} or not 0 < index < len(self.tokens):
            return False
        macros = self.assigned if self.language.name == "c" else {}
        return all(is_piece(self.tokens[place], macros) for place in (index - 1, index))

    def _starts_operand(self, index: int) -> bool:
        if index >= len(self.tokens):
            return False
        token = self.tokens[index]
        return token.kind != "mark" or token.value in {"(", "[", "$", "&", "*", "!"}

    def _operand(self, index: int, depth: int) -> tuple[Value, int]:
        if not self._afford(depth):
            return CUT, index + 1
        while index < len(self.tokens) and self.tokens[index].value in SKIP and self.tokens[index].kind != "string":
            if self.tokens[index].value == "(":
                value, after = self.fold(index + 1, depth + 1)
                return self._chain(value, after + 1 if self._is(after, ")") else after, depth)
            index += 1
        if index >= len(self.tokens):
            return OPEN, index
        token = self.tokens[index]
        if token.kind == "string":
            return self._chain(text(token.value), index + 1, depth)
        if token.kind == "template":
            return self._chain(self._template(token.value, depth), index + 1, depth)
        if token.kind == "number":
            return text(token.value), index + 1
        if token.kind == "word":
            return self._word(index, depth)
        if token.value == "[":
            return self._of_list(*self.arguments(index, depth), depth)
        if token.value == "%" and self.language.name == "ruby" and index + 2 < len(self.tokens):
            return self._words(index, depth)
        return OPEN, index + 1

    def _is(self, index: int, value: str) -> bool:
        return index < len(self.tokens) and self.tokens[index].value == value and self.tokens[index].kind == "mark"

    def _word(self, index: int, depth: int) -> tuple[Value, int]:
        """A name, a dotted path, a call, an environment lookup."""
        path = [self.tokens[index].value.lstrip("$@")]
        index += 1
        while (
            index + 1 < len(self.tokens)
            and self.tokens[index].value in {".", "::", "->", "?", "\\"}
            and self.tokens[index + 1].kind == "word"
        ):
            if self.tokens[index].value == "." and self.language.name == "php":
                break
            path.append(self.tokens[index + 1].value.lstrip("$"))
            index += 2
        if self._is(index, "(") or (self._is(index, "!") and self._is(index + 1, "(")):
            return self._call(path, index if self._is(index, "(") else index + 1, depth)
        if self._is(index, "["):
            value, after = self.fold(index + 1, depth + 1)
            after = after + 1 if self._is(after, "]") else after
            if (
                path[-1] in ENV_ROOTS
                or path[-1] in {"_ENV", "_SERVER"}
                or {part.lower() for part in path} & {"environment"}
            ):
                return Value(envs=value.texts, cut=value.cut), after
            if not value.known and not value.cut and (members := self._members(path[-1], depth)):
                return self._chain(join(members), after, depth)
            return self._chain(join(self.name(key, depth) for key in sorted(value.texts)), after, depth)
        if len(path) > 1 and path[-2] in ENV_ROOTS:
            return Value(envs=frozenset({path[-1]}), none=True), index
        return self._chain(self.name(path[-1], depth), index, depth)

    def _call(self, path: list[str], index: int, depth: int) -> tuple[Value, int]:
        arguments, after = self.arguments(index, depth)
        if self._is(index + 1, "{") and (default := self._default(index + 1, depth)).texts:
            return self._chain(default, after, depth)
        last = path[-1].lower().rstrip("!")
        whole = "".join(path).lower()
        if (
            last in ENV_CALLS
            and arguments
            and names_environment(arguments[0])
            and (last != "fetch" or path[0].upper() == "ENV")
        ):
            default = join(arguments[1:])
            envs = arguments[0].texts
            return self._chain(Value(default.texts, envs, len(arguments) == 1, default.cut), after, depth)
        if last == "get" and len(path) > 1 and path[-2].lower() in {"env", "environ"} and arguments:
            return self._chain(Value(envs=arguments[0].texts, none=True), after, depth)
        if last in BASE64 and arguments and ("64" in whole or last == "atob"):
            return self._chain(decoded(arguments[0], from_base64), after, depth)
        if last == "from" and path[0] == "Buffer" and len(arguments) > 1 and (plain := buffered(*arguments[:2])):
            return self._chain(plain, after, depth)
        if last == "fromcharcode":
            return characters(arguments), after
        if last in FORMATS and arguments:
            return self._chain(formatted(arguments), after, depth)
        if last in JOINS and (len(path) == 1 or path[0].lower() in GLUERS):
            return self._chain(self._joined(index, path[0].lower() in GLUE_LAST, depth), after, depth)
        if last in JOINS and len(path) > 1 and path[-2] in self.assigned:
            return self._chain(glued(self._elements(self.assigned[path[-2]][0], depth), arguments[:1]), after, depth)
        if last in CONCATS and arguments:
            return self._chain(reduce(concat, arguments), after, depth)
        if last in {"stringbuilder", "stringbuffer"}:
            return self._chain(arguments[0] if arguments and arguments[0].texts else text(""), after, depth)
        if last in LISTS and after + 2 < len(self.tokens) and self.tokens[after + 1].value in JOINED:
            glue, end = self.arguments(after + 2, depth)
            return self._chain(glued(arguments, glue[:1]), end, depth)
        if last in TRANSPARENT and arguments:
            return self._chain(
                concat(arguments[1], arguments[0]) if last == "url" and len(arguments) > 1 else arguments[0],
                after,
                depth,
            )
        return self._chain(self.name(path[-1], depth) if not arguments else OPEN, after, depth)

    def _default(self, index: int, depth: int) -> Value:
        """What `url({ default: "https://..." })` says that a setting is where nothing else is set."""
        for place in range(index + 1, min(index + _NEAR, len(self.tokens) - 2)):
            if self._is(place, "}") or self._is(place, "{"):
                break
            if self.tokens[place].value in {"default", "defaultValue"} and self._is(place + 1, ":"):
                return self.fold(place + 2, depth + 1)[0]
        return OPEN

    def arguments(self, index: int, depth: int = 0) -> tuple[list[Value], int]:
        """Return the values of the arguments of the call whose `(` is at `index`, and where the call ends."""
        values: list[Value] = []
        if depth == 0:
            self._steps[0] = 0
        index += 1
        while True:
            if index >= len(self.tokens) or (
                self.tokens[index].value in {")", "]", "}"} and self.tokens[index].kind == "mark"
            ):
                break
            value, after = self.fold(index, depth + 1)
            values.append(value)
            if self._steps[0] > MAX_STEPS or self.spent:
                values.append(CUT)
                break
            index = self._after_argument(max(after, index + 1))
            if index >= 0 and self._is(index, ","):
                index += 1
                continue
            if index < 0:  # an argument of more tokens than are passed over
                values.append(CUT)
                index = max(after, 0)
            break
        return values, index + 1

    def _after_argument(self, index: int) -> int:
        """Pass over what folding left of an argument, up to its comma or the closing bracket; -1 where that is far."""
        level = 0
        for position in range(index, min(len(self.tokens), index + _FAR)):
            token = self.tokens[position]
            if token.kind != "mark":
                continue
            if token.value in CLOSE:
                level += 1
            elif token.value in {")", "]", "}"}:
                if level == 0:
                    return position
                level -= 1
            elif token.value == "," and level == 0:
                return position
        return -1 if index + _FAR < len(self.tokens) else index

    def _chain(self, value: Value, index: int, depth: int) -> tuple[Value, int]:
        """Methods on a value: `.concat(x)`, `.replace(a, b)`, `.join("")`, and those that change nothing."""
        while True:
            if (
                not (self._is(index, ".") or self._is(index, "->"))
                or index + 2 >= len(self.tokens)
                or self.tokens[index + 1].kind != "word"
            ):
                break
            if not self._is(index + 2, "("):
                break
            method = self.tokens[index + 1].value.lower()
            arguments, after = self.arguments(index + 2, depth)
            if method in {"concat", "append", "push_str"}:
                for item in arguments:
                    value = concat(value, item)
            elif method in {"replace", "replaceall", "gsub", "sub", "replacingoccurrences"} and len(arguments) > 1:
                old, new = arguments[0].texts, arguments[1].texts
                if len(old) == len(new) == 1:
                    value = replaced(value, next(iter(old)), next(iter(new)))
            elif method == "getordefault" and len(arguments) > 1 and names_environment(arguments[0]):
                value = replace(arguments[1], envs=arguments[0].texts)
            elif method in {"formatted", "format"} and arguments:
                value = formatted([value, *arguments])
            elif method in DEFAULTS:
                value = join((value, *arguments))
            index = after
        return value, index

    def _of_list(self, values: list[Value], after: int, depth: int) -> tuple[Value, int]:
        if self._is(after, ".") and after + 1 < len(self.tokens) and self.tokens[after + 1].value in JOINED:
            called = self._is(after + 2, "(")
            glue, end = self.arguments(after + 2, depth) if called else ([], after + 2)
            plain = "," if self.language.name == "javascript" else ""
            return self._chain(glued(values, glue[:1] or [text(plain)]), end, depth)
        return reduce(concat, values, text("")) if values else OPEN, after

    def _words(self, index: int, depth: int) -> tuple[Value, int]:
        """Ruby's `%w[a b c]`."""
        bracket = self.tokens[index + 2]
        end = self.code.find(CLOSE.get(bracket.value, bracket.value), bracket.start + 1)
        if self.tokens[index + 1].value not in {"w", "W"} or end < 0:
            return OPEN, index + 1
        after = index + 3
        while after < len(self.tokens) and self.tokens[after].start <= end:
            after += 1
        return self._of_list([text(word) for word in self.code[bracket.start + 1 : end].split()], after, depth)

    def _members(self, name: str, depth: int) -> list[Value]:
        """Every value of the tables that a name stands for: one is taken by a key that is not known."""
        values: list[Value] = []
        for start in self.assigned.get(name, ())[:MAX_VALUES]:
            if not (self._is(start, "{") or self._is(start, "[")):
                continue
            if start in self._busy:
                self._left_out.add(start)
                continue
            self._busy.add(start)
            position = start + 1
            while 0 <= position < len(self.tokens) and self.tokens[position].value not in {"}", "]"}:
                keyed = position + 2 < len(self.tokens) and self.tokens[position + 1].value in {":", "=>"}
                values.append(self.fold(position + 2 if keyed else position, depth + 1)[0])
                position = self._after_argument(position)
                if len(values) > MAX_VALUES or position < 0:
                    values.append(CUT)
                    break
                position += self._is(position, ",")
            self._busy.discard(start)
        return [*values, CUT] if OPEN in values and any(one.texts for one in values) else values

    def _joined(self, index: int, glue_last: bool, depth: int) -> Value:
        """`strings.Join([]string{...}, ".")`, `String.join(".", a, b)`, `implode(".", [a, b])`."""
        starts, position = [index + 1], index + 1
        while (position := self._after_argument(position)) >= 0 and self._is(position, ","):
            starts.append(position := position + 1)
        if len(starts) < 2:
            return OPEN
        glue = starts.pop() if glue_last else starts.pop(0)
        items = [item for start in starts for item in self._elements(start, depth)]
        return glued(items, [self.fold(glue, depth + 1)[0]])

    def _elements(self, start: int, depth: int) -> list[Value]:
        """The items of the list that starts at a token, or that the name there stands for; else the value itself."""
        token = self.tokens[start] if start < len(self.tokens) else None
        if token and token.kind == "word" and self.assigned.get(token.value) and depth < MAX_DEPTH:
            after = self.tokens[start + 1].value if start + 1 < len(self.tokens) else ""
            if after in {",", ")"}:
                return self._elements(self.assigned[token.value][0], depth + 1)
        for position in range(start, min(start + 8, len(self.tokens) - 1)):
            item = self.tokens[position]
            if item.kind == "string" or (item.kind == "mark" and item.value in {",", ")", ";"}):
                break
            if item.kind == "mark" and item.value in CLOSE and not self._is(position + 1, "]"):
                return self.arguments(position, depth + 1)[0]
        return [self.fold(start, depth + 1)[0]]

    def _template(self, body: str, depth: int) -> Value:
        out, position = text(""), 0
        for match in re.finditer(self.language.open_part, body):
            out = concat(out, text(unescape(body[position : match.start()])))
            inside = next((group for group in match.groups() if group), "")
            out = concat(out, self._inside(inside, depth))
            position = match.end()
        return concat(out, text(unescape(body[position:])))

    def _inside(self, source: str, depth: int) -> Value:
        if depth > 6:
            return OPEN
        inner = Expressions(lex(source, self.language), self.language)
        inner.assigned, inner.added, inner._steps = self.assigned, self.added, self._steps
        if re.fullmatch(r"\$?[A-Za-z_]\w*", source.strip()):
            return self.name(source.strip().lstrip("$"), depth + 1)
        path = re.fullmatch(r"(?:[\w$]+[.:>-]+)+([A-Za-z_]\w*)", source.strip())
        if path and not re.search(r"\benv\b", source):
            return self.name(path[1], depth + 1)
        row = re.fullmatch(r"(?:[\w$]+\.)*([A-Za-z_]\w*)\[\s*(?:[\"'](\w+)[\"']|[\w$.]+)\s*\]", source.strip())
        if row and row[1] not in ENV_ROOTS:
            return self.name(row[2], depth + 1) if row[2] else join(self._members(row[1], depth + 1))
        inner.assigned = inner.added = {}
        return inner.fold(0, depth + 1)[0]
