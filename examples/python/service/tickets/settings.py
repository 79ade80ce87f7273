"""The settings, read from the environment once.

Owns: the names of the variables, their defaults and types.
Never does: show the password; `repr` leaves the address out.
Called by: `tickets.models`, `tickets.__main__` and Alembic's environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import URL, make_url

DEFAULT_DSN = "postgresql://localhost/postgres"


@dataclass(frozen=True)
class Settings:
    """`DB_DSN`, `DB_POOL_MIN_SIZE`, `DB_POOL_MAX_SIZE`, `DB_RETRY_LIMIT`, `DEBUG_PAGE`, `PORT`."""

    dsn: str = field(default=DEFAULT_DSN, repr=False)
    pool_min_size: int = 1
    pool_max_size: int = 10
    retry_limit: int = 30  # tries, a second apart: the database may start after the service
    debug_page: bool = False
    port: int = 8000

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Read from environment variables. Errors: ValueError for a number that is none."""
        return cls(
            dsn=environment.get("DB_DSN", DEFAULT_DSN),
            pool_min_size=int(environment.get("DB_POOL_MIN_SIZE", cls.pool_min_size)),
            pool_max_size=int(environment.get("DB_POOL_MAX_SIZE", cls.pool_max_size)),
            retry_limit=int(environment.get("DB_RETRY_LIMIT", cls.retry_limit)),
            debug_page=environment.get("DEBUG_PAGE", "0") == "1",
            port=int(environment.get("PORT", cls.port)),
        )

    @property
    def sqlalchemy_url(self) -> URL:
        """The same address for SQLAlchemy's own engines, which Alembic uses."""
        return make_url(self.dsn).set(drivername="postgresql+gino")


settings = Settings.of(os.environ)
