"""How the page looks, in light, dark and print, and the content security policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;--bad:#b3261e;
--odd:#8a4b00;--good:#0f6b3f;--link:#0550ae}
@media screen and (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9da7b3;--line:#30363d;
--card:#161b22;--bad:#ff8a80;--odd:#f0b64d;--good:#5fd38d;--link:#79b8ff}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
main,header{max-width:64rem;margin:0 auto;padding:0 1.25rem}header{padding-top:1.25rem;color:var(--soft)}
main{padding-bottom:3rem}a{color:var(--link)}
a:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem}h1{font-size:1.6rem;line-height:1.25;margin:0}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:1rem 0 .3rem}.deny{color:var(--bad)}
.undecided,.warn{color:var(--odd)}.pass{color:var(--good)}.off,.soft{color:var(--soft)}
.verdict{border:1px solid var(--line);border-left:.5rem solid currentColor;border-radius:.4rem;background:var(--card);
padding:1rem 1.25rem;margin:.75rem 0 1rem}
.verdict p{color:var(--ink);margin:.4rem 0 0}
.bar{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;margin:0 0 1rem;padding:0}
.bar a{display:block;border:1px solid currentColor;border-radius:1rem;padding:.1rem .7rem;color:inherit;
font-size:.875rem;text-decoration:none}
.bar a:hover{text-decoration:underline}
.answers{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:0}.answers dt{font-weight:600}
.answers dd{margin:0}@media(max-width:40rem){.answers{display:block}.answers dd{margin:0 0 .6rem}}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.5rem .9rem}
summary{cursor:pointer;font-weight:600}details>div{padding:.4rem 0 .2rem 1.1rem}details p{margin:.35rem 0}
.do{background:var(--card);border-radius:.3rem;padding:.4rem .7rem}.do code{user-select:all}
table{border-collapse:collapse;width:100%}
thead th{overflow-wrap:break-word}.facts th{width:8rem;font-weight:normal}
td,th{border-bottom:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
td:first-child,th:first-child{white-space:nowrap}td.n{text-align:center}code{font:.875em ui-monospace,monospace}
ul{margin:.2rem 0;padding-left:1.4rem}.scroll{overflow-x:auto}svg{display:block;max-width:100%;height:auto}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg .deny text{fill:currentColor}
svg .axis{stroke:var(--line)}svg .mark{fill:var(--link)}
svg .late{fill:var(--bad)}
@media print{body{font-size:11pt}summary,.do,h2{break-after:avoid}p,li,tr{break-inside:avoid}
details::details-content{content-visibility:visible;
display:block}.skip{display:none}}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: Nothing is loaded, run, framed or sent: the one style sheet is named by its digest.
CSP = f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{_HASH}'"
