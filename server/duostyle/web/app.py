"""create_app: puts the house together. The only module that knows everything."""

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
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from duostyle.engine.api import Engine
from duostyle.engine.environment import create_engine
from duostyle.errors import (
    BadRequest,
    DuostyleError,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    RequestError,
    StorageUnavailable,
    Unauthorized,
)
from duostyle.executor.engine_thread import Worker
from duostyle.executor.watchdog import Watchdog
from duostyle.jobs.service import Scheduler
from duostyle.jobs.timelapse_views import Cinema
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.protocol import status_codes as statuses
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web import gallery
from duostyle.web import static_files as pages
from duostyle.web.guard.middleware import Guard
from duostyle.web.routes import contracts as routes_contracts
from duostyle.web.routes import images as routes
from duostyle.web.routes import jobs as routes_jobs
from duostyle.web.routes import operations as routes_status
from duostyle.web.routes import timelapse as routes_timelapse
from duostyle.web.state import House
from duostyle.web.websocket import Connection

_log = logging.getLogger(__name__)
_SWEEP_EVERY_S = 3600.0
_WATCH_EVERY_S = 1.0


class State(TypedDict):
    """The lifespan state: what `request.state` holds."""

    house: House


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
            yield {"house": built}

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[Middleware(Guard, settings=settings, metrics=metrics)],
        exception_handlers={HTTPException: _http_error, DuostyleError: _our_error},
    )
    # A redirect is neither JSON nor a picture, and the contract knows none.
    app.router.redirect_slashes = False
    return app


def _routes() -> list[BaseRoute]:
    files = pages.Files(pages.folder())
    return [
        Route("/", files.page),
        Route("/status", files.status),
        *routes.routes(),
        *routes_jobs.routes(),
        *routes_timelapse.routes(),
        *routes_contracts.routes(),
        *routes_status.routes(),
        WebSocketRoute("/ws", _watch),
        # scripts and styles shrink to a third, which a first visit over a slow link feels
        Mount("/static", GZipMiddleware(files, minimum_size=1024)),
    ]


async def _watch(socket: WebSocket) -> None:
    await Connection(socket, socket.state.house, client=str(socket.state.client)).serve()


@contextlib.asynccontextmanager
async def _living(settings: Settings, metrics: Metrics, engine: Engine, pictures: Traversable) -> AsyncIterator[House]:
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.state_dir)
        stack.push_async_callback(store.close)
        await store.open()
        worker = Worker(engine, Watchdog(settings.stall_s))
        stack.push_async_callback(worker.stop)
        hub = Hub(settings=settings, metrics=metrics, encode=worker.encode_preview)
        scheduler = Scheduler(settings=settings, store=store, hub=hub, worker=worker, metrics=metrics)
        cinema = Cinema(settings=settings, store=store, worker=worker)
        loop = asyncio.get_running_loop()
        metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        metrics.engine_stalled_s.set_function(lambda: worker.watchdog.stalled_s)
        metrics.storage_available.set_function(lambda: 0.0 if store.outage.lasts else 1.0)
        shown = await gallery.load(store, worker.offload, pictures)
        await worker.start()
        stack.push_async_callback(scheduler.stop)
        await scheduler.start()
        built = House(settings, metrics, store, hub, worker, scheduler, cinema, shown)
        for chore in (_sweep_now_and_then(built), worker.watchdog.report(_WATCH_EVERY_S)):
            stack.callback(asyncio.create_task(chore).cancel)
        yield built


async def _sweep_now_and_then(built: House) -> None:
    while True:
        try:
            removed = await built.store.sweep(
                keep_days=built.settings.keep_days,
                max_jobs=built.settings.keep_jobs,
                max_bytes=built.settings.max_store_bytes,
                keep_images=built.scheduler.images_in_use,
            )
            _log.info("swept: %d old jobs and pictures removed", removed)
        except StorageUnavailable:
            # A full or vanished disk now may be fine in an hour.
            _log.exception("sweeping failed")
        await asyncio.sleep(_SWEEP_EVERY_S)


def _respond(error: DuostyleError) -> Response:
    status, headers, body = statuses.answer(error)
    return Response(body, status, headers)


async def _our_error(request: Request, error: Exception) -> Response:
    ours = error if isinstance(error, DuostyleError) else InternalError("internal error")
    request.state.house.metrics.count_limit(ours.reached)
    return _respond(ours)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses, in our words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    kinds: dict[int, type[RequestError]] = {
        401: Unauthorized,
        403: Forbidden,
        404: NotFound,
        405: MethodNotAllowed,
    }
    kind = kinds.get(status, BadRequest)
    messages = {404: "there is nothing here", 405: "this page does not take that method"}
    response = _respond(kind(messages.get(status, "the request cannot be read")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response
