//! The keys of a report's lists: a contract for scripts. `--help` prints them from here, and `tests/offline/report.rs`
//! holds `docs/reports.md` to them.

use serde::{Serialize, Serializer};

/// Makes an enum of keys, each with its text.
macro_rules! keys {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $key:ident $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $key,)* }

        impl $name {
            /// All of them, in the order in which they are listed for a person.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// As a report has it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$key => $text,)* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text())
            }
        }
    };
}

keys! {
    /// What kind of loss it is.
    LossKey {
        /// Payload that strace did not print whole.
        Cut "cut",
        /// Payload of sendfile, splice and tee.
        Hidden "hidden",
        /// Payload that its reader threw away.
        Discarded "discarded",
        /// Payload that was sent before the trace and received behind what was shown.
        InFlight "in_flight",
        /// Payload handed to io_uring.
        IoUring "io_uring",
        /// What the wire view alone shows.
        WireOnly "wire_only",
        /// Messages of sockets whose protocol nothing tells.
        Protocols "protocols",
        /// Invented addresses.
        Addresses "addresses",
        /// Addresses that were invented until they were known.
        AddressesLate "addresses_late",
        /// Invented other ends.
        Peers "peers",
        /// Invented hosts of datagram sockets that are bound to every address.
        Hosts "hosts",
        /// Invented senders of datagrams.
        Senders "senders",
        /// Messages that were several datagrams.
        Uncut "uncut",
        /// Lines that are longer than any that is read.
        TooLong "too_long",
        /// Second halves of calls alone.
        FirstHalfMissing "first_half_missing",
        /// More unfinished calls than are held.
        TooManyUnfinished "too_many_unfinished",
        /// Lines that are cut or damaged.
        Damaged "damaged",
        /// Lines that are not of strace.
        NotStrace "not_strace",
        /// Messages that are missing in their array.
        MessagesCut "messages_cut",
        /// Times that cannot be read.
        UnreadableTime "unreadable_time",
    }
}

keys! {
    /// What kind of note it is.
    NoteKey {
        /// Times of day got a date.
        AssumedDate "assumed_date",
        /// The lines have no times.
        NoTimes "no_times",
        /// Several traces have no common clock.
        NoOrder "no_order",
        /// Several traces have times that leave their order open.
        CoarseTimes "coarse_times",
        /// The times go back.
        ClockSetBack "clock_set_back",
        /// Times are relative to nothing that is known.
        RelativeTimes "relative_times",
        /// Hosts that a person has blotted out.
        BlottedOut "blotted_out",
        /// All is encrypted.
        Tls "tls",
        /// The capture holds what decrypts it.
        Keys "keys",
        /// The trace is empty.
        NothingRead "nothing_read",
        /// There is no packet.
        NothingShown "nothing_shown",
        /// There are connections without payload.
        NoPayload "no_payload",
        /// An option is of nothing in the trace.
        SelectsNothing "selects_nothing",
        /// An option changes nothing.
        NoEffect "no_effect",
        /// A trace was named twice.
        GivenTwice "given_twice",
        /// The output's name promises what it is not.
        NotCompressed "not_compressed",
        /// The output holds the capture of before.
        Kept "kept",
    }
}

keys! {
    /// Why something is left out.
    LeftOutKey {
        /// Calls that concern no socket.
        NotUsed "not_used",
        /// Payload calls on files.
        NotSocket "not_socket",
        /// Receives that move nothing.
        Peeked "peeked",
        /// First halves of calls.
        Unfinished "unfinished",
        /// Signals.
        Signal "signal",
        /// strace's own messages.
        Message "message",
        /// Hex dumps.
        Dump "dump",
        /// Stack traces.
        Stack "stack",
        /// Empty lines.
        Blank "blank",
        /// Calls with an invented result.
        Injected "injected",
        /// Calls that strace left.
        Detached "detached",
        /// Calls without a name.
        UnknownCall "unknown_call",
        /// Calls that had not returned.
        StillOpen "still_open",
        /// Messages that options leave out.
        NotAskedFor "not_asked_for",
    }
}
