"""A collector of traces that keeps the spans it is sent; it answers as it is told."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Receiver:
    """``spans`` is all that came; ``status`` and ``refuses`` say how it answers."""

    def __init__(self):
        self.requests, self.status, self.refuses = [], 200, 0
        self.url = ""

    @property
    def spans(self):
        return [
            span
            for request in self.requests
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def take(self, path, content_type, body):
        assert (path, content_type) == ("/v1/traces", "application/x-protobuf")
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.requests.append(request)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.refuses
        return answer.SerializeToString()


@contextlib.contextmanager
def receiving():
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            body = found.take(self.path, self.headers["content-type"], self.rfile.read(length))
            self.send_response(found.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def attributes(of):
    """Of a span or an event, as Python values."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}
