"""The signer's own way into the world's database, given as the operations page tells operators."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from payments.signer.database_role import statements
from sandbox.processes import ServiceFailed

if TYPE_CHECKING:
    from casino.db import Database

NAME_LETTERS = 50


@dataclass(frozen=True, slots=True)
class SignerRole:
    """A role that may sign and nothing else; its password lives as long as the world runs."""

    database_url: str
    """The owner's address of the database."""
    password: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @property
    def name(self) -> str:
        """One for each database, since a server's roles belong to all of its databases."""
        database = (make_url(self.database_url).database or "").lower()
        return "signer_" + re.sub(r"[^a-z0-9_]", "_", database)[:NAME_LETTERS]

    @property
    def url(self) -> str:
        """The address that the signer is told."""
        owner = make_url(self.database_url)
        return owner.set(username=self.name, password=self.password).render_as_string(
            hide_password=False
        )

    async def admit(self, database: Database) -> None:
        """Make the role in a database of the newest schema. Raises ServiceFailed where the owner
        may not make roles."""
        try:
            async with database.transaction() as session:
                for statement in statements(self.name):
                    await session.execute(text(statement))
                await session.execute(text(f"ALTER ROLE {self.name} PASSWORD '{self.password}'"))
        except DBAPIError as error:
            raise ServiceFailed(
                f"The role {self.name} for the signer could not be made: {error.orig}. Let the"
                " user of DATABASE_URL make roles: ALTER ROLE ... CREATEROLE."
            ) from error
