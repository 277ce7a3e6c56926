"""create_app: puts the server together. The only module that knows all parts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from importlib.resources.abc import Traversable
from typing import TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from duostyle.engine.api import Engine
from duostyle.engine.environment import create_engine
from duostyle.errors import DuostyleError, NotFound, StorageUnavailable
from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.pools import HelperPools
from duostyle.executor.watchdog import Watchdog
from duostyle.jobs.registry import JobContext
from duostyle.jobs.service import JobService
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web import gallery
from duostyle.web import static_files as pages
from duostyle.web.errors import handle_duostyle_error, handle_http_exception, respond
from duostyle.web.guard.middleware import Guard
from duostyle.web.routes import images, jobs, operations, timelapse
from duostyle.web.state import AppState
from duostyle.web.websocket import Connection

_log = logging.getLogger(__name__)
_SWEEP_EVERY_S = 3600.0
_WATCH_EVERY_S = 1.0
_LOOK_EVERY_S = 10.0


class State(TypedDict):
    """The lifespan state: what `request.state` holds."""

    app_state: AppState


def create_app(settings: Settings, *, engine: Engine | None = None, pictures: Traversable | None = None) -> Starlette:
    """The whole server as an ASGI app; nothing lives before its lifespan starts.

    `engine` None takes the real one, `pictures` None the shipped gallery.
    """
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with _living(
            settings, metrics, engine or create_engine(settings), pictures or gallery.shipped()
        ) as built:
            yield {"app_state": built}

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[Middleware(Guard, settings=settings, metrics=metrics)],
        exception_handlers={HTTPException: handle_http_exception, DuostyleError: handle_duostyle_error},
    )
    # A redirect is neither JSON nor a picture, and the contract knows none.
    app.router.redirect_slashes = False
    return app


def _routes() -> list[BaseRoute]:
    files = pages.Files(pages.folder())
    return [
        Route("/", files.page),
        Route("/status", files.status),
        *images.routes(),
        *jobs.routes(),
        *timelapse.routes(),
        *operations.routes(),
        WebSocketRoute("/ws", _watch),
        WebSocketRoute("/{path:path}", _no_socket),
        # scripts and styles shrink to a third, which matters on a first visit over a slow link
        Mount("/static", GZipMiddleware(files, minimum_size=1024)),
    ]


async def _watch(socket: WebSocket) -> None:
    await Connection(socket, socket.state.app_state, client=str(socket.state.client)).serve()


async def _no_socket(socket: WebSocket) -> None:
    """Without this Starlette would say 403, without a word."""
    app_state: AppState = socket.state.app_state
    error = NotFound("there is no WebSocket at this address; it is at /ws")
    app_state.metrics.refused.labels(error.code).inc()
    await socket.send_denial_response(respond(error))


@contextlib.asynccontextmanager
async def _living(
    settings: Settings, metrics: Metrics, engine: Engine, pictures: Traversable
) -> AsyncIterator[AppState]:
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.state_dir)
        stack.push_async_callback(store.close)
        await store.open()
        pools = HelperPools()
        stack.callback(pools.close)
        engine_thread = EngineThread(engine, Watchdog(settings.stall_s))
        stack.push_async_callback(engine_thread.stop)
        hub = Hub(settings=settings, metrics=metrics, encode=pools.encode_jpeg)
        service = JobService(JobContext(settings, store, hub, engine_thread, pools, metrics))
        loop = asyncio.get_running_loop()
        metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        metrics.engine_stalled_s.set_function(lambda: engine_thread.watchdog.stalled_s)
        metrics.storage_available.set_function(lambda: 0.0 if store.outage.lasts else 1.0)
        shown = await gallery.load(store, pools.offload, pictures)
        await engine_thread.start()
        stack.push_async_callback(service.stop)
        await service.start()
        built = AppState(settings, metrics, store, hub, engine_thread, pools, service, gallery.Gallery(shown))
        chores = (
            _sweep_now_and_then(built),
            engine_thread.watchdog.report(_WATCH_EVERY_S),
            store.watch(_LOOK_EVERY_S),
        )
        for chore in chores:
            stack.callback(asyncio.create_task(chore).cancel)
        yield built


async def _sweep_now_and_then(built: AppState) -> None:
    while True:
        try:
            removed = await built.store.sweep(
                keep_days=built.settings.keep_days,
                keep_uploads_days=built.settings.keep_uploads_days,
                max_jobs=built.settings.keep_jobs,
                max_bytes=built.settings.max_store_bytes,
                keep_images=built.jobs.registry.images_in_use,
            )
            _log.info("old jobs and pictures were removed", extra={"removed": removed})
        except StorageUnavailable:
            # A full or vanished disk now may be fine in an hour.
            _log.exception("removing old jobs and pictures failed")
        await asyncio.sleep(_SWEEP_EVERY_S)
