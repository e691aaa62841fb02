//! One registry: its address, and how a call gets an answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::Proxy;
use ureq::http::{Method, header};
use ureq::unversioned::resolver::DefaultResolver;
use url::Url;

use super::auth::{Door, Scope};
use super::credentials;
use super::error::{HOST_NOT_ALLOWED, HOST_WITHOUT_TLS};
use super::exchange::{Answer, Call, Payload, Trouble, Wire, escaped};
use super::host::is_loopback_name;
use super::pace::PACE_BYTES_MIN;
use super::permits::{Permit, Permits};
use super::repository::{Access, Repository};
use super::throttle::Throttle;
use super::{Host, Reach, RegistryError, RepositoryName, Settings};

/// How often a call is sent on.
const REDIRECTS_MAX: u32 = 10;

/// How long the first wait before another try is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait that a registry may ask for, or that doubling leads to.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// How much of an error's text is read, in bytes.
const ERROR_BYTES_MAX: u64 = 16 << 10;

/// A registry.
pub struct Registry {
    pub(super) host: Host,
    base: Url,
    pub(super) wire: Wire,
    pub(super) door: Mutex<Door>,
    pub(super) settings: Arc<Settings>,
    permits: Arc<Permits>,
    /// Whether it ever answered: from then on, a failing connection is worth another try.
    reached: AtomicBool,
    /// Its repositories that were seen to have no referrers API: behind one host there may be many registries.
    lack_referrers: Mutex<BTreeSet<RepositoryName>>,
}

impl Registry {
    pub(super) fn new(
        host: Host,
        settings: Arc<Settings>,
        throttle: Arc<Throttle>,
        permits: Arc<Permits>,
    ) -> Result<Registry, RegistryError> {
        let plain =
            settings.plain_http.contains(&host) || (host.is_loopback() && !settings.tls.contains(&host));
        let base = format!("{}://{host}/v2/", if plain { "http" } else { "https" });
        let unusable = |error: url::ParseError| RegistryError::Setup {
            what: host.to_string(),
            problem: error.to_string(),
        };
        let base = Url::parse(&base).map_err(unusable)?;
        credentials::check(&settings.credential_files, &host)?;
        // A proxy's loopback is not ours.
        let proxy = if host.is_loopback() { None } else { Proxy::try_from_env() };
        let wire = Wire::new(&settings, throttle, proxy, DefaultResolver::default())?;
        Ok(Registry {
            host,
            base,
            wire,
            door: Mutex::default(),
            settings,
            permits,
            reached: AtomicBool::new(false),
            lack_referrers: Mutex::default(),
        })
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// One of its repositories, whether it is there or not.
    pub fn repository(self: &Arc<Self>, name: &RepositoryName, access: Access) -> Repository {
        Repository::new(Arc::clone(self), name.clone(), access)
    }

    /// Whether a repository was seen to have no referrers API.
    pub(super) fn lacks_referrers(&self, repository: &RepositoryName) -> bool {
        self.lack_referrers.lock().expect("no thread panicked").contains(repository)
    }

    /// A repository has no referrers API.
    pub(super) fn note_lack_of_referrers(&self, repository: &RepositoryName) {
        self.lack_referrers.lock().expect("no thread panicked").insert(repository.clone());
    }

    /// The URL of a path below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("names of repositories, tags and digests make a path")
    }

    /// All its repositories; `None` if it does not list them.
    pub fn repositories(&self) -> Result<Option<Vec<RepositoryName>>, RegistryError> {
        super::listing::repositories(self)
    }

    /// Waits until a transfer may begin.
    pub(super) fn permit(&self) -> Permit {
        self.permits.take()
    }

    /// Sends a call, with another try where that makes sense, and follows redirects. Answers below 500 are for the
    /// caller to judge, all but 429 and a last 401.
    pub(super) fn call(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, RegistryError> {
        self.retrying(&call.asked(), || self.follow(call, scope))
    }

    /// Sends a call once, without redirects: for streams, which cannot be sent again.
    pub(super) fn call_once(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        self.check_stop()?;
        let own = self.is_own(&call.url);
        let authorization = if own { self.authorization(scope)? } else { None };
        let sent = self.wire.send(call, authorization.as_deref());
        // A signal ends the stream; that is no trouble of the registry's.
        self.check_stop()?;
        let answer = sent.map_err(CallError::Trouble)?;
        self.reached.store(true, Ordering::Relaxed);
        if answer.status == 401 && own {
            self.introduce(answer, scope, authorization.as_deref(), &call.asked())?;
            return Err(CallError::Introduced);
        }
        Ok(answer)
    }

    fn check_stop(&self) -> Result<(), RegistryError> {
        if self.settings.stop.load(Ordering::Relaxed) { Err(RegistryError::Interrupted) } else { Ok(()) }
    }

    /// How often a call is tried again.
    pub(super) fn retries(&self) -> u32 {
        self.settings.retries
    }

    pub(super) fn retrying(
        &self,
        asked: &str,
        mut attempt: impl FnMut() -> Result<Answer, CallError>,
    ) -> Result<Answer, RegistryError> {
        let mut tried = 0;
        loop {
            self.check_stop()?;
            let wait = match attempt() {
                Ok(answer) if !is_passing(answer.status) => return Ok(answer),
                Ok(answer) => {
                    let wait = retry_after(&answer);
                    let too_long = wait.is_some_and(|wait| wait > WAIT_MAX);
                    if tried >= self.settings.retries || too_long {
                        return Err(self.out_of_tries(answer, asked, tried, wait));
                    }
                    answer.discard();
                    wait
                }
                Err(CallError::Registry(error)) => return Err(error),
                Err(CallError::Introduced) => unreachable!("only streams are sent once"),
                Err(CallError::Trouble(trouble)) => {
                    if tried >= self.settings.retries || !self.may_pass(&trouble) {
                        return Err(self.trouble(trouble, asked));
                    }
                    None
                }
            };
            self.wait(tried, wait)?;
            tried += 1;
        }
    }

    /// Whether the same may go well the next time.
    pub(super) fn may_pass(&self, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Broken(_) | Trouble::Stalled => true,
            Trouble::Unreachable(_) => self.reached.load(Ordering::Relaxed),
            Trouble::Senseless(_) => false,
        }
    }

    /// Waits before the next try, for as long as was asked or longer each time.
    ///
    /// # Errors
    /// [`RegistryError::Interrupted`] at once when a signal comes.
    pub(super) fn wait(&self, tried: u32, asked: Option<Duration>) -> Result<(), RegistryError> {
        let doubled = FIRST_WAIT.saturating_mul(1 << tried.min(16));
        let until = Instant::now() + asked.unwrap_or(doubled).min(WAIT_MAX);
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            self.check_stop()?;
            std::thread::sleep(rest.min(Duration::from_millis(100)));
        }
        self.check_stop()
    }

    fn out_of_tries(&self, answer: Answer, asked: &str, tried: u32, wait: Option<Duration>) -> RegistryError {
        if answer.status != 429 {
            return self.refused(answer, asked);
        }
        let wait = wait.map_or(String::new(), |wait| format!(" for {} seconds", wait.as_secs()));
        let problem = format!("429{wait}, after {} try/tries", tried + 1);
        RegistryError::RateLimited { host: self.host.clone(), asked: asked.to_owned(), problem }
    }

    fn follow(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        let first = call.url.clone();
        let followed = self.follow_from(call, scope);
        call.url = first;
        followed
    }

    fn follow_from(&self, call: &mut Call<'_>, scope: &Scope) -> Result<Answer, CallError> {
        let asked = call.asked();
        let mut redirects = 0;
        let mut introduced = false;
        loop {
            let own = self.is_own(&call.url);
            let authorization = if own { self.authorization(scope)? } else { None };
            let answer = self.wire.send(call, authorization.as_deref()).map_err(CallError::Trouble)?;
            self.reached.store(true, Ordering::Relaxed);
            match answer.status {
                401 if own && !introduced => {
                    introduced = true;
                    self.introduce(answer, scope, authorization.as_deref(), &asked)?;
                }
                401 | 403 => return Err(self.refused(answer, &asked).into()),
                301 | 302 | 303 | 307 | 308 if is_redirected(call, answer.status) => {
                    redirects += 1;
                    if redirects > REDIRECTS_MAX {
                        let problem = format!("more than {REDIRECTS_MAX} redirects");
                        return Err(self.senseless(&asked, problem).into());
                    }
                    call.url = self.location(&answer, &asked)?;
                    answer.discard();
                }
                _ => return Ok(answer),
            }
        }
    }

    /// Where an answer sends us.
    ///
    /// # Errors
    /// When it names no place, or one that we do not go to.
    pub(super) fn location(&self, answer: &Answer, asked: &str) -> Result<Url, RegistryError> {
        let location = answer
            .header(header::LOCATION)
            .ok_or_else(|| self.senseless(asked, format!("status {} without a Location", answer.status)))?;
        let url = answer.url.join(location).map_err(|error| {
            self.senseless(asked, format!("its Location is {}: {error}", escaped(location)))
        })?;
        self.check_place(&url, asked)?;
        Ok(url)
    }

    /// Whether we go there: to the registry itself, and elsewhere only over HTTPS and within reach.
    pub(super) fn check_place(&self, url: &Url, asked: &str) -> Result<(), RegistryError> {
        // Without a name or a password: they may open a door.
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let place = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
        let elsewhere = |problem: &str| RegistryError::Elsewhere {
            host: self.host.clone(),
            other: escaped(&place),
            asked: asked.to_owned(),
            problem: problem.to_owned(),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(elsewhere("it carries a name or a password"));
        }
        if self.is_own(url) {
            return Ok(());
        }
        let host: Host = host_of(url).ok_or_else(|| elsewhere("it names no host"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.settings.plain_http.contains(&host) => {}
            // Whoever stands on loopback without TLS may point there; nobody else may make us talk to this machine.
            "http"
                if self.base.scheme() == "http"
                    && self.host.is_loopback()
                    && is_loopback_name(host.name()) => {}
            _ => return Err(elsewhere(HOST_WITHOUT_TLS)),
        }
        match &self.settings.reach {
            Reach::Anywhere => Ok(()),
            Reach::Only(hosts) if hosts.contains(&host) => Ok(()),
            Reach::Only(_) => Err(elsewhere(HOST_NOT_ALLOWED)),
        }
    }

    /// Whether a URL is the registry's own: the same scheme, host and port.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// The error for an answer that says no.
    pub(super) fn refused(&self, answer: Answer, asked: &str) -> RegistryError {
        let (host, status) = (self.host.clone(), answer.status);
        let asked = match host_of(&answer.url) {
            Some(other) if !self.is_own(&answer.url) => format!("{asked} at {other}"),
            _ => asked.to_owned(),
        };
        let problem = problem_of(answer);
        match status {
            401 => RegistryError::Unauthorized { host, asked, problem },
            403 => RegistryError::Denied { host, asked, problem },
            429 => RegistryError::RateLimited { host, asked, problem },
            _ => RegistryError::Failed { host, status, asked, problem },
        }
    }

    /// The error for an answer that makes no sense.
    pub(super) fn senseless(&self, asked: &str, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { host: self.host.clone(), asked: asked.to_owned(), problem: problem.into() }
    }

    /// The error for no answer at all.
    pub(super) fn trouble(&self, trouble: Trouble, asked: &str) -> RegistryError {
        // Connections end then, and each in its own way.
        if let Err(interrupted) = self.check_stop() {
            return interrupted;
        }
        let (host, asked) = (self.host.clone(), asked.to_owned());
        match trouble {
            Trouble::Unreachable(problem) => RegistryError::Unreachable { host: host.to_string(), problem },
            Trouble::Broken(problem) => RegistryError::Broken { host, asked, problem },
            Trouble::Stalled => RegistryError::Stalled {
                host,
                asked,
                bytes: PACE_BYTES_MIN,
                seconds: self.settings.stall.as_secs(),
            },
            Trouble::Senseless(problem) => RegistryError::Protocol { host, asked, problem },
        }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The connection; another try may help.
    Trouble(Trouble),
    /// A token that had ended on the way was replaced; what was sent is to be sent again.
    Introduced,
    /// Anything else.
    Registry(RegistryError),
}

impl From<RegistryError> for CallError {
    fn from(error: RegistryError) -> Self {
        CallError::Registry(error)
    }
}

/// Whether a status says that the same may go well later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// A redirect of what only reads is followed; of what writes, where the method stays the same.
fn is_redirected(call: &Call<'_>, status: u16) -> bool {
    matches!(call.method, Method::GET | Method::HEAD)
        || (matches!(status, 307 | 308) && !matches!(call.payload, Payload::Stream(..)))
}

pub(super) fn host_of(url: &Url) -> Option<Host> {
    match (url.host_str(), url.port()) {
        (Some(name), Some(port)) => format!("{name}:{port}").parse().ok(),
        (Some(name), None) => name.parse().ok(),
        (None, _) => None,
    }
}

/// How long an answer asks to wait. Dates are not read: a clock at an air gap may be wrong.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header(header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What an error's body says (distribution-spec, "Error Codes"), or else its status.
pub(super) fn problem_of(answer: Answer) -> String {
    let status = ureq::http::StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("no reason given");
    let is_json = answer.content_type().is_some_and(|kind| kind.contains("json"));
    let json = || serde_json::from_slice::<serde_json::Value>(&answer.bytes(ERROR_BYTES_MAX).ok()?).ok();
    let Some(json) = is_json.then(json).flatten() else { return reason.to_owned() };
    let text = |value: &serde_json::Value| value.as_str().map(escaped).unwrap_or_default();
    let error = |error: &serde_json::Value| {
        let detail = match &error["detail"] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(detail) => format!(" ({})", escaped(detail)),
            detail => format!(" ({})", escaped(&detail.to_string())),
        };
        format!("{} {}{detail}", text(&error["code"]), text(&error["message"]))
    };
    let errors: Vec<String> = json["errors"].as_array().into_iter().flatten().take(3).map(error).collect();
    match (errors.is_empty(), json["details"].as_str()) {
        (false, _) => errors.join("; "),
        (true, Some(details)) => escaped(details),
        (true, None) => reason.to_owned(),
    }
}
