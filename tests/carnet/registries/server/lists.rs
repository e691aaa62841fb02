//! Lists of tags and repositories in pages, and of referrers.

use serde_json::{Value, json};

use super::refusal;
use super::store::{Repository, Store};
use crate::registries::http::{Request, Response};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(super) fn tags(store: &Store, name: &str, request: &Request, page: usize) -> Response {
    let Some(repository) = store.repositories.get(name) else {
        return refusal(404, "NAME_UNKNOWN", name);
    };
    let (tags, link) = paged(repository.tags.keys(), &format!("/v2/{name}/tags/list"), request, page);
    linked(Response::new(200).json(&json!({ "name": name, "tags": tags })), link)
}

pub(super) fn catalog(store: &Store, request: &Request, page: usize) -> Response {
    let (names, link) = paged(store.repositories.keys(), "/v2/_catalog", request, page);
    linked(Response::new(200).json(&json!({ "repositories": names })), link)
}

/// The names of one page, and the `Link` to the next.
fn paged<'names>(
    names: impl Iterator<Item = &'names String>,
    path: &str,
    request: &Request,
    page: usize,
) -> (Vec<&'names String>, Option<String>) {
    let wanted = request.query("n").and_then(|n| n.parse().ok()).unwrap_or(page).min(page);
    let last = request.query("last").unwrap_or_default();
    let mut rest = names.filter(|name| **name > last);
    let names: Vec<_> = rest.by_ref().take(wanted).collect();
    let more = rest.next().is_some();
    let link =
        names.last().filter(|_| more).map(|last| format!("<{path}?last={last}&n={wanted}>; rel=\"next\""));
    (names, link)
}

fn linked(response: Response, link: Option<String>) -> Response {
    match link {
        Some(link) => response.with("Link", link),
        None => response,
    }
}

/// Descriptors of the referrers of `digest`.
pub(super) fn referrers(repository: &Repository, digest: &str) -> Vec<Value> {
    let refers = |document: &Value| document["subject"]["digest"].as_str() == Some(digest);
    let all = repository.manifests.iter().map(|(name, manifest)| (name, manifest, manifest.document()));
    let descriptor = |(name, manifest, document): (&String, &super::Manifest, Value)| {
        let own = document.get("artifactType").filter(|own| own.as_str() != Some(""));
        let kind = own.unwrap_or(&document["config"]["mediaType"]);
        let mut descriptor = json!({ "mediaType": manifest.media_type, "digest": name,
            "size": manifest.bytes.len(), "artifactType": kind });
        if let Some(annotations) = document.get("annotations") {
            descriptor["annotations"] = annotations.clone();
        }
        descriptor
    };
    all.filter(|(_, _, document)| refers(document)).map(descriptor).collect()
}

pub(super) fn answer_referrers(store: &Store, name: &str, digest: &str, request: &Request) -> Response {
    let mut found = store.repositories.get(name).map_or_else(Vec::new, |one| referrers(one, digest));
    let mut response = Response::new(200);
    if let Some(kind) = request.query("artifactType") {
        found.retain(|one| one["artifactType"].as_str() == Some(&kind));
        response = response.with("OCI-Filters-Applied", "artifactType");
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": found });
    response.body(INDEX, index.to_string())
}
