//! A simulated diode: it loses, repeats, reorders, renames, cuts, flips and delays files, at given rates.
//! `scripts/torture-diode` does the same some thousand times.

use std::path::Path;

use crate::behaviour::support::Desk;

/// A generator of random numbers with a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// Sends the files of a folder over the link. Returns the names of the chunks that are late.
fn send(from: &Path, to: &Path, chance: &mut Chance) -> Vec<String> {
    let mut late = Vec::new();
    std::fs::create_dir(to).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(from)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    while !names.is_empty() {
        let name = names.swap_remove(chance.below(names.len()));
        let mut bytes = std::fs::read(from.join(&name)).unwrap();
        if chance.happens(10) {
            continue;
        }
        if chance.happens(5) {
            late.push(name);
            continue;
        }
        if chance.happens(10) {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
        }
        if chance.happens(5) {
            bytes.truncate(chance.below(bytes.len()));
        }
        let shown = if chance.happens(10) { format!("{}.bin", chance.next()) } else { name.clone() };
        std::fs::write(to.join(shown), &bytes).unwrap();
        if chance.happens(10) {
            std::fs::write(to.join(format!("again-{name}")), &bytes).unwrap();
        }
    }
    late
}

#[test]
fn every_run_ends_complete_repaired_or_with_the_list_of_what_to_send() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[400_000, 30_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB --parity 3").ok();
    let packed = desk.files("out");
    let mut ends = [0; 3];
    for seed in 0..24 {
        let mut chance = Chance(seed);
        desk.sh("rm -rf in fixed").ok();
        let late = send(&desk.path("out"), &desk.path("in"), &mut chance);
        let verified = desk.carnet("verify in --pub k.pub.pem --json");
        let bundle = verified.json()["bundles"][0].clone();
        let repair = || desk.carnet("repair in --pub k.pub.pem --to fixed");
        match bundle["verdict"].as_str().unwrap() {
            "complete" => {
                verified.ok();
                ends[0] += 1;
            }
            "recoverable" => {
                verified.ends(4);
                repair().ok();
                for (name, bytes) in desk.files("fixed") {
                    assert!(packed[&name] == bytes, "seed {seed}: {name} differs");
                }
                desk.carnet("verify in fixed --pub k.pub.pem").ok();
                ends[1] += 1;
            }
            "incomplete" => {
                repair().ends(4);
                // What is named is what is needed: with it, the bundle is complete or can be repaired.
                let missing = desk.carnet("missing in --pub k.pub.pem --json").ends(4).json();
                let numbers = missing["bundles"][0]["missing"].as_array().unwrap().clone();
                assert!(!numbers.is_empty(), "seed {seed}");
                for number in numbers {
                    let name = format!("b_{:05}.tar", number.as_u64().unwrap());
                    std::fs::write(desk.path("in").join(format!("sent-{name}")), &packed[&name]).unwrap();
                }
                let then = desk.carnet("verify in --pub k.pub.pem --json").json();
                let then = then["bundles"][0]["verdict"].as_str().unwrap().to_owned();
                assert!(["complete", "recoverable"].contains(&then.as_str()), "seed {seed}: {then}");
                ends[2] += 1;
            }
            other => panic!("seed {seed}: {other}: {bundle}"),
        }
        // What was late does no harm.
        for name in late {
            std::fs::copy(desk.path("out").join(&name), desk.path("in").join(format!("late-{name}")))
                .unwrap();
        }
        desk.carnet("verify in --pub k.pub.pem --json");
    }
    assert!(ends.iter().all(|&count| count > 0), "each end occurs: {ends:?}");
}
