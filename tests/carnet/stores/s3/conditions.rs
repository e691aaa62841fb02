//! What must be true of a key is checked when an object is written or deleted.

use carnet::storage::{Precondition, Refusal, StorageError};

use super::{Desk, new_object, text, upload};
use crate::registries::http::{Delivery, Fault, Request, Response, Site as _};
use crate::stores::servers::{S3Site, error};

/// Writes an object.
type Write = fn(&Desk, &str, &[u8], Precondition) -> Result<(), StorageError>;

/// In one request, and in parts.
const WAYS: [Write; 2] = [
    |desk, key, bytes, condition| desk.container.put(&new_object(key, bytes, condition), bytes),
    |desk, key, bytes, condition| {
        upload(&*desk.container, &new_object(key, bytes, condition), bytes, bytes.len())
    },
];

/// Another client's PUT.
fn other(site: &S3Site, bytes: &[u8]) {
    site.place("in/a", bytes);
}

#[test]
fn an_object_is_written_only_where_there_is_none() {
    for write in WAYS {
        let desk = Desk::new();
        write(&desk, "in/a", b"first", Precondition::Absent).unwrap();
        desk.host.forget();
        let found = write(&desk, "in/a", b"second", Precondition::Absent).unwrap_err();
        assert_eq!(found.refusal(), Some(Refusal::Exists), "{found}");
        // Nothing was sent for nothing.
        assert_eq!(desk.count("PUT") + desk.count("POST"), 0);
        assert_eq!(desk.site.bytes("in/a").unwrap(), b"first");
        write(&desk, "in/a", b"third", Precondition::None).unwrap();
        assert_eq!(desk.site.bytes("in/a").unwrap(), b"third");
    }
}

#[test]
fn an_object_is_replaced_only_if_it_is_the_one_that_was_found() {
    for write in WAYS {
        let desk = Desk::new();
        let object = desk.object("in/a", b"first");
        write(&desk, "in/a", b"second", Precondition::Is(object.etag.clone())).unwrap();
        let found = write(&desk, "in/a", b"third", Precondition::Is(object.etag)).unwrap_err();
        assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
        let found = write(&desk, "in/none", b"third", Precondition::Is("\"x\"".to_owned())).unwrap_err();
        assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
        assert_eq!(desk.site.bytes("in/a").unwrap(), b"second");
    }
}

/// The object of another writer comes between the look and the write.
#[test]
fn the_store_decides_a_race() {
    for (write, method) in WAYS.into_iter().zip(["PUT", "POST"]) {
        let desk = Desk::new();
        let site = desk.site.clone();
        let race = move |request: &Request| {
            if request.method == "PUT" || request.query("uploadId").is_some() {
                other(&site, b"theirs");
            }
            site.answer(request)
        };
        desk.host.fault(Fault::on(method, "*").answers_with(race));
        let found = write(&desk, "in/a", b"mine", Precondition::Absent).unwrap_err();
        assert_eq!(found.refusal(), Some(Refusal::Exists), "{found}");
        assert_eq!(desk.site.bytes("in/a").unwrap(), b"theirs");
    }
}

/// 304 is what some stores answer to a condition that does not hold.
#[test]
fn a_failed_condition_with_an_odd_status_is_understood() {
    let desk = Desk::new();
    let site = desk.site.clone();
    desk.host.fault(Fault::on("PUT", "*").answers_with(move |_| {
        other(&site, b"theirs");
        Response::new(304)
    }));
    let found = WAYS[0](&desk, "in/a", b"mine", Precondition::Absent).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Exists), "{found}");
}

#[test]
fn an_answer_that_was_lost_is_no_failure() {
    for (write, method) in WAYS.into_iter().zip(["PUT", "POST"]) {
        let desk = Desk::with(|settings| settings.http.stall = std::time::Duration::from_secs(1));
        // The first POST begins the upload.
        let skip = usize::from(method == "POST");
        let lost = Fault::on(method, "/bucket/in/a").after(skip).times(1);
        desk.host.fault(lost.alters(|response| response.delivery = Delivery::Silence));
        write(&desk, "in/a", b"mine", Precondition::Absent).unwrap();
        assert_eq!(desk.site.bytes("in/a").unwrap(), b"mine");
        assert_eq!(desk.site.open_uploads(), 0);
    }
}

#[test]
fn a_conflict_is_tried_again() {
    let desk = Desk::new();
    let conflict =
        error(409, "ConditionalRequestConflict", "a conflicting operation").with("Retry-After", "0");
    desk.host.fault(Fault::on("PUT", "*").times(1).answers(conflict.clone()));
    WAYS[0](&desk, "in/a", b"mine", Precondition::Absent).unwrap();
    assert_eq!(desk.site.bytes("in/a").unwrap(), b"mine");
    // An upload in parts is begun again by the caller; nobody says that the object exists.
    desk.host.fault(Fault::on("POST", "*").after(1).answers(conflict));
    let found = WAYS[1](&desk, "in/b", b"mine", Precondition::Absent).unwrap_err();
    assert!(matches!(found, StorageError::Failed { status: 409, .. }), "{found:?}");
    assert!(text(&found).contains("ConditionalRequestConflict"));
}

#[test]
fn an_object_is_deleted_only_if_it_is_the_one_that_was_found() {
    let desk = Desk::new();
    let object = desk.object("in/a", b"first");
    desk.site.place("in/a", b"second");
    let found = desk.container.delete(&object).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
    assert!(desk.site.bytes("in/a").is_some());
    let object = desk.container.find("in/a").unwrap().unwrap();
    desk.container.delete(&object).unwrap();
    assert!(desk.site.bytes("in/a").is_none());
    desk.container.delete(&object).unwrap();
}
