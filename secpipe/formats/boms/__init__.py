"""One reader of SBOMs: CycloneDX 1 (JSON, XML), SPDX 2 (JSON, tag-value) and SPDX 3 (JSON), in one shape."""
