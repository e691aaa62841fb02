//! The report as a page, in a browser: it opens from a file, asks for nothing, and takes no name for markup.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::contents::image;
use crate::behaviour::support::{Desk, Run, cached};

/// Where `scripts/setup --audits` puts what drives the browser.
const MODULES: &str = "page-2";
/// Names that a careless page would run, or show as something else.
const NAMES: &[&str] = &[
    "odd<img src=x onerror=ran=true>",
    "odd<script>ran=true<script>",
    "odd\"onload=\"ran=true",
    "odd'onclick='ran=true",
    "oddgpj.\u{202e}exe",
    "oddtwo\nlines",
    "odd&amp;lt;",
    "odd\u{7}bell",
];
/// The files beside them: more than the page writes as HTML.
const FILES: usize = 3_000;
const PACKAGES: usize = 60;

/// An archive with these files.
fn archive(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A bundle of one image: packages of Debian, many files, and files with hostile names.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let mut status = String::new();
    for number in 0..PACKAGES {
        let name = if number == 7 { "zlib1g".to_owned() } else { format!("package{number}") };
        write!(
            status,
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.{}\n\n",
            number * 7 % PACKAGES
        )
        .unwrap();
    }
    let mut files = vec![
        (
            "etc/os-release".to_owned(),
            b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n".to_vec(),
        ),
        ("var/lib/dpkg/status".to_owned(), status.into_bytes()),
    ];
    files.extend(NAMES.iter().map(|name| (format!("odd/{name}"), b"x".to_vec())));
    files.extend((0..FILES).map(|number| (format!("usr/share/{}/file{number}", number % 40), Vec::new())));
    let layer = archive(files);
    let diff_id = carnet::oci::Digest::sha256(&layer).to_string();
    let layer = source.blob("application/vnd.oci.image.layer.v1.tar", &layer);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Env": ["NAME=<script>ran=true</script>"], "Labels": { "x": "\"><img src=x onerror=ran=true>" } },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created_by": "ADD \u{202e}<script>ran=true</script> /" }],
    });
    let config = source.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = source.manifest(&config, &[layer]);
    source.tag(&manifest, "team/app:1");
    desk.pack("oci:src").ok();
    desk
}

/// Writes the page of an audit of the bundle on the desk.
fn report_page(desk: &Desk, name: &str, options: &str) -> PathBuf {
    desk.carnet(&format!("audit out --pub k.pub.pem -o html={name} {options}")).ok();
    desk.path(name)
}

/// The folder with what opens the page and judges it.
fn modules() -> PathBuf {
    let folder = cached(MODULES);
    for module in ["playwright-core", "axe-core", "html-validate"] {
        assert!(
            folder.join("node_modules").join(module).exists(),
            "{module} is not installed in {} (scripts/setup --audits)",
            folder.display()
        );
    }
    folder
}

/// The path of a program.
fn program(name: &str) -> String {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", name]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    assert!(!path.is_empty(), "{name} is not installed (scripts/setup --audits)");
    path
}

/// Runs a script that drives the browser, and returns what it prints.
fn driven(script: &str, files: &[&Path]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/carnet/audits").join(script);
    let mut node = Command::new(program("node"));
    node.arg(script).args(files).arg(modules()).arg(program("chromium"));
    Run::of(&mut node).ok().json()
}

/// Opens a page in the browser, and returns what it saw.
fn browsed(desk: &Desk, page: &Path) -> Value {
    driven("page.mjs", &[page, &desk.path("page.pdf")])
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_browser_shows_the_page_and_runs_nothing_of_the_cargo() {
    let desk = desk();
    let page = report_page(&desk, "page.html", "");
    let seen = browsed(&desk, &page);
    let url = format!("file://{}", page.display());
    for request in texts(&seen["requests"]) {
        // What the script expands is in the page itself.
        assert!(request == url || request.starts_with("blob:"), "the page asks for {request}");
    }
    for nothing in ["reports", "errors", "axe", "html"] {
        assert_eq!(seen[nothing], json!([]), "{nothing}");
    }
    assert_eq!(seen["broken"], true, "the checker of HTML finds nothing in a broken page");
    let hostile = &seen["hostile"];
    assert_eq!(
        (&hostile["ran"], &hostile["hidden"], &hostile["images"], &hostile["handlers"], &hostile["scripts"]),
        (&json!(false), &json!(false), &json!(0), &json!(0), &json!(1)),
        "{hostile}"
    );

    let mut names: Vec<String> = NAMES
        .iter()
        .map(|name| {
            format!("odd/{name}")
                .replace('\u{202e}', "\\u{202e}")
                .replace('\n', "\\n")
                .replace('\u{7}', "\\u{7}")
        })
        .collect();
    let mut found: Vec<&str> = texts(&seen["found"]).into_iter().filter(|name| *name != "odd").collect();
    names.sort();
    found.sort_unstable();
    assert_eq!(found, names, "the tree shows each name as text");
    assert!(seen["said"].as_str().unwrap().contains(" of 3,"), "{}", seen["said"]);

    assert_eq!(seen["folded"], 0);
    assert!(seen["unfolded"].as_u64().unwrap() > 0);
    assert_eq!(seen["skip"], "#main");
    assert_ne!(seen["light"], seen["dark"]);

    let keyboard = json!({
        "skipped": "#main", "search": true, "searched": ["zlib1g"], "sort": true, "order": "ascending", "again": "descending",
        "tree": true, "found": NAMES.len() + 1, "folder": true, "opened": true, "seen": true,
    });
    assert_eq!(seen["keyboard"], keyboard);

    let (up, down) = (&seen["ascending"], &seen["descending"]);
    assert_eq!((&up["order"], &down["order"]), (&json!("ascending"), &json!("descending")));
    // The script shows the first 50 of 60 packages, whose versions are 1.0 to 1.59.
    let versions = |column: &Value| -> Vec<String> { texts(column).into_iter().map(str::to_owned).collect() };
    let expected = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<String> {
        numbers.take(50).map(|number| format!("1.{number}")).collect()
    };
    assert_eq!(versions(&up["column"]), expected(&mut (0..PACKAGES)));
    assert_eq!(versions(&down["column"]), expected(&mut (0..PACKAGES).rev()));
    assert_eq!(texts(&seen["searched"]), ["zlib1g"]);

    let pdf = fs::read(desk.path("page.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    let report = desk.carnet("audit out --pub k.pub.pem --json").ok().json();
    let id = report["bundles"][0]["bundle"].as_str().unwrap();
    let paper = desk.sh("pdftotext -layout page.pdf -").ok().stdout;
    let sheets: Vec<&str> = paper.split_terminator('\u{c}').collect();
    assert!(sheets.len() > 2, "{} pages on paper", sheets.len());
    for (number, sheet) in sheets.iter().enumerate() {
        let mut lines = sheet.lines().filter(|line| !line.trim().is_empty());
        let (head, foot) = (lines.next().unwrap().trim(), lines.next_back().unwrap().trim());
        assert!(head.starts_with("Audit of b ") && head.ends_with(&format!(" Id {id}")), "{head}");
        assert_eq!(foot.replace(' ', ""), format!("{}/{}", number + 1, sheets.len()));
    }
}

#[test]
fn without_script_the_page_says_what_matters() {
    let desk = desk();
    let page = report_page(&desk, "page.html", "");
    let seen = browsed(&desk, &page);
    let seen = &seen["scriptless"];
    assert_eq!(seen["inputs"], 0);
    let titles = texts(&seen["titles"]);
    for title in ["Not judged", "What was not seen", "What comes in", "Findings", "What the audit rests on"] {
        assert!(titles.iter().any(|found| found.contains(title)), "no {title:?} in {titles:?}");
    }
    let text = seen["text"].as_str().unwrap();
    for words in ["Audit of b", "Packed by", "zlib1g", "Signature", "needs script"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}

#[test]
fn the_page_is_the_same_each_time() {
    let desk = desk();
    let first = fs::read(report_page(&desk, "1.html", "--jobs 1 --at 2026-01-01T00:00:00Z")).unwrap();
    let second = fs::read(report_page(&desk, "2.html", "--jobs 8 --at 2026-01-01T00:00:00Z")).unwrap();
    assert!(first == second, "two audits of one bundle give two pages");
    assert!(first.len() < 3_000_000, "{} bytes", first.len());
}

/// How long that takes is measured by scripts/bench-audit.
#[test]
fn a_page_of_100_000_files_opens_and_can_be_searched() {
    let desk = Desk::new();
    let files = (0..100_000).map(|n| (format!("usr/lib/part{}/file-{n}.so", n % 997), Vec::new()));
    image(&mut desk.source("src"), "team/app:1", &[archive(files)]);
    desk.carnet("audit oci:src --no-secrets -o html=page.html").ok();
    let seen = driven("page_speed.mjs", &[&desk.path("page.html")]);
    assert!(seen["said"].as_str().unwrap().starts_with("1 of 100,9"), "{seen}");
}
