"""Every bound of every parser, in one place, with its unit (design law 6)."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for hostile input; going over one is an error value, never a hang."""

    tree_files: int = 500_000  # files in one tree
    tree_depth: int = 128  # folders below the root
    path_bytes: int = 4096  # one relative path
    text_bytes: int = 8 * MIB  # a source, config or lock file read whole
    document_bytes: int = 64 * MIB  # a JSON document read whole (an SBOM, a verdict)
    header_bytes: int = 100 * MIB  # header of a model file (safetensors' own bound)
    header_items: int = 500_000  # values in the header of a model file
    header_json_bytes: int = 16 * MIB  # a JSON header that is parsed; larger ones are legal and not read
    walked_items: int = 1_500_000  # values walked in a binary header: below a second, above any real vocabulary
    string_bytes: int = 4 * MIB  # one string in a binary header
    json_depth: int = 64  # nesting of any JSON, YAML or TOML
    json_nodes: int = 2_000_000  # values in one document
    archive_members: int = 100_000  # members of one archive
    archive_bytes: int = 4 * GIB  # bytes decompressed from one archive
    image_bytes: int = 256 * GIB  # files of one container image, unpacked
    archive_ratio: int = 200  # decompressed / compressed, above 1 MiB
    nesting: int = 4  # archive in archive, pickle in string
    pickle_ops: int = 20_000_000  # opcodes of one pickle stream
    pickle_bytes: int = 512 * MIB  # opcodes and short arguments of one pickle file
    pickle_stack: int = 4_000_000  # values and marks on the stack of one pickle
    pickle_memo: int = 2_000_000  # memo entries
    work_free: int = 200_000_000  # units of work (about 10 ns each) that any model file may cost
    work_per_byte: int = 120  # and what each of its bytes adds
    file_seconds: float = 60.0  # wall time one scanner may spend on one file
    process_seconds: float = 300.0  # wall time of one outside process
    process_bytes: int = 64 * MIB  # output taken from one outside process
    feed_records: int = 1_000_000  # records of one advisory feed
    feed_bytes: int = 2 * GIB  # bytes of one advisory feed, unpacked
    findings: int = 20_000  # findings of one check; above that it is incomplete
    conditions: int = 64  # CEL conditions of one policy
    condition_chars: int = 1_000  # one CEL expression
    condition_text: int = 4_096  # characters of one string that a condition looks at
    condition_list: int = 1_000  # entries of one list that a condition looks at
    condition_work: int = 400_000_000  # of all conditions of a policy, see `secpipe.gate.rules.conditions`


DEFAULT = Limits()
