"""People, custom roles and API keys in the state store, and the viewers that follow from them."""

from loyalty_core.accounts.dismissals import Dismissals
from loyalty_core.accounts.errors import BadAddress, KeyNotFound, LastAdmin, PersonNotFound, RoleInUse, UnknownRole
from loyalty_core.accounts.keys import ApiKey, ApiKeys, NewKey, digest_of, prefix_of
from loyalty_core.accounts.people import People, Person
from loyalty_core.accounts.roles import Roles
from loyalty_core.accounts.sign_in import SignIn
from loyalty_core.accounts.viewers import Viewers

__all__ = [
    "ApiKey",
    "ApiKeys",
    "BadAddress",
    "Dismissals",
    "KeyNotFound",
    "LastAdmin",
    "NewKey",
    "People",
    "Person",
    "PersonNotFound",
    "RoleInUse",
    "Roles",
    "SignIn",
    "UnknownRole",
    "Viewers",
    "digest_of",
    "prefix_of",
]
