"""A typical FastAPI application, with prometheus-fastapi-instrumentator, a SQLAlchemy pool, circuit breakers of
pybreaker and purgatory, and a language model used with the openai client:

    PROMETHEUS_MULTIPROC_DIR=EMPTY_FOLDER uvicorn --app-dir tests/tools fastapi_app:app --workers 2 --port 0

DATABASE_URL defaults to SQLite in memory; without LLM_URL, /ask fails. /leak, /burn, /query, /payments, /stock and
/enqueue cause problems."""
import os
import threading
import time

import purgatory
import pybreaker
import sqlalchemy
from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from openai import AsyncOpenAI, OpenAIError
from prometheus_client import Counter, Gauge, Histogram
from prometheus_fastapi_instrumentator import Instrumentator

POOL = {"pool_size": 3, "max_overflow": 2, "pool_timeout": float(os.environ.get("POOL_TIMEOUT", "0.5"))}

app = FastAPI(default_response_class=PlainTextResponse)
Instrumentator(should_instrument_requests_inprogress=True, excluded_handlers=["/metrics"]).instrument(app).expose(app)

# The database, and the metrics that applications export for its pool.
engine = sqlalchemy.create_engine(os.environ.get("DATABASE_URL", "sqlite://"), poolclass=sqlalchemy.QueuePool, **POOL)
POOL_CHECKED_OUT = Gauge("sqlalchemy_pool_checked_out", "Connections in use.", multiprocess_mode="livesum")
POOL_SIZE = Gauge("sqlalchemy_pool_size", "Connections that are kept.", multiprocess_mode="livesum")
POOL_MAX_OVERFLOW = Gauge("sqlalchemy_pool_max_overflow", "More, under load.", multiprocess_mode="livesum")
POOL_TIMEOUTS = Counter("db_connection_timeouts_total", "Requests that waited for a connection in vain.")
POOL_SIZE.set(POOL["pool_size"])
POOL_MAX_OVERFLOW.set(POOL["max_overflow"])


@sqlalchemy.event.listens_for(engine, "checkout")
@sqlalchemy.event.listens_for(engine, "checkin")
def pool_changed(*_):
    # The connection being checked in is still counted during the event.
    threading.Timer(0.01, lambda: POOL_CHECKED_OUT.set(engine.pool.checkedout())).start()


@app.get("/query")
def query(seconds: float = 0):
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))
            time.sleep(seconds)
    except sqlalchemy.exc.TimeoutError:
        POOL_TIMEOUTS.inc()
        raise HTTPException(503, "no connection is free")
    except sqlalchemy.exc.OperationalError as error:
        raise HTTPException(503, f"no database: {error}")
    return "done"


# A dependency with a breaker from each library, and the usual metrics.
BREAKER_STATE = Gauge("circuit_breaker_state", "0 closed, 1 half open, 2 open.", ["name"], multiprocess_mode="livemax")
BREAKER_TRIPS = Counter("circuit_breaker_trips", "How often it opened.", ["name"])
STATES = {"closed": 0, "half-open": 1, "half-opened": 1, "open": 2, "opened": 2}


def state_changed(name, state):
    BREAKER_STATE.labels(name).set(STATES[state])
    if STATES[state] == 2:
        BREAKER_TRIPS.labels(name).inc()


class Watch(pybreaker.CircuitBreakerListener):
    def state_change(self, breaker, _, state):
        state_changed(breaker.name, state.name)


payments = pybreaker.CircuitBreaker(fail_max=3, reset_timeout=30, name="payments", listeners=[Watch()])
stock = purgatory.AsyncCircuitBreakerFactory(default_threshold=3, default_ttl=30)
stock.add_listener(lambda name, kind, event: state_changed(name, event.state) if kind == "state_changed" else None)
for breaker in ("payments", "stock"):
    state_changed(breaker, "closed")


def depend(fail):
    if fail:
        raise ConnectionError("the dependency does not answer")


@app.get("/payments")
def pay(fail: bool = False):
    try:
        payments.call(depend, fail)
    except (pybreaker.CircuitBreakerError, ConnectionError) as error:
        raise HTTPException(503, str(error))
    return "done"


@app.get("/stock")
async def look_up(fail: bool = False):
    try:
        async with await stock.get_breaker("stock"):
            depend(fail)
    except (purgatory.OpenedState, ConnectionError) as error:
        raise HTTPException(503, str(error))
    return "done"


# The language model.
LLM_REQUESTS = Counter("llm_requests_total", "Requests.", ["model"])
LLM_ERRORS = Counter("llm_errors_total", "Failed requests.", ["model"])
LLM_LIMITED = Counter("llm_rate_limit_hits_total", "Requests that a rate limit refused.", ["model"])
LLM_TOKENS = Counter("llm_tokens_total", "Tokens.", ["model", "direction"])
LLM_DURATION = Histogram("llm_request_duration_seconds", "Duration.", ["model"])
LLM_FIRST_TOKEN = Histogram("llm_time_to_first_token_seconds", "Time to the first token.", ["model"])
llm = AsyncOpenAI(base_url=os.environ.get("LLM_URL", "http://127.0.0.1:1/v1"), api_key="test", max_retries=0)


@app.get("/ask")
async def ask(model: str = "m"):
    started = time.perf_counter()
    first = None
    LLM_REQUESTS.labels(model).inc()
    try:
        stream = await llm.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hello?"}], stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            if first is None and chunk.choices and chunk.choices[0].delta.content:
                first = time.perf_counter() - started
                LLM_FIRST_TOKEN.labels(model).observe(first)
            if chunk.usage:
                LLM_TOKENS.labels(model, "input").inc(chunk.usage.prompt_tokens)
                LLM_TOKENS.labels(model, "output").inc(chunk.usage.completion_tokens)
    except OpenAIError as error:
        LLM_ERRORS.labels(model).inc()
        LLM_LIMITED.labels(model).inc(getattr(error, "status_code", 0) == 429)
        raise HTTPException(502, str(error))
    LLM_DURATION.labels(model).observe(time.perf_counter() - started)
    return "done"


# Endpoints that cause problems.
QUEUE = Gauge("job_queue_depth", "Jobs that wait.", multiprocess_mode="livesum")
QUEUE.set(0)
hoard = []


@app.get("/")
@app.get("/ok")
def ok(seconds: float = 0):
    time.sleep(seconds)
    return "done"


@app.get("/bad")
def bad():
    raise HTTPException(500, "done")


@app.get("/leak")
def leak(mib: float = 1):
    hoard.append(os.urandom(int(mib * 2**20)))
    return f"done by {os.getpid()}"


@app.get("/burn")
def burn(seconds: float = 1):
    end = time.monotonic() + seconds

    def spin():
        while time.monotonic() < end:
            pass

    threading.Thread(target=spin, daemon=True).start()
    return f"done by {os.getpid()}"


@app.get("/enqueue")
def enqueue(jobs: int = 1):
    QUEUE.inc(jobs)
    return "done"

