//! Machines that are reached by SSH. All of them are this one.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::super::behaviour::support::{Run, installed, skipped};
use super::until;

/// It must be started with its whole path.
const SSHD: &str = "/usr/sbin/sshd";

/// A variable in the environment of everything that runs on a machine.
const MARK: &str = "CARNET_TEST_MACHINE";

pub(super) struct Machines {
    folder: TempDir,
    servers: Vec<(String, Child)>,
}

impl Machines {
    /// The machines `node1` and `node2`, which let in the person who runs the test, with a key of their own.
    ///
    /// `None` if that cannot be done here; then the test is reported as skipped.
    pub(super) fn start() -> Option<Machines> {
        if !installed(&[SSHD, "ssh", "ssh-keygen"]) {
            return None;
        }
        // Where the service would make it.
        if geteuid().is_root() && fs::create_dir_all("/run/sshd").is_err() {
            skipped("sshd needs the folder /run/sshd");
            return None;
        }
        let mut machines = Machines { folder: TempDir::new().unwrap(), servers: Vec::new() };
        for key in ["host", "user"] {
            let path = machines.path(key);
            Run::of(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path)).ok();
        }
        let host = fs::read_to_string(machines.path("host.pub")).unwrap();
        fs::write(machines.path("known"), format!("machines {host}")).unwrap();
        for name in ["node1", "node2"] {
            machines.boot(name);
        }
        for name in ["node1", "node2"] {
            let log_in =
                || Run::of(Command::new("ssh").arg("-F").arg(machines.path("ssh")).args([name, "true"]));
            let locked = || machines.log(name).contains("locked");
            let answered = until(|| log_in().code == Some(0) || locked());
            assert!(answered, "no login: {:?}\n{}", log_in(), machines.log(name));
            if locked() {
                skipped("the account of this user is locked");
                return None;
            }
        }
        Some(machines)
    }

    fn boot(&mut self, name: &str) {
        let path = |name: &str| self.path(name).display().to_string();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nSetEnv {MARK}={}\n\
            UsePAM no\nStrictModes no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n",
            path("host"),
            path("user.pub"),
            path(name)
        );
        let user = Run::of(Command::new("id").arg("-un")).ok().stdout;
        let client = format!(
            "Host {name}\nHostName 127.0.0.1\nPort {port}\nUser {}\nHostKeyAlias machines\nUserKnownHostsFile {}\n\
            IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nBatchMode yes\nStrictHostKeyChecking yes\n",
            user.trim(),
            path("known"),
            path("user")
        );
        let before = fs::read_to_string(self.path("ssh")).unwrap_or_default();
        fs::write(self.path("ssh"), before + &client).unwrap();
        fs::set_permissions(self.path("ssh"), fs::Permissions::from_mode(0o600)).unwrap();
        let configuration = self.path(&format!("{name}.conf"));
        fs::write(&configuration, server).unwrap();
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.servers.push((name.to_owned(), child));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap()
    }

    /// Options for GNU parallel, in a form for a shell.
    pub(super) fn options(&self) -> String {
        format!("--ssh 'ssh -F {}' --sshlogin node1,node2", self.path("ssh").display())
    }

    /// How often somebody logged in to each machine.
    pub(super) fn logins(&self) -> [usize; 2] {
        ["node1", "node2"].map(|name| self.log(name).matches("Accepted publickey").count())
    }

    /// The numbers of the pieces that are being packed, and on which machine.
    pub(super) fn pieces(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (name, _) in &self.servers {
            for process in self.marked(name) {
                let words = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
                let words: Vec<_> = words.split_terminator('\0').collect();
                // Not the shells, which have it in one word.
                if let [.., "--piece", piece] = words.as_slice() {
                    found.push((piece.parse().unwrap(), name.clone()));
                }
            }
        }
        found
    }

    /// The processes with the mark of a machine: all but those of sshd.
    fn marked(&self, name: &str) -> BTreeSet<i32> {
        let mark = format!("{MARK}={}\0", self.path(name).display());
        let has_mark = |process: &i32| {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark.as_bytes())
        };
        processes().filter(has_mark).collect()
    }

    /// Kills all processes of a machine.
    pub(super) fn kill(&mut self, name: &str) {
        let at = self.servers.iter().position(|(server, _)| server == name).expect("a machine");
        let (_, mut server) = self.servers.remove(at);
        // First those of sshd, so that it tells nobody how a command ended.
        let mut sessions = descendants(server.id().cast_signed());
        sessions.retain(|process| !self.marked(name).contains(process));
        server.kill().unwrap();
        sessions.into_iter().for_each(kill);
        let gone = until(|| {
            self.marked(name).into_iter().for_each(kill);
            self.marked(name).is_empty()
        });
        server.wait().unwrap();
        assert!(gone, "processes of {name} go on");
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        while let Some((name, _)) = self.servers.last() {
            self.kill(&name.clone());
        }
    }
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The children of a process, and theirs.
fn descendants(of: i32) -> BTreeSet<i32> {
    let parent = |process: &i32| -> Option<i32> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let pairs: Vec<_> = processes().filter_map(|process| Some((process, parent(&process)?))).collect();
    let mut found = BTreeSet::from([of]);
    loop {
        let more: Vec<_> =
            pairs.iter().filter(|(_, parent)| found.contains(parent)).map(|(it, _)| *it).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            found.remove(&of);
            return found;
        }
    }
}

/// It may have ended already.
fn kill(process: i32) {
    let _ = kill_process(Pid::from_raw(process).unwrap(), Signal::KILL);
}
