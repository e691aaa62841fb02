//! The profile of a guard that an operator names.

use std::path::Path;

use carnet::diagnosis::Code;
use carnet::forecast::ProfileFile;
use carnet::format::Sum;
use carnet::guard::{Guard, Profile, ProfileError};
use carnet::small_file::SmallFile;

use crate::command_error::CommandError;

/// The most bytes of a profile.
const PROFILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a profile, in either form.
pub(crate) fn guard_profile(path: &Path) -> Result<ProfileFile, CommandError> {
    let file =
        SmallFile::read(path, PROFILE_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))?;
    let unusable =
        |why: String| CommandError::new(Code::ProfileUnusable, format!("{}: {why}", path.display()));
    let text = file.text().map_err(|error| unusable(error.to_string()))?;
    let wrong = |error: ProfileError| unusable(error.to_string());
    let guard = Guard::new(Profile::parse(text).map_err(wrong)?).map_err(wrong)?;
    Ok(ProfileFile { name: path.display().to_string(), sha256: Sum::of(file.bytes()), guard })
}
