//! A store whose lists are late: they lack objects that are there, and have objects that are gone.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::service::{Service, runs, write_station};
use super::watching::{chunk, chunks, desk};
use crate::registries::debian::Debian;
use crate::registries::http::{Host, Request, Response, Site};
use crate::stores::servers::{S3Site, error, page};

/// How many lists an object is missing from, and stays in.
const LATE: usize = 3;

#[derive(Clone, Default)]
struct LateSite {
    site: S3Site,
    lists: Arc<AtomicUsize>,
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
}

/// The size and entity tag of an object, the list in which it was first, and the one in which it was last.
type Seen = (u64, String, usize, usize);

impl Site for LateSite {
    fn answer(&self, request: &Request) -> Response {
        let is_list = request.method == "GET" && request.query("list-type").is_some();
        let answer = self.site.answer(request);
        if !is_list {
            return answer;
        }
        let number = self.lists.fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let field = |text: &str, name: &str| {
            let rest = text.split_once(&format!("<{name}>")).unwrap().1;
            rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
        };
        for object in text.split("<Contents>").skip(1) {
            let bytes = field(object, "Size").parse().unwrap();
            let entry = seen.entry(field(object, "Key"));
            // Each is late by another number of lists.
            let first = number + entry.key().bytes().map(usize::from).sum::<usize>() % LATE;
            entry.or_insert((bytes, field(object, "ETag"), first, number)).3 = number;
        }
        let is_listed = |first: usize, last: usize| number >= first && number <= last + LATE;
        let listed: Vec<_> = seen
            .iter()
            .filter(|(_, (_, _, first, last))| is_listed(*first, *last))
            .map(|(key, (bytes, etag, _, _))| (key.as_str(), *bytes, etag.as_str()))
            .collect();
        if number == 1 {
            return error(500, "InternalError", "We encountered an internal error. Please try again.");
        }
        page(&listed, "<IsTruncated>false</IsTruncated>")
    }
}

#[test]
fn what_a_late_list_hides_is_waited_for_and_what_it_still_shows_is_not_imported_again() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    let site = LateSite::default();
    let host = Host::start("127.0.0.1", site.clone());
    write_station(&desk, registry.name(), "options = [\"DeleteSourceBlobOnSuccess\"]\n");
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    fs::write(desk.path("station.toml"), station.replace("from = \"in\"", "from = \"s3://bucket/in\""))
        .unwrap();
    let endpoint = format!("http://{}", host.name());
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let service = Service::with(&desk, &variables);
    for number in 0..chunks(&desk, "app") {
        let bytes = fs::read(chunk(&desk, "app", number)).unwrap();
        site.site.place(&format!("in/{number}.tar"), &bytes);
    }
    service.wait("the import", || !runs(&desk, "succeeded").is_empty());
    let lists = site.lists.load(Ordering::Relaxed);
    service.wait("the lists without the objects", || site.lists.load(Ordering::Relaxed) > lists + LATE + 3);
    service.stop();
    for number in 0..chunks(&desk, "app") {
        assert!(site.site.bytes(&format!("in/{number}.tar")).is_none(), "object {number} is deleted");
    }
    assert_eq!(runs(&desk, "succeeded").len(), 1);
    assert!(runs(&desk, "failed").is_empty(), "{}", fs::read_to_string(desk.path("log")).unwrap());
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}
