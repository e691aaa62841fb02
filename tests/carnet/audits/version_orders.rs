//! The orders of versions against the tools that define them, on many made-up versions.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use carnet::versions::{Scheme, compare};

/// Numbers that look random and are the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Pairs of versions, often alike. A version begins with a digit, and has an epoch and a revision now and then.
fn pairs(count: usize, parts: &[&str], seed: u64) -> Vec<(String, String)> {
    let mut numbers = Numbers(seed);
    let version = |numbers: &mut Numbers, start: &str| {
        let mut text = format!("{}{start}", numbers.one(&["", "", "", "0:", "1:", "01:"]));
        for _ in 0..numbers.below(5) {
            text.push_str(numbers.one(parts));
        }
        text.push_str(numbers.one(&["", "", "-0", "-1", "-01", "-1~b", "-1.2", "-a10"]));
        text
    };
    let pair = |place: usize| {
        let start = numbers.one(&["0", "1", "01", "1.0", "10"]);
        let first = version(&mut numbers, start);
        let second = match place % 8 {
            0 if !first.contains(':') => format!("00:{first}"),
            1 => first.replace('1', "01"),
            _ => version(&mut numbers, start),
        };
        (first, second)
    };
    (0..count).map(pair).collect()
}

/// Runs a program with a script on its stdin, and returns the lines that it prints.
fn lines_of(program: &str, arguments: &[&str], script: &str) -> Vec<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program}: {error} (scripts/setup installs it)"));
    let mut stdin = child.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success(), "{program}: {}", out.status);
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Compares our order with the answers of a tool: `<`, `=` or `>` a pair.
fn check(scheme: Scheme, pairs: &[(String, String)], answers: &[String]) {
    assert_eq!(pairs.len(), answers.len());
    let mut wrong = Vec::new();
    let mut counts = [0, 0, 0];
    for ((a, b), answer) in pairs.iter().zip(answers) {
        let (place, expected) = match answer.as_str() {
            "<" => (0, Ordering::Less),
            "=" => (1, Ordering::Equal),
            ">" => (2, Ordering::Greater),
            other => panic!("{a} {b}: the tool says {other:?}"),
        };
        counts[place] += 1;
        let found = compare(scheme, a, b);
        if found != Ok(expected) {
            wrong.push(format!("{a} {answer} {b}, but found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), pairs.len(), &wrong[..wrong.len().min(20)]);
    assert!(counts.iter().all(|count| *count > pairs.len() / 50), "the pairs are too much alike: {counts:?}");
}

#[test]
fn debian_versions_are_ordered_as_dpkg_orders_them() {
    let parts = [".0", ".1", ".10", "~", "~rc1", "+", "+b1", "a", "b", "Z", "-1", "00", "9", ".", "+deb12u1"];
    let pairs = pairs(600, &parts, 0x5eed_0001);
    // One shell for all pairs: most of the time goes into dpkg itself.
    let script = pairs.iter().fold(String::new(), |mut script, (a, b)| {
        writeln!(
            script,
            "if dpkg --compare-versions '{a}' lt '{b}'; then echo '<'; \
             elif dpkg --compare-versions '{a}' eq '{b}'; then echo '='; else echo '>'; fi"
        )
        .unwrap();
        script
    });
    lines_of("dpkg", &["--version"], "");
    check(Scheme::Deb, &pairs, &lines_of("sh", &[], &script));
}

#[test]
fn rpm_versions_are_ordered_as_rpm_orders_them() {
    let parts =
        [".0", ".1", ".10", "~", "~rc1", "^", "^git1", "a", "b", "Z", "00", "9", ".", "_", ".el9", "+x"];
    let pairs = pairs(4000, &parts, 0x5eed_0002);
    let mut answers = Vec::new();
    // An argument of a program has at most 128 KiB.
    for pairs in pairs.chunks(1000) {
        let list = pairs.iter().fold(String::new(), |mut list, (a, b)| {
            write!(list, "{{'{a}','{b}'}},").unwrap();
            list
        });
        let lua = format!(
            "%{{lua: local t = {{ {list} }}; local s = {{ [-1] = '<', [0] = '=', [1] = '>' }}; \
             for _, p in ipairs(t) do print(s[rpm.vercmp(p[1], p[2])] .. '\\n') end}}"
        );
        answers.extend(lines_of("rpm", &["--eval", &lua], "").into_iter().filter(|line| !line.is_empty()));
    }
    check(Scheme::Rpm, &pairs, &answers);
}

/// Reads pairs from stdin, and prints how pip orders them. What it refuses has no order.
const PIP: &str = r"
import sys
try:
    from packaging.version import Version
except ImportError:
    from pip._vendor.packaging.version import Version
for line in sys.stdin:
    try:
        a, b = map(Version, line.split())
    except ValueError:
        print('-')
        continue
    print('<' if a < b else '>' if a > b else '=')
";

#[test]
fn python_versions_are_ordered_as_pip_orders_them() {
    let parts = [
        ".0", ".1", ".10", "a", "a1", ".beta2", "-rc", "_pre.1", "c10", ".post1", "-2", ".rev", "dev",
        ".dev3", "+u1", "+1.a", "+a.1",
    ];
    let mut pairs = pairs(4000, &parts, 0x5eed_0003);
    for (a, b) in &mut pairs {
        // The sign of an epoch is another one.
        *a = a.replace(':', "!");
        *b = b.replace(':', "!");
    }
    let list = pairs.iter().fold(String::new(), |list, (a, b)| list + a + " " + b + "\n");
    let answers = lines_of("python3", &["-c", PIP], &list);
    let answered = pairs.into_iter().zip(answers).filter(|(_, answer)| answer != "-");
    let (pairs, answers): (Vec<_>, Vec<_>) = answered.unzip();
    assert!(pairs.len() > 300, "pip takes only {} of 4000 pairs", pairs.len());
    check(Scheme::Pep440, &pairs, &answers);
}
