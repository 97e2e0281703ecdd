"""An HTTP server on the UNIX socket that its argument names; it ends when its standard input does."""
import http.server
import os
import signal
import socketserver
import sys
import threading

signal.alarm(40)


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


server = socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
os._exit(0)
