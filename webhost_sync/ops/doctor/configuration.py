"""Judges the settings of a process, for what is dangerous or missing. Pure; repeats no secret."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from webhost_sync.auth.signing_secrets import MIN_SECRET_CHARACTERS
from webhost_sync.config import Settings
from webhost_sync.ops.doctor.report import Finding, failed, not_applicable, ok, warning

FEW_CHARACTERS = 10
"""Different characters that a random secret of that length has at least."""
TELLTALES = ("secret", "password", "changeme", "change-me", "example", "default", "12345", "qwerty")
MAKE = "openssl rand -hex 32"
LOCAL = ("localhost", "127.0.0.1", "::1", "")


def secrets(settings: Settings) -> list[Finding]:
    """The secrets that sign; in development those that aren't set are made."""
    found = {
        "TOKEN_SIGNING_SECRET": settings.token_signing_secret,
        "SECRET_KEY_BASE": settings.secret_key_base,
    }
    findings = [_secret(name, value, settings.environment) for name, value in found.items()]
    first, second = (value.get_secret_value() if value else "" for value in found.values())
    if first and first == second:
        findings.append(
            failed("secrets differ", "both secrets are the same", f"another SECRET_KEY_BASE: {MAKE}")
        )
    return findings


def _secret(name: str, value: SecretStr | None, environment: str) -> Finding:
    parts = [part.strip() for part in value.get_secret_value().split(",")] if value else []
    parts = [part for part in parts if part]
    if not parts:
        if environment == "production":
            return failed(name, "not set, and production needs it", f"{name}=$({MAKE})")
        return ok(name, "not set; in development one is made and kept in DATA_DIR")
    if min(map(len, parts)) < MIN_SECRET_CHARACTERS:
        least = f"{MIN_SECRET_CHARACTERS} characters are needed"
        return failed(name, f"a secret in it is too short; {least}", f"{name}=$({MAKE})")
    if any(_is_weak(part) for part in parts):
        return failed(name, "a secret in it can be guessed", f"{name}=$({MAKE})")
    return ok(name, "set, and long enough")


def _is_weak(secret: str) -> bool:
    return len(set(secret)) < FEW_CHARACTERS or any(word in secret.lower() for word in TELLTALES)


def logs(settings: Settings) -> Finding:
    chosen = f"LOG_LEVEL={settings.log_level} LOG_FORMAT={settings.log_format}"
    if settings.log_level == "debug" and settings.environment == "production":
        return warning("logs", f"{chosen}: every frame of every room is too much to read", "LOG_LEVEL=info")
    if settings.log_level == "error":
        return warning("logs", f"{chosen}: why clients were refused isn't logged", "LOG_LEVEL=info")
    if settings.log_format == "text" and settings.environment == "production":
        return warning(
            "logs", f"{chosen}: lines for people, which no log store can search", "LOG_FORMAT=json"
        )
    return ok("logs", chosen)


def deployment(settings: Settings) -> list[Finding]:
    """What production needs, each by itself."""
    return [
        _environment(settings),
        _database_url(settings.database_url),
        *secrets(settings.model_copy(update={"environment": "production"})),
        _public_url(settings),
        _origins(settings),
        _proxy(settings),
        _listens(settings),
        logs(settings.model_copy(update={"environment": "production"})),
    ]


def _environment(settings: Settings) -> Finding:
    if settings.environment == "production":
        return ok("ENVIRONMENT", "production")
    return failed(
        "ENVIRONMENT", f"{settings.environment}: keys and secrets are made up", "ENVIRONMENT=production"
    )


def _database_url(value: SecretStr | None) -> Finding:
    url = value.get_secret_value() if value else ""
    if not url:
        example = "DATABASE_URL=postgresql://server:password@host/webhost"
        return failed("DATABASE_URL", "not set, and production needs it", example)
    parts = urlsplit(url)
    mode = parse_qs(parts.query).get("sslmode", [""])[0]
    if (parts.hostname or "") not in LOCAL and mode not in ("require", "verify-ca", "verify-full"):
        return warning(
            "DATABASE_URL",
            f"{parts.hostname} is another machine, and the connection may go without TLS",
            "add ?sslmode=verify-full (or require) to DATABASE_URL, unless the network is private",
        )
    return ok("DATABASE_URL", "set")


def _public_url(settings: Settings) -> Finding:
    url = urlsplit(settings.public_url or "")
    if not settings.public_url:
        return warning(
            "PUBLIC_URL", "not set: links in invitations name HOST and PORT", "PUBLIC_URL=https://…"
        )
    if url.scheme != "https":
        return failed("PUBLIC_URL", f"{url.scheme or 'no scheme'}: cookies and keys go in the clear",
                      f"PUBLIC_URL=https://{url.netloc or 'sync.example'}")  # fmt: skip
    return ok("PUBLIC_URL", settings.public_url)


def _origins(settings: Settings) -> Finding:
    if not settings.allowed_origins:
        return warning(
            "ALLOWED_ORIGINS",
            "not set: pages of every origin may use a key that they have",
            "ALLOWED_ORIGINS=https://app.example",
        )
    plain = [each for each in settings.allowed_origins if not each.startswith("https://")]
    if plain:
        return warning("ALLOWED_ORIGINS", f"without TLS: {', '.join(plain)}", "use https:// origins")
    return ok("ALLOWED_ORIGINS", ", ".join(settings.allowed_origins))


def _proxy(settings: Settings) -> Finding:
    believed = settings.forwarded_allow_ips
    if believed.strip() == "*":
        return warning(
            "FORWARDED_ALLOW_IPS",
            "*: whoever reaches the port directly can say that they are any address",
            "FORWARDED_ALLOW_IPS=<the addresses of the proxy>",
        )
    return ok("FORWARDED_ALLOW_IPS", f"X-Forwarded-For is believed from {believed}")


def _listens(settings: Settings) -> Finding:
    if settings.host in LOCAL:
        return ok("HOST", f"{settings.host}: reached through a proxy on this machine only")
    if settings.host in ("0.0.0.0", "::"):
        evidence = f"{settings.host}: every address; a firewall must leave the port to the proxy"
        return ok("HOST", evidence)
    return ok("HOST", settings.host)


def rate_limits(settings: Settings) -> Finding:
    """What requests are held to; who counts them."""
    window = f"per {settings.rate_limit_window} s"
    where = "in Redis, for all processes" if settings.redis_url else "by each process for itself"
    chosen = (
        f"{settings.rate_limit_api} requests, {settings.rate_limit_upload} uploads {window}, counted {where}"
    )
    if not settings.rate_limit_api and settings.environment == "production":
        return warning("rate limits", f"none: {chosen}", "RATE_LIMIT_API=100")
    return ok("rate limits", chosen)


def redis_away(why: str) -> Finding:
    return warning(
        "redis",
        f"REDIS_URL: {why}; meanwhile Postgres carries changes, and each process counts limits for itself",
        "start Redis, or correct REDIS_URL (`redis-cli -u … ping`)",
    )


def no_redis() -> Finding:
    return not_applicable(
        "redis",
        "REDIS_URL is not set; Postgres carries changes, and each process counts rate limits for itself",
    )
