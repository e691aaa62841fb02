//! Modules of PKCS#11. A process starts each of them once, however many of its keys are used, and ends it after the last.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;

use super::super::token_error::TokenError;
use super::super::uri::ModuleName;

/// The module that knows all modules that the system is set up for (p11-kit). The system looks for the file; where the
/// first name is not installed, the library itself is the module.
const OF_THE_SYSTEM: [&str; 2] = ["p11-kit-proxy.so", "libp11-kit.so.0"];

/// The folders of modules, as distributions have them. `ARCH` is the name of the processor.
const FOLDERS: [&str; 7] = [
    "/usr/lib/ARCH-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/local/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/lib/ARCH-linux-gnu",
    "/usr/lib64",
];

/// The modules that were loaded. They stay in memory to the end of the process: some crash when they are unloaded.
static LOADED: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());

/// A module in memory. It is started while it has users.
struct Loaded {
    file: PathBuf,
    context: Pkcs11,
    users: usize,
}

/// A module that is started.
pub(super) struct Module {
    file: PathBuf,
    context: Pkcs11,
}

impl Module {
    /// Starts a module, unless that was done: the one that a key names, else the one of this program's user, else the one of
    /// the system.
    ///
    /// # Errors
    /// [`TokenError::Module`] and [`TokenError::NoModule`].
    pub(super) fn start(named: Option<&ModuleName>, default: Option<&Path>) -> Result<Module, TokenError> {
        match (named, default) {
            (Some(ModuleName::File(file)), _) => Module::start_file(file),
            (Some(ModuleName::Named { folder, name }), _) => {
                Module::start_file(&find(folder.as_deref(), name)?)
            }
            (None, Some(file)) => Module::start_file(file),
            (None, None) => {
                let [first, second] = OF_THE_SYSTEM;
                Module::start_file(Path::new(first)).or_else(|error| {
                    // The first error says what the usual file is.
                    Module::start_file(Path::new(second)).map_err(|_| error)
                })
            }
        }
    }

    fn start_file(file: &Path) -> Result<Module, TokenError> {
        let unusable = |error: Error| {
            let detail = match error {
                Error::LibraryLoading(error) => error.to_string(),
                error => explained(&error),
            };
            TokenError::Module { module: file.display().to_string(), detail }
        };
        // Two names of one file are one module.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let mut all = loaded();
        let at = if let Some(at) = all.iter().position(|module| module.file == file) {
            at
        } else {
            let context = Pkcs11::new(&file).map_err(unusable)?;
            all.push(Loaded { file: file.clone(), context, users: 0 });
            all.len() - 1
        };
        let module = &mut all[at];
        if module.users == 0 {
            let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
            module.context.initialize(arguments).map_err(unusable)?;
        }
        module.users += 1;
        Ok(Module { file, context: module.context.clone() })
    }

    /// The name of its file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl Deref for Module {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        &self.context
    }
}

impl Drop for Module {
    /// Ends the module with its last user, before another can start it again.
    fn drop(&mut self) {
        for module in loaded().iter_mut().filter(|module| module.file == self.file) {
            module.users -= 1;
            if module.users == 0 {
                // Nobody is left who could be told that it does not end well.
                drop(module.context.clone().finalize());
            }
        }
    }
}

fn loaded() -> MutexGuard<'static, Vec<Loaded>> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file of a module that is named without its affixes.
fn find(folder: Option<&Path>, name: &str) -> Result<PathBuf, TokenError> {
    let folders: Vec<PathBuf> = match folder {
        Some(folder) => vec![folder.to_owned()],
        None => FOLDERS.map(|folder| folder.replace("ARCH", std::env::consts::ARCH).into()).to_vec(),
    };
    let files = folders
        .iter()
        .flat_map(|folder| [format!("{name}.so"), format!("lib{name}.so")].map(|file| folder.join(file)));
    files.into_iter().find(|file| file.is_file()).ok_or_else(|| TokenError::NoModule {
        name: name.to_owned(),
        folders: folders.iter().map(|folder| folder.display().to_string()).collect(),
    })
}

/// An error as manuals of modules name it: `CKR_PIN_INCORRECT`.
pub(super) fn explained(error: &Error) -> String {
    let Error::Pkcs11(code, _) = error else { return error.to_string() };
    let mut name = String::from("CKR");
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;
    use cryptoki::error::RvError;

    #[test]
    fn a_missing_module_is_named_with_the_places_that_were_searched() {
        let error = find(None, "no-such-module").unwrap_err().to_string();
        assert!(error.contains("libno-such-module.so") && error.contains("/usr/lib/softhsm"), "{error}");
        let error = find(Some(Path::new("/nowhere")), "x").unwrap_err().to_string();
        assert!(error.contains("/nowhere") && !error.contains("softhsm"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_module_is_refused_each_time() {
        for file in ["/nowhere/module.so", "/dev/null", "/etc/hostname"] {
            for _ in 0..2 {
                let error = Module::start_file(Path::new(file)).err().expect("it is none").to_string();
                assert!(error.contains(file), "{error}");
            }
        }
        assert!(loaded().is_empty());
    }

    #[test]
    fn codes_are_named_as_in_manuals() {
        let of = |code| explained(&Error::Pkcs11(code, Function::Login));
        assert_eq!(of(RvError::PinIncorrect), "CKR_PIN_INCORRECT");
        assert_eq!(of(RvError::UserPinNotInitialized), "CKR_USER_PIN_NOT_INITIALIZED");
    }
}
