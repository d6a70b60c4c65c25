#!/bin/sh
# Start vLLM on a copy that nobody can write to, if a signed verdict lets exactly these files out.
# The copy is on a tmpfs of the pod (emptyDir, medium: Memory) or on its own disk: COPY names a folder that is not there yet.
set -eu
exec secpipe guard "$MODEL" --store "$VERDICTS" --env "${ENVIRONMENT:-prod}" \
    --trust "$TRUST" --trust-pin "$TRUST_PIN" --policy-ref "$POLICY_REF" --copy "$COPY" \
    -- vllm serve {path} --load-format safetensors --served-model-name "${NAME:-model}"
