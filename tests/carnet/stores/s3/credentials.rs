//! Where keys come from, in which order, and what is said if there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use carnet::clock::Clock;
use carnet::format::Timestamp;
use carnet::storage::{Refusal, Settings, StorageError, open};
use tempfile::TempDir;

use super::{bucket, list, now, settings, text};
use crate::behaviour::support::installed;
use crate::registries::http::{Delivery, Fault, Host, Request, Response, Site};
use crate::registries::tls::{Certificates, Front};
use crate::stores::servers::S3Site;

/// Gives keys in every way that a machine or a service does.
struct Keys;

const ENDS: &str = "2026-11-25T21:00:00Z";

impl Site for Keys {
    fn answer(&self, request: &Request) -> Response {
        let keys = |id: &str| {
            Response::new(200).body(
                "application/json",
                format!(
                    r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"topsecret","Token":"sessiontoken","Expiration":"{ENDS}"}}"#
                ),
            )
        };
        let token = request.headers.get("X-aws-ec2-metadata-token");
        match (request.method.as_str(), request.path()) {
            ("PUT", "/latest/api/token") => {
                assert!(request.headers.get("X-aws-ec2-metadata-token-ttl-seconds").is_some());
                Response::new(200).body("text/plain", "metadatatoken")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/") if token == Some("metadatatoken") => {
                Response::new(200).body("text/plain", "role1\n")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/role1") if token == Some("metadatatoken") => {
                keys("instance")
            }
            ("GET", "/container") if request.headers.get("Authorization") == Some("topsecret2") => {
                keys("container")
            }
            ("POST", "/") => {
                assert_eq!(request.form("Action").unwrap(), "AssumeRoleWithWebIdentity");
                assert_eq!(request.form("RoleArn").unwrap(), "arn:aws:iam::1:role/r");
                assert_eq!(request.form("WebIdentityToken").unwrap(), "web+id/token==");
                let text = format!(
                    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                     <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>role</AccessKeyId>\
                     <SecretAccessKey>topsecret</SecretAccessKey><SessionToken>sessiontoken</SessionToken>\
                     <Expiration>{ENDS}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
                     </AssumeRoleWithWebIdentityResponse>"
                );
                Response::new(200).body("text/xml", text)
            }
            _ => Response::new(401),
        }
    }
}

/// A clock that tests set.
struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A bucket, everything that gives keys, and a home.
struct House {
    bucket: Host,
    keys: Host,
    home: TempDir,
}

impl House {
    fn new() -> House {
        let house = House {
            bucket: Host::start("127.0.0.1", S3Site::default()),
            keys: Host::start("127.0.0.1", Keys),
            home: TempDir::new().unwrap(),
        };
        std::fs::create_dir(house.home.path().join(".aws")).unwrap();
        house.write("token", "web+id/token==\n");
        house
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Settings with these variables and the ways to find the servers.
    fn settings(&self, variables: &[(&str, &str)]) -> Settings {
        let mut settings = settings(variables);
        let mut set = |name: &str, value: &str| {
            if settings.variables.get(name).is_none() {
                settings.variables.set(name, value);
            }
        };
        set("AWS_ENDPOINT_URL_S3", &format!("http://{}", self.bucket.name()));
        set("AWS_ENDPOINT_URL_STS", &format!("http://{}/", self.keys.name()));
        set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{}/", self.keys.name()));
        set("HOME", &self.home.path().display().to_string());
        settings
    }

    /// Lists the bucket, and returns the id of the key that signed the request.
    fn used(&self, variables: &[(&str, &str)]) -> Result<String, StorageError> {
        self.used_with(&self.settings(variables))
    }

    fn used_with(&self, settings: &Settings) -> Result<String, StorageError> {
        let container = open(&"s3://bucket".parse().unwrap(), settings)?;
        list(&*container, "")?;
        let log = self.bucket.log();
        let authorization = log.last().unwrap().headers.get("Authorization").unwrap();
        Ok(authorization.split(['=', '/']).nth(1).unwrap().to_owned())
    }
}

#[test]
fn keys_are_looked_for_in_the_order_of_other_tools() {
    let house = House::new();
    let token = house.write("token", "web+id/token==");
    house
        .write(".aws/credentials", "[default]\naws_access_key_id=profile\naws_secret_access_key=topsecret\n");
    let container = format!("http://{}/container", house.keys.name());
    let all = [
        ("AWS_ACCESS_KEY_ID", "variables"),
        ("AWS_SECRET_ACCESS_KEY", "topsecret"),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "topsecret2"),
    ];
    assert_eq!(house.used(&all).unwrap(), "variables");
    assert_eq!(house.used(&all[2..]).unwrap(), "role");
    assert_eq!(house.used(&all[4..]).unwrap(), "profile");
    std::fs::remove_file(house.home.path().join(".aws/credentials")).unwrap();
    assert_eq!(house.used(&all[4..]).unwrap(), "container");
    assert_eq!(house.used(&[]).unwrap(), "instance");
    let last = house.bucket.log().pop().unwrap();
    assert_eq!(last.headers.get("x-amz-security-token"), Some("sessiontoken"));
}

#[test]
fn what_was_looked_for_is_named_if_there_is_nothing() {
    let house = House::new();
    let found = house.used(&[("AWS_EC2_METADATA_DISABLED", "true")]).unwrap_err();
    let found = text(&found);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "profile", "CONTAINER"] {
        assert!(found.contains(name), "{found}");
    }
    // Nothing listens there, or nothing answers there.
    for fault in
        [Fault::on("*", "*").delivers(Delivery::Silence), Fault::on("*", "*").answers(Response::new(403))]
    {
        house.keys.heal();
        house.keys.fault(fault);
        let started = std::time::Instant::now();
        let mut settings = house.settings(&[]);
        settings.http.retries = 0;
        let found = house.used_with(&settings).unwrap_err();
        assert!(matches!(found, StorageError::Setup { .. }), "{found:?}");
        assert!(text(&found).contains("metadata service of this machine"), "{found}");
        assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
    }
}

#[test]
fn half_a_key_is_an_error() {
    let house = House::new();
    let found = house.used(&[("AWS_ACCESS_KEY_ID", "id")]).unwrap_err();
    assert!(text(&found).contains("AWS_SECRET_ACCESS_KEY is not set"), "{found}");
    let found = house.used(&[("AWS_SECRET_ACCESS_KEY", "topsecret")]).unwrap_err();
    assert!(text(&found).contains("AWS_ACCESS_KEY_ID is not set"), "{found}");
    house.write(".aws/credentials", "[default]\naws_access_key_id=profile\n");
    let found = house.used(&[]).unwrap_err();
    assert!(text(&found).contains("half of an access key"), "{found}");
}

#[test]
fn a_command_gives_the_secret() {
    let house = House::new();
    let mut settings = house.settings(&[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SESSION_TOKEN", "sessiontoken")]);
    let command = |script: &str| Some(["sh", "-c", script].map(str::to_owned).to_vec());
    settings.secret_command = command("echo topsecret");
    assert_eq!(house.used_with(&settings).unwrap(), "id");
    let last = house.bucket.log().pop().unwrap();
    assert_eq!(last.headers.get("x-amz-security-token"), Some("sessiontoken"));
    // The signature is that of the same secret in a variable.
    house
        .used(&[
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "topsecret"),
            ("AWS_SESSION_TOKEN", "sessiontoken"),
        ])
        .unwrap();
    let other = house.bucket.log().pop().unwrap();
    assert_eq!(other.headers.get("Authorization"), last.headers.get("Authorization"));
    settings.secret_command = command("echo topsecret; echo vault is sealed >&2; exit 2");
    let found = house.used_with(&settings).unwrap_err();
    assert!(
        text(&found).contains("vault is sealed") && found.to_string().contains("exit status: 2"),
        "{found}"
    );
    let mut settings = house.settings(&[]);
    settings.secret_command = command("echo topsecret");
    assert!(text(&house.used_with(&settings).unwrap_err()).contains("AWS_ACCESS_KEY_ID is not set"));
}

#[test]
fn profiles_give_keys_regions_and_endpoints() {
    let house = House::new();
    let json = r#"{"Version":1,"AccessKeyId":"process","SecretAccessKey":"topsecret"}"#;
    house.write("keys.json", json);
    let config = format!(
        "[default]\nregion = eu-west-3\n\n[profile low]\naws_access_key_id = low\naws_secret_access_key = \
         topsecret\nregion = us-gov-west-1\nendpoint_url = http://{}\n[profile program]\ncredential_process = cat \
         \"{}/keys.json\"\n[profile login]\nsso_session = x\n[profile chain]\nrole_arn = r\nsource_profile = low\n\
         [profile bad]\ncredential_process = sh -c \"echo topsecret; echo no >&2; exit 9\"\n",
        house.bucket.name(),
        house.home.path().display()
    );
    house.write(".aws/config", &config);
    let home = house.home.path().display().to_string();
    let own_endpoint = settings(&[("AWS_PROFILE", "low"), ("HOME", &home)]);
    assert_eq!(house.used_with(&own_endpoint).unwrap(), "low");
    let last = house.bucket.log().pop().unwrap();
    assert!(last.headers.get("Authorization").unwrap().contains("/us-gov-west-1/s3/"));
    assert_eq!(house.used(&[("AWS_PROFILE", "program")]).unwrap(), "process");
    for (profile, said) in [
        ("login", "sso_session is not supported"),
        ("chain", "role_arn is not supported"),
        ("bad", "exit status: 9"),
        ("none", "no file has a profile \"none\""),
    ] {
        let found = house.used(&[("AWS_PROFILE", profile)]).unwrap_err();
        assert!(matches!(found, StorageError::Setup { .. }), "{found:?}");
        assert!(text(&found).contains(said), "{found}");
    }
    // The region counts though the keys are elsewhere, and a login that is not needed is no obstacle.
    let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "topsecret")];
    assert_eq!(house.used(&keys).unwrap(), "id");
    let last = house.bucket.log().pop().unwrap();
    assert!(last.headers.get("Authorization").unwrap().contains("/eu-west-3/s3/"));
    assert_eq!(house.used(&[keys[0], keys[1], ("AWS_PROFILE", "login")]).unwrap(), "id");
    // Other files than those at home.
    let own = house.write("own", "[default]\naws_access_key_id=own\naws_secret_access_key=topsecret\n");
    assert_eq!(house.used(&[("AWS_SHARED_CREDENTIALS_FILE", &own)]).unwrap(), "own");
    let large = house.write("large", &"#".repeat(2 << 20));
    let found = house.used(&[("AWS_SHARED_CREDENTIALS_FILE", &large)]).unwrap_err();
    assert!(text(&found).contains("longer than the limit"), "{found}");
}

#[test]
fn a_web_identity_that_is_refused_is_explained() {
    let house = House::new();
    let token = house.write("token", "web+id/token==");
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    let variables = [role, ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str())];
    let busy = Response::new(503).with("Retry-After", "0");
    house.keys.fault(Fault::on("POST", "*").times(1).answers(busy));
    assert_eq!(house.used(&variables).unwrap(), "role");
    let body = "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token expired</Message></Error></ErrorResponse>";
    house.keys.fault(Fault::on("POST", "*").answers(Response::new(400).body("text/xml", body)));
    let found = text(&house.used(&variables).unwrap_err());
    assert!(found.contains("ExpiredTokenException") && found.contains("role/r"), "{found}");
    assert!(!found.contains("web+id"), "{found}");
    let missing = format!("{token}.missing");
    let found = house.used(&[role, ("AWS_WEB_IDENTITY_TOKEN_FILE", &missing)]).unwrap_err();
    assert!(text(&found).contains(&missing), "{found}");
}

#[test]
fn keys_of_a_container_are_asked_for_nearby_only() {
    let house = House::new();
    let url = format!("http://{}/container", house.keys.name());
    let file = house.write("authorization", "topsecret2\n");
    let near = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
    assert_eq!(house.used(&[near, ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file)]).unwrap(), "container");
    let found = house.used(&[near, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong")]).unwrap_err();
    assert!(text(&found).contains("HTTP 401"), "{found}");
    for (name, value) in [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/keys"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.169.254/keys"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/keys"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example/keys"),
    ] {
        let found = house.used(&[(name, value)]).unwrap_err();
        assert!(text(&found).contains(name) && found.to_string().contains("without TLS"), "{found}");
    }
}

#[test]
fn temporary_keys_are_renewed_before_they_end() {
    let house = House::new();
    let start = u64::try_from(now().get().as_second()).unwrap();
    let clock = Arc::new(Hands(AtomicU64::new(start)));
    let mut settings = house.settings(&[]);
    settings.clock = Arc::<Hands>::clone(&clock);
    let container = bucket(&settings);
    let given = || house.keys.log().iter().filter(|exchange| exchange.path().ends_with("/role1")).count();
    let list_at = |seconds: u64| {
        clock.0.store(start + seconds, Ordering::SeqCst);
        list(&*container, "").map(drop)
    };
    list_at(0).unwrap();
    list_at(3290).unwrap();
    assert_eq!(given(), 1);
    list_at(3310).unwrap();
    assert_eq!(given(), 2);
    // Keys that last serve while there are no new ones.
    house.keys.fault(Fault::on("*", "*").answers(Response::new(404)));
    list_at(3500).unwrap();
    list_at(3600).unwrap_err();
    // What is given may have ended, too.
    house.keys.heal();
    clock.0.store(start + 4000, Ordering::SeqCst);
    let found = container.check_access(&[]).unwrap_err();
    assert_eq!(found.refusal(), Some(Refusal::Expired), "{found}");
    assert!(text(&found).contains(ENDS) && found.to_string().contains("2026-11-25T21:06:40Z"), "{found}");
}

#[test]
fn keys_are_given_to_many_threads_once() {
    let house = House::new();
    let container = bucket(&house.settings(&[]));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| list(&*container, "").unwrap());
        }
    });
    assert_eq!(house.keys.log().len(), 3);
}

/// As other tools have it, a variable names authorities in addition to the system's.
#[test]
fn authorities_of_the_variable_are_trusted() {
    if !installed(&["openssl", "python3"]) {
        return;
    }
    let house = House::new();
    let certificates = Certificates::new();
    let front = Front::start(&certificates, "server", None, &house.bucket.name());
    let endpoint = format!("https://{}", front.name());
    let bundle = certificates.file("ca.pem");
    let keys = [
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "topsecret"),
        ("AWS_CA_BUNDLE", bundle.as_str()),
    ];
    assert_eq!(house.used(&keys).unwrap(), "id");
    let found = house.used(&keys[..3]).unwrap_err();
    assert!(matches!(found, StorageError::Unreachable { .. }), "{found:?}");
    text(&found);
    // What the operator names goes first.
    let mut settings = house.settings(&keys);
    settings.http.ca = Some(certificates.path("other.pem"));
    assert!(house.used_with(&settings).is_err());
}

#[test]
fn debug_shows_no_secret() {
    let house = House::new();
    let settings = house.settings(&[("AWS_SECRET_ACCESS_KEY", "topsecret")]);
    assert!(!format!("{:?}", settings.variables).contains("topsecret"));
}
