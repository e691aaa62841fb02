//! A desk that is both sides of a stream: packing with given numbers, and unpacking with a memory.

use serde_json::Value;

use crate::behaviour::support::{Desk, Run};

/// Packs a new image as the bundle `name` into a folder of that name, in the stream `north`. Returns its id.
#[track_caller]
pub(super) fn packed(desk: &Desk, name: &str, options: &str) -> String {
    if !desk.path(format!("src-{name}")).exists() {
        let seed = name.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte));
        let mut source = desk.source(&format!("src-{name}"));
        let image = source.image(seed, &[3000]);
        source.tag(&image, &format!("app:{name}"));
    }
    let command =
        format!("pack oci:src-{name} --to {name} --name {name} --key k.key.pem --stream north {options}");
    desk.carnet(&format!("{command} --json")).ok().json()["bundle"].as_str().unwrap().to_owned()
}

/// Unpacks the bundle in a folder on the far side, which remembers in `far`.
pub(super) fn unpack(desk: &Desk, name: &str, options: &str) -> Run {
    desk.carnet(&format!("unpack {name} --pub k.pub.pem --to oci:back-{name} --state far --json {options}"))
}

/// The verdict on the stream in the report of a run.
#[track_caller]
pub(super) fn verdict(run: &Run) -> String {
    let report = run.json();
    let report = if report["bundles"].is_array() { report["bundles"][0].clone() } else { report };
    report["in_stream"]["verdict"].as_str().unwrap_or_else(|| panic!("{report}")).to_owned()
}

/// What a state folder remembers of a stream.
#[track_caller]
pub(super) fn remembered(desk: &Desk, state: &str) -> Value {
    let report = desk.carnet(&format!("stream show north --state {state} --json")).ok().json();
    report["streams"][0].clone()
}

/// The lines of the memory in a state folder.
pub(super) fn lines(desk: &Desk, state: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(desk.path(format!("{state}/streams.jsonl"))).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
