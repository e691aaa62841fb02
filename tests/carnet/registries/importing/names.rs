//! Taken tags, and names in the target registry.

use crate::registries::server::Registry;
use crate::registries::station::Station;

use super::{arrivals, expected, one_image, writes};

#[test]
fn a_taken_tag_is_kept_replaced_or_moved_aside() {
    let station = one_image("low.example/app:1");
    let new = expected(&station, "app").repository("app").tags["1"].clone();
    let start = || {
        let registry = Registry::start();
        let mut source = station.source("old");
        source.tag(&source.image(50, &[700]), "1");
        registry.seed(source.path(), "app");
        registry
    };
    let registry = start();
    let before = registry.repository("app");
    let old = before.tags["1"].clone();
    let run = station.import(&registry.name(), "").ends(1);
    run.says(&["error[tag-exists]", &registry.name(), "app:1", &old, &new, "--overwrite-tags"]);
    assert_eq!(registry.repository("app").tags, before.tags);
    station.import(&registry.name(), "--overwrite-tags").ok();
    assert_eq!(registry.repository("app").tags["1"], new);

    let registry = start();
    station.import(&registry.name(), "--backup-tags .old").ok();
    let tags = registry.repository("app").tags;
    assert_eq!((&tags["1"], &tags["1.old"], tags.len()), (&new, &old, 2));
    // The old artifact is tagged aside before the new one takes its tag.
    let arrivals = arrivals(&registry);
    let place = |name: &str| arrivals.iter().position(|one| one == name).unwrap();
    assert!(place("1.old") < place("1"), "{arrivals:?}");
    // A tag that already points at the right artifact needs neither.
    station.import(&registry.name(), "--backup-tags .older").ok();
    assert_eq!(registry.repository("app").tags, tags);
}

#[test]
fn a_taken_tag_is_reported_before_anything_is_sent() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let mut source = station.source("old");
    source.tag(&source.image(50, &[700]), "1");
    registry.seed(source.path(), "app");
    station.import(&registry.name(), "").ends(1);
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
}

#[test]
fn names_lose_their_host_and_can_gain_a_prefix_or_be_renamed() {
    let station = Station::new();
    let mut source = station.source("src");
    for (seed, name) in [
        "registry.example/team/app:1",
        "registry.example:5000/team/base:2",
        "low.example/lone:3",
        "team/local:4",
    ]
    .into_iter()
    .enumerate()
    {
        source.tag(&source.image(seed as u64, &[300]), name);
    }
    station.pack("oci:src").ok();
    let held = |registry: &Registry| {
        let names = registry.repositories().into_iter().flat_map(|name| {
            let tags = registry.repository(&name).tags.into_keys();
            tags.map(|tag| format!("{name}:{tag}")).collect::<Vec<_>>()
        });
        names.collect::<Vec<_>>()
    };
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    assert_eq!(held(&registry), ["lone:3", "team/app:1", "team/base:2", "team/local:4"]);
    let registry = Registry::start();
    station.import(&format!("{}/from/low", registry.name()), "").ok();
    assert_eq!(
        held(&registry),
        ["from/low/lone:3", "from/low/team/app:1", "from/low/team/base:2", "from/low/team/local:4"]
    );
    let registry = Registry::start();
    let rules = "--rename registry\\.example(:5000)?/team/(.*):(.*)=new/$2:v$3 \
                 --rename .*/lone:.*=single --rename .*=never/$0";
    station.import(&format!("{}/pre", registry.name()), rules).ok();
    let held = held(&registry);
    assert!(held.contains(&"pre/new/app:v1".to_owned()), "{held:?}");
    assert!(held.contains(&"pre/new/base:v2".to_owned()), "{held:?}");
    assert!(held.iter().any(|name| name.starts_with("pre/single")), "{held:?}");
}

#[test]
fn a_name_without_a_repository_is_an_error_with_a_hint() {
    let station = one_image("1.0");
    let registry = Registry::start();
    let run = station.import(&registry.name(), "").ends(2);
    run.says(&["error[repository-unnamed]", "1.0", "--rename"]);
    assert_eq!(registry.accepted_connections(), 0, "it is known without asking");
    station.import(&registry.name(), "--rename 1\\.0=app:1.0").ok();
    assert!(registry.repository("app").tags.contains_key("1.0"));
}

#[test]
fn one_artifact_of_many_can_be_imported_alone() {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[300]), "low.example/one:1");
    source.tag(&source.image(2, &[400]), "low.example/two:1");
    station.pack("oci:src").ok();
    let registry = Registry::start();
    station.import(&registry.name(), "--artifact low.example/two:1").ok();
    assert_eq!(registry.repositories(), ["two"]);
    assert!(registry.repository("two").blobs.values().all(|blob| blob.len() != 300));
    let run = station.import(&registry.name(), "--artifact low.example/tow:1").ends(1);
    run.says(&["error[no-such-artifact]", "low.example/tow:1", "low.example/two:1"]);
    station.import(&registry.name(), "--bundle nobody").ends(4).says(&["nobody"]);
}
