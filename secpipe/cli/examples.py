"""One example of each command, for `-h` and docs/commands; commands that need several carry them in their epilog."""

from __future__ import annotations

#: command -> what a reader would type first.
EXAMPLES: dict[str, str] = {
    "check": "secpipe check . --policy policy.toml --env prod",
    "gate": "secpipe gate my-app.zip",
    "due": "secpipe due --within 45d --policy policy.toml",
    "incident": "secpipe incident dirHash:... --store ../verdicts --kev kev.json -f html=incident.html",
    "mcp": "secpipe mcp my-app --policy policy.toml --policy-ref sha256:...",
    "guard": "secpipe guard /models/tiny --store /verdicts --trust keys --trust-pin sha256:... -- serve {path}",
    "serve": "secpipe serve --store /verdicts --trust keys --trust-pin sha256:... --policy-ref sha256:...",
    "config show": "secpipe config show --origin",
    "verdict list": "secpipe verdict list --store ../verdicts",
    "verdict show": "secpipe verdict show ../verdicts/prod/ENTRY",
    "verdict verify": "secpipe verdict verify . --store ../verdicts --env prod",
    "verdict sign": "secpipe verdict sign ../verdicts/prod/ENTRY --key verdict --evidence sha256:...",
    "verdict override": "secpipe verdict override ../verdicts/prod/ENTRY --key alice",
    "verdict export": "secpipe verdict export ../verdicts/prod/ENTRY -o vsa.json",
    "verdict push": f"secpipe verdict push verdicts/prod/ENTRY oci://registry.example/chat@sha256:{'0' * 64}",
    "verdict pull": f"secpipe verdict pull oci://registry.example/chat@sha256:{'0' * 64} --output pulled --trust keys",
    "report show": "secpipe report show verdict.json -f html=verdict.html",
    "report verify": "secpipe report verify verdict.html",
    "sbom generate": "secpipe sbom generate . -o bom.cdx.json",
    "sbom validate": "secpipe sbom validate bom.cdx.json",
    "sbom score": "secpipe sbom score bom.cdx.json",
    "sbom verify": "secpipe sbom verify bom.cdx.json .",
    "sbom diff": "secpipe sbom diff before.cdx.json after.cdx.json",
    "sbom merge": "secpipe sbom merge api.cdx.json model.cdx.json -o bom.cdx.json",
    "sbom query": "secpipe sbom query bom.cdx.json 'name == \"torch\"'",
    "sbom lineage": "secpipe sbom lineage bom.cdx.json",
    "sbom vex": "secpipe sbom vex bom.cdx.json answers.openvex.json -o bom-vex.cdx.json",
    "sbom upload": "secpipe sbom upload bom.cdx.json --as github --project acme/shop"
    " --sha 0123456789abcdef0123456789abcdef01234567"
    " --ref refs/heads/main --key-file env:GITHUB_TOKEN",
    "sbom convert": "secpipe sbom convert bom.cdx.json -f spdx-json -o bom.spdx.json",
    "log init": "secpipe log init ../log --origin log.example.com/shop",
    "log append": "secpipe log append ../log models/tiny/model.sig",
    "log checkpoint": "secpipe log checkpoint ../log",
    "log show": "secpipe log show ../log",
    "log prove": "secpipe log prove ../log models/tiny/model.sig",
    "log verify": "secpipe log verify models/tiny/model.sig --log-key shop.keys",
    "log witness init": "secpipe log witness init --as witness.example.org/team",
    "log witness cosign": "secpipe log witness cosign ../log --as witness.example.org/team --log-key shop.keys",
    "log witness serve": "secpipe log witness serve --as witness.example.org/team --log-key shop.keys",
    "log export": "secpipe log export ../log public",
    "lineage record": "secpipe lineage record cat.png --from sdxl.safetensors --adapter style.safetensors:0.8"
    " --seed 7 --prompt prompt.txt --tool comfyui@0.3.1",
    "lineage show": "secpipe lineage show style.safetensors --down --records assets -f html -o recall.html",
    "lineage import": "secpipe lineage import renders/*.png",
    "lineage prove": "secpipe lineage prove tiny-q8_0.gguf --parents models",
    "lineage reveal": "secpipe lineage reveal cat.png",
    "lineage erase": "secpipe lineage erase cat.png",
    "inventory add": "secpipe inventory add bom.cdx.json",
    "inventory export": "secpipe inventory export -o all.json",
    "inventory query": "secpipe inventory query 'name == \"torch\"'",
    "sign": "secpipe sign models/tiny",
    "verify": "secpipe verify models/tiny --trust keys --trust-pin sha256:...",
    "attest": "secpipe attest models/tiny --type test-result --predicate bias.json",
    "keys init": "secpipe keys init",
    "keys list": "secpipe keys list",
    "keys show": "secpipe keys show builder",
    "keys due": "secpipe keys due",
    "keys grandfather": "secpipe keys grandfather models/old --passphrase-file pw",
    "keys snapshot": "secpipe keys snapshot --valid P3D",
    "keys rotate": "secpipe keys rotate builder",
    "keys simulate": "secpipe keys simulate --until 2028-01-01",
    "keys suspend": "secpipe keys suspend builder",
    "keys reinstate": "secpipe keys reinstate builder",
    "keys revoke": "secpipe keys revoke builder --compromised-since 2027-03-01 --reason leaked",
    "keys replace": "secpipe keys replace builder",
    "keys renew": "secpipe keys renew",
    "keys time-authority": "secpipe keys time-authority corporate tsa.pem",
    "keys add-holder": "secpipe keys add-holder bob",
    "keys remove-holder": "secpipe keys remove-holder bob",
    "keys add-identity": "secpipe keys add-identity reviewer --purpose review",
    "keys set-authority": "secpipe keys set-authority builder --purpose model --purpose sbom",
    "keys merge": "secpipe keys merge",
    "keys sign-root": "secpipe keys sign-root",
    "keys request": "secpipe keys request -o request.json",
    "keys answer": "secpipe keys answer request.json -o answer.json",
    "keys custody": "secpipe keys custody builder",
    "keys backup": "secpipe keys backup secpipe-keys.age",
    "keys restore": "secpipe keys restore secpipe-keys.age",
    "keys schemes": "secpipe keys schemes",
    "keys export": "secpipe keys export builder",
    "trust pin": "secpipe trust pin keys",
    "trust export": "secpipe trust export keys --bundle -o trust.json",
    "trust federate": (
        "secpipe trust federate partner/keys builder --as partner --purpose model "
        "--namespace 'partner/*' --until 2027-12-31 --trust-pin sha256:PIN"
    ),
    "trust forget": "secpipe trust forget keys",
    "trust show": "secpipe trust show keys",
    "trust update": "secpipe trust update https://trust.example/acme",
    "trust verify": "secpipe trust verify keys",
    "scan models": "secpipe scan models models/ -f sarif=models.sarif",
    "scan shadow-ai": "secpipe scan shadow-ai . --policy policy.toml",
    "scan agents": "secpipe scan agents . --policy policy.toml",
    "agents lock": "secpipe agents lock .",
    "agents diff": "secpipe agents diff .",
    "agents pin": "secpipe agents pin notes.tools.json",
    "audit": "secpipe audit . --fail-on high",
    "advisories pack": "secpipe advisories pack --from osv.zip --to feed",
    "advisories show": "secpipe advisories show",
    "advisories update": "secpipe advisories update --from feed",
    "hook install": "secpipe hook install pre-push",
    "hook run": "secpipe hook run pre-push",
    "hook uninstall": "secpipe hook uninstall pre-push",
    "init": "secpipe init .",
    "approve": (
        "secpipe approve --policy policy.toml --provider openai --owner ml@acme.example"
        ' --reason "support answers" --expires 2027-03-31'
    ),
    "accept": (
        "secpipe accept --policy policy.toml --check models --kind 'is encrypted*' --path 'data/*.zip' --most 2"
        " --bytes 4096 --owner ml@acme.example --reason 'opened on the device only' --expires 2027-03-31"
    ),
    "waive": (
        "secpipe waive 0123456789abcdef0123 --policy policy.toml --owner ml@acme.example"
        ' --reason "not reachable" --expires 2027-03-31'
    ),
    "policy show": "secpipe policy show policy.toml --env prod",
    "policy lint": "secpipe policy lint policy.toml",
    "policy diff": "secpipe policy diff old.toml new.toml",
    "policy test": "secpipe policy test policy.toml",
    "policy pin": "secpipe policy pin policy.toml",
    "policy schema": "secpipe policy schema -o policy.schema.json",
}


def epilog(command: str) -> str | None:
    """Return what click shows below a command's help: one example."""
    return f"\b\nExample:\n  {EXAMPLES[command]}" if command in EXAMPLES else None
