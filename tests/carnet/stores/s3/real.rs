//! Real stores: one that checks every signature, one that knows conditions and the limits of parts.

use std::sync::Arc;

use carnet::storage::{Container, Precondition, Refusal, Settings, StorageError};

use super::{Now, bucket, list, new_object, read, settings, text, upload};
use crate::behaviour::support::noise;
use crate::stores::servers::Emulator;

/// Keys with characters that must be encoded in URLs, and others.
const KEYS: [&str; 6] = [
    "in/b_00000.tar",
    "in/a b+c&d=e.tar",
    "in/ä/ü%20.tar",
    "in/'(x)!*.tar",
    "in/~x@y:z,;.tar",
    "in/\"q\"<r>.tar",
];

pub(in crate::stores) fn real(endpoint: &str, id: &str, secret: &str) -> Settings {
    let variables =
        [("AWS_ENDPOINT_URL", endpoint), ("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    Settings { clock: Arc::new(Now), ..settings(&variables) }
}

/// Writes, lists, reads and deletes objects with these keys.
fn everything(container: &dyn Container, keys: &[&str], lists_uploads: bool) {
    assert!(list(container, "").unwrap().is_empty());
    assert_eq!(container.find("in/none").unwrap(), None);
    for &key in keys {
        let object = new_object(key, key.as_bytes(), Precondition::Absent);
        container.put(&object, key.as_bytes()).unwrap();
    }
    let large = noise(9, (5 << 20) + 1000);
    let object = new_object("in/large", &large, Precondition::Absent);
    upload(container, &object, &large, 5 << 20).unwrap();
    container.put(&new_object("other", b"x", Precondition::None), b"x").unwrap();

    let listed = list(container, "in/").unwrap();
    let mut sorted: Vec<&str> = keys.iter().copied().chain(["in/large"]).collect();
    sorted.sort_unstable();
    assert_eq!(listed.keys().map(String::as_str).collect::<Vec<_>>(), sorted);
    for (key, object) in &listed {
        let found = container.find(key).unwrap().unwrap();
        assert_eq!((found.bytes, &found.etag), (object.bytes, &object.etag), "{key}");
        assert!(found.md5.is_some() && object.modified.is_some(), "{key}");
    }
    for &key in keys {
        assert_eq!(read(container, &listed[key], 0, key.len() as u64).unwrap(), key.as_bytes());
    }
    let found = &listed["in/large"];
    assert!(read(container, found, 0, found.bytes).unwrap() == large);
    assert!(read(container, found, 1000, 5_000_000).unwrap() == large[1000..5_001_000]);

    let found = container.put(&new_object(keys[0], b"y", Precondition::Absent), b"y").unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Exists), "{found}");
    let object = &listed[keys[0]];
    container.put(&new_object(keys[0], b"y", Precondition::Is(object.etag.clone())), b"y").unwrap();
    let found = read(container, object, 0, object.bytes).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
    let found = container.delete(object).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
    for object in list(container, "in/").unwrap().into_values() {
        container.delete(&object).unwrap();
        container.delete(&object).unwrap();
    }
    assert_eq!(list(container, "").unwrap().len(), 1);

    let abandoned = new_object("in/abandoned", &large, Precondition::Absent);
    let begun = container.begin(&abandoned).unwrap();
    container.part("in/abandoned", &begun, 1, &large).unwrap();
    // Some stores do not list uploads.
    let is_listed = container.unfinished("in/ab");
    if let Ok(unfinished) = &is_listed {
        assert_eq!(*unfinished, [("in/abandoned".to_owned(), begun.clone())]);
        assert!(container.unfinished("in/b").unwrap().is_empty());
    }
    assert_eq!(is_listed.is_ok(), lists_uploads, "{is_listed:?}");
    container.end("in/abandoned", &begun).unwrap();
    assert!(!lists_uploads || container.unfinished("in/").unwrap().is_empty());
    assert_eq!(container.find("in/abandoned").unwrap(), None);
}

#[test]
fn a_store_that_checks_signatures_accepts_every_request() {
    let Some(store) = Emulator::s3s() else { return };
    let container = bucket(&real(&store.url(), "id", "secret"));
    // This store says that it encodes the keys in lists, and does not.
    let is_listed = |key: &&str| !key.contains(['+', '%']);
    let keys: Vec<&str> = KEYS.into_iter().filter(is_listed).collect();
    everything(&*container, &keys, false);
    for key in KEYS {
        container.put(&new_object(key, b"bytes", Precondition::Absent), b"bytes").unwrap();
        let object = container.find(key).unwrap().unwrap();
        assert_eq!(read(&*container, &object, 1, 2).unwrap(), b"yt", "{key}");
        container.delete(&object).unwrap();
    }
}

#[test]
fn a_store_that_checks_signatures_refuses_wrong_keys() {
    let Some(store) = Emulator::s3s() else { return };
    let found = list(&*bucket(&real(&store.url(), "id", "topsecret")), "").unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Credentials), "{found}");
    text(&found);
    let found = list(&*bucket(&real(&store.url(), "nobody", "secret")), "").unwrap_err();
    assert!(found.refusal().is_some(), "{found}");
}

/// Creates the bucket `bucket`, which the library cannot do.
pub(in crate::stores) fn create_bucket(store: &Emulator) {
    let address = store.url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!(
        "PUT /bucket HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=a/20261125/us-east-1/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_store_that_knows_conditions_and_parts() {
    let Some(store) = Emulator::moto() else { return };
    let settings = real(&store.url(), "id", "secret");
    let found = list(&*bucket(&settings), "").unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::NoContainer), "{found}");
    create_bucket(&store);
    let container = bucket(&settings);
    everything(&*container, &KEYS, true);

    // Small parts are refused when they are put together.
    let object = new_object("in/a", b"0123456789", Precondition::None);
    let found = upload(&*container, &object, b"0123456789", 5).unwrap_err();
    assert!(matches!(found, StorageError::Failed { status: 400, .. }), "{found:?}");
    assert!(text(&found).contains("EntityTooSmall"), "{found}");

    // The condition of a completion is checked by the store.
    let object = new_object("in/b", b"0123456789", Precondition::Absent);
    let begun = container.begin(&object).unwrap();
    let part = container.part("in/b", &begun, 1, b"0123456789").unwrap();
    container.put(&new_object("in/b", b"theirs", Precondition::Absent), b"theirs").unwrap();
    let found = container.complete(&object, &begun, &[part]).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Exists), "{found}");
    assert_eq!(container.find("in/b").unwrap().unwrap().bytes, 6);

    // More objects than one page has.
    for number in 0..1010 {
        let key = format!("many/{number}");
        container.put(&new_object(&key, b"", Precondition::None), b"").unwrap();
    }
    assert_eq!(list(&*container, "many/").unwrap().len(), 1010);
}
