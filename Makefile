# One target, one task. `make demo` and `make test` need nothing but Python >= 3.11 and a package registry.
PYTHON ?= python3
# Two workers fit the smallest machine that CI runs on.
PYTEST = .venv/bin/python -m pytest -n 2 --dist loadgroup

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

demo: .demo-venv  ## judge examples/acme-chat: BLOCKED, then mended until it passes
	@PATH="$(CURDIR)/.demo/venv/bin:$$PATH" sh examples/demo.sh

test: .test-venv  ## run every test but the slow ones
	$(PYTEST) -m "not slow" --durations=10 --durations-min=5

check: format lint types house  ## format, lint, types, house rules

format: .test-venv
	.venv/bin/ruff format --check .

lint: .test-venv
	.venv/bin/ruff check .

types: .test-venv
	.venv/bin/mypy --platform linux
	.venv/bin/mypy --platform win32
	.venv/bin/mypy --platform darwin
	.venv/bin/mypy scripts/release/*.py

house: .test-venv
	.venv/bin/python -m pytest tests/house

site:  ## build the documentation site into .site/html (strict links; opens from a folder)
	@sh scripts/venv.sh "$(PYTHON)" .site/venv requirements/site.txt
	.site/venv/bin/mkdocs build --strict

workflows: .test-venv  ## hold our workflow files against the ecosystem's own validators
	@sh scripts/workflows.sh "$(PYTHON)"

slow: .test-venv  ## minutes of fuzzing and large data
	SECPIPE_EXAMPLES=explore $(PYTEST) -m slow

honest: .test-venv  ## have the real libraries make honest model files, and scan them (installs gigabytes)
	@sh scripts/honest.sh "$(PYTHON)"

mutants:  ## change the trusted core and see a test notice (PART=ledger: one part of it)
	@sh scripts/venv.sh "$(PYTHON)" .mutants/venv requirements/mutants.txt
	.mutants/venv/bin/python scripts/mutants.py "$(CURDIR)/.mutants/venv/bin/python" $(PART)

steady: .test-venv  ## the suite RUNS times (10), each in another order, home, umask, zone and locale, under load
	@sh scripts/steady.sh .venv/bin/python $(or $(RUNS),10)

tools:  ## fetch the other side's programs for the interop tests (Debian, PyPI, npm)
	@sh scripts/tools.sh "$(PYTHON)"

rivals:  ## make the environments of the programs that the benches measure against
	@sh scripts/rivals.sh "$(PYTHON)"

verifiers:  ## build and test the verifiers in Go and JavaScript, as far as their toolchains are here
	@sh scripts/verifiers.sh

pythons:  ## install, --help and the demo under every Python found (PYTHONS="python3.12 /path/to/python")
	@sh scripts/pythons.sh

bench: .test-venv  ## measure every speed claim as a ratio, into bench/results.md
	.venv/bin/python -m bench.run

lock:  ## refresh the hash-locked requirements (UPGRADE=1: newer versions)
	@sh scripts/venv.sh "$(PYTHON)" .venv requirements/dev.txt
	UV=.venv/bin/uv sh scripts/lock.sh

dist: .dist-venv  ## build the release of this commit into dist/: wheel, sdist, one file, AI-BOM, provenance
	@sh scripts/dist.sh .dist/venv/bin/python dist

image: dist  ## build an OCI image of it, without an engine (Debian's umoci)
	@sh scripts/image.sh .dist/venv/bin/python dist

clean:  ## remove everything that make made
	rm -rf .demo .dist .honest .mutants .tools .rivals .site .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	-$(PYTHON) examples/acme-chat/make_models.py --remove

.test-venv:
	@sh scripts/venv.sh "$(PYTHON)" .venv requirements/dev.txt
	@sh scripts/install-checkout.sh .venv

.demo-venv:
	@sh scripts/venv.sh "$(PYTHON)" .demo/venv requirements/full.txt
	@sh scripts/install-wheel.sh .demo/venv requirements/full.txt 'secpipe[full]'

.dist-venv:
	@sh scripts/venv.sh "$(PYTHON)" .dist/venv requirements/core.txt

.PHONY: verifiers site pythons honest mutants steady tools rivals workflows help demo test check format lint types house slow bench lock dist image clean .test-venv .demo-venv .dist-venv
