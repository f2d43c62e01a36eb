"""What the router is measured against: the barest aiohttp server that passes JSON and videos on."""

import argparse
import asyncio
import sys
from typing import Final

import orjson
from aiohttp import ClientSession, web

from tests.bench.loop import loop_factory

UPSTREAM: Final = web.AppKey("UPSTREAM", str)
SESSION: Final = web.AppKey("SESSION", ClientSession)


async def create(request: web.Request) -> web.Response:
    """Read JSON, POST it upstream, answer with the JSON that comes back."""
    document = orjson.loads(await request.read())
    url = request.app[UPSTREAM] + request.path
    headers = {"Authorization": request.headers["Authorization"], "Content-Type": "application/json"}
    async with request.app[SESSION].post(url, data=orjson.dumps(document), headers=headers) as answer:
        return _json(answer.status, orjson.loads(await answer.read()))


async def ask(request: web.Request) -> web.Response:
    """Ask the upstream, and answer with its JSON."""
    headers = {"Authorization": request.headers["Authorization"]}
    async with request.app[SESSION].get(request.app[UPSTREAM] + request.path_qs, headers=headers) as answer:
        return _json(answer.status, orjson.loads(await answer.read()))


async def content(request: web.Request) -> web.StreamResponse:
    """Stream the upstream's answer through."""
    headers = {"Authorization": request.headers["Authorization"]}
    async with request.app[SESSION].get(request.app[UPSTREAM] + request.path, headers=headers) as answer:
        passed_on = {name: answer.headers[name] for name in ("Content-Type", "Content-Length")}
        response = web.StreamResponse(status=answer.status, headers=passed_on)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


def _json(status: int, document: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


async def serve(upstream: str) -> None:
    """Serve on a free port of loopback and print it; runs until the process is ended."""
    app = web.Application()
    app[UPSTREAM] = upstream
    async with ClientSession() as session:
        app[SESSION] = session
        app.add_routes(
            [
                web.post("/v1/videos", create),
                web.get("/v1/videos", ask),
                web.get("/v1/videos/{video_id}", ask),
                web.get("/v1/videos/{video_id}/content", content),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f'{{"event":"listening","url":"http://127.0.0.1:{runner.addresses[0][1]}"}}\n')
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run on the same event loop as the router does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("upstream", help="where requests are passed on to, such as http://127.0.0.1:9501")
    upstream = parser.parse_args().upstream
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(upstream))


if __name__ == "__main__":
    main()
