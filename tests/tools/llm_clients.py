#!/usr/bin/env python3
"""Calls tests/tools/llm_server.py at an address with the client libraries of OpenAI and Anthropic, and prints the
result of each call as a line of JSON: the call, its text, tokens and finish reason, and the seconds to the first
token."""
import json
import sys
import time

from anthropic import Anthropic
from openai import OpenAI

address = sys.argv[1]
openai = OpenAI(base_url=f"{address}/v1", api_key="test", max_retries=0)
anthropic = Anthropic(base_url=address, api_key="test", max_retries=0)
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


def found(text, usage, finish, first=None):
    tokens = [getattr(usage, name, None) for name in ("input_tokens", "prompt_tokens", "output_tokens", "completion_tokens")]
    input_tokens, output_tokens = tokens[0] or tokens[1], tokens[2] or tokens[3]
    return {"text": text, "input_tokens": input_tokens, "output_tokens": output_tokens, "finish": finish, "first": first}


def chat():
    answer = openai.chat.completions.create(**ASKED)
    return found(answer.choices[0].message.content, answer.usage, answer.choices[0].finish_reason)


def chat_stream():
    started, text, first, usage, finish = time.perf_counter(), "", None, None, None
    for chunk in openai.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            if choice.delta.content:
                first = first or time.perf_counter() - started
                text += choice.delta.content
    return found(text, usage, finish, first)


def responses():
    answer = openai.responses.create(model="m", input="Hello?")
    return found(answer.output_text, answer.usage, answer.status)


def responses_stream():
    started, text, first, last = time.perf_counter(), "", None, None
    for event in openai.responses.create(model="m", input="Hello?", stream=True):
        if event.type == "response.output_text.delta":
            first = first or time.perf_counter() - started
            text += event.delta
        last = event
    return found(text, last.response.usage, last.response.status, first)


def messages():
    answer = anthropic.messages.create(**ASKED, max_tokens=16)
    return found(answer.content[0].text, answer.usage, answer.stop_reason)


def messages_stream():
    started, first = time.perf_counter(), None
    with anthropic.messages.stream(**ASKED, max_tokens=16) as stream:
        for _ in stream.text_stream:
            first = first or time.perf_counter() - started
        answer = stream.get_final_message()
    return found(answer.content[0].text, answer.usage, answer.stop_reason, first)


def embeddings():
    answer = openai.embeddings.create(model="m", input="Hello?")
    return found(str(len(answer.data[0].embedding)), answer.usage, None)


CALLS = (chat, chat_stream, responses, responses_stream, messages, messages_stream, embeddings)
# Warm-up, because the libraries load modules in the first call.
for call in CALLS:
    call()
for call in CALLS:
    print(json.dumps({"call": call.__name__} | call()), flush=True)
