//! Blobs and documents that are not what was asked for, that break, stand still or drip.

use std::time::Duration;

use super::{
    BROKEN, FALSE, LAYER_BYTES, NONSENSE, SIZE, STALLED, blobs, case, layers, manifests, packing_fails,
};
use crate::behaviour::support::noise;
use crate::registries::http::{Delivery, Fault, Response};

#[test]
fn blobs_that_are_not_what_was_asked_for() {
    packing_fails(&[
        case("other bytes", FALSE, |_| layers(|response| response.body[500] ^= 1)),
        case("other bytes of the configuration", FALSE, |_| blobs().alters(|response| response.body[5] ^= 1)),
        case("too short", SIZE, |_| layers(|response| response.body.truncate(LAYER_BYTES - 1))),
        case("too long", SIZE, |_| layers(|response| response.body.push(0))),
        case("empty", SIZE, |_| layers(|response| response.body.clear())),
        case("endless", SIZE, |_| layers(|response| response.delivery = Delivery::Endless)),
        case("endless, and said so", SIZE, |_| {
            layers(|response| {
                response.headers.set("Content-Length", "9223372036854775807");
                response.delivery = Delivery::Endless;
            })
        }),
        case(
            "a length beyond numbers",
            &["blob-size-mismatch", "registry-protocol", "registry-unreachable"],
            |_| layers(|response| response.headers.set("Content-Length", "99999999999999999999999")),
        ),
        case(
            "a negative length",
            &["blob-size-mismatch", "registry-protocol", "registry-unreachable"],
            |_| layers(|response| response.headers.set("Content-Length", "-1")),
        ),
        case("a page for people", &["blob-size-mismatch", "blob-mismatch", "registry-protocol"], |_| {
            blobs().answers(Response::new(200).body("text/html", "<html>please log in</html>"))
        }),
    ]);
}

#[test]
fn blobs_that_break_again_and_again() {
    packing_fails(&[
        case("closed at once", BROKEN, |_| layers(|response| response.delivery = Delivery::Close(0))),
        case("reset at once", BROKEN, |_| layers(|response| response.delivery = Delivery::Reset(0))),
        case("no answer but the end", BROKEN, |_| {
            blobs().answers(Response::new(200).delivered(Delivery::Raw))
        }),
    ]);
}

#[test]
fn blobs_that_stand_still() {
    packing_fails(&[
        case("in the middle", STALLED, |_| layers(|response| response.delivery = Delivery::Stall(0))),
        case("silence", STALLED, |_| blobs().delivers(Delivery::Silence)),
    ]);
}

#[test]
fn answers_that_drip() {
    // A byte now and then is not nothing; but a layer that would take days is a registry that is broken.
    packing_fails(&[
        case("a layer", STALLED, |_| {
            layers(|response| response.delivery = Delivery::Drip(Duration::from_millis(300)))
        }),
        case("a manifest", STALLED, |_| manifests().delivers(Delivery::Drip(Duration::from_millis(300)))),
    ]);
}

#[test]
fn manifests_that_are_none() {
    packing_fails(&[
        case("bad JSON", &["registry-protocol", "malformed-document", "blob-mismatch"], |_| {
            manifests()
                .answers(Response::new(200).body("application/vnd.oci.image.manifest.v1+json", "{\"a\":"))
        }),
        case("a page for people", &["registry-protocol", "malformed-document", "not-an-artifact"], |_| {
            manifests().answers(Response::new(200).body("text/html", "<html>please log in</html>"))
        }),
        case("nothing", &["registry-protocol", "malformed-document", "blob-size-mismatch"], |_| {
            manifests().answers(Response::new(200).body("application/vnd.oci.image.manifest.v1+json", ""))
        }),
        case("a giant", NONSENSE, |_| {
            manifests().alters(|response| response.body.extend(vec![b' '; 40 << 20]))
        }),
        case("a giant that is not there", NONSENSE, |_| {
            manifests().alters(|response| response.headers.set("Content-Length", "1099511627776"))
        }),
        case("endless", NONSENSE, |_| manifests().delivers(Delivery::Endless)),
        case("another digest in the header", NONSENSE, |_| {
            manifests().alters(|response| {
                response.headers.set("Docker-Content-Digest", format!("sha256:{}", "1".repeat(64)));
            })
        }),
        case("no digest, but nonsense in the header", NONSENSE, |_| {
            manifests()
                .alters(|response| response.headers.set("Docker-Content-Digest", "sha256:../../x\x1b[31m"))
        }),
        case(
            "the type of another document",
            &["registry-protocol", "malformed-document", "not-an-artifact"],
            |_| {
                manifests().alters(|response| {
                    response.headers.set("Content-Type", "application/vnd.oci.image.index.v1+json");
                })
            },
        ),
    ]);
}

#[test]
fn answers_that_are_not_http() {
    packing_fails(&[
        case("another protocol", BROKEN, |_| {
            Fault::on("*", "*")
                .answers(Response::new(200).body("", "SSH-2.0-OpenSSH_9.2\r\n").delivered(Delivery::Raw))
        }),
        case("noise", BROKEN, |_| {
            Fault::on("*", "*").answers(Response::new(200).body("", noise(1, 5000)).delivered(Delivery::Raw))
        }),
        case("a header without end", BROKEN, |_| Fault::on("*", "*").delivers(Delivery::EndlessHead)),
        case("a hundred thousand fields", BROKEN, |_| {
            let fields = "X-Field: 0123456789\r\n".repeat(100_000);
            let text = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
            Fault::on("*", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
        case("chunks that are none", BROKEN, |_| {
            let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n";
            Fault::on("GET", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
        case("a chunk of nearly all bytes", BROKEN, |_| {
            let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\nabc\r\n";
            Fault::on("GET", "*").answers(Response::new(200).body("", text).delivered(Delivery::Raw))
        }),
    ]);
}
