//! Lists, of stores that follow the protocol and of those that do not.

use carnet::storage::{Refusal, StorageError};

use super::{Desk, list, text};
use crate::registries::http::{Delivery, Fault, Response};
use crate::stores::servers::page;

/// The list of a bucket that answers like this.
fn listed(responses: Vec<Response>) -> Result<Vec<String>, StorageError> {
    let desk = Desk::new();
    for response in responses {
        desk.host.fault(Fault::on("GET", "/bucket/").times(1).answers(response));
    }
    list(&*desk.container, "in/").map(|found| found.into_keys().collect())
}

#[test]
fn pages_follow_each_other() {
    let desk = Desk::new();
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>a b&amp;+/=</NextContinuationToken>";
    desk.host.fault(Fault::on("GET", "*").times(1).answers(page(&[("in/a", 1, "\"x\"")], more)));
    desk.host.fault(Fault::on("GET", "*").times(1).answers(page(&[("in/b", 2, "&quot;y&quot;")], "")));
    let found = list(&*desk.container, "in/").unwrap();
    assert_eq!((found["in/a"].etag.as_str(), found["in/a"].bytes), ("\"x\"", 1));
    assert_eq!((found["in/b"].etag.as_str(), found["in/b"].bytes), ("\"y\"", 2));
    let targets: Vec<String> = desk.host.log().iter().map(|exchange| exchange.target.clone()).collect();
    assert_eq!(targets[0], "/bucket/?encoding-type=url&list-type=2&prefix=in%2F");
    assert!(targets[1].contains("continuation-token=a%20b%26%2B%2F%3D&"), "{}", targets[1]);
}

#[test]
fn keys_are_decoded_only_if_the_store_encodes_them() {
    let encoded = page(&[("in/a%2Bb+c", 1, "e")], "<EncodingType>url</EncodingType>");
    assert_eq!(listed(vec![encoded]).unwrap(), ["in/a+b c"]);
    let plain = page(&[("in/a%2Bb+c", 1, "e")], "");
    assert_eq!(listed(vec![plain]).unwrap(), ["in/a%2Bb+c"]);
}

#[test]
fn marks_of_folders_and_keys_that_urls_cannot_carry_are_left_out() {
    let objects =
        [("in/", 0, "e"), ("in/sub/", 0, "e"), ("in/sub/../x", 1, "e"), ("in/x", 0, "e"), ("in/y/", 3, "e")];
    assert_eq!(listed(vec![page(&objects, "")]).unwrap(), ["in/x", "in/y/"]);
}

#[test]
fn an_object_without_an_entity_tag_is_looked_up() {
    let desk = Desk::new();
    desk.site.place("in/a", b"12345");
    let text = "<ListBucketResult><Contents><Key>in/a</Key><Size>5</Size></Contents>\
                <Contents><Key>in/gone</Key><Size>5</Size></Contents></ListBucketResult>";
    desk.host.fault(Fault::on("GET", "/bucket/").answers(Response::new(200).body("application/xml", text)));
    let found = list(&*desk.container, "in/").unwrap();
    assert_eq!(found.len(), 1);
    assert!(found["in/a"].etag.len() > 10);
}

#[test]
fn what_is_no_list_is_no_empty_bucket() {
    for body in [
        "<html><body>Log in first</body></html>",
        "<Error><Code>InternalError</Code><Message>m</Message></Error>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
        "<ListAllMyBucketsResult></ListAllMyBucketsResult>",
        "{}",
        "",
    ] {
        let found = listed(vec![Response::new(200).body("application/xml", body)]);
        assert!(matches!(found, Err(StorageError::Protocol { .. })), "{body}: {found:?}");
    }
}

#[test]
fn lists_that_lie_end() {
    let objects = [("in/a", 1, "e")];
    let more = |token: &str| {
        format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
    };
    let long = "k".repeat(1025);
    for (what, responses) in [
        ("the same token", vec![page(&objects, &more("t")), page(&[("in/b", 1, "e")], &more("t"))]),
        ("no token", vec![page(&objects, "<IsTruncated>true</IsTruncated>")]),
        ("a long token", vec![page(&objects, &more(&"t".repeat(1 << 20))), page(&[], "")]),
        (
            "a circle",
            vec![
                page(&[("in/1", 1, "e")], &more("t")),
                page(&[("in/2", 1, "e")], &more("u")),
                page(&[("in/3", 1, "e")], &more("t")),
                page(&[("in/4", 1, "e")], &more("u")),
                page(&[("in/5", 1, "e")], ""),
            ],
        ),
        ("a long key", vec![page(&[(&long, 1, "e")], "")]),
        ("an empty key", vec![page(&[("", 1, "e")], "")]),
        ("another prefix", vec![page(&[("out/a", 1, "e")], "")]),
        ("a key that is not UTF-8", vec![page(&[("in/%ff", 1, "e")], "<EncodingType>url</EncodingType>")]),
        (
            "a negative size",
            vec![Response::new(200).body(
                "application/xml",
                "<ListBucketResult><Contents><Key>in/a</Key>\
                <Size>-1</Size></Contents></ListBucketResult>",
            )],
        ),
        ("a large page", vec![page(&objects, &" ".repeat(9 << 20))]),
        ("an endless page", vec![page(&objects, "").delivered(Delivery::Endless)]),
    ] {
        let found = listed(responses).expect_err(what);
        assert!(matches!(found, StorageError::Protocol { .. }), "{what}: {found:?}");
        assert!(text(&found).len() < 1000, "{what}");
    }
}

#[test]
fn a_page_that_breaks_off_is_asked_for_again() {
    for delivery in [Delivery::Reset(60), Delivery::Close(60)] {
        let desk = Desk::new();
        desk.site.place("in/a", b"12345");
        desk.host.fault(Fault::on("GET", "*").times(1).delivers(delivery));
        assert_eq!(list(&*desk.container, "in/").unwrap().len(), 1);
        assert_eq!(desk.count("GET"), 2);
    }
}

#[test]
fn the_visitor_may_stop() {
    let desk = Desk::new();
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    desk.host.fault(Fault::on("GET", "*").answers(page(&[("in/a", 1, "e"), ("in/b", 1, "e")], more)));
    let mut count = 0;
    desk.container
        .list("in/", &mut |_| {
            count += 1;
            std::ops::ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!((count, desk.count("GET")), (1, 1));
}

#[test]
fn a_missing_bucket_is_named() {
    let desk = Desk::new();
    let response = crate::stores::servers::error(404, "NoSuchBucket", "none");
    desk.host.fault(Fault::on("GET", "*").answers(response));
    let found = list(&*desk.container, "").unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::NoContainer));
    assert!(text(&found).contains("there is no such bucket"));
}
