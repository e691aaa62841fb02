//! Azurite, the emulator of the Blob service, on a free port and with nothing on disk.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::servers::program;
use crate::registries::tls::Certificates;

pub(super) const ACCOUNT: &str = "devstoreaccount1";

/// The key of every emulator, which is public.
pub(super) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running emulator with the container `transfer`, stopped when dropped.
pub(super) struct Azurite {
    process: Child,
    port: u16,
    scheme: &'static str,
}

/// A SAS token for the account, with these fields and a signature.
pub(super) fn sas(permissions: &str, resource_types: &str, ends: &str) -> String {
    let (version, protocols) = ("2021-12-02", "https,http");
    let signed =
        format!("{ACCOUNT}\n{permissions}\nb\n{resource_types}\n\n{ends}\n\n{protocols}\n{version}\n\n");
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(signed.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!(
        "sv={version}&ss=b&srt={resource_types}&sp={permissions}&se={ends}&spr={protocols}&sig={signature}"
    )
}

impl Azurite {
    /// `None` if it is not installed; then the test is reported as skipped. With certificates it uses TLS and accepts
    /// the tokens of identities.
    pub(super) fn start(certificates: Option<&Certificates>) -> Option<Azurite> {
        let program = program("azurite-3.37.0/node_modules/.bin/azurite-blob")?;
        // The port that is free now may be taken when the emulator opens it.
        let azurite = (0..5).find_map(|_| Azurite::try_start(&program, certificates));
        let azurite = azurite.expect("the emulator does not start");
        let url =
            format!("{}?restype=container&{}", azurite.url(), sas("rwdlac", "sco", "2100-01-01T00:00:00Z"));
        let made = Command::new("curl")
            .args(["-sfk", "-X", "PUT", "-H", "Content-Length: 0", "-H", "x-ms-version: 2021-12-02", &url])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Some(azurite)
    }

    /// The URL of the container.
    pub(super) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/{ACCOUNT}/transfer", self.scheme, self.port)
    }

    fn try_start(program: &Path, certificates: Option<&Certificates>) -> Option<Azurite> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["--inMemoryPersistence", "--blobHost", "127.0.0.1", "--disableTelemetry", "--silent"]);
        command.args(["--blobPort", &port.to_string()]);
        let mut scheme = "http";
        if let Some(files) = certificates {
            command.args(["--oauth", "basic", "--cert", &files.file("server.pem")]);
            command.args(["--key", &files.file("server.key")]);
            scheme = "https";
        }
        let process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut azurite = Azurite { process, port, scheme };
        azurite.is_up().then_some(azurite)
    }

    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
