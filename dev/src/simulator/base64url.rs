//! Base64 with the URL-safe alphabet and no padding (RFC 4648 §5), as tokens and cursors use it.

use openssl::base64;

/// Encodes bytes; the result holds letters, digits, `-` and `_` only.
pub(super) fn encode(bytes: &[u8]) -> String {
    let padded = base64::encode_block(bytes);
    padded
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

/// Decodes either alphabet, with or without padding; line ends are ignored, as Go's decoder does.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut plain: String = text
        .trim_end_matches(['=', '\r', '\n'])
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !plain.len().is_multiple_of(4) {
        plain.push('=');
    }
    base64::decode_block(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_survives_the_round_trip() {
        for length in 0..50 {
            let bytes: Vec<u8> = (0..length).map(|n| 255 - n).collect();
            assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn a_trailing_line_end_is_ignored() {
        assert_eq!(decode("aGk\n").unwrap(), b"hi");
        assert_eq!(decode("a!k"), None);
    }
}
