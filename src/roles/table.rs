//! The metric names of the roles in well-known libraries. Data only: a new library is an
//! [`Ecosystem`] with its source.

mod go_node;
mod java;
mod llm;
mod otel;
mod plain;
mod proxies;
mod python;

use super::role::Role;

/// The metrics of one library.
#[derive(Debug)]
pub struct Ecosystem {
    /// The display name.
    pub name: &'static str,
    /// Where its names and labels are defined.
    pub source: &'static str,
    /// Of several rows for one role, the first one with existing series is used.
    pub rows: &'static [Row],
}

/// A role, and the selector of its series.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub role: Role,
    pub selector: &'static str,
    /// The factor from the metric's unit to the unit of the role.
    pub scale: f64,
}

impl Ecosystem {
    /// Whether its database pools are those of `PgBouncer`.
    pub fn has_pools_per_user(&self) -> bool {
        self.name == proxies::PGBOUNCER.name
    }
}

const fn row(role: Role, selector: &'static str) -> Row {
    Row {
        role,
        selector,
        scale: 1.0,
    }
}

/// A histogram in milliseconds.
const fn row_ms(role: Role, selector: &'static str) -> Row {
    Row {
        role,
        selector,
        scale: 0.001,
    }
}

/// In matching order. Names used by a single library come before names used by several.
pub const TABLE: &[&Ecosystem] = &[
    &python::STARLETTE,
    &python::FLASK,
    &python::DJANGO,
    &java::MICROMETER,
    &java::SPRING_AI,
    &java::RESILIENCE4J,
    &otel::HTTP,
    &otel::HTTP_BEFORE_1_23,
    &otel::DATABASE,
    &otel::GEN_AI,
    &llm::LITELLM,
    &llm::VLLM,
    &llm::TGI,
    &llm::SGLANG,
    &llm::SGLANG_GATEWAY,
    &llm::TRITON,
    &llm::TRTLLM,
    &llm::LLAMA_CPP,
    &proxies::ENVOY,
    &proxies::TRAEFIK,
    &proxies::HAPROXY,
    &proxies::INGRESS_NGINX,
    &proxies::NGINX,
    &proxies::PGBOUNCER,
    &proxies::POSTGRES,
    &proxies::REDIS,
    &go_node::GRPC,
    &go_node::AXUM,
    &go_node::GO_SQL,
    &go_node::OPOSSUM,
    &python::FASTAPI,
    &go_node::EXPRESS,
    &python::SQLALCHEMY,
    &python::CELERY,
    &plain::PLAIN,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Selector;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_a_selector_with_a_source() {
        let mut roles = BTreeSet::new();
        for ecosystem in TABLE {
            let mut seen = BTreeSet::new();
            assert!(ecosystem.source.contains('/'), "{}", ecosystem.name);
            for row in ecosystem.rows {
                let read = Selector::parse(row.selector);
                assert!(read.is_ok(), "{}: {read:?}", row.selector);
                let is_new = seen.insert((row.role, row.selector));
                assert!(is_new, "{} has {} twice", row.role, row.selector);
                roles.insert(row.role);
            }
        }
        assert_eq!(roles.len(), Role::COUNT, "every role is in the table");
    }
}
