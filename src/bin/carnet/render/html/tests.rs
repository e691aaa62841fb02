//! Tests of the page as text. How a browser shows it is in `tests/carnet/audits/page.rs`.

use super::*;
use crate::render::example::{HOSTILE, digest, package, report};

/// Stands for compression: what it returns is as long as what it gets.
fn same(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

fn made<'a>(report: &'a AuditReport, files: Option<&'a mut dyn Iterator<Item = FileRow>>) -> String {
    page(Page {
        report,
        json: Some(Sum::of(b"{}")),
        changes: None,
        files: files.map(|rows| FileSource { rows, left_out: 0 }),
        deflate: same,
    })
}

fn file(path: String, target: Option<&str>) -> FileRow {
    FileRow {
        image: digest("image"),
        path,
        kind: if target.is_some() { "symlink" } else { "file" },
        mode: 0o4755,
        uid: 0,
        gid: 12,
        size: 345,
        target: target.map(str::to_owned),
        layer: digest("layer"),
    }
}

/// The plain text of an island.
fn island(page: &str, id: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("data-island=\"{id}\""))?;
    let (_, rest) = rest.split_once('>')?;
    let (data, _) = rest.split_once('<')?;
    Some(String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap())
}

#[test]
fn the_policy_names_the_sums_of_style_and_script() {
    let page = made(&report(), None);
    let part = |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let policy = part("Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(
        policy.contains(&format!("style-src 'sha256-{}'", sum(&part("<style>", "</style>")))),
        "{policy}"
    );
    assert!(
        policy.contains(&format!("script-src 'sha256-{}'", sum(&part("<script>", "</script>")))),
        "{policy}"
    );
    assert!(
        !SCRIPT.contains("</") && !STYLE.contains("</"),
        "the end of an element would be found too early"
    );
    assert!(!page.contains("style=\""), "the policy forbids it");
}

#[test]
fn what_strangers_wrote_is_text() {
    let page = made(&report(), Some(&mut std::iter::once(file(HOSTILE.to_owned(), Some(HOSTILE)))));
    assert!(!page.contains("<script>ran") && !page.contains("\"onload"), "a name became markup");
    assert!(!page.contains('\u{202e}'), "a name can turn text round");
    let shown = "=&lt;script&gt;ran=true&lt;/script&gt;&quot;onload=&quot;\\u{202e}gpj\\nnext";
    assert!(page.contains(shown), "the name is shown as text");
}

#[test]
fn the_page_says_what_is_wrong_first() {
    let mut report = report();
    report.bundles[0].summary.verified = false;
    let page = made(&report, None);
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("no {words:?}"));
    let order = [
        "Not verified.",
        "Incomplete.",
        "NOT RELEASED",
        "</span>Denied<",
        "id=\"coverage\"",
        "What comes in",
    ];
    assert!(order.map(place).is_sorted(), "{:?}", order.map(place));
    assert!(place("known flaws were not looked up") < place("What comes in"));
    assert!(place("Audited by") > place("id=\"foreign\""));
}

#[test]
fn large_tables_are_islands_and_small_ones_are_not() {
    let mut report = report();
    assert_eq!(island(&made(&report, None), "package-list"), None);
    report.packages = (0..2_500).map(|number| package(&format!("p{number}"))).collect();
    let page = made(&report, None);
    let rows = island(&page, "package-list").unwrap();
    assert_eq!(rows.lines().count(), 2_500);
    let last: serde_json::Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    assert_eq!(last[0], "p2499");
    assert!(
        page.contains("<b>p99</b>") && !page.contains("<b>p100</b>"),
        "the first 100 rows need no script"
    );
}

#[test]
fn files_are_a_list_of_what_differs_from_the_line_before() {
    let mut rows = vec![
        file("usr/bin/a".to_owned(), None),
        file("usr/bin/b\n".to_owned(), Some("a\tb")),
        file("usr/bin/b\n".to_owned(), None),
        file("usr/binary".to_owned(), None),
    ]
    .into_iter();
    let page = made(&report(), Some(&mut rows));
    let layer = digest("layer").hex();
    let expected = format!(
        "=\t{0}\n@\t0\n+\t{layer}\t{1}\n\
         0\tusr/bin/a\t-\t4755\t0:12\t345\t0\n\
         2\tb\\n\tl\t4755\t0:12\t345\t0\ta\\tb\n\
         2\tb\\n\t-\t4755\t0:12\t345\t0\n\
         1\tbinary\t-\t4755\t0:12\t345\t0\n",
        words::short(&digest("image")),
        words::short(&digest("layer")),
    );
    assert_eq!(island(&page, "tree").unwrap(), expected);
}

#[test]
fn a_page_of_any_audit_is_at_most_25_mb_and_says_what_it_leaves_out() {
    let mut report = report();
    let long = "x".repeat(900);
    report.packages = (0..16_000).map(|number| package(&format!("p{number}{long}"))).collect();
    let mut files = (0..25_000).map(|number| file(format!("opt/{long}/{number}"), Some(&long)));
    let page = made(&report, Some(&mut files));
    assert!(page.len() <= island::PAGE_BYTES, "{} bytes", page.len());
    for words in ["of 16,000 rows are left out", "of 25000 entries are left out"] {
        assert!(page.contains(words), "no {words:?}");
    }
}

#[test]
fn circles_of_referrers_end() {
    let page = made(&report(), None);
    let (_, tree) = page.split_once("<svg class=\"tree\"").unwrap();
    let (tree, _) = tree.split_once("</svg>").unwrap();
    assert_eq!(tree.matches("<text").count(), 5, "{tree}");
}
