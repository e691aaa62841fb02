//! A registry in memory that implements the distribution specification 1.1, or breaks it on request.

mod access;
mod blobs;
mod lists;
mod manifests;
mod store;

use std::net::TcpListener;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub(crate) use access::{Access, TokenService, Tokens};
pub(crate) use store::{Manifest, Repository};

use super::http::{Host, Request, Response, Site};
use store::Store;

/// Which features this registry has.
pub(crate) struct Options {
    pub(crate) ip: &'static str,
    /// The referrers API.
    pub(crate) referrers: bool,
    /// Range requests for blobs.
    pub(crate) ranges: bool,
    /// Mounting of blobs from another repository.
    pub(crate) mounts: bool,
    /// A manifest is refused if something that it points at is missing.
    pub(crate) checks: bool,
    /// Entity tags of manifests, and requests that depend on them.
    pub(crate) etags: bool,
    /// The maximum number of names in one answer.
    pub(crate) page: usize,
    pub(crate) access: Access,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ip: "127.0.0.1",
            referrers: true,
            ranges: true,
            mounts: true,
            checks: true,
            etags: false,
            page: 100,
            access: Access::Open,
        }
    }
}

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    host: Host,
    api: Arc<Api>,
}

impl Deref for Registry {
    type Target = Host;
    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Registry {
    pub(crate) fn start() -> Registry {
        Registry::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Registry {
        let listener = TcpListener::bind((options.ip, 0)).expect("a free port");
        let name = listener.local_addr().unwrap().to_string();
        let api = Arc::new(Api { name, options, store: Mutex::default() });
        Registry { host: Host::on(listener, Arc::clone(&api)), api }
    }

    /// Puts a whole layout into a repository. The tag is the part of a name after its last colon.
    pub(crate) fn seed(&self, layout: &Path, repository: &str) {
        self.api.store.lock().unwrap().seed(layout, repository);
    }

    /// The content of a repository; empty if it does not exist.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        self.api.store.lock().unwrap().repositories.get(name).cloned().unwrap_or_default()
    }

    /// Changes the content of a repository.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Repository)) {
        change(self.api.store.lock().unwrap().repositories.entry(name.to_owned()).or_default());
    }

    pub(crate) fn repositories(&self) -> Vec<String> {
        self.api.store.lock().unwrap().repositories.keys().cloned().collect()
    }

    /// The number of uploads that were started and neither finished nor cancelled.
    pub(crate) fn open_uploads(&self) -> usize {
        self.api.store.lock().unwrap().uploads.len()
    }

    /// The descriptors that the referrers API returns, sorted.
    pub(crate) fn referrers(&self, repository: &str, digest: &str) -> Vec<Value> {
        lists::referrers(&self.repository(repository), digest)
    }
}

struct Api {
    /// `IP:PORT`.
    name: String,
    options: Options,
    store: Mutex<Store>,
}

impl Site for Arc<Api> {
    fn answer(&self, request: &Request) -> Response {
        if request.path() == "/token" {
            return match &self.options.access {
                Access::Token(tokens) => tokens.answer(request),
                _ => Response::new(404),
            };
        }
        let Some(path) = request.path().strip_prefix("/v2/") else { return Response::new(404) };
        if let Err(refusal) = self.options.access.check(&self.name, request, path) {
            return *refusal;
        }
        self.route(request, path).with("Docker-Distribution-Api-Version", "registry/2.0")
    }
}

impl Api {
    fn route(&self, request: &Request, path: &str) -> Response {
        let mut store = self.store.lock().unwrap();
        let method = request.method.as_str();
        if path.is_empty() {
            return Response::new(200).json(&json!({}));
        }
        if path == "_catalog" {
            return lists::catalog(&store, request, self.options.page);
        }
        let Some((name, kind, rest)) = parts(path) else { return Response::new(404) };
        match (kind, method) {
            ("tags", "GET") => lists::tags(&store, name, request, self.options.page),
            ("referrers", "GET") if self.options.referrers => {
                lists::answer_referrers(&store, name, rest, request)
            }
            ("manifests", "GET" | "HEAD") => manifests::get(&store, name, rest, self.options.etags),
            ("manifests", "PUT") => manifests::put(&mut store, name, rest, request, &self.options),
            ("uploads", _) => blobs::upload(&mut store, name, rest, request, self.options.mounts),
            ("blobs", "GET" | "HEAD") => blobs::get(&store, name, rest, request, self.options.ranges),
            _ => refusal(404, "UNSUPPORTED", path),
        }
    }
}

/// The repository, kind and reference in a path below `/v2/`.
fn parts(path: &str) -> Option<(&str, &str, &str)> {
    let part = |word: &str| path.rsplit_once(word);
    if let Some((name, _)) = part("/tags/list") {
        return Some((name, "tags", ""));
    }
    if let Some((name, id)) = part("/blobs/uploads/") {
        return Some((name, "uploads", id));
    }
    let kinds = [("/blobs/", "blobs"), ("/manifests/", "manifests"), ("/referrers/", "referrers")];
    kinds.into_iter().find_map(|(word, kind)| part(word).map(|(name, rest)| (name, kind, rest)))
}

/// An error in the form that the specification requires.
fn refusal(status: u16, code: &str, detail: &str) -> Response {
    let error = json!({ "code": code, "message": code.to_lowercase().replace('_', " "), "detail": detail });
    Response::new(status).json(&json!({ "errors": [error] }))
}
