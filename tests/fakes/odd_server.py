"""A TCP server in a thread that says one thing and then only listens: no SMTP server at all."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def odd_server(said: bytes) -> Iterator[int]:
    """Yields its port. With ``b""`` it accepts connections and never says a word."""
    hung_up = threading.Event()

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.sendall(said)
                self.request.settimeout(0.1)
                while not hung_up.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not self.request.recv(4096):
                            return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Talk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            hung_up.set()
            server.shutdown()
