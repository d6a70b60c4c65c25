# Upgrades the three packages with published advisories; version and hashes as pip-compile writes them.
/^jinja2==3\.1\.4 /,/--hash=sha256:[0-9a-f]*$/c\
jinja2==3.1.6 \\\
    --hash=sha256:0137fb05990d35f1275a587e9aee6d56da821fc83491a0fb838183be43f66d6d \\\
    --hash=sha256:85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67
/^python-multipart==0\.0\.17 /,/--hash=sha256:[0-9a-f]*$/c\
python-multipart==0.0.34 \\\
    --hash=sha256:b998ae90ca6e1e363261ce2e0e230281b8af53867b757970abd69ee9edcd843a \\\
    --hash=sha256:ebacd224bd686eee2f9aa1066a657affe07435a185834e05e5235e2e59173e91
/^requests==2\.31\.0 /,/--hash=sha256:[0-9a-f]*$/c\
requests==2.34.2 \\\
    --hash=sha256:2a0d60c172f83ac6ab31e4554906c0f3b3588d37b5cb939b1c061f4907e278e0 \\\
    --hash=sha256:f288924cae4e29463698d6d60bc6a4da69c89185ad1e0bcc4104f584e960b9ed
