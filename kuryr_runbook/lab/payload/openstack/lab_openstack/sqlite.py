"""Makes SQLite support many concurrent writers, as the services expect from MariaDB.

oslo.db opens every transaction with a deferred BEGIN. Two threads that read and then write
immediately fail with SQLITE_BUSY: no busy timeout helps a reader that wants to become a writer. So
here, reads before the first write run in autocommit (which is READ COMMITTED), and the first write,
the first savepoint and the first SELECT ... FOR UPDATE are preceded by BEGIN IMMEDIATE, which waits
for its turn.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from oslo_db import exception
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import event, pool
from sqlalchemy.engine import Connection, Engine

POOL_SIZE = 10
POOL_OVERFLOW = 50


def bear_concurrent_writers() -> None:
    """Change how this process uses SQLite. Call it before an engine is created."""
    exc_filters.filters("sqlite", sqlalchemy.exc.OperationalError, r".*database is locked.*")(
        _raise_deadlock
    )
    # Listeners on the class run before oslo.db's, which are on the engine.
    event.listen(Engine, "begin", _begin_lazily)
    event.listen(Engine, "savepoint", _lock_for_savepoint)
    event.listen(Engine, "before_execute", _lock_for_update)
    _keep_connections()


def _raise_deadlock(error: Exception, *_: object) -> None:
    """Turn it into the error that the services retry on."""
    raise exception.DBDeadlock(error)


def _begin_lazily(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # This mark keeps oslo.db's listener from sending its BEGIN.
        connection.info["in_transaction"] = True
        _driver(connection).isolation_level = "IMMEDIATE"


def _lock_for_savepoint(connection: Connection, _name: str) -> None:
    # SAVEPOINT outside a transaction would open a deferred one.
    _lock(connection)


def _lock_for_update(connection: Connection, statement: Any, *_: object) -> None:
    # SQLite has no FOR UPDATE, and SQLAlchemy silently drops it, but Octavia's check whether a load
    # balancer is immutable is only valid if nobody else can change that.
    if getattr(statement, "_for_update_arg", None) is not None:
        _lock(connection)


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and not _driver(connection).in_transaction:
        _driver(connection).execute("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _keep_connections() -> None:
    """Pool the connections, since oslo.db opens the file again for each transaction."""
    create = sqlalchemy.create_engine

    def create_engine(url: Any, **options: Any) -> Engine:
        if options.get("poolclass") is pool.NullPool:
            options |= {
                "poolclass": pool.QueuePool,
                "pool_size": POOL_SIZE,
                "max_overflow": POOL_OVERFLOW,
                "pool_pre_ping": False,
            }
        return create(url, **options)

    sqlalchemy.create_engine = create_engine
