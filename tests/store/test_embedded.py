"""The embedded Postgres: it starts anywhere, is shared by its processes, and says what is wrong."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from store.embedded import LOG_LIMIT, embedded, running
from store.postgres_binaries import find_bin_dir
from store.postgres_errors import (
    BinariesNotFound,
    BinariesUnusable,
    NotMainThread,
    OtherMajorVersion,
    OwnerWithoutServer,
    StartFailed,
    UnusableFolder,
    advice_for,
)
from store.postgres_lookup import marker_of
from store.postgres_process import choose_identity, start_server
from tests.eventually import eventually
from tests.postgres import FAST_AND_FORGETFUL, database_at
from tests.store.processes import FORGETFUL, REPOSITORY, ask, owner_process

USER = None if os.geteuid() else 65534
"""An ordinary user to become; None: we are one already."""


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster in which nothing runs; starting there takes a tenth of a second."""
    data_dir = tmp_path_factory.mktemp("used") / "data"
    with embedded(data_dir, settings=FAST_AND_FORGETFUL):
        return data_dir


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """Our code and the wheel's programs where every user can reach them: a home may be closed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for code in ("store", "tests/store"):
            shutil.copytree(REPOSITORY / code, folder / code, ignore=shutil.ignore_patterns("__pycache__"))
        packages = find_bin_dir().parents[2]
        for package in packages.glob("*_postgres*"):
            shutil.copytree(package, folder / "programs" / package.name)
        yield folder


async def test_it_starts_in_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    with embedded(data_dir, settings=FAST_AND_FORGETFUL) as server:
        assert server.owned
        assert running(data_dir) == server.url
        assert await ask(server.url, "select current_database()") == "webhost"
    assert running(data_dir) is None


async def test_the_next_start_finds_what_was_written(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        await ask(server.url, "create table kept as select 42 as number")
    with embedded(used_folder) as server:
        assert await ask(server.url, "select number from kept") == 42


async def test_commits_are_flushed_unless_someone_chooses_otherwise(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        assert await ask(server.url, "show fsync") == "on"
        assert await ask(server.url, "show synchronous_commit") == "on"
        assert await ask(server.url, "show full_page_writes") == "on"


async def test_only_its_own_user_can_reach_it(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        assert await ask(server.url, "show listen_addresses") == ""
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700


def test_folders_that_were_opened_to_a_group_are_closed_again(used_folder: Path) -> None:
    for name in ("cluster", "socket"):
        (used_folder / name).chmod(0o2770)
    with embedded(used_folder):
        modes = {stat.S_IMODE((used_folder / name).stat().st_mode) & 0o777 for name in ("cluster", "socket")}
    assert modes == {0o700}


async def test_sqlalchemy_understands_the_url(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        engine = create_async_engine(server.url.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as connection:
            assert await connection.scalar(text("select current_user")) == "postgres"
        await engine.dispose()


async def test_text_is_ordered_and_folded_beyond_ascii(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        assert await ask(server.url, "select upper('éß') || ('É' ilike 'é')::text") == "Éßtrue"


async def test_a_second_process_joins_and_leaves_without_a_trace(used_folder: Path) -> None:
    with embedded(used_folder) as server:
        with owner_process(used_folder) as second:
            assert second.answer() == {"url": server.url, "pid": server.pid, "owned": False}
        assert await ask(server.url, "select 1") == 1


def test_the_next_process_takes_over_when_the_owner_has_left(used_folder: Path) -> None:
    with owner_process(used_folder) as first:
        pid = first.answer()["pid"]
        first.leave()
        with embedded(used_folder) as server:
            assert server.owned
            assert server.pid != pid


def test_of_several_that_start_at_once_one_is_the_owner(tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(owner_process(tmp_path / "data", FORGETFUL)) for _ in range(4)]
        answers = [process.answer() for process in processes]
    assert sorted(bool(answer["owned"]) for answer in answers) == [False, False, False, True]
    assert len({answer["pid"] for answer in answers}) == 1


@pytest.mark.parametrize("name", ["deep" * 20, "one, two"])
async def test_a_path_that_cannot_hold_a_socket_is_no_obstacle(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name / "data"
    with embedded(data_dir, settings=FAST_AND_FORGETFUL) as server:
        assert await ask(server.url, "select 1") == 1
        with owner_process(data_dir) as second:
            assert second.answer()["url"] == server.url
    assert not server.socket_dir.exists()


async def test_a_path_may_have_any_letters(installed: Path) -> None:
    data_dir = installed / "a \"b\" 'c' %20 &?#é"
    with embedded(data_dir, settings=FAST_AND_FORGETFUL) as server:
        assert server.socket_dir.parent == data_dir
        assert await ask(server.url, "select 1") == 1
        assert await ask(database_at(server.url, "postgres"), "select current_database()") == "postgres"


def test_a_cluster_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    half_made = tmp_path / "new-cluster-abc"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with embedded(tmp_path, settings=FAST_AND_FORGETFUL):
        assert not half_made.exists()


def test_a_folder_is_served_as_the_user_who_owns_it(installed: Path) -> None:
    data_dir = _folder_of(USER, installed / "served")
    with embedded(data_dir, bin_dir=_programs(installed), settings=FAST_AND_FORGETFUL) as server:
        assert psutil.Process(server.pid).uids().real == data_dir.stat().st_uid
        assert {path.stat().st_uid for path in data_dir.iterdir()} == {data_dir.stat().st_uid}


async def test_an_ordinary_user_needs_no_root(installed: Path) -> None:
    data_dir = _folder_of(USER, installed / "ordinary")
    with owner_process(
        data_dir, FORGETFUL, python=_python(), code=installed, bin_dir=_programs(installed), user=USER
    ) as owner:
        assert await ask(str(owner.answer()["url"]), "select 1") == 1


def test_a_folder_of_another_user_is_refused(installed: Path) -> None:
    theirs = Path("/")
    if USER:
        theirs = installed / "theirs"
        theirs.mkdir(mode=0o700)
    with owner_process(theirs, python=_python(), code=installed, user=USER) as process:
        assert process.answer() == {"error": "ForeignFolder"}


def test_a_thread_may_not_start_it(tmp_path: Path) -> None:
    refusals: list[Exception] = []

    def start() -> None:
        try:
            with embedded(tmp_path):
                raise AssertionError("it has started")
        except NotMainThread as error:
            refusals.append(error)

    thread = threading.Thread(target=start, name="worker-3")
    thread.start()
    thread.join()
    assert "'worker-3'" in str(refusals[0])


def test_a_folder_of_another_major_version_is_left_alone(tmp_path: Path) -> None:
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(OtherMajorVersion, match="pg_dump") as refusal, embedded(tmp_path):
        pass
    assert refusal.value.written_by == "9"
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    with pytest.raises(UnusableFolder, match="PG_VERSION"), embedded(tmp_path):
        pass
    assert (tmp_path / "cluster").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableFolder, match="file/data"), embedded(tmp_path / "file" / "data"):
        pass


def test_a_failed_start_shows_the_log_and_what_to_do(used_folder: Path) -> None:
    with pytest.raises(StartFailed) as failure, embedded(used_folder, settings={"no_such_setting": "1"}):
        pass
    assert 'unrecognized configuration parameter "no_such_setting"' in failure.value.log
    assert "remove that setting" in str(failure.value)


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        (
            "FATAL:  could not extend file: wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.",
            "disk",
        ),
        ("selecting dynamic shared memory implementation ... posix\nNo space left on device", "disk"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "shared_buffers"),
        ("postgres: error while loading shared libraries: libicuuc.so.70", "POSTGRES_BIN_DIR"),
        ("initdb: could not look up effective user ID 1234: user does not exist", "/etc/passwd"),
        ("something new", "DATABASE_URL"),
    ],
)
def test_what_postgres_prints_becomes_advice(printed: str, advice: str) -> None:
    assert advice in advice_for(printed)


def test_too_much_memory_asks_for_smaller_buffers(used_folder: Path) -> None:
    settings = {"shared_buffers": "4TB"}
    with pytest.raises(StartFailed, match="lower shared_buffers"), embedded(used_folder, settings=settings):
        pass


def test_a_long_log_is_put_aside_at_the_next_start(used_folder: Path) -> None:
    log_file = used_folder / "postgres.log"
    os.truncate(log_file, LOG_LIMIT + 1)
    with embedded(used_folder):
        assert log_file.stat().st_size < LOG_LIMIT
    assert (used_folder / "postgres.log.1").stat().st_size == LOG_LIMIT + 1


def test_missing_programs_are_reported_with_the_places(tmp_path: Path) -> None:
    with (
        pytest.raises(BinariesNotFound, match="DATABASE_URL") as failure,
        embedded(tmp_path, bin_dir=tmp_path),
    ):
        pass
    assert failure.value.looked_in == (str(tmp_path),)


def test_programs_that_cannot_run_are_reported_with_what_they_print(tmp_path: Path) -> None:
    for program in ("postgres", "initdb"):
        script = tmp_path / program
        script.write_text("#!/bin/sh\necho error while loading shared libraries: libicu >&2\nexit 127\n")
        script.chmod(0o755)
    with pytest.raises(BinariesUnusable, match="libicu"), embedded(tmp_path / "data", bin_dir=tmp_path):
        pass


def test_an_owner_without_a_server_is_named(used_folder: Path) -> None:
    with (used_folder / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711\n")
        lock.flush()
        with pytest.raises(OwnerWithoutServer, match="process 4711"), embedded(used_folder, patience=0.05):
            pass


def test_nothing_runs_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert running(tmp_path / "none") is None


async def test_the_watching_pipe_stops_a_server_where_there_is_no_death_signal(used_folder: Path) -> None:
    cluster, bin_dir = used_folder / "cluster", find_bin_dir()
    identity, _ = choose_identity(bin_dir, cluster)
    command = [str(bin_dir / "postgres"), "-D", str(cluster), "-c", f"cluster_name={marker_of(cluster)}"]
    command += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={used_folder / 'socket'}"]
    process = start_server(identity, command, used_folder / "postgres.log", watch="pipe")
    await eventually(lambda: running(used_folder) is not None)
    assert process.stdin
    process.stdin.close()
    assert process.wait(10) == 0


def _folder_of(user: int | None, folder: Path) -> Path:
    """Make a folder that only this user may enter."""
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, user, user)
    return folder


def _programs(installed: Path) -> Path:
    """Return the copy of the wheel's programs, or the distribution's, which all may run where they are."""
    bin_dir = find_bin_dir()
    copied = installed / "programs" / bin_dir.relative_to(bin_dir.parents[2])
    return copied if copied.exists() else bin_dir


def _python() -> str:
    """Return a Python that the ordinary user may run."""
    candidates = (sys.executable, str(shutil.which("python3", path=os.defpath)))
    for python in candidates:
        try:
            subprocess.run([python, "-c", ""], user=USER, check=True)
        except PermissionError:
            continue
        return python
    raise AssertionError(f"user {USER} can run none of {candidates}")
