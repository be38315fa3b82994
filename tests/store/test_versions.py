"""Versions: states that outlive the rows they are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.contract import UnknownDocument
from store.history_contract import Forgotten, NewVersion, UnknownVersion, Version, VersionKind
from tests.store.logs import TENANT
from tests.store.pasts import NOON, Past, open_past


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    async with open_past(database_url) as past:
        yield past


async def test_a_version_outlives_its_rows_and_stands_for_its_own_seq(past: Past) -> None:
    document = await past.five_updates()
    await past.version(document, 1)
    for seq in (2, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    await past.opened.trim(document)
    assert await past.state(document, 1) == b"1"
    assert await past.state(document, 2) == b"12"
    with pytest.raises(Forgotten):
        await past.state(document, 0)


async def test_nothing_is_built_on_an_inexact_version_and_it_is_not_used_while_there_are_rows(
    past: Past,
) -> None:
    document = await past.five_updates()
    await past.version(document, 1, state=b"?", is_exact=False)
    assert await past.state(document, 1) == b"1"
    assert await past.state(document, 2) == b"12"
    for seq in (2, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    await past.opened.trim(document)
    assert (await past.history.material(TENANT, document.id, seq=1)).state == b"?"


async def test_versions_are_listed_newest_first_page_by_page(past: Past) -> None:
    document = await past.five_updates()
    made = [await past.version(document, seq, name=f"v{number}") for number, seq in enumerate((1, 3, 3, 5))]
    listed: list[Version] = []
    while page := await past.history.versions(
        TENANT,
        document.id,
        before=(listed[-1].seq, listed[-1].created_at, listed[-1].id) if listed else None,
        limit=1,
    ):
        listed += page
    assert [version.seq for version in listed] == [5, 3, 3, 1]
    assert {version.id for version in listed} == {version.id for version in made}
    assert listed[0] == await past.history.version(TENANT, document.id, made[3].id)
    assert listed[0].size == 5
    await past.history.remove_versions(TENANT, document.id, [made[3].id])
    with pytest.raises(UnknownVersion):
        await past.history.version(TENANT, document.id, made[3].id)


async def test_an_automatic_version_is_made_once_however_many_make_it(past: Past) -> None:
    document = await past.five_updates()
    made = await asyncio.gather(
        *(past.version(document, 3, VersionKind.AUTOMATIC, name="") for _ in range(5))
    )
    assert len({version.id for version in made}) == 1


async def test_a_version_of_what_never_was_is_refused(past: Past) -> None:
    document = await past.five_updates()
    with pytest.raises(ValueError, match="no state 6"):
        await past.version(document, 6)
    with pytest.raises(UnknownDocument):
        await past.history.add_version(
            TENANT + 1, document.id, NewVersion(1, VersionKind.NAMED, "", "", NOON, b"1")
        )
