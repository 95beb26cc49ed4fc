//! `OpenAPI` 3 documents: one request per operation, with the example values of the document.

mod parameters;

use super::collector::{Collector, Draft};
use super::document::At;
use super::multipart::{BOUNDARY, is_multipart};
use super::schema::Examples;
use super::target::{Place, Target};
use super::text::reference;
use super::{RequestsError, SkipReason};
use parameters::Parameters;
use serde_json::Value;
use std::ops::RangeInclusive;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Maximum length of a server's address in bytes.
const ADDRESS_MAX: usize = 4 << 10;
/// Maximum number of servers that are considered.
const SERVERS_MAX: usize = 100;

pub(super) fn read(root: &At<'_>, collector: &mut Collector) -> Result<(), RequestsError> {
    if root.get("swagger").is_some() {
        return Err(root.fault("expected OpenAPI 3: convert the Swagger 2.0 document first"));
    }
    let version = root.need("openapi")?;
    if !version.scalar()?.starts_with("3.") {
        return Err(version.fault("expected a version such as 3.0.3 or 3.1.0"));
    }
    let examples = Examples::new(root);
    // A document may contain only components or webhooks.
    let paths = root
        .get("paths")
        .map_or(Ok(Vec::new()), |paths| paths.entries())?;
    for (path, item) in paths.into_iter().filter(|(path, _)| path.starts_with('/')) {
        let item = match examples.resolve_shared(&item) {
            Ok(item) => item,
            Err(fault) => {
                collector.take(Err(fault))?;
                continue;
            }
        };
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let operation = Operation {
                    root,
                    item: &item,
                    at: &operation,
                    examples: &examples,
                };
                let read = operation.read(method, path, collector);
                collector.take(read)?;
            }
        }
    }
    Ok(())
}

/// One operation, with everything that it inherits.
struct Operation<'a, 'd> {
    root: &'a At<'d>,
    item: &'a At<'d>,
    at: &'a At<'d>,
    examples: &'a Examples<'d>,
}

enum Body {
    Text {
        media_type: String,
        text: String,
    },
    /// The body cannot be built.
    Missing(SkipReason),
    Nothing,
}

impl Operation<'_, '_> {
    fn read(
        &self,
        method: &str,
        path: &str,
        collector: &mut Collector,
    ) -> Result<(), RequestsError> {
        let mut parameters = Parameters::read(&[self.item, self.at], self.examples)?;
        let credentials = self.authenticate(&mut parameters)?;
        let mut draft = Draft {
            method: method.to_owned(),
            credentials,
            address: self.server(collector)? + &parameters.target(path),
            statuses: self.statuses()?,
            ..Draft::default()
        };
        draft.headers = parameters.into_headers();
        match self.body()? {
            Body::Text { media_type, text } => {
                draft.headers.push(("content-type".to_owned(), media_type));
                draft.body = Some(text);
            }
            Body::Missing(reason) => {
                collector.leave_out(reason);
                return Ok(());
            }
            Body::Nothing => {}
        }
        collector.add(self.at, draft)
    }

    /// The first server with the requested origin, or any server if none was requested; otherwise
    /// the first one. Without a trailing slash.
    fn server(&self, collector: &Collector) -> Result<String, RequestsError> {
        let lists = [self.at, self.item, self.root].map(|at| at.get("servers"));
        let Some(servers) = lists.into_iter().flatten().next() else {
            return Ok(String::new());
        };
        self.examples.repeat(&servers)?;
        let mut addresses = Vec::new();
        for server in servers.items()?.take(SERVERS_MAX) {
            addresses.push(address(&server)?);
        }
        let is_wanted = |address: &&String| {
            Target::parse(address).is_some_and(|target| match target.place {
                Place::Origin(origin) => collector.is_wanted(&origin),
                Place::Unknown => true,
                Place::OtherScheme => false,
            })
        };
        let address = addresses.iter().find(is_wanted).or(addresses.first());
        let address = address.map_or("", String::as_str);
        Ok(address.trim_end_matches('/').to_owned())
    }

    /// Adds the keys of the first security requirement, always as references. Returns the name of its scheme for the
    /// header `Authorization`.
    fn authenticate(&self, parameters: &mut Parameters) -> Result<Option<String>, RequestsError> {
        let security = self
            .at
            .get("security")
            .or_else(|| self.root.get("security"));
        let first = security.and_then(|all| all.items().ok()?.next());
        let Some(first) = first else { return Ok(None) };
        self.examples.repeat(&first)?;
        let mut credentials = None;
        let schemes = self.root.get("components");
        let schemes = schemes.and_then(|components| components.get("securitySchemes"));
        for (name, place) in first.entries()? {
            let scheme = schemes.as_ref().and_then(|schemes| schemes.get(name));
            let scheme = scheme.ok_or_else(|| {
                place.fault("expected the name of a scheme in `components.securitySchemes`")
            })?;
            let scheme = self.examples.resolve(&scheme)?;
            match scheme.need("type")?.text()? {
                "apiKey" => {
                    let name = scheme.need("name")?.text()?;
                    parameters.add(scheme.need("in")?.text()?, name, reference(name));
                }
                "http" | "oauth2" | "openIdConnect" => credentials = Some(name.to_owned()),
                _ => {}
            }
        }
        Ok(credentials)
    }

    fn body(&self) -> Result<Body, RequestsError> {
        let Some(body) = self.at.get("requestBody") else {
            return Ok(Body::Nothing);
        };
        let body = self.examples.resolve_shared(&body)?;
        let content = body.need("content")?.entries()?;
        let is = |wanted: fn(&str) -> bool| content.iter().find(|(name, _)| wanted(name));
        if let Some((media_type, media)) = is(is_json) {
            let text = self.examples.of(media)?.unwrap_or_default().to_string();
            let media_type = (*media_type).to_owned();
            return Ok(Body::Text { media_type, text });
        }
        if let Some((media_type, media)) = is(is_form) {
            let value = self.examples.of(media)?.unwrap_or_default();
            return Ok(Body::Text {
                media_type: (*media_type).to_owned(),
                text: parameters::form(&value),
            });
        }
        let form = is(is_multipart);
        if let Some((_, media)) = form
            && !has_file(media, self.examples)?
            && let Some(Value::Object(fields)) = self.examples.of(media)?
            && !fields.is_empty()
        {
            return Ok(Body::Text {
                media_type: format!("multipart/form-data; boundary={BOUNDARY}"),
                text: parameters::parts(&fields),
            });
        }
        // Other formats require an example as text.
        for (media_type, media) in &content {
            if let Some(Value::String(text)) = self.examples.given(media)? {
                let media_type = (*media_type).to_owned();
                return Ok(Body::Text { media_type, text });
            }
        }
        Ok(match form {
            _ if !body.is("required") => Body::Nothing,
            Some(_) => Body::Missing(SkipReason::Upload),
            None => Body::Missing(SkipReason::Body),
        })
    }

    /// The success statuses that the operation declares.
    fn statuses(&self) -> Result<Vec<RangeInclusive<u16>>, RequestsError> {
        let responses = self.at.get("responses");
        let responses = responses.map_or(Ok(Vec::new()), |all| all.entries())?;
        let range = |name: &str| match name {
            "2XX" | "2xx" => Some(200..=299),
            "3XX" | "3xx" => Some(300..=399),
            code => {
                let code: u16 = code.parse().ok()?;
                (200..400).contains(&code).then_some(code..=code)
            }
        };
        Ok(responses
            .iter()
            .filter_map(|(name, _)| range(name))
            .collect())
    }
}

/// The address of a server, with the default values of its variables.
fn address(server: &At<'_>) -> Result<String, RequestsError> {
    let mut address = server.need("url")?.text()?.to_owned();
    let variables = server.get("variables");
    for (name, variable) in variables.map_or(Ok(Vec::new()), |all| all.entries())? {
        let value = variable.need("default")?.scalar()?;
        // Also checked before a replacement, since a name can occur many times.
        if address.len().max(value.len()) <= ADDRESS_MAX {
            address = address.replace(&format!("{{{name}}}"), &value);
        }
        if address.len().max(value.len()) > ADDRESS_MAX {
            return Err(server.fault("expected an address of at most 4 KiB"));
        }
    }
    // Relative to the address of the document, of which only the path can be relevant.
    if !address.contains("://") && !address.starts_with('/') {
        address.insert(0, '/');
    }
    Ok(address)
}

/// Whether a form has a file field.
fn has_file(media: &At<'_>, examples: &Examples<'_>) -> Result<bool, RequestsError> {
    let Some(schema) = media.get("schema") else {
        return Ok(false);
    };
    let properties = examples.resolve_shared(&schema)?.get("properties");
    for (_, property) in properties.map_or(Ok(Vec::new()), |all| all.entries())? {
        let property = examples.resolve(&property)?;
        let items = property
            .get("items")
            .map(|items| examples.resolve(&items))
            .transpose()?;
        let mut each = [Some(property), items].into_iter().flatten();
        if each.any(|one| {
            one.text_of("format") == Ok("binary") || one.get("contentMediaType").is_some()
        }) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence == "application/json" || essence.ends_with("+json")
}

fn is_form(media_type: &str) -> bool {
    essence(media_type) == "application/x-www-form-urlencoded"
}
