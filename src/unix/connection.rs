//! What is known of one UNIX connection: whether it is HTTP/2, what waits for that decision, and its conversation once the
//! first packet has been written.

use crate::event::{HostPort, Marking, Timestamp, Transport, as_u64};
use crate::packets::contents::FirstBytes;
use crate::packets::http2::{self, Http2Stream, Http2Verdict, Lack, Seed};
use crate::packets::{Chunk, News, OwnChunk, TcpConnection, Witness, beginning};
use crate::sockets::{Connection, Opening, Role, Side};
use crate::unix::context::Context;
use crate::unix::dbus::{self, DbusMessage};
use crate::unix::framing::{self, DbusStreams, Framing};
use crate::unix::names;
use crate::unix::ports::{self, ConversationStart};
use crate::unix::{roles, tcp};
use crate::wire::{About, Record, Sink};

/// The state of one connection.
#[derive(Debug, Default)]
pub(super) struct UnixConnection {
    framing: Framing,
    /// Once the first packet has been written.
    tcp: Option<TcpConnection>,
    /// Bytes to be written of what the first and the second end sent.
    taken: [u64; 2],
    /// Which ends' addresses have the name of who is behind them.
    named: [bool; 2],
    /// Who has read last what the other end's calls have shown, by side.
    readers: Option<Box<[Option<Marking>; 2]>>,
    /// Its server's port is not asked for.
    left_out: bool,
}

impl UnixConnection {
    /// Whether nothing is written of it.
    pub(super) const fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// The address of the end on `side`, if it has one and no name yet; it gets one now.
    pub(super) fn name(&mut self, side: Side) -> Option<HostPort> {
        let named = side.of_mut(&mut self.named);
        let address = self.tcp.as_ref().filter(|_| !*named).map(|tcp| tcp.address(side));
        *named |= address.is_some();
        address
    }

    /// The end on `side` has read what the other one's calls have shown.
    pub(super) fn is_read(&mut self, side: Side, by: Marking) {
        *side.of_mut(self.readers.get_or_insert_default()) = Some(by);
    }

    /// Since when something of it is yet to be shown: its first bytes, or the handshake of one that was made in the trace.
    pub(super) fn waits_since(&self, connection: &Connection) -> Option<Timestamp> {
        let Framing::Undecided(held) = &self.framing else { return None };
        if self.tcp.is_some() || self.left_out {
            return None;
        }
        tcp::begins(connection).or_else(|| held.first().map(|first| first.time))
    }

    /// What it waits for is long in coming: what has been said is shown, and the handshake where nothing has.
    pub(super) fn give_up<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide_by_end(connection, context)?;
        if self.tcp.is_none() && matches!(self.framing, Framing::Undecided(_)) && was_connected(connection) {
            let client = roles::client(connection).unwrap_or(Side::First);
            self.begin(connection, client, Timestamp::default(), ConversationStart::NONE, context)?;
        }
        Ok(())
    }

    /// The connection was made: the handshake can be shown, unless the server's port depends on what is said.
    pub(super) fn opened<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let options = context.options;
        if options.shows_messages() && ports::is_dbus(connection, &options.rules, context.services) {
            return Ok(());
        }
        let client = roles::client(connection).unwrap_or(Side::First);
        if was_connected(connection)
            && ports::settled(connection, client, (options.ports, &options.rules), context.services)
        {
            self.begin(connection, client, Timestamp::default(), ConversationStart::NONE, context)?;
        }
        Ok(())
    }

    /// New bytes.
    pub(super) fn take<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        *chunk.sender.of_mut(&mut self.taken) += chunk.moved();
        if chunk.skipped > 0 {
            self.decide_by_end(connection, context)?;
        }
        if !matches!(self.framing, Framing::Undecided(_)) {
            return self.pass(connection, chunk, context);
        }
        if context.options.shows_messages() && self.is_dbus(connection, chunk, context)? {
            return Ok(());
        }
        let verdict = self.judge(connection, chunk);
        let held = match &mut self.framing {
            Framing::Undecided(held) if verdict != Http2Verdict::Undecided => std::mem::take(held),
            Framing::Undecided(held) => {
                held.push(OwnChunk::of(chunk));
                return Ok(());
            }
            _ => Vec::new(),
        };
        let (first, sender, (_, traced)) =
            held.first().map_or((chunk.time, chunk.sender, chunk.by), |held| (held.time, held.sender, held.by));
        let preface_from =
            Side::BOTH.into_iter().find(|side| http2::preface(&beginning(&held, chunk, *side)) == Http2Verdict::Http2);
        let in_mid_stream = connection.opening == Opening::Unseen;
        let is_midway = preface_from.is_none() && in_mid_stream;
        let seeds = is_midway && context.options.seed != Seed::None;
        let beginning = beginning(&held, chunk, chunk.sender);
        let said = match verdict {
            // Whoever speaks first, the preface is or will be there, by which the port's dissector knows HTTP/2.
            Http2Verdict::Http2 if seeds || preface_from.is_some() || !in_mid_stream => ConversationStart::Http2,
            Http2Verdict::Http2 => ConversationStart::Http2Midway,
            _ => ConversationStart::Bytes(FirstBytes {
                bytes: &beginning,
                moved: as_u64(beginning.len()) + chunk.missing,
            }),
        };
        let by_frames = || {
            let is_client = http2::is_of_client(&beginning).filter(|_| verdict == Http2Verdict::Http2)?;
            Some(if is_client { chunk.sender } else { chunk.sender.other() })
        };
        let midway = || by_frames().unwrap_or(traced);
        let guess = preface_from.unwrap_or_else(|| if in_mid_stream { midway() } else { sender });
        self.begin(connection, guess, first, said, context)?;
        self.framing = if verdict == Http2Verdict::Http2 {
            Framing::Http2(Box::new(self.http2(is_midway, (first, chunk.by), context)?))
        } else {
            Framing::Plain([0; 2])
        };
        for held in &held {
            self.pass(connection, &held.chunk(), context)?;
        }
        self.pass(connection, chunk, context)
    }

    /// HTTP/2 begins, at its first frames or, in one that was joined midway, with what seeds it.
    fn http2<S: Sink>(
        &mut self,
        is_midway: bool,
        first: (Timestamp, Witness),
        context: &mut Context<'_, S>,
    ) -> Result<Http2Stream, S::Error> {
        let seed = context.options.seed;
        if !is_midway || self.left_out {
            return Ok(Http2Stream::default());
        }
        match &mut self.tcp {
            Some(tcp) if seed != Seed::None => Http2Stream::begin(tcp, first, &mut context.out)?,
            _ => context.chosen.lack(Lack::Http2),
        }
        Ok(Http2Stream::midway(seed))
    }

    /// D-Bus is shown as messages. Whether the chunk is dealt with: given out as some, or held until more tells.
    fn is_dbus<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<bool, S::Error> {
        let (None, Framing::Undecided(held)) = (&self.tcp, &mut self.framing) else {
            return Ok(false);
        };
        if connection.transport == Transport::Seqpacket {
            return Ok(false);
        }
        let by_name = ports::is_dbus(connection, &context.options.rules, context.services).then_some(true);
        let by_content = || dbus::is_begun_by(&beginning(held, chunk, chunk.sender));
        match by_name.or_else(by_content) {
            Some(false) => return Ok(false),
            None if chunk.missing > 0 => return Ok(false),
            None => held.push(OwnChunk::of(chunk)),
            Some(true) => {
                let held = std::mem::take(held);
                self.framing = Framing::Dbus(Box::default());
                for held in &held {
                    self.pass(connection, &held.chunk(), context)?;
                }
                self.pass(connection, chunk, context)?;
            }
        }
        Ok(true)
    }

    /// What the first bytes of the chunk's direction tell. Where the trace lacks some, they cannot be followed.
    fn judge(&self, connection: &Connection, chunk: &Chunk<'_>) -> Http2Verdict {
        let Framing::Undecided(held) = &self.framing else {
            return Http2Verdict::Other;
        };
        // Its messages are none to be cut anew.
        if connection.transport == Transport::Seqpacket {
            return Http2Verdict::Other;
        }
        let first = beginning(held, chunk, chunk.sender);
        match framing::judge(connection, chunk.sender, &first) {
            Http2Verdict::Undecided if chunk.missing > 0 => Http2Verdict::Other,
            verdict => verdict,
        }
    }

    /// The first packet is about to be written: the conversation begins with its handshake. If it has begun with that
    /// alone, only what was said is news.
    fn begin<S: Sink>(
        &mut self,
        connection: &Connection,
        guess: Side,
        first: Timestamp,
        said: ConversationStart<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        if self.left_out {
            return Ok(());
        }
        let options = context.options;
        let client = roles::client(connection).unwrap_or(guess);
        let choice = ports::choose(connection, client, said, (options.ports, &options.rules), context.services);
        if !options.wants(choice.port) {
            self.left_out = true;
            context.chosen.pass_over(&choice);
            return Ok(());
        }
        context.chosen.note(&choice);
        if self.tcp.is_none() {
            self.tcp = Some(tcp::begin(connection, (client, choice.port), first, context)?);
            // Who has made both ends need not be who uses them.
            *client.of_mut(&mut self.named) = was_connected(connection) && connection.calls(client).marking.is_some();
        }
        Ok(())
    }

    /// Lets a chunk through: cut at frame ends if the connection is HTTP/2, as messages if it is D-Bus, else as it is.
    fn pass<S: Sink>(
        &mut self,
        connection: &Connection,
        chunk: &Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        match (&mut self.framing, &mut self.tcp) {
            (Framing::Dbus(streams), _) => {
                let DbusStreams { assemblers, last, news } = &mut **streams;
                *chunk.sender.of_mut(last) = chunk.time;
                let assembler = chunk.sender.of_mut(assemblers);
                let before = assembler.push(&[], chunk.skipped);
                let messages = before.into_iter().chain(assembler.push(chunk.bytes, chunk.missing));
                write_messages(connection, (chunk, news), messages, context)
            }
            (Framing::Http2(stream), Some(tcp)) => {
                if let Some(lack) = stream.write(tcp, chunk, &mut context.out)? {
                    context.chosen.lack(lack);
                }
                Ok(())
            }
            (Framing::Plain(written), Some(tcp)) => {
                *chunk.sender.of_mut(written) += chunk.moved();
                tcp.write(chunk, &mut context.out)
            }
            (Framing::Undecided(_), Some(_)) | (_, None) => Ok(()),
        }
    }

    /// An end sends no more: what is held of its direction goes out, then its FIN.
    pub(super) fn finished<S: Sink>(
        &mut self,
        connection: &Connection,
        side: Side,
        by: Witness,
        time: Timestamp,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide_by_end(connection, context)?;
        let is_dbus = matches!(self.framing, Framing::Dbus(_));
        if is_dbus || (self.tcp.is_none() && !was_connected(connection)) {
            return Ok(());
        }
        if self.tcp.is_none() {
            self.begin(connection, by.1, time, ConversationStart::NONE, context)?;
        }
        self.let_out(side, by, context)?;
        let reader = self.readers.as_deref().and_then(|readers| *side.of(readers));
        match &mut self.tcp {
            Some(tcp) => tcp::finish(tcp, (side, reader), (time, by), context),
            None => Ok(()),
        }
    }

    /// Nothing more is expected: everything held goes out.
    pub(super) fn release<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        self.decide_by_end(connection, context)?;
        let user = |side: Side| connection.calls(side).marking.map(|marking| (marking, side));
        let Some(by) = user(Side::First).or_else(|| user(Side::Second)) else {
            return Ok(());
        };
        self.let_messages_out(connection, by, context)?;
        self.let_out(Side::First, by, context)?;
        self.let_out(Side::Second, by, context)
    }

    /// Bytes that wait for the decision will get no more company: they go out as they are.
    fn decide_by_end<S: Sink>(
        &mut self,
        connection: &Connection,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let Framing::Undecided(held) = &mut self.framing else {
            return Ok(());
        };
        let held = std::mem::take(held);
        let Some(first) = held.first() else { return Ok(()) };
        let said = ConversationStart::Bytes(FirstBytes { bytes: &first.bytes, moved: as_u64(first.bytes.len()) });
        self.begin(connection, first.by.1, first.time, said, context)?;
        self.framing = Framing::Plain([0; 2]);
        for held in &held {
            self.pass(connection, &held.chunk(), context)?;
        }
        Ok(())
    }

    /// What is held of a direction's last frame goes out.
    fn let_out<S: Sink>(&mut self, sender: Side, by: Witness, context: &mut Context<'_, S>) -> Result<(), S::Error> {
        match (&mut self.tcp, &mut self.framing) {
            (Some(tcp), Framing::Http2(stream)) => stream.finish(tcp, sender, by, &mut context.out),
            _ => Ok(()),
        }
    }

    /// D-Bus messages that have begun and will not go on.
    fn let_messages_out<S: Sink>(
        &mut self,
        connection: &Connection,
        by: Witness,
        context: &mut Context<'_, S>,
    ) -> Result<(), S::Error> {
        let Framing::Dbus(streams) = &mut self.framing else {
            return Ok(());
        };
        let DbusStreams { assemblers, last, news } = &mut **streams;
        for sender in Side::BOTH {
            let time = *sender.of(last);
            let chunk = Chunk { sender, time, by, skipped: 0, bytes: &[], missing: 0, comment: None, is_urgent: false };
            let messages = sender.of_mut(assemblers).finish();
            write_messages(connection, (&chunk, news), messages, context)?;
        }
        Ok(())
    }

    /// Holds what was written against what moved.
    pub(super) fn account(&self, connection: &Connection) {
        if let Framing::Dbus(streams) = &self.framing {
            let [first, second] = &streams.assemblers;
            let left_out = first.left_out + second.left_out;
            let id = connection.id.number;
            return log::info!(
                "UNIX connection {id} is D-Bus: {left_out} bytes of its authentication, or of no message, left out"
            );
        }
        if self.tcp.is_none() {
            return;
        }
        let [first, second] = match &self.framing {
            Framing::Http2(stream) => stream.written(),
            Framing::Plain(written) => *written,
            _ => [0; 2],
        };
        let [moved_first, moved_second] = self.taken;
        let id = connection.id.number;
        if (first, second) == (moved_first, moved_second) {
            log::info!("UNIX connection {id}: {first} and {second} bytes moved, all written");
        } else {
            log::warn!(
                "UNIX connection {id}: {moved_first} and {moved_second} bytes moved, {first} and {second} written"
            );
        }
    }
}

/// Writes D-Bus messages, and beside each who sent or received it.
fn write_messages<'a, S: Sink>(
    connection: &Connection,
    (chunk, news): (&Chunk<'_>, &mut News),
    messages: impl IntoIterator<Item = DbusMessage<'a>>,
    context: &mut Context<'_, S>,
) -> Result<(), S::Error> {
    let client = roles::client(connection).unwrap_or(chunk.by.1);
    let mut beside = chunk.comment;
    for DbusMessage { bytes, original } in messages {
        let mut comment = names::of_message(connection, client, chunk);
        if let Some(beside) = beside.take() {
            comment = format!("{comment}; {beside}");
        }
        let (marking, side) = chunk.by;
        let mut remarks = news.of_end(side, &marking);
        if original > as_u64(bytes.len()) {
            remarks = remarks.and(news.lost());
        }
        let about = About { comment: Some(&comment), remarks, ..chunk.about() };
        context.out.sink().record(&Record::Dbus { about, bytes: &bytes, original })?;
    }
    Ok(())
}

/// Whether connect or accept made the connection within the trace.
fn was_connected(connection: &Connection) -> bool {
    let by_call = |side: Side| matches!(connection.end(side).role, Role::Connected | Role::Accepted);
    connection.opening != Opening::Unseen && (by_call(Side::First) || by_call(Side::Second))
}
