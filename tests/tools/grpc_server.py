"""Real gRPC servers with the health service: prints the ports of one without TLS, one with TLS
(arguments: files with a chain and its key) and one without the health service. Exits at the end of its input."""

import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Guard(grpc.ServerInterceptor):
    """Rejects calls for `secret` without the token, and calls after their deadline."""

    def intercept_service(self, continuation, details):
        metadata = dict(details.invocation_metadata)
        if metadata.get("x-guard") == "on" and metadata.get("authorization") != "Bearer from-the-environment":
            def refuse(_, context):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token, 100 % sure")
            return grpc.unary_unary_rpc_method_handler(refuse)
        return continuation(details)


def server(with_health):
    one = grpc.server(futures.ThreadPoolExecutor(2), interceptors=[Guard()])
    if with_health:
        servicer = health.HealthServicer()
        states = health_pb2.HealthCheckResponse
        servicer.set("up", states.SERVING)
        servicer.set("down", states.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, one)
    return one


plain, secure, empty = server(True), server(True), server(False)
chain, key = (open(path, "rb").read() for path in sys.argv[1:3])
credentials = grpc.ssl_server_credentials([(key, chain)])
ports = [
    plain.add_insecure_port("127.0.0.1:0"),
    secure.add_secure_port("127.0.0.1:0", credentials),
    empty.add_insecure_port("127.0.0.1:0"),
]
for one in (plain, secure, empty):
    one.start()
print(*ports, flush=True)
sys.stdin.read()
