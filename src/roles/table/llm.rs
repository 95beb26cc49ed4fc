//! Servers and proxies of language models.

use super::{Ecosystem, row};
use crate::roles::Role::{
    ActiveConnections, CircuitBreakerTrips, Errors, LlmDuration, LlmErrors, LlmRateLimitHits,
    LlmRequests, LlmTimeToFirstToken, LlmTokensIn, LlmTokensOut, QueueDepth, RequestDuration,
    Requests,
};

/// Its counters are called `..._metric` in the source; the client library adds `_total`. As for other
/// services, a request that the client is to blame for is no error of the proxy. A deployment that
/// fails is left out for a while, as by a circuit breaker.
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
        row(LlmErrors, "litellm_proxy_failed_requests_metric_total"),
        row(LlmTokensIn, "litellm_input_tokens_metric_total"),
        row(LlmTokensOut, "litellm_output_tokens_metric_total"),
        row(LlmDuration, "litellm_llm_api_latency_metric"),
        row(
            LlmTimeToFirstToken,
            "litellm_llm_api_time_to_first_token_metric",
        ),
        row(
            LlmRateLimitHits,
            r#"litellm_proxy_failed_requests_metric_total{exception_status="429"}"#,
        ),
    ],
};

/// A request that ended for any reason is counted once, with that reason.
pub const VLLM: Ecosystem = Ecosystem {
    name: "vLLM",
    source: "https://github.com/vllm-project/vllm vllm/v1/metrics/loggers.py",
    rows: &[
        row(LlmRequests, "vllm:request_success_total"),
        row(
            LlmErrors,
            r#"vllm:request_success_total{finished_reason=~"abort|error"}"#,
        ),
        row(LlmTokensIn, "vllm:prompt_tokens_total"),
        row(LlmTokensOut, "vllm:generation_tokens_total"),
        row(LlmDuration, "vllm:e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "vllm:time_to_first_token_seconds"),
        row(QueueDepth, "vllm:num_requests_waiting"),
        row(ActiveConnections, "vllm:num_requests_running"),
    ],
};

/// Its counters have no `_total`.
pub const TGI: Ecosystem = Ecosystem {
    name: "text-generation-inference",
    source: "https://github.com/huggingface/text-generation-inference router/src/server.rs",
    rows: &[
        row(LlmRequests, "tgi_request_count"),
        row(LlmErrors, "tgi_request_failure"),
        row(LlmTokensIn, "tgi_request_input_length_sum"),
        row(LlmTokensOut, "tgi_request_generated_tokens_sum"),
        row(LlmDuration, "tgi_request_duration"),
        row(LlmRateLimitHits, r#"tgi_request_failure{err="overloaded"}"#),
        row(QueueDepth, "tgi_queue_size"),
        row(ActiveConnections, "tgi_batch_current_size"),
    ],
};

pub const SGLANG: Ecosystem = Ecosystem {
    name: "SGLang",
    source: "https://github.com/sgl-project/sglang python/sglang/srt/metrics/collector.py",
    rows: &[
        row(LlmRequests, "sglang:num_requests_total"),
        row(LlmErrors, "sglang:num_aborted_requests_total"),
        row(LlmTokensIn, "sglang:prompt_tokens_total"),
        row(LlmTokensOut, "sglang:generation_tokens_total"),
        row(LlmDuration, "sglang:e2e_request_latency_seconds"),
        row(LlmTimeToFirstToken, "sglang:time_to_first_token_seconds"),
        row(QueueDepth, "sglang:num_queue_reqs"),
        row(ActiveConnections, "sglang:num_running_reqs"),
    ],
};
