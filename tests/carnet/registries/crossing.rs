//! The whole way: skopeo pushes, carnet packs and imports, skopeo pulls on the other side.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::debian::Debian;
use super::server::Registry;
use super::station::Station;
use crate::behaviour::layouts::on;
use crate::behaviour::support::{assert_same_blobs, installed};

/// A registry of either kind.
enum Side {
    Own(Registry),
    Debian(Debian),
}

impl Side {
    fn name(&self) -> String {
        match self {
            Side::Own(registry) => registry.name(),
            Side::Debian(registry) => registry.name().to_owned(),
        }
    }
}

/// The answer to a plain HTTP request; `None` for a 404.
fn get(station: &Station, url: &str) -> Option<Value> {
    let accept =
        "-H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'";
    let run = station.desk.sh(&format!("curl -sSf {accept} '{url}'"));
    (run.code == Some(0)).then(|| run.json())
}

/// Digests of the referrers of `digest`, from the API or, without it, from the fallback tag.
fn referrers(station: &Station, side: &Side, repository: &str, digest: &str) -> BTreeSet<String> {
    let at = format!("http://{}/v2/{repository}", side.name());
    let index = get(station, &format!("{at}/referrers/{digest}"))
        .or_else(|| get(station, &format!("{at}/manifests/{}", digest.replace(':', "-"))));
    let listed = index.map(|index| index["manifests"].as_array().unwrap().clone()).unwrap_or_default();
    listed.iter().map(|one| one["digest"].as_str().unwrap().to_owned()).collect()
}

/// Moves an image from one side to the other and compares what skopeo says about both.
fn crosses(low: &Side, high: &Side) {
    let station = Station::new();
    let mut source = station.source("src");
    let (one, two) = (source.image(1, &[300_000, 0]), source.image(2, &[5000]));
    let index = source.index(&[on("linux/amd64", &one), on("linux/arm64/v8", &two)]);
    source.tag(&index, "app:1");
    source.tag(&one, "app:amd64");
    let (from, to) = (low.name(), high.name());
    for tag in ["1", "amd64"] {
        let ends = format!("oci:src:app:{tag} docker://{from}/team/app:{tag}");
        station.skopeo(&format!("copy -q --all --preserve-digests --dest-tls-verify=false {ends}")).ok();
    }
    let subject = index["digest"].as_str().unwrap();
    let sbom = push_referrer(&station, &from, &index);
    if matches!(low, Side::Debian(_)) {
        // A client must do this when it pushes a referrer to a registry without the API.
        let media_type = "application/vnd.oci.image.index.v1+json";
        let listed = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [sbom] });
        put_manifest(&station, &from, &subject.replace(':', "-"), media_type, &listed.to_string());
    }
    station.pack(&format!("docker://{from}/team/app:1 docker://{from}/team/app:amd64")).ok();
    station.carnet("verify out --pub k.pub.pem").ok();
    station.import(&to, "").ok();
    for tag in ["1", "amd64"] {
        let raw = |host: &str| {
            let inspect = format!("inspect --raw --tls-verify=false docker://{host}/team/app:{tag}");
            station.skopeo(&inspect).ok().stdout
        };
        assert_eq!(raw(&from), raw(&to), "the document of {tag} differs");
        let digest = |host: &str| {
            let inspect =
                format!("inspect --format {{{{.Digest}}}} --tls-verify=false docker://{host}/team/app:{tag}");
            station.skopeo(&inspect).ok().stdout
        };
        assert_eq!(digest(&from), digest(&to));
    }
    let tags = |host: &str| -> BTreeSet<String> {
        let listed =
            station.skopeo(&format!("list-tags --tls-verify=false docker://{host}/team/app")).ok().json();
        let tags = listed["Tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned());
        tags.filter(|tag| !tag.starts_with("sha256-")).collect()
    };
    assert_eq!(tags(&from), tags(&to));
    let found = referrers(&station, high, "team/app", subject);
    assert_eq!(found, referrers(&station, low, "team/app", subject));
    assert_eq!(found.len(), 1);
    let ends = format!("docker://{to}/team/app:1 oci:back:app:1");
    station.skopeo(&format!("copy -q --all --preserve-digests --src-tls-verify=false {ends}")).ok();
    assert_same_blobs(&station.path("src"), &station.path("back"));
    // A second import changes nothing.
    station.import(&to, "").ok();
    assert_eq!(referrers(&station, high, "team/app", subject), found);
}

/// Pushes an SBOM of `subject` with curl and returns its descriptor.
fn push_referrer(station: &Station, host: &str, subject: &Value) -> Value {
    let put = |bytes: &str| {
        let digest = carnet::oci::Digest::sha256(bytes.as_bytes()).to_string();
        station.write("blob", bytes);
        let begin = format!("curl -sSf -X POST -D - -o /dev/null http://{host}/v2/team/app/blobs/uploads/");
        let head = station.desk.sh(&begin).ok().stdout;
        let location =
            head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim().to_owned();
        let location = if location.starts_with('/') { format!("http://{host}{location}") } else { location };
        let type_ = "-H 'Content-Type: application/octet-stream'";
        station
            .desk
            .sh(&format!("curl -sSf -X PUT {type_} --data-binary @blob '{location}&digest={digest}'"))
            .ok();
        digest
    };
    let sbom = "application/spdx+json";
    let (config, layer) = (put("{}"), put("a bill of materials"));
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": sbom,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2 },
        "layers": [{ "mediaType": sbom, "digest": layer, "size": 19 }],
        "subject": { "mediaType": subject["mediaType"], "digest": subject["digest"], "size": subject["size"] },
    });
    let text = manifest.to_string();
    let digest = carnet::oci::Digest::sha256(text.as_bytes()).to_string();
    put_manifest(station, host, &digest, media_type, &text);
    json!({ "mediaType": media_type, "digest": digest, "size": text.len(), "artifactType": sbom })
}

fn put_manifest(station: &Station, host: &str, reference: &str, media_type: &str, text: &str) {
    station.write("manifest", text);
    let type_ = format!("-H 'Content-Type: {media_type}'");
    let url = format!("http://{host}/v2/team/app/manifests/{reference}");
    station.desk.sh(&format!("curl -sSf -X PUT {type_} --data-binary @manifest {url}")).ok();
}

fn tools() -> bool {
    installed(&["skopeo", "curl"])
}

#[test]
fn between_registries_with_the_referrers_api() {
    if tools() {
        crosses(&Side::Own(Registry::start()), &Side::Own(Registry::start()));
    }
}

#[test]
fn between_registries_of_debian() {
    let (true, Some(low), Some(high)) = (tools(), Debian::plain(), Debian::plain()) else { return };
    crosses(&Side::Debian(low), &Side::Debian(high));
}

#[test]
fn from_debians_registry_to_one_with_the_referrers_api() {
    let (true, Some(low)) = (tools(), Debian::plain()) else { return };
    crosses(&Side::Debian(low), &Side::Own(Registry::start()));
}

#[test]
fn from_a_registry_with_the_referrers_api_to_debians() {
    let (true, Some(high)) = (tools(), Debian::plain()) else { return };
    crosses(&Side::Own(Registry::start()), &Side::Debian(high));
}
