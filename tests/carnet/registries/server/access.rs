//! Access to a registry: open, by the Basic scheme, or with tokens from a service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::refusal;
use crate::registries::http::{Request, Response, Site};

pub(crate) enum Access {
    Open,
    Basic {
        user: &'static str,
        password: &'static str,
    },
    Token(TokenService),
    /// Anyone may read, but strangers see no repository below `secret/`. Users are known by the Basic scheme.
    Public {
        user: &'static str,
        password: &'static str,
        challenges: bool,
    },
}

/// How a token service behaves.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// Its URL; by default it is on the registry itself.
    pub(crate) realm: Option<String>,
    /// The user and password that may push and pull.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// An identity token that replaces the password.
    pub(crate) identity: Option<&'static str>,
    /// Anyone may pull.
    pub(crate) anonymous: bool,
    /// How many requests a token is valid for.
    pub(crate) uses: usize,
    /// Tokens are issued, but no token is ever accepted.
    pub(crate) worthless: bool,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            realm: None,
            user: None,
            identity: None,
            anonymous: false,
            uses: usize::MAX,
            worthless: false,
        }
    }
}

/// Issues tokens and checks them. Clones are the same service, on as many hosts as needed.
#[derive(Clone)]
pub(crate) struct TokenService {
    rules: Tokens,
    minted: Arc<Mutex<BTreeMap<String, Token>>>,
}

struct Token {
    scopes: Vec<String>,
    left: usize,
}

const SERVICE: &str = "registry.example";

impl TokenService {
    pub(crate) fn new(rules: Tokens) -> TokenService {
        TokenService { rules, minted: Arc::default() }
    }

    /// The same service, announced by registries under this URL.
    pub(crate) fn elsewhere(&self, realm: String) -> TokenService {
        let rules = Tokens { realm: Some(realm), ..self.rules.clone() };
        TokenService { rules, minted: Arc::clone(&self.minted) }
    }

    /// The scopes of every token, in the order in which they were issued.
    pub(crate) fn minted(&self) -> Vec<Vec<String>> {
        self.minted.lock().unwrap().values().map(|token| token.scopes.clone()).collect()
    }

    fn mint(&self, scopes: &[String], everything: bool) -> Response {
        let mut minted = self.minted.lock().unwrap();
        let name = format!("minted-{:04}", minted.len());
        let scopes = scopes.iter().flat_map(|scopes| scopes.split(' ')).filter(|scope| !scope.is_empty());
        let allowed = |scope: &str| match scope.rsplit_once(':') {
            Some((of, _)) if !everything => format!("{of}:pull"),
            _ => scope.to_owned(),
        };
        let scopes = scopes.map(allowed).collect();
        let left = if self.rules.worthless { 0 } else { self.rules.uses };
        minted.insert(name.clone(), Token { scopes, left });
        Response::new(200).json(&json!({ "token": name, "access_token": name, "expires_in": 300 }))
    }

    fn is_good(&self, token: &str, wanted: &[(String, &str)]) -> bool {
        let mut minted = self.minted.lock().unwrap();
        let Some(token) = minted.get_mut(token) else { return false };
        let has = |(of, action): &(String, &str)| {
            token.scopes.iter().any(|scope| {
                scope.rsplit_once(':').is_some_and(|(scope, actions)| {
                    scope == of && actions.split(',').any(|one| one == *action || one == "*")
                })
            })
        };
        if token.left == 0 || !wanted.iter().all(has) {
            return false;
        }
        token.left -= usize::from(token.left != usize::MAX);
        true
    }
}

impl Site for TokenService {
    fn answer(&self, request: &Request) -> Response {
        let rules = &self.rules;
        if request.method == "POST" {
            let known = match request.form("grant_type").as_deref() {
                Some("refresh_token") => {
                    rules.identity.is_some() && request.form("refresh_token").as_deref() == rules.identity
                }
                Some("password") => {
                    let sent = (request.form("username"), request.form("password"));
                    rules.user.is_some_and(|(user, password)| {
                        sent == (Some(user.to_owned()), Some(password.to_owned()))
                    })
                }
                _ => false,
            };
            let service = request.form("service").as_deref() == Some(SERVICE);
            if !known || !service {
                return refusal(401, "UNAUTHORIZED", "grant");
            }
            return self.mint(&[request.form("scope").unwrap_or_default()], true);
        }
        if request.query("service").as_deref() != Some(SERVICE) {
            return refusal(400, "UNSUPPORTED", "service");
        }
        let scopes = request.queries("scope");
        match request.basic() {
            Some((user, password)) if rules.user == Some((user.as_str(), password.as_str())) => {
                self.mint(&scopes, true)
            }
            None if rules.anonymous => self.mint(&scopes, false),
            _ => refusal(401, "UNAUTHORIZED", "credentials"),
        }
    }
}

impl Access {
    /// Whether a request to the registry `name` is allowed; `path` is below `/v2/`.
    pub(super) fn check(&self, name: &str, request: &Request, path: &str) -> Result<(), Box<Response>> {
        let refused = |challenge: String| {
            let refusal = refusal(401, "UNAUTHORIZED", "");
            Err(Box::new(refusal.with("WWW-Authenticate", challenge)))
        };
        match self {
            Access::Open => Ok(()),
            Access::Basic { user, password } => match request.basic() {
                Some((name, word)) if name == *user && word == *password => Ok(()),
                _ => refused("Basic realm=\"registry.example\"".to_owned()),
            },
            Access::Public { user, password, challenges } => {
                let reads = ["GET", "HEAD"].contains(&request.method.as_str());
                match request.basic() {
                    Some((name, word)) if name == *user && word == *password => Ok(()),
                    None if path.starts_with("secret/") && reads => {
                        Err(Box::new(refusal(404, "NAME_UNKNOWN", path)))
                    }
                    None if reads && (!path.is_empty() || !challenges) => Ok(()),
                    _ => refused("Basic realm=\"registry.example\"".to_owned()),
                }
            }
            Access::Token(service) => {
                let wanted = wanted(request, path);
                if request.bearer().is_some_and(|token| service.is_good(token, &wanted)) {
                    return Ok(());
                }
                let own = || format!("http://{name}/token");
                let realm = service.rules.realm.clone().unwrap_or_else(own);
                let scope = |(of, action): &(String, &str)| match *action {
                    "push" => format!("{of}:pull,push"),
                    action => format!("{of}:{action}"),
                };
                let scopes: Vec<_> = wanted.iter().map(scope).collect();
                let scope = if scopes.is_empty() {
                    String::new()
                } else {
                    format!(",scope=\"{}\"", scopes.join(" "))
                };
                refused(format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\"{scope}"))
            }
        }
    }
}

/// The scope that a request needs.
fn wanted(request: &Request, path: &str) -> Vec<(String, &'static str)> {
    if path == "_catalog" {
        return vec![("registry:catalog".to_owned(), "*")];
    }
    let Some((name, ..)) = super::parts(path) else { return Vec::new() };
    let action = if ["GET", "HEAD"].contains(&request.method.as_str()) { "pull" } else { "push" };
    let mut wanted = vec![(format!("repository:{name}"), action)];
    if let (Some(from), true) = (request.query("from"), request.query("mount").is_some()) {
        wanted.push((format!("repository:{from}"), "pull"));
    }
    wanted
}
