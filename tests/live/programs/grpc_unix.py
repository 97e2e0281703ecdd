"""A gRPC server on the UNIX socket that its argument names, and its client, in one process."""
import signal
import sys
from concurrent import futures

import grpc

signal.alarm(40)


class Greeter(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method != "/greet.Greeter/SayHello":
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _: b"\x0a\x05hello" + request)


server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Greeter()])
server.add_insecure_port("unix:" + sys.argv[1])
server.start()
with grpc.insecure_channel("unix:" + sys.argv[1]) as channel:
    call = channel.unary_unary("/greet.Greeter/SayHello")
    for _ in range(2):
        assert call(b"\x12\x01x", timeout=10) == b"\x0a\x05hello\x12\x01x"
server.stop(None).wait()
