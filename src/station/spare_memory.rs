//! Memory that a look needed, and a station that rests does not.

/// Gives memory that is free in this process back to the system. The first look into a large inbox takes several times
/// what is remembered of it, and glibc keeps free memory that lies below memory in use. Takes about a millisecond, so it is
/// for looks that read the whole list.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn give_back() {
    // SAFETY: no memory is passed, and memory in use is not touched.
    #[expect(unsafe_code, reason = "no crate of the tree wraps malloc_trim(3)")]
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Other allocators give free memory back by themselves, or have no such call.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn give_back() {}
