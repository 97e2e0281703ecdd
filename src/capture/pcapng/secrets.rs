//! The decryption secrets block (§4.7), of a TLS key log. It comes behind the first interface's description: editcap and
//! reordercap of Wireshark 4.0 refuse a file in which it stands before.

use crate::capture::field;
use pcap_file::pcapng::blocks::unknown::UnknownBlock;
use std::borrow::Cow;

/// The block's type, and that of the secrets in it.
const SECRETS_BLOCK: u32 = 10;
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// The block with these lines.
pub(super) fn block(lines: &[u8]) -> UnknownBlock<'static> {
    let mut value = TLS_KEY_LOG.to_le_bytes().to_vec();
    value.extend_from_slice(&field(lines.len()).to_le_bytes());
    value.extend_from_slice(lines);
    UnknownBlock { type_: SECRETS_BLOCK, length: 0, value: Cow::Owned(value) }
}
