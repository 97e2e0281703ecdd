//! What the view of UNIX streams is asked for, and what writing needs beside a conversation.

use crate::packets::Ids;
use crate::unix::ports::{Chosen, PortRule, Ports};

/// What the command line asks of UNIX conversations.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed HTTP/2 connections that do not bring their own preface.
    pub seed_http2: bool,
    /// Seed HEADERS for gRPC as well.
    pub seed_grpc: bool,
    /// The servers' ports.
    pub ports: Ports,
    /// And those of servers with certain names: the first that is for a name counts.
    pub rules: Vec<PortRule>,
    /// The wire view: packets carry the marking instead of invented MACs, connections show their handshake when they are
    /// made, not at their first payload, and clients have ports that are no protocol's.
    pub wire: bool,
}

/// What writing needs beside the conversation.
pub(super) struct Context<'a, F> {
    pub(super) options: &'a Options,
    /// How many conversations have begun.
    pub(super) begun: &'a mut u64,
    pub(super) chosen: &'a mut Chosen,
    pub(super) ids: &'a mut Ids,
    pub(super) sink: &'a mut F,
}
