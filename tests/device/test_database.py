"""The device's file: one writer, honest about a full disk and about damage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from pycrdt import Map

from webhost_sync.device.database import Database
from webhost_sync.device.documents import Documents
from webhost_sync.device.errors import DatabaseBusy, DatabaseDamaged, DocumentRetired, NotStored
from webhost_sync.device.fix_log import FixLog
from webhost_sync.device.update_log import UpdateLog
from webhost_sync.fleet.chunk import Fix

FIX = Fix(0, 1_790_000_000_000, 48.1, 11.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database(path, time.time) as opened:
        yield opened


def fill_the_disk(database: Database) -> None:
    """Let the file grow no further, as a full disk would."""
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")


def free_the_disk(database: Database) -> None:
    database.execute("PRAGMA max_page_count = 1000000")


def test_a_device_keeps_its_id(path: Path) -> None:
    with Database(path, time.time) as database:
        device_id = database.device_id
    with Database(path, time.time) as database:
        assert database.device_id == device_id


def test_a_second_process_is_told_who_is_in_the_way(database: Database, path: Path) -> None:
    with pytest.raises(DatabaseBusy, match="another process"), Database(path, time.time, busy_seconds=0.0):
        pass


def test_a_file_that_is_no_database_is_left_alone_and_named(path: Path) -> None:
    path.write_bytes(b"not a database, but precious" * 100)
    with pytest.raises(DatabaseDamaged, match=r"device\.db"), Database(path, time.time):
        pass
    assert path.read_bytes().startswith(b"not a database")


def test_a_newer_layout_is_not_touched(path: Path) -> None:
    with Database(path, time.time) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseDamaged, match="99"), Database(path, time.time):
        pass


def test_a_full_disk_refuses_the_fix_and_keeps_its_number(database: Database) -> None:
    fixes = FixLog(database)
    fill_the_disk(database)
    huge = replace(FIX, attributes={"photo": "x" * 100_000})
    with pytest.raises(NotStored, match="full"):
        fixes.record(lambda _: "track/a/2026-09-21/b", huge)
    assert fixes.counts().recorded == 0
    free_the_disk(database)
    assert fixes.record(lambda _: "track/a/2026-09-21/b", huge) == 1


def test_a_change_that_a_full_disk_refuses_raises_and_did_not_happen(database: Database) -> None:
    updates = UpdateLog(database)
    documents = Documents(updates, Random(1))
    updates.add("notes", wanted=True)
    doc = documents.open("notes")
    fill_the_disk(database)
    with pytest.raises(ExceptionGroup) as raised:
        doc.get("notes", type=Map)["big"] = "x" * 100_000
    assert raised.group_contains(NotStored)
    free_the_disk(database)
    assert dict(documents.open("notes").get("notes", type=Map)) == {}


def test_a_copy_ahead_of_the_log_takes_no_more_changes(database: Database) -> None:
    updates = UpdateLog(database)
    documents = Documents(updates, Random(1))
    updates.add("notes", wanted=True)
    doc = documents.open("notes")
    documents.retire("notes")
    with pytest.raises(ExceptionGroup) as raised:
        doc.get("notes", type=Map)["a"] = 1
    assert raised.group_contains(DocumentRetired)
    assert updates.load("notes") == []


def test_every_loading_writes_under_a_new_client_id(database: Database) -> None:
    updates = UpdateLog(database)
    documents = Documents(updates, Random(1))
    updates.add("notes", wanted=True)
    first = documents.open("notes").client_id
    documents.retire("notes")
    second = documents.open("notes").client_id
    assert first != second
    assert max(first, second) < 2**32
