"""`webhost-sync user`: the people who may sign in to the dashboard, and how they get in."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated, Literal

import typer

from store.database import Database
from store.sessions import Sessions
from store.users import MemberRole, Membership, User, Users
from webhost_sync.auth.links import SIGN_IN_LIFETIME, server_url, sign_in_link
from webhost_sync.auth.passwords import hash_password
from webhost_sync.auth.people import is_email
from webhost_sync.cli.arguments import AsJson, TenantSlug, parse_duration
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.key import find_tenant
from webhost_sync.cli.output import day_and_time, note, print_json, print_table, say
from webhost_sync.cli.settings import load_settings

commands = typer.Typer(
    no_args_is_help=True, help="People who sign in to the dashboard: accounts, roles, passwords, links."
)


def parse_email(text: str) -> str:
    """Read an email address, in lower case."""
    if not is_email(text):
        raise typer.BadParameter(f"{text!r} is no email address")
    return text.lower()


Email = Annotated[
    str, typer.Argument(parser=parse_email, metavar="EMAIL", help="The account.", show_default=False)
]
Lifetime = Annotated[
    timedelta | None,
    typer.Option(
        "--lifetime",
        parser=parse_duration,
        metavar="DURATION",
        help="How long it can be used.  [default: 24h]",
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Where people reach the server.  [default: PUBLIC_URL, or HOST and PORT]"
    ),
]


@commands.command("create")
def create(
    email: Email,
    tenant: TenantSlug,
    role: Annotated[
        MemberRole, typer.Option("--role", help="What they are: owner, admin or viewer.")
    ] = MemberRole.VIEWER,
    name: Annotated[str, typer.Option("--name", help="Their name.  [default: the email]")] = "",
    url: Url = None,
    lifetime: Lifetime = None,
    as_json: AsJson = False,
) -> None:
    """Make an account, and a link by which its holder signs in once and chooses a password.

    Examples:

        webhost-sync user create ada@acme.example --tenant acme --role owner --name "Ada Lovelace"

        webhost-sync user create bob@acme.example --tenant acme --url https://sync.acme.example
    """
    settings = load_settings(quiet=True)

    async def make(database: Database) -> tuple[User, str]:
        await find_tenant(database, tenant, test=False)
        user = await Users(database).create(
            email, name or email, None, slug=tenant, role=role, deed=operator()
        )
        return user, await _link(database, email, url or server_url(settings), lifetime)

    user, link = with_database(settings, make)
    if as_json:
        print_json({**_document(user), "role": role.value, "link": link})
        return
    say(link, style="bold")
    note(f"{email} is {role.value} of {tenant!r}. The link works once; whoever has it is signed in.")


@commands.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List every account, and what it is for which tenant.

    Examples:

        webhost-sync user list

        webhost-sync user list --json | jq -r '.[].email'
    """
    found = with_database(load_settings(quiet=True), lambda database: Users(database).all())
    if as_json:
        print_json([{**_document(user), "roles": _roles(spaces)} for user, spaces in found])
    elif found:
        print_table(
            ("EMAIL", "PASSWORD", "SIGNED IN (UTC)", "ROLES", "NAME"),
            [
                (
                    user.email,
                    "set" if user.has_password else "none",
                    day_and_time(user.last_signed_in_at),
                    ", ".join(f"{slug}: {role}" for slug, role in _roles(spaces).items()),
                    user.name,
                )
                for user, spaces in found
            ],
            fixed=3,
        )
    else:
        note("There is no account yet. Make one: webhost-sync user create EMAIL --tenant SLUG --role owner")


@commands.command("role")
def set_role(
    email: Email,
    tenant: TenantSlug,
    role: Annotated[
        Literal["owner", "admin", "viewer", "none"],
        typer.Option("--role", help="owner, admin, viewer; none ends the membership."),
    ],
    as_json: AsJson = False,
) -> None:
    """Make an account a member of a tenant, change what it is there, or end that.

    Examples:

        webhost-sync user role ada@acme.example --tenant acme --role admin

        webhost-sync user role bob@acme.example --tenant acme --role none
    """

    async def change(database: Database) -> User:
        users, space = Users(database), await find_tenant(database, tenant, test=False)
        known = await users.find(email)
        members = {member.user.email: member.user for member in await users.members(space.id)}
        if role == "none":
            if email not in members:
                raise CommandFailed(f"{email} is no member of {tenant!r}; nothing was changed")
            return await users.remove(space.id, members[email].id, deed=operator())
        if known is None or email not in members:
            return await users.add(email, slug=tenant, role=MemberRole(role), deed=operator())
        return await users.set_role(space.id, members[email].id, MemberRole(role), deed=operator())

    user = with_database(load_settings(quiet=True), change)
    if as_json:
        print_json({**_document(user), "tenant": tenant, "role": None if role == "none" else role})
    else:
        say(f"{email} is {'no member' if role == 'none' else role} of {tenant!r} now")


@commands.command("password")
def set_password(email: Email, as_json: AsJson = False) -> None:
    """Set a password: asked for on a terminal, else the first line of standard input. Ends every session.

    Examples:

        webhost-sync user password ada@acme.example

        openssl rand -base64 24 | webhost-sync user password ada@acme.example
    """
    settings = load_settings(quiet=True)
    password = (
        typer.prompt("New password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\r\n")
    )
    hashed = hash_password(password)
    user = with_database(
        settings, lambda database: Users(database).set_password(email, hashed, deed=operator())
    )
    if as_json:
        print_json(_document(user))
    else:
        say(f"The password of {email} is changed, and all sessions have ended")


@commands.command("link")
def link(email: Email, url: Url = None, lifetime: Lifetime = None, as_json: AsJson = False) -> None:
    """Make a link by which the holder of an account signs in once, for whoever forgot the password.

    Examples:

        webhost-sync user link ada@acme.example

        webhost-sync user link ada@acme.example --url https://sync.acme.example --lifetime 1h
    """
    settings = load_settings(quiet=True)

    async def make(database: Database) -> str:
        if await Users(database).find(email) is None:
            raise CommandFailed(f"there is no account {email}; `webhost-sync user create` makes one")
        return await _link(database, email, url or server_url(settings), lifetime)

    text = with_database(settings, make)
    if as_json:
        print_json({"email": email, "link": text})
        return
    say(text, style="bold")
    note("It works once; whoever has it is signed in.")


async def _link(database: Database, email: str, url: str, lifetime: timedelta | None) -> str:
    return await sign_in_link(
        Sessions(database),
        email,
        url=url.rstrip("/"),
        lifetime=lifetime or SIGN_IN_LIFETIME,
        deed=operator(),
    )


def _roles(spaces: tuple[Membership, ...]) -> dict[str, str]:
    return {space.tenant.slug: space.role.value for space in spaces}


def _document(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "has_password": user.has_password,
        "created_at": user.created_at,
        "last_signed_in_at": user.last_signed_in_at,
    }
