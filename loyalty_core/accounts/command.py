"""`loyalty access`: give people roles, sign them out, and create or revoke API keys.

Whoever can run it can read the settings and the state store, so it needs no sign-in: it names the first admin.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from loyalty_core.access import ROLES, terminal_command
from loyalty_core.accounts.keys import ApiKey, ApiKeys
from loyalty_core.accounts.people import People, Person
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import get_settings
from loyalty_core.store import StateStore


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    given = _parser().parse_args(arguments)
    try:
        with StateStore(get_settings().state_database_url) as store:
            store.migrate()
            run: Callable[[StateStore, argparse.Namespace], list[str]] = given.run
            lines = run(store, given)
    except LoyaltyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loyalty access", description=__doc__)
    commands = parser.add_subparsers(metavar="list | grant | revoke | sign-out | keys", required=True)
    commands.add_parser("list", help="everybody who has signed in or may, with their roles").set_defaults(run=_list)
    for name, run, text in (
        ("grant", _grant, "give a person a role; also names the first admin"),
        ("revoke", _revoke, "take a role from a person"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("person", help="the e-mail address, or another id that `list` shows")
        command.add_argument("role", help=f"{', '.join(ROLES)}, or one of your own")
        command.set_defaults(run=run)
    sign_out = commands.add_parser("sign-out", help="end every sign-in of a person")
    sign_out.add_argument("person")
    sign_out.set_defaults(run=_sign_out)
    keys = commands.add_parser("keys", help="API keys").add_subparsers(metavar="create | list | revoke", required=True)
    create = keys.add_parser("create", help="create a key and show it, once")
    create.add_argument("name", help="the program that will use it")
    create.add_argument("--role", action="append", required=True, help="may be repeated")
    create.add_argument("--days", type=int, help="how long it is valid; without it, until it is revoked")
    create.set_defaults(run=_create_key)
    keys.add_parser("list", help="every key, without its secret").set_defaults(run=_list_keys)
    revoke = keys.add_parser("revoke", help="end a key")
    revoke.add_argument("prefix", help="as `list` shows it")
    revoke.set_defaults(run=_revoke_key)
    return parser


def _list(store: StateStore, _: argparse.Namespace) -> list[str]:
    return [_described(person) for person in People(store).list()] or [
        "Nobody yet. Name the first admin: loyalty access grant anna@example.com admin"
    ]


def _grant(store: StateStore, given: argparse.Namespace) -> list[str]:
    return [_described(People(store).grant(given.person, given.role))]


def _revoke(store: StateStore, given: argparse.Namespace) -> list[str]:
    return [_described(People(store).revoke(given.person, given.role))]


def _sign_out(store: StateStore, given: argparse.Namespace) -> list[str]:
    return [f"{People(store).end_sessions(given.person).id} is signed out everywhere."]


def _create_key(store: StateStore, given: argparse.Namespace) -> list[str]:
    created = ApiKeys(store).create(given.name, given.role, days=given.days)
    return [created.secret, _described_key(created.key), "This is the only time that the key is shown."]


def _list_keys(store: StateStore, _: argparse.Namespace) -> list[str]:
    return [_described_key(key) for key in ApiKeys(store).list()] or ["There are no API keys."]


def _revoke_key(store: StateStore, given: argparse.Namespace) -> list[str]:
    return [_described_key(ApiKeys(store).revoke(given.prefix))]


def _described(person: Person) -> str:
    roles = ", ".join(person.roles) or "no role (waiting)"
    seen = f"last seen {person.last_seen_at:%Y-%m-%d}" if person.last_seen_at else "has not signed in yet"
    return f"{person.id}  {roles}  {seen}{'' if person.is_active else '  deactivated'}"


def _described_key(key: ApiKey) -> str:
    if key.revoked_at:
        state = "revoked"
    elif not key.is_usable(datetime.now(UTC)):
        state = "expired"
    else:
        state = f"valid until {key.expires_at:%Y-%m-%d}" if key.expires_at else "valid until revoked"
    used = f"last used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
    return f"{key.prefix}  {key.name}  {', '.join(key.roles)}  {state}  {used}"
