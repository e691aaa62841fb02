//! The clock of the far side, and the highest signed time.

use super::support::{packed, unpack, verdict};
use crate::behaviour::support::{Desk, Run};

/// Packs a bundle that is sealed at a time (seconds since 1970).
fn sealed(desk: &Desk, name: &str, time: u64, options: &str) {
    packed(desk, name, "--dry-run");
    let line =
        format!("pack oci:src-{name} --to {name} --name {name} --key k.key.pem --stream north {options}");
    Run::of(desk.command(&line).env("SOURCE_DATE_EPOCH", time.to_string())).ok();
}

const YEAR_2030: u64 = 1_893_456_000;

#[test]
fn an_expiry_is_held_against_the_highest_signed_time() {
    let desk = Desk::new();
    sealed(&desk, "one", YEAR_2030, "--sequence 1");
    sealed(&desk, "two", YEAR_2030 - 90_000, "--sequence 2 --expires 12h");
    let early = "--clock 2029-12-31T00:00:00Z";
    // By the clock alone, the second one has not expired.
    desk.carnet(&format!("verify two --pub k.pub.pem {early}")).ok();
    assert!(!unpack(&desk, "one", early).ok().stderr.contains("clock is behind"));
    for command in ["unpack two --to oci:back", "verify two"] {
        let run = desk.carnet(&format!("{command} --pub k.pub.pem --state far {early}"));
        run.ends(3).says(&["the clock is behind: it says 2029-12-31T00:00:00Z", "2030-01-01T00:00:00Z"]);
    }
    assert!(!desk.path("back").exists());
    // A packer with a wrong clock can be set right.
    let accept = "stream accept north --time 2029-12-01T00:00:00Z --reason wrong --state far";
    desk.carnet(accept).ok();
    assert_eq!(verdict(&unpack(&desk, "two", early).ok()), "new");
}

#[test]
fn a_machine_without_a_clock_is_told_the_time() {
    let desk = Desk::new();
    sealed(&desk, "one", YEAR_2030, "--sequence 1 --expires 12h");
    let at = |time: &str| desk.carnet(&format!("verify one --pub k.pub.pem --clock {time}"));
    at("2030-01-01T11:59:50Z").ok();
    at("2030-01-01T12:00:00Z").ends(3).says(&["EXPIRED"]);
    at("tomorrow").ends(2);
    at("2030-01-01").ends(2);
}

/// A bundle without a stream proves a time, too. Otherwise it leaves nothing.
#[test]
fn a_bundle_without_a_stream_counts_for_the_time_only() {
    let desk = Desk::new();
    packed(&desk, "one", "--dry-run");
    let pack = "pack oci:src-one --to one --name one --key k.key.pem";
    Run::of(desk.command(pack).env("SOURCE_DATE_EPOCH", YEAR_2030.to_string())).ok();
    for _ in 0..2 {
        let run = unpack(&desk, "one", "").ok();
        assert_eq!(run.json()["in_stream"], serde_json::Value::Null);
    }
    let known = desk.carnet("stream show --state far --json").ok().json();
    assert_eq!((&known["lines"], &known["streams"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(known["highest_signed_time"], "2030-01-01T00:00:00Z");
}
