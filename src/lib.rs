//! strace2pcap: from the text of an strace trace to a capture that Wireshark reads.
//!
//! This file is the map of the rooms. Data flows one way, and a room names only what stands to its right (`run` and
//! `cli` see all); `tests/offline/tidy.rs` holds the direction.
//!
//! ```text
//! main → install
//! main → extcap → cli → record → run ─→ strace ─→ event ←─ sockets, processes ←─ inet ┐
//!                                  └──→ views ─→ inet, unix                     unix ┴→ packets → wire → capture
//! bytes → Line<'a> → Call<'a> → Event<'a> → Change → Packet<'a> → bytes
//! ```
//!
//! | room | it knows | it does not know |
//! |---|---|---|
//! | [`strace`] | strace's grammar: lines, rejoining, escapes, socket details, sockaddrs, one table row per system call | packets, the history of sockets |
//! | [`event`] | the shared words: who, when, on which fd, did what, with which bytes | anything else |
//! | [`sockets`] | which open file description and which connection an event belongs to; how far each direction has come | strace's text, how anything is written |
//! | [`processes`] | whose thread it is: the process, its name and program | what they do |
//! | [`keys`] | the lines of TLS key logs, in what is written to files | whose they are |
//! | [`secrets`] | TLS secrets on their way to the capture, and what waits for them | where they come from |
//! | [`views`] | which view shows what of a run | how a view does it |
//! | [`inet`] | the packets of AF_INET and AF_INET6: the syscall view and the wire view | strace's text |
//! | [`unix`] | UNIX sockets as TCP conversations: roles, ports, D-Bus | strace's text |
//! | [`packets`] | what a view is; what both have in common: a connection as TCP segments, what its first bytes are, HTTP/2's frames and what seeds them, what is yet to be written, the way to the capture | whose picture it is |
//! | [`wire`] | packets, and what is known of each, to bytes: Ethernet, VLAN and the marking in them, IPv4, IPv6, TCP, UDP, checksums, sequence arithmetic; the only room that names `etherparse` | why a frame is sent |
//! | [`capture`] | pcap and pcapng, records in order of time; the only room that names `pcap-file` | sockets |
//! | [`run`] | the one loop, with output and signals; in it `input` (traces opened, judged, decompressed, read, put in order), `convert` (from lines to a capture, and what of it is asked for), `report` (what was lost, what helps) | – |
//! | [`record`](mod@record) | how strace is started, here and elsewhere, and how it is ended; the only room that starts processes | what is made of its text |
//! | [`extcap`] | Wireshark's questions to an interface, its dialog, and which processes there are to pick | how they are recorded |
//! | [`install`] | which files of ours lie where for Wireshark | what is in them |
//! | [`cli`] | the command line, as typed | how it is done |
//! | [`dates`] | days, and the machine's time zone; the only room that names `jiff` | what has a date |
//! | [`system`] | what one system does otherwise than another: signals, waiting, descriptors, locks, folders | what it is for |
//! | [`glob`] | patterns for the names of sockets, pipes and FIFOs | what is done with what they are for |
//! | [`escape`] | what is safe to print, and a word of a shell's command | whose text it is |
//! | [`limits`] | every bound, with its reason | – |
//! | [`work`] | how much is done, for the test that it grows as the trace does | what it is done for |
//!
//! Where a change begins; each of these files says what else it needs:
//!
//! | a new | file |
//! |---|---|
//! | system call | `strace/table.rs`, a row |
//! | form of a system call's text | `strace/decode/`, a function; `strace/row.rs` where its halves are special |
//! | form of a line or of its time | `strace/prefix.rs`, `strace/time.rs` |
//! | what follows from a call for sockets | `sockets/mod.rs` (`apply`), which names the file of each kind |
//! | service | `unix/services.rs`, a row; a protocol and its port: `packets/protocols.rs`, a row |
//! | sign by which first bytes tell a protocol | `packets/contents.rs`, a row |
//! | view | `packets/view.rs`, then `views.rs` and `cli/typed.rs`; where `ViewKind` is compared |
//! | thing to know of a process | `event/who.rs`, then `processes.rs` |
//! | TLS secret | `keys.rs`; a call that writes them: `strace/decode/keys.rs`; what waits for them: `secrets/` |
//! | pcapng block or option | `capture/pcapng/`, a file a block; what a packet brings for it: `wire/packet.rs` |
//! | option | `run/options.rs`, then `cli/typed.rs` |
//! | kind of loss or note | `run/report/keys.rs`, then where it is found: `advice.rs`, `reading.rs`, `traffic.rs` or `addresses.rs` beside it |
//! | mistake of a person, and its cure | `cli/mistakes.rs`; of a recording: `record/refusals.rs` |
//! | kind of text that is no trace | `run/input/foreign/tools.rs`, a row |
//! | question in Wireshark's dialog | `extcap/dialog.rs`, then `extcap/mod.rs` |

#![allow(rustdoc::private_intra_doc_links, reason = "the map is for those who read the sources")]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

mod capture;
mod cli;
mod dates;
mod escape;
mod event;
mod extcap;
mod glob;
mod inet;
mod install;
mod keys;
mod limits;
mod packets;
mod processes;
mod record;
mod run;
mod secrets;
mod sockets;
mod strace;
mod system;
mod unix;
mod views;
mod wire;
mod work;

pub use cli::{Refused, Task, Usage, parse};
pub use extcap::{answer as answer_wireshark, is_called as is_called_by_wireshark};
pub use install::{Intent, place as place_in_wireshark};
pub use record::{Ended, Recording, Subject, hidden, record};
pub use run::{Exit, Options, answer, convert, refuse};

/// What the tests and the fuzz targets see beside that. It may change at any time.
#[doc(hidden)]
pub mod inside {
    pub use crate::event::{Tid, Timestamp};
    pub use crate::run::convert::{Converter, Trace};
    pub use crate::run::name::Name;
    pub use crate::run::report::keys;
    pub use crate::strace::{Fifos, TraceOptions, calls_to_trace};
    pub use crate::unix::{CLEAN, PROTOCOLS, Protocol, Recognition, UNKNOWN_PORT};
    #[cfg(debug_assertions)]
    pub use crate::work::taken as steps_taken;
}
