//! Blobs: reads, with and without ranges, and uploads of every kind.

use std::sync::Arc;

use carnet::oci::Digest;

use super::refusal;
use super::store::Store;
use crate::registries::http::{Request, Response};

pub(super) fn get(store: &Store, name: &str, digest: &str, request: &Request, ranges: bool) -> Response {
    let blob = store.repositories.get(name).and_then(|repository| repository.blobs.get(digest));
    let Some(blob) = blob else { return refusal(404, "BLOB_UNKNOWN", digest) };
    let answer = |status| Response::new(status).with("Docker-Content-Digest", digest);
    let kind = "application/octet-stream";
    if !ranges {
        return answer(200).body(kind, blob.as_slice());
    }
    let whole = || answer(200).with("Accept-Ranges", "bytes").body(kind, blob.as_slice());
    let Some(range) = request.headers.get("Range") else { return whole() };
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return whole();
    };
    let Ok(first) = first.parse::<usize>() else { return whole() };
    let last = last.parse::<usize>().unwrap_or(usize::MAX).min(blob.len().saturating_sub(1));
    if first > last || first >= blob.len() {
        return answer(416).with("Content-Range", format!("bytes */{}", blob.len()));
    }
    answer(206)
        .with("Content-Range", format!("bytes {first}-{last}/{}", blob.len()))
        .body(kind, &blob[first..=last])
}

pub(super) fn upload(store: &mut Store, name: &str, id: &str, request: &Request, mounts: bool) -> Response {
    if request.method == "POST" && id.is_empty() {
        return begin(store, name, request, mounts);
    }
    if !store.uploads.contains_key(id) {
        return refusal(404, "BLOB_UPLOAD_UNKNOWN", id);
    }
    // Clients must use locations exactly as given.
    if request.query("_state").is_none() {
        return refusal(400, "BLOB_UPLOAD_INVALID", "without its state");
    }
    match request.method.as_str() {
        "GET" => status(store, name, id, 204),
        "DELETE" => {
            store.uploads.remove(id);
            Response::new(204)
        }
        "PATCH" => {
            let bytes = store.uploads.get_mut(id).unwrap();
            let start = request.headers.get("Content-Range").and_then(|range| range.split('-').next());
            if start.is_some_and(|start| start.parse() != Ok(bytes.len())) {
                return status(store, name, id, 416);
            }
            bytes.extend(&request.body);
            status(store, name, id, 202)
        }
        "PUT" => {
            let mut bytes = store.uploads.remove(id).unwrap();
            bytes.extend(&request.body);
            finish(store, name, &request.query("digest").unwrap_or_default(), bytes)
        }
        _ => refusal(405, "UNSUPPORTED", ""),
    }
}

fn begin(store: &mut Store, name: &str, request: &Request, mounts: bool) -> Response {
    if let (Some(digest), Some(from), true) = (request.query("mount"), request.query("from"), mounts) {
        let there = store.repositories.get(&from).and_then(|from| from.blobs.get(&digest)).cloned();
        if let Some(bytes) = there {
            store.repositories.entry(name.to_owned()).or_default().blobs.insert(digest.clone(), bytes);
            return made(name, &digest);
        }
    }
    if let Some(digest) = request.query("digest") {
        return finish(store, name, &digest, request.body.clone());
    }
    store.begun += 1;
    let id = format!("upload-{}", store.begun);
    store.uploads.insert(id.clone(), Vec::new());
    status(store, name, &id, 202)
}

fn status(store: &Store, name: &str, id: &str, status: u16) -> Response {
    let bytes = store.uploads[id].len();
    Response::new(status)
        .with("Location", format!("/v2/{name}/blobs/uploads/{id}?_state=a%2Fb%3D{bytes}"))
        .with("Docker-Upload-UUID", id)
        .with("Range", format!("0-{}", bytes.saturating_sub(1)))
}

fn finish(store: &mut Store, name: &str, digest: &str, bytes: Vec<u8>) -> Response {
    let Ok(wanted) = digest.parse::<Digest>() else { return refusal(400, "DIGEST_INVALID", digest) };
    if wanted.same_algorithm(&bytes) != wanted {
        return refusal(400, "DIGEST_INVALID", digest);
    }
    let blobs = &mut store.repositories.entry(name.to_owned()).or_default().blobs;
    blobs.insert(digest.to_owned(), Arc::new(bytes));
    made(name, digest)
}

fn made(name: &str, digest: &str) -> Response {
    Response::new(201)
        .with("Location", format!("/v2/{name}/blobs/{digest}"))
        .with("Docker-Content-Digest", digest)
}
