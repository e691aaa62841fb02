//! The registry from Debian's package, on a free port and with a temporary folder.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tls::Certificates;
use crate::behaviour::support::{files, installed};

/// Its configuration.
#[derive(Default)]
pub(crate) struct Setup<'certificates> {
    /// Only `me` with the password `secret` has access.
    pub(crate) password: bool,
    pub(crate) tls: Option<&'certificates Certificates>,
    /// Only clients with a certificate of the CA have access.
    pub(crate) client_certificates: bool,
    /// Manifests may have layers with URLs that match this pattern.
    pub(crate) urls: Option<&'static str>,
}

/// `me:secret` in the form of htpasswd, with bcrypt of cost 5.
const HTPASSWD: &str = "me:$2y$05$ixtEg7cs8MiuRrhKdrm0fuoiL8XMMWy211JC6fSyUQ7retTiGEs6e\n";

/// A running registry, stopped when dropped.
pub(crate) struct Debian {
    process: Child,
    folder: TempDir,
    name: String,
}

impl Debian {
    /// `None` if the package is not installed; then the test is reported as skipped.
    pub(crate) fn start(setup: &Setup) -> Option<Debian> {
        if !installed(&["docker-registry"]) {
            return None;
        }
        // The port that is free now may be taken when the registry opens it.
        (0..5).find_map(|_| Debian::try_start(setup)).or_else(|| panic!("docker-registry does not start"))
    }

    pub(crate) fn plain() -> Option<Debian> {
        Debian::start(&Setup::default())
    }

    fn try_start(setup: &Setup) -> Option<Debian> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let name = format!("127.0.0.1:{port}");
        // JSON is YAML.
        let config = folder.path().join("config.yml");
        std::fs::write(&config, configuration(setup, &name, folder.path()).to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut debian = Debian { process, folder, name };
        debian.is_up().then_some(debian)
    }

    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(&self.name).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// `IP:PORT`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The paths of all files that it keeps.
    pub(crate) fn kept(&self) -> BTreeSet<String> {
        let storage = self.folder.path().join("storage");
        if storage.exists() { files(&storage).into_keys().collect() } else { BTreeSet::new() }
    }

    /// Its log of requests.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

fn configuration(setup: &Setup, name: &str, folder: &Path) -> Value {
    let mut config = json!({
        "version": 0.1,
        "log": { "level": "info", "accesslog": { "disabled": false } },
        "storage": {
            "filesystem": { "rootdirectory": folder.join("storage") },
            "delete": { "enabled": true },
        },
        "http": { "addr": name },
    });
    if setup.password {
        let file = folder.join("htpasswd");
        std::fs::write(&file, HTPASSWD).unwrap();
        config["auth"] = json!({ "htpasswd": { "realm": "test", "path": file } });
    }
    if let Some(certificates) = setup.tls {
        config["http"]["tls"] =
            json!({ "certificate": certificates.path("server.pem"), "key": certificates.path("server.key") });
        if setup.client_certificates {
            config["http"]["tls"]["clientcas"] = json!([certificates.path("ca.pem")]);
        }
    }
    if let Some(urls) = setup.urls {
        config["validation"] = json!({ "manifests": { "urls": { "allow": [urls] } } });
    }
    config
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
