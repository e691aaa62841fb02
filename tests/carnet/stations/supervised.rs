//! What supervises the service: systemd, collectors of metrics, readers of the log.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::service::{runs, write_station};
use super::watching::{deliver_all, desk};
use crate::behaviour::support::{Desk, signal, wait_for};

/// Starts the service with options and an environment. Its log is the file `log`.
fn start(desk: &Desk, options: &str, change: impl FnOnce(&mut Command)) -> Child {
    let mut command = desk.command(&format!("station run --station station.toml {options}"));
    let log = File::create(desk.path("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    change(&mut command);
    command.spawn().unwrap()
}

fn log(desk: &Desk) -> String {
    fs::read_to_string(desk.path("log")).unwrap()
}

fn stop(mut child: Child) {
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn systemd_is_told_that_it_is_ready_alive_and_stopping() {
    let desk = desk(&[]);
    write_station(&desk, "127.0.0.1:1", "");
    let path = desk.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let child = start(&desk, "", |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    });
    let next = || {
        let mut message = [0; 100];
        let bytes = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..bytes].to_vec()).unwrap()
    };
    let first: Vec<String> = (0..6).map(|_| next()).collect();
    assert_eq!(first.iter().filter(|message| *message == "READY=1").count(), 1, "{first:?}");
    assert_eq!(first.iter().filter(|message| *message == "WATCHDOG=1").count(), 5, "{first:?}");
    stop(child);
    let mut last = next();
    while last == "WATCHDOG=1" {
        last = next();
    }
    assert_eq!(last, "STOPPING=1");
}

#[test]
fn metrics_are_written_and_a_socket_answers() {
    let desk = desk(&[]);
    write_station(&desk, "127.0.0.1:1", "");
    let mut child = start(&desk, "--metrics-file metrics.prom --listen unix:status.sock", |_| {});
    assert!(wait_for(&mut child, || desk.path("metrics.prom").exists()), "{}", log(&desk));
    let metrics = fs::read_to_string(desk.path("metrics.prom")).unwrap();
    assert!(metrics.contains("carnet_problem{pipeline=\"mirror\"} 0"), "{metrics}");
    assert!(metrics.contains("# TYPE carnet_inbox_files gauge"), "{metrics}");
    let mut stream = UnixStream::connect(desk.path("status.sock")).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    stop(child);
    // A socket that an earlier process left is replaced.
    let mut child = start(&desk, "--listen unix:status.sock", |_| {});
    assert!(wait_for(&mut child, || UnixStream::connect(desk.path("status.sock")).is_ok()), "{}", log(&desk));
    stop(child);
}

#[test]
fn the_log_is_json_or_has_priorities() {
    let desk = desk(&[]);
    write_station(&desk, "127.0.0.1:1", "");
    let mut child = start(&desk, "--json", |_| {});
    assert!(wait_for(&mut child, || log(&desk).contains("watching")));
    stop(child);
    for line in log(&desk).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["level"], &line["pipeline"]), (&"info".into(), &"mirror".into()), "{line}");
        assert!(line["time"].is_string() && line["text"].is_string() && line["run"].is_null(), "{line}");
    }
    let mut child = start(&desk, "", |command| {
        command.env("JOURNAL_STREAM", "8:1");
    });
    assert!(wait_for(&mut child, || log(&desk).contains("<6>mirror: watching")), "{}", log(&desk));
    fs::remove_dir(desk.path("in")).unwrap();
    assert!(wait_for(&mut child, || log(&desk).contains("<3>mirror: cannot look")), "{}", log(&desk));
    stop(child);
}

/// The registry takes the connection of the push and says nothing.
#[test]
fn a_run_under_way_is_interrupted_by_sigterm() {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static UPLOADS: AtomicUsize = AtomicUsize::new(0);

    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = registry.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in registry.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut block = [0; 4096];
                while let Ok(bytes @ 1..) = stream.read(&mut block) {
                    let head = String::from_utf8_lossy(&block[..bytes]).into_owned();
                    if head.starts_with("POST") {
                        UPLOADS.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_secs(600));
                    }
                    let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                }
            });
        }
    });
    let desk = desk(&["app"]);
    write_station(&desk, &name, "");
    let mut child = start(&desk, "", |_| {});
    deliver_all(&desk, "app");
    assert!(wait_for(&mut child, || UPLOADS.load(Ordering::SeqCst) > 0), "{}", log(&desk));
    assert_eq!(runs(&desk, "running").len(), 1);
    stop(child);
    let records = runs(&desk, "interrupted");
    assert_eq!(records.len(), 1, "{}", log(&desk));
    assert!(runs(&desk, "running").is_empty() && runs(&desk, "failed").is_empty());
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}
