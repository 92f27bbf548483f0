//! The operator's key: whoever shows it may ask for explanations in full.
//!
//! The server knows the key by its SHA-256 only. That is enough where keys are random and long, as 32 random bytes are:
//! a hash that is slow on purpose would protect what people think up, and cost every request.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{ApiError, ApiResult, Code};

/// SHA-256 of the operator's key; without one nobody is the operator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatorKey(Option<[u8; 32]>);

impl OperatorKey {
    /// From 64 hexadecimal digits, or nothing for no key; none for any other text.
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.is_empty() {
            return Some(Self(None));
        }
        let mut hash = [0; 32];
        let digits = hex.as_bytes();
        if digits.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = (digit(0)? << 4 | digit(1)?) as u8;
        }
        Some(Self(Some(hash)))
    }

    /// Lets pass who shows the key as `Authorization: Bearer KEY`. The comparison takes the same time whatever the key.
    ///
    /// # Errors
    /// `no_operator_key` when this server has none, `operator_key_needed` when it is not shown or is another.
    pub fn admit(&self, authorization: Option<&HeaderValue>) -> ApiResult<()> {
        let Some(hash) = self.0 else {
            let message = "this server has no operator's key, so nobody may ask for this; set `operator_key_sha256`";
            return Err(ApiError::new(Code::NoOperatorKey, message));
        };
        let Some(key) = authorization.and_then(|header| bearer(header.as_bytes())) else {
            let message = "only the operator may ask for this: send her key as `Authorization: Bearer KEY`";
            return Err(ApiError::new(Code::OperatorKeyNeeded, message));
        };
        if bool::from(Sha256::digest(key).as_slice().ct_eq(&hash)) {
            return Ok(());
        }
        let message = "the key in `Authorization` is not the operator's: check it against `operator_key_sha256`";
        Err(ApiError::new(Code::OperatorKeyNeeded, message))
    }
}

/// The key in a header `Bearer KEY` (RFC 6750, 2.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = header.split_at_checked(b"Bearer ".len())?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `abc` (FIPS 180-2, appendix B.1).
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn refusal(key: OperatorKey, header: Option<&str>) -> Option<Code> {
        let header = header.map(|text| HeaderValue::from_str(text).unwrap());
        key.admit(header.as_ref()).err().map(|error| error.code)
    }

    #[test]
    fn only_the_key_opens() {
        for hex in [OF_ABC.to_owned(), OF_ABC.to_uppercase()] {
            let key = OperatorKey::from_hex(&hex).unwrap();
            for header in ["Bearer abc", "bearer abc", "BEARER  abc "] {
                assert_eq!(refusal(key, Some(header)), None, "{header}");
            }
            for header in
                ["Bearer abd", "Bearer ", "Bearer", "abc", "Basic abc", "Bearer abc abc", &format!("Bearer {hex}")]
            {
                assert_eq!(refusal(key, Some(header)), Some(Code::OperatorKeyNeeded), "{header}");
            }
            assert_eq!(refusal(key, None), Some(Code::OperatorKeyNeeded));
        }
    }

    #[test]
    fn without_a_key_nothing_opens() {
        let none = OperatorKey::from_hex("").unwrap();
        for header in [None, Some("Bearer "), Some("Bearer abc")] {
            assert_eq!(refusal(none, header), Some(Code::NoOperatorKey));
        }
    }

    #[test]
    fn a_hash_has_64_hexadecimal_digits() {
        for text in
            ["abc", &OF_ABC[1..], &format!("{OF_ABC}0"), &OF_ABC.replace('b', "g"), &"+f".repeat(32), &"é".repeat(32)]
        {
            assert!(OperatorKey::from_hex(text).is_none(), "{text}");
        }
    }
}
