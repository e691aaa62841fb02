//! A machine dies while it packs a piece.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::behaviour::layouts::plain;
use super::super::behaviour::support::{CARNET, Desk, installed};
use super::super::registries::http::{Delivery, Fault};
use super::super::registries::server::Registry;
use super::cluster::Slurm;
use super::machines::Machines;
use super::{assert_whole, at, until};

const PIECES: usize = 4;
const LAYER: usize = 300_000;

/// A bundle of which one process gets the first half of a layer from the registry, and then nothing more.
struct Halfway {
    desk: Desk,
    _registry: Registry,
    stalled: Arc<AtomicBool>,
}

impl Halfway {
    fn new(engine: &str) -> Halfway {
        let desk = Desk::new();
        let mut source = desk.source("src");
        for seed in 0..PIECES as u64 {
            let image = source.image(seed, &[LAYER, 5000, 20_000]);
            source.tag(&plain(&image), &seed.to_string());
        }
        let registry = Registry::start();
        registry.seed(source.path(), "app");
        let content =
            format!("docker://{}/app:* --name b --chunk-size 64KiB --expires 20000d", registry.name());
        at(&desk, &format!("pack {content} --to whole --key k.key.pem")).ok();
        let options = format!("--to out --pub k.pub.pem --pieces {PIECES} --job {engine}");
        at(&desk, &format!("plan {content} {options}")).ok();
        let stalled = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&stalled);
        registry.fault(Fault::on("GET", "*/blobs/*").alters(move |response| {
            if response.body.len() == LAYER && !first.swap(true, Ordering::SeqCst) {
                response.delivery = Delivery::Stall(LAYER / 2);
            }
        }));
        Halfway { desk, _registry: registry, stalled }
    }

    /// Waits for the process that has half a layer. Returns the number of its piece, and its machine. `running` says which
    /// pieces are running, and where.
    fn stalled(&self, running: impl Fn() -> Vec<(usize, String)>) -> (usize, String) {
        assert!(until(|| self.stalled.load(Ordering::SeqCst)), "no layer stalls");
        // Two pieces are running. The one that ends is not the one.
        let then = running();
        let still = || running().into_iter().filter(|one| then.contains(one)).collect::<Vec<_>>();
        assert!(until(|| still().len() == 1), "{then:?} are running, and still {:?}", still());
        still().remove(0)
    }

    /// Submits jobs to Slurm, and kills the node that has half a layer. Returns the number of its piece.
    fn kill_node(&self, slurm: &mut Slurm, options: &str) -> usize {
        slurm.submit(&self.desk, CARNET, &self.key(), options);
        let running = || {
            let lines = slurm.run("squeue --noheader --array --states=R --format='%K %N'").ok().stdout;
            let words = |line: &str| {
                let (piece, node) = line.split_once(' ')?;
                Some((piece.parse().ok()?, node.trim().to_owned()))
            };
            lines.lines().filter_map(words).collect()
        };
        let (piece, node) = self.stalled(running);
        slurm.kill_node(&node);
        piece
    }

    fn key(&self) -> String {
        format!("CARNET_KEY={}", self.desk.path("k.key.pem").display())
    }
}

#[test]
fn slurm_packs_the_piece_of_a_dead_node_on_another() {
    let Some(mut slurm) = Slurm::mortal() else { return };
    let halfway = Halfway::new("slurm");
    let piece = halfway.kill_node(&mut slurm, "");
    slurm.finish();
    assert!(slurm.log("slurmctld").contains("due to failure of node"), "{}", slurm.log("slurmctld"));
    let said: String = halfway
        .desk
        .files("")
        .into_iter()
        .filter(|(name, _)| name.starts_with("jobs-"))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect();
    assert!(said.contains(&format!("piece {piece} of {PIECES} packed")), "{said}");
    assert_whole(&halfway.desk, "out");
}

#[test]
fn a_piece_that_died_with_its_node_is_named_and_packed_later() {
    let Some(mut slurm) = Slurm::mortal() else { return };
    let halfway = Halfway::new("slurm");
    let desk = &halfway.desk;
    let piece = halfway.kill_node(&mut slurm, "--no-requeue");
    slurm.finish();
    assert!(slurm.log("slurmctld").contains("on failed node"), "{}", slurm.log("slurmctld"));
    // The other pieces are there, and the bundle is not sealed.
    let names: Vec<_> = desk.files("out").into_keys().collect();
    assert!(names.iter().any(|name| name.starts_with('.')), "the piece was not in the middle: {names:?}");
    assert!(!desk.path("out/b_00000.tar").exists(), "sealed without piece {piece}");
    let refused = desk.carnet("seal --plan out/b.plan --key k.key.pem").ends(4);
    refused.says(&["error[pieces-missing]", &format!("missing pieces: {piece};")]);
    slurm.submit(desk, CARNET, &format!("CARNET_ONLY={piece} {}", halfway.key()), "");
    slurm.finish();
    assert_whole(desk, "out");
}

#[test]
fn parallel_packs_the_piece_of_a_dead_machine_on_another() {
    if !installed(&["parallel"]) {
        return;
    }
    let Some(mut machines) = Machines::start() else { return };
    let halfway = Halfway::new("parallel");
    let line =
        format!("CARNET={CARNET} {} exec bash out/b.plan/parallel.sh {}", halfway.key(), machines.options());
    let mut script = Command::new("sh")
        .args(["-c", &line])
        .current_dir(halfway.desk.path(""))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (_, machine) = halfway.stalled(|| machines.pieces());
    machines.kill(&machine);
    assert!(script.wait().unwrap().success());
    assert_whole(&halfway.desk, "out");
}
