//! A token and a key in it, found and logged in.

use std::path::{Path, PathBuf};

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::RawAuthPin;

use super::super::token_error::{TokenError, TriesLeft};
use super::super::uri::{TokenUri, WantedKey, WantedToken};
use super::super::{Pin, PinQuestion};
use super::module::{Module, explained};
use super::point::{ed25519_of_point, is_ed25519, is_p384, p384_of_point};
use crate::format::signature::SignatureAlgorithm;
use crate::trust::ecdsa;
use crate::trust::key::PublicKey;
use crate::trust::key_error::KeyProblem;

/// A key in a token, ready to sign.
pub(super) struct TokenKey {
    // In this order, because a session ends before its module.
    opened: Opened,
    uri: TokenUri,
    default: Option<PathBuf>,
    /// The PIN that was right, for opening the key again.
    pin: Option<Pin>,
}

/// What is gone when the token is.
struct Opened {
    session: Session,
    key: ObjectHandle,
    public: PublicKey,
    /// The label of the token.
    token: String,
    _module: Module,
}

impl TokenKey {
    /// Finds a key, and logs in with what `ask` returns, if that is needed.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::Interrupted`] if `ask` returns nothing.
    pub(super) fn open(
        uri: TokenUri,
        default: Option<PathBuf>,
        ask: impl FnOnce(PinQuestion) -> Option<Pin>,
    ) -> Result<TokenKey, TokenError> {
        let mut pin = None;
        let opened = Opened::new(&uri, default.as_deref(), |question| {
            pin = ask(question);
            pin.clone()
        })?;
        Ok(TokenKey { opened, uri, default, pin })
    }

    /// The public half of the key.
    pub(super) fn public(&self) -> &PublicKey {
        &self.opened.public
    }

    /// Signs a message. If the session ended, because the token was away or its module started again, it is opened once more.
    pub(super) fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let error = match self.opened.sign(message) {
            Ok(signature) => return Ok(signature),
            Err(error) if is_lost(&error) => error,
            Err(error) => return Err(self.opened.failed(&format!("sign {} bytes", message.len()), &error)),
        };
        let gone = |token: &str, again: String| TokenError::Gone {
            token: token.to_owned(),
            lost: explained(&error),
            again,
        };
        let token = self.opened.token.clone();
        // A PIN that is wrong now is not tried again.
        let mut pin = self.pin.take();
        let again = Opened::new(&self.uri, self.default.as_deref(), |_| pin.clone());
        let again = match again {
            Ok(again) if again.public == self.opened.public => again,
            Ok(_) => return Err(gone(&token, "another key has its name".to_owned())),
            Err(again @ (TokenError::PinWrong { .. } | TokenError::Locked { .. })) => return Err(again),
            Err(TokenError::Interrupted) => return Err(gone(&token, "it asks for its PIN".to_owned())),
            Err(again) => {
                self.pin = pin;
                return Err(gone(&token, again.to_string()));
            }
        };
        self.pin = pin.take();
        self.opened = again;
        self.opened.sign(message).map_err(|again| gone(&token, explained(&again)))
    }
}

impl Opened {
    fn new(
        uri: &TokenUri,
        default: Option<&Path>,
        ask: impl FnOnce(PinQuestion) -> Option<Pin>,
    ) -> Result<Opened, TokenError> {
        let module = Module::start(uri.module.as_ref(), default)?;
        let (slot, info) = find_token(&module, &uri.token)?;
        let token = info.label().to_owned();
        let failed = |deed: &str, error: Error| failed(&token, deed, &error);
        let session = module.open_ro_session(slot).map_err(|error| failed("be opened", error))?;
        log_in(&session, &module, slot, &info, ask)?;
        let key = find_key(&session, &token, &uri.key)?;
        let public = public_half(&session, &token, &key)?;
        Ok(Opened { session, key: key.handle, public, token, _module: module })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        if self.public.algorithm() == SignatureAlgorithm::ECDSA_P384 {
            // Not all tokens hash themselves. The two numbers that they return are not in the form of the format, and if they
            // are none, the signature does not verify.
            let signature = self.session.sign(&Mechanism::Ecdsa, self.key, &ecdsa::hash(message))?;
            return Ok(ecdsa::canonical(&signature).unwrap_or(signature));
        }
        let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        self.session.sign(&mechanism, self.key, message)
    }

    fn failed(&self, deed: &str, error: &Error) -> TokenError {
        failed(&self.token, deed, error)
    }
}

fn failed(token: &str, deed: &str, error: &Error) -> TokenError {
    TokenError::Failed { token: token.to_owned(), deed: deed.to_owned(), detail: explained(error) }
}

/// Whether an error may mean that the session ended, so that another may do.
fn is_lost(error: &Error) -> bool {
    use RvError as E;
    matches!(
        error,
        Error::Pkcs11(
            E::DeviceRemoved
                | E::DeviceError
                | E::TokenNotPresent
                | E::TokenNotRecognized
                | E::SessionHandleInvalid
                | E::SessionClosed
                | E::UserNotLoggedIn
                | E::ObjectHandleInvalid
                | E::KeyHandleInvalid
                | E::OperationActive
                | E::CryptokiNotInitialized
                | E::GeneralError,
            _
        )
    )
}

/// The one token that is what was asked for.
fn find_token(module: &Module, wanted: &WantedToken) -> Result<(Slot, TokenInfo), TokenError> {
    let slots = module.get_slots_with_token().map_err(|error| TokenError::Module {
        module: module.file().display().to_string(),
        detail: explained(&error),
    })?;
    // A token that was pulled out meanwhile, or that was never set up, is none.
    let tokens = slots.into_iter().filter_map(|slot| Some((slot, module.get_token_info(slot).ok()?)));
    let tokens: Vec<_> = tokens.filter(|(_, info)| info.token_initialized()).collect();
    let named = |(slot, info): &(Slot, TokenInfo)| {
        format!("token={};serial={};slot-id={}", info.label(), info.serial_number(), slot.id())
    };
    let mut found: Vec<_> = tokens.iter().filter(|(slot, info)| is_wanted(*slot, info, wanted)).collect();
    match found.pop() {
        None => {
            Err(TokenError::NoToken { wanted: wanted.to_string(), found: tokens.iter().map(named).collect() })
        }
        Some(last) if !found.is_empty() => {
            let all = found.into_iter().chain([last]);
            Err(TokenError::SeveralTokens { wanted: wanted.to_string(), found: all.map(named).collect() })
        }
        Some(token) => Ok(token.clone()),
    }
}

fn is_wanted(slot: Slot, info: &TokenInfo, wanted: &WantedToken) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    is(&wanted.label, info.label())
        && is(&wanted.serial, info.serial_number())
        && is(&wanted.manufacturer, info.manufacturer_id())
        && is(&wanted.model, info.model())
        && wanted.slot.is_none_or(|wanted| wanted == slot.id())
}

/// Logs in, unless that is not needed, or was done in another session of this process. A PIN is tried once.
fn log_in(
    session: &Session,
    module: &Module,
    slot: Slot,
    info: &TokenInfo,
    ask: impl FnOnce(PinQuestion) -> Option<Pin>,
) -> Result<(), TokenError> {
    let token = info.label().to_owned();
    let state = session.get_session_info().map(|session| session.session_state());
    let is_logged_in =
        matches!(state, Ok(SessionState::RoUser | SessionState::RwUser)) || !info.login_required();
    if is_logged_in {
        return Ok(());
    }
    if info.user_pin_locked() {
        return Err(TokenError::Locked { token });
    }
    let done = if info.protected_authentication_path() {
        session.login(UserType::User, None)
    } else {
        let question = PinQuestion { token: token.clone(), is_last_try: info.user_pin_final_try() };
        let pin = ask(question).ok_or(TokenError::Interrupted)?;
        session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.to_vec())))
    };
    match done {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
            let left = module.get_token_info(slot).map_or(TriesLeft::Unknown, |info| tries_left(&info));
            Err(TokenError::PinWrong { token, left })
        }
        Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(TokenError::Locked { token }),
        Err(error) => Err(failed(&token, "log in", &error)),
    }
}

fn tries_left(info: &TokenInfo) -> TriesLeft {
    match (info.user_pin_locked(), info.user_pin_final_try(), info.user_pin_count_low()) {
        (true, _, _) => TriesLeft::None,
        (_, true, _) => TriesLeft::One,
        (_, _, true) => TriesLeft::Some,
        _ => TriesLeft::Unknown,
    }
}

/// A private key, with what it says of itself.
struct Found {
    handle: ObjectHandle,
    name: WantedKey,
    kind: Option<KeyType>,
    signs: bool,
    asks_each_time: bool,
    parameters: Option<Vec<u8>>,
    point: Option<Vec<u8>>,
}

impl Found {
    fn read(session: &Session, handle: ObjectHandle) -> Result<Found, Error> {
        use AttributeType as A;
        let asked = [A::Label, A::Id, A::KeyType, A::Sign, A::AlwaysAuthenticate, A::EcParams, A::EcPoint];
        let mut found = Found {
            handle,
            name: WantedKey::default(),
            kind: None,
            signs: true,
            asks_each_time: false,
            parameters: None,
            point: None,
        };
        for attribute in session.get_attributes(handle, &asked)? {
            match attribute {
                Attribute::Label(label) => {
                    found.name.label = Some(String::from_utf8_lossy(&label).into_owned());
                }
                Attribute::Id(id) if !id.is_empty() => found.name.id = Some(id),
                Attribute::KeyType(kind) => found.kind = Some(kind),
                Attribute::Sign(signs) => found.signs = signs,
                Attribute::AlwaysAuthenticate(asks) => found.asks_each_time = asks,
                Attribute::EcParams(parameters) if !parameters.is_empty() => {
                    found.parameters = Some(parameters);
                }
                Attribute::EcPoint(point) if !point.is_empty() => found.point = Some(point),
                _ => {}
            }
        }
        Ok(found)
    }

    fn is_edwards(&self) -> bool {
        self.kind == Some(KeyType::EC_EDWARDS)
    }

    /// Whether it may be a key of P-384: not every private key says which curve it has.
    fn may_be_p384(&self) -> bool {
        self.kind == Some(KeyType::EC) && self.parameters.as_deref().is_none_or(is_p384)
    }
}

/// The one private key that is what was asked for. Where several are, those of Ed25519 come before those of P-384, and keys of
/// other algorithms do not count.
fn find_key(session: &Session, token: &str, wanted: &WantedKey) -> Result<Found, TokenError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(wanted.label.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(wanted.id.clone().map(Attribute::Id));
    let read = |template: &[Attribute]| {
        let handles = session.find_objects(template)?;
        handles.into_iter().map(|handle| Found::read(session, handle)).collect::<Result<Vec<_>, Error>>()
    };
    let read =
        |template: &[Attribute]| read(template).map_err(|error| failed(token, "list its keys", &error));
    let mut found = read(&template)?;
    for is_better in [Found::is_edwards, Found::may_be_p384] {
        if found.len() > 1 && found.iter().any(is_better) {
            found.retain(is_better);
        }
    }
    let (token, wanted) = (token.to_owned(), wanted.to_string());
    let names = |found: &[Found]| found.iter().map(|key| key.name.to_string()).collect();
    let key = match found.len() {
        0 => {
            let found = names(&read(&template[..1])?);
            return Err(TokenError::NoKey { token, wanted, found });
        }
        1 => found.remove(0),
        _ => return Err(TokenError::SeveralKeys { token, wanted, found: names(&found) }),
    };
    let why = if !key.signs {
        "is not allowed to sign (CKA_SIGN)"
    } else if key.asks_each_time {
        "asks for its PIN before each signature (CKA_ALWAYS_AUTHENTICATE), which carnet does not do"
    } else {
        return Ok(key);
    };
    Err(TokenError::KeyUnusable { token, key: key.name.to_string(), why })
}

/// The public half: that of the public key with the same id, else the one that the private key itself knows. If it is another
/// one, no signature verifies, so none is used.
fn public_half(session: &Session, token: &str, key: &Found) -> Result<PublicKey, TokenError> {
    let (token_name, key_name) = (token.to_owned(), key.name.to_string());
    let other = |found: &str| TokenError::Key {
        token: token_name.clone(),
        key: key_name.clone(),
        problem: KeyProblem::Algorithm { found: found.to_owned() }.into(),
    };
    let kind = if key.is_edwards() {
        KeyType::EC_EDWARDS
    } else if key.kind == Some(KeyType::EC) {
        KeyType::EC
    } else {
        let found = key.kind.map_or_else(|| "not known".to_owned(), |kind| kind.to_string());
        return Err(other(&found));
    };
    let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(kind)];
    match (&key.name.id, &key.name.label) {
        (Some(id), _) => template.push(Attribute::Id(id.clone())),
        (None, Some(label)) => template.push(Attribute::Label(label.clone().into_bytes())),
        (None, None) => {}
    }
    let halves = session.find_objects(&template).and_then(|handles| {
        handles.into_iter().map(|handle| Found::read(session, handle)).collect::<Result<Vec<_>, Error>>()
    });
    let halves = halves.map_err(|error| failed(token, "list its keys", &error))?;
    let (parameters, point) = match halves.into_iter().find(|half| half.point.is_some()) {
        Some(half) => (half.parameters, half.point),
        None => (key.parameters.clone(), key.point.clone()),
    };
    match parameters.as_deref() {
        Some(parameters) if key.is_edwards() && !is_ed25519(parameters) => {
            return Err(other("of another curve of Edwards"));
        }
        // A point of another curve can have the size of one of P-384.
        parameters if !key.is_edwards() && !parameters.is_some_and(is_p384) => {
            return Err(other("ECDSA with another curve than P-384"));
        }
        _ => {}
    }
    let Some(point) = point else {
        let why = "has no public half in the token";
        return Err(TokenError::KeyUnusable { token: token_name, key: key_name, why });
    };
    let malformed =
        || KeyProblem::Malformed { detail: format!("its point has {} bytes", point.len()) }.into();
    let public = if key.is_edwards() {
        ed25519_of_point(&point).ok_or_else(malformed).and_then(|bytes| PublicKey::from_ed25519(&bytes))
    } else {
        let half = p384_of_point(&point).ok_or_else(malformed).and_then(ecdsa::PublicHalf::from_bytes);
        half.map(PublicKey::of_ecdsa)
    };
    public.map_err(|problem| TokenError::Key { token: token_name, key: key_name, problem })
}
