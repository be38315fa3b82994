"""The settings of a process: read once from the environment (or `.env`), then frozen.

Every field is a variable of the same name in capitals. `docs/settings.md` lists them all, and a
test fails when one is missing there. Limits that protect the server are settings too, so that
an operator can see and change them.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

KIB = 1024
MIB = 1024 * KIB
SMALLEST_OUTBOX = 256 * KIB
"""What waits for a reader before its socket is said to be drained no more. An outbox that is full below
that would be caught up, skipped at once, and caught up again, for as long as its reader is slow."""


def _split(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def _tiled(template: str | None) -> str | None:
    marks = all(mark in (template or "") for mark in ("{z}", "{x}", "{y}"))
    if template and not (marks and template.startswith(("https://", "http://", "/"))):
        raise PydanticCustomError(
            "no_tile_url",
            "it must be an address (https://…, or /… of this server) with {z}, {x} and {y} in it",
        )
    return template or None


def _networks(given: tuple[str, ...]) -> tuple[str, ...]:
    for text in given:
        ip_network(text)
    return given


def _outlasting(limit: int) -> int:
    if limit < SMALLEST_OUTBOX:
        raise PydanticCustomError(
            "outbox_too_small",
            "it must be {least} or more: with less, a slow reader would be caught up over and over",
            {"least": SMALLEST_OUTBOX},
        )
    return limit


class Settings(BaseSettings):
    """Everything that an operator can choose. Sizes are bytes and times are seconds."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env", extra="ignore")

    environment: Literal["development", "production"] = "development"
    """Production has no defaults for the database and the signing secret, and refuses to start without."""

    database_url: SecretStr | None = None
    """Postgres to use; without it an embedded Postgres is started under `data_dir`."""
    migration_database_url: SecretStr | None = None
    """Login that owns the schema, when `database_url` is one that may not change it."""
    data_dir: Path = Path(".data")
    """Where the embedded Postgres and the development secrets live."""
    postgres_bin_dir: Path | None = None
    """Folder with `postgres` and `initdb`, instead of the ones that are found."""
    pool_size: int = Field(default=10, ge=1)
    """Connections to Postgres that requests share; one that waits longer than 10 s for one gets a 503."""
    committers: int = Field(default=1, ge=1, le=8)
    """Connections that append to the log; a document always uses the same one."""
    statement_timeout: float = Field(default=30.0, gt=0)
    """How long Postgres may work on one statement of the server; migrations have no limit."""
    backup_target: str | None = None
    """Where backups lie: a folder, or `s3://bucket/prefix`; without it `backups` in `data_dir`."""
    database_wait: float = Field(default=10.0, ge=0)
    """How long a starting process waits for a database that isn't there yet; 0 doesn't wait."""
    redis_url: SecretStr | None = None
    """Redis to carry changes and presence between processes, and to count rate limits for all of them."""

    redis_prefix: str = Field(default="webhost-sync", min_length=1)
    """Begins every name in Redis; each deployment that shares a Redis needs one of its own."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` is every IPv4 address of the machine."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one, which is logged."""
    forwarded_allow_ips: str = "127.0.0.1"
    """Proxies whose X-Forwarded-For is believed."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    """Origins that may call from a browser, separated by commas; none means every origin."""
    webhook_timeout: float = Field(default=10.0, gt=0, le=120)
    """How long a webhook's receiver may take to answer."""
    webhook_interval: float = Field(default=1.0, gt=0)
    """How often each process looks for what webhooks have to tell."""
    webhook_throttle: float = Field(default=10.0, ge=0)
    """A webhook is told of changes of one document at most once in this time."""
    webhook_disable_days: float = Field(default=5.0, gt=0)
    """A webhook that has failed for so long is switched off."""
    webhook_allowed_networks: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_networks)
    ] = ()
    """Private networks that webhooks may call, such as `10.1.0.0/16`, separated by commas."""
    metrics_token: SecretStr | None = None
    """Who shows it may read `/metrics`; without one only this machine may."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: this and all that is worse."""
    log_burst: int = Field(default=100, ge=0)
    """Lines of one event in ten seconds that are all written; of more, one in a hundred. 0 writes all."""
    slow_statement: float = Field(default=1.0, ge=0)
    """Statements of requests and the projector that take longer are logged, with their plan; 0 logs none."""
    slow_request: float = Field(default=1.0, ge=0)
    """Requests whose answer begins later are logged; 0 logs none."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""

    token_signing_secret: SecretStr | None = None
    """One secret, or several separated by commas: the first signs, all verify."""
    token_lifetime: float = Field(default=3600.0, gt=0)
    """How long a token lives when its asker names no time."""
    token_max_lifetime: float = Field(default=24 * 3600.0, gt=0)
    """The longest a token may live, whoever asks."""
    secret_key_base: SecretStr | None = None
    """Signs the cookies of people; one secret, or several as in `token_signing_secret`."""
    public_url: str | None = None
    """Where people reach this server, such as `https://sync.example`; used in links that are handed out."""
    map_tile_url: Annotated[str | None, AfterValidator(_tiled)] = None
    """Raster tiles for the dashboard's maps, such as `https://tiles.example/{z}/{x}/{y}.png`; without it
    they show the bundled one, and ask nobody."""
    map_attribution: str | None = None
    """Whom the tiles are from, as their licence wants it said on the map."""
    session_lifetime: float = Field(default=7 * 24 * 3600.0, gt=0)
    """How long a person stays signed in at most."""
    session_idle_timeout: float = Field(default=24 * 3600.0, gt=0)
    """How long a person stays signed in without a request."""
    sign_in_attempts: int = Field(default=8, ge=1)
    """Wrong passwords of one account, and ten times as many of one address, within the window."""
    sign_in_window: float = Field(default=900.0, gt=0)
    """Time in which wrong passwords are forgotten."""
    access_check_interval: float = Field(default=2.0, gt=0)
    """How often live sockets and streams are held against revoked keys and expired tokens; at most 5 s."""

    frame_limit: int = 8 * MIB
    """Largest frame that a client may send."""
    document_limit: int = 64 * MIB
    """Size of a document beyond which it takes no more updates."""
    presence_state_limit: int = 64 * KIB
    """Largest presence (awareness state) of one client."""
    presence_clients_per_connection: int = 20
    """Clients for which one connection may show presence."""
    presence_clients_per_room: int = 1000
    """Clients of one room whose presence is kept."""
    presence_timeout: float = 30.0
    """Silence after which a client's presence is taken away."""
    presence_interval: float = 0.05
    """Awareness of one room leaves at most once in this time."""
    outbox_limit: Annotated[int, AfterValidator(_outlasting)] = 4 * MIB
    """Bytes that wait for one slow reader before it is skipped and later caught up by a diff."""
    outbox_timeout: float = 30.0
    """How long a reader may stay stuck before it is closed with 1013, and one of a stream is dropped."""
    inbox_limit: int = 1000
    """Frames of one room that wait to be applied; beyond it the sockets are not read."""
    update_rate: float = 500.0
    """Updates per second from one socket to one document, with as many again in a burst; 4 KiB count as
    one more."""
    tenant_update_rate: float = Field(default=1000.0, gt=0)
    """The same, of all sockets of one tenant together, on one process."""
    rate_limit_hold: float = Field(default=1.0, ge=0)
    """A request that is refused with 429 is answered after this time, so that a flood slows itself."""
    connections_per_credential: int = 5000
    """Sockets and streams that one key or token may have open on this process."""
    documents_per_socket: int = Field(default=100, ge=1)
    """Documents that one socket of `/collab` may have open."""
    backlog_limit: int = 8 * MIB
    """Bytes that one socket of `/collab` has sent and its documents have not taken; then it is not read."""
    stranger_bytes_limit: int = 256 * KIB
    """The same, as long as none of its documents has been opened; and the largest frame until then."""
    stranger_frames_limit: int = Field(default=100, ge=1)
    """Frames that may wait as long as none of its documents has been opened."""
    stranger_documents_limit: int = Field(default=100, ge=1)
    """Documents that may wait to be opened as long as none has been."""
    stranger_timeout: float = 10.0
    """How long a socket of `/collab` may be open without a token."""
    vacancy_timeout: float = 60.0
    """How long it may stay when all of its documents are closed or were refused."""
    uncommitted_limit: int = 16 * MIB
    """Bytes of one room that may wait for a database that is away."""
    uncommitted_timeout: float = 30.0
    """How long a room waits for a database that is away, before it sends its members away."""
    rate_limit_window: int = Field(default=60, ge=1, le=86400)
    """The time in which the rate limits below are counted; it slides."""
    rate_limit_api: int = Field(default=100, ge=0, le=1_000_000_000)
    """Requests of one principal (a token's subject and device; a key at one address); 0 is no limit."""
    rate_limit_upload: int = Field(default=10, ge=0, le=1_000_000_000)
    """The same, for requests whose body has more than 64 KiB; they don't count as the others."""
    rate_limit_connect: int = Field(default=300, ge=0, le=1_000_000_000)
    """Sockets that one principal opens; an address may open ten times as many."""
    rate_limit_page: int = Field(default=600, ge=0, le=1_000_000_000)
    """Requests of one session of the dashboard, or of one address to what needs no credential."""
    rate_limit_stranger: int = Field(default=100, ge=0, le=1_000_000_000)
    """Bad credentials of one address; beyond it, those that aren't known are not looked up."""
    refusal_hold: float = 5.0
    """First hold of a refused socket; it doubles up to `refusal_hold_max`."""
    refusal_hold_max: float = 60.0
    """Longest hold of a socket that was refused again and again."""
    keepalive_interval: float = 20.0
    """Silence after which a socket gets an empty awareness frame."""
    ping_interval: float = 30.0
    """Time between WebSocket pings."""
    log_poll_interval: float = Field(default=30.0, gt=0)
    """How often rooms and streams look for commits of other processes that no message has told of."""
    room_idle_timeout: float = 60.0
    """How long an empty room stays in memory."""
    drain_timeout: float = 10.0
    """How long a server that stops waits for its sockets to close."""

    compact_after_updates: int = 500
    """Log rows of a document since its last snapshot after which the next is made."""
    compact_after_bytes: int = 1 * MIB
    """Bytes of log of a document since its last snapshot after which the next is made."""
    history_days: int = Field(default=30, ge=0)
    """Every change can be seen and brought back for this time: younger log rows are never deleted."""
    history_hourly_days: int = Field(default=90, ge=0)
    """Of what is older, the last state of each hour is kept up to this age."""
    history_daily_days: int = Field(default=730, ge=0)
    """Of what is older still, the last state of each day is kept up to this age."""
    history_cache_bytes: int = Field(default=64 * MIB, ge=0)
    """Past states that are kept in memory, so that the next one near by is there at once."""
    deleted_documents_days: int = Field(default=30, ge=0)
    """A deleted document can be brought back for this time; then it is deleted for good."""

    projection_interval: float = 0.5
    """Slow poll of the projector; a notification wakes it earlier."""
    future_tolerance: float = 300.0
    """A fix later than its arrival plus this never becomes the latest position."""
