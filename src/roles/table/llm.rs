//! Servers and proxies of language models.

use super::{Ecosystem, row, row_ms};
use crate::roles::Role::{
    ActiveConnections, CacheHits, CacheMisses, CircuitBreakerTrips, Errors, LlmDuration, LlmErrors,
    LlmRateLimitHits, LlmRequests, LlmTimeToFirstToken, LlmTokensIn, LlmTokensOut, QueueDepth,
    RequestDuration, Requests,
};

/// Its counters are named `..._metric` in the source; the client library adds `_total`. As with other services,
/// a request that failed because of the client is not an error of the proxy. A failing deployment is excluded
/// for a while, as by a circuit breaker.
///
/// Failed requests have the class of their exception. Those that never reached a model have `HTTPException` (a
/// limit of the proxy), `ProxyException` (an invalid key), or one about a budget or the caller's own credentials.
/// Status 400, 413 and 422 are invalid requests, too long prompts and violations of a content policy.
pub const LITELLM: Ecosystem = Ecosystem {
    name: "LiteLLM proxy",
    source: "https://github.com/BerriAI/litellm litellm/integrations/prometheus.py",
    rows: &[
        row(Requests, "litellm_proxy_total_requests_metric_total"),
        row(
            Errors,
            r#"litellm_proxy_total_requests_metric_total{status_code=~"5.."}"#,
        ),
        row(RequestDuration, "litellm_request_total_latency_metric"),
        row(ActiveConnections, "litellm_in_flight_requests"),
        row(CircuitBreakerTrips, "litellm_deployment_cooled_down_total"),
        row(LlmRequests, "litellm_proxy_total_requests_metric_total"),
        row(
            LlmErrors,
            r#"litellm_proxy_failed_requests_metric_total{exception_status!~"400|413|422",exception_class!~"HTTPException|ProxyException|BudgetExceededError|(.+[.])?CallerCredential.+"}"#,
        ),
        row(LlmTokensIn, "litellm_input_tokens_metric_total"),
        row(LlmTokensOut, "litellm_output_tokens_metric_total"),
        row(LlmDuration, "litellm_llm_api_latency_metric"),
        row(
            LlmTimeToFirstToken,
            "litellm_llm_api_time_to_first_token_metric",
        ),
        row(
            LlmRateLimitHits,
            r#"litellm_proxy_failed_requests_metric_total{exception_status="429",exception_class!~"HTTPException|BudgetExceededError|(.+[.])?CallerCredential.+"}"#,
        ),
    ],
};

/// Each finished request is counted once, with the reason why it finished. Requests that a client aborted
/// (`abort`) are not errors.
pub const VLLM: Ecosystem = Ecosystem {
    name: "vLLM",
    source: "https://github.com/vllm-project/vllm vllm/v1/metrics/loggers.py",
    rows: &[
        row(LlmRequests, "vllm:request_success_total"),
        row(
            LlmErrors,
            r#"vllm:request_success_total{finished_reason="error"}"#,
        ),
        row(LlmTokensIn, "vllm:prompt_tokens_total"),
        row(LlmTokensOut, "vllm:generation_tokens_total"),
        row(LlmDuration, "vllm:e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "vllm:time_to_first_token_seconds"),
        row(QueueDepth, "vllm:num_requests_waiting"),
        row(ActiveConnections, "vllm:num_requests_running"),
    ],
};

/// Its counters have no `_total` suffix. Of the failures, `validation` is an invalid request, and `dropped` one
/// whose client is gone.
pub const TGI: Ecosystem = Ecosystem {
    name: "text-generation-inference",
    source: "https://github.com/huggingface/text-generation-inference router/src/server.rs",
    rows: &[
        row(LlmRequests, "tgi_request_count"),
        row(
            LlmErrors,
            r#"tgi_request_failure{err!~"validation|dropped"}"#,
        ),
        row(LlmTokensIn, "tgi_request_input_length_sum"),
        row(LlmTokensOut, "tgi_request_generated_tokens_sum"),
        row(LlmDuration, "tgi_request_duration"),
        row(LlmRateLimitHits, r#"tgi_request_failure{err="overloaded"}"#),
        row(QueueDepth, "tgi_queue_size"),
        row(ActiveConnections, "tgi_batch_current_size"),
    ],
};

/// Aborted requests are mostly those whose client disconnected, so errors are the responses to requests of
/// its APIs with a server error.
pub const SGLANG: Ecosystem = Ecosystem {
    name: "SGLang",
    source: "https://github.com/sgl-project/sglang python/sglang/srt/observability/metrics_collector.py, python/sglang/srt/utils/common.py",
    rows: &[
        row(LlmRequests, "sglang:num_requests_total"),
        row(
            LlmErrors,
            r#"sglang:http_responses_total{status_code=~"5..",endpoint=~"/v1/.*|/generate"}"#,
        ),
        row(LlmTokensIn, "sglang:prompt_tokens_total"),
        row(LlmTokensOut, "sglang:generation_tokens_total"),
        row(LlmDuration, "sglang:e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "sglang:time_to_first_token_seconds"),
        row(QueueDepth, "sglang:num_queue_reqs"),
        row(ActiveConnections, "sglang:num_running_reqs"),
    ],
};

/// Its gateway (`/engine_metrics`) and Ray replace the colon.
pub const SGLANG_GATEWAY: Ecosystem = Ecosystem {
    name: "SGLang gateway",
    source: "https://github.com/sgl-project/sglang python/sglang/srt/observability/ray_wrappers.py, sgl-model-gateway",
    rows: &[
        row(LlmRequests, "sglang_num_requests_total"),
        row(
            LlmErrors,
            r#"sglang_http_responses_total{status_code=~"5..",endpoint=~"/v1/.*|/generate"}"#,
        ),
        row(LlmTokensIn, "sglang_prompt_tokens_total"),
        row(LlmTokensOut, "sglang_generation_tokens_total"),
        row(LlmDuration, "sglang_e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "sglang_time_to_first_token_seconds"),
        row(QueueDepth, "sglang_num_queue_reqs"),
        row(ActiveConnections, "sglang_num_running_reqs"),
    ],
};

/// Times are counters, unless the server is started with histograms of the first response: for streaming models
/// this is the first part of the answer, for others the whole answer. Tokens are those of its TensorRT-LLM
/// backend. A request that its client canceled is not an error.
pub const TRITON: Ecosystem = Ecosystem {
    name: "Triton Inference Server",
    source: "https://github.com/triton-inference-server/server docs/user_guide/metrics.md; https://github.com/NVIDIA/TensorRT-LLM triton_backend/inflight_batcher_llm/src/custom_metrics_reporter/custom_metrics_reporter.cc",
    rows: &[
        row(
            Requests,
            r#"{__name__=~"nv_inference_request_(success|failure)"}"#,
        ),
        row(
            Errors,
            r#"nv_inference_request_failure{reason!="CANCELED"}"#,
        ),
        row(
            LlmRequests,
            r#"{__name__=~"nv_inference_request_(success|failure)"}"#,
        ),
        row(
            LlmErrors,
            r#"nv_inference_request_failure{reason!="CANCELED"}"#,
        ),
        row(LlmTokensIn, "nv_llm_input_token_len_sum"),
        row(LlmTokensOut, "nv_llm_output_token_len_sum"),
        row_ms(
            LlmTimeToFirstToken,
            "nv_inference_first_response_histogram_ms",
        ),
        row(QueueDepth, "nv_inference_pending_request_count"),
        row(
            ActiveConnections,
            r#"nv_trt_llm_request_metrics{request_type="active"}"#,
        ),
        row(CacheHits, "nv_cache_num_hits_per_model"),
        row(CacheMisses, "nv_cache_num_misses_per_model"),
    ],
};

/// TensorRT-LLM's own server, which counts only successful requests.
pub const TRTLLM: Ecosystem = Ecosystem {
    name: "trtllm-serve",
    source: "https://github.com/NVIDIA/TensorRT-LLM tensorrt_llm/metrics/collector.py",
    rows: &[
        row(LlmRequests, "trtllm_request_success_total"),
        row(LlmDuration, "trtllm_e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "trtllm_time_to_first_token_seconds"),
        row(QueueDepth, "trtllm_num_requests_waiting"),
        row(ActiveConnections, "trtllm_num_requests_running"),
    ],
};

/// Counts tokens, but neither requests nor their durations.
pub const LLAMA_CPP: Ecosystem = Ecosystem {
    name: "llama.cpp server",
    source: "https://github.com/ggml-org/llama.cpp tools/server/README.md",
    rows: &[
        row(LlmTokensIn, "llamacpp:prompt_tokens_total"),
        row(LlmTokensOut, "llamacpp:tokens_predicted_total"),
        row(QueueDepth, "llamacpp:requests_deferred"),
        row(ActiveConnections, "llamacpp:requests_processing"),
    ],
};
