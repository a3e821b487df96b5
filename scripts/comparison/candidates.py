"""Starts one server: `python -m comparison.candidates NAME PORT TLS_FOLDER`.

Each gets the same: 4 worker threads, and 3 seconds wherever it has a deadline for a head or for reading.
"""

from __future__ import annotations

import sys
from pathlib import Path

from comparison.application import application

THREADS = 4
DEADLINE_S = 3
APPLICATION = "comparison.application:application"


def tornado(port: int, certificate: Path, key: Path) -> None:
    """Tornado under the project's own bridge, listener and deadlines."""
    import asyncio
    import ssl

    from edge.server.bridge import Bridge
    from edge.server.listener import Listener
    from edge.settings import Settings

    async def serve() -> None:
        settings = Settings(header_seconds=DEADLINE_S, request_seconds=DEADLINE_S)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        bridge = Bridge(application, THREADS, DEADLINE_S)
        refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        Listener(settings, lambda: context, bridge.exchange, lambda: refusal).listen("127.0.0.1", port)
        await asyncio.Event().wait()

    asyncio.run(serve())


def cheroot(port: int, certificate: Path, key: Path) -> None:
    """cheroot as it stands."""
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", port), application, numthreads=THREADS, timeout=DEADLINE_S)
    server.ssl_adapter = BuiltinSSLAdapter(str(certificate), str(key))
    server.start()


def uvicorn(port: int, certificate: Path, key: Path) -> None:
    """uvicorn with the a2wsgi bridge."""
    import uvicorn as library
    from a2wsgi import WSGIMiddleware

    library.run(
        WSGIMiddleware(application, workers=THREADS),  # type: ignore[arg-type]
        host="127.0.0.1",
        port=port,
        ssl_certfile=str(certificate),
        ssl_keyfile=str(key),
        timeout_keep_alive=DEADLINE_S,
        log_level="critical",
    )


def hypercorn(port: int, certificate: Path, key: Path) -> None:
    """hypercorn with its own WSGI wrapper."""
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile, config.keyfile = str(certificate), str(key)
    config.read_timeout = config.keep_alive_timeout = config.ssl_handshake_timeout = DEADLINE_S
    asyncio.run(serve(application, config, mode="wsgi"))  # type: ignore[arg-type]


def granian(port: int, certificate: Path, key: Path) -> None:
    """granian's WSGI interface, one worker process."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    Granian(
        APPLICATION,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        http1_settings=HTTP1Settings(header_read_timeout=DEADLINE_S * 1000),
        ssl_cert=certificate,
        ssl_key=key,
        log_enabled=False,
    ).serve()


def gunicorn(port: int, certificate: Path, key: Path) -> None:
    """gunicorn's threaded worker."""
    from gunicorn.app.wsgiapp import WSGIApplication

    options = ["--worker-class=gthread", f"--threads={THREADS}", f"--timeout={DEADLINE_S}"]
    options += [f"--keep-alive={DEADLINE_S}", f"--bind=127.0.0.1:{port}", "--log-level=critical"]
    sys.argv = ["gunicorn", *options, f"--certfile={certificate}", f"--keyfile={key}", APPLICATION]
    WSGIApplication().run()


CANDIDATES = {start.__name__: start for start in (tornado, cheroot, uvicorn, hypercorn, granian, gunicorn)}

if __name__ == "__main__":
    name, number, folder = sys.argv[1:]
    CANDIDATES[name](int(number), Path(folder) / "server.crt", Path(folder) / "server.key")
