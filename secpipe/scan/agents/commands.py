"""Shell text, judged without running it: what is fetched and run, what reads credentials, where it sends them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from secpipe.scan.agents.known import hints, installer, part, pattern, table, vendor_hosts, words

URL = pattern("commands", "url")
_HOST = pattern("commands", "host")
_NAMED_HOST = pattern("commands", "named_host")
_SHELL = part("shell")
_PIPED = pattern("commands", "piped")
_SUBSTITUTED = pattern("commands", "substituted")
_EVALUATED = pattern("commands", "evaluated")
#: Text that is evaluated though it is no literal, and what brings such text from elsewhere.
_COMPUTED = pattern("commands", "computed")
_BROUGHT = pattern("commands", "brought")
_SAVED = pattern("commands", "saved")
_DECODED = pattern("commands", "decoded")
_HOSTILE = pattern("commands", "hostile")
_SENDS = pattern("commands", "sends")
_DROPS = pattern("commands", "drops")
_NETWORK = pattern("commands", "network")
_ENV = pattern("commands", "env")
SECRET_NAME = pattern("commands", "secret_name")
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/]{4}){8,2000}(?:[A-Za-z0-9+/]{2,3}={0,2})?(?![A-Za-z0-9+/_-])"
)
_ESCAPED = re.compile(r"(?:\\x[0-9a-fA-F]{2}){6,4000}")
_ADDRESS = pattern("commands", "address")
LOCAL = pattern("commands", "local")
_SPLIT = re.compile(r"\\\r?\n[ \t]*")
_JOINED = re.compile(
    r"([\"'])\s*\+\s*\1|(?<=[a-z])(?:\"\"|'')(?=[a-z])|(?<=[a-z])\\(?=[a-z]{1,3}\s)|\$\{IFS\}|\$IFS(?:\$\d)?"
)


#: Words of which each match of a table holds one: most text holds none, and is done.
_FETCH_HINTS = hints("fetch")
_HOSTILE_HINTS = hints("hostile")
_PLACE_HINTS = hints("places")
_NETWORK_HINTS = hints("network")


@dataclass(slots=True)
class Does:
    """What a piece of text would do, as far as it says so."""

    fetches: str = ""  # text that is fetched and run
    hostile: str = ""  # a reverse shell, persistence, destruction
    reads: str = ""  # where credentials are read
    sends: str = ""  # how something leaves
    sends_to: str = ""  # the place, where what leaves is told by name and the place is not its vendor's
    hosts: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    network: bool = False

    @property
    def steals(self) -> bool:
        """Whether it reads credentials and sends something, or sends a secret to another than whose it is."""
        return bool((self.reads and self.sends and not self._home()) or self.sends_to)

    def _home(self) -> bool:
        """Whether all it talks to is the cloud whose own credentials it reads."""
        names = {"amazonaws.com": ".aws", "googleapis.com": "gcloud", "github.com": "gh"}
        away = {host for host in self.hosts if not LOCAL.match(host)}
        return bool(away) and all(
            any(host.endswith(name) and sign in self.reads.lower() for name, sign in names.items()) for host in away
        )


def judge(text: str, *, depth: int = 2) -> Does:
    """Return what shell or program text would do, by patterns; text in base64 or escapes in it is looked into."""
    does = Does()
    flat = _JOINED.sub(lambda match: " " if "IFS" in match[0] else "", _SPLIT.sub(" ", text)) if _folds(text) else text
    low = flat.lower()
    if any(word in low for word in _FETCH_HINTS):
        _fetched(flat, does)
    if any(word in low for word in _HOSTILE_HINTS) and (match := _HOSTILE.search(flat)):
        does.hostile = match[0]
    for any_of, key in ((_PLACE_HINTS, "places"), (("env", "export", "declare"), "whole_environment")):
        if any(word in low for word in any_of) and (match := words("credentials", key).search(flat)):
            does.reads = does.reads or match[0]
    if ".env" in low:
        _dotenv(flat, does)
    if "://" in low:
        does.hosts = {host for url in URL.findall(flat) if (host := host_of(url))}
    if "host" in low or "connect" in low:
        does.hosts |= {(match[1] or match[2]).lower() for match in _NAMED_HOST.finditer(flat)}
    if any(word in low for word in _NETWORK_HINTS):
        does.network = bool(_NETWORK.search(flat))
        if match := _SENDS.search(flat) or _DROPS.search(flat):
            does.sends = match[0]
    if "$" in flat or "env" in low:
        _secrets(flat, does)
    for inner in decoded(flat) if depth else ():
        _with(does, judge(inner, depth=depth - 1))
    return does


def _folds(text: str) -> bool:
    return "\\" in text or '"' in text or "'" in text or "IFS" in text


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, or ""."""
    match = _HOST.match(url)
    return match[1].lower().rstrip(".") if match else ""


def is_address(host: str) -> bool:
    """Whether a host is a number, not a name, and none of a private network."""
    return bool(_ADDRESS.match(host)) and not LOCAL.match(host)


def decoded(text: str) -> Iterator[str]:
    """Yield what stands in base64 or in escapes, where it is text."""
    for match in _BASE64.finditer(text):
        try:
            inner = base64.b64decode(match[0] + "=" * (-len(match[0]) % 4)).decode("utf-8")
        except (binascii.Error, ValueError):
            continue
        if inner.isprintable() or not re.search(r"[\x00-\x08\x0e-\x1f]", inner):
            yield inner
    for match in _ESCAPED.finditer(text):
        yield bytes.fromhex(match[0].replace("\\x", "")).decode("latin-1")


def _fetched(text: str, does: Does) -> None:
    """Find what is fetched and run: piped, substituted, evaluated, decoded, or saved first."""
    for piped in (_PIPED, _SUBSTITUTED):
        for match in piped.finditer(text):
            urls = URL.findall(match[0])
            if not urls or not all(installer(url) for url in urls):
                does.fetches = match[0]
                return
    for evaluated in (_EVALUATED, _DECODED, pattern("commands", "carried")):
        if (found := evaluated.search(text)) is not None:
            does.fetches = found[0]
            return
    if (found := _COMPUTED.search(text)) is not None and _BROUGHT.search(text):
        does.fetches = found[0]
        return
    _by_name(text, does)
    for match in _SAVED.finditer(text) if not does.fetches else ():
        name = match["file"].strip("\"'")
        urls = URL.findall(match[0])
        if (urls and all(installer(url) for url in urls)) or name in {"-", "/dev/null"}:
            continue
        rest = text[match.end() : match.end() + 600]
        file = rf"[\"']?{re.escape(name)}"
        ran = (
            rf"(?:xattr\s+-\w+\s+com\.apple\.quarantine\s+{file}|chmod\s+(?:\+x|[0-7]*[1357][0-7]*|a\+x|u\+x)\s+{file}"
            rf"|(?:{_SHELL})\s+(?:-\w+\s+)*{file}|(?:^|[;&|]\s*)(?:\./)?{re.escape(name)}(?:\s|$|;))"
        )
        if re.search(ran, rest, re.IGNORECASE | re.MULTILINE) and not _archive(name):
            does.fetches = match[0] + " ... " + name
            return


def _by_name(text: str, does: Does) -> None:
    """A download that keeps its own name, or is named behind the address, and is then run."""
    for match in pattern("commands", "named").finditer(text):
        url = match["url"]
        name = match["file"] or url.rpartition("/")[2].partition("?")[0]
        if not name or _archive(name) or installer(url):
            continue
        file = rf"(?:\./)?{re.escape(name)}"
        run = rf"(?:{_SHELL})\s+(?:-\w+\s+)*{file}\b|chmod\s+\S+\s+{file}\b|(?:^|[;&|]\s*){file}(?:\s|$)"
        if re.search(run, text[match.end() : match.end() + 600], re.IGNORECASE | re.MULTILINE):
            does.fetches = match[0]
            return


def _archive(name: str) -> bool:
    return name.lower().endswith((".tar.gz", ".tgz", ".zip", ".json", ".csv", ".txt", ".md", ".html", ".pdf", ".png"))


def _dotenv(text: str, does: Does) -> None:
    """A `.env` file that is read as text; loading it as settings is what it is for."""
    for match in words("credentials", "dotenv").finditer(text):
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 400)
        line = text[start : match.end() + 120].split("\n")[0]
        if re.search(
            r"(?i)\b(?:cat|base64|tar|zip|cp|curl|open|read_text|readfile\w*|grep|find|glob|xxd|less|head|type|get-content)\b|@\.env",
            line,
        ) and not re.search(r"(?i)\.env[.-](?:example|sample|template|dist)\b", line):
            does.reads = does.reads or match[0].strip()


def _secrets(text: str, does: Does) -> None:
    """Note the secrets named, and whether one may go to somebody whose it is not."""
    for match in _ENV.finditer(text):
        name = next(filter(None, match.groups()))
        if SECRET_NAME.search(name) or vendor_hosts(name) is not None:
            does.secrets.add(name)
    away = {host for host in does.hosts if not LOCAL.match(host)}
    if not does.sends:
        return
    for name in sorted(does.secrets):
        may = vendor_hosts(name)
        if may is None:
            continue
        wrong = [host for host in sorted(away) if not any(host == one or host.endswith(f".{one}") for one in may)]
        if wrong and len(wrong) == len(away):
            does.sends_to = f"{name} to {wrong[0]}"
            return
        if not away and pattern("commands", "into_names").search(does.sends):
            does.sends_to = f"{name} in a name that is looked up"
            return


def _with(does: Does, inner: Does) -> None:
    does.fetches = does.fetches or inner.fetches
    does.hostile = does.hostile or inner.hostile
    does.reads, does.sends = does.reads or inner.reads, does.sends or inner.sends
    does.sends_to = does.sends_to or inner.sends_to
    does.hosts |= inner.hosts
    does.secrets |= inner.secrets
    does.network = does.network or inner.network


def known_servers(section: str) -> re.Pattern[str]:
    """Return the words of servers that bring private data, untrusted text, or a way out."""
    table("known")
    return words("servers", section)
