"""Load a transformers model only if a signed verdict lets exactly these files out."""

import os
import tempfile

import secpipe

with tempfile.TemporaryDirectory() as scratch:
    found = secpipe.guard(
        os.environ["MODEL"],
        store=os.environ["VERDICTS"],
        trust=os.environ["TRUST"],
        trust_pin=os.environ["TRUST_PIN"],
        policy_ref=os.environ["POLICY_REF"],
        env=os.environ.get("ENVIRONMENT", "prod"),
        copy=os.path.join(scratch, "model"),
    )
    print(found.sentence)

    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        found.path, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )
    print("loaded", found.name)
    os.chmod(found.path, 0o700)  # so that the scratch folder can be removed
