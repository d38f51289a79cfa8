"""Transactions of the store, the actions at their ends, and typed rows."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.platform.conftest import refused_by_full_disk

from dx_local.platform.core.schema import UserRow

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store


def test_a_transaction_refused_by_a_full_disk_forgets_its_actions(store: Store) -> None:
    done: list[str] = []
    with refused_by_full_disk(store):
        store.after_commit(lambda: done.append("refused"))
    with store.transaction():
        store.after_commit(lambda: done.append("committed"))
    assert done == ["committed"]


def test_a_commit_that_fails_undoes_its_transaction_and_forgets_its_actions(store: Store) -> None:
    done: list[str] = []
    store.execute("PRAGMA foreign_keys = ON")
    store.execute("CREATE TABLE parent (id PRIMARY KEY)")
    store.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")

    @store.transaction()
    def work() -> None:
        store.after_commit(lambda: done.append("refused"))
        store.execute("INSERT INTO child VALUES (1)")

    with pytest.raises(sqlite3.IntegrityError):
        work()
    with store.transaction():
        pass
    assert done == []
    assert store.value("SELECT COUNT(*) FROM child") == 0


@pytest.mark.parametrize("failing", [False, True])
def test_actions_are_called_once_and_by_how_the_outermost_transaction_ends(
    store: Store, *, failing: bool
) -> None:
    done: list[str] = []

    with refused_by_full_disk(store) if failing else store.transaction():
        with store.transaction():
            store.after_commit(lambda: done.append("commit"))
            store.after_rollback(lambda: done.append("rollback"))
        assert done == []
    with store.transaction():
        pass
    assert done == (["rollback"] if failing else ["commit"])


def test_an_action_that_fails_does_not_keep_others_from_being_called(store: Store) -> None:
    done: list[str] = []

    def fail() -> None:
        raise KeyError

    @store.transaction()
    def work() -> None:
        store.after_commit(lambda: done.append("first"))
        store.after_commit(fail)
        store.after_commit(lambda: done.append("last"))

    with pytest.raises(KeyError):
        work()
    assert done == ["first", "last"]


def test_a_query_must_select_the_columns_of_its_row_type(store: Store) -> None:
    store.insert("user", id="user-a", first="A", last="B", email="a@b")
    with pytest.raises(TypeError, match="a query for UserRow lacks the columns email, first, last, ssh_key"):
        store.one(UserRow, "SELECT id FROM user")
    assert store.one(UserRow, "SELECT * FROM user") == store.get("user", "user-a")
