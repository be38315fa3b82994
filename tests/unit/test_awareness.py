from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import FRAMES, RETURN
from webhost_sync.errors import TooLarge
from webhost_sync.sync.awareness import TIMEOUT, AwarenessLimits, AwarenessTable, Elsewhere
from webhost_sync.sync.protocol import AwarenessEntry, AwarenessUpdate, decode, encode


def table_of(**limits: int) -> AwarenessTable:
    return AwarenessTable(AwarenessLimits(**limits))


def here(client_id: int, clock: int = 1, name: str = "x") -> AwarenessEntry:
    return AwarenessEntry(client_id, clock, f'{{"name":"{name}"}}')


def gone(client_id: int, clock: int = 1) -> AwarenessEntry:
    return AwarenessEntry(client_id, clock, "null")


def entries_of(frame: bytes) -> tuple[AwarenessEntry, ...]:
    (message,) = decode(frame)
    assert isinstance(message, AwarenessUpdate)
    return message.entries


def changes_of(table: AwarenessTable) -> tuple[AwarenessEntry, ...]:
    changes = table.take_changes()
    return changes.entries if changes is not None else ()


def test_a_state_is_shown_once_to_everybody() -> None:
    table = table_of()
    assert table.receive("a", "ann", [here(1)], 0.0) == (1,)
    assert table.take_changes() == AwarenessUpdate((here(1),))
    assert table.take_changes() is None
    assert table.entries() == (here(1),)


def test_the_first_state_of_a_fresh_client_has_clock_0_and_is_shown() -> None:
    table = table_of()
    table.receive("a", "ann", entries_of(FRAMES["awareness of a fresh client"]), 0.0)
    assert encode(AwarenessUpdate(changes_of(table))) == FRAMES["awareness of a fresh client"]


def test_many_changes_of_a_client_leave_as_its_last_one() -> None:
    table = table_of()
    for clock in range(5):
        table.receive("a", "ann", [here(1, clock)], 0.0)
    table.receive("b", "bob", [here(2)], 0.0)
    assert changes_of(table) == (here(1, 4), here(2))


def test_an_older_or_equal_clock_changes_nothing() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 5)], 0.0)
    changes_of(table)
    assert table.receive("a", "ann", [here(1, 5, "y"), here(1, 4)], 0.0) == ()
    assert (table.entries(), changes_of(table)) == ((here(1, 5),), ())


@pytest.mark.parametrize("clock", [5, 6])
def test_a_client_leaves_with_null_under_its_clock_or_a_higher_one(clock: int) -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 5)], 0.0)
    assert table.receive("a", "ann", [gone(1, clock)], 1.0) == (1,)
    assert (table.entries(), len(table), changes_of(table)) == ((), 0, (gone(1, clock),))


def test_nobody_arrives_by_leaving() -> None:
    table = table_of()
    assert table.receive("a", "ann", [gone(1)], 0.0) == ()
    assert (table.take_changes(), table.next_expiry) == (None, None)


def test_a_stranger_cannot_speak_for_a_client() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 5)], 0.0)
    assert table.receive("b", "bob", [here(1, 9, "forged"), gone(1, 5), gone(1, 99)], 0.0) == ()
    assert table.entries() == (here(1, 5),)


def test_what_stock_clients_send_back_is_ignored_and_does_not_count() -> None:
    table = table_of(clients_per_connection=1)
    for client in (1, 2, 3):
        table.receive(f"connection {client}", "ann", [here(client)], 0.0)
    changes_of(table)
    assert table.receive("connection 1", "ann", table.entries(), 1.0) == ()
    assert (changes_of(table), table.refused) == ((), 0)


def test_a_connection_that_ends_takes_its_clients_with_it() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 3), here(2)], 0.0)
    table.receive("b", "bob", [here(3)], 0.0)
    changes_of(table)
    assert sorted(table.leave("a", 1.0)) == [1, 2]
    assert sorted(changes_of(table), key=str) == [gone(1, 3), gone(2, 1)]
    assert (table.entries(), table.leave("a", 1.0)) == ((here(3),), ())


def test_the_same_owner_takes_its_client_over_from_a_half_open_socket() -> None:
    table = table_of()
    table.receive("old", "ann", [here(1, 5)], 0.0)
    assert table.receive("new", "ann", [here(1, 5)], 1.0) == ()
    assert table.receive("new", "ann", [here(1, 6)], 2.0) == (1,)
    assert table.leave("old", 3.0) == ()
    assert table.entries() == (here(1, 6),)


def test_another_tab_of_the_same_owner_cannot_end_a_client_that_it_believes_timed_out() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 5)], 0.0)
    assert table.receive("b", "ann", [gone(1, 5)], 1.0) == ()
    assert table.entries() == (here(1, 5),)


def test_a_client_that_comes_back_is_told_of_its_end_and_seen_again_at_once() -> None:
    """The bytes are those of real y-protocols clients; see `make_frames.mjs`."""
    table = table_of()
    table.receive("old", "ann", entries_of(RETURN.first), 0.0)
    changes_of(table)
    table.leave("old", 1.0)
    assert encode(AwarenessUpdate(changes_of(table))) == RETURN.leave
    assert table.receive("new", "ann", entries_of(RETURN.claim), 2.0) == ()
    assert encode(AwarenessUpdate(changes_of(table))) == RETURN.leave
    assert table.receive("new", "ann", entries_of(RETURN.answer), 3.0) == (5,)
    assert encode(AwarenessUpdate(changes_of(table))) == RETURN.answer
    assert (RETURN.seen_after_claim, RETURN.seen_after_answer) == (False, True)


def test_a_leave_at_the_last_clock_heals_one_renewal_earlier_than_one_above_it() -> None:
    assert RETURN.renewals_until_seen == {"leave at the clock": 1, "leave at the clock + 1": 2}


def test_the_place_of_a_client_that_left_is_kept_for_its_owner_until_it_is_forgotten() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1, 5)], 0.0)
    table.leave("a", 1.0)
    changes_of(table)
    assert table.receive("b", "bob", [here(1, 9)], 2.0) == ()
    assert table.take_changes() is None
    table.expire(1.0 + TIMEOUT)
    assert table.receive("b", "bob", [here(1, 9)], 2.0 + TIMEOUT) == (1,)


def test_a_client_without_news_expires_after_the_timeout() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1), here(2)], 0.0)
    table.receive("a", "ann", [here(1, 2)], 10.0)
    assert table.next_expiry == TIMEOUT
    assert table.expire(TIMEOUT - 0.1) == ()
    assert table.expire(TIMEOUT) == (2,)
    assert table.next_expiry == 10.0 + TIMEOUT
    assert table.entries([1, 2, 3]) == (here(1, 2), gone(2))


def test_the_table_is_empty_when_everybody_is_forgotten() -> None:
    table = table_of()
    table.receive("a", "ann", [here(1)], 0.0)
    table.expire(TIMEOUT)
    table.expire(2 * TIMEOUT)
    assert (table.next_expiry, table.entries([1])) == (None, ())


def test_a_state_above_the_limit_refuses_the_whole_message() -> None:
    table = table_of(state_bytes=20)
    with pytest.raises(TooLarge, match="presence state of 21 bytes, allowed are 20"):
        table.receive("a", "ann", [here(1), AwarenessEntry(2, 1, '"' + "ž" * 9 + 'a"')], 0.0)
    assert table.entries() == ()


def test_ids_beyond_those_of_a_connection_are_ignored_and_counted() -> None:
    table = table_of(clients_per_connection=2)
    assert table.receive("a", "ann", [here(1), here(2), here(3)], 0.0) == (1, 2)
    assert table.refused == 1
    assert table.receive("a", "ann", [gone(1), here(3)], 0.0) == (1,)
    table.expire(TIMEOUT)
    table.expire(2 * TIMEOUT)
    assert table.receive("a", "ann", [here(3, 2)], 3 * TIMEOUT) == (3,)


def test_a_full_room_takes_a_newcomer_for_one_that_left_and_nobody_else() -> None:
    table = table_of(clients_per_room=2)
    table.receive("a", "ann", [here(1)], 0.0)
    table.receive("b", "bob", [here(2)], 0.0)
    assert table.receive("c", "cid", [here(3)], 1.0) == ()
    table.leave("a", 2.0)
    assert table.receive("c", "cid", [here(3)], 3.0) == ()
    assert changes_of(table) == (gone(1), here(2))
    assert table.receive("c", "cid", [here(3)], 4.0) == (3,)
    assert (table.refused, changes_of(table)) == (2, (here(3),))


steps = st.tuples(
    st.sampled_from(["ann 1", "ann 2", "bob 1", "bob 2"]),
    st.one_of(
        st.none(),
        st.lists(st.builds(here, st.integers(1, 5), st.integers(0, 4)), max_size=3),
        st.lists(st.builds(gone, st.integers(1, 5), st.integers(0, 4)), max_size=2),
    ),
    st.floats(0, 20),
)


@given(st.lists(steps, max_size=40))
def test_whoever_follows_the_changes_sees_the_table(
    sequence: list[tuple[str, list[AwarenessEntry] | None, float]],
) -> None:
    table = table_of(clients_per_connection=2, clients_per_room=4)
    seen: dict[int, AwarenessEntry] = {}
    now = 0.0
    for connection, entries, pause in sequence:
        now += pause
        table.expire(now)
        if entries is None:
            table.leave(connection, now)
        else:
            table.receive(connection, connection[:3], entries, now)
        for entry in changes_of(table):
            seen[entry.client_id] = entry
        shown = {entry.client_id: entry for entry in table.entries()}
        assert shown == {client: entry for client, entry in seen.items() if not entry.is_leave}
        assert len(table) <= 4
    table.expire(now + TIMEOUT)
    table.expire(now + 3 * TIMEOUT)
    assert (len(table), table.next_expiry) == (0, None)


def test_other_processes_are_told_of_who_is_connected_here_and_of_nobody_else() -> None:
    table = AwarenessTable(AwarenessLimits(clients_per_connection=1))
    table.receive(1, "ada", [here(1)], 0.0)
    table.receive(Elsewhere("p2", "bob"), "bob", [here(2), here(3)], 0.0)
    assert table.entries_here(changed=True) == {"ada": (here(1),)}
    assert len(table) == 3
    table.take_changes()
    assert table.entries_here(changed=True) == {}
    assert table.entries_here(changed=False) == {"ada": (here(1),)}


def test_whoever_moves_to_another_process_is_known_by_their_owner() -> None:
    table = AwarenessTable(AwarenessLimits())
    table.receive(1, "ada", [here(1, clock=1)], 0.0)
    table.receive(Elsewhere("p2", "eve"), "eve", [here(1, clock=9)], 1.0)
    assert table.entries() == (here(1, clock=1),)
    table.receive(Elsewhere("p2", "ada"), "ada", [here(1, clock=2)], 1.0)
    assert table.leave(1, 2.0) == ()
    assert table.entries() == (here(1, clock=2),)
