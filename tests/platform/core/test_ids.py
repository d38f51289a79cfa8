"""IDs of entities are random, and of the platform's alphabet."""

from __future__ import annotations

from dx_local.platform.core.ids import ALPHABET, is_hash_id, new_id


def test_new_ids_use_the_whole_alphabet_and_differ() -> None:
    found = {new_id("job") for _ in range(1000)}
    assert len(found) == 1000
    assert all(is_hash_id(each, "job") for each in found)
    assert set("".join(each.removeprefix("job-") for each in found)) == set(ALPHABET)
