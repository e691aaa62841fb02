//! A host of plain files, such as the layers that an image names by URL.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::http::{Host, Request, Response, Site};

pub(crate) struct Files {
    host: Host,
}

struct Shelf(BTreeMap<String, Vec<u8>>);

impl Site for Shelf {
    fn answer(&self, request: &Request) -> Response {
        match self.0.get(request.path()) {
            Some(bytes) => Response::new(200).body("application/octet-stream", bytes.as_slice()),
            None => Response::new(404),
        }
    }
}

impl Files {
    /// Serves `files`, by their paths, on a free port of `ip`.
    pub(crate) fn start(ip: &str, files: &[(&str, &[u8])]) -> Files {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
        Files { host: Host::start(ip, Shelf(files.collect())) }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.name())
    }
}

impl Deref for Files {
    type Target = Host;
    fn deref(&self) -> &Host {
        &self.host
    }
}
