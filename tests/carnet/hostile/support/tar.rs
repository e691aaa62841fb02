//! Tar headers and PAX records as an attacker writes them, byte by byte.

/// A changed field of a header: its offset and its bytes.
pub(in crate::hostile) struct Field(pub(in crate::hostile) usize, pub(in crate::hostile) Vec<u8>);

/// The canonical header of a chunk's entry, for any name.
pub(in crate::hostile) fn header(name: &[u8], bytes: u64) -> Vec<u8> {
    let mut out = vec![0; 512];
    let name = &name[..name.len().min(100)];
    out[..name.len()].copy_from_slice(name);
    out[100..108].copy_from_slice(b"0000444\0");
    out[108..116].copy_from_slice(b"0000000\0");
    out[116..124].copy_from_slice(b"0000000\0");
    out[124..136].copy_from_slice(format!("{bytes:011o}\0").as_bytes());
    out[136..148].copy_from_slice(b"00000000000\0");
    out[156] = b'0';
    out[257..265].copy_from_slice(b"ustar\x0000");
    checksum(&mut out);
    out
}

/// Computes the checksum again.
pub(in crate::hostile) fn checksum(header: &mut [u8]) {
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header[..512].iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Changes fields of a header and updates its checksum.
pub(in crate::hostile) fn set(header: &mut [u8], fields: &[Field]) {
    for Field(at, bytes) in fields {
        header[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    checksum(header);
}

/// Pads to whole blocks.
pub(in crate::hostile) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(512), 0);
    out
}

/// An entry: header, payload, padding.
pub(in crate::hostile) fn entry(name: &[u8], payload: &[u8]) -> Vec<u8> {
    [header(name, payload.len() as u64), padded(payload)].concat()
}

/// An entry of another kind: link, folder, extension.
pub(in crate::hostile) fn special(kind: u8, name: &[u8], link: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = entry(name, payload);
    set(&mut out[..512], &[Field(156, vec![kind]), Field(157, link.to_vec())]);
    out
}

/// One PAX record.
pub(in crate::hostile) fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length = length.to_string().len() + rest.len();
    }
    format!("{length}{rest}").into_bytes()
}

/// A PAX extension header with one record; `kind` is `x` or `g`.
pub(in crate::hostile) fn pax(kind: u8, key: &str, value: &str) -> Vec<u8> {
    special(kind, b"PaxHeaders/x", b"", &record(key, value))
}
