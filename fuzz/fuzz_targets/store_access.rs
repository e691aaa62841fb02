//! What gives access to object stores: SAS tokens, keys, connection strings, profiles. A text gives access or an error, and
//! no error shows a secret.
#![no_main]

use std::sync::Arc;

use carnet::clock::Clock;
use carnet::format::Timestamp;
use carnet::storage::{Permission, Settings, Variables, open};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000).expect("a time")
    }
}

/// A word that is put where secrets stand.
const SECRET: &str = "Zm9yYmlkZGVu";

/// What secrets follow. A name, such as that of an account, may contain the word, and errors may show names.
const BEFORE_SECRETS: [&str; 6] = [
    "AccountKey=",
    "sig=",
    "aws_secret_access_key=",
    "aws_secret_access_key = ",
    "aws_session_token=",
    "aws_session_token = ",
];

/// Puts the word where secrets stand: at the start, or behind their names.
fn with_secrets(text: &str) -> String {
    let text = text.strip_prefix("SECRET").map_or(text.to_owned(), |rest| format!("{SECRET}{rest}"));
    BEFORE_SECRETS.iter().fold(text, |text, name| text.replace(&format!("{name}SECRET"), &format!("{name}{SECRET}")))
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let text = with_secrets(text);
    let file = std::env::temp_dir().join(format!("carnet-fuzz-profile-{}", std::process::id()));
    std::fs::write(&file, &text).expect("a file can be written");
    let file = file.display().to_string();
    for (place, name, value) in [
        ("az://account/c", "AZURE_STORAGE_SAS_TOKEN", text.as_str()),
        ("az://account/c", "AZURE_STORAGE_KEY", text.as_str()),
        ("az://account/c", "AZURE_STORAGE_CONNECTION_STRING", text.as_str()),
        ("s3://bucket", "AWS_SHARED_CREDENTIALS_FILE", file.as_str()),
        ("s3://bucket", "AWS_CONFIG_FILE", file.as_str()),
    ] {
        let off = ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
        let settings = Settings {
            variables: Variables::new([(name.to_owned(), value.to_owned()), off]),
            secret_command: None,
            clock: Arc::new(Fixed),
            encryption: None,
            http: carnet::http::Settings::default(),
        };
        let error = match open(&place.parse().expect("a place"), &settings) {
            Err(error) => error,
            // A profile may name a program that prints keys; it must not run here.
            Ok(_) if place.starts_with("s3") => continue,
            Ok(container) => {
                let _ = container.access();
                match container.check_access(&[Permission::List, Permission::Read, Permission::Write]) {
                    Err(error) => error,
                    Ok(()) => continue,
                }
            }
        };
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
});
