//! OpenTelemetry's conventions for generative AI: versions of metric names, and provider names.

use url::Url;

/// A version of the conventions. They are not stable, so users choose when names change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// `gen_ai.client.operation.*`, before the conventions moved to their own repository in 2026.
    V1,
    /// `gen_ai.client.inference.*`.
    V2,
    Off,
}

impl Convention {
    pub const BY_LABEL: &'static [(&'static str, Self)] =
        &[("v1", Self::V1), ("v2", Self::V2), ("off", Self::Off)];
}

/// Provider names by the beginning and the end of the host name.
const PROVIDERS: [(&str, &str, &str); 18] = [
    ("", "api.anthropic.com", "anthropic"),
    ("", "api.cohere.ai", "cohere"),
    ("", "api.cohere.com", "cohere"),
    ("", "api.deepseek.com", "deepseek"),
    ("", "api.groq.com", "groq"),
    ("", "api.mistral.ai", "mistral_ai"),
    ("", "api.perplexity.ai", "perplexity"),
    ("", "api.together.ai", "together_ai"),
    ("", "api.together.xyz", "together_ai"),
    ("", "api.x.ai", "x_ai"),
    ("", "generativelanguage.googleapis.com", "gcp.gemini"),
    ("", "aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("", "openai.azure.com", "azure.ai.openai"),
    ("", "cognitiveservices.azure.com", "azure.ai.openai"),
    ("", "ai.azure.com", "azure.ai.inference"),
    ("", "ml.cloud.ibm.com", "ibm.watsonx.ai"),
    // Other names there are load balancers and servers of users.
    ("bedrock", "amazonaws.com", "aws.bedrock"),
    ("bedrock", "api.aws", "aws.bedrock"),
];

/// The value of `gen_ai.provider.name`: the provider that serves an address, or else the owner of
/// the API.
pub fn provider(url: &Url, owner: &'static str) -> &'static str {
    let host = url.host_str().unwrap_or_default();
    let mut known = PROVIDERS.iter();
    let found = known.find(|(begin, end, _)| {
        let rest = host.strip_suffix(end);
        // Regions are parts of the name: `us-central1-aiplatform`, `us.api`.
        let is_whole = |rest: &str| rest.is_empty() || rest.ends_with(['.', '-']);
        host.starts_with(begin) && rest.is_some_and(is_whole)
    });
    found.map_or(owner, |(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_known_by_their_hosts() {
        for (url, name) in [
            (
                "https://api.together.xyz/v1/chat/completions",
                "together_ai",
            ),
            ("https://me.openai.azure.com/openai/x", "azure.ai.openai"),
            (
                "https://me.services.ai.azure.com/models/chat/completions",
                "azure.ai.inference",
            ),
            (
                "https://us-central1-aiplatform.googleapis.com/v1/x",
                "gcp.vertex_ai",
            ),
            (
                "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions",
                "aws.bedrock",
            ),
            ("http://vllm-1.eu-west-1.elb.amazonaws.com/v1/x", "openai"),
            ("https://notapi.x.ai/v1/x", "openai"),
            ("https://api.openai.com/v1/responses", "openai"),
            ("http://127.0.0.1:8000/v1/chat/completions", "openai"),
        ] {
            let url = url.parse().expect("valid");
            assert_eq!(provider(&url, "openai"), name);
        }
    }
}
