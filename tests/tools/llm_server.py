#!/usr/bin/env python3
"""A language model with the APIs of OpenAI (chat completions, responses, embeddings) and Anthropic (messages). Prints
its port. The answer is always "Hello world", with 12 input and 7 output tokens and the first token after 60 ms. The
model `limited` is rejected with 429, `broken` with 500. GET returns the seconds to the first token of each request."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
TOKENS = {"input_tokens": 12, "output_tokens": 7}
TEXT = ["Hello", " world"]
WAIT = 0.06


def chat(model, stream):
    head = {"id": "c1", "created": 1, "model": model}
    if not stream:
        message = {"role": "assistant", "content": "".join(TEXT)}
        yield head | {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}
        return
    head["object"] = "chat.completion.chunk"
    for delta in [{"role": "assistant", "content": ""}, *({"content": part} for part in TEXT)]:
        yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield head | {"choices": [], "usage": USAGE}
    yield "[DONE]"


def messages(model, stream):
    head = {"id": "m1", "type": "message", "role": "assistant", "model": model, "stop_reason": None, "stop_sequence": None}
    if not stream:
        yield head | {"content": [{"type": "text", "text": "".join(TEXT)}], "stop_reason": "end_turn", "usage": TOKENS}
        return
    yield {"type": "message_start", "message": head | {"content": [], "usage": {"input_tokens": 12, "output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for part in TEXT:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


def responses(model, stream):
    part = {"type": "output_text", "text": "".join(TEXT), "annotations": []}
    item = {"id": "o1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    whole = {"id": "r1", "object": "response", "created_at": 1, "model": model, "status": "completed", "error": None, "output": [item],
             "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
             "usage": TOKENS | {"total_tokens": 19, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}}
    if not stream:
        yield whole
        return
    at = {"item_id": "o1", "output_index": 0, "content_index": 0}
    events = [{"type": "response.created", "response": whole | {"status": "in_progress", "output": [], "usage": None}},
              {"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress", "content": []}},
              at | {"type": "response.content_part.added", "part": part | {"text": ""}},
              *(at | {"type": "response.output_text.delta", "delta": text, "logprobs": []} for text in TEXT),
              at | {"type": "response.output_text.done", "text": part["text"], "logprobs": []},
              {"type": "response.completed", "response": whole}]
    for number, event in enumerate(events):
        yield event | {"sequence_number": number}


def embeddings(model, _):
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125]}]
    yield {"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": 12, "total_tokens": 12}}


SHAPES = {"/v1/chat/completions": chat, "/v1/messages": messages, "/v1/responses": responses, "/v1/embeddings": embeddings}
REFUSALS = {
    "limited": (429, "rate_limit_error", "Rate limit reached"),
    "broken": (500, "api_error", "The server had an error"),
}


def is_first_token(event):
    return "Hello" in json.dumps(event) and "done" not in json.dumps(event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    waits = []

    def do_GET(self):
        self.answer(200, self.waits)

    def do_POST(self):
        started = time.perf_counter()
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model, stream = request["model"], request.get("stream", False)
        if model in REFUSALS:
            status, kind, message = REFUSALS[model]
            error = {"type": "error", "error": {"type": kind, "message": message, "code": None, "param": None}}
            return self.answer(status, error)
        events = SHAPES[self.path.split("?")[0]](model, stream)
        if not stream:
            time.sleep(WAIT)
            self.waits.append(time.perf_counter() - started)
            return self.answer(200, next(events))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        waited = False
        for event in events:
            if not waited and is_first_token(event):
                time.sleep(WAIT)
                self.waits.append(time.perf_counter() - started)
                waited = True
            kind = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
            data = event if isinstance(event, str) else json.dumps(event)
            self.wfile.write(f"{kind}data: {data}\n\n".encode())
            self.wfile.flush()

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for kind, limit in (("requests", 100), ("tokens", 40000)):
            self.send_header(f"x-ratelimit-limit-{kind}", str(limit))
            self.send_header(f"x-ratelimit-remaining-{kind}", "0" if status == 429 else str(limit - 1))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
