"""An HTTP server on the UNIX socket that its argument names, until it is ended."""
import http.server
import signal
import socketserver
import sys

signal.alarm(50)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = b'{"path": "%s"}' % self.path.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "UNIX"

    def log_message(self, *_):
        pass


socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
