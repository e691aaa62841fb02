//! The client of S3: against a bucket in memory that is told to fail, and against real stores.

mod conditions;
mod credentials;
mod crossing;
mod lists;
mod reading;
pub(super) mod real;
mod refusals;
mod uploads;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carnet::clock::{Clock, Fixed};
use carnet::format::{Sum, Timestamp};
use carnet::http;
use carnet::storage::{
    Container, Location, NewObject, Object, Precondition, Settings, StorageError, Variables, open,
};
use md5::{Digest as _, Md5};

use super::servers::S3Site;
use crate::registries::http::Host;

/// What must never be in a text.
const SECRETS: [&str; 3] = ["topsecret", "sessiontoken", "Signature="];

/// The clock of this machine: real stores compare it with theirs.
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
    }
}

/// A bucket in memory, and a client for it.
struct Desk {
    host: Host,
    site: S3Site,
    container: Arc<dyn Container>,
}

fn now() -> Timestamp {
    "2026-11-25T20:00:00Z".parse().unwrap()
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings {
        variables: Variables::new(variables.iter().map(owned)),
        secret_command: None,
        clock: Arc::new(Fixed(now())),
        encryption: None,
        http: http::Settings { retries: 2, stall: Duration::from_secs(10), ..http::Settings::default() },
    }
}

/// Settings with keys for the endpoint.
fn settings_for(endpoint: &str) -> Settings {
    settings(&[
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "topsecret"),
        ("AWS_SESSION_TOKEN", "sessiontoken"),
    ])
}

pub(super) fn bucket(settings: &Settings) -> Arc<dyn Container> {
    open(&"s3://bucket".parse::<Location>().unwrap(), settings).unwrap()
}

impl Desk {
    fn new() -> Desk {
        Desk::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Desk {
        let site = S3Site::default();
        let host = Host::start("127.0.0.1", site.clone());
        let mut settings = settings_for(&format!("http://{}", host.name()));
        change(&mut settings);
        Desk { container: bucket(&settings), host, site }
    }

    /// An object that is there, as `find` describes it.
    fn object(&self, key: &str, bytes: &[u8]) -> Object {
        self.site.place(key, bytes);
        self.container.find(key).unwrap().unwrap()
    }

    /// How many requests of this method there were.
    fn count(&self, method: &str) -> usize {
        self.host.log().iter().filter(|exchange| exchange.method == method).count()
    }
}

fn new_object<'a>(key: &'a str, bytes: &[u8], precondition: Precondition) -> NewObject<'a> {
    NewObject {
        key,
        bytes: bytes.len() as u64,
        md5: Md5::digest(bytes).into(),
        sha256: Sum::of(bytes),
        metadata: &[],
        precondition,
    }
}

fn list(container: &dyn Container, prefix: &str) -> Result<BTreeMap<String, Object>, StorageError> {
    let mut found = BTreeMap::new();
    container.list(prefix, &mut |object| {
        assert!(found.insert(object.key.clone(), object).is_none(), "an object is listed twice");
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn read(
    container: &dyn Container,
    object: &Object,
    offset: u64,
    bytes: u64,
) -> Result<Vec<u8>, StorageError> {
    let mut found = Vec::new();
    container.read(object, offset, bytes)?.read_to_end(&mut found).unwrap();
    Ok(found)
}

/// Uploads in parts of this size.
fn upload(
    container: &dyn Container,
    object: &NewObject<'_>,
    content: &[u8],
    part_bytes: usize,
) -> Result<(), StorageError> {
    let begun = container.begin(object)?;
    let parts: Result<Vec<_>, _> = (1..)
        .zip(content.chunks(part_bytes))
        .map(|(number, part)| container.part(object.key, &begun, number, part))
        .collect();
    container.complete(object, &begun, &parts?)
}

/// The text of an error and of its `Debug`, which must not contain a secret.
fn text(error: &StorageError) -> String {
    let texts = format!("{error} {error:?}");
    assert!(!SECRETS.iter().any(|secret| texts.contains(secret)), "a secret is in {texts}");
    error.to_string()
}
