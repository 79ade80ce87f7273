"""What an engine tells of itself: queries, the pool, who holds which connection."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gino import Gino, create_engine
from gino.exceptions import UniqueViolationError
from gino.observe import QueryEvent, trace_queries


async def test_each_statement_is_told_with_what_it_came_to(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    seen: list[QueryEvent] = []
    unsubscribe = engine.on_query(seen.append)
    assert await engine.all("SELECT generate_series(1, $1)", 3) == [(1,), (2,), (3,)]
    await engine.first("SELECT generate_series(1, $1)", 3)
    async with engine.transaction():
        await engine.scalar("SELECT pg_sleep(0.05)")
    with pytest.raises(UniqueViolationError):
        await engine.status("DO $$ BEGIN RAISE unique_violation; END $$")
    unsubscribe()
    unsubscribe()
    await engine.status("SELECT 4")
    await engine.close()

    series, first, begin, slow, commit, failed = seen
    assert (series.sql, series.rows, series.prepared) == ("SELECT generate_series(1, $1)", 3, True)
    assert (first.rows, first.prepared, first.error, first.cancelled) == (1, False, None, False)
    assert (begin.sql, commit.sql, commit.rows) == ("BEGIN", "COMMIT", None)
    assert 0.05 <= slow.duration < 5 > series.duration > 0
    assert isinstance(failed.error, UniqueViolationError)
    assert failed.error.sqlstate == "23505"
    assert (failed.connection, failed.port is not None) == (1, True)
    assert all(one.database in dsn for one in seen)
    with pytest.raises(dataclasses.FrozenInstanceError):
        failed.rows = 3  # type: ignore[misc]


async def test_time_outs_and_cancelled_statements_are_told_apart(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    seen: list[QueryEvent] = []
    engine.on_query(seen.append)
    with pytest.raises(asyncio.TimeoutError):
        async with engine.acquire(command_timeout=0.05) as connection:
            await connection.scalar("SELECT pg_sleep(10)")
    sleeping = asyncio.ensure_future(engine.scalar("SELECT pg_sleep(11)"))
    await asyncio.sleep(0.1)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    await engine.close()
    late, cancelled = seen
    assert isinstance(late.error, TimeoutError)
    assert not late.cancelled
    assert (cancelled.error, cancelled.cancelled, cancelled.sql) == (
        None,
        True,
        "SELECT pg_sleep(11)",
    )


async def test_callback_that_fails_is_logged_and_harms_nobody(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)

    def fail(query: QueryEvent) -> None:
        raise ValueError(f"no {query.sql}")

    seen: list[QueryEvent] = []
    engine.on_query(fail)
    engine.on_query(seen.append)
    with caplog.at_level(logging.ERROR, "gino.observe"):
        assert await engine.scalar("SELECT 1") == 1
    assert "no SELECT 1" in caplog.text
    assert len(seen) == 1
    await engine.close()


async def test_only_plain_functions_can_listen(dsn: str) -> None:
    async def later(query: QueryEvent) -> None:
        pass

    engine = await create_engine(dsn, min_size=0)
    for wrong in (later, 3):
        with pytest.raises(TypeError, match="plain function"):
            engine.on_query(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="plain function"):
            Gino().on_query(wrong)  # type: ignore[arg-type]
    await engine.close()


async def test_gino_keeps_its_listeners_from_bind_to_bind(dsn: str) -> None:
    db = Gino()
    seen: list[str] = []
    unsubscribe = db.on_query(lambda query: seen.append(query.sql))
    for number in (1, 2):
        async with db.with_bind(dsn, min_size=1, max_size=1) as engine:
            await db.scalar(f"SELECT {number}")
        assert engine.stats().size == 0
    engine = await create_engine(dsn, min_size=1, max_size=1)
    db.bind = engine
    await db.scalar("SELECT 3")
    db.pop_bind()
    await engine.scalar("SELECT 4")
    db.bind = engine
    unsubscribe()
    await db.scalar("SELECT 5")
    await db.pop_bind().close()
    assert seen == ["SELECT 1", "SELECT 2", "SELECT 3"]


async def test_stats_count_what_the_pool_did(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    assert engine.stats().metrics.opened == 1
    connection = await engine.acquire()
    waiting = asyncio.ensure_future(engine.scalar("SELECT 1"))
    with pytest.raises(asyncio.TimeoutError):
        await engine.acquire(timeout=0.05, reusable=False)
    stats = engine.stats()
    assert (stats.max, stats.size, stats.in_use, stats.idle) == (1, 1, 1, 0)
    await connection.status("SET application_name = 'touched'")
    await connection.release()
    if not waiting.done():
        await waiting
    await engine.scalar("SELECT 1")
    metrics = engine.stats().metrics
    assert (metrics.opened, metrics.closed, metrics.resets) == (1, 0, 1)
    assert (metrics.timeouts, metrics.failed_connects) == (1, 0)
    assert metrics.reused >= 2
    assert metrics.waited >= 1
    assert metrics.wait_time >= 0.05
    await engine.close()
    assert engine.stats().metrics.closed == 1


async def test_stats_name_holders_by_task_line_age_and_statement(dsn: str) -> None:
    engine = await create_engine(dsn, min_size=2, max_size=2)
    frame = inspect.currentframe()
    assert frame is not None
    here = f"{__file__}:{frame.f_lineno + 1}"
    async with engine.acquire() as connection:
        await connection.scalar("SELECT 41 + 1")
        await connection.scalar("SELECT 41 + 1")
        await asyncio.sleep(0.02)
        stats = engine.stats()
        (held,) = stats.holders
        assert held.holder is not None
        assert held.holder.place == here
        task = asyncio.current_task()
        assert task is not None
        assert held.holder.caller == f"task {task.get_name()}"
        assert held.holder.last_sql == "SELECT 41 + 1"
        assert held.age >= held.holder.age >= 0.02
        assert (held.state, held.in_flight, held.statements) == ("idle", 0, 1)
        assert (held.statement_hits, held.statement_misses) == (1, 1)
        assert held.statement_cache_size == 100
        assert held.process == await connection.scalar("SELECT pg_backend_pid()")
        assert len(stats.connections) == 2
        with pytest.raises(asyncio.TimeoutError, match=f"at {here} for .* last SQL: SELECT pg_b"):
            await engine.close(grace=0.05)


async def test_lines_of_lazy_connections_and_transactions_are_where_they_were_asked_for(
    dsn: str,
) -> None:
    db = Gino()

    def places() -> list[Any]:
        return [one.holder.place for one in engine.stats().holders if one.holder]

    async with db.with_bind(dsn, min_size=0, max_size=2) as engine:
        frame = inspect.currentframe()
        assert frame is not None
        line = frame.f_lineno
        async with db.acquire(lazy=True):
            assert places() == []
            await db.scalar("SELECT 1")
            assert places() == [f"{__file__}:{line + 1}"]
        async with db.transaction():
            assert places() == [f"{__file__}:{line + 5}"]


def spans_of(exporter: InMemorySpanExporter) -> list[Any]:
    return list(exporter.get_finished_spans())


async def test_spans_have_the_names_of_the_conventions_and_no_values(dsn: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    engine = await create_engine(dsn, min_size=1, max_size=1)
    end = trace_queries(engine, provider)
    with trace.get_tracer("test", tracer_provider=provider).start_as_current_span("request"):
        await engine.all("/* why */ SELECT $1::text AS word", "secret-word")
        await asyncio.ensure_future(engine.scalar("SELECT 2"))
    with pytest.raises(UniqueViolationError):
        await engine.status("DO $$ BEGIN RAISE unique_violation; END $$")
    end()
    await engine.scalar("SELECT 3")
    await engine.close()

    select, other, request, failed = spans_of(exporter)
    database = select.attributes["db.namespace"]
    assert select.name == f"SELECT {database}"
    assert select.kind is trace.SpanKind.CLIENT
    assert select.attributes["db.system.name"] == "postgresql"
    assert select.attributes["db.operation.name"] == "SELECT"
    assert select.attributes["db.query.text"] == "/* why */ SELECT $1::text AS word"
    assert select.attributes["db.response.returned_rows"] == 1
    assert select.attributes["server.address"] in dsn
    assert str(select.attributes["server.port"]) in dsn
    assert select.parent.span_id == other.parent.span_id == request.context.span_id
    assert 0 < select.end_time - select.start_time < 5e9
    assert (
        failed.attributes["error.type"] == failed.attributes["db.response.status_code"] == "23505"
    )
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert failed.parent is None
    assert "secret-word" not in repr([span.to_json() for span in spans_of(exporter)])


async def test_spans_without_text_and_of_cancelled_statements(dsn: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    db = Gino()
    trace_queries(db, provider, query_text=False)
    async with db.with_bind(dsn, min_size=1, max_size=1):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(db.scalar("SELECT pg_sleep(10)"), 0.05)
    (span,) = spans_of(exporter)
    assert "db.query.text" not in span.attributes
    assert span.attributes["error.type"] == "cancelled"


def test_tracing_without_opentelemetry_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"trace_queries\(\) needs the package opentelemetry-api"):
        trace_queries(Gino())


async def test_statement_without_words_has_a_span(dsn: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    engine = await create_engine(dsn, min_size=1, max_size=1)
    end = trace_queries(engine, tracer_provider=provider)
    await engine.status("-- nothing but words")
    end()
    database = await engine.scalar("SELECT current_database()")
    await engine.close()
    (span,) = exporter.get_finished_spans()
    assert span.name == database
    assert "db.operation.name" not in span.attributes
