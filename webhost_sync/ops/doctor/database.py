"""Judges what was seen of the database: facts of `store.checkup` in, findings out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from store.checkup import (
    Activity,
    Extension,
    FieldRejects,
    Indexes,
    Isolation,
    LastBackup,
    NamedDocument,
    Projection,
    Server,
)
from store.contract import SchemaOutdated, StoreError, Unavailable
from store.extensions import turned_on_by
from store.refusals import REMEDIES, Cause
from store.trial_write import WriteRefusal
from webhost_sync.config import Settings
from webhost_sync.ops.doctor.report import Finding, failed, not_applicable, ok, warning

OTHER_CONNECTIONS = 8
"""Of one server process beside POOL_SIZE and COMMITTERS: projector, accounts, listeners, announcer, probe."""
MANY_CONNECTIONS = 0.8
LONG_LAG_SECONDS = 30.0
DEAD_LAG_SECONDS = 120.0
LONG_IDLE_SECONDS = 60.0
OLD_BACKUP_DAYS = 2.0
MIGRATE = "webhost-sync migrate"


def unreachable(error: StoreError, address: str) -> Finding:
    """The database could not be asked at all."""
    if isinstance(error, SchemaOutdated):
        return failed("database", str(error), MIGRATE)
    refusal = error.refusal if isinstance(error, Unavailable) else None
    cause = Cause.OTHER if refusal is None else refusal.cause
    reason = str(error) if refusal is None else refusal.reason
    return failed("database", f"{address} ({cause.value.replace('_', ' ')}): {reason}", REMEDIES[cause])


def reachable(server: Server, address: str) -> Finding:
    return ok("database", f"Postgres {server.version} at {address}, as {server.login!r}")


def writes(refused: WriteRefusal | None) -> Finding:
    if refused is None:
        return ok("writes", "Postgres takes them")
    why = f"Postgres refuses them, so clients keep their edits: {refused.reason}"
    if refused.is_read_only:
        return failed(
            "writes",
            why,
            "a standby? name the primary in DATABASE_URL; else: alter database NAME reset "
            "default_transaction_read_only",
        )
    return failed("writes", why, "free some disk of Postgres (`df -h`), and read its log")


def schema(found: str | None, needed: str, known: Collection[str], *, works: bool) -> Finding:
    if found == needed:
        return ok("schema", f"{found}, as this program needs")
    if found is None:
        return failed("schema", "the database was never migrated", MIGRATE)
    if found in known:
        return failed("schema", f"{found}; this program needs {needed}", MIGRATE)
    if works:
        return ok("schema", f"{found}, newer than this program's {needed}, which can do with it")
    return failed(
        "schema",
        f"{found}, which this program ({needed}) doesn't know",
        "update the program to the version that migrated the database",
    )


def isolation(found: Isolation) -> Finding:
    name = "tenants apart"
    if found.missing_roles:
        return failed(name, f"roles are missing: {', '.join(found.missing_roles)}", MIGRATE)
    if found.bypassing:
        names = ", ".join(found.bypassing)
        alter = "; ".join(f"alter role {role} nosuperuser nobypassrls" for role in found.bypassing)
        return failed(name, f"row-level security doesn't hold {names}", f"as an admin of Postgres: {alter}")
    if found.open_tables:
        alter = "; ".join(f"alter table {table} enable row level security" for table in found.open_tables)
        return failed(name, f"tables without row-level security: {', '.join(found.open_tables)}", alter)
    if not found.refuses_without_tenant:
        return failed(
            name,
            "the server's role could read documents without a tenant",
            "compare the policies of `documents` with a freshly migrated database; someone changed them",
        )
    return ok(name, "row-level security is in force; reading without a tenant is refused")


def extensions(found: Sequence[Extension], database: str) -> list[Finding]:
    """None is demanded, so none is worse than ok; what could be turned on is said with what to type."""
    by_name = {each.name: each for each in found}
    return [_timescale(by_name.get("timescaledb")), _postgis(by_name.get("postgis"), database)]


def _timescale(found: Extension | None) -> Finding:
    there = (
        f"{found.installed} is in this database, and not used" if found and found.installed else "not used"
    )
    why = "it compresses no tables with row-level security; positions lie in a partition a month"
    return ok("extension timescaledb", f"{there}: {why}")


def _postgis(found: Extension | None, database: str) -> Finding:
    check = "extension postgis"
    if found is None:
        return ok(check, "not on this server, nor needed: only views for SQL come with it")
    if found.installed and not found.missing:
        return ok(check, f"{found.installed} is in use, by the views for SQL")
    if found.installed:
        return ok(check, f"{found.installed}, without the views {', '.join(found.missing)}", MIGRATE)
    if found.may_turn_on:
        return ok(check, f"{found.available} is on this server, and not turned on", MIGRATE)
    return ok(
        check,
        f"{found.available} is on this server, and this login may not turn it on",
        f"as a superuser: {turned_on_by(database)}; then {MIGRATE}",
    )


def connections(server: Server, settings: Settings) -> Finding:
    needs = settings.pool_size + settings.committers + OTHER_CONNECTIONS
    taken = f"{server.connections} of {server.max_connections} connections are taken"
    if needs > server.max_connections:
        return failed(
            "connections",
            f"one server process may need {needs}, Postgres allows {server.max_connections}",
            f"POOL_SIZE={max(1, server.max_connections // 2 - OTHER_CONNECTIONS)}, or raise max_connections",
        )
    if server.connections > MANY_CONNECTIONS * server.max_connections:
        return warning("connections", taken, "lower POOL_SIZE, or raise max_connections of Postgres")
    return ok("connections", f"{taken}; one server process may need {needs}")


def clock(server: Server) -> Finding:
    apart = max(0.0, abs(server.offset_seconds) - server.round_trip_seconds)
    if apart > 2.0:
        return warning(
            "clock",
            f"this machine and Postgres are {apart:.0f} s apart; tokens may seem expired, or not yet valid",
            "timedatectl set-ntp true  (on both machines)",
        )
    return ok("clock", f"as that of Postgres, to {max(apart, server.round_trip_seconds) * 1000:.0f} ms")


def indexes(found: Indexes) -> Finding:
    if found.missing:
        return failed(
            "indexes",
            f"missing, so queries are slow: {', '.join(found.missing)}",
            "make them as store/schema*.py and the migrations have them: CREATE INDEX CONCURRENTLY …",
        )
    if found.invalid:
        again = "; ".join(f"REINDEX INDEX CONCURRENTLY {name}" for name in found.invalid)
        return failed("indexes", f"broken off while they were made: {', '.join(found.invalid)}", again)
    return ok("indexes", "all are there and valid")


def activity(found: Activity, settings: Settings) -> Finding:
    if found.idle_transaction_seconds > LONG_IDLE_SECONDS:
        return warning(
            "long statements",
            f"a transaction has been idle for {found.idle_transaction_seconds:.0f} s and keeps its locks",
            "select pid, application_name, query from pg_stat_activity where state like 'idle in%'; "
            "then select pg_terminate_backend(PID)",
        )
    if found.statement_seconds > settings.statement_timeout:
        return warning(
            "long statements",
            f"a statement has run for {found.statement_seconds:.0f} s, longer than STATEMENT_TIMEOUT "
            f"({settings.statement_timeout:g} s)",
            "select pid, query from pg_stat_activity where state = 'active' order by query_start limit 3",
        )
    waiting = f"; {found.waiting_for_locks} wait for locks" if found.waiting_for_locks else ""
    return ok(
        "long statements", f"none; the server's own end after {settings.statement_timeout:g} s{waiting}"
    )


def projection(found: Projection) -> Finding:
    name = "projector"
    behind = f"{found.behind} documents are behind, the first for {found.lag_seconds:.0f} s"
    if found.behind and found.lag_seconds > DEAD_LAG_SECONDS:
        return failed(
            name, f"{behind}; no projector seems to run", "webhost-sync project  (or serve with --projector)"
        )
    if found.failing:
        return warning(
            name,
            f"{found.failing} documents can't be projected and are tried again; {behind}",
            "webhost-sync rebuild --tenant SLUG, and read the log lines 'document not projected'",
        )
    if found.behind and found.lag_seconds > LONG_LAG_SECONDS:
        return warning(name, behind, "start another one: webhost-sync project")
    return ok(name, behind if found.behind else "rows follow the documents; nothing is behind")


def rejects(found: Sequence[FieldRejects]) -> Finding:
    if not found:
        return ok("values left out", "none: every value has its place in a row")
    named = "; ".join(f"{each.field} ({each.count}): {each.reason}" for each in found)
    return warning(
        "values left out",
        named,
        "correct what writes these; each is listed, with what to do, on the dashboard's page Fleet, Refused "
        "(GET /api/refused)",
    )


def quarantine(found: Sequence[NamedDocument]) -> Finding:
    if not found:
        return ok("quarantine", "no document is in quarantine")
    named = "; ".join(f"{each.tenant}: {each.name} ({each.detail})" for each in found)
    first = found[0]
    return failed(
        "quarantine",
        f"read-only since something of them is damaged: {named}",
        f"webhost-sync document diagnose {first.name} --tenant {first.tenant}",
    )


def size_of_documents(found: Sequence[NamedDocument], limit: int) -> Finding:
    if not found:
        return ok("large documents", f"none is near DOCUMENT_LIMIT ({limit / 1e6:.0f} MB)")
    named = "; ".join(f"{each.tenant}: {each.name} ({each.size / limit:.0%})" for each in found)
    return warning(
        "large documents",
        f"near DOCUMENT_LIMIT, beyond which no update is taken: {named}",
        "split them, or raise DOCUMENT_LIMIT and restart",
    )


def backup(found: LastBackup | None) -> list[Finding]:
    """Nothing where backups aren't recorded."""
    if found is None:
        return []
    make = "webhost-sync backup  (and a timer for it: docs/cli.md)"
    if found.age_days is None:
        why = f"none was ever finished{f': {found.problem}' if found.problem else ''}"
        return [warning("last backup", why, make)]
    age = f"{found.age_days:.1f} days ago"
    if found.problem:
        return [failed("last backup", f"{age}; the newest attempt: {found.problem}", make)]
    if found.age_days > OLD_BACKUP_DAYS:
        return [warning("last backup", age, make)]
    proved = "not proved yet" if found.proved_days is None else f"proved {found.proved_days:.1f} days ago"
    return [ok("last backup", f"{age}, {proved}")]


def scratch_databases(found: Sequence[str]) -> list[Finding]:
    """Nothing where there are none."""
    if not found:
        return []
    return [
        warning(
            "scratch databases",
            f"a command that was killed left {', '.join(found)}",
            "webhost-sync verify latest  (it drops them first)",
        )
    ]


def maintenance(reason: str | None) -> Finding:
    if reason is None:
        return ok("maintenance", "off: changes are taken")
    return warning("maintenance", f"on, so changes wait: {reason}", "webhost-sync maintenance off")


def may_not_look(check: str, login: str) -> Finding:
    return not_applicable(check, f"{login}; name the schema's owner in MIGRATION_DATABASE_URL to see it")
