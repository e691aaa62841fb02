//! The test registry itself, tested with skopeo and curl.

use super::debian::{Debian, Setup};
use super::http::{Delivery, Fault, Response};
use super::server::{Access, Options, Registry, TokenService, Tokens};
use super::station::{Station, assert_same};
use super::tls::{Certificates, Front};
use crate::behaviour::support::{Run, installed, sample_image};

/// A layout `src` with `app:1`, an index of two manifests.
fn image(station: &Station) {
    let mut source = station.source("src");
    let one = source.image(1, &[5000, 0, 70_000]);
    let two = source.image(2, &[6000]);
    let index = source.index(&[
        crate::behaviour::layouts::on("linux/amd64", &one),
        crate::behaviour::layouts::on("linux/arm64/v8", &two),
    ]);
    source.tag(&index, "app:1");
}

#[test]
fn skopeo_pushes_and_pulls() {
    if !installed(&["skopeo"]) {
        return;
    }
    let station = Station::new();
    image(&station);
    let tokens = Tokens { user: Some(("me", "secret")), anonymous: true, ..Tokens::default() };
    for access in [
        Access::Open,
        Access::Basic { user: "me", password: "secret" },
        Access::Token(TokenService::new(tokens)),
    ] {
        let registry = Registry::with(Options { access, ..Options::default() });
        let name = registry.name();
        station.skopeo(&format!(
            "copy -q --all --preserve-digests --dest-tls-verify=false --dest-creds me:secret oci:src:app:1 docker://{name}/team/app:1"
        )).ok();
        let seeded = Registry::start();
        seeded.seed(&station.path("src"), "team/app");
        assert_same(&registry.repository("team/app"), &seeded.repository("team/app"));
        assert_eq!(registry.open_uploads(), 0);
        let back = format!("back-{}", name.replace(':', "-"));
        station.skopeo(&format!(
            "copy -q --all --preserve-digests --src-tls-verify=false --src-creds me:secret docker://{name}/team/app:1 oci:{back}:app:1"
        )).ok();
        crate::behaviour::support::assert_same_blobs(&station.path("src"), &station.path(&back));
        station
            .skopeo(&format!("list-tags --tls-verify=false --creds me:secret docker://{name}/team/app"))
            .ok()
            .says(&["\"1\""]);
    }
}

fn curl(station: &Station, args: &str) -> Run {
    let mut command = std::process::Command::new("curl");
    command.args(["-sS", "-i", "-m", "5"]).args(args.split_whitespace());
    station.furnish(&mut command);
    Run::of(&mut command)
}

#[test]
fn curl_gets_ranges_pages_referrers_and_errors() {
    if !installed(&["curl"]) {
        return;
    }
    let station = Station::new();
    image(&station);
    let registry = Registry::with(Options { page: 2, ..Options::default() });
    registry.seed(&station.path("src"), "app");
    registry.seed(&sample_image(), "team/hello");
    registry.change("app", |app| {
        let digest = app.tags["1"].clone();
        for tag in ["2", "3", "4", "5"] {
            app.tags.insert(tag.to_owned(), digest.clone());
        }
    });
    let at = format!("http://{}/v2", registry.name());
    curl(&station, &format!("{at}/")).ok().says(&["200 OK", "Docker-Distribution-Api-Version"]);
    curl(&station, &format!("{at}/app/tags/list"))
        .ok()
        .says(&[r#"["1","2"]"#, r#"Link: </v2/app/tags/list?last=2&n=2>; rel="next""#]);
    curl(&station, &format!("{at}/app/tags/list?last=4&n=9")).ok().says(&[r#"["5"]"#]);
    curl(&station, &format!("{at}/_catalog?n=1")).ok().says(&[r#"["app"]"#, "Link: "]);
    let hello = registry.repository("team/hello");
    let (digest, blob) = hello.blobs.iter().max_by_key(|(_, blob)| blob.len()).unwrap();
    let part = curl(&station, &format!("-o part -r 100-199 -D - {at}/team/hello/blobs/{digest}"));
    part.ok().says(&["206 Partial", &format!("Content-Range: bytes 100-199/{}", blob.len())]);
    assert!(std::fs::read(station.path("part")).unwrap().ends_with(&blob[100..200]));
    curl(&station, &format!("{at}/team/hello/blobs/{digest} -r {}-", blob.len())).ok().says(&["416"]);
    let subject = hello.tags.values().next().unwrap();
    curl(&station, &format!("{at}/team/hello/referrers/{subject}")).ok().says(&["artifactType", "spdx"]);
    curl(&station, &format!("{at}/team/hello/referrers/{subject}?artifactType=x/y"))
        .ok()
        .says(&["OCI-Filters-Applied", r#""manifests":[]"#]);
    curl(&station, &format!("-X POST {at}/app/blobs/uploads/?mount={digest}&from=team/hello"))
        .ok()
        .says(&["201"]);
    assert_eq!(registry.repository("app").blobs.get(digest), Some(blob));
    station.write("m", r#"{"schemaVersion":2,"config":{"digest":"sha256:00"},"layers":[]}"#);
    let put = "-X PUT --data-binary @m -H Content-Type:application/vnd.oci.image.manifest.v1+json";
    curl(&station, &format!("{put} {at}/app/manifests/9")).ok().says(&["404", "MANIFEST_BLOB_UNKNOWN"]);
    curl(&station, &format!("-X POST --data-binary x {at}/app/blobs/uploads/?digest={digest}"))
        .ok()
        .says(&["400", "DIGEST_INVALID"]);
}

#[test]
fn faults_happen_when_and_as_often_as_configured() {
    if !installed(&["curl"]) {
        return;
    }
    let station = Station::new();
    image(&station);
    let registry = Registry::start();
    registry.seed(&station.path("src"), "app");
    let app = registry.repository("app");
    let (digest, _) = app.blobs.iter().find(|(_, blob)| blob.len() == 5000).unwrap();
    let url = format!("http://{}/v2/app/blobs/{digest} -o /dev/null -D -", registry.name());
    let blobs = |fault: fn(Fault) -> Fault| {
        registry.heal();
        registry.fault(fault(Fault::on("GET", "*/blobs/*")));
    };
    blobs(|fault| fault.after(1).times(1).answers(Response::new(429).with("Retry-After", "7")));
    curl(&station, &url).ok().says(&["200"]);
    curl(&station, &url).ok().says(&["429", "Retry-After: 7"]);
    curl(&station, &url).ok().says(&["200"]);
    for (fault, code) in [
        ((|fault| fault.delivers(Delivery::Reset(10))) as fn(Fault) -> Fault, 56),
        (|fault| fault.delivers(Delivery::Close(10)), 18),
        (|fault| fault.delivers(Delivery::Stall(10)), 28),
        (|fault| fault.delivers(Delivery::Endless), 28),
        (|fault| fault.delivers(Delivery::Silence), 28),
        (|fault| fault.delivers(Delivery::Drip(std::time::Duration::from_millis(1))), 28),
    ] {
        blobs(fault);
        curl(&station, &format!("{url} -m 0.3")).ends(code);
    }
    let sent: Vec<_> = registry.log().iter().map(|exchange| exchange.sent).collect();
    assert_eq!(sent[..6], [5000, 0, 5000, 10, 10, 10]);
    registry.heal();
    registry.fault(Fault::on("PATCH", "*").takes_only(100));
    station.write("data", &"x".repeat(500));
    let begun = curl(&station, &format!("-X POST http://{}/v2/app/blobs/uploads/", registry.name())).ok();
    let location = begun.stdout.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().to_owned();
    let location = format!("http://{}{location}", registry.name());
    assert_ne!(curl(&station, &format!("-X PATCH --data-binary @data {location}")).code, Some(0));
    curl(&station, &location).ok().says(&["204", "Range: 0-99"]);
}

/// The output of `skopeo` for a registry with this configuration, with these arguments.
fn debian_with(setup: &Setup, arguments: &str) -> Option<Run> {
    if !installed(&["skopeo"]) {
        return None;
    }
    let registry = Debian::start(setup)?;
    let station = Station::new();
    image(&station);
    let to = format!("oci:src:app:1 docker://{}/team/app:1", registry.name());
    let run = station.skopeo(&format!("copy -q --all --preserve-digests {arguments} {to}"));
    assert!(registry.log().contains("listening on"), "{}", registry.log());
    Some(run)
}

#[test]
fn debians_registry_is_up() {
    debian_with(&Setup::default(), "--dest-tls-verify=false").map(Run::ok);
}

#[test]
fn debians_registry_asks_for_a_password_or_a_certificate() {
    let password = Setup { password: true, ..Setup::default() };
    debian_with(&password, "--dest-tls-verify=false --dest-creds me:secret").map(Run::ok);
    debian_with(&password, "--dest-tls-verify=false --dest-creds me:wrong").map(|run| run.ends(1));
    let certificates = Certificates::new();
    std::fs::create_dir(certificates.path("with")).unwrap();
    let copies = [("ca.pem", "ca.crt"), ("client.pem", "client.cert"), ("client.key", "client.key")];
    for (from, to) in copies {
        std::fs::copy(certificates.path(from), certificates.path("with").join(to)).unwrap();
    }
    let with = format!("--dest-cert-dir {}", certificates.file("with"));
    let setup = Setup { tls: Some(&certificates), client_certificates: true, ..Setup::default() };
    debian_with(&setup, &with).map(Run::ok);
    std::fs::remove_file(certificates.path("with").join("client.cert")).unwrap();
    std::fs::remove_file(certificates.path("with").join("client.key")).unwrap();
    debian_with(&setup, &with).map(|run| run.ends(1));
}

#[test]
fn a_front_adds_tls_to_a_registry() {
    if !installed(&["curl", "openssl", "python3"]) {
        return;
    }
    let (station, registry, certificates) = (Station::new(), Registry::start(), Certificates::new());
    let front = Front::start(&certificates, "server", Some("ca.pem"), &registry.name());
    let url = format!("--cacert {} https://{}/v2/", certificates.file("ca.pem"), front.name());
    let pair =
        format!("--cert {} --key {}", certificates.file("client.pem"), certificates.file("client.key"));
    curl(&station, &format!("{pair} {url}")).ok().says(&["200 OK"]);
    let stranger = pair.replace("client.", "stranger.");
    assert_ne!(curl(&station, &format!("{stranger} {url}")).code, Some(0));
    assert_ne!(curl(&station, &url).code, Some(0));
}
