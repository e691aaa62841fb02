//! Manifests. Everything that they point at must exist before them.

use carnet::oci::Digest;
use serde_json::Value;

use super::store::{Manifest, Repository, Store};
use super::{Options, refusal};
use crate::registries::http::{Request, Response};

/// The largest document that is accepted, in bytes.
const BYTES_MAX: usize = 4 << 20;

pub(super) fn get(store: &Store, name: &str, reference: &str, etags: bool) -> Response {
    let Some(repository) = store.repositories.get(name) else {
        return refusal(404, "NAME_UNKNOWN", name);
    };
    let Some(digest) = repository.resolve(reference) else {
        return refusal(404, "MANIFEST_UNKNOWN", reference);
    };
    let manifest = &repository.manifests[digest];
    let found = Response::new(200);
    let found = if etags { found.with("ETag", format!("\"{digest}\"")) } else { found };
    found.with("Docker-Content-Digest", digest).body(&manifest.media_type, manifest.bytes.as_slice())
}

pub(super) fn put(
    store: &mut Store,
    name: &str,
    reference: &str,
    request: &Request,
    options: &Options,
) -> Response {
    if request.body.len() > BYTES_MAX {
        return refusal(413, "SIZE_INVALID", reference);
    }
    let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let media_type = request.headers.get("Content-Type").unwrap_or_default();
    if !document.is_object() || document["mediaType"].as_str().is_some_and(|said| said != media_type) {
        return refusal(400, "MANIFEST_INVALID", media_type);
    }
    let repository = store.repositories.entry(name.to_owned()).or_default();
    let there = repository.resolve(reference).map(|digest| format!("\"{digest}\""));
    let is_expected = match (request.headers.get("If-Match"), request.headers.get("If-None-Match")) {
        (Some(wanted), _) => there.as_deref() == Some(wanted),
        (None, Some("*")) => there.is_none(),
        _ => true,
    };
    if options.etags && !is_expected {
        return refusal(412, "MANIFEST_INVALID", "another state");
    }
    if let Some(missing) = missing(repository, &document).filter(|_| options.checks) {
        return refusal(404, "MANIFEST_BLOB_UNKNOWN", &missing);
    }
    let digest = match reference.parse::<Digest>() {
        Ok(wanted) if wanted.same_algorithm(&request.body) != wanted => {
            return refusal(400, "DIGEST_INVALID", reference);
        }
        Ok(wanted) => wanted.to_string(),
        Err(_) => {
            let digest = Digest::sha256(&request.body).to_string();
            repository.tags.insert(reference.to_owned(), digest.clone());
            digest
        }
    };
    let manifest = Manifest { media_type: media_type.to_owned(), bytes: request.body.clone() };
    repository.manifests.insert(digest.clone(), manifest);
    let made = Response::new(201)
        .with("Location", format!("/v2/{name}/manifests/{digest}"))
        .with("Docker-Content-Digest", digest);
    match document["subject"]["digest"].as_str() {
        Some(subject) if options.referrers => made.with("OCI-Subject", subject),
        _ => made,
    }
}

/// The first missing blob or manifest that a document points at. Layers that may not be distributed
/// may be missing.
fn missing(repository: &Repository, document: &Value) -> Option<String> {
    let all = |key: &str| document[key].as_array().cloned().unwrap_or_default();
    let blobs = all("layers").into_iter().chain(document.get("config").cloned()).filter(|blob| {
        let media_type = blob["mediaType"].as_str().unwrap_or_default();
        !media_type.contains("nondistributable") && !media_type.contains("foreign")
    });
    let digest = |descriptor: &Value| descriptor["digest"].as_str().unwrap_or_default().to_owned();
    let blob = blobs.map(|blob| digest(&blob)).find(|digest| !repository.blobs.contains_key(digest));
    let child = || {
        let children = all("manifests").iter().map(digest).collect::<Vec<_>>();
        children.into_iter().find(|digest| !repository.manifests.contains_key(digest))
    };
    blob.or_else(child)
}
