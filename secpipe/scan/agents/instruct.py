"""Prose that an assistant follows: orders to conceal, to disable checks, to take secrets. By patterns, never by a model.

Texts on security quote attacks. What a sentence reports, forbids or shows under a heading about attacks is no order; a
text that only pretends so is a limit of this reader (`docs/agents.md`).
"""

# ruff: noqa: E501  # one alternative a line: a table of expressions, broken nowhere else

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.scan.agents import commands
from secpipe.scan.agents.known import words

_WHO = r"(?:the\s+|your\s+|any\s+)?(?:users?|humans?|developers?|reviewers?|operators?|owners?|maintainers?|anyone|anybody|them|people|person|team|customers?|admins?)"
_CONCEAL = re.compile(
    rf"(?i)\b(?:do\s*n[o']t|don[’]t|never|must\s+not|should\s+not|shouldn't|avoid|refrain\s+from|without|no\s+need\s+to)\s+(?:ever\s+|explicitly\s+|even\s+)?"
    rf"(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|warn(?:ing)?|let(?:ting)?|show(?:ing)?\s+(?:this|these|it|that|any\s+of\s+this)\s+to|mention(?:ing)?\s+(?:this|these|it|that|any\s+of\s+this|the\s+\w+)(?:\s+\w+){{0,4}}\s+to|reveal(?:ing)?\s+(?:this|these|it|that|any)(?:\s+\w+){{0,4}}\s+to|disclos(?:e|ing)\s+(?:this|these|it|that)(?:\s+\w+){{0,4}}\s+to)\s+"
    rf"{_WHO}\b(?!\s+to\b)(?!['’]s\b)(?!\s+about\s+(?:each|every|intermediate|internal|technical|implementation))(?!\s+(?:how|what|which|why|when|if)\b)"
    r"|\b(?:do\s*n[o']t|don[’]t|never|must\s+not|without)\s+(?:mention(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|report(?:ing)?|log(?:ging)?|describ(?:e|ing)|acknowledg(?:e|ing)|talk(?:ing)?\s+about|explain(?:ing)?|includ(?:e|ing))\s+(?:that\s+you|this\s+(?:step|instruction|rule|note|action|request|call|file|command|tool|upload|comment|section|to)|these\s+(?:steps|instructions|rules|actions|commands)|any\s+of\s+(?:this|these)|the\s+(?:existence|upload|transfer|exfiltration|sync(?:ing)?|side\s*note|sidenote))"
    r"|\b(?:hide|conceal|keep)\s+(?:this|these|it|that|the\s+(?:fact|action|command|output|step|call|change|transfer|upload)s?)\b[^.\n]{0,40}?\b(?:from\s+(?:the\s+)?(?:users?|humans?|developers?|reviewers?|them|people|everyone|anyone|operators?)|secret|hidden|confidential|to\s+yourself)\b"
    rf"|\b(?:silently|secretly|covertly|stealthily|quietly|invisibly|in\s+the\s+background,?\s+without)\s+(?:and\s+\w+\s+)?(?:run|execute|send|upload|post|copy|read|forward|collect|append|add|insert|include|fetch|download|install|commit|push|exfiltrate|transmit|submit|email|call|bcc|modify|approve|disable)\b"
    rf"|\b{_WHO}\s+(?:do(?:es)?\s*n[o'’]t|do(?:es)?\s+not|need\s+not)\s+(?:need\s+to\s+)?(?:know|see|be\s+(?:told|aware))\s*(?:about\s+(?:this|it|that)|of\s+(?:this|it|that))"
    r"|\bwithout\s+mentioning\s+(?:it|this|that|them)\b"
    rf"|\b{_WHO}\s+(?:must|should|need|shall)\s*(?:n[o'’]t|never)\s+(?:to\s+)?(?:see|know|notice|be\s+(?:told|informed|aware|notified|shown)|find\s+out|learn)\b"
    rf"|\bso\s+(?:that\s+)?{_WHO}\s+(?:does|do|will|would|can)\s*n(?:ot|'t)\s+(?:notice|see|know|find)"
)
_CHECKS = r"(?:security|safety|guard\s*rails?|sandbox(?:ing)?|permission|confirmation|approval|pre-?commit|malware|anti-?virus|secret|vulnerability|compliance|content|code[- ]review|audit|prompt[- ]injection|trust|signature|certificate|tls|ssl|secpipe|gitleaks|semgrep|trufflehog|snyk|codeql|dependabot)"
_DISABLE = re.compile(
    rf"(?i)\b(?:disable|bypass|skip|turn\s+off|switch\s+off|circumvent|deactivate|suppress|ignore|override|work\s+around|evade|silence)\s+(?!confirmation|\w+\s+confirmation)(?:all\s+|any\s+|every\s+|the\s+|your\s+|its\s+|these\s+|those\s+|of\s+)*"
    rf"(?:[\w-]+\s+){{0,2}}?{_CHECKS}s?\s*(?:[\w-]+\s+)?(?:scan(?:s|ner|ners|ning)?|checks?|reviews?|hooks?|controls?|policy|policies|warnings?|prompts?|guidelines?|rules?|measures?|restrictions?|mechanisms?|polic\w+|gates?|verification|validation|dialogs?|tools?|mode|trails?|alerts?|boundar\w+|rails?|steps?|requests?)\b"
    r"|\b(?:bypass|disable|escape|turn\s+off|switch\s+off|deactivate|circumvent)\s+(?:the\s+|your\s+|all\s+|any\s+)*(?:sandbox|guard\s*rails?|permission\s+system|safety\s+system|firewall|antivirus)\b"
    r"|\b(?:ignore|disregard|forget|override|bypass)\s+(?:all\s+|any\s+|the\s+|your\s+|every\s+)*(?:of\s+)?(?:previous|prior|earlier|above|preceding|other|existing|system|safety|original|security)\s+(?:\w+\s+){0,2}(?:instructions?|prompts?|rules?|guidelines?|directives?|messages?|context|constraints?|policies)"
    r"|\b(?:you\s+are\s+now|act\s+as|pretend\s+(?:to\s+be|you\s+are)|enter|enable)\s+(?:in\s+)?(?:an?\s+)?(?:dan\b|unrestricted|jailbroken|god\s*mode|developer\s+mode\s+with\s+no|an?\s+ai\s+without\s+(?:restrictions|limits))"
    r"|(?:\buse|\brun|\badd|\bpass|\balways|\bwith|\bcommit|\bpush|git\s+\w+[^\n]{0,60})\s+[`'\"]?--no-verify\b|--dangerously-skip-permissions\b|--dangerously-bypass-approvals-and-sandbox\b"
    r"|\bNODE_TLS_REJECT_UNAUTHORIZED\s*=\s*[\"']?0|\bgit\s+config\s+(?:--global\s+)?(?:http\.sslVerify\s+false|core\.hooksPath\s+/dev/null)|\bstrict-ssl\s+false"
    r"|\b(?:auto(?:matically)?[- ]?(?:approve|accept|merge|allow)|always\s+(?:approve|accept|allow|answer\s+yes|say\s+yes))\s+(?:all|any|every|each|the)\s+(?:of\s+the\s+)?(?:tool|permission|command|prompt|action|dialog|confirmation)(?:\s+(?:calls?|requests?|prompts?|use))?s?\b"
    r"|\bwithout\s+(?:asking|requesting|waiting|seeking|getting)\s+(?:for\s+)?(?:the\s+user(?:['’]s)?\s+)?(?:for\s+)?(?:any\s+)?(?:permission|confirmation|approval|consent)\b[^.\n]{0,60}\b(?:run|execute|install|delete|push|send|upload|deploy|pay|transfer)\b"
    r"|\b(?:run|execute|install|delete|push|send|upload|deploy|transfer|pay)\b[^.\n]{0,80}\bwithout\s+(?:asking|requesting|waiting|seeking|getting)\s+(?:for\s+)?(?:the\s+user(?:['’]s)?\s+)?(?:for\s+)?(?:any\s+)?(?:permission|confirmation|approval|consent)\b"
    r"|\b(?:mark|report|classify|rate|treat|declare|label)\s+(?:this|it|the\s+\w+|all\s+\w+|everything|every\s+\w+)\s+(?:\w+\s+){0,3}?as\s+(?:safe|clean|benign|trusted|secure|passed|approved)\b[^.\n]{0,60}\b(?:regardless|whatever|even\s+if|no\s+matter|always|without)"
)
_TAKE = re.compile(
    r"(?i)\b(?:send|upload|post|exfiltrate|transmit|forward|email|e-mail|submit|leak|report|append|attach|include|pass|put|add|encode|embed|copy|bcc|sync|share|deliver|write|(?:send|upload|post|exfiltrat|transmitt|forward|email|submitt|append|attach|includ|pass|putt|encod|embedd|copy|shar|deliver)ing)\b[^\n]{0,240}"
)
_MEANT = re.compile(r"(?i)\b(?:its|their|the|that|those)\s+(?:contents?|values?|text|output|result)\b|\b(?:it|them)\b")
#: An archive behind a password passes every scanner on the way, which is why it has one.
_LOCKED = re.compile(
    r"(?i)\b(?:download|get|fetch|open)\b[^\n]{0,200}https?:/{2}[^\n]{0,200}\bpassword\b[^\n]{0,160}\b(?:run|execute|open|launch|start|install|double-click)\b"
)
_SENDING = ("send", "upload", "post", "exfiltrat", "transmit", "forward", "email", "e-mail", "submit", "leak", "report", "append", "attach",
            "include", "pass", "put", "add", "encode", "embed", "copy", "bcc", "sync", "share", "deliver", "write")  # fmt: skip
_TAKEN = re.compile(
    r"(?i)\b(?:(?:api|access|private|secret|ssh|session|signing|encryption)[- ]?(?:keys?|tokens?)|credentials?|passwords?|secrets?|seed\s+phrases?|mnemonics?|environment\s+variables?|env\s+vars?|cookies|(?:system\s+prompt|full\s+conversation|chat\s+history|conversation\s+history|source\s+code|entire\s+(?:repository|codebase)))\b|(?<![\w/])\.(?:env|ssh|aws|netrc|npmrc|kube)\b"
)
_PLACE = re.compile(
    r"(?i)\bhttps?://[^\s)>\"'`]+|\b[\w.+-]+@[\w-]+\.[\w.]+\b|\b(?:webhook|pastebin|gist|remote\s+(?:server|endpoint)|(?:our|the|external|following|collection|telemetry|analytics|backup|sync|metrics)\s+(?:server|endpoint|url|api|collector)|query\s+(?:string|parameter)|url\s+parameter|sidenote|[`'\"]\w+[`'\"]\s+(?:parameter|argument|field)|(?:parameter|argument|field)\s+[`'\"]\w+|image\s+url)\b"
)
_READ_SECRETS = re.compile(
    r"(?i)\b(?:read|cat|open|load|retrieve|fetch|get|collect|gather|find|search\s+for|look\s+for|scan\s+for|grab|dump|extract|access|list|print|output|include)\b[^\n]{0,120}"
)
#: A sentence that forbids, reports, describes or shows: what it names is no order.
_QUOTES = re.compile(
    r"(?i)\b(?:never|not|no\s+longer|do\s*n[o']t|don[’]t|must\s+not|mustn't|should\s+not|shouldn't|cannot|can't|avoid|refuse|reject|decline|block(?:s|ed|ing)?|flag(?:s|ged|ging)?|detect(?:s|ed|ing|ion|ions)?|attack(?:s|er|ers|ing)?|malicious(?:ly)?|exploit(?:s|ed|ation)?|inject(?:s|ed|ion|ions|ing)?|suspicious|red\s+flags?|threats?|vulnerab\w+|unsafe|anti-?patterns?|insecure|phish\w*|e\.g\.|for\s+example|examples?|look\s+(?:for|out)|watch\s+(?:for|out)|scan\s+for|search\s+for|grep\s+for|check\s+(?:for|that|whether|if)|indicators?|payloads?|adversar\w+|fixtures?|cve-\d+|warning\s+signs?|jailbreak\w*|poison\w*|prohibit\w*|forbid\w*|forbidden|disallow\w*|not\s+allowed|ask\s+(?:the\s+user\s+)?(?:before|first)|unless|prevent\w*|mitigat\w+|defend\w*|defen[cs]e|stop(?:s|ped)?\s+(?:if|when)|tries\s+to|try\s+to|attempts?\s+to|that\s+(?:ask|tell|instruct|say|claim)s?|instructions?\s+(?:like|such\s+as)|phrases?\s+(?:like|such\s+as)|such\s+as|hostile|untrusted|if\s+(?:a|an|the|any|you\s+see|you\s+find|someone)|may\s+(?:try|contain|attempt)|could|would|might|red[- ]team\w*|pentest\w*|audit(?:s|ing)?\s+for|risk(?:s|y)?|dangerous|bad|wrong|compromis\w+|abus\w+)\b|[❌🚫✗⛔⚠]"
)
_RISK = r"(?:run|execute|send|fetch|curl|wget|read|ignore|disregard|append|install|upload|call|download|import|commit|push|post|approve|disable|delete|exfiltrate|forward|(?:add|insert|include|use|prepend)\b[^\n]{0,80}(?:https?://|script|package|dependency|backdoor|import|require|from\s+['\"`]))\b"
_ORDER = re.compile(
    rf"(?i)\b(?:ai|assistants?|agents?|model|claude|copilot|cursor|gemini|codex|llms?|gpt|chatbot)\b[^\n]{{0,80}}\b(?:must|should|shall|always|have\s+to|need\s+to|are\s+(?:required|instructed)|please)\s[^\n]{{0,60}}{_RISK}|\b(?:ai|assistants?|agents?|claude|copilot|cursor|llms?)\s*:\s[^\n]{{0,40}}{_RISK}"
    rf"|(?:^|[.:!]\s*)\s*(?:always|important|system|note\s+to\s+(?:ai|the\s+assistant|agents?)|instructions?)\b[^\n]{{0,60}}\b{_RISK}|<(?:important|system|secret|instructions?|hidden)>|\[(?:system|inst)\]"
)
_SENTENCE = re.compile(r"[.!?;]\s|\n\s*\n|\n\s*(?:[-*|>#]|\d+[.)])|:\s*\n|```")
_ADDRESS = re.compile(r"\S*(?:://|\w\.\w{2,}|/\w)\S*")
_WRAPPED = re.compile(r"(?<=[a-z,])\n(?=[a-z])")
_PIECE = 4000
_HEADING = re.compile(r"(?m)^(#{1,6})\s+(.{1,200})$")
_ABOUT_ATTACKS = re.compile(
    r"(?i)\b(?:attack|threat|red\s+flag|malicious|exploit|inject|detect|vulnerab|unsafe|anti-?pattern|insecure|bad|wrong|don['’]?t|do\s+not|never|avoid|forbidden|prohibited|warning\s+signs?|examples?\s+of|suspicious|what\s+to\s+look\s+for|indicators?|payloads?|test\s+cases?|jailbreak|poison|phish|misuse|abuse|danger|security\s+(?:review|check|considerations|risks?)|checklist|owasp|cve|hardening|signatures?|iocs?|patterns)"
)
_COMMENT = re.compile(
    r"<!--([\s\S]{4,8000}?)(?:-->|\Z)|^\[(?://|comment|_)\]:\s*#?\s*[(\"']([^\n]{4,2000})[)\"']\s*$", re.MULTILINE
)
_UNSHOWN = re.compile(
    r"(?i)<(?:span|div|p|font|details|td)\b[^>\n]{0,200}(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?:\.0+)?\s*[;\"']|color\s*:\s*(?:white|#fff(?:fff)?|transparent)|\bhidden\b)[^>\n]{0,200}>([\s\S]{8,4000}?)</"
)


_LOOKS: tuple[tuple[str, re.Pattern[str], tuple[str, ...], tuple[str, ...]], ...] = (
    ("conceal", _CONCEAL,
     ("tell", "inform", "notif", "alert", "warn", "mention", "reveal", "disclos", "report", "log", "describ", "acknowledg", "talk",
      "explain", "includ", "let", "show", "hide", "conceal", "keep", "see", "know", "aware", "told", "silent", "secret", "covert",
      "stealth", "quiet", "invisib", "background", "learn", "find"),
     ("n't", "n’t", "not", "never", "without", "avoid", "refrain", "no need", "hide", "conceal", "keep", "silent", "secret", "covert",
      "stealth", "quiet", "invisib", "background")),
    ("disable", _DISABLE,
     ("disable", "bypass", "skip", "turn off", "switch off", "circumvent", "deactivate", "suppress", "ignore", "override", "work around",
      "evade", "silence", "disregard", "forget", "you are now", "act as", "pretend", "unrestricted", "no-verify", "dangerously", "unauthorized=",
      "sslverify", "hookspath", "strict-ssl", "approve", "accept", "without", "mark", "report", "classify", "rate", "treat", "declare",
      "label"),
     ("secur", "safe", "guard", "sandbox", "permission", "confirm", "approv", "commit", "malware", "virus", "secret", "vulnerab",
      "complian", "content", "review", "audit", "injection", "trust", "signature", "certificate", "tls", "ssl", "secpipe", "gitleaks",
      "semgrep", "trufflehog", "snyk", "codeql", "dependabot", "instruction", "prompt", "rule", "guideline", "directive", "message",
      "context", "constraint", "polic", "dan", "jailbr", "god", "restrict", "limit", "verify", "unauthorized", "hookspath", "tool",
      "command", "action", "dialog", "consent", "clean", "benign", "passed")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """Something that a text orders: `kind` is conceal, disable, take or unseen."""

    kind: str
    said: str
    at: int


def orders(text: str, *, code: bool = False) -> Iterator[Order]:
    """Yield what a text orders an assistant to do; each kind once. `code`: values of a file, without headings."""
    view = _View(text, code)
    for kind, pattern, *hints in _LOOKS:
        if (found := _first(view, pattern, hints)) is not None:
            yield Order(kind, found[0], found.start())
    yield from _taking(view)
    if (found := _first(view, _LOCKED, [("password",), ("download", "https://", "http://")])) is not None:
        yield Order("fetch", found[0], found.start())
    yield from _unseen(view)


def _first(view: _View, pattern: re.Pattern[str], hints: list[tuple[str, ...]]) -> re.Match[str] | None:
    """Return the first match that orders; a line is only looked at where each of the hints has a word in it."""
    for start, end in view.lines(hints):
        for match in pattern.finditer(view.joined, start, end):
            if not view.quoted(match.start(), match.end()) and not view.remark(match.start()):
                return match
    return None


def _reports(text: str) -> bool:
    """Whether words report, forbid or show; addresses and paths are no words."""
    return bool(_QUOTES.search(_ADDRESS.sub(" ", text)))


def quoted(text: str, start: int, end: int, *, code: bool = False) -> bool:
    """Whether the words from `start` to `end` are reported, forbidden or shown as an example of an attack."""
    return _View(text, code).quoted(start, end)


def _taking(view: _View) -> Iterator[Order]:
    """An order to send a secret somewhere: the act, the secret and the place in one paragraph."""
    places = words("credentials", "places")
    for start, end in view.lines([_SENDING]):
        for match in _TAKE.finditer(view.joined, start, end):
            first, last = view.paragraph(match.start())
            around, told = " " + view.joined[first:last], match[0].split(". ")[0]
            reads = places.search(around) and _READ_SECRETS.search(around)
            meant = _READ_SECRETS.search(around) and _MEANT.search(told) and _TAKEN.search(around)
            if not (_TAKEN.search(told) or reads or meant):
                continue
            if not (_PLACE.search(told) or (reads and _PLACE.search(around))) or _ordinary(told):
                continue
            if view.in_fence(match.start()) or view.quoted(match.start(), match.start() + len(told)):
                continue
            yield Order("take", told, match.start())
            return


def _ordinary(told: str) -> bool:
    """Whether a secret goes where it belongs: a key in the header of a request, a password in a form for its owner."""
    return bool(
        re.search(
            r"(?i)\bheaders?\b|\bonly\s+to\b|authorization:|\bbearer\b|\bto\s+(?:the\s+)?(?:\.env|vault|secrets?\s+manager|keychain|1password)|in\s+(?:your|the)\s+(?:\.env|environment|settings|config)|https?://(?:localhost|127\.)",
            told,
        )
    )


def _unseen(view: _View) -> Iterator[Order]:
    """Comments and unshown parts of a page that give orders."""
    if view.code:
        return
    for pattern in (_COMMENT, _UNSHOWN):
        for match in pattern.finditer(view.text):
            body = next(filter(None, match.groups()), "")
            if _is_order(body) and not view.in_fence(match.start()):
                yield Order("unseen", " ".join(body.split()), match.start())
                return


def _is_order(body: str) -> bool:
    does = commands.judge(body)
    if does.fetches or does.hostile or does.steals:
        return True
    if _ORDER.search(body) and not _reports(body):
        return True
    return any(order.kind in {"conceal", "disable", "take"} for order in orders(body, code=True))


class _View:
    """A text with its sentences, paragraphs and headings."""

    def __init__(self, text: str, code: bool) -> None:
        self.text, self.code = text, code
        self.joined = _WRAPPED.sub(" ", text)  # a sentence that goes on in the next line, at the same places
        self._lower = self.joined.lower() if len(self.joined.lower()) == len(text) else self.joined
        self._headings = [] if code else [(m.start(), len(m[1]), m[2]) for m in _HEADING.finditer(text)]
        self._fences = [] if code else [m.start() for m in re.finditer(r"(?m)^\s{0,8}(?:```|~~~)", text)]

    def lines(self, hints: list[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
        """Yield where each line begins and ends that holds a word of each of the hints."""
        start = 0
        for line in self._lower.split("\n"):
            end = start + len(line)
            if all(any(word in line for word in words_) for words_ in hints):
                for piece in range(start, end, _PIECE):
                    yield max(piece - 300, start), min(piece + _PIECE, end)
            start = end + 1

    def remark(self, at: int) -> bool:
        """Whether a place is in a comment of a fenced block of code."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return not self.code and bool(re.search(r"(?:#|//)\s*$", line)) and self.in_fence(at)

    def in_fence(self, at: int) -> bool:
        return sum(place <= at for place in self._fences) % 2 == 1

    def paragraph(self, at: int) -> tuple[int, int]:
        """Return where the paragraph begins and ends, or 600 characters around."""
        start = max(self.text.rfind("\n\n", 0, at) + 1, at - 600)
        end = self.text.find("\n\n", at)
        return max(start, 0), min(end if end >= 0 else len(self.text), at + 600)

    def quoted(self, start: int, end: int) -> bool:
        """Whether the words from `start` to `end` are told, forbidden or shown, not ordered."""
        text = self.text
        before = _SENTENCE.split(text[max(0, start - 300) : start])[-1]
        stop = min((place for mark in ("\n", ". ") if (place := text.find(mark, end)) >= 0), default=len(text))
        after = text[end : min(stop, end + 160)]
        if (
            _reports(before)
            or re.search(r"(?i)\b(?:that|which|who|can|may)\s+$", before)
            or (
                not self.code
                and re.match(
                    r"[`\"')]*\s*(?:downloads|executes|dumps|reads|steals|sends|exfiltrates|allows|lets|gives|is|are|was|which)\b",
                    after,
                )
            )
            or re.search(
                r"(?i)^[\"'`”’]*\s*(?:\)|\||:|is|are|was)?\s*(?:an?\s+)?(?:\w+\s+){0,3}(?:attack|injection|red\s+flag|malicious|suspicious|not\s+allowed|forbidden|never|reject|refuse|ignore\s+it|prohibited|jailbreak|exfiltrat|critical\b)",
                after,
            )
        ):
            return True
        if self.code:
            return False
        return self._under(start) or self._listed(start)

    def _under(self, at: int) -> bool:
        """Whether a heading above, or one that it stands under, is about attacks."""
        level = 7
        for place, depth, words_ in reversed(self._headings):
            if place <= at and depth < level:
                level = depth
                if depth > 1 and _ABOUT_ATTACKS.search(words_):
                    return True
        return False

    def _listed(self, at: int) -> bool:
        """Whether the line is an entry of a list, table, quote or block whose lead-in reports."""
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start:at].lstrip()
        if not (
            line.startswith(("-", "*", "|", ">", "+", '"', "'", "`")) or re.match(r"\d+[.)]", line) or self.in_fence(at)
        ):
            return False
        above = self.text[max(0, start - 2500) : start].rstrip("\n").split("\n")
        fenced = self.in_fence(at)
        rows = above[-40:]
        for nth in range(len(rows) - 1, -1, -1):
            bare = rows[nth].strip()
            if (
                line.startswith("|") and re.match(r"\|[\s:|-]+$", bare) and nth
            ):  # what a table is about stands in its head
                return bool(_reports(rows[nth - 1]) or _ABOUT_ATTACKS.search(rows[nth - 1]))
            entry = (
                not bare
                or bare.startswith(("-", "*", "|", ">", "+", "`", '"', "'", "#!"))
                or re.match(r"\d+[.)]", bare)
                or rows[nth][:2] == "  "
            )
            if (entry or fenced) and not (fenced and bare.startswith(("```", "~~~"))):
                continue
            if bare.startswith(("```", "~~~")):
                fenced = False
                continue
            return _reports(bare)
        return False
