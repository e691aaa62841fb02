//! Lines `A < B`, of our own and of public files, and what holds for any two texts.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Scheme, compare};

/// The folder of public files with such lines, one a scheme. They are not part of this repository.
const FOLDER: &str = "CARNET_VERSION_ORDERS";

/// The comparisons of a text: one a line. What does not compare is a comment.
fn check(scheme: Scheme, name: &str, text: &str) -> usize {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [a, sign @ ("<" | "=" | ">"), b] = words[..] else { continue };
        if a.starts_with("//") {
            continue;
        }
        let expected = match sign {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            _ => Ordering::Greater,
        };
        seen += 1;
        for (found, expected, a, b) in
            [(compare(scheme, a, b), expected, a, b), (compare(scheme, b, a), expected.reverse(), b, a)]
        {
            if found != Ok(expected) {
                wrong.push(format!("{a} against {b}: expected {expected:?}, found {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{name}: {} of {seen}: {wrong:#?}", wrong.len());
    seen
}

#[test]
fn the_order_is_that_of_public_files() {
    #[allow(clippy::disallowed_methods)] // A test may look where its data are.
    let Some(folder) = std::env::var_os(FOLDER) else {
        #[allow(clippy::print_stdout)] // A test that did not run says so.
        let () = println!("skipped: {FOLDER} names no folder of public comparisons");
        return;
    };
    for (scheme, name, least) in [
        (Scheme::Apk, "alpine.txt", 700),
        (Scheme::Deb, "debian.txt", 30),
        (Scheme::Maven, "maven.txt", 90),
        (Scheme::Nuget, "nuget.txt", 30),
        (Scheme::Pep440, "pypi.txt", 30),
        (Scheme::Rpm, "redhat.txt", 150),
        (Scheme::Rubygems, "rubygems.txt", 20),
        (Scheme::Semver, "semver.txt", 80),
        (Scheme::Go, "semver.txt", 80),
    ] {
        let path = std::path::Path::new(&folder).join(name);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let seen = check(scheme, name, &text);
        assert!(seen >= least, "{name} has only {seen} comparisons");
    }
}

#[test]
fn debian_orders_as_dpkg() {
    check(
        Scheme::Deb,
        "deb",
        "1.0~rc1-1 < 1.0-1\n1:0.9 > 2.0\n0:1 = 1\n1.2 = 1.2-0\n1.10 > 1.9\n1.0-1+deb12u1 > 1.0-1\n1.0-1+deb12u10 > 1.0-1+deb12u9\n\
         1.0a < 1.0+\n1.0~~ < 1.0~\n1-2-3 > 1-1-9\n1.2.13.dfsg-1 < 1:1.2.13.dfsg-1\n007 = 7\n99999999999999999999 > 9",
    );
    assert!(compare(Scheme::Deb, "a:1", "1").is_err());
    assert!(compare(Scheme::Deb, ":1", "1").is_err());
    assert!(compare(Scheme::Deb, "-1", "1").is_err());
}

#[test]
fn rpm_orders_as_rpm() {
    check(
        Scheme::Rpm,
        "rpm",
        "1.0~rc1-1 < 1.0-1\n1.0^git1-1 > 1.0-1\n1.0^git1 < 1.0.1\n1:1.0-1 > 2.0-1\n(none):1 < 2\n1.0-1.el9 < 1.0-1.el9_2\n1.0 < 1.0-0\n\
         1.05 = 1.5\n1..0 = 1.0\n1.0a < 1.0.1\na < 1\n4.18.0-10.amzn2 > 4.18.0-9.amzn2",
    );
}

#[test]
fn alpine_orders_as_apk() {
    check(
        Scheme::Apk,
        "apk",
        "1.2.13-r0 < 1.2.13-r1\n1.2_alpha < 1.2_beta1\n1.2_rc9 < 1.2\n1.2 < 1.2_p1\n1.2_git20200101 < 1.2_p1\n1.2b > 1.2a\n1.2a < 1.2.1\n\
         1.10 > 1.9\n1.010 < 1.1\n1.2 < 1.2.0\n1.2-r10 > 1.2-r9\n0 < 1.2.13-r1\n1.2~ab-r1 < 1.2~ac-r0\n1.2_alpha_pre1 < 1.2_alpha",
    );
}

#[test]
fn semantic_versions_order_as_specified() {
    check(
        Scheme::Semver,
        "semver",
        "1.0.0-alpha < 1.0.0-alpha.1\n1.0.0-alpha.1 < 1.0.0-alpha.beta\n1.0.0-beta.2 < 1.0.0-beta.11\n1.0.0-rc.1 < 1.0.0\n\
         1.0.0+a = 1.0.0+b\n1 = 1.0.0\nv1.2.3 = 1.2.3\n1.2.10 > 1.2.9\n0 < 0.0.1\n1.2.3-0 < 1.2.3-a\n1.0.0-a-b > 1.0.0-a",
    );
    let error = compare(Scheme::Semver, "latest", "1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"latest\" is not a version of semver: its first three parts must be numbers"
    );
}

#[test]
fn go_orders_modules_and_its_own_releases() {
    check(
        Scheme::Go,
        "go",
        "v1.2.3 > v1.2.2\nv0.0.0-20200101000000-abcdefabcdef < v0.0.0-20210101000000-abcdefabcdef\nv2.0.0+incompatible = v2.0.0\n\
         go1.22.1 = 1.22.1\ngo1.21rc2 < 1.21.0\ngo1.21rc2 = 1.21.0-rc.2\ngo1.21rc2 > 1.21.0-0\ngo1.21beta1 < go1.21rc1\n\
         go1.21 > go1.21rc9\ngo1.9 < go1.10\ngo1.21rc10 > go1.21rc9",
    );
    assert!(compare(Scheme::Go, "(devel)", "1.0.0").is_err());
    assert!(compare(Scheme::Go, "devel +abcdef", "1.0.0").is_err());
}

#[test]
fn python_orders_as_pep_440() {
    check(
        Scheme::Pep440,
        "python",
        "1.0.dev1 < 1.0a1\n1.0a1.dev1 < 1.0a1\n1.0a1 < 1.0b1\n1.0b2 < 1.0rc1\n1.0rc1 < 1.0\n1.0 < 1.0.post1\n1.0.post1.dev2 < 1.0.post1\n\
         1.0 < 1.0+ubuntu1\n1.0+ubuntu.1 < 1.0+1\n1.0 = 1.0.0\n1.0c1 = 1.0RC1\n1.0-1 = 1.0.post1\n1.0alpha = 1.0a0\n1!0.1 > 2024.1\nv1.0 = 1.0\n\
         1.0-foo < 0.1\n1.0.dev1 < 1.0.post1.dev1\n1.0a1 < 1.0a1.post1\n1.0_post_2 = 1.0.post2\n0 = 0.0\n0 < 0.0.1",
    );
}

#[test]
fn maven_orders_as_its_reference() {
    check(
        Scheme::Maven,
        "maven",
        "1.0-alpha1 < 1.0-b1\n1.0-b1 < 1.0-M1\n1.0-m1 < 1.0-RC1\n1.0-rc1 < 1.0-SNAPSHOT\n1.0-SNAPSHOT < 1.0\n1.0 < 1.0-sp1\n1.0-sp < 1.0-foo\n\
         1.0.Final = 1\n1.foo = 1-foo\n1-foo < 1-1\n1-1 < 1.1\n2.17.1 > 2.9.9\n1.0-jre < 1.1-android\n31.1-jre > 31.1-android\n1.0-cr1 = 1-rc-1\n\
         1.0.foo = 1-foo\n1.Final.1 < 1.0-rc1\n1-ga-1 = 1-1\n1-1.Final.1 < 1-1-1\n2.foo.1 < 2-m3",
    );
}

#[test]
fn rubygems_and_nuget_have_orders_of_their_own() {
    check(
        Scheme::Rubygems,
        "rubygems",
        "1.0.0 = 1\n1.0.a < 1.0\n1.0.rc1 < 1.0.0\n1.0.0.pre1 < 1.0.0.pre2\n1.10 > 1.9\n1-a < 1\n1.0.0.rc10 > 1.0.0.rc9\n1.a.0 = 1.a",
    );
    check(
        Scheme::Nuget,
        "nuget",
        "1.0 = 1.0.0.0\n1.0.0.1 > 1.0.0\n1.0.0-RC1 = 1.0.0-rc1\n1.0.0-beta < 1.0.0\n1.0.0+a = 1.0.0\n1.0.0-beta.9 < 1.0.0-beta.10",
    );
    assert!(compare(Scheme::Rubygems, "1 && rm", "1").is_err());
    assert!(compare(Scheme::Nuget, "1.x", "1").is_err());
}

#[test]
fn texts_without_an_order_are_refused() {
    for scheme in Scheme::ALL {
        for text in ["", "  ", &"1".repeat(1025)] {
            assert!(compare(scheme, text, "1").is_err(), "{scheme:?} {text:?}");
            assert!(compare(scheme, "1", text).is_err(), "{scheme:?} {text:?}");
        }
        assert_eq!(compare(scheme, " 1.2\n", "1.2"), Ok(Ordering::Equal));
    }
}

/// Any text, and text that has much of what versions have.
const ANY: &str = r"(\PC|[0-9a-c.~^+:_ -]){0,24}";

/// Versions that are often alike.
const ALIKE: &str = r"v?[0-2](\.[0-2]|[-_+~.]?(a|rc|p|r|beta|foo|dev|post)|[0-2]){0,4}";

proptest! {
    #[test]
    fn any_two_texts_have_one_order(a in ANY, b in ANY) {
        for scheme in Scheme::ALL {
            let found = compare(scheme, &a, &b);
            let back = compare(scheme, &b, &a);
            prop_assert_eq!(found.clone().map(Ordering::reverse).ok(), back.ok(), "{:?}", scheme);
            if compare(scheme, &a, &a).is_ok() {
                prop_assert_eq!(compare(scheme, &a, &a), Ok(Ordering::Equal));
            }
        }
    }

    /// Sorting needs it, and so does a range.
    #[test]
    fn the_orders_are_transitive(versions in proptest::collection::vec(ALIKE, 3)) {
        // Maven's is not: what an absent part is worth depends on what it is compared with.
        for scheme in Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Maven) {
            let order = |a: usize, b: usize| compare(scheme, &versions[a], &versions[b]).ok();
            let at_most = |a, b| Some(order(a, b)? != Ordering::Greater);
            if at_most(0, 1) == Some(true) && at_most(1, 2) == Some(true) {
                prop_assert_eq!(at_most(0, 2), Some(true), "{:?}", scheme);
            }
        }
    }
}
