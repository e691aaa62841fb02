//! The check words of a line: a CRC of 16 bits (docs/resend.md, "The check words").

/// Returns the CRC-16/IBM-3740 of a text: polynomial 0x1021, initial value 0xffff, nothing reflected. It finds every change
/// of one or two neighbouring characters.
fn crc(text: &str) -> u16 {
    text.bytes().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Returns the values of the two check words of a text.
pub(super) fn check(text: &str) -> [u8; 2] {
    crc(text).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn the_check_value_of_the_catalogue_of_crcs() {
        assert_eq!(crc("123456789"), 0x29b1);
    }
}
