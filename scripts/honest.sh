#!/bin/sh
# Make honest model files by the real libraries into .honest/files, and scan them. Usage: honest.sh PYTHON
# The libraries live in an environment of their own (several gigabytes); nothing of it is imported by secpipe or its tests.
set -eu
cd "$(dirname "$0")/.."
sh scripts/venv.sh "$1" .honest/venv requirements/honest/libraries.txt
rm -rf .honest/files
mkdir -p .honest/files
CUDA_VISIBLE_DEVICES='' OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 \
    .honest/venv/bin/python -m tests.honest.models.libraries.make .honest/files
.venv/bin/python -m pytest -n 0 -m slow tests/honest/models/test_made_by_libraries.py
