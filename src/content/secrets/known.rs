//! Values that look like secrets and are printed in public documents, so that finding them says nothing.

/// Parts of such values. Each is written in pieces, so that this file itself is not reported by anybody's scanner.
const KNOWN: &[&[&str]] = &[
    // The key pairs of the AWS documentation end so.
    &["EXAMPLE", "KEY"],
    &["IOSFODNN7", "EXAMPLE"],
    &["I44QH8DHB", "EXAMPLE"],
    // The storage account of the Azurite emulator (Azure Storage documentation).
    &["Eby8vdM02xNOcqFlqUwJPLlm", "EtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"],
    // The token that jwt.io shows: its claims are "1234567890" and "John Doe".
    &["eyJzdWIiOiIxMjM0NTY3ODkwIiwi", "bmFtZSI6IkpvaG4gRG9l"],
];

pub(super) fn is_known_example(secret: &[u8]) -> bool {
    KNOWN.iter().any(|pieces| {
        let known = pieces.concat();
        secret.windows(known.len()).any(|found| found == known.as_bytes())
    }) || is_one_character(secret)
}

/// Placeholders such as `AKIAXXXXXXXXXXXXXXXX` or `ghp_000…`: one byte fills nearly all of it.
fn is_one_character(secret: &[u8]) -> bool {
    let last = secret.last();
    let run = secret.iter().rev().take_while(|byte| Some(*byte) == last).count();
    run >= 12 && run.saturating_mul(2) >= secret.len()
}
