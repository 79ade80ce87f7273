"""The SQLAlchemy dialect `postgresql+gino`: SQLAlchemy's own engines, ORM and Alembic on gino's
driver.

    engine = create_async_engine("postgresql+gino://user:password@localhost/name")

Registered when gino is installed, and again when it is imported. It offers all that SQLAlchemy's
asyncio engines do: transactions that begin with the first statement, AUTOCOMMIT and the isolation
levels, `postgresql_readonly` and `postgresql_deferrable`, savepoints, two-phase transactions,
server-side cursors (`stream()`), `insertmanyvalues`, reflection, `pool_pre_ping`; the URL and
`connect_args` take what `gino.create_engine` takes. Errors are those of `gino.exceptions`, wrapped
in SQLAlchemy's; values are those of the driver, and ranges, arrays of every type and `timetz`
besides. `driver_connection` has asyncpg's names.

It has nothing to do with a Gino engine: connections belong to SQLAlchemy's pool.

Alembic: `alembic init -t async`, this address, and `target_metadata = db`. It writes `db.Enum` as
`gino.schema.Enum`, so `script.py.mako` needs `import gino` where models have enums.

Owns: `GinoDialect`.
Never does: convert values (`gino.dialects.types`) or talk to the driver (`gino.dialects.adapter`).
Called by: SQLAlchemy, by the name in an address.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

from sqlalchemy.dialects.postgresql.base import PGDialect, PGExecutionContext
from sqlalchemy.engine.url import URL

from .. import exceptions as exc
from .types import COLSPECS, JSON_AS_TEXT


class GinoExecutionContext(PGExecutionContext):
    """Knows how to ask for a server-side cursor."""

    def create_server_side_cursor(self) -> Any:
        """A cursor that fetches rows as they are asked for."""
        return self._dbapi_connection.cursor(server_side=True)


class GinoDialect(PGDialect):
    """PostgreSQL through gino's driver, for SQLAlchemy's asyncio extension."""

    driver = "gino"
    is_async = True
    has_terminate = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    supports_sane_multi_rowcount = True
    supports_native_json_deserialization = True
    default_paramstyle = "numeric_dollar"
    execution_ctx_cls = GinoExecutionContext
    colspecs: ClassVar[dict[Any, Any]] = {  # type: ignore[misc]
        **PGDialect.colspecs,
        **COLSPECS,
    }

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)  # type: ignore[no-untyped-call]
        if self._json_deserializer is not None:
            self.colspecs = {**self.colspecs, **JSON_AS_TEXT}  # type: ignore[misc]

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver under the names of PEP 249."""
        from . import dbapi

        return dbapi

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """The address in the driver's own spelling; several hosts become two lists."""
        url = url.set(drivername="postgresql")
        hosts, ports = self._split_multihost_from_url(url)
        if hosts is None:
            return [url], {}
        keywords = {"host": ",".join(host or "" for host in hosts)}
        if any(ports or ()):
            keywords["port"] = ",".join(str(port or "") for port in ports or ())
        return [url.difference_update_query(("host", "port"))], keywords

    def get_driver_connection(self, connection: Any) -> Any:
        """The driver's connection, under asyncpg's names."""
        return connection.driver_connection

    # ---- transactions ---------------------------------------------------------------------------

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:
        """All levels, AUTOCOMMIT among them."""
        return (*super().get_isolation_level_values(dbapi_conn), "AUTOCOMMIT")  # type: ignore[no-untyped-call]

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        """The level of the transactions to come."""
        dbapi_connection.autocommit = level == "AUTOCOMMIT"
        dbapi_connection.isolation_level = None if level == "AUTOCOMMIT" else level

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """The level of the open transaction, or of the next one; none begins."""
        if dbapi_connection.autocommit:
            return "AUTOCOMMIT"
        if dbapi_connection.state != "idle":
            return dbapi_connection.setting("transaction_isolation").upper()
        level = dbapi_connection.isolation_level
        return level or dbapi_connection.setting("default_transaction_isolation").upper()

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        """Whether no transaction begins by itself."""
        return bool(dbapi_conn.autocommit)

    def set_readonly(self, connection: Any, value: bool) -> None:
        """Whether the transactions to come may only read."""
        connection.readonly = value

    def get_readonly(self, connection: Any) -> bool:
        """Whether the transactions to come may only read."""
        return bool(connection.readonly)

    def set_deferrable(self, connection: Any, value: bool) -> None:
        """Whether the transactions to come wait for a safe snapshot."""
        connection.deferrable = value

    def get_deferrable(self, connection: Any) -> bool:
        """Whether the transactions to come wait for a safe snapshot."""
        return bool(connection.deferrable)

    def do_prepare_twophase(self, connection: Any, xid: str) -> None:
        """Prepare the open transaction; one without statements is begun first."""
        adapted = connection.connection.dbapi_connection
        if adapted.state == "idle":
            adapted.command("BEGIN")
        adapted.command(f"PREPARE TRANSACTION {_quoted(xid)}")

    def do_commit_twophase(
        self, connection: Any, xid: str, is_prepared: bool = True, recover: bool = False
    ) -> None:
        """Commit a transaction that was prepared, here or elsewhere."""
        self._end_twophase(connection, "COMMIT", xid, is_prepared)

    def do_rollback_twophase(
        self, connection: Any, xid: str, is_prepared: bool = True, recover: bool = False
    ) -> None:
        """Roll back a transaction, prepared or not."""
        self._end_twophase(connection, "ROLLBACK", xid, is_prepared)

    def _end_twophase(self, connection: Any, verb: str, xid: str, is_prepared: bool) -> None:
        adapted = connection.connection.dbapi_connection
        if not is_prepared:
            adapted.commit() if verb == "COMMIT" else adapted.rollback()
            return
        adapted.rollback()  # the server ends prepared transactions outside of others only
        adapted.command(f"{verb} PREPARED {_quoted(xid)}")

    # ---- the connection's end -------------------------------------------------------------------

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask the server for a sign of life."""
        dbapi_connection.ping()
        return True

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close at once."""
        dbapi_connection.terminate()

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Whether the connection is of no more use after this error."""
        if isinstance(e, _GONE):
            return True
        adapted = getattr(connection, "dbapi_connection", connection)
        return getattr(adapted, "state", None) == "closed"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_GONE = (
    exc.ConnectionLostError,
    exc.ClosedError,
    exc.AdminShutdownError,
    exc.CannotConnectNowError,
)

dialect = GinoDialect
