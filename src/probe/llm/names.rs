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

/// Provider names by host-name suffix.
const PROVIDERS: [(&str, &str); 12] = [
    ("api.anthropic.com", "anthropic"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.together.ai", "together_ai"),
    ("api.together.xyz", "together_ai"),
    ("api.x.ai", "x_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    (".openai.azure.com", "azure.ai.openai"),
    (".amazonaws.com", "aws.bedrock"),
];

/// The value of `gen_ai.provider.name`: the provider that serves an address, or else the owner of
/// the API.
pub fn provider(url: &Url, owner: &'static str) -> &'static str {
    let host = url.host_str().unwrap_or_default();
    let mut known = PROVIDERS.iter();
    let found = known.find(|(end, _)| host.ends_with(end));
    found.map_or(owner, |(_, name)| name)
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
            ("https://api.openai.com/v1/responses", "openai"),
            ("http://127.0.0.1:8000/v1/chat/completions", "openai"),
        ] {
            let url = url.parse().expect("valid");
            assert_eq!(provider(&url, "openai"), name);
        }
    }
}
