//! A short-lived certification authority made by openssl, and a host that adds TLS to another.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::behaviour::support::Run;
use tempfile::TempDir;

/// `ca.pem`, and `NAME.pem` with `NAME.key` for `server`, `client` and `stranger`. Another CA signed `stranger`.
pub(crate) struct Certificates {
    folder: TempDir,
}

const SCRIPT: &str = "
set -e
key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
ca() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 2 -out $1.pem; }
signed() { # NAME CA EXTENSION
    key $1
    openssl req -new -key $1.key -subj /CN=$1 -out $1.csr
    printf '%s\\n' \"$3\" > $1.ext
    openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 1 -extfile $1.ext -out $1.pem
}
ca ca
ca other
signed server ca 'subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost'
signed elsewhere ca 'subjectAltName=DNS:registry.example'
signed client ca 'extendedKeyUsage=clientAuth'
signed stranger other 'extendedKeyUsage=clientAuth'
";

impl Certificates {
    pub(crate) fn new() -> Certificates {
        Certificates::by(SCRIPT)
    }

    /// The files that a shell script makes.
    pub(crate) fn by(script: &str) -> Certificates {
        let folder = TempDir::new().unwrap();
        Run::of(Command::new("sh").args(["-c", script]).current_dir(folder.path())).ok();
        Certificates { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as an argument.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Accepts TLS on its own port and forwards everything to a host without TLS.
pub(crate) struct Front {
    proxy: Child,
    name: String,
}

const PROXY: &str = "
import socket, ssl, sys, threading
certificate, key, clients, host, port = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if clients:
    context.load_verify_locations(clients)
    context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def serve(plain):
    try:
        outer = context.wrap_socket(plain, server_side=True)
        inner = socket.create_connection((host, int(port)))
    except OSError:
        plain.close()
        return
    threading.Thread(target=pump, args=(outer, inner), daemon=True).start()
    pump(inner, outer)
while True:
    plain, _ = listener.accept()
    threading.Thread(target=serve, args=(plain,), daemon=True).start()
";

impl Front {
    /// Starts in front of `host`, with the certificate of that name. `clients` is the CA of the clients it accepts.
    pub(crate) fn start(certificates: &Certificates, name: &str, clients: Option<&str>, host: &str) -> Front {
        let (ip, port) = host.rsplit_once(':').unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", PROXY]);
        command.arg(certificates.path(&format!("{name}.pem")));
        command.arg(certificates.path(&format!("{name}.key")));
        command.arg(clients.map_or(String::new(), |clients| certificates.file(clients)));
        command.args([ip, port]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut proxy = command.spawn().expect("python3 starts");
        let mut port = String::new();
        BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Front { proxy, name: format!("127.0.0.1:{}", port.trim()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}
