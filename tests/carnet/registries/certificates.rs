//! Certificates of registries as OpenSSL makes them and as guides for registries describe them.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::debian::{Debian, Setup};
use super::http::{Fault, Response};
use super::server::{Access, Options, Registry, TokenService, Tokens};
use super::station::Station;
use super::tls::{Certificates, Front};
use crate::behaviour::support::Run;

/// Makes `NAME.pem` and `NAME.key` for self-signed servers, and other forms of their files.
const SCRIPT: &str = "
set -e
here='subjectAltName=IP:127.0.0.1'
self() { # NAME EXTENSION KEY OPTIONS
    name=$1 extension=$2 key=$3; shift 3
    openssl req -x509 -newkey $key -nodes -keyout $name.key -out $name.pem -subj /CN=registry -days 2 \\
        -addext \"$extension\" \"$@\"
}
self guide $here rsa:4096
self twin $here rsa:2048
self noname subjectAltName=DNS:other.example rsa:2048
self nosan keyUsage=digitalSignature rsa:2048
self client $here rsa:2048 -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth
self p521 $here 'ec -pkeyopt ec_paramgen_curve:P-521'
self ed25519 $here ed25519
signed() { # NAME CURVE HASH, with an authority of the same kind
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:$2 -nodes -keyout ca-$1.key -out ca-$1.pem -subj /CN=$1 \\
        -days 2 -$3
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:$2 -nodes -keyout $1.key -out $1.csr -subj /CN=server
    echo $here > $1.ext
    openssl x509 -req -in $1.csr -CA ca-$1.pem -CAkey ca-$1.key -CAcreateserial -days 1 -extfile $1.ext -out $1.pem -$3
}
for hash in sha256 sha384 sha512; do
    signed P-384-$hash P-384 $hash
    signed P-521-$hash P-521 $hash
done
# A certificate whose signature is that of another one.
openssl x509 -in P-521-sha512.pem -outform der -out forged.der
printf '\\001' | dd of=forged.der bs=1 seek=$(($(wc -c < forged.der) - 20)) conv=notrunc
openssl x509 -inform der -in forged.der -out forged.pem
cp P-521-sha512.key forged.key
(printf '\\357\\273\\277'; cat guide.pem) > marked.pem
openssl x509 -in guide.pem -trustout -addtrust serverAuth -out trusted.pem
(cat twin.pem; openssl x509 -in guide.pem -trustout -out -) > both.pem
openssl x509 -in guide.pem -outform der -out der.pem
head -c 900 guide.pem > cut.pem
printf -- '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n' > nonsense.pem
printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n' > ca.cnf
printf '[p]\\ncommonName=optional\\n[e]\\nsubjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:TRUE\\n' >> ca.cnf
for name in expired future; do
    touch index; echo 01 > serial
    openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
    case $name in expired) dates='20200101000000Z 20210101000000Z';; *) dates='20900101000000Z 20910101000000Z';; esac
    set -- $dates
    openssl ca -batch -selfsign -config ca.cnf -keyfile $name.key -in $name.csr -out $name.pem -extensions e \\
        -startdate $1 -enddate $2 -notext
    rm index* serial*
done
";

struct Desk {
    station: Station,
    certificates: Certificates,
    registry: Registry,
}

impl Desk {
    fn new() -> Desk {
        let station = Station::new();
        let mut source = station.source("src");
        source.tag(&source.image(1, &[30_000]), "1");
        let registry = Registry::start();
        registry.seed(&station.path("src"), "app");
        Desk { station, certificates: Certificates::by(SCRIPT), registry }
    }

    /// Packs from a registry with that certificate, trusting those in the file `ca`.
    fn pack(&self, server: &str, ca: &str) -> Run {
        let front = Front::start(&self.certificates, server, None, &self.registry.name());
        let (at, ca) = (front.name(), self.certificates.file(ca));
        let options = format!("--tls {at} --ca {ca} --timeout 5 --retries 0 --overwrite");
        let run = self.station.pack(&format!("docker://{at}/app:1 {options}"));
        // These are the words of the TLS library for programmers.
        for word in ["UnknownIssuer", "CaUsedAsEndEntity", "NotValidFor", "DnsName", "Context", "[45,"] {
            assert!(!run.stderr.contains(word), "{word} in {run:?}");
        }
        run
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_if_it_is_given() {
    let desk = Desk::new();
    for (server, ca) in [
        ("guide", "guide.pem"),
        ("guide", "marked.pem"),
        ("guide", "trusted.pem"),
        ("guide", "both.pem"),
        ("ed25519", "ed25519.pem"),
        ("p521", "p521.pem"),
    ] {
        let run = desk.pack(server, ca);
        assert_eq!(run.code, Some(0), "{server} with {ca}: {run:?}");
    }
    // The same name, dates and issuer, but another key.
    let run = desk.pack("guide", "twin.pem").ends(1);
    run.says(&["error[registry-unreachable]", "is not trusted", "--ca FILE"]);
}

#[test]
fn elliptic_curves_of_all_usual_sizes_are_supported() {
    let desk = Desk::new();
    for curve in ["P-384", "P-521"] {
        for hash in ["sha256", "sha384", "sha512"] {
            let run = desk.pack(&format!("{curve}-{hash}"), &format!("ca-{curve}-{hash}.pem"));
            assert_eq!(run.code, Some(0), "{curve} with {hash}: {run:?}");
        }
    }
    let run = desk.pack("forged", "ca-P-521-sha512.pem").ends(1);
    run.says(&["the server's certificate has a wrong signature"]);
}

#[test]
fn a_server_without_a_common_version_or_key_is_reported_as_such() {
    let desk = Desk::new();
    for options in ["-cert p521.pem -key p521.key -tls1_2", "-cert guide.pem -key guide.key -tls1_1"] {
        // The port that is free now is hardly taken before openssl opens it: no other test uses this address.
        let free = TcpListener::bind("127.0.0.77:0").unwrap();
        let at = free.local_addr().unwrap().to_string();
        drop(free);
        let mut server = Command::new("openssl");
        server.args(["s_server", "-accept", &at, "-quiet", "-cipher", "ALL:@SECLEVEL=0"]);
        server.args(options.split(' ')).current_dir(desk.certificates.path(""));
        let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let line = format!("docker://{at}/app:1 --tls {at} --timeout 5 --retries 0");
        let run = (0..100).find_map(|_| {
            let run = desk.station.pack(&line);
            let is_up = !run.stderr.contains("Connection refused");
            std::thread::sleep(Duration::from_millis(if is_up { 0 } else { 50 }));
            is_up.then_some(run)
        });
        server.kill().unwrap();
        server.wait().unwrap();
        run.expect("openssl listens").ends(1).says(&["error[registry-unreachable]", "TLS 1.3"]);
    }
}

#[test]
fn name_and_dates_of_a_given_certificate_are_checked() {
    let desk = Desk::new();
    for (server, words) in [
        ("noname", &["does not cover \"127.0.0.1\", only other.example", "host name"][..]),
        ("nosan", &["does not cover \"127.0.0.1\": it has no subject alternative name"]),
        ("expired", &["expired", "days ago", "clock"]),
        ("future", &["not valid for another", "days", "clock"]),
        ("client", &["is not meant for a server"]),
    ] {
        let run = desk.pack(server, &format!("{server}.pem")).ends(1);
        run.says(&["error[registry-unreachable]"]).says(words);
    }
}

#[test]
fn the_certificate_of_a_server_can_be_given_without_its_authority() {
    let desk = Desk { certificates: Certificates::new(), ..Desk::new() };
    desk.pack("server", "server.pem").ok();
    desk.pack("server", "client.pem").ends(1).says(&["is not signed by a trusted authority", "--ca FILE"]);
}

#[test]
fn files_without_certificates_are_refused_in_words() {
    let desk = Desk::new();
    for (ca, words) in [
        ("der.pem", "the file is in DER"),
        ("cut.pem", "cut off"),
        ("guide.key", "found none"),
        ("nonsense.pem", "certificate 1 of the file is not a valid X.509 certificate"),
    ] {
        desk.pack("guide", ca).ends(2).says(&["error[registry-setup]", ca, words]);
    }
}

#[test]
fn a_registry_that_forgets_its_tls_is_still_reached_over_https() {
    let desk = Desk { certificates: Certificates::new(), ..Desk::new() };
    let service = TokenService::new(Tokens { user: Some(("me", "secret")), ..Tokens::default() });
    let target =
        Registry::with(Options { access: Access::Token(service.clone()), page: 1, ..Options::default() });
    let front = Front::start(&desk.certificates, "server", None, &target.name());
    let at = front.name().to_owned();
    // The registry only knows that it is asked over HTTP, and by which name.
    let plain = format!("http://{at}");
    let realm = format!("Bearer realm=\"{plain}/token\",service=\"registry.example\"");
    target.fault(Fault::on("*", "*").alters(move |response| {
        if response.status == 401 {
            response.headers.set("WWW-Authenticate", realm.clone());
        }
        for (name, before) in [("Location", "/"), ("Link", "</")] {
            if let Some(value) = response.headers.get(name).and_then(|value| value.strip_prefix(before)) {
                let value = format!("{}{plain}/{value}", before.trim_end_matches('/'));
                response.headers.set(name, value);
            }
        }
    }));
    desk.station.credentials("auth.json", &[(&at, "me:secret")]);
    desk.station.pack("oci:src=team/app:1").ok();
    let options =
        format!("--tls {at} --ca {} --authfile auth.json --retries 0", desk.certificates.file("ca.pem"));
    desk.station.import(&at, &options).ok();
    target.change("team/app", |app| {
        let digest = app.tags["1"].clone();
        app.tags.insert("2".to_owned(), digest);
    });
    desk.station.pack(&format!("docker://{at}/team/app:* {options} --overwrite")).ok();
    let run = desk.station.carnet("inspect out --pub k.pub.pem").ok();
    assert!(run.stdout.contains("app:1") && run.stdout.contains("app:2"), "{run:?}");
    // Another port is another server.
    target.heal();
    let other = format!("http://127.0.0.1:{}/blob", target.name().rsplit_once(':').unwrap().1);
    target.fault(Fault::on("GET", "*/blobs/*").answers(Response::new(307).with("Location", other)));
    let run = desk.station.pack(&format!("docker://{at}/team/app:1 {options} --overwrite")).ends(1);
    run.says(&["error[registry-host-refused]", "the name of the registry", "X-Forwarded-Proto"]);
}

#[test]
fn debians_registry_behind_a_proxy_for_tls_is_reached_over_https() {
    let Some(registry) = Debian::start(&Setup { password: true, ..Setup::default() }) else { return };
    let desk = Desk { certificates: Certificates::new(), ..Desk::new() };
    let front = Front::start(&desk.certificates, "server", None, registry.name());
    let at = front.name();
    desk.station.credentials("auth.json", &[(at, "me:secret")]);
    desk.station.pack("oci:src=team/app:1").ok();
    let options =
        format!("--tls {at} --ca {} --authfile auth.json --retries 0", desk.certificates.file("ca.pem"));
    desk.station.import(at, &options).ok();
    desk.station.pack(&format!("docker://{at}/team/app:1 {options} --overwrite")).ok();
}
