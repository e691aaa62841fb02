//! Lists of signers of ssh-keygen. What is imported must be a valid part of a trust file.
#![no_main]

use std::path::Path;

use carnet::diagnosis::{Code, Diagnose as _};
use carnet::trust::{AllowedSigners, Role, TrustPolicy};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(found) = AllowedSigners::parse(text) else { return };
    if found.keys.is_empty() {
        return;
    }
    let keys = found.to_toml(&[Role::Packer, Role::Releaser]);
    let file = format!("version = 1\nrelease-threshold = 1\n{keys}");
    let read = TrustPolicy::from_toml(&file, Path::new(""), &|_: &Path| {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound).into())
    });
    if let Err(error) = read {
        let code = error.diagnosis().code;
        assert!(matches!(code, Code::PolicyHolder | Code::PolicyKeyCount | Code::PolicyTooLong), "{error}");
    }
});
