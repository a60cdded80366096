"""Existing web applications, to be served behind an endpoint."""


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    status = 201 if scope["method"] == "PUT" else 200
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain"),
                (b"x-app", b"1"),
                (b"connection", b"close"),
                (b"x-request-id", b"forged"),
            ],
        }
    )
    text = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {body.decode()} key={'authorization' in fields or 'x-api-key' in fields}"
    await send({"type": "http.response.body", "body": text.encode()})


def wsgi_app(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {body.decode()}".encode()]
