"""`webhost-sync token`: sign a short-lived token with a part of a key's rights."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

import typer

from store.database import Database
from store.keys import Keys
from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.issuing import issue_token
from webhost_sync.auth.keys import is_key
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.auth.signing_secrets import signing_secrets
from webhost_sync.auth.tokens import Tokens
from webhost_sync.cli.arguments import AsJson, parse_duration, parse_grant, parse_scope_list
from webhost_sync.cli.database import with_database
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import note, print_json, say
from webhost_sync.cli.settings import load_settings

DEFAULT_KEY_VARIABLE = "WEBHOST_SYNC_KEY"


def token(
    subject: Annotated[
        str, typer.Option("--subject", help="Who will use it; the actor of what is written with it.")
    ],
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="KEY_OR_VARIABLE",
            help="The issuing key, or the name of an environment variable that holds it (which keeps it out "
            "of the shell's history).",
        ),
    ] = DEFAULT_KEY_VARIABLE,
    documents: Annotated[
        list[Grant] | None,
        typer.Option(
            "--document",
            parser=parse_grant,
            metavar="PATTERN=RIGHTS",
            help="Documents and rights, e.g. 'tables/*=read,write'; can be repeated.  "
            "[default: what the key has]",
        ),
    ] = None,
    scopes: Annotated[
        frozenset[Scope] | None,
        typer.Option(
            "--scopes",
            parser=parse_scope_list,
            metavar="LIST",
            help="Scopes beside documents: history, admin.",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="Names the device in the history.")] = "",
    lifetime: Annotated[
        timedelta | None,
        typer.Option(
            "--lifetime",
            parser=parse_duration,
            metavar="DURATION",
            help="E.g. 15m or 1h.  [default: TOKEN_LIFETIME]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a token here, with this machine's TOKEN_SIGNING_SECRET, for a browser or a device.

    It never gets more than its key has, and ends with it. Where the secret isn't at hand, ask the
    server with the key: POST /api/tokens.

    Examples:

        export WEBHOST_SYNC_KEY=whs_live_…

        webhost-sync token --subject ada --document 'tables/*=read,write' --lifetime 1h

        webhost-sync token --key TRUCK_KEY --subject truck-7 --document 'track/truck-7/*=read,write'
    """
    settings = load_settings(quiet=True)
    tokens = Tokens(signing_secrets(settings), max_lifetime=timedelta(seconds=settings.token_max_lifetime))
    credential = _key_text(key)

    async def sign(database: Database) -> tuple[str, Principal]:
        issuer = await Authenticator(Keys(database), tokens).authenticate(credential)
        return issue_token(
            tokens,
            issuer,
            token_id=uuid4().hex,
            subject=subject,
            device=device,
            grants=documents or [grant for grant in issuer.grants if grant.rights],
            scopes=scopes or frozenset(),
            lifetime=lifetime or timedelta(seconds=settings.token_lifetime),
            now=datetime.now(UTC),
        )

    text, principal = with_database(settings, sign)
    if as_json:
        print_json({"token": text, **_document(principal)})
        return
    say(text)
    note(f"Valid until {principal.expires_at:%Y-%m-%d %H:%M:%S} UTC")


def _key_text(key_or_variable: str) -> str:
    """Raises: CommandFailed."""
    if is_key(key_or_variable):
        return key_or_variable
    text = os.environ.get(key_or_variable, "").strip()
    if not text:
        raise CommandFailed(
            f"there is no key: {key_or_variable} is neither an API key nor a variable that holds one; "
            f"set {DEFAULT_KEY_VARIABLE}, or give --key"
        )
    return text


def _document(principal: Principal) -> dict[str, object]:
    return {
        "tenant": principal.tenant_slug,
        "environment": principal.environment.value,
        "subject": principal.subject,
        "device": principal.device,
        "documents": [
            {"pattern": grant.pattern, "rights": sorted(grant.rights)} for grant in principal.grants
        ],
        "scopes": sorted(principal.scopes),
        "expires_at": principal.expires_at,
    }
