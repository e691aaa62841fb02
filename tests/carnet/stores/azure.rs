//! The client of Azure Blob: against Azurite, and against a server that refuses.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use carnet::clock::Clock;
use carnet::format::{Sum, Timestamp};
use carnet::http;
use carnet::storage::{
    Container, Download, NewObject, Object, Permission, Precondition, Refusal, Settings, StorageError,
    Variables, open,
};
use md5::{Digest as _, Md5};

use super::azurite::{ACCOUNT, Azurite, KEY, sas};
use crate::registries::http::{Host, Request, Response, Site};
use crate::registries::tls::Certificates;

const FAR: &str = "2100-01-01T00:00:00Z";

/// A token for the refusing server, which checks no signature.
const TOKEN: &str =
    "sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2100-01-01T00:00:00Z&sig=topsecret%2Bsignature%3D";

/// What must never be in a text.
const SECRETS: [&str; 6] =
    ["topsecret", KEY, "bearersecret", "headersecret", "sig=", "Eby8vdM02xNOcqFlqUwJPLlm"];

/// The clock of this machine, some seconds ahead.
#[derive(Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        Timestamp::from_seconds(now + self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Answers with a function.
struct Answers<F>(F);

impl<F: Fn(&Request) -> Response + Send + Sync + 'static> Site for Answers<F> {
    fn answer(&self, request: &Request) -> Response {
        (self.0)(request)
    }
}

fn serve(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Host {
    Host::start("127.0.0.1", Answers(answer))
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings {
        variables: Variables::new(variables.iter().map(owned)),
        secret_command: None,
        clock: Arc::new(Ahead::default()),
        encryption: None,
        http: http::Settings { retries: 2, stall: Duration::from_secs(10), ..http::Settings::default() },
    }
}

fn container(url: &str, variables: &[(&str, &str)]) -> Arc<dyn Container> {
    open(&url.parse().unwrap(), &settings(variables)).unwrap()
}

/// The refusing server as a container.
fn refusing(host: &Host) -> Arc<dyn Container> {
    container(&format!("http://{}/account/c", host.name()), &[("AZURE_STORAGE_SAS_TOKEN", TOKEN)])
}

fn new_object<'a>(
    key: &'a str,
    bytes: &[u8],
    metadata: &'a [(String, String)],
    precondition: Precondition,
) -> NewObject<'a> {
    NewObject {
        key,
        bytes: bytes.len() as u64,
        md5: Md5::digest(bytes).into(),
        sha256: Sum::of(bytes),
        metadata,
        precondition,
    }
}

fn list(container: &dyn Container, prefix: &str) -> Result<BTreeMap<String, Object>, StorageError> {
    let mut found = BTreeMap::new();
    container.list(prefix, &mut |object| {
        found.insert(object.key.clone(), object);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The text of an error and of its `Debug`, which must not contain a secret.
fn text(error: &StorageError) -> String {
    // The text that says what a token looks like is not one.
    let texts = format!("{error} {error:?}").replace("sig=…", "");
    assert!(!SECRETS.iter().any(|secret| texts.contains(secret)), "a secret is in {texts}");
    error.to_string()
}

/// Writes, lists, reads and deletes.
fn every_operation(container: &dyn Container) {
    let metadata =
        [("carnet1", "x"), ("carnet", "y")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let key = "in/a b+%&ü.tar";
    let whole = new_object(key, b"0123456789", &metadata, Precondition::Absent);
    container.put(&whole, b"0123456789").unwrap();
    container.put(&new_object("in/empty", b"", &[], Precondition::Absent), b"").unwrap();
    let found = container.find(key).unwrap().unwrap();
    assert_eq!((found.bytes, found.md5), (10, Some(whole.md5)));
    assert_eq!(found.metadata, metadata.iter().cloned().collect());
    let listed = list(container, "in/").unwrap();
    assert_eq!(listed[key], found);
    assert_eq!(listed.len(), 2);
    assert!(list(container, "out/").unwrap().is_empty());
    assert_eq!(container.find("in/none").unwrap(), None);
    container.try_delete("in/none").unwrap();
    let mut part = Vec::new();
    container.read(&found, 3, 4).unwrap().read_to_end(&mut part).unwrap();
    assert_eq!(part, b"3456");
    let error = container.put(&whole, b"0123456789").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Exists), "{}", text(&error));

    let blocks = new_object(key, b"aaabbbc", &metadata, Precondition::Is(found.etag.clone()));
    let upload = container.begin(&blocks).unwrap();
    let other = container.begin(&blocks).unwrap();
    assert_ne!(upload, other);
    let parts = [(1, b"aaa".as_slice()), (2, b"bbb"), (3, b"c")]
        .map(|(number, content)| container.part(key, &upload, number, content).unwrap());
    container.part(key, &other, 1, b"zzz").unwrap();
    container.complete(&blocks, &upload, &parts).unwrap();
    let changed = container.find(key).unwrap().unwrap();
    assert_eq!((changed.bytes, changed.md5), (7, Some(blocks.md5)));
    for error in [container.read(&found, 0, 4).err().unwrap(), container.delete(&found).unwrap_err()] {
        assert_eq!(error.refusal(), Some(Refusal::Changed), "{}", text(&error));
    }
    container.delete(&changed).unwrap();
    container.delete(&changed).unwrap();
    assert_eq!(container.find(key).unwrap(), None);
}

#[test]
fn azurite_serves_an_account_key() {
    let Some(azurite) = Azurite::start(None) else { return };
    every_operation(&*container(&azurite.url(), &[("AZURE_STORAGE_KEY", KEY)]));
    let string = format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={}", azurite.url());
    let string = string.strip_suffix("/transfer").unwrap();
    let named = container("az://devstoreaccount1/transfer", &[("AZURE_STORAGE_CONNECTION_STRING", string)]);
    assert_eq!(list(&*named, "").unwrap().len(), 1);
    let wrong = container(&azurite.url(), &[("AZURE_STORAGE_KEY", "dG9wc2VjcmV0")]);
    let error = list(&*wrong, "").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Credentials));
    assert!(text(&error).contains("the account key is wrong"), "{error}");
}

#[test]
fn azurite_serves_a_token() {
    let Some(azurite) = Azurite::start(None) else { return };
    let open = |token: &str| container(&azurite.url(), &[("AZURE_STORAGE_SAS_TOKEN", token)]);
    every_operation(&*open(&format!("?{}\n", sas("rwdl", "sco", FAR))));
    let forged = sas("rwdl", "sco", FAR).replace("sp=rwdl", "sp=rwdlac");
    let error = list(&*open(&forged), "").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Credentials));
    let words = text(&error);
    assert!(words.contains("rotated") && words.contains("network rule"), "{words}");
    // The permission to create does not include the one to replace.
    let creator = open(&sas("cr", "sco", FAR));
    creator.put(&new_object("once", b"1", &[], Precondition::None), b"1").unwrap();
    let error = creator.put(&new_object("once", b"2", &[], Precondition::None), b"2").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Permission(Permission::Write)), "{}", text(&error));
    let absent = azurite.url().replace("transfer", "absent");
    let absent = container(&absent, &[("AZURE_STORAGE_SAS_TOKEN", &sas("rl", "sco", FAR))]);
    assert_eq!(list(&*absent, "").unwrap_err().refusal(), Some(Refusal::NoContainer));
    assert_eq!(absent.find("key").unwrap_err().refusal(), Some(Refusal::NoContainer));
}

#[test]
fn azurite_serves_an_identity() {
    let certificates = Certificates::new();
    let Some(azurite) = Azurite::start(Some(&certificates)) else { return };
    let endpoint = serve(|request| {
        assert_eq!(request.headers.get("X-IDENTITY-HEADER"), Some("headersecret"));
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let encode = |text: &str| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
        };
        let claims = serde_json::json!({
            "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/",
            "nbf": now - 60, "iat": now - 60, "exp": now + 3600,
        });
        let token = format!("{}.{}.x", encode(r#"{"alg":"none","typ":"JWT"}"#), encode(&claims.to_string()));
        let expires = (now + 3600).to_string();
        Response::new(200).json(&serde_json::json!({"access_token": token, "expires_on": expires}))
    });
    let endpoint = format!("http://{}/token", endpoint.name());
    let mut settings = settings(&[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", "headersecret")]);
    settings.http.ca = Some(certificates.path("ca.pem"));
    every_operation(&*open(&azurite.url().parse().unwrap(), &settings).unwrap());
}

#[test]
fn tokens_are_judged_before_any_request() {
    let host = serve(|_| Response::new(500));
    let url = format!("http://{}/account/c", host.name());
    for (token, refusal, words) in [
        ("se=2020-01-01&sp=rl", Refusal::Expired, "ended at 2020-01-01T00:00:00Z; this clock says"),
        ("st=2099-01-01&sp=rl", Refusal::NotYetValid, "is not valid before 2099-01-01T00:00:00Z"),
        ("sp=rw&sr=c", Refusal::Permission(Permission::List), "lacks the permission l (list); it has sp=rw"),
        ("sp=rl&ss=b&srt=o", Refusal::Scope, "lacks the resource type c (container)"),
        ("sp=rl&ss=q&srt=sco", Refusal::Scope, "ss=q"),
        ("sp=rl&sr=b", Refusal::Scope, "sr=b"),
        ("sp=rl&sr=bv", Refusal::Scope, "sr=bv"),
        ("sp=rl&spr=https", Refusal::HttpsOnly, "spr=https"),
    ] {
        let token = format!("sv=2021-12-02&{token}&sig=topsecret");
        let container = container(&url, &[("AZURE_STORAGE_SAS_TOKEN", &token)]);
        let checked = container.check_access(&[Permission::List]).unwrap_err();
        let error = list(&*container, "").unwrap_err();
        assert_eq!((error.refusal(), checked.refusal()), (Some(refusal), Some(refusal)), "{token}");
        assert!(text(&error).contains(words), "{error}");
        assert!(!container.access().contains("topsecret"));
    }
    let other = [("AZURE_STORAGE_SAS_TOKEN", TOKEN), ("AZURE_STORAGE_ACCOUNT", "other")];
    let Err(error) = open(&url.parse().unwrap(), &settings(&other)) else { panic!() };
    assert!(text(&error).contains("the account other, not for account"), "{error}");
    assert!(host.log().is_empty());
}

#[test]
fn refusals_are_explained() {
    use Refusal::{
        Address, Anonymous, Archived, Credentials, Expired, HttpsOnly, Immutable, NoContainer, NotYetValid,
        Scope,
    };
    let frame = "Signature not valid in the specified time frame: Start [Mon, 05 Jan 2099 00:00:00 GMT] - Expiry [Mon, 05 \
                 Jan 2100 00:00:00 GMT] - Current [Thu, 26 Nov 2026 12:00:00 GMT]";
    let past = frame.replace("2099", "2020");
    let quoted =
        "The MAC signature found in the HTTP request 'topsecret' is not the same as any computed signature";
    let request = "Cannot use https://a/b?sig=topsecret";
    let bare = "The value topsecret+signature= is not known";
    for (status, code, detail, refusal) in [
        (403, "AuthenticationFailed", past.as_str(), Expired),
        (403, "AuthenticationFailed", frame, NotYetValid),
        (403, "AuthenticationFailed", quoted, Credentials),
        (403, "AuthenticationFailed", request, Credentials),
        (403, "AuthenticationFailed", bare, Credentials),
        (401, "NoAuthenticationInformation", "", Anonymous),
        (401, "InvalidAuthenticationInfo", "", Credentials),
        (403, "AuthorizationFailure", "", Credentials),
        (403, "AuthorizationPermissionMismatch", "", Refusal::Permission(Permission::Delete)),
        (403, "AuthorizationResourceTypeMismatch", "", Scope),
        (403, "AuthorizationServiceMismatch", "", Scope),
        (403, "AuthorizationProtocolMismatch", "", HttpsOnly),
        (400, "AccountRequiresHttps", "", HttpsOnly),
        (403, "AuthorizationSourceIPMismatch", "", Address),
        (404, "ContainerNotFound", "", NoContainer),
        (409, "BlobImmutableDueToPolicy", "", Immutable),
        (409, "BlobImmutableDueToLegalHold", "", Immutable),
        (412, "LeaseIdMissing", "", Immutable),
        (412, "ConditionNotMet", "", Refusal::Changed),
        (409, "BlobArchived", "", Archived),
    ] {
        let body = format!(
            "\u{feff}<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Words of the store.\nRequestId:1</Message>\
             <AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
        );
        let host = serve(move |_| {
            let response = Response::new(status).with("x-ms-copy-source", "https://a/b?sig=topsecret");
            response.body("application/xml", body.clone())
        });
        let error = refusing(&host).delete(&an_object(1)).unwrap_err();
        assert_eq!(error.refusal(), Some(refusal), "{code} {detail}: {error:?}");
        assert!(text(&error).contains(code), "{error}");
        // An answer to HEAD has no body.
        let host = serve(move |_| Response::new(status).with("x-ms-error-code", code));
        let error = refusing(&host).find("k").unwrap_err();
        assert!(error.refusal().is_some() && text(&error).contains(code), "{error:?}");
    }
}

#[test]
fn a_token_for_other_addresses_is_named_as_a_possible_cause() {
    let host = serve(|_| Response::new(403).with("x-ms-error-code", "AuthorizationFailure"));
    let with = |addresses: &str| {
        let token = format!("{TOKEN}&sip={addresses}");
        let url = format!("http://{}/account/c", host.name());
        container(&url, &[("AZURE_STORAGE_SAS_TOKEN", &token)])
    };
    let other = with("192.0.2.1-192.0.2.9");
    let error = text(&list(&*other, "").unwrap_err());
    let cause = "the token is for the addresses 192.0.2.1-192.0.2.9, and this machine sends from 127.0.0.1";
    assert!(error.contains(&format!("a possible cause: {cause}")), "{error}");
    assert!(other.access().contains(cause), "{}", other.access());
    let own = with("127.0.0.1");
    let error = text(&list(&*own, "").unwrap_err());
    assert!(!error.contains("a possible cause"), "{error}");
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let host = serve(|_| {
        Response::new(403)
            .with("x-ms-error-code", "AuthenticationFailed")
            .with("Date", "Thu, 01 Jan 2015 00:00:00 GMT")
    });
    let error = refusing(&host).find("k").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Clock));
    assert!(text(&error).contains("2015-01-01T00:00:00Z"), "{error}");
}

#[test]
fn markers_that_repeat_end_a_list() {
    let host = serve(|request| {
        let next = if request.target.contains("marker=one") { "two" } else { "one" };
        let page =
            format!("<EnumerationResults><Blobs /><NextMarker>{next}</NextMarker></EnumerationResults>");
        Response::new(200).body("application/xml", page)
    });
    let error = list(&*refusing(&host), "").unwrap_err();
    assert!(text(&error).contains("names an earlier one"), "{error}");
    assert_eq!(host.log().len(), 3);
}

#[test]
fn a_lost_answer_is_found_to_be_a_success() {
    for (stored, refusal) in [("content", None), ("another", Some(Refusal::Exists))] {
        let sent = AtomicU64::new(0);
        let host = serve(move |request| match request.method.as_str() {
            "PUT" if sent.fetch_add(1, Ordering::SeqCst) == 0 => Response::new(503),
            "PUT" => Response::new(409).with("x-ms-error-code", "BlobAlreadyExists"),
            _ if sent.load(Ordering::SeqCst) == 0 => {
                Response::new(404).with("x-ms-error-code", "BlobNotFound")
            }
            _ => {
                use base64::Engine as _;
                let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(stored));
                let response = Response::new(200).with("ETag", "\"1\"").with("Content-MD5", md5);
                response.body("application/x-tar", stored)
            }
        });
        let object = new_object("k", b"content", &[], Precondition::Absent);
        let put = refusing(&host).put(&object, b"content");
        assert_eq!(put.as_ref().err().and_then(StorageError::refusal), refusal, "{put:?}");
        assert_eq!(put.is_ok(), refusal.is_none());
    }
}

/// An endpoint that gives tokens for 100 seconds, and counts them.
fn endpoint(count: &Arc<AtomicU64>) -> Host {
    let count = Arc::clone(count);
    serve(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let until = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 100;
        let token = format!("bearersecret{number}");
        // App Service says when a token ends, not how long it lasts.
        Response::new(200).json(&serde_json::json!({"access_token": token, "expires_on": until.to_string()}))
    })
}

#[test]
fn tokens_of_identities_are_renewed_at_half_their_life_and_once_if_refused() {
    let count = Arc::new(AtomicU64::new(0));
    let endpoint = endpoint(&count);
    let host = serve(|request| match request.headers.get("Authorization") {
        Some("Bearer bearersecret2") => {
            Response::new(401).with("x-ms-error-code", "InvalidAuthenticationInfo")
        }
        Some(_) => Response::new(404).with("x-ms-error-code", "BlobNotFound"),
        None => Response::new(400),
    });
    let clock = Arc::new(Ahead::default());
    let address = format!("http://{}/token", endpoint.name());
    let mut settings = settings(&[("IDENTITY_ENDPOINT", &address), ("IDENTITY_HEADER", "headersecret")]);
    settings.clock = Arc::<Ahead>::clone(&clock);
    let url = format!("http://{}/account/c", host.name());
    let container = open(&url.parse().unwrap(), &settings).unwrap();
    for (seconds, expected) in [(0, 1), (20, 1), (60, 2), (70, 2), (85, 4)] {
        clock.0.store(seconds, Ordering::SeqCst);
        assert_eq!(container.find("k").unwrap(), None);
        assert_eq!(count.load(Ordering::SeqCst), expected, "after {seconds} seconds");
    }
}

#[test]
fn an_identity_without_a_role_is_named() {
    let endpoint = endpoint(&Arc::default());
    let host = serve(|_| Response::new(403).with("x-ms-error-code", "AuthorizationPermissionMismatch"));
    let address = format!("http://{}/token", endpoint.name());
    let variables = [("IDENTITY_ENDPOINT", address.as_str()), ("IDENTITY_HEADER", "headersecret")];
    for (id, name) in [(None, "the system-assigned identity"), (Some("id-7"), "the client id id-7")] {
        let mut variables = variables.to_vec();
        variables.extend(id.map(|id| ("AZURE_CLIENT_ID", id)));
        let container = container(&format!("http://{}/account/c", host.name()), &variables);
        let error = list(&*container, "").unwrap_err();
        assert_eq!(error.refusal(), Some(Refusal::Role(Permission::List)));
        assert!(text(&error).contains(name), "{error}");
    }
}

#[test]
fn arc_is_given_its_own_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(tokens.join("good.key"), "headersecret").unwrap();
    std::fs::write(tokens.join("large.key"), "x".repeat(5000)).unwrap();
    std::fs::write(tokens.join("text.txt"), "headersecret").unwrap();
    std::fs::write(folder.path().join("outside.key"), "topsecret").unwrap();
    let host = serve(|_| Response::new(404).with("x-ms-error-code", "BlobNotFound"));
    for (file, works) in [
        ("good.key", true),
        ("large.key", false),
        ("text.txt", false),
        ("../outside.key", false),
        ("../tokens/good.key", false),
    ] {
        let challenge = format!("Basic realm={}", tokens.join(file).display());
        let agent = serve(move |request| match request.headers.get("Authorization") {
            None => Response::new(401).with("WWW-Authenticate", challenge.clone()),
            Some("Basic headersecret") => Response::new(200)
                .json(&serde_json::json!({"access_token": "bearersecret", "expires_in": "3600"})),
            Some(_) => Response::new(403),
        });
        let address = format!("http://{}/token", agent.name());
        let container = container(
            &format!("http://{}/account/c", host.name()),
            &[
                ("IDENTITY_ENDPOINT", &address),
                ("IMDS_ENDPOINT", &address),
                ("AZURE_ARC_TOKENS_FOLDER", tokens.to_str().unwrap()),
            ],
        );
        let found = container.find("k");
        if let Err(error) = &found {
            text(error);
        }
        assert_eq!(found.is_ok(), works, "{file}: {found:?}");
        assert_eq!(agent.log().len(), if works { 2 } else { 1 }, "{file}");
    }
}

#[test]
fn an_identity_that_gets_no_token_is_named() {
    let endpoint = serve(|_| {
        let problem =
            serde_json::json!({"error": "invalid_request", "error_description": "Identity not found"});
        Response::new(400).json(&problem)
    });
    let container = container(
        "http://127.0.0.1:9/account/c",
        &[
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &format!("http://{}", endpoint.name())),
            ("AZURE_CLIENT_ID", "id-7"),
        ],
    );
    let error = container.find("k").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::Identity));
    let words = text(&error);
    assert!(
        words.contains("the identity with the client id id-7") && words.contains("Identity not found"),
        "{words}"
    );
}

fn an_object(bytes: u64) -> Object {
    Object {
        key: "k".to_owned(),
        bytes,
        etag: "\"1\"".to_owned(),
        modified: None,
        md5: None,
        metadata: BTreeMap::new(),
    }
}

/// Serves the range that a request asks for of a blob with the tag `"1"`.
fn range(request: &Request, content: &[u8]) -> Response {
    assert_eq!(request.headers.get("If-Match"), Some("\"1\""));
    let asked = request.headers.get("x-ms-range").and_then(|range| range.strip_prefix("bytes=")).unwrap();
    let (from, to) = asked.split_once('-').unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    let response = Response::new(206).with("Content-Range", format!("bytes {asked}/{}", content.len()));
    response.body("application/x-tar", &content[from..=to])
}

#[test]
fn downloads_go_on_after_breaks() {
    use crate::registries::http::{Delivery, Fault};
    let content: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for delivery in [Delivery::Reset(30_000), Delivery::Close(30_000)] {
        let blob = content.clone();
        let host = serve(move |request| range(request, &blob));
        host.fault(Fault::on("GET", "*").times(1).delivers(delivery));
        host.fault(Fault::on("GET", "*").times(1).answers(Response::new(503).with("Retry-After", "0")));
        let mut found = Vec::new();
        Download::new(refusing(&host), an_object(100_000), 10, 99_000).read_to_end(&mut found).unwrap();
        assert_eq!(found, content[10..99_010], "{delivery:?}");
        assert!(host.log().iter().any(|exchange| exchange.status == 503));
    }
}

#[test]
fn a_blob_that_changed_or_another_range_is_refused() {
    let host = serve(|_| Response::new(412).with("x-ms-error-code", "ConditionNotMet"));
    let error = refusing(&host).read(&an_object(5), 1, 3).err().unwrap();
    assert_eq!(error.refusal(), Some(Refusal::Changed), "{}", text(&error));
    let host = serve(|_| Response::new(404).with("x-ms-error-code", "BlobNotFound"));
    let error = refusing(&host).read(&an_object(5), 1, 3).err().unwrap();
    assert_eq!(error.refusal(), Some(Refusal::NoObject), "{}", text(&error));
    for response in [
        Response::new(206).with("Content-Range", "bytes 0-2/5"),
        Response::new(206).with("Content-Range", "bytes 1-3/6"),
        Response::new(206),
        Response::new(200),
    ] {
        let host = serve(move |_| response.clone().body("application/x-tar", "abc"));
        let error = refusing(&host).read(&an_object(5), 1, 3).err().unwrap();
        assert!(text(&error).starts_with("unexpected response from az://account/c"), "{error}");
    }
}

#[test]
fn a_part_that_breaks_is_sent_again() {
    use crate::registries::http::Fault;
    let host = serve(|request| match request.method.as_str() {
        "PUT" => {
            let md5 = request.headers.get("Content-MD5");
            assert!(md5.is_some() || request.target.contains("comp=blocklist"));
            Response::new(201)
        }
        _ => Response::new(404).with("x-ms-error-code", "BlobNotFound"),
    });
    let container = refusing(&host);
    let content = vec![7; 200_000];
    let object = new_object("k", &content, &[], Precondition::Absent);
    let upload = container.begin(&object).unwrap();
    host.fault(Fault::on("PUT", "*").times(1).takes_only(50_000));
    let part = container.part("k", &upload, 1, &content).unwrap();
    container.complete(&object, &upload, &[part]).unwrap();
    let log = host.log();
    let blocks: Vec<_> = log.iter().filter(|exchange| exchange.target.contains("comp=block&")).collect();
    assert_eq!(blocks.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [0, 201]);
    assert_eq!(blocks[0].target, blocks[1].target);
    let last = log.last().unwrap();
    assert!(last.target.contains("comp=blocklist"));
    assert_eq!(last.headers.get("If-None-Match"), Some("*"));
    assert!(last.headers.get("x-ms-blob-content-md5").is_some());
}

/// A sum is wrong when bytes changed on the way, so the bytes are sent once more.
#[test]
fn bytes_that_changed_on_the_way_are_sent_again_once() {
    use crate::registries::http::Fault;
    let host = serve(|request| match request.method.as_str() {
        "PUT" => Response::new(201),
        _ => Response::new(404).with("x-ms-error-code", "BlobNotFound"),
    });
    let container = refusing(&host);
    let changed = || Response::new(400).with("x-ms-error-code", "Md5Mismatch");
    let puts = |host: &Host| host.log().iter().filter(|exchange| exchange.method == "PUT").count();
    host.fault(Fault::on("PUT", "*").times(1).answers(changed()));
    container.put(&new_object("k", b"content", &[], Precondition::None), b"content").unwrap();
    assert_eq!(puts(&host), 2);
    let object = new_object("k", b"content", &[], Precondition::None);
    let upload = container.begin(&object).unwrap();
    host.fault(Fault::on("PUT", "*").times(1).answers(changed()));
    container.part("k", &upload, 1, b"content").unwrap();
    assert_eq!(puts(&host), 4);
    host.fault(Fault::on("PUT", "*").answers(changed()));
    let error = container.part("k", &upload, 1, b"content").err().unwrap();
    assert!(text(&error).contains("Md5Mismatch"), "{error}");
    assert_eq!(puts(&host), 6);
}

/// A connection that ends within a list is no end of the list.
#[test]
fn a_list_that_breaks_is_requested_again() {
    use crate::registries::http::{Delivery, Fault};
    let host = serve(|_| {
        let blob = "<Blob><Name>a</Name><Properties><Content-Length>1</Content-Length><Etag>1</Etag></Properties></Blob>";
        let text = format!("<EnumerationResults><Blobs>{blob}</Blobs><NextMarker/></EnumerationResults>");
        Response::new(200).body("application/xml", text)
    });
    let container = refusing(&host);
    host.fault(Fault::on("GET", "*").times(1).delivers(Delivery::Reset(40)));
    assert_eq!(list(&*container, "").unwrap().len(), 1);
    assert_eq!(host.log().len(), 2);
}

/// A list that is the same has the same pulse; one that is not, or that has no object, has not.
#[test]
fn a_list_has_a_pulse() {
    let pages = Arc::new(std::sync::Mutex::new(vec![("a", "1"), ("b", "2")]));
    let served = Arc::clone(&pages);
    let host = serve(move |request| {
        let pages = served.lock().unwrap();
        let page = usize::from(request.target.contains("marker="));
        let blob = pages.get(page).map_or_else(String::new, |(name, etag)| {
            format!(
                "<Blob><Name>{name}</Name><Properties><Content-Length>1</Content-Length><Etag>{etag}</Etag>\
                 </Properties></Blob>"
            )
        });
        let next = if page + 1 < pages.len() { "<NextMarker>m</NextMarker>" } else { "<NextMarker/>" };
        let text = format!("<EnumerationResults><Blobs>{blob}</Blobs>{next}</EnumerationResults>");
        Response::new(200).body("application/xml", text)
    });
    let container = refusing(&host);
    let set = |new: &[(&'static str, &'static str)]| *pages.lock().unwrap() = new.to_vec();
    let first = container.pulse("").unwrap();
    assert!(first.is_some());
    assert_eq!(list(&*container, "").unwrap().len(), 2);
    assert_eq!(container.pulse("").unwrap(), first);
    set(&[("a", "1"), ("b", "3")]);
    assert_ne!(container.pulse("").unwrap(), first);
    set(&[("a", "1")]);
    assert_ne!(container.pulse("").unwrap(), first);
    set(&[]);
    assert_eq!(container.pulse("").unwrap(), None);
}

#[test]
fn tokens_of_identities_go_over_https_only() {
    let place = "http://account.blob.example/c".parse().unwrap();
    let Err(error) = open(&place, &settings(&[])) else { panic!() };
    assert!(text(&error).contains("over HTTPS only"), "{error}");
}

#[test]
fn texts_about_what_gives_access_show_no_secret() {
    let place = "az://account/c".parse().unwrap();
    for (name, value) in [
        ("AZURE_STORAGE_SAS_TOKEN", "sv=1&topsecret"),
        ("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=topsecret&se=topsecret"),
        ("AZURE_STORAGE_KEY", "topsecret!"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=account;AccountKey=topsecret!"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=topsecret"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=account;SharedAccessSignature=topsecret"),
    ] {
        let settings = settings(&[(name, value)]);
        assert!(!format!("{:?}", settings.variables).contains("topsecret"));
        let Err(error) = open(&place, &settings) else { panic!("{value}") };
        text(&error);
    }
}
