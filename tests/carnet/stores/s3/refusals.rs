//! What the store says becomes a cause that is named.

use carnet::diagnosis::{Code, Diagnose as _};
use carnet::storage::{Permission, Precondition, Refusal, StorageError};

use super::{Desk, list, new_object, read, text};
use crate::registries::http::{Fault, Response};
use crate::stores::servers::error;

/// What a request needs, and how it is made.
#[derive(Clone, Copy, Debug)]
enum Deed {
    List,
    Read,
    Put,
    Part,
    Delete,
}

/// Does it in a bucket that refuses it.
fn refused(deed: Deed, response: &Response) -> StorageError {
    let desk = Desk::new();
    let object = desk.object("in/a", b"old content");
    let whole = new_object("in/b", b"new", Precondition::None);
    let begun = desk.container.begin(&whole).unwrap();
    let method = match deed {
        Deed::List | Deed::Read => "GET",
        Deed::Put | Deed::Part => "PUT",
        Deed::Delete => "DELETE",
    };
    desk.host.fault(Fault::on(method, "*").answers(response.clone()));
    match deed {
        Deed::List => list(&*desk.container, "in/").unwrap_err(),
        Deed::Read => read(&*desk.container, &object, 0, 4).unwrap_err(),
        Deed::Put => desk.container.put(&whole, b"new").unwrap_err(),
        Deed::Part => desk.container.part("in/b", &begun, 1, b"new").unwrap_err(),
        Deed::Delete => desk.container.delete(&object).unwrap_err(),
    }
}

#[test]
fn every_code_has_its_cause() {
    use Deed::{Delete, List, Part, Put, Read};
    const LOCKED: &str = "Access Denied because object protected by object lock.";
    let rows = [
        (List, 403, "AccessDenied", "Access Denied", Refusal::Permission(Permission::List)),
        (Read, 403, "AccessDenied", "Access Denied", Refusal::Permission(Permission::Read)),
        (Put, 403, "AccessDenied", "Access Denied", Refusal::Permission(Permission::Write)),
        (Part, 403, "AccessDenied", "Access Denied", Refusal::Permission(Permission::Write)),
        (Delete, 403, "AccessDenied", "Access Denied", Refusal::Permission(Permission::Delete)),
        (Delete, 403, "AccessDenied", LOCKED, Refusal::Immutable),
        (Put, 403, "AccessDenied", "the retention has not ended", Refusal::Immutable),
        (Delete, 400, "ObjectLocked", "Object is WORM protected", Refusal::Immutable),
        (
            Delete,
            400,
            "InvalidRequest",
            "Object is WORM protected and cannot be overwritten",
            Refusal::Immutable,
        ),
        (List, 403, "InvalidAccessKeyId", "no such key", Refusal::Credentials),
        (Put, 403, "SignatureDoesNotMatch", "the signature does not match", Refusal::Credentials),
        (List, 403, "InvalidToken", "malformed", Refusal::Credentials),
        (List, 400, "ExpiredToken", "The provided token has expired.", Refusal::Expired),
        (Read, 400, "TokenRefreshRequired", "refresh it", Refusal::Expired),
        (List, 404, "NoSuchBucket", "no such bucket", Refusal::NoContainer),
        (Read, 404, "NoSuchKey", "no such key", Refusal::NoObject),
        (Read, 403, "InvalidObjectState", "not valid for the storage class", Refusal::Archived),
        (Read, 412, "PreconditionFailed", "changed", Refusal::Changed),
        (Put, 403, "QuotaExceeded", "too much", Refusal::Full),
        (Part, 507, "XMinioStorageFull", "no space", Refusal::Full),
        (Put, 507, "", "", Refusal::Full),
        (Put, 501, "NotImplemented", "a header is not implemented", Refusal::Unsupported),
    ];
    for (deed, status, code, message, refusal) in rows {
        let found = refused(deed, &error(status, code, message));
        let text = text(&found);
        assert_eq!(found.refusal(), Some(refusal), "{deed:?} {code}: {text}");
        assert!(text.contains(code) && text.contains("s3://bucket"), "{text}");
    }
}

#[test]
fn other_codes_are_failures_with_their_text() {
    for (deed, status, code) in [
        (Deed::Put, 400, "EntityTooLarge"),
        (Deed::Put, 400, "InvalidDigest"),
        (Deed::Read, 405, "MethodNotAllowed"),
        (Deed::List, 418, "Teapot"),
    ] {
        let found = refused(deed, &error(status, code, "because"));
        assert!(matches!(found, StorageError::Failed { .. }), "{found:?}");
        assert_eq!(found.code(), Code::StoreFailed);
        let text = text(&found);
        assert!(text.contains(&format!("HTTP {status}")) && text.contains(code) && text.contains("because"));
    }
}

#[test]
fn a_wrong_clock_is_named_with_both_times() {
    let response =
        error(403, "RequestTimeTooSkewed", "too large").with("Date", "Wed, 25 Nov 2026 21:30:00 GMT");
    let found = refused(Deed::List, &response);
    assert_eq!(found.refusal(), Some(Refusal::Clock));
    let text = text(&found);
    assert!(text.contains("2026-11-25T20:00:00Z") && text.contains("25 Nov 2026 21:30:00"), "{text}");
}

#[test]
fn a_store_that_stays_busy_fails_after_all_retries() {
    let busy = error(503, "SlowDown", "Please reduce your request rate.").with("Retry-After", "0");
    let desk = Desk::new();
    desk.host.fault(Fault::on("GET", "*").times(2).answers(busy.clone()));
    assert!(list(&*desk.container, "").unwrap().is_empty());
    assert_eq!(desk.count("GET"), 3);
    let found = refused(Deed::List, &busy);
    assert!(matches!(found, StorageError::Failed { status: 503, .. }), "{found:?}");
    assert!(text(&found).contains("SlowDown"));
}

#[test]
fn answers_that_are_no_error_documents_are_bounded() {
    let page = format!("<html><body>{}</body></html>", "x".repeat(1 << 20));
    let found = refused(Deed::List, &Response::new(403).body("text/html", page));
    assert_eq!(found.refusal(), Some(Refusal::Permission(Permission::List)));
    assert!(text(&found).len() < 400);
    let found = refused(Deed::Put, &error(400, "EntityTooLarge", &"y".repeat(60_000)));
    assert!(text(&found).len() < 1000, "{}", text(&found).len());
}

/// The answer to HEAD has no body, so another request asks why.
#[test]
fn find_says_why_it_is_refused() {
    let desk = Desk::new();
    let refuse = |code: &str, status| {
        desk.host.heal();
        desk.host.fault(Fault::on("HEAD", "*").answers(Response::new(status)));
        desk.host.fault(Fault::on("GET", "*").answers(error(status, code, "no")));
        desk.container.find("in/a")
    };
    let found = refuse("ExpiredToken", 400).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Expired), "{found}");
    let found = refuse("SignatureDoesNotMatch", 403).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Credentials), "{found}");
    let found = refuse("AccessDenied", 403).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Permission(Permission::Read)), "{found}");
    assert!(text(&found).contains("may not exist"), "{found}");
    assert_eq!(refuse("NoSuchKey", 404).unwrap(), None);
}

#[test]
fn the_region_is_corrected_once_and_kept() {
    let wrong = |status: u16| {
        error(status, "AuthorizationHeaderMalformed", "the region is wrong")
            .with("x-amz-bucket-region", "eu-central-1")
    };
    for status in [301, 400] {
        let desk = Desk::new();
        desk.site.place("in/a", b"bytes");
        let response = wrong(status);
        desk.host.fault(Fault::on("*", "*").times(1).answers(response));
        assert_eq!(list(&*desk.container, "").unwrap().len(), 1);
        assert!(desk.container.find("in/a").unwrap().is_some());
        let regions: Vec<bool> = desk
            .host
            .log()
            .iter()
            .map(|exchange| exchange.headers.get("Authorization").unwrap().contains("/eu-central-1/s3/"))
            .collect();
        assert_eq!(regions, [false, true, true]);
    }
    // A store that names another region each time is asked twice only.
    let desk = Desk::new();
    desk.host.fault(Fault::on("*", "*").answers(wrong(400)));
    assert_eq!(list(&*desk.container, "").unwrap_err().refusal(), Some(Refusal::Credentials));
    assert_eq!(desk.host.log().len(), 2);
}

/// Some stores name the region in the body only, which a HEAD does not have.
#[test]
fn a_region_in_the_body_alone_is_taken_for_find_too() {
    let desk = Desk::new();
    desk.site.place("in/a", b"bytes");
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message>\
                <Region>eu-central-1</Region></Error>";
    let is_wrong = |request: &crate::registries::http::Request| {
        !request.headers.get("Authorization").unwrap().contains("eu-central-1")
    };
    let site = desk.site.clone();
    desk.host.fault(Fault::on("*", "*").answers_with(move |request| {
        if is_wrong(request) {
            Response::new(400).body("application/xml", body)
        } else {
            crate::registries::http::Site::answer(&site, request)
        }
    }));
    assert_eq!(desk.container.find("in/a").unwrap().unwrap().bytes, 5);
}
