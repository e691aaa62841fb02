//! Reads of ranges, pinned to the object that was found.

use std::io::Read as _;
use std::sync::Arc;

use carnet::storage::{Download, Refusal, StorageError};

use super::{Desk, read, text};
use crate::behaviour::support::noise;
use crate::registries::http::{Delivery, Fault, Response};

#[test]
fn find_describes_the_object() {
    let desk = Desk::new();
    assert_eq!(desk.container.find("in/none").unwrap(), None);
    desk.object("in/a", b"0123456789");
    let describe = |md5: &'static str| {
        desk.host.heal();
        desk.host.fault(Fault::on("HEAD", "*").alters(move |response| {
            response.headers.set("X-Amz-Meta-Category", "c");
            response.headers.set("x-amz-meta-content-md5", md5);
        }));
        desk.container.find("in/a").unwrap().unwrap()
    };
    let found = describe("eB5eJF1ptWaXm4bijSPyxw==");
    assert_eq!((found.bytes, found.metadata["category"].as_str()), (10, "c"));
    assert!(found.etag.starts_with('"') && found.etag.ends_with('"'));
    assert_eq!(found.modified.unwrap().to_string(), "2026-11-25T20:00:00Z");
    let sum = hex::decode("781e5e245d69b566979b86e28d23f2c7").unwrap();
    assert_eq!(found.md5.unwrap().to_vec(), sum);
    assert_eq!(describe("781e5e245d69b566979b86e28d23f2c7").md5, found.md5);
    assert_eq!(describe("781e").md5, None);
}

#[test]
fn ranges_are_asked_for_and_checked() {
    let desk = Desk::new();
    let object = desk.object("in/a b+c%/ä", b"0123456789");
    assert_eq!(read(&*desk.container, &object, 2, 3).unwrap(), b"234");
    assert_eq!(read(&*desk.container, &object, 0, 10).unwrap(), b"0123456789");
    assert_eq!(read(&*desk.container, &object, 10, 0).unwrap(), b"");
    let log = desk.host.log();
    let asked = log.iter().find(|exchange| exchange.method == "GET").unwrap();
    assert_eq!(asked.path(), "/bucket/in/a%20b%2Bc%25/%C3%A4");
    assert_eq!(asked.headers.get("Range"), Some("bytes=2-4"));
    assert_eq!(asked.headers.get("If-Match"), Some(object.etag.as_str()));
}

#[test]
fn answers_to_another_range_are_errors() {
    let desk = Desk::new();
    let object = desk.object("in/a", b"0123456789");
    let answer = |response: Response| {
        desk.host.heal();
        desk.host.fault(Fault::on("GET", "*").answers(response.with("ETag", &object.etag)));
        read(&*desk.container, &object, 2, 3)
    };
    let part = |range: &str, bytes: &str| {
        Response::new(206).with("Content-Range", range).body("x/y", bytes.as_bytes())
    };
    assert_eq!(answer(part("bytes 2-4/10", "234")).unwrap(), b"234");
    for response in [
        part("bytes 0-2/10", "012"),
        part("bytes 2-4/11", "234"),
        part("bytes 2-4/*", "234"),
        part("bytes 2-4/10", "23456"),
        Response::new(206).body("x/y", "234"),
        Response::new(200).body("x/y", "0123456789"),
        Response::new(204),
        crate::stores::servers::error(416, "InvalidRange", "not satisfiable"),
    ] {
        let found = answer(response).unwrap_err();
        assert!(matches!(found, StorageError::Protocol { .. }), "{found:?}");
    }
}

#[test]
fn a_store_without_ranges_may_send_the_whole_object() {
    let desk = Desk::new();
    let object = desk.object("in/a", b"0123456789");
    let answer = |bytes: &str| {
        desk.host.heal();
        desk.host.fault(Fault::on("GET", "*").answers(Response::new(200).body("x/y", bytes.as_bytes())));
        read(&*desk.container, &object, 0, 10)
    };
    assert_eq!(answer("0123456789").unwrap(), b"0123456789");
    assert!(matches!(answer("01234567890").unwrap_err(), StorageError::Protocol { .. }));
}

#[test]
fn a_replaced_object_is_not_read() {
    let desk = Desk::new();
    let object = desk.object("in/a", b"0123456789");
    desk.site.place("in/a", b"9876543210");
    let found = read(&*desk.container, &object, 0, 10).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
    // A store that ignores the condition tells the new tag.
    desk.host.fault(Fault::on("GET", "*").mishears(|request| request.headers.remove("If-Match")));
    let found = read(&*desk.container, &object, 0, 10).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Changed), "{found}");
}

#[test]
fn broken_downloads_go_on_where_they_broke() {
    for delivery in [Delivery::Reset(70_000), Delivery::Close(70_000)] {
        let desk = Desk::new();
        let content = noise(3, 300_000);
        let object = desk.object("in/a", &content);
        desk.host.fault(Fault::on("GET", "*").times(1).delivers(delivery));
        let mut found = Vec::new();
        let container = Arc::clone(&desk.container);
        Download::new(container, object.clone(), 1000, 290_000).read_to_end(&mut found).unwrap();
        assert!(found == content[1000..291_000]);
        let log = desk.host.log();
        let ranges: Vec<_> =
            log.iter().filter_map(|exchange| exchange.headers.get("Range").map(str::to_owned)).collect();
        assert_eq!(ranges.len(), 2);
        assert_eq!(ranges[0], "bytes=1000-290999");
        assert!(ranges[1].ends_with("-290999") && ranges[1] != ranges[0], "{}", ranges[1]);
    }
}

/// A download that is complete needs neither a connection nor a place among the transfers.
#[test]
fn finished_downloads_hold_nothing() {
    let desk = Desk::with(|settings| settings.http.connections = 1.try_into().unwrap());
    let object = desk.object("in/a", &noise(3, 300_000));
    let mut finished = Vec::new();
    for _ in 0..10 {
        let container = Arc::clone(&desk.container);
        let mut download = Download::new(container, object.clone(), 1000, 100_000);
        assert_eq!(std::io::copy(&mut download, &mut std::io::sink()).unwrap(), 100_000);
        finished.push(download);
    }
    assert!(desk.host.accepted_connections() <= 2, "{}", desk.host.accepted_connections());
    // There is one place among the transfers, which an open download holds.
    let open = desk.container.read(&object, 0, 300_000).unwrap();
    let started = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            started.wait();
            read(&*desk.container, &object, 0, 10).unwrap()
        });
        started.wait();
        desk.container.find("in/a").unwrap();
        assert_eq!(desk.count("GET"), 11);
        drop(open);
        assert_eq!(other.join().unwrap().len(), 10);
    });
}

/// Loopback is reached directly.
#[test]
fn a_store_on_this_machine_needs_no_proxy() {
    let desk = Desk::with(|settings| {
        settings.http.proxy = Some(carnet::http::Proxy::new("http://127.0.0.1:9", None).unwrap());
    });
    desk.object("in/a", b"0123456789");
}

#[test]
fn an_object_replaced_during_a_download_is_noticed() {
    let desk = Desk::new();
    let object = desk.object("in/a", &noise(3, 300_000));
    let site = desk.site.clone();
    desk.host.fault(Fault::on("GET", "*").times(1).alters(move |response| {
        site.place("in/a", &noise(4, 300_000));
        response.delivery = Delivery::Reset(100_000);
    }));
    let mut found = Vec::new();
    let error = Download::new(Arc::clone(&desk.container), object, 0, 300_000).read_to_end(&mut found);
    let error = error.unwrap_err();
    let cause = error.get_ref().unwrap().downcast_ref::<StorageError>().unwrap();
    assert_eq!(cause.refusal(), Some(Refusal::Changed), "{cause}");
    text(cause);
    assert!(found == noise(3, 300_000)[..found.len()]);
}

#[test]
fn what_is_not_http_is_an_error_without_secrets() {
    let desk = Desk::new();
    let object = desk.object("in/a", b"0123456789");
    desk.host.fault(Fault::on("*", "*").delivers(Delivery::Raw));
    let found = read(&*desk.container, &object, 0, 10).err().unwrap();
    assert!(text(&found).contains("127.0.0.1"), "{found}");
}
