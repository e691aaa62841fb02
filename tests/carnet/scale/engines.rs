//! The jobs of a plan, and those of the far side, run by the engines that they are for.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::super::behaviour::support::{CARNET, Run, cached, installed, skipped};
use super::super::registries::debian::Debian;
use super::cluster::Slurm;
use super::far_side::{arrived, assert_imported};
use super::machines::Machines;
use super::{assert_whole, desk, plan};

#[test]
fn slurm_packs_the_pieces_and_seals_after_them() {
    let Some(slurm) = Slurm::start() else { return };
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job slurm");
    // Piece 1 is killed the first time. The others go on, and nothing is sealed.
    let program = desk.path("killed-once");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'--piece 1')\n  if mkdir {0}/killed 2>/dev/null; then\n    {CARNET} \"$@\" & sleep 0.02; kill -9 $!; exit 137\n  fi\nesac\nexec {CARNET} \"$@\"\n",
        desk.path("").display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (program, key) =
        (program.display().to_string(), format!("CARNET_KEY={}", desk.path("k.key.pem").display()));
    slurm.submit(&desk, &program, &key, "");
    slurm.finish();
    assert!(desk.path("killed").exists());
    assert!(!desk.path("out/b_00000.tar").exists(), "sealed without piece 1");
    slurm.submit(&desk, &program, &key, "");
    slurm.finish();
    assert_whole(&desk, "out");
}

#[test]
fn slurm_leaves_the_signing_to_the_station_of_the_key() {
    let Some(slurm) = Slurm::start() else { return };
    let desk = desk();
    plan(&desk, "out", "--pieces 2 --job slurm");
    slurm.submit(&desk, CARNET, "", "");
    slurm.finish();
    assert!(desk.path("out/b_00001.unsigned").exists());
    desk.carnet("seal --plan out/b.plan --key k.key.pem").ok();
    assert_whole(&desk, "out");
}

/// A script that is in the source tree.
fn script(engine: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(engine)
        .join("bundle.sh")
        .display()
        .to_string()
}

#[test]
fn slurm_verifies_and_imports_a_bundle() {
    let (Some(slurm), Some(registry)) = (Slurm::start(), Debian::plain()) else { return };
    let desk = arrived();
    let run = |args: &str| {
        let script = script("slurm");
        let out = desk.path("job-%x-%a.txt").display().to_string();
        let line = format!("PIECES=3 CARNET={CARNET} bash {script} --output={out} -- {args}");
        slurm.submit_line(&desk, &line);
        slurm.finish();
    };
    let said = |name: &str| fs::read_to_string(desk.path(name)).unwrap_or_default();
    run("verify in --pub k.pub.pem --results r");
    let end = || {
        let names = desk.files("").into_keys().filter(|name| name.contains("-end-"));
        names.map(|name| said(&name)).collect::<String>()
    };
    assert!(end().contains("COMPLETE, verified and released"), "{}", end());
    let to = format!("in --pub k.pub.pem --to docker://{}/mirror", registry.name());
    // A chunk is late. Its piece fails, and nothing is finished.
    fs::rename(desk.path("in/b_00004.tar"), desk.path("late.tar")).unwrap();
    run(&format!("import {to}"));
    assert!(!registry.kept().iter().any(|path| path.contains("/_manifests/")), "something is visible");
    fs::rename(desk.path("late.tar"), desk.path("in/b_00004.tar")).unwrap();
    run(&format!("import {to}"));
    assert_imported(&desk, &registry);
}

#[test]
fn parallel_verifies_and_imports_a_bundle() {
    if !installed(&["parallel"]) {
        return;
    }
    let Some(registry) = Debian::plain() else { return };
    let desk = arrived();
    let script = script("parallel");
    let only = |pieces: &str, args: &str| {
        let last = if args.starts_with("import") { "CARNET_LAST='--receipt receipt.json'" } else { "" };
        let variables = format!("PIECES=3 CARNET_ONLY={pieces} CARNET={CARNET} {last}");
        desk.sh(&format!("{variables} bash {script} --jobs 2 -- {args}"))
    };
    let run = |args: &str| only("", args);
    let verify = "verify in --pub k.pub.pem --results r";
    only("1", verify).ends(4).says(&["missing pieces: 0,2;"]);
    only("0,2", verify).ok().says(&["COMPLETE, verified and released"]);
    fs::remove_dir_all(desk.path("r")).unwrap();
    run(verify).ok().says(&["COMPLETE, verified and released"]);
    run(&format!("import in --pub k.pub.pem --to docker://{}/mirror", registry.name())).ok();
    assert_imported(&desk, &registry);
    assert!(desk.path("receipt.json").exists());
    // The verdict is given although a piece fails.
    fs::remove_file(desk.path("in/b_00004.tar")).unwrap();
    run("verify in --pub k.pub.pem --results r").ends(4).says(&["INCOMPLETE"]);
    run("import").ends(2);
}

#[test]
fn parallel_packs_the_pieces() {
    if !installed(&["parallel"]) {
        return;
    }
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job parallel");
    let line = format!("CARNET={CARNET} CARNET_KEY=k.key.pem bash out/b.plan/parallel.sh --jobs 2");
    desk.sh(&line).ok().says(&["piece 0 of 3 packed", "piece 2 of 3 packed", "bundle b packed"]);
    assert_whole(&desk, "out");
}

#[test]
fn parallel_packs_the_pieces_on_machines_with_ssh() {
    if !installed(&["parallel"]) {
        return;
    }
    let Some(machines) = Machines::start() else { return };
    let desk = desk();
    plan(&desk, "out", "--pieces 4 --job parallel");
    // All paths are relative, and one has a space.
    fs::create_dir(desk.path("my tools")).unwrap();
    symlink(CARNET, desk.path("my tools/carnet")).unwrap();
    let before = machines.logins();
    let line = "CARNET='my tools/carnet' CARNET_KEY=k.key.pem bash out/b.plan/parallel.sh";
    let run = desk.sh(&format!("{line} {}", machines.options())).ok();
    run.says(&["piece 0 of 4 packed", "piece 3 of 4 packed", "bundle b packed"]);
    for (before, after) in before.into_iter().zip(machines.logins()) {
        assert!(after > before, "a machine did nothing");
    }
    assert_whole(&desk, "out");
}

#[test]
fn parallel_verifies_and_imports_a_bundle_on_machines_with_ssh() {
    if !installed(&["parallel"]) {
        return;
    }
    let (Some(machines), Some(registry)) = (Machines::start(), Debian::plain()) else { return };
    let desk = arrived();
    let run = |args: &str| {
        let before = machines.logins();
        let (script, options) = (script("parallel"), machines.options());
        let run = desk.sh(&format!("PIECES=4 CARNET={CARNET} bash {script} {options} -- {args}"));
        for (before, after) in before.into_iter().zip(machines.logins()) {
            assert!(after > before, "a machine did nothing");
        }
        run
    };
    run("verify in --pub k.pub.pem --results r").ok().says(&["COMPLETE, verified and released"]);
    run(&format!("import in --pub k.pub.pem --to docker://{}/mirror", registry.name())).ok();
    assert_imported(&desk, &registry);
}

/// Checks the job against the schemas of several versions, strictly.
#[test]
fn the_job_for_kubernetes_fits_its_schemas() {
    let validate = cached("kubernetes-1/bin/kubernetes-validate");
    if !validate.exists() {
        skipped("kubernetes-validate is not installed: run scripts/setup --stores");
        return;
    }
    let desk = desk();
    plan(&desk, "out", "--pieces 3 --job kubernetes");
    let job = desk.path("out/b.plan/kubernetes.yaml").display().to_string();
    for version in ["1.33", "1.37"] {
        Run::of(Command::new(&validate).args(["--strict", "-k", version, &job])).ok();
    }
    let text = fs::read_to_string(&job).unwrap();
    assert!(text.contains("completions: 3\n") && text.contains("/out/b.plan\"\n"), "{text}");
    // So do the files of the far side.
    let mut files: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for version in ["1.33", "1.37"] {
        Run::of(Command::new(&validate).args(["--strict", "-k", version]).args(&files)).ok();
    }
    // A misspelt field would be noticed.
    fs::write(desk.path("wrong.yaml"), text.replace("completionMode", "completionmode")).unwrap();
    let wrong = desk.path("wrong.yaml").display().to_string();
    assert_ne!(Run::of(Command::new(&validate).args(["--strict", &wrong])).code, Some(0));
}
