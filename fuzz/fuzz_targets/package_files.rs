//! The text files of packages. The first byte chooses the reader. Each package that is found has a purl that reads back.
#![no_main]

use carnet::packages::purl::{parse, purl};
use carnet::packages::{dotnet, npm, python, ruby};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let found = match choice % 6 {
        0 => python::metadata(text),
        1 => npm::package_json(text),
        2 => ruby::gemspec(text),
        3 => dotnet::deps_json(text),
        4 => {
            python::record(text, b"usr/lib/python3/site-packages");
            return;
        }
        _ => {
            python::installed_files(text, b"lib/a.egg-info");
            return;
        }
    };
    for package in &found.packages {
        let _ = parse(&purl(package, None));
        assert!(!package.name.is_empty() && !package.version.is_empty());
    }
});
