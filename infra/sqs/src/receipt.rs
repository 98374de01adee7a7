//! Receipt handles: what a receiver holds to delete a message or to change its timeout.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::fault::{Code, Fault};

/// Tells our handles from other text.
const MARK: [u8; 4] = *b"sqs1";

/// Which receive of which message a handle stands for. Only the latest receive's handle has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub queue: i64,
    pub message: i64,
    /// Random, new with every receive.
    pub nonce: i64,
}

impl Receipt {
    /// A handle for a new receive.
    pub(crate) fn issue(queue: i64, message: i64) -> Self {
        Self {
            queue,
            message,
            nonce: rand::random(),
        }
    }

    /// Reads a handle of the given queue.
    pub(crate) fn read(text: &str, queue: i64) -> Result<Self, Fault> {
        let invalid = || {
            let message = format!("The input receipt handle \"{text}\" is not a valid receipt handle.");
            Fault::new(Code::ReceiptHandleIsInvalid, message)
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let rest = bytes.strip_prefix(&MARK).ok_or_else(invalid)?;
        let (numbers, rest) = rest.as_chunks::<8>();
        match (numbers, rest) {
            ([a, b, c], []) if i64::from_be_bytes(*a) == queue => Ok(Self {
                queue,
                message: i64::from_be_bytes(*b),
                nonce: i64::from_be_bytes(*c),
            }),
            _ => Err(invalid()),
        }
    }
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = MARK.to_vec();
        for number in [self.queue, self.message, self.nonce] {
            bytes.extend(number.to_be_bytes());
        }
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}
