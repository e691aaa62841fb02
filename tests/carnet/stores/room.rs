//! The local disk holds at most three chunks while a bundle goes into an object store, whatever spans how many of them.
//! What is set aside there is neither visible nor signed before its blob is proven.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use carnet::diagnosis::{Code, Diagnose as _};
use carnet::medium::{Folder, Replace};
use carnet::pack::Outcome;
use serde_json::json;

use super::Station;
use super::azurite::{ACCOUNT, Azurite, KEY};
use super::memory::Memory;
use super::s3::bucket;
use super::s3::real::{create_bucket, real};
use super::servers::Emulator;
use crate::behaviour::layouts::{CONFIG, LAYER, digest_of, with};
use crate::behaviour::support::{Desk, Run, noise, wait_for};
use crate::registries::files::Files;
use crate::registries::server::Registry;

/// Blocks and extents are rounded up.
const ROUNDING: u64 = 256 << 10;

/// Returns how many bytes of disk the files without names in `folder` use that a process has open.
fn spooled(process: u32, folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return 0 };
    let open = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = fs::read_link(&path).ok()?;
        target.starts_with(folder).then(|| fs::metadata(&path).ok())?
    });
    // Two descriptors of one file would count twice; the program does not make any.
    open.map(|file| file.blocks() * 512).sum()
}

/// Runs `work` and returns its result, and the most bytes that `folder` had meanwhile.
fn peak_of<T>(process: u32, folder: &Path, work: impl FnOnce() -> T) -> (T, u64) {
    let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                peak.fetch_max(spooled(process, folder), Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        let result = work();
        ended.store(true, Ordering::Relaxed);
        result
    });
    (result, peak.into_inner())
}

/// The stores that take parts of any size set chunks aside. In the others these chunks are too small for that, so their
/// layers are proven first.
const PART_BYTES_MIN: [Option<u64>; 2] = [Some(1), None];

/// Two layers that span many chunks, with small ones that share their last chunks, and others.
fn with_large_layers(station: &Station) {
    let mut source = station.desk.source("src");
    let image = source.image(7, &[12_500_000, 30_000, 6_200_000, 900_000, 5000, 400_000, 1_000_000, 800_000]);
    source.tag(&image, "large:1");
}

#[test]
fn a_layer_over_many_chunks_needs_the_disk_of_three() {
    let station = Station::new();
    with_large_layers(&station);
    let folder = Folder::new(&station.desk.path("out"));
    let in_folder = station.pack_chunks(&folder, &station.key, "1MiB", Replace::Never).unwrap();
    for (part_bytes_min, replace) in PART_BYTES_MIN
        .into_iter()
        .flat_map(|least| [Replace::Never, Replace::WhenComplete].map(|replace| (least, replace)))
    {
        let memory = Arc::new(Memory { part_bytes_min, ..Memory::default() });
        let bucket = station.bucket(&memory);
        let spool = station.desk.path("spool");
        let (report, peak) = peak_of(std::process::id(), &spool, || {
            station.pack_chunks(&bucket, &station.key, "1MiB", replace).unwrap()
        });
        assert!(peak > 1 << 19, "nothing was measured: {peak}");
        assert!(peak <= (3 << 20) + ROUNDING, "{peak} bytes of disk, {part_bytes_min:?}, {replace:?}");
        assert_eq!(serde_json::to_value(&report).unwrap(), serde_json::to_value(&in_folder).unwrap());
        let objects = memory.objects();
        let files = station.desk.files("out");
        assert_eq!(objects.len(), files.len());
        for (name, bytes) in &files {
            assert!(*bytes == *objects[&format!("in/{name}")], "{name} differs");
        }
        assert_eq!(memory.written.lock().unwrap().last().unwrap(), "in/b_00000.tar");
        assert_eq!(memory.open_uploads(), 0);
        let set_aside = memory.parts.lock().unwrap().iter().any(|(_, number)| *number == 2);
        assert_eq!(set_aside, part_bytes_min.is_some());
        assert_eq!(
            station.pack_chunks(&bucket, &station.key, "1MiB", replace).unwrap().outcome,
            Outcome::Unchanged
        );
    }
}

/// Changes the last byte of the blob of the largest layer, or puts it right again.
fn flip_largest(layout: &Path) {
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let largest = blobs.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&largest, bytes).unwrap();
}

#[test]
fn nothing_of_a_layer_that_is_damaged_at_its_end_is_visible_or_signed() {
    for part_bytes_min in PART_BYTES_MIN {
        let station = Station::new();
        with_large_layers(&station);
        flip_largest(&station.desk.path("src"));
        let memory = Arc::new(Memory { part_bytes_min, ..Memory::default() });
        let bucket = station.bucket(&memory);
        let spool = station.desk.path("spool");
        let (error, peak) = peak_of(std::process::id(), &spool, || {
            station.pack_chunks(&bucket, &station.key, "1MiB", Replace::Never).unwrap_err()
        });
        assert_eq!(error.code(), Code::BlobMismatch, "{error}");
        assert!(peak <= (3 << 20) + ROUNDING, "{peak} bytes of disk, {part_bytes_min:?}");
        assert_eq!(memory.open_uploads(), 0);
        assert!(spooled(std::process::id(), &spool) == 0);
        // The chunks of the damaged layer are those that were set aside and never completed.
        let visible = memory.objects();
        let parts = memory.parts.lock().unwrap().clone();
        let aside: Vec<&String> = parts
            .iter()
            .filter(|(key, number)| *number > 1 && !visible.contains_key(key))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(aside.is_empty(), part_bytes_min.is_none(), "{parts:?}");
        for key in aside {
            let front = parts.iter().any(|(sent, number)| sent == key && *number == 1);
            assert!(!front, "the head of {key} has left");
        }
        assert!(!visible.contains_key("in/b_00000.tar"));
        // What is visible is kept when the source is right again, and the rest follows.
        flip_largest(&station.desk.path("src"));
        station.pack_chunks(&bucket, &station.key, "1MiB", Replace::Never).unwrap();
        let folder = Folder::new(&station.desk.path("out"));
        station.pack_chunks(&folder, &station.key, "1MiB", Replace::Never).unwrap();
        for (name, bytes) in station.desk.files("out") {
            assert!(bytes == *memory.objects()[&format!("in/{name}")], "{name} differs");
        }
    }
}

/// The program that packs `what`, a source and options.
fn packing(desk: &Desk, what: &str, to: &str) -> Command {
    let mut command = desk.command(&format!("pack {what} --to {to} --name b --key k.key.pem --spool spool"));
    command.env("SOURCE_DATE_EPOCH", "1700000000").env("HOME", desk.path(""));
    command
}

/// Packs into a real store with the program, and returns its end and the most bytes of disk it used.
fn pack_into(desk: &Desk, what: &str, to: &str, variables: &[(&str, &str)]) -> (Run, u64) {
    let spool = desk.path("spool");
    let mut command = packing(desk, what, to);
    let mut child = command
        .envs(variables.iter().copied())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (_, peak) = peak_of(child.id(), &spool, || child.wait().unwrap());
    let out = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let run = Run {
        command: format!("{command:?}"),
        code: out.status.code(),
        stdout: text(out.stdout),
        stderr: text(out.stderr),
    };
    (run, peak)
}

/// Packs a damaged layer and then the right one, and verifies. The chunks have this many MiB.
fn through_a_store(desk: &Desk, to: &str, variables: &[(&str, &str)], chunk: u64, nothing_left: &dyn Fn()) {
    let what = format!("oci:src --chunk-size {chunk}MiB");
    let layout = desk.path("src");
    flip_largest(&layout);
    let (run, peak) = pack_into(desk, &what, to, variables);
    assert_ne!(run.code, Some(0), "{run:?}");
    run.says(&["error[blob-mismatch]"]);
    let most = ((3 * chunk) << 20) + ROUNDING;
    assert!(peak <= most, "{peak} bytes of disk, at most {most}");
    nothing_left();
    flip_largest(&layout);
    let (run, peak) = pack_into(desk, &what, to, variables);
    run.ok();
    assert!(peak > chunk << 19 && peak <= most, "{peak} bytes of disk, at most {most}");
    nothing_left();
    is_complete(desk, to, variables);
}

fn is_complete(desk: &Desk, to: &str, variables: &[(&str, &str)]) {
    Run::of(desk.command(&format!("verify {to} --pub k.pub.pem")).envs(variables.iter().copied()))
        .ok()
        .says(&["COMPLETE"]);
}

#[test]
fn a_layer_of_twelve_chunks_goes_into_azurite() {
    let Some(azurite) = Azurite::start(None) else { return };
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(3, &[24_000_000, 100_000]);
    source.tag(&image, "large:1");
    let variables = [("AZURE_STORAGE_ACCOUNT", ACCOUNT), ("AZURE_STORAGE_KEY", KEY)];
    through_a_store(&desk, &azurite.url(), &variables, 2, &|| ());
}

#[test]
fn a_layer_of_several_chunks_goes_into_an_s3_bucket() {
    let Some(store) = Emulator::moto() else { return };
    create_bucket(&store);
    let container = bucket(&real(&store.url(), "id", "secret"));
    // The first is set aside: of 2 chunks 5 MiB each stay on the disk. The second would keep 11 times 5 MiB.
    for (layer, chunk) in [(35_000_000, 14), (46_000_000, 4)] {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = source.image(3, &[layer, 100_000]);
        source.tag(&image, "large:1");
        let url = store.url();
        let variables = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let nothing_left = || assert!(container.unfinished("").unwrap().is_empty());
        through_a_store(&desk, &format!("s3://bucket/{chunk}"), &variables, chunk, &nothing_left);
    }
}

/// What was set aside of a layer is thrown away when its location turns out to be damaged, and begun anew from another one.
#[test]
fn a_layer_that_is_damaged_at_one_location_comes_from_another() {
    let Some(azurite) = Azurite::start(None) else { return };
    let desk = Desk::new();
    let bytes = noise(7, 12_500_000);
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let bad = Files::start("127.0.0.1", &[("/base", &damaged)]);
    let good = Files::start("127.0.0.2", &[("/base", &bytes)]);
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{\"os\":\"windows\"}");
    let kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let urls = json!({ "urls": [bad.url("/base"), good.url("/base")] });
    let layer = with(source.blob(kind, &bytes), &urls);
    let image = source.manifest(&config, &[layer.clone(), source.blob(LAYER, &noise(8, 2_300_000))]);
    source.tag(&image, "low.example/app:1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    registry.change("app", |app| drop(app.blobs.remove(digest_of(&layer))));

    let what = format!(
        "docker://{}/app:1 --chunk-size 1MiB --allow-private-urls 127.0.0.1 --allow-private-urls 127.0.0.2",
        registry.name()
    );
    let variables = [("AZURE_STORAGE_ACCOUNT", ACCOUNT), ("AZURE_STORAGE_KEY", KEY)];
    let (run, peak) = pack_into(&desk, &what, &azurite.url(), &variables);
    run.ok();
    assert!(bad.log().iter().chain(&good.log()).filter(|one| one.is("GET", "/base")).count() >= 2);
    assert!(peak <= (3 << 20) + ROUNDING, "{peak} bytes of disk");
    is_complete(&desk, &azurite.url(), &variables);
}

/// The next run ends what a killed one set aside, and nothing of it was visible.
#[test]
fn what_a_killed_run_set_aside_is_ended_by_the_next() {
    let Some(store) = Emulator::moto() else { return };
    create_bucket(&store);
    let container = bucket(&real(&store.url(), "id", "secret"));
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(3, &[35_000_000]);
    source.tag(&image, "large:1");
    let url = store.url();
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let what = "oci:src --chunk-size 14MiB";
    let mut child = packing(&desk, &format!("{what} --limit-rate 2MiB"), "s3://bucket/in")
        .envs(variables)
        .spawn()
        .unwrap();
    assert!(wait_for(&mut child, || container.unfinished("in/b_").unwrap().len() > 1));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut visible = 0;
    let mut count = |_| {
        visible += 1;
        ControlFlow::Continue(())
    };
    container.list("in/", &mut count).unwrap();
    assert_eq!(visible, 0);
    assert!(!container.unfinished("in/b_").unwrap().is_empty());

    let (run, _) = pack_into(&desk, what, "s3://bucket/in", &variables);
    run.ok();
    assert!(container.unfinished("").unwrap().is_empty());
    is_complete(&desk, "s3://bucket/in", &variables);
}
