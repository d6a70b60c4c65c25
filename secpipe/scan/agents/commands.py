"""Shell text, judged without running it: what is fetched and run, what reads credentials, where it sends them."""

# ruff: noqa: E501  # one alternative a line: a table of expressions, broken nowhere else

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from secpipe.scan.agents.known import installer, table, vendor_hosts, words

URL = re.compile(r"(?i)\b(?:https?|ftp|wss?)://[^\s\"'`<>()\[\]{}|\\^,;]+")
_HOST = re.compile(r"(?i)^(?:https?|ftp|wss?)://(?:[^/?#\\]*@)?(\[[0-9a-f:.]+\]|[^/:?#\\]+)")
_SHELL = r"(?:/(?:usr/)?(?:local/)?bin/)?(?:env\s+)?(?:ba|z|da|k|c|fi)?sh\b|\b(?:python[\d.]*|node|perl|ruby|php|deno|bun|pwsh|powershell|osascript|source|eval|iex|invoke-expression)\b"
_FETCH = r"(?:\b(?:curl|wget|aria2c|lynx|iwr|irm|invoke-webrequest|invoke-restmethod|certutil|bitsadmin|axel)(?:\.exe)?\b|\b(?:fetch|https?)\s+(?:-\S+\s+)*https?://)"
_PIPED = re.compile(
    rf"(?i){_FETCH}[^\n]{{0,400}}?\|\s*(?:(?:sudo|tee\s+\S+\s*\||(?:base64|openssl|gunzip|zcat|xxd|rev|tr|gzip)\b[^|\n]{{0,80}}\|)\s*(?:-\S+\s+)*)*(?:{_SHELL})"
)
_SUBSTITUTED = re.compile(
    rf"(?i)(?:{_SHELL})\s*(?:-\w+\s+)*(?:<\s*\(|[\"']?\$\(|\s[\"']?`|<<<\s*[\"']?\$\()\s*(?:sudo\s+)?{_FETCH}[^\n]{{0,300}}"
)
_EVALUATED = re.compile(
    r"(?i)(?<![\w.])(?:exec|eval|compile)\s*\(\s*[^\n]{0,120}?(?:requests\.get|urlopen|urllib|httpx|fetch\(|axios|b64decode|atob|fromhex|decompress|buffer\.from)"
    r"|new function\s*\([^\n]{0,80}(?:atob|fetch|buffer\.from)|iex\s*\(?\s*(?:\(?new-object|\(?irm|\(?iwr|\[text)|downloadstring\("
    r"|fetch\([^\n]{0,200}\.then\([^\n]{0,120}eval|eval\(\s*(?:await\s+)?\(?\s*await\s+fetch|\bmshta(?:\.exe)?\s+[\"']?https?:|\bregsvr32(?:\.exe)?\s[^\n\](]{0,80}https?:|\brundll32(?:\.exe)?\s[^\n\](]{0,80}(?:https?:|javascript:)"
)
#: Text that is evaluated though it is no literal, and what brings such text from elsewhere.
_COMPUTED = re.compile(
    r"(?<![\w.])(?:exec|eval)\s*\(\s*(?![\"'`)])|\.then\(\s*eval\s*\)|\bnew\s+Function\s*\(\s*(?![\"'`)])|\bvm\.runIn\w+\("
)
_BROUGHT = re.compile(
    r"(?i)\burlopen\(|requests\.get\(|httpx\.get\(|\bfetch\(|https?[\"']?\)?\.get\(|axios|b64decode|\batob\(|decompress\(|marshal\.loads|fromhex|unhexlify|codecs\.decode|Buffer\.from\([^)\n]{0,200}(?:base64|hex)|\brecv\("
)
_SAVED = re.compile(
    rf"(?i){_FETCH}[^\n]{{0,300}}?(?:\s-[a-z]*o\s*|\s--output[= ]|\s-O\s*|>\s*|\s--output-document[= ])[\"']?(?P<file>[\w./~$\{{\}}-]{{1,120}})"
)
_DECODED = re.compile(
    rf"(?i)(?:base64\s+(?:-d|-D|--decode)|openssl\s+(?:enc\s+-d|base64\s+-d)|xxd\s+-r|rev|tr\s+\S+\s+\S+)[^\n|]{{0,80}}\|\s*(?:sudo\s+)?(?:gunzip\s*(?:-c)?\s*\|\s*)?(?:{_SHELL})"
    r"|-e(?:nc(?:odedcommand)?)?\s+[A-Za-z0-9+/=]{40,}|(?:eval|\b(?:ba)?sh\s+-c)\s+[\"']?\$\([^\n)]{0,400}base64\s+(?:-d|-D|--decode)"
)
_HOSTILE = re.compile(
    r"(?i)/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b[^\n]{0,60}\s-[a-z]*[ec]\s*\S*(?:sh|cmd)|\bsocat\b[^\n]{0,120}exec:|mkfifo\s+\S+[^\n]{0,120}\b(?:nc|ncat|netcat|telnet)\b|pty\.spawn\(|"
    r"os\.dup2\(\s*\w+\.fileno|\brm\s+-[a-z]*r[a-z]*f?[a-z]*\s+(?:--no-preserve-root\s+)?(?:/(?:\s|$|\*)|~(?:/?(?:\s|$|\*))|\$HOME/?(?:\s|$|\*|[\"']))|:\(\)\s*\{\s*:\|:&\s*\}|"
    r"mkfs\.\w+\s+/dev/|dd\s+if=\S+\s+of=/dev/(?:sd|nvme|disk)|shutil\.rmtree\(\s*(?:os\.path\.expanduser\(\s*[\"']~[\"']\s*\)|pathlib\.path\.home\(\)|path\.home\(\)|[\"']/[\"'])|"
    r"(?:>>?|tee\s+(?:-a\s+)?)\s*[\"']?\S{0,40}authorized_keys|authorized_keys[\"'][^\n]{0,40}[\"'][aw]b?\+?[\"']|\|\s*crontab\b|(?:curl|wget|/dev/tcp|base64|/tmp/|nohup|alias\s+(?:sudo|ssh|su|git)|PROMPT_COMMAND|LD_PRELOAD)[^\n]{0,200}(?:>>|tee\s+-a)\s*[\"']?(?:~|\$HOME|\$\{HOME\})/\.(?:bashrc|zshrc|profile|bash_profile|zprofile)|\.(?:bashrc|zshrc|bash_profile|zprofile)[\"'][^\n]{0,40}[\"']ab?\+?[\"']|(?:>|cp\s|mv\s|write|open\()[^\n]{0,120}Library/LaunchAgents/|"
    r"schtasks\s+/create|reg\s+add\s+\S*\\run\b|systemctl\s+(?:--user\s+)?enable\s+--now\s+\S*(?:update|sync|helper)d?\b|chattr\s+\+i|history\s+-c\b|unset\s+HISTFILE|chmod\s+(?:u\+s|[24]7[57][57])|"
    r"spctl\s+--master-disable|set-mppreference\s+-disable|\bxmrig\b|stratum\+tcp|"
    r"(?:>>?|tee\s+(?:-a\s+)?)\s*[\"']?/etc/sudoers"
)
_SENDS = re.compile(
    r"(?i)\bcurl\b[^\n]{0,400}?(?:\s-[a-z]*[dFT]\b|\s--data|\s--form|\s--upload-file|\s--json\b|-X\s*(?:POST|PUT)|--request\s+(?:POST|PUT)|\$\(|`|\?\w+=\$|/\$\{?\w)|\bcurl\b[^\n]{0,200}@(?:-|[~/.$])|\bwget\b[^\n]{0,300}--(?:post|body)|\|\s*(?:nc|ncat|netcat|curl|telnet|openssl\s+s_client)\b|"
    r"\b(?:nc|ncat|netcat)\s+(?:-\w+\s+)*[\w.-]+\s+\d{2,5}|/dev/tcp/|\bscp\b[^\n]{0,200}\s\S+@?[\w.-]+:|\brsync\b[^\n]{0,200}\s\S+::?\S|\b(?:nslookup|dig|host)\s+[^\n]{0,60}(?:\$|`)|\b(?:mail|mailx|sendmail|mutt)\b[^\n]{0,100}@|"
    r"\.(?:post|put|patch)\s*\(|urlopen\(\s*(?:urllib\.request\.)?(?:request\(|[^\n)]{0,200},\s*(?:data=|\w))|urllib\.request\.request\([^\n]{0,200}data|\bdata\s*=\s*[^\n]{0,120}\.encode\(|socket\.(?:socket|create_connection)|\.sendall\(|\.sendto\(|smtplib|"
    r"method\s*:\s*[\"'](?:post|put)|https?\.request\(|new\s+websocket\(|xmlhttprequest|sendbeacon|gethostbyname\([^\n]{0,80}(?:\+|f[\"']|%|format)|dns\.(?:resolve|lookup)\([^\n]{0,80}(?:\+|`)|requests\.(?:get|request)\([^\n]{0,200}(?:params\s*=|\{|\+|%|format)|httpx\.(?:get|request)\([^\n]{0,200}(?:params|\{)|fetch\([^\n]{0,200}(?:\$\{|\+|body)|"
    r"invoke-(?:webrequest|restmethod)[^\n]{0,200}-(?:body|method\s+post|infile)|uploadstring|uploadfile|aws\s+s3\s+cp\s+\S+\s+s3://|gsutil\s+cp\s+\S+\s+gs://|\bgh\s+gist\s+create|git\s+push\s+https?://|webhook\.site|requestbin|pipedream\.net|ngrok|interact\.sh|burpcollaborator|oast\.|discord(?:app)?\.com/api/webhooks|api\.telegram\.org/bot|hooks\.slack\.com"
)
_DROPS = re.compile(
    r"(?i)webhook\.site|requestbin|\bpipedream\.net|\binteract\.sh|burpcollaborator|\boast(?:ify)?\.|\btransfer\.sh|\b0x0\.st|\bpastebin\.com|\bix\.io|\bfile\.io|discord(?:app)?\.com/api/webhooks|api\.telegram\.org/bot|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|requestcatcher|beeceptor"
)
_NETWORK = re.compile(
    r"(?i)\b(?:curl|wget|requests|httpx|urllib|aiohttp|fetch|axios|got|http\.client|socket|websocket\w*|net\.connect|nc|ncat|invoke-webrequest|invoke-restmethod|iwr|irm|ssh|scp|rsync|ftp|smtplib|paramiko|nslookup|dig|xmlhttprequest|https?\.(?:get|request))\b"
)
_ENV = re.compile(
    r"\$\{?([A-Z][A-Z0-9_]{2,60})\b|environ(?:\.get)?[\[(]\s*[\"']([A-Z][A-Z0-9_]{2,60})|getenv\(\s*[\"']([A-Z][A-Z0-9_]{2,60})|process\.env(?:\.([A-Z][A-Z0-9_]{2,60})|\[\s*[\"']([A-Z][A-Z0-9_]{2,60}))|\$env:([A-Za-z][A-Za-z0-9_]{2,60})"
)
SECRET_NAME = re.compile(
    r"(?i)(?:token|secret|passw(?:or)?d|passphrase|api_?key|apikey|access_?key|private_?key|credential|auth\b|_pat$|_key$|dsn$|mnemonic|session|database_url)"
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/]{4}){8,2000}(?:[A-Za-z0-9+/]{2,3}={0,2})?(?![A-Za-z0-9+/_-])"
)
_ESCAPED = re.compile(r"(?:\\x[0-9a-fA-F]{2}){6,4000}")
_ADDRESS = re.compile(r"(?i)^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|0x[0-9a-f]{8}|\d{8,10})$")
LOCAL = re.compile(
    r"(?i)^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\]|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+|[\w.-]+\.(?:local|internal|localhost|lan)|host\.docker\.internal)$"
)
_SPLIT = re.compile(r"\\\r?\n[ \t]*")
_JOINED = re.compile(
    r"([\"'])\s*\+\s*\1|(?<=[a-z])(?:\"\"|'')(?=[a-z])|(?<=[a-z])\\(?=[a-z]{1,3}\s)|\$\{IFS\}|\$IFS(?:\$\d)?"
)


#: Words of which each match of a table holds one: most text holds none, and is done.
_FETCH_HINTS = ("curl", "wget", "aria2c", "lynx", "iwr", "irm", "invoke-", "certutil", "bitsadmin", "axel", "http", "eval", "exec", "base64",
                "openssl", "xxd", "rev", "tr ", "-enc", " -e ", "iex", "downloadstring", "function")  # fmt: skip
_HOSTILE_HINTS = ("/dev/", "nc ", "ncat", "netcat", "socat", "mkfifo", "pty.", "dup2", "rm ", "mkfs", "rmtree", "authorized_keys", "crontab", "rc",
                  "profile", "launchagents", "schtasks", "reg ", "systemctl", "chattr", "history", "histfile", "chmod", "spctl", "mppreference",
                  "xmrig", "stratum", "sudoers", ":()")  # fmt: skip
_PLACE_HINTS = ("ssh", "id_", "aws", "netrc", "git-cred", "npmrc", "pypirc", "docker", "kube", "gcloud", "application_default", "azure", "shadow",
                "gnupg", "login", "cookies", "key4", "wallet", "keychain", "hosts", ".claude", "auth.json", "oauth", "vault", "terraform", "environ",
                "history", "metamask", "exodus", "solana", "169.254", "secretservice", "keyring", "find-generic")  # fmt: skip
_NETWORK_HINTS = ("curl", "wget", "request", "httpx", "urllib", "aiohttp", "fetch", "axios", "got", "http", "socket", "net.", "nc", "iwr", "irm",
                  "ssh", "scp", "rsync", "ftp", "smtp", "paramiko", "nslookup", "dig", "post", "put", "mail", "sendall", "sendto", "dns", "host",
                  "upload", "s3", "gsutil", "gist", "push", "ngrok", "telnet", "openssl", "beacon", "interact", "oast", "burp", ".st", "ix.io",
                  "file.io", "/dev/tcp", "catcher", "beeceptor", "cloudflare", "pipedream")  # fmt: skip


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
    for hints, key in ((_PLACE_HINTS, "places"), (("env", "export", "declare"), "whole_environment")):
        if any(word in low for word in hints) and (match := words("credentials", key).search(flat)):
            does.reads = does.reads or match[0]
    if ".env" in low:
        _dotenv(flat, does)
    if "://" in low:
        does.hosts = {host for url in URL.findall(flat) if (host := host_of(url))}
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
    for pattern in (_PIPED, _SUBSTITUTED):
        for match in pattern.finditer(text):
            urls = URL.findall(match[0])
            if not urls or not all(installer(url) for url in urls):
                does.fetches = match[0]
                return
    for pattern in (_EVALUATED, _DECODED):
        if (found := pattern.search(text)) is not None:
            does.fetches = found[0]
            return
    if (found := _COMPUTED.search(text)) is not None and _BROUGHT.search(text):
        does.fetches = found[0]
        return
    for match in _SAVED.finditer(text):
        name = match["file"].strip("\"'")
        urls = URL.findall(match[0])
        if (urls and all(installer(url) for url in urls)) or name in {"-", "/dev/null"}:
            continue
        rest = text[match.end() : match.end() + 600]
        ran = rf"(?:xattr\s+-\w+\s+com\.apple\.quarantine\s+[\"']?{re.escape(name)}|chmod\s+(?:\+x|[0-7]*[1357][0-7]*|a\+x|u\+x)\s+[\"']?{re.escape(name)}|(?:{_SHELL})\s+(?:-\w+\s+)*[\"']?{re.escape(name)}|(?:^|[;&|]\s*)(?:\./)?{re.escape(name)}(?:\s|$|;))"
        if re.search(ran, rest, re.IGNORECASE | re.MULTILINE) and not _archive(name):
            does.fetches = match[0] + " ... " + name
            return


def _archive(name: str) -> bool:
    return name.lower().endswith((".tar.gz", ".tgz", ".zip", ".json", ".csv", ".txt", ".md", ".html", ".pdf", ".png"))


def _dotenv(text: str, does: Does) -> None:
    """A `.env` file that is read as text; loading it as settings is what it is for."""
    pattern = words("credentials", "dotenv")
    for match in pattern.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.end() + 120].split("\n")[0]
        if re.search(
            r"(?i)\b(?:cat|base64|tar|zip|cp|curl|open|read_text|readfile\w*|grep|find|glob|xxd|less|head|type|get-content)\b|@\.env",
            line,
        ) and not re.search(r"(?i)example|sample|template", line):
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
