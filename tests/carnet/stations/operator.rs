//! What a station tells its operator: reasons, codes, next steps, and what was tried.

use std::fs;
use std::process::Command;

use super::service::write_station;
use super::watching::{chunk, deliver, deliver_all, desk};
use crate::behaviour::support::{Desk, Run};
use crate::registries::http::{Fault, Host, Response};
use crate::registries::server::Registry;
use crate::stores::servers::{S3Site, error};

/// A desk with the export pipeline `out` into `s3://bucket/in`, and the import pipeline `mirror` from `from`.
pub(crate) struct Station {
    pub(crate) desk: Desk,
    pub(super) bucket: Host,
    pub(super) site: S3Site,
}

impl Station {
    pub(crate) fn new(registry: &str, export: &str, import: &str) -> Station {
        let desk = desk(&["app"]);
        let out = format!(
            "{import}[export.out]\nartifacts = [\"oci:src-app\"]\nto = \"s3://bucket/in\"\nkey = \"k.key.pem\"\n{export}"
        );
        write_station(&desk, registry, &out);
        let site = S3Site::default();
        Station { desk, bucket: Host::start("127.0.0.1", site.clone()), site }
    }

    /// Lets the import pipeline take from the bucket, in which the bundle is.
    pub(crate) fn takes_from_bucket(&self) {
        let station = fs::read_to_string(self.desk.path("station.toml")).unwrap();
        let station = station.replace("from = \"in\"", "from = \"s3://bucket/in\"");
        fs::write(self.desk.path("station.toml"), station).unwrap();
        self.site.place("in/0.tar", &fs::read(chunk(&self.desk, "app", 0)).unwrap());
    }

    fn refuses(&self, method: &'static str) {
        let denied = error(403, "AccessDenied", "Access Denied");
        self.bucket.fault(Fault::on(method, "*").answers(denied));
    }

    #[track_caller]
    pub(crate) fn carnet(&self, args: &str) -> Run {
        Run::of(&mut self.command(args))
    }

    pub(super) fn command(&self, args: &str) -> Command {
        let mut command: Command = self.desk.command(&format!("station {args} --station station.toml"));
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.bucket.name()));
        command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
        command
    }
}

#[test]
fn an_export_that_fails_says_the_code_and_what_to_do() {
    let station = Station::new("127.0.0.1:1", "", "");
    station.refuses("PUT");
    let run = station.carnet("export out").ends(1);
    let run = run.says(&[
        "error[store-denied]: ",
        "the permission to write is missing",
        "hint: give it the permission to write",
        "code   store-denied",
    ]);
    assert_eq!(run.stderr.matches("error[").count(), 1, "{}", run.stderr);
    let json = station.carnet("export out --json").ends(1);
    let line = json.stderr.lines().find(|line| line.contains("\"code\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["code"], &line["level"]), (&"store-denied".into(), &"error".into()));
    assert!(line["hint"].as_str().unwrap().contains("permission to write"));
}

#[test]
fn a_name_that_exists_is_refused_with_the_name_of_the_option() {
    let station = Station::new("127.0.0.1:1", "", "");
    station.site.place("in/mine_00000.tar", b"something else");
    let run = station.carnet("export out --name mine").ends(1);
    let run = run.says(&[
        "error[target-exists]",
        "the option OverwriteBlobs is not set",
        "set OverwriteBlobs in the options",
    ]);
    assert!(!run.stderr.contains("--overwrite"), "{}", run.stderr);
}

#[test]
fn the_record_names_every_file_that_stays_and_why() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "");
    deliver_all(&station.desk, "app");
    let run = station.carnet("import mirror").ok();
    run.says(&["stays: ", "the option DeleteSourceBlobOnSuccess is not set"]);
    let record = station.desk.carnet("runs list --state state --json").json()[0].clone();
    let kept = record["filesKept"].as_object().unwrap();
    assert_eq!(kept.len(), record["files"].as_array().unwrap().len());
    assert!(kept.values().all(|why| why == "the option DeleteSourceBlobOnSuccess is not set"));
}

#[test]
fn why_says_what_keeps_a_complete_bundle_from_being_imported() {
    let station = Station::new("127.0.0.1:1", "", "trigger = \"Disabled\"\n");
    deliver_all(&station.desk, "app");
    fs::write(station.desk.path("in/notes.txt"), "mine").unwrap();
    let why = station.carnet("why mirror").ok();
    why.says(&[
        "the trigger of the pipeline is Disabled",
        "hint: import it with `carnet station import mirror`",
        "notes.txt: still arriving, or not a chunk",
    ]);

    // A chunk whose content does not fit.
    let mut bytes = fs::read(chunk(&station.desk, "app", 1)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(station.desk.path("in/app-1"), bytes).unwrap();
    let why = station.carnet("why mirror").ok();
    let line = why.stdout.lines().find(|line| line.contains("app-1:")).unwrap();
    assert!(line.contains("damaged, or still written") && line.contains("[bundle-incomplete]"), "{line}");
    let other = why.stdout.lines().find(|line| line.contains("app-2:")).unwrap();
    assert!(!other.contains("damaged, or still written; "), "{other}");
    deliver(&station.desk, "app", 1, "app-1");

    // Nobody has released it.
    station.desk.carnet("keygen boss").ok();
    let trust = fs::read_to_string(station.desk.path("trust.toml")).unwrap();
    let trust = trust.replace("[\"packer\", \"releaser\"]", "[\"packer\"]")
        + "[[keys]]\nholder = \"boss\"\npublic-key-file = \"boss.pub.pem\"\nroles = [\"releaser\"]\n";
    fs::write(station.desk.path("trust.toml"), trust).unwrap();
    let why = station.carnet("why mirror").ok();
    why.says(&["its bundle cannot be imported", "release"]);
    let json: serde_json::Value =
        serde_json::from_str(&station.carnet("why mirror --json").ok().stdout).unwrap();
    assert!(json["files"][0]["hint"].is_string(), "{json}");
}

#[test]
fn a_check_tries_to_write_and_leaves_nothing() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "");
    let checked = station.carnet("check").ok();
    checked.says(&[
        "ok      out: upload to s3://bucket/in",
        "by the access key id",
        "ok      mirror: begin an upload to",
    ]);
    assert_eq!(station.site.open_uploads(), 0);
    assert_eq!(registry.open_uploads(), 0);
    assert!(station.site.bytes("in/.carnet-check").is_none());

    station.refuses("PUT");
    let checked = station.carnet("check").ends(1);
    checked.says(&[
        "ok      out: list s3://bucket/in",
        "FAILED  out: upload to s3://bucket/in/: error[store-denied]",
        "give it the permission to write",
    ]);
    assert_eq!(station.site.open_uploads(), 0);
}

#[test]
fn a_check_tries_to_read_and_delete_what_an_import_takes() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "options = [\"DeleteSourceBlobOnSuccess\"]\n");
    station.takes_from_bucket();
    station.site.place("in/notes.txt", b"mine");
    station.carnet("check").ok().says(&[
        "ok      mirror: read s3://bucket/in/0.tar",
        "ok      mirror: delete in s3://bucket/in",
        "1 file is passed over: not a chunk",
    ]);
    assert!(station.site.bytes("in/0.tar").is_some(), "nothing real is deleted");
    station.refuses("DELETE");
    station.carnet("check").ends(1).says(&["FAILED  mirror: delete in s3://bucket/in/: error[store-denied]"]);
    station.bucket.heal();
    let denied = error(403, "AccessDenied", "Access Denied");
    station.bucket.fault(Fault::on("GET", "/bucket/in/*").answers(denied));
    station.carnet("check").ends(1).says(&["FAILED  mirror: read from s3://bucket/in/: error[store-denied]"]);
}

#[test]
fn a_check_names_artifacts_with_non_distributable_layers() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "");
    let mut source = station.desk.source("src-app");
    let config = source.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let foreign = source.blob("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", &[7; 2048]);
    let image = source.manifest(&config, &[foreign]);
    source.tag(&image, "win:1");
    station
        .carnet("check")
        .ok()
        .says(&["win:1 has 1 non-distributable layer, 2.00 KiB, which the bundle carries"]);
}

#[test]
fn runs_by_hand_show_their_progress() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "");
    let run = station.carnet("export out --json").ok();
    assert!(
        run.stderr.contains(r#"{"event":"started","run":0,"verb":"pack","phase":"pack""#),
        "{}",
        run.stderr
    );
    let record: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(record["storeAccess"], "the access key id");
    assert!(!run.stdout.contains("s3cr3t") && !run.stderr.contains("s3cr3t"));
    deliver_all(&station.desk, "app");
    let run = station.carnet("import mirror --json").ok();
    assert!(run.stderr.contains(r#""verb":"import","phase":"import""#), "{}", run.stderr);
}

#[test]
fn a_check_tries_to_push() {
    let registry = Registry::start();
    let station = Station::new(&registry.name(), "", "");
    registry.fault(Fault::on("POST", "*").answers(Response::new(403)));
    station.carnet("check").ends(1).says(&["FAILED  mirror: begin an upload to", "error[registry-denied]"]);
}
