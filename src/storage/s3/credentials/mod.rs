//! The credentials for a bucket, from where the ecosystem keeps them, in the order of its tools: variables, web identity,
//! profile, container, instance.

mod container;
mod instance;
mod json;
mod profile;
mod web_identity;

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::format::Timestamp;
use crate::http::Connections;
use crate::storage::near::setup;
use crate::storage::secret_command::run_secret_command;
use crate::storage::{Settings, StorageError, Variables};

use container::ContainerEndpoint;
use instance::InstanceEndpoint;
use profile::Profile;
use web_identity::WebIdentity;

/// Temporary keys with less time left than this, in seconds, are renewed.
const RENEW_SECONDS: i64 = 300;

/// An access key. It has no `Debug`.
pub(super) struct Keys {
    /// The id of the key, which is not secret.
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    /// The session token of temporary keys.
    pub(super) token: Option<Zeroizing<String>>,
    pub(super) expires: Option<Timestamp>,
}

impl Keys {
    /// Whether they last longer than this many seconds from now on.
    pub(super) fn last(&self, now: Timestamp, seconds: i64) -> bool {
        self.expires.is_none_or(|expires| expires.get().as_second() - now.get().as_second() > seconds)
    }
}

/// Where keys come from.
enum Source {
    /// They never change.
    Fixed,
    /// The secret comes from a command.
    Command {
        id: String,
        argv: Vec<String>,
        token: Option<Zeroizing<String>>,
    },
    Process(Vec<String>),
    WebIdentity(WebIdentity),
    Container(ContainerEndpoint),
    Instance(InstanceEndpoint),
}

/// The credentials for a bucket.
pub(super) struct Credentials {
    source: Source,
    profile: Option<Profile>,
    keys: Mutex<Option<Arc<Keys>>>,
    clock: Arc<dyn Clock>,
    connections: Arc<Connections>,
}

impl Credentials {
    /// Finds where the keys come from. Nothing is requested yet.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if there are none, or if a file or variable cannot be used.
    pub(super) fn find(
        settings: &Settings,
        connections: &Arc<Connections>,
    ) -> Result<Credentials, StorageError> {
        let variables = &settings.variables;
        let profile = Profile::load(variables)?;
        let clock = Arc::clone(&settings.clock);
        let make = |source, keys: Option<Keys>, profile| {
            let (keys, connections) = (Mutex::new(keys.map(Arc::new)), Arc::clone(connections));
            Ok(Credentials { source, profile, keys, clock, connections })
        };
        let token = variables.get("AWS_SESSION_TOKEN").map(|token| Zeroizing::new(token.to_owned()));
        if let Some(id) = variables.get("AWS_ACCESS_KEY_ID") {
            let id = id.to_owned();
            if let Some(argv) = &settings.secret_command {
                return make(Source::Command { id, argv: argv.clone(), token }, None, profile);
            }
            let secret = variables.get("AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
                setup(
                    "AWS_ACCESS_KEY_ID",
                    "AWS_SECRET_ACCESS_KEY is not set, and no file or command gives the secret",
                )
            })?;
            let secret = Zeroizing::new(secret.to_owned());
            return make(Source::Fixed, Some(Keys { id, secret, token, expires: None }), profile);
        }
        if settings.secret_command.is_some() || variables.get("AWS_SECRET_ACCESS_KEY").is_some() {
            return Err(setup("the secret access key", "AWS_ACCESS_KEY_ID is not set"));
        }
        if let Some(web_identity) = WebIdentity::find(variables, connections)? {
            return make(Source::WebIdentity(web_identity), None, profile);
        }
        if let Some(mut found) = profile {
            if let Some(keys) = found.keys.take() {
                return make(Source::Fixed, Some(keys), Some(found));
            }
            if let Some(argv) = found.process.take() {
                return make(Source::Process(argv), None, Some(found));
            }
            if let Some(problem) = found.problem.take() {
                return Err(setup(&format!("the profile {:?}", found.name), &problem));
            }
            if variables.get("AWS_PROFILE").is_some() {
                return Err(setup("AWS_PROFILE", &format!("the profile {:?} has no keys", found.name)));
            }
            return Credentials::of_machine(variables, connections, make, Some(found));
        }
        Credentials::of_machine(variables, connections, make, None)
    }

    fn of_machine(
        variables: &Variables,
        connections: &Arc<Connections>,
        make: impl FnOnce(Source, Option<Keys>, Option<Profile>) -> Result<Credentials, StorageError>,
        profile: Option<Profile>,
    ) -> Result<Credentials, StorageError> {
        if let Some(endpoint) = ContainerEndpoint::find(variables, connections)? {
            return make(Source::Container(endpoint), None, profile);
        }
        match InstanceEndpoint::find(variables, connections)? {
            Some(endpoint) => make(Source::Instance(endpoint), None, profile),
            None => Err(setup(
                "S3 credentials",
                "none of these is there: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, a profile with keys, \
                 AWS_CONTAINER_CREDENTIALS_FULL_URI; and AWS_EC2_METADATA_DISABLED is set",
            )),
        }
    }

    /// The region of the profile, if it names one.
    pub(super) fn region(&self) -> Option<&str> {
        self.profile.as_ref()?.region.as_deref()
    }

    /// The endpoint of the profile, if it names one.
    pub(super) fn endpoint_url(&self) -> Option<&str> {
        self.profile.as_ref()?.endpoint_url.as_deref()
    }

    /// Where the keys come from. Shows no secret.
    pub(super) fn describe(&self) -> String {
        let held = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let id = held.as_ref().map_or(String::new(), |keys| format!(" {}", keys.id));
        match &self.source {
            Source::Fixed => format!("the access key{id}"),
            Source::Command { id, .. } => format!("the access key {id}, with the secret of a command"),
            Source::Process(_) => format!("the access key{id} of a credential process"),
            Source::WebIdentity(_) => format!("the access key{id} of a web identity"),
            Source::Container(_) => format!("the access key{id} of the container"),
            Source::Instance(_) => format!("the access key{id} of the machine"),
        }
    }

    /// Returns the keys, and renews them if they end soon.
    pub(super) fn keys(&self) -> Result<Arc<Keys>, StorageError> {
        // One thread renews them while the others wait.
        let mut held = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if let Some(keys) = held.as_ref().filter(|keys| keys.last(now, RENEW_SECONDS)) {
            return Ok(Arc::clone(keys));
        }
        match (self.renewed(), held.as_ref()) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                *held = Some(Arc::clone(&keys));
                Ok(keys)
            }
            // What gives keys may be back before these end.
            (Err(_), Some(keys)) if keys.last(now, 0) => Ok(Arc::clone(keys)),
            (Err(error), _) => Err(error),
        }
    }

    fn renewed(&self) -> Result<Keys, StorageError> {
        match &self.source {
            Source::Fixed => unreachable!("fixed keys are there from the start and never end"),
            Source::Command { id, argv, token } => {
                let (id, token) = (id.clone(), token.clone());
                Ok(Keys { id, secret: run_secret_command(argv, &self.connections)?, token, expires: None })
            }
            Source::Process(argv) => {
                json::keys("credential_process", &run_secret_command(argv, &self.connections)?)
            }
            Source::WebIdentity(identity) => identity.keys(),
            Source::Container(endpoint) => endpoint.keys(),
            Source::Instance(endpoint) => endpoint.keys(),
        }
    }
}
