//! The programs that sign, and a layout with what they sign.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::super::contents::{image, tar_of};
use crate::behaviour::layouts::{CONFIG, MANIFEST, plain, with};
use crate::behaviour::support::{Desk, Run, Source, cached};

/// Where `scripts/setup --audits` puts cosign and notation.
const SIGNERS: &str = "signers-1/usr/bin";

/// A desk with keys, certificates and a layout `src` with the image `app:1`.
pub(super) struct Workshop {
    pub(super) desk: Desk,
    pub(super) source: Source,
    /// The descriptor of the image.
    pub(super) image: Value,
}

/// A result of a signature in a report: the system, the result, who signed, and why not.
pub(super) type Result = (String, String, String, String);

/// The folder with cosign and notation.
fn signers() -> PathBuf {
    let folder = cached(SIGNERS);
    for program in ["cosign", "notation"] {
        let path = folder.join(program);
        assert!(path.exists(), "{program} is not installed in {} (scripts/setup --audits)", folder.display());
    }
    folder
}

impl Workshop {
    pub(super) fn new() -> Workshop {
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = image(&mut source, "app:1", &[tar_of(&[("etc/motd", 0o644, b"hello")])]);
        std::fs::create_dir(desk.path("home")).unwrap();
        Workshop { desk, source, image }
    }

    /// Runs a shell line with cosign, notation and openssl. It must succeed.
    #[track_caller]
    pub(super) fn sh(&self, line: &str) -> Run {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", signers().display());
        let home = self.desk.path("home");
        let mut command = Command::new("sh");
        command.args(["-ec", line]).current_dir(self.desk.path("")).env_clear();
        command.env("PATH", path).env("XDG_CONFIG_HOME", home.join("config")).env("HOME", home);
        command
            .env("COSIGN_PASSWORD", "")
            .env("NOTATION_EXPERIMENTAL", "1")
            .env("TMPDIR", self.desk.path("home"));
        Run::of(&mut command).ok()
    }

    pub(super) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.desk.path(file), content).unwrap();
    }

    pub(super) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.desk.path(file)).unwrap()
    }

    /// Makes `NAME.key` and `NAME.pub` for an algorithm of `openssl genpkey`.
    pub(super) fn key(&self, name: &str, algorithm: &str) {
        self.sh(&format!(
            "openssl genpkey -quiet -algorithm {algorithm} -out {name}.key 2>/dev/null || openssl genpkey -algorithm {algorithm} -out {name}.key 2>/dev/null; \
             openssl pkey -in {name}.key -pubout -out {name}.pub"
        ));
    }

    /// The signature of `bytes` with `NAME.key`.
    pub(super) fn sign(&self, name: &str, hash: &str, bytes: &[u8]) -> Vec<u8> {
        self.write("to-sign", bytes);
        self.sh(&if hash.is_empty() {
            format!("openssl pkeyutl -sign -rawin -in to-sign -inkey {name}.key -out signature")
        } else {
            format!("openssl dgst {hash} -sign {name}.key -out signature to-sign")
        });
        self.read("signature")
    }

    /// Attaches a blob to the image, or to another manifest.
    pub(super) fn attach(&mut self, subject: &Value, kind: &str, blob: &Value) -> Value {
        let config = self.source.blob(kind, b"{}");
        let fields = json!({ "config": config, "layers": [blob], "subject": plain(subject) });
        let manifest = self.source.document(MANIFEST, &fields);
        self.source.list(&manifest);
        manifest
    }

    /// The only blob of this media type that a manifest of the layout `src` lists. The index has no reliable order.
    pub(super) fn envelope(&self, media_type: &str) -> Vec<u8> {
        let index: Value = serde_json::from_slice(&self.read("src/index.json")).unwrap();
        let blobs = |descriptor: &Value| {
            let manifest = std::fs::read(self.source.blob_path(descriptor)).unwrap();
            serde_json::from_slice::<Value>(&manifest).unwrap()["layers"].as_array().unwrap().clone()
        };
        let mut found: Vec<Value> = index["manifests"].as_array().unwrap().iter().flat_map(blobs).collect();
        found.retain(|blob| blob["mediaType"] == media_type);
        assert_eq!(found.len(), 1, "{media_type}");
        std::fs::read(self.source.blob_path(&found[0])).unwrap()
    }

    /// Attaches signatures over a document as cosign does it: in one manifest, whose tag names the image.
    pub(super) fn attach_cosign(&mut self, payload: &[u8], annotations: &[Value]) -> Value {
        let blob = self.source.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload);
        let layers = annotations.iter().map(|more| with(blob.clone(), &json!({ "annotations": more })));
        let layers: Vec<Value> = layers.collect();
        let config = self.source.blob(CONFIG, b"{}");
        let manifest = self.source.manifest(&config, &layers);
        let digest = self.image["digest"].as_str().unwrap().replace(':', "-");
        self.source.tag(&manifest, &format!("app:{digest}.sig"));
        manifest
    }

    /// The report of an audit of `place` with these options.
    #[track_caller]
    pub(super) fn report(&self, place: &str, options: &str) -> Value {
        self.desk.carnet(&format!("audit {place} -o json {options}")).ok().json()
    }

    /// The signatures in an audit of the layout `src` with these options.
    #[track_caller]
    pub(super) fn results(&self, options: &str) -> Vec<Result> {
        results(&self.report("oci:src", options))
    }

    /// The only signature in an audit of the layout `src`: its result, and who signed or why not.
    #[track_caller]
    pub(super) fn result(&self, options: &str) -> (String, String) {
        let results = self.results(options);
        let [(_, status, by, why)] = results.as_slice() else { panic!("{results:?}") };
        (status.clone(), format!("{by}{why}"))
    }
}

/// The signatures in a report.
pub(super) fn results(report: &Value) -> Vec<Result> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["signatures"].as_array().unwrap();
    let mut all: Vec<Result> = all
        .iter()
        .map(|found| (word(&found["kind"]), word(&found["status"]), word(&found["by"]), word(&found["why"])))
        .collect();
    all.sort();
    all
}

/// The document that cosign signs for an image.
pub(super) fn payload_of(image: &Value) -> String {
    json!({
        "critical": {
            "identity": { "docker-reference": "r.example/app" },
            "image": { "docker-manifest-digest": image["digest"] },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
}

/// Bytes as base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}
