//! A cluster with Slurm on this machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::behaviour::support::{Desk, Run, installed, skipped};
use super::until;

/// Slurm, with nodes `n1`, `n2` and so on, which are all this machine.
pub(super) struct Slurm {
    folder: TempDir,
    daemons: Vec<Child>,
    nodes: Vec<(String, Child)>,
}

/// With these settings the daemons soon take a node that does not answer for dead.
const IMPATIENT: &str = "SlurmdTimeout=2\nMessageTimeout=2\nTCPTimeout=1\n";

impl Slurm {
    /// A cluster with one node.
    ///
    /// `None` if Slurm is not installed, or if this is not root, which its daemons need; then the test is reported as skipped.
    pub(super) fn start() -> Option<Slurm> {
        Slurm::with(&["n1"], None, "")
    }

    /// A cluster with two nodes that can die, of which each runs one piece at a time. It soon notices when one is dead.
    ///
    /// `None` as for one node, or if there may be no namespaces of processes here.
    pub(super) fn mortal() -> Option<Slurm> {
        // All processes of a node die with the first one of its namespace, as they do when the power fails.
        let alone = ["unshare", "--fork", "--pid", "--kill-child", "--mount-proc"];
        if !Command::new("unshare")
            .args(&alone[1..])
            .arg("true")
            .status()
            .is_ok_and(|status| status.success())
        {
            skipped("no namespaces of processes");
            return None;
        }
        Slurm::with(&["n1", "n2"], Some(&alone), IMPATIENT)
    }

    fn with(names: &[&str], prefix: Option<&[&str]>, settings: &str) -> Option<Slurm> {
        if !installed(&["slurmctld", "slurmd", "sbatch", "munged"]) {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skipped("slurmd needs root");
            return None;
        }
        let mut slurm = Slurm { folder: TempDir::new().unwrap(), daemons: Vec::new(), nodes: Vec::new() };
        slurm.authenticate();
        slurm.configure(names, settings);
        let controller = slurm.spawn("slurmctld", &["slurmctld", "-D"]);
        slurm.daemons.push(controller);
        for name in names {
            let mut words = prefix.unwrap_or_default().to_vec();
            words.extend(["slurmd", "-D", "-N", name]);
            let node = slurm.spawn(name, &words);
            slurm.nodes.push(((*name).to_owned(), node));
        }
        let all_idle = || {
            let states = slurm.run("sinfo --noheader --Node --format=%t").stdout;
            states.lines().filter(|state| *state == "idle").count() == names.len()
        };
        slurm.wait("the nodes are idle", all_idle);
        Some(slurm)
    }

    /// Starts munge, by which the daemons know each other.
    fn authenticate(&mut self) {
        let path = |name: &str| self.path(name).display().to_string();
        for name in ["state", "munge"] {
            fs::create_dir(path(name)).unwrap();
        }
        // Other users write into the folder of the socket otherwise, and munge refuses that.
        for name in ["", "munge"] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(path("munge.key"), super::noise(1, 1024)).unwrap();
        fs::set_permissions(path("munge.key"), fs::Permissions::from_mode(0o400)).unwrap();
        let munge = format!(
            "munged --foreground --force --key-file={} --socket={} --pid-file={} --log-file={} --seed-file={}",
            path("munge.key"),
            path("munge/socket"),
            path("munge/pid"),
            path("munge/log"),
            path("munge/seed")
        );
        let words: Vec<_> = munge.split(' ').collect();
        let daemon = self.spawn("munged", &words);
        self.daemons.push(daemon);
        self.wait("munge has its socket", || self.path("munge/socket").exists());
    }

    fn configure(&self, names: &[&str], settings: &str) {
        let path = |name: &str| self.path(name).display().to_string();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = Run::of(Command::new("hostname").arg("-s")).ok().stdout.trim().to_owned();
        // Each runs two pieces if it is alone.
        let cpus = if names.len() == 1 { 2 } else { 1 };
        let node = |name: &&str| {
            format!(
                "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={} CPUs={cpus} RealMemory=1000 State=UNKNOWN",
                free()
            )
        };
        let mut lines = vec![
            "ClusterName=test".to_owned(),
            format!("SlurmctldHost={host}(127.0.0.1)"),
            "SlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\nCryptoType=crypto/munge".to_owned(),
            format!("AuthInfo=socket={},cred_expire=5", path("munge/socket")),
            format!("StateSaveLocation={}\nSlurmdSpoolDir={}", path("state"), path("spool-%n")),
            format!("SlurmctldPidFile={}\nSlurmdPidFile={}", path("slurmctld.pid"), path("%n.pid")),
            format!("SlurmctldPort={}", free()),
            "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none"
                .to_owned(),
            "AccountingStorageType=accounting_storage/none\nSelectType=select/cons_tres".to_owned(),
            "SelectTypeParameters=CR_Core\nReturnToService=2\nSwitchType=switch/none\nMpiDefault=none"
                .to_owned(),
            "SchedulerParameters=sched_interval=1,bf_interval=1".to_owned(),
        ];
        lines.extend(names.iter().map(node));
        lines.push(format!(
            "PartitionName=all Nodes={} Default=YES MaxTime=INFINITE State=UP\n",
            names.join(",")
        ));
        let text = lines.join("\n");
        fs::write(path("slurm.conf"), format!("{settings}{text}")).unwrap();
        // Commands wait for longer, on a busy machine.
        fs::write(path("commands.conf"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a daemon has written: `munged`, `slurmctld`, or the name of a node.
    pub(super) fn log(&self, daemon: &str) -> String {
        fs::read_to_string(self.path(&format!("{daemon}.log"))).unwrap_or_default()
    }

    fn spawn(&self, name: &str, words: &[&str]) -> Child {
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        Command::new(words[0])
            .args(&words[1..])
            .env("SLURM_CONF", self.path("slurm.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// A shell line with the cluster's configuration.
    pub(super) fn run(&self, line: &str) -> Run {
        Run::of(Command::new("sh").args(["-c", line]).env("SLURM_CONF", self.path("commands.conf")))
    }

    /// Waits until something is true, and shows the logs if it does not become so.
    #[track_caller]
    pub(super) fn wait(&self, what: &str, ready: impl Fn() -> bool) {
        if !until(ready) {
            let logs: String =
                ["munged", "slurmctld", "n1", "n2"].into_iter().map(|name| self.log(name)).collect();
            panic!("not after two minutes: {what}\n{}\n{logs}", self.run("squeue").stdout);
        }
    }

    /// Runs the script of the plan in `out`, which submits its jobs.
    pub(super) fn submit(&self, desk: &Desk, program: &str, key: &str, options: &str) {
        let out = desk.path("jobs-%A-%a.txt").display().to_string();
        let line = format!("CARNET={program} {key} bash out/b.plan/slurm.sh --output={out} {options}");
        self.submit_line(desk, &line);
    }

    /// Runs a script that submits jobs.
    pub(super) fn submit_line(&self, desk: &Desk, line: &str) {
        self.run(&format!("cd {} && {line}", desk.path("").display())).ok().says(&["pieces: job"]);
    }

    /// Waits until no job is left.
    #[track_caller]
    pub(super) fn finish(&self) {
        self.wait("no job is left", || self.run("squeue --noheader").ok().stdout.trim().is_empty());
    }

    /// Kills all processes of a node at once.
    pub(super) fn kill_node(&mut self, name: &str) {
        let at = self.nodes.iter().position(|(node, _)| node == name).expect("a node");
        let (_, mut node) = self.nodes.remove(at);
        node.kill().unwrap();
        node.wait().unwrap();
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let nodes = self.nodes.iter_mut().map(|(_, node)| node);
        for daemon in nodes.chain(self.daemons.iter_mut().rev()) {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}
