"""The guard's corners that a well-behaved socket never shows."""

from __future__ import annotations

from tests.support.asgi import App, call, chunk, scope


async def test_an_upgrade_is_refused_with_a_close_code_where_no_answer_can_be_given() -> None:
    app = App()
    evil = scope("websocket", "/ws", headers=[(b"origin", b"null")])
    sent = await call(app, evil, [{"type": "websocket.connect"}])
    assert not app.called
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "forbidden"}]


async def test_a_client_without_an_address_is_served() -> None:
    app = App()
    sent = await call(app, scope(client=None, server=None), [chunk(0, more=False)])
    assert sent[0]["status"] == 200


async def test_the_lifespan_passes() -> None:
    app = App()
    await call(app, {"type": "lifespan"}, [])
    assert app.called


async def test_every_answer_carries_the_security_headers() -> None:
    sent = await call(App(), scope(), [chunk(0, more=False)])
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://localhost wss://localhost"
    assert policy["img-src"] == "'self' blob: data:"


async def test_a_host_that_is_refused_is_not_repeated() -> None:
    strange = scope(headers=[])
    strange["headers"] = [(b"host", b"x; script-src *")]
    sent = await call(App(), strange, [])
    assert sent[0]["status"] == 403
    assert b"script-src" not in b"".join(value for _, value in sent[0]["headers"])
