from __future__ import annotations

import json

import pytest

from wf_notebook.errors import WorldDamagedError
from wf_notebook.world.vault import RunKey, Vault, key_id, new_key


def test_what_was_sealed_opens_in_its_place_only() -> None:
    """World, run, item and field are authenticated: a blob moved elsewhere fails to open."""
    key = new_key()
    sealed = RunKey("w", "r", key).seal(b"secret", item="e1", field="data")
    assert RunKey("w", "r", key).open(sealed, item="e1", field="data") == b"secret"
    for world, run, item, field in [
        ("v", "r", "e1", "data"),
        ("w", "s", "e1", "data"),
        ("w", "r", "e2", "data"),
        ("w", "r", "e1", "chunk"),
    ]:
        with pytest.raises(WorldDamagedError):
            RunKey(world, run, key).open(sealed, item=item, field=field)


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_an_altered_byte_does_not_open(position: int) -> None:
    """Nonce, text and tag are all covered."""
    key = RunKey("w", "r", new_key())
    sealed = bytearray(key.seal(b"secret", item="e", field="data"))
    sealed[position] ^= 1
    with pytest.raises(WorldDamagedError):
        key.open(bytes(sealed), item="e", field="data")


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_a_shortened_blob_does_not_open(length: int) -> None:
    """However little is left."""
    key = RunKey("w", "r", new_key())
    with pytest.raises(WorldDamagedError):
        key.open(key.seal(b"", item="e", field="data")[:length], item="e", field="data")


def test_equal_values_are_sealed_differently() -> None:
    """Nobody can tell from the file that two payloads are equal."""
    key = RunKey("w", "r", new_key())
    assert key.seal(b"x", item="e", field="data") != key.seal(b"x", item="e", field="data")


def test_large_values_are_named_per_run() -> None:
    """Equal ones of a run share a name; of two runs they don't, and the name tells nothing."""
    key = new_key()
    assert RunKey("w", "r", key).blob_id(b"x") == RunKey("w", "r", key).blob_id(b"x")
    assert RunKey("w", "r", key).blob_id(b"x") != RunKey("w", "r", new_key()).blob_id(b"x")


def test_a_run_key_is_wrapped_for_its_run_and_world() -> None:
    """The master key gives back each run's key, and only in its place."""
    master = new_key()
    key, wrapped = Vault("w", master).new_run("r")
    sealed = key.seal(b"secret", item="e", field="data")
    again = Vault("w", master).open_run("r", wrapped)
    assert again.open(sealed, item="e", field="data") == b"secret"
    assert b"secret" not in wrapped
    for vault, run_id in [
        (Vault("w", new_key()), "r"),
        (Vault("v", master), "r"),
        (Vault("w", master), "s"),
    ]:
        with pytest.raises(WorldDamagedError):
            vault.open_run(run_id, wrapped)


def test_a_key_has_a_short_name() -> None:
    """It is the same every time, and another one for another key."""
    key = new_key()
    assert key_id(key) == key_id(key) == Vault("w", key).key_id
    assert key_id(key) != key_id(new_key())
    assert len(key_id(key)) == 16


def test_where_something_stands_is_said_in_json() -> None:
    """Worlds that are there were sealed with the text of a JSON list; it stays that, to the byte."""
    key = RunKey('w"', "r\\é\n", new_key())
    assert (
        key._place("\ud800\x7f😀", "data")
        == json.dumps(['w"', "r\\é\n", "\ud800\x7f😀", "data", 1]).encode()
    )
