//! An object store that ends, and is started again.

use std::fs;
use std::time::{Duration, Instant};

use super::service::{Service, runs, write_station};
use super::watching::desk;
use crate::registries::debian::Debian;
use crate::stores::servers::Emulator;

#[test]
fn a_store_that_ends_is_told_once_and_nothing_is_lost() {
    let (Some(mut store), Some(registry)) = (Emulator::s3s(), Debian::plain()) else { return };
    let desk = desk(&["app"]);
    let export = "[export.out]\nartifacts = [\"oci:src-app\"]\nto = \"s3://bucket/in\"\nkey = \"k.key.pem\"\nschedule = \"1s\"\n";
    write_station(&desk, registry.name(), export);
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    let station = station.replacen("from = \"in\"", "from = \"s3://bucket/in\"", 1);
    fs::write(desk.path("station.toml"), format!("retry-after = \"1s\"\n{station}")).unwrap();
    let url = store.url();
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let service = Service::with(&desk, &variables);
    let imported = || runs(&desk, "succeeded").iter().filter(|run| run["pipeline"] == "mirror").count();
    service.wait("the first bundle is imported", || imported() == 1);
    service.wait("all is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));

    store.end();
    service.wait("the export tells it", || service.count("is away, so nothing is exported") == 1);
    // Not sooner: a run that began just before the store ended may find it, and fails.
    let mut source = desk.source("src-app");
    let image = source.image(77, &[300_000]);
    source.tag(&image, "app:2");
    service.wait("the import tells it", || service.count("cannot look into the inbox") == 1);
    let health = service.page("/healthz");
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    assert!(health.contains("out: the place s3://bucket/in is away"), "{health}");
    // Long enough for several more tries of both.
    let until = Instant::now() + Duration::from_secs(6);
    service.wait("some time passes", || Instant::now() > until);
    let exports = || runs(&desk, "failed").len() + runs(&desk, "running").len();
    assert_eq!(exports(), 0, "no run begins");

    store.start_again();
    service.wait("the second bundle is imported", || imported() == 2);
    service.wait("all is well again", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    for (words, times) in [
        ("is away", 1),
        ("is back", 1),
        ("cannot look into the inbox", 1),
        ("the inbox can be looked into again", 1),
        (" error out: ", 1),
        (" error mirror: ", 1),
    ] {
        assert_eq!(service.count(words), times, "{words}\n{}", fs::read_to_string(desk.path("log")).unwrap());
    }
    assert!(runs(&desk, "failed").is_empty());
    let newest = runs(&desk, "succeeded").into_iter().find(|run| run["pipeline"] == "mirror").unwrap();
    let names: Vec<_> =
        newest["importedArtifacts"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&"mirror/app:2".into()), "{names:?}");
    service.stop();
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}
