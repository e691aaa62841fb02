//! Objects that are written in one request, and in parts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet::storage::{Encryption, NewObject, Precondition, StorageError};
use md5::{Digest as _, Md5};

use super::{Desk, new_object, text, upload};
use crate::behaviour::support::noise;
use crate::registries::http::{Delivery, Fault, Response};
use crate::stores::servers::error;

#[test]
fn sums_metadata_and_encryption_are_sent() {
    let desk = Desk::with(|settings| {
        let (algorithm, key) = ("aws:kms".to_owned(), Some("key1".to_owned()));
        settings.encryption = Some(Encryption { algorithm, key });
    });
    let bytes = b"content".as_slice();
    let metadata = [("category".to_owned(), "c".to_owned()), ("carnetchunk".to_owned(), "1".to_owned())];
    let object = NewObject { metadata: &metadata, ..new_object("in/a", bytes, Precondition::None) };
    desk.container.put(&object, bytes).unwrap();
    upload(&*desk.container, &NewObject { key: "in/b", ..object.clone() }, bytes, 4).unwrap();
    assert_eq!(desk.site.bytes("in/a").unwrap(), bytes);
    assert_eq!(desk.site.bytes("in/b").unwrap(), bytes);
    let log = desk.host.log();
    let md5 = STANDARD.encode(Md5::digest(bytes));
    let whole = log.iter().find(|exchange| exchange.is("PUT", "in/a")).unwrap();
    let begin = log.iter().find(|exchange| exchange.is("POST", "in/b")).unwrap();
    for request in [whole, begin] {
        for (name, value) in [
            ("x-amz-meta-content-md5", md5.as_str()),
            ("x-amz-meta-category", "c"),
            ("x-amz-meta-carnetchunk", "1"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "key1"),
        ] {
            assert_eq!(request.headers.get(name), Some(value), "{name}");
        }
    }
    assert_eq!(whole.headers.get("content-md5"), Some(md5.as_str()));
    let sha256 = "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=";
    assert_eq!(whole.headers.get("x-amz-checksum-sha256"), Some(sha256));
    let parts: Vec<_> = log.iter().filter(|exchange| exchange.is("PUT", "in/b")).collect();
    for (part, bytes) in parts.iter().zip([b"cont".as_slice(), b"ent"]) {
        let md5 = STANDARD.encode(Md5::digest(bytes));
        assert_eq!(part.headers.get("content-md5"), Some(md5.as_str()));
    }
    assert_eq!(parts.len(), 2);
    // A client finds the sum again.
    let found = desk.container.find("in/b").unwrap().unwrap();
    assert_eq!(found.md5, Some(object.md5));
}

#[test]
fn no_secret_is_in_a_url() {
    let desk = Desk::new();
    upload(&*desk.container, &new_object("in/a", b"content", Precondition::Absent), b"content", 4).unwrap();
    super::list(&*desk.container, "").unwrap();
    for exchange in desk.host.log() {
        let target = exchange.target.to_ascii_lowercase();
        assert!(
            !target.contains("x-amz") && !target.contains("token=") && !target.contains("secret"),
            "{target}"
        );
        let authorization = exchange.headers.get("Authorization").unwrap();
        assert!(
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=id/20261125/us-east-1/s3/aws4_request")
        );
        assert_eq!(exchange.headers.get("x-amz-security-token"), Some("sessiontoken"));
    }
}

#[test]
fn a_part_that_breaks_is_sent_again() {
    let desk = Desk::new();
    let content = noise(5, 3_000_000);
    desk.host.fault(Fault::on("PUT", "*").after(1).times(1).takes_only(200_000));
    let object = new_object("in/a", &content, Precondition::Absent);
    upload(&*desk.container, &object, &content, 1_000_000).unwrap();
    assert!(desk.site.bytes("in/a").unwrap() == content);
    assert_eq!(desk.count("PUT"), 4);
}

/// Some stores refuse this header. They are asked once, and take part in everything else.
#[test]
fn a_store_that_knows_no_sha256_gets_none() {
    let desk = Desk::new();
    let refusing = |status, code: &'static str, message: &'static str| {
        desk.host.heal();
        let site = desk.site.clone();
        desk.host.fault(Fault::on("PUT", "*").answers_with(move |request| {
            match request.headers.get("x-amz-checksum-sha256") {
                Some(_) => error(status, code, message),
                None => crate::registries::http::Site::answer(&site, request),
            }
        }));
    };
    let put = |key: &str| desk.container.put(&new_object(key, b"content", Precondition::Absent), b"content");
    // Another reason is no reason to do without the sum.
    refusing(400, "InvalidArgument", "the key is too odd");
    assert!(matches!(put("in/a"), Err(StorageError::Failed { status: 400, .. })));
    refusing(
        400,
        "InvalidArgument",
        "Unsupported header 'x-amz-checksum-sha256' received for this API call.",
    );
    put("in/b").unwrap();
    desk.host.forget();
    put("in/c").unwrap();
    assert_eq!(desk.count("PUT"), 1);
    assert_eq!(desk.site.bytes("in/c").unwrap(), b"content");
}

/// A sum is wrong when bytes changed on the way, so the bytes are sent once more.
#[test]
fn bytes_that_changed_on_the_way_are_sent_again_once() {
    for code in ["BadDigest", "RequestTimeout", "IncompleteBody", "XAmzContentSHA256Mismatch"] {
        let desk = Desk::new();
        let response = error(400, code, "the sum is wrong");
        desk.host.fault(Fault::on("PUT", "*").times(1).answers(response.clone()));
        desk.container.put(&new_object("in/a", b"content", Precondition::Absent), b"content").unwrap();
        desk.host.fault(Fault::on("PUT", "*").times(1).answers(response.clone()));
        let object = new_object("in/b", b"content", Precondition::Absent);
        upload(&*desk.container, &object, b"content", 7).unwrap();
        desk.host.forget();
        desk.host.fault(Fault::on("PUT", "*").answers(response));
        let found = desk.container.put(&new_object("in/c", b"content", Precondition::Absent), b"content");
        let found = found.unwrap_err();
        assert!(matches!(found, StorageError::Failed { status: 400, .. }), "{found:?}");
        assert!(text(&found).contains(code));
        assert_eq!(desk.count("PUT"), 2);
    }
}

#[test]
fn an_error_in_the_body_of_a_completion_is_an_error() {
    for body in [
        "<Error><Code>InvalidPart</Code><Message>m</Message></Error>",
        "<?xml version=\"1.0\"?>\n<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>InvalidPart</Code></Error>",
        "\n\n\n",
        "<html/>",
    ] {
        let desk = Desk::new();
        let object = new_object("in/a", b"content", Precondition::Absent);
        let begun = desk.container.begin(&object).unwrap();
        let part = desk.container.part("in/a", &begun, 1, b"content").unwrap();
        desk.host.fault(Fault::on("POST", "*").answers(Response::new(200).body("application/xml", body)));
        let found = desk.container.complete(&object, &begun, &[part]).unwrap_err();
        assert!(text(&found).contains("InvalidPart") || !body.contains("InvalidPart"), "{found}");
        assert!(matches!(found, StorageError::Failed { .. } | StorageError::Protocol { .. }), "{found:?}");
        desk.container.end("in/a", &begun).unwrap();
        assert_eq!(desk.site.open_uploads(), 0);
        desk.container.end("in/a", &begun).unwrap();
    }
}

/// The store says 200 before it begins, and then cannot do it: it asks for another try.
#[test]
fn a_completion_that_the_store_could_not_do_is_tried_again() {
    let desk = Desk::new();
    let body =
        "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>";
    let response = Response::new(200).body("application/xml", body);
    desk.host.fault(Fault::on("POST", "*").after(1).times(1).answers(response));
    let object = new_object("in/a", b"content", Precondition::Absent);
    upload(&*desk.container, &object, b"content", 7).unwrap();
    assert_eq!(desk.site.bytes("in/a").unwrap(), b"content");
}

/// The connection ends in the body of the answer.
#[test]
fn a_completion_whose_answer_breaks_off_is_looked_up() {
    let desk = Desk::new();
    let fault = Fault::on("POST", "*").after(1).times(1);
    desk.host.fault(fault.delivers(Delivery::Reset(20)));
    let object = new_object("in/a", b"content", Precondition::Absent);
    upload(&*desk.container, &object, b"content", 7).unwrap();
    assert_eq!(desk.site.bytes("in/a").unwrap(), b"content");
}

#[test]
fn an_upload_that_is_gone_is_an_error_unless_it_was_completed() {
    let desk = Desk::new();
    let object = new_object("in/a", b"content", Precondition::None);
    let begun = desk.container.begin(&object).unwrap();
    let part = desk.container.part("in/a", &begun, 1, b"content").unwrap();
    desk.container.end("in/a", &begun).unwrap();
    let parts = std::slice::from_ref(&part);
    let found = desk.container.complete(&object, &begun, parts).unwrap_err();
    assert!(text(&found).contains("NoSuchUpload"), "{found}");
    // An object of another content is no proof.
    desk.site.place("in/a", b"CONTENT");
    let found = desk.container.complete(&object, &begun, parts).unwrap_err();
    assert!(text(&found).contains("NoSuchUpload"), "{found}");
    desk.container.put(&object, b"content").unwrap();
    desk.container.complete(&object, &begun, parts).unwrap();
}

#[test]
fn uploads_obey_the_rate_limit_and_the_stop_signal() {
    let stop: Arc<std::sync::atomic::AtomicBool> = Arc::default();
    let signal = Arc::clone(&stop);
    let desk = Desk::with(|settings| {
        settings.http.rate = Some(1_000_000);
        settings.http.stop = signal;
    });
    let content = noise(6, 30_000_000);
    let started = std::time::Instant::now();
    let object = new_object("in/a", &content[..1_500_000], Precondition::None);
    desk.container.put(&object, &content[..1_500_000]).unwrap();
    assert!(started.elapsed().as_millis() > 400, "{:?}", started.elapsed());
    // Without the signal this takes half a minute.
    let object = new_object("in/a", &content, Precondition::None);
    let found = std::thread::scope(|scope| {
        let putting = scope.spawn(|| desk.container.put(&object, &content));
        std::thread::sleep(std::time::Duration::from_millis(300));
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        putting.join().unwrap()
    });
    assert!(matches!(found, Err(StorageError::Interrupted)), "{found:?}");
    assert!(started.elapsed().as_secs() < 15);
}

#[test]
fn unfinished_uploads_are_listed_page_by_page() {
    let desk = Desk::new();
    let mut begun = Vec::new();
    for key in ["in/a", "in/b", "in/b", "other"] {
        begun.push(desk.container.begin(&new_object(key, b"content", Precondition::None)).unwrap());
    }
    let found = desk.container.unfinished("in/").unwrap();
    let keys = ["in/a", "in/b", "in/b"].map(str::to_owned);
    assert_eq!(found, keys.into_iter().zip(begun.clone()).collect::<Vec<_>>());
    assert!(desk.count("GET") > 2, "more than a page");
    desk.container.end("in/b", &begun[1]).unwrap();
    assert_eq!(desk.container.unfinished("in/b").unwrap(), [("in/b".to_owned(), begun[2].clone())]);
    // A list that never ends, one of something else, and one that may not be read.
    let again = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>in/a</NextKeyMarker>\
                 </ListMultipartUploadsResult>";
    for (response, words) in [
        (Response::new(200).body("application/xml", again), "names an earlier page"),
        (Response::new(200).body("application/xml", "<ListBucketResult/>"), "it does not begin with"),
        (error(403, "AccessDenied", "Access Denied"), "the permission to list is missing"),
    ] {
        desk.host.heal();
        desk.host.fault(Fault::on("GET", "*").answers(response));
        let found = desk.container.unfinished("in/").unwrap_err();
        assert!(text(&found).contains(words), "{found}");
    }
}
