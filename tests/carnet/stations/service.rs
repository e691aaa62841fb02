//! A running station: `carnet station run`, its page, and what can be done beside it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use carnet::oci::Digest;
use serde_json::Value;

use super::watching::{chunks, deliver, deliver_all, desk};
use crate::behaviour::support::{Desk, installed, signal};
use crate::registries::debian::Debian;

/// A station with the import pipeline `mirror` from the folder `in`. It is killed when it is dropped.
pub(super) struct Service<'a> {
    desk: &'a Desk,
    child: Child,
    port: u16,
}

pub(super) fn write_station(desk: &Desk, registry: &str, rest: &str) {
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\n";
    fs::write(desk.path("trust.toml"), trust).unwrap();
    let station = format!(
        "key = \"k.key.pem\"\nstate = \"state\"\n[import.mirror]\nfrom = \"in\"\nto = \"docker://{registry}/mirror\"\n\
         trust = \"trust.toml\"\npoll = \"1s\"\n{rest}"
    );
    fs::write(desk.path("station.toml"), station).unwrap();
}

impl Service<'_> {
    pub(super) fn start(desk: &Desk) -> Service<'_> {
        Service::with(desk, &[])
    }

    /// Starts it with these variables in its environment.
    pub(super) fn with<'a>(desk: &'a Desk, variables: &[(&str, &str)]) -> Service<'a> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command =
            desk.command(&format!("station run --station station.toml --listen 127.0.0.1:{port}"));
        command.envs(variables.iter().copied());
        let log = File::options().create(true).append(true).open(desk.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let service = Service { desk, child: command.spawn().unwrap(), port };
        service.wait("it answers", || TcpStream::connect(("127.0.0.1", service.port)).is_ok());
        service
    }

    pub(super) fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !holds() {
            let log = fs::read_to_string(self.desk.path("log")).unwrap();
            assert!(Instant::now() < until, "waited in vain: {what}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The answer to a request, head and body.
    fn get(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(super) fn page(&self, path: &str) -> String {
        self.get(&format!("GET {path} HTTP/1.1\r\nHost: localhost"))
    }

    /// How often the log has these words.
    pub(super) fn count(&self, words: &str) -> usize {
        fs::read_to_string(self.desk.path("log")).unwrap().matches(words).count()
    }

    pub(super) fn stop(mut self) {
        signal(&self.child, "TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn runs(desk: &Desk, status: &str) -> Vec<Value> {
    let run = desk.carnet(&format!("runs list --state state --status {status} --json"));
    if run.code == Some(0) { run.json().as_array().unwrap().clone() } else { Vec::new() }
}

#[test]
fn a_bundle_is_imported_once_by_itself_and_the_page_shows_what_is_missing() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    write_station(&desk, registry.name(), "");
    desk.carnet("station check --station station.toml").ok().says(&["ok      mirror: reach"]);
    let service = Service::start(&desk);
    for number in [2, 0, 1] {
        deliver(&desk, "app", number, &format!("x{number}"));
    }
    service.wait("the bundle is seen", || service.page("/").contains("waits for"));
    let page = service.page("/");
    assert!(
        page.contains("All pipelines work.") && page.contains(&format!("3 of {}", chunks(&desk, "app"))),
        "{page}"
    );
    assert!(page.contains("default-src 'none'") && !page.contains("<script"));
    assert!(service.page("/healthz").starts_with("HTTP/1.1 200"));
    assert!(service.page("/metrics").contains("carnet_waiting_bundles{pipeline=\"mirror\"} 1"));
    let why = desk.carnet("station why mirror --station station.toml").ok();
    why.says(&["x0: chunk 0", "its bundle waits for"]);
    assert!(runs(&desk, "succeeded").is_empty());

    deliver_all(&desk, "app");
    service.wait("the import", || !runs(&desk, "succeeded").is_empty());
    let records = runs(&desk, "succeeded");
    assert_eq!(records[0]["importedArtifacts"][0]["name"], "mirror/app:1");
    for file in records[0]["files"].as_array().unwrap() {
        let bytes = fs::read(desk.path(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], Digest::sha256(&bytes).hex(), "the record has the sum of each file");
    }
    assert!(records[0]["trigger"]["sourceTrigger"]["timestamp"].is_string());
    let name = records[0]["name"].as_str().unwrap().to_owned();
    assert!(service.page(&format!("/runs/{name}")).contains("Succeeded"));
    let json = service.page(&format!("/runs/{name}.json"));
    let json: Value = serde_json::from_str(json.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(json["catalogDigest"], records[0]["catalogDigest"]);

    // A run by hand finds nothing to do, and says by whom it was done.
    let again = desk.carnet("station import mirror app --station station.toml").ok();
    again.says(&["Skipped", &name]);
    // Nothing is imported twice, also not after a restart.
    service.stop();
    let service = Service::start(&desk);
    service.wait("a look", || service.page("/").contains(&format!("imported by the run {name}")));
    assert_eq!(runs(&desk, "succeeded").len(), 1);
    service.stop();
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}

#[test]
fn only_reading_and_only_this_machine_is_answered() {
    let desk = desk(&["app"]);
    write_station(&desk, "127.0.0.1:1", "");
    let service = Service::start(&desk);
    for (head, status) in [
        ("POST / HTTP/1.1\r\nHost: localhost", "405"),
        ("DELETE /runs/x HTTP/1.1\r\nHost: localhost", "405"),
        ("GET / HTTP/1.1\r\nHost: station.example", "421"),
        ("GET / HTTP/1.1", "421"),
        ("GET /runs/../chain.jsonl HTTP/1.1\r\nHost: localhost", "404"),
        ("GET /runs/%2e%2e HTTP/1.1\r\nHost: localhost", "404"),
        ("GET /nothing HTTP/1.1\r\nHost: localhost", "404"),
        ("nonsense", "400"),
    ] {
        let answer = service.get(head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
    }
    assert!(!service.get("HEAD / HTTP/1.1\r\nHost: localhost").contains("<html"));
    desk.carnet("station run --station station.toml --listen 0.0.0.0:80").ends(2).says(&["loopback"]);
    // A second service of the same station is refused.
    desk.carnet("station run --station station.toml").ends(1).says(&["error[state-busy]"]);
}

#[test]
fn fields_that_are_required_must_be_given() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    let export = format!(
        "[export.out]\nartifacts = [\"oci:src-app\"]\nto = \"out\"\nrequired-fields = [\"media-serial\"]\nkey = \"k.key.pem\"\n\
         [export.missing]\nartifacts = [\"docker://{}/nothing:1\"]\nto = \"out\"\n",
        registry.name()
    );
    write_station(&desk, registry.name(), &export);
    let at = "--station station.toml";
    desk.carnet(&format!("station export out {at}")).ends(2).says(&["error[field-absent]", "media-serial"]);
    desk.carnet(&format!("station export out --field media-serial=4711 {at}"))
        .ok()
        .says(&["Succeeded", "4711"]);
    desk.carnet(&format!("station export out --field media-serial=4712 {at}")).ok().says(&["Skipped"]);
    desk.carnet(&format!("station export missing {at}")).ends(1).says(&["Failed"]);
    desk.carnet(&format!("station export nothing {at}")).ends(2).says(&["error[no-such-pipeline]"]);
    let check = desk.carnet(&format!("station check {at}")).ends(1);
    check.says(&["ok      out: find oci:src-app", "FAILED  missing: find"]);
}

#[test]
fn fields_that_an_import_requires_must_be_given() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    let fields = "required-fields = [\"media-serial\", \"approved-by\"]\n";
    write_station(&desk, registry.name(), fields);
    let import = "station import mirror --station station.toml";
    desk.carnet(import).ends(2).says(&["error[station-file]", "set trigger = \"Disabled\""]);
    write_station(&desk, registry.name(), &format!("trigger = \"Disabled\"\n{fields}"));
    deliver_all(&desk, "app");
    desk.carnet(&format!("{import} --field media-serial=4711"))
        .ends(2)
        .says(&["error[field-absent]", "the pipeline mirror requires the field \"approved-by\""]);
    let same = "--field approved-by=anna --field transferred-by=Anna";
    desk.carnet(&format!("{import} --field media-serial=4711 {same}")).ends(2).says(&["error[same-person]"]);
    assert!(runs(&desk, "succeeded").is_empty() && runs(&desk, "failed").is_empty());
    desk.carnet(&format!("{import} --field media-serial=4711 --field approved-by=Anna")).ok();
    assert_eq!(runs(&desk, "succeeded")[0]["fields"]["approved-by"], "Anna");
}

/// The page as a person sees it.
#[test]
fn a_browser_shows_the_page() {
    let Some(registry) = Debian::plain() else { return };
    if !installed(&["chromium"]) {
        return;
    }
    let desk = desk(&["app"]);
    write_station(&desk, registry.name(), "");
    let service = Service::start(&desk);
    for number in [2, 0, 1] {
        deliver(&desk, "app", number, &format!("x{number}"));
    }
    service.wait("the bundle is seen", || service.page("/").contains("waits for"));
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::new("chromium");
    browser
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--hide-scrollbars", "--window-size=1000,620", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://127.0.0.1:{}/", service.port));
    let seen = browser.output().unwrap();
    let dom = String::from_utf8_lossy(&seen.stdout);
    assert!(dom.contains("<h2>Pipelines</h2>") && dom.contains("waits for"), "{seen:?}");
    service.stop();
}
