//! How a registry lets us in: what it wants to see, and how that is had.

use ureq::http::{Method, header};
use url::Url;

use super::RegistryError;
use super::auth::{Door, Scope, basic};
use super::challenge::Challenge;
use super::client::{CallError, Registry, host_of, problem_of};
use super::credentials::{self, Credential};
use super::exchange::{Answer, Call, Payload, escaped};

/// Largest answer of a token service, in bytes.
const TOKEN_BYTES_MAX: u64 = 256 << 10;

impl Registry {
    /// What we show at the door, as far as it is known what the registry wants to see.
    pub(super) fn authorization(&self, scope: &Scope) -> Result<Option<String>, RegistryError> {
        let mut door = self.door.lock().expect("no thread panicked");
        match door.challenge.clone() {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(match self.credential(&mut door, scope)? {
                Some(Credential::Basic { user, password }) => Some(basic(&user, &password)),
                _ => None,
            }),
            Some(challenge @ Challenge::Bearer { .. }) => match door.token(scope) {
                Some(header) => Ok(Some(header)),
                // Whoever comes at the same time waits for this one token.
                None => self.fetch_token(&mut door, &challenge, scope).map(Some),
            },
        }
    }

    /// Takes note of what the registry wants to see.
    ///
    /// # Errors
    /// When that is nothing that we have.
    pub(super) fn introduce(
        &self,
        answer: Answer,
        scope: &Scope,
        shown: Option<&str>,
        asked: &str,
    ) -> Result<(), RegistryError> {
        let headers = answer.headers.get_all(header::WWW_AUTHENTICATE);
        let texts = headers.iter().filter_map(|value| value.to_str().ok());
        let Some(challenge) = Challenge::best(texts) else { return Err(self.refused(answer, asked)) };
        let mut door = self.door.lock().expect("no thread panicked");
        let known = match &challenge {
            Challenge::Basic => !matches!(self.credential(&mut door, scope)?, Some(Credential::Basic { .. })),
            Challenge::Bearer { .. } => false,
        };
        // Credentials that were shown and refused, or none to show.
        if known || (challenge == Challenge::Basic && shown.is_some()) {
            drop(door);
            return Err(self.refused(answer, asked));
        }
        if let Some(shown) = shown {
            door.forget(scope, shown);
        }
        door.challenge = Some(challenge);
        drop(door);
        answer.discard();
        Ok(())
    }

    fn credential(&self, door: &mut Door, scope: &Scope) -> Result<Option<Credential>, RegistryError> {
        if let Some(known) = door.credentials.get(&scope.repository) {
            return Ok(known.clone());
        }
        let found =
            credentials::find(&self.settings.credential_files, &self.host, scope.repository.as_ref())?;
        door.credentials.insert(scope.repository.clone(), found.clone());
        Ok(found)
    }

    /// Gets a token for the scope, and gives its header.
    fn fetch_token(
        &self,
        door: &mut Door,
        challenge: &Challenge,
        scope: &Scope,
    ) -> Result<String, RegistryError> {
        let Challenge::Bearer { realm, service, scope: wanted, .. } = challenge else {
            unreachable!("only tokens are fetched")
        };
        let asked = "a token";
        let url = Url::parse(realm)
            .map_err(|error| self.senseless(asked, format!("its realm is {}: {error}", escaped(realm))))?;
        self.check_place(&url, asked)?;
        // What the registry asked for counts where it asked for more than we know of.
        let mut words: Vec<&str> = scope.words().iter().map(String::as_str).collect();
        let own = |word: &&str| words.contains(word) || word.starts_with("repository:");
        let more: Vec<&str> =
            wanted.iter().flat_map(|words| words.split(' ')).filter(|word| !own(word)).collect();
        words.extend(more);
        let credential = self.credential(door, scope)?;
        let answer = self.retrying(asked, || {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            if let Some(service) = service {
                form.append_pair("service", service);
            }
            let sent = if let Some(Credential::Identity(token)) = &credential {
                form.append_pair("grant_type", "refresh_token").append_pair("client_id", "carnet");
                form.append_pair("scope", &words.join(" ")).append_pair("refresh_token", token);
                let form = form.finish();
                let mut call = Call::new(Method::POST, url.clone())
                    .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                call.payload = Payload::Bytes(form.as_bytes());
                self.wire.send(&mut call, None)
            } else {
                for word in &words {
                    form.append_pair("scope", word);
                }
                let mut url = url.clone();
                let query = [url.query().map(str::to_owned), Some(form.finish())];
                url.set_query(Some(&query.into_iter().flatten().collect::<Vec<_>>().join("&")));
                let authorization = match &credential {
                    Some(Credential::Basic { user, password }) => Some(basic(user, password)),
                    _ => None,
                };
                self.wire.send(&mut Call::new(Method::GET, url), authorization.as_deref())
            };
            sent.map_err(CallError::Trouble)
        });
        // It is the token service that is out of reach, not the registry.
        let answer = answer.map_err(|error| match (error, host_of(&url)) {
            (RegistryError::Unreachable { problem, .. }, Some(service)) => {
                let host = format!("{service}, where {} has its tokens from,", self.host);
                RegistryError::Unreachable { host, problem }
            }
            (error, _) => error,
        })?;
        if answer.status != 200 {
            let place = host_of(&url).map_or_else(String::new, |host| format!("a token of {host}"));
            return Err(match answer.status {
                // Token services say 400, 401 or 403 to credentials that are wrong.
                400 | 401 | 403 => {
                    let problem = problem_of(answer);
                    RegistryError::Unauthorized { host: self.host.clone(), asked: place, problem }
                }
                _ => self.refused(answer, &place),
            });
        }
        let bytes = answer.bytes(TOKEN_BYTES_MAX).map_err(|trouble| self.trouble(trouble, asked))?;
        door.keep(scope, &bytes).map_err(|problem| self.senseless(asked, problem))
    }
}
