//! Importing a bundle of which chunks were lost or damaged: they are recovered from parity as it goes.

use super::debian::Debian;
use super::server::Registry;
use super::station::Station;
use crate::behaviour::support::noise;

fn crosses(registry: &str) {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(3, &[400_000, 90_000]);
    source.tag(&image, "low.example/team/app:1");
    station
        .carnet("pack oci:src --to out --name b --key k.key.pem --chunk-size 64KiB --parity 2 --label TEST")
        .ok();
    for (damage, repository) in [
        ("rm in/b_00000.tar in/b_00003.tar", "lost"),
        ("dd if=noise of=in/b_00002.tar bs=1 seek=30000 conv=notrunc", "damaged"),
    ] {
        std::fs::write(station.path("noise"), noise(5, 40)).unwrap();
        station.desk.sh("rm -rf in tmp && cp -r out in && mkdir tmp").ok();
        station.desk.sh(damage).ok();
        let import = format!(
            "import in --pub k.pub.pem --to docker://{registry}/{repository} --tmp tmp --receipt {repository}.json"
        );
        station.carnet(&import).ok().says(&["recovered from parity"]);
        let again = station.carnet(&format!(
            "pack docker://{registry}/{repository}/team/app:1 --to {repository} --name c --key k.key.pem"
        ));
        again.ok();
        assert!(station.desk.files("tmp").is_empty(), "no chunk stays");
        let receipt = std::fs::read_to_string(station.path(&format!("{repository}.json"))).unwrap();
        assert!(receipt.contains("\"TEST\""), "the receipt is of the attempt that succeeded: {receipt}");
    }
}

#[test]
fn an_import_recovers_chunks() {
    crosses(&Registry::start().name());
}

#[test]
fn an_import_into_a_real_registry_recovers_chunks() {
    if let Some(debian) = Debian::plain() {
        crosses(debian.name());
    }
}
