"""The tree of RFC 6962: published roots, and proofs that hold for exactly what they are about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import TrustError
from secpipe.log import merkle

# The eight leaves and roots that implementations of RFC 6962 share as test data.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(leaves: Sequence[bytes]) -> bytes:
    """The hash of RFC 6962, 2.1, as the text defines it."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0]).digest() if leaves else hashlib.sha256(b"").digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def reader(leaves: Sequence[bytes]) -> merkle.Hashes:
    return lambda level, index: tree(leaves[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    assert merkle.root(reader(LEAVES), size).hex() == ROOTS[size] == tree(LEAVES[:size]).hex()


def test_every_proof_in_small_trees_holds_and_is_about_nothing_else() -> None:
    leaves = [b"%d" % nth for nth in range(20)]
    read, roots = reader(leaves), [tree(leaves[:size]) for size in range(21)]
    for size in range(1, 21):
        for index in range(size):
            path = merkle.inclusion(read, index, size)
            merkle.check_inclusion(merkle.leaf(leaves[index]), index, size, path, roots[size])
            for other in range(size):
                if other != index:
                    with pytest.raises(TrustError):
                        merkle.check_inclusion(merkle.leaf(leaves[index]), other, size, path, roots[size])
        for old in range(size + 1):
            path = merkle.consistency(read, old, size)
            merkle.check_consistency(old, roots[old], size, roots[size], path)
            for wrong in (path[:-1], [*path, roots[1]]) if path else ([roots[1]],):
                with pytest.raises(TrustError):
                    merkle.check_consistency(old, roots[old], size, roots[size], wrong)


@given(st.integers(1, 300), st.data())
def test_a_proof_with_a_bit_changed_does_not_hold(size: int, data: st.DataObject) -> None:
    leaves = [b"%d" % nth for nth in range(size)]
    read, root = reader(leaves), tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(read, index, size)
    merkle.check_inclusion(merkle.leaf(leaves[index]), index, size, path, root)
    if path:
        at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
        path[at] = (int.from_bytes(path[at], "big") ^ (1 << bit)).to_bytes(32, "big")
        with pytest.raises(TrustError):
            merkle.check_inclusion(merkle.leaf(leaves[index]), index, size, path, root)


def test_a_tree_that_was_rewritten_has_no_consistency_proof() -> None:
    leaves = [b"%d" % nth for nth in range(13)]
    other = [*leaves[:4], b"rewritten", *leaves[5:]]
    for new in range(7, 14):
        path = merkle.consistency(reader(other), 7, new)
        with pytest.raises(TrustError):
            merkle.check_consistency(7, tree(leaves[:7]), new, tree(other[:new]), path)


def test_a_shrunk_tree_and_numbers_out_of_range() -> None:
    root = tree(LEAVES)
    with pytest.raises(TrustError, match="shrink"):
        merkle.check_consistency(8, root, 7, tree(LEAVES[:7]), [])
    with pytest.raises(TrustError, match="does not have"):
        merkle.check_inclusion(merkle.leaf(b""), 8, 8, [], root)
