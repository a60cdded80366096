"""A bare gateway: FastAPI hands the body on with aiohttp, no key check, no limits, no record; its only argument is the port."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from fastapi import FastAPI, Request, Response

UPSTREAM = os.environ["BENCH_UPSTREAM"]
SESSIONS: list[aiohttp.ClientSession] = []


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as session:
        SESSIONS.append(session)
        yield


app = FastAPI(lifespan=life)


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    body = await request.body()
    fields = {"content-type": "application/json", "authorization": "Bearer sk-upstream"}
    async with SESSIONS[0].post(f"{UPSTREAM}/chat/completions", data=body, headers=fields) as answer:
        return Response(await answer.read(), answer.status, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
