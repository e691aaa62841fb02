//! Files of rules for secrets, in the form of Gitleaks: whatever a file says, its rules can be searched with.
#![no_main]

use carnet::content::secrets::GitleaksFile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(file) = GitleaksFile::parse(text) {
        let content = b"key = AKIA0123456789ABCDEF\nHOUSE-123456\n";
        for secret in file.rules.search(b"etc/app.conf", content).found {
            assert!(secret.offset + secret.bytes <= content.len() as u64);
        }
    }
});
