//! Which protocol a conversation begins with, or goes on with where a trace begins in its middle.
//!
//! Each test reads what one end's first call moved and says yes only where hardly anything else looks like that: a wrong
//! port is worse than none, for Wireshark then shows what is not there.

use crate::event::{as_u64, as_usize};
use crate::packets::protocols::{
    AJP, AMQP, FASTCGI, GEARMAN, HTTP, HTTP2, IMAP, LDAP, MEMCACHED, MONGODB, MQTT, MYSQL, NBD, NINE_P, POP,
    POSTGRESQL, Protocol, REDIS, RSYNC, SMTP, SSH, TLS, VNC, X11,
};

/// What one end moved first.
#[derive(Clone, Copy, Debug)]
pub struct FirstBytes<'a> {
    /// What of it is in the trace.
    pub bytes: &'a [u8],
    /// How many bytes moved.
    pub moved: u64,
}

/// Whether a protocol's messages look like this.
type Test = fn(&FirstBytes<'_>) -> bool;

/// The tests; the first that says yes counts.
static TESTS: &[(Test, &Protocol)] = &[
    (is_http, &HTTP),
    (is_http2, &HTTP2),
    (is_postgresql_startup, &POSTGRESQL),
    (is_postgresql, &POSTGRESQL),
    (is_mysql, &MYSQL),
    (is_redis, &REDIS),
    (is_mongodb, &MONGODB),
    (is_memcached, &MEMCACHED),
    (is_fastcgi, &FASTCGI),
    (is_tls, &TLS),
    (is_ssh, &SSH),
    (is_x11, &X11),
    (is_vnc, &VNC),
    (is_amqp, &AMQP),
    (is_mqtt, &MQTT),
    (is_smtp, &SMTP),
    (is_imap, &IMAP),
    (is_pop, &POP),
    (is_ldap, &LDAP),
    (is_ajp, &AJP),
    (is_gearman, &GEARMAN),
    (is_9p, &NINE_P),
    (is_nbd, &NBD),
    (is_rsync, &RSYNC),
];

/// The protocol that begins like this.
pub fn protocol(beginning: &FirstBytes<'_>) -> Option<&'static Protocol> {
    TESTS.iter().find(|(is_it, _)| is_it(beginning)).map(|(_, protocol)| *protocol)
}

/// Whether only a client says this.
pub fn is_of_client(beginning: &FirstBytes<'_>) -> bool {
    let starts_request = || beginning.line().is_some_and(|line| memchr::memmem::find(line, b" HTTP/1.").is_some());
    starts_request() || is_http2(beginning) || is_postgresql_startup(beginning) || beginning.bytes.starts_with(b"*")
}

/// Whether only a server says this: an answer, or a greeting.
pub fn is_of_server(beginning: &FirstBytes<'_>) -> bool {
    beginning.starts_with_any(&[b"HTTP/1.", b"+", b"-ERR"])
        || is_mysql(beginning)
        || is_smtp(beginning)
        || is_imap(beginning)
        || is_pop(beginning)
}

impl<'a> FirstBytes<'a> {
    fn starts(&self, with: &[u8]) -> bool {
        self.bytes.starts_with(with)
    }

    fn starts_with_any(&self, starts: &[&[u8]]) -> bool {
        starts.iter().any(|start| self.starts(start))
    }

    /// The first line without its CR and LF, where it is printable text.
    fn line(&self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.bytes)?;
        let line = self.bytes.get(..end)?.strip_suffix(b"\r")?;
        line.iter().all(|byte| matches!(byte, b' '..=b'~')).then_some(line)
    }

    /// Four bytes at `at`, most significant first.
    fn big(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk)?;
        Some(u32::from_be_bytes(*bytes))
    }

    /// Four bytes at `at`, least significant first.
    fn little(&self, at: usize) -> Option<u32> {
        self.big(at).map(u32::swap_bytes)
    }
}

/// Whether `text` is a decimal number, perhaps a negative one.
fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit)
}

/// A request's method and a blank, or a status line (RFC 9112 §3, §4).
fn is_http(it: &FirstBytes<'_>) -> bool {
    it.starts_with_any(&[
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"PATCH ",
        b"OPTIONS ",
        b"CONNECT ",
        b"TRACE ",
        b"PROPFIND ",
        b"HTTP/1.",
    ])
}

/// The preface (RFC 9113 §3.4).
fn is_http2(it: &FirstBytes<'_>) -> bool {
    it.starts(b"PRI * HTTP/2.0")
}

/// A first packet: its length and protocol 3.0 or 3.2, or the codes that ask for SSL, GSS or a cancellation.
fn is_postgresql_startup(it: &FirstBytes<'_>) -> bool {
    let version = it.big(4);
    it.big(0).is_some_and(|length| (8..10_000).contains(&length))
        && matches!(version, Some(0x0003_0000 | 0x0003_0002 | 80_877_102..=80_877_104))
}

/// In mid-stream: messages of a known type, one after the other, that end where the call does. One alone must be such as
/// begins an exchange and say more than its length.
fn is_postgresql(it: &FirstBytes<'_>) -> bool {
    const TYPES: &[u8] = b"QPBEDCSHFdcfpXZTKRNA123Itnsv";
    let mut at = 0;
    let mut messages = 0;
    while let (Some(kind), Some(length)) = (it.bytes.get(at), it.big(at + 1)) {
        if !TYPES.contains(kind) || !(4..1 << 24).contains(&length) {
            return false;
        }
        at += 1 + as_usize(length);
        messages += 1;
    }
    let begins = matches!(it.bytes, [b'Q' | b'P' | b'B' | b'T' | b'1' | b'2', 0, ..]);
    as_u64(at) == it.moved && (messages > 1 || begins && messages == 1 && at > 5)
}

/// A greeting: packet 0 of a length in three bytes, protocol 10, a version that is text. In mid-stream: a query or a
/// statement to prepare, alone in its packet.
fn is_mysql(it: &FirstBytes<'_>) -> bool {
    match it.bytes {
        [length, _, 0, 0, 10, b'0'..=b'9', ..] => *length > 20,
        [a, b, c, 0, 0x03 | 0x16, b'A'..=b'Z' | b'a'..=b'z', ..] => {
            u64::from(u32::from_le_bytes([*a, *b, *c, 0])) + 4 == it.moved
        }
        _ => false,
    }
}

/// A request, an array of bulk strings; an inline command that no other protocol has; or a reply of RESP 2 or 3.
fn is_redis(it: &FirstBytes<'_>) -> bool {
    let (Some(kind), Some(line)) = (it.bytes.first(), it.line()) else {
        return false;
    };
    let rest = line.get(1..).unwrap_or_default();
    let behind = it.bytes.get(line.len() + 2);
    match kind {
        b'*' | b'%' | b'~' | b'>' => is_number(rest) && behind.is_none_or(|next| b"$:+-*%_,#~(=".contains(next)),
        b'$' | b':' => is_number(rest),
        b'+' => matches!(rest, b"OK" | b"PONG" | b"QUEUED"),
        b'-' => {
            let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
            word.len() > 2 && word.len() < rest.len() && word.iter().all(u8::is_ascii_uppercase)
        }
        b'_' => rest.is_empty(),
        _ => matches!(line, b"PING" | b"HELLO 3" | b"HELLO 2" | b"MONITOR" | b"DBSIZE"),
    }
}

/// A header of 16 bytes with its length, of OP_MSG (2013, whose flags are few), OP_COMPRESSED (2012) or OP_QUERY (2004);
/// all little endian.
fn is_mongodb(it: &FirstBytes<'_>) -> bool {
    let plausible = |length| (16..=48_000_000).contains(&length);
    it.little(0).is_some_and(plausible)
        && match it.little(12) {
            Some(2013) => it.little(16).is_some_and(|flags| flags & !0x0001_0003 == 0),
            Some(2012) => true,
            Some(2004) => it.little(8) == Some(0),
            _ => false,
        }
}

/// The text protocol's commands and replies, or a header of the binary one, whose lengths agree.
fn is_memcached(it: &FirstBytes<'_>) -> bool {
    const WORDS: &[&[u8]] = &[
        b"get ",
        b"gets ",
        b"gat ",
        b"gats ",
        b"set ",
        b"add ",
        b"replace ",
        b"append ",
        b"prepend ",
        b"cas ",
        b"incr ",
        b"decr ",
        b"touch ",
        b"delete ",
        b"mg ",
        b"ms ",
        b"VALUE ",
        b"STAT ",
    ];
    const LINES: &[&[u8]] = &[b"stats", b"version", b"flush_all", b"mn", b"STORED", b"NOT_STORED", b"NOT_FOUND"];
    if let Some(line) = it.line() {
        return LINES.contains(&line) || WORDS.iter().any(|word| line.starts_with(word));
    }
    let [magic, opcode, key_high, key_low, extras, 0, ..] = *it.bytes else {
        return false;
    };
    let named = u32::from(u16::from_be_bytes([key_high, key_low])) + u32::from(extras);
    let body = it.big(8);
    matches!((magic, opcode), (0x80 | 0x81, 0..=0x22))
        && extras <= 20
        && body.is_some_and(|body| body >= named && u64::from(body) + 24 <= it.moved)
}

/// Which end sends what begins like FastCGI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastCgi {
    /// The web server.
    Request,
    /// The application.
    Reply,
}

fn is_fastcgi(it: &FirstBytes<'_>) -> bool {
    fastcgi(it.bytes, it.moved).is_some()
}

/// Whether `bytes`, the first of `moved`, begin FastCGI, version 1: a record that begins a request in one of three roles,
/// or its header alone, as php-fpm reads it; or a record of output in mid-stream (FastCGI specification §3.3, §5.1).
pub fn fastcgi(bytes: &[u8], moved: u64) -> Option<FastCgi> {
    match bytes {
        [1, 1, _, _, 0, 8, _, _, 0, 1..=3, 0 | 1, 0, 0, 0, 0, 0, ..] => Some(FastCgi::Request),
        [1, 1, _, _, 0, 8, _, 0] if moved == 8 => Some(FastCgi::Request),
        [1, 6, high_id, id, high, low, padding, 0, ..] => {
            let length = u64::from(u16::from_be_bytes([*high, *low]));
            let is_whole = length > 0 && length + u64::from(*padding) + 8 <= moved;
            ((*high_id, *id) != (0, 0) && is_whole).then_some(FastCgi::Reply)
        }
        _ => None,
    }
}

/// A record of SSL 3.0 to TLS 1.3, and where it is a handshake's, one that a hello is in or nothing that can be told.
fn is_tls(it: &FirstBytes<'_>) -> bool {
    match it.bytes {
        [0x16, 3, 0..=4, high, _, 1 | 2, ..] => *high < 0x48,
        [0x17, 3, 1..=3, high, low, ..] => {
            let length = u16::from_be_bytes([*high, *low]);
            (17..=0x4800).contains(&length) && u64::from(length) + 5 <= it.moved
        }
        _ => false,
    }
}

/// The version line (RFC 4253 §4.2).
fn is_ssh(it: &FirstBytes<'_>) -> bool {
    it.starts_with_any(&[b"SSH-2.0-", b"SSH-1."])
}

/// The byte order, and protocol 11.0.
fn is_x11(it: &FirstBytes<'_>) -> bool {
    matches!(it.bytes, [b'l', 0, 11, 0, 0, 0, ..] | [b'B', 0, 0, 11, 0, 0, ..])
}

/// The version line (RFC 6143 §7.1.1).
fn is_vnc(it: &FirstBytes<'_>) -> bool {
    it.starts(b"RFB 003.")
}

/// The protocol header: of 0-9-1, and of 1.0 with SASL or without.
fn is_amqp(it: &FirstBytes<'_>) -> bool {
    matches!(it.bytes, [b'A', b'M', b'Q', b'P', 0..=3, 0 | 1, ..])
}

/// CONNECT, its remaining length in one or two bytes, and the protocol's name.
fn is_mqtt(it: &FirstBytes<'_>) -> bool {
    let ([0x10, ..0x80, name @ ..] | [0x10, 0x80..=0xff, ..0x80, name @ ..]) = it.bytes else {
        return false;
    };
    name.starts_with(b"\0\x04MQTT") || name.starts_with(b"\0\x06MQIsdp")
}

/// A greeting of SMTP or LMTP, or the first command.
fn is_smtp(it: &FirstBytes<'_>) -> bool {
    let greets = |line: &[u8]| line.windows(4).any(|four| four == b"SMTP" || four == b"LMTP");
    it.starts_with_any(&[b"EHLO ", b"HELO ", b"LHLO "])
        || it.starts_with_any(&[b"220 ", b"220-"]) && it.line().is_some_and(greets)
}

/// A greeting (RFC 9051 §7.1).
fn is_imap(it: &FirstBytes<'_>) -> bool {
    it.starts_with_any(&[b"* OK ", b"* PREAUTH "])
}

/// A greeting (RFC 1939 §4).
fn is_pop(it: &FirstBytes<'_>) -> bool {
    let greets =
        |line: &[u8]| line.windows(4).any(|four| four == b"POP3") || line.windows(5).any(|five| five == b"ready");
    it.starts(b"+OK ") && it.line().is_some_and(greets)
}

/// A bind request of version 3 (RFC 4511 §4.2), with short lengths.
fn is_ldap(it: &FirstBytes<'_>) -> bool {
    matches!(it.bytes, [0x30, ..0x80, 2, 1, _, 0x60, ..0x80, 2, 1, 3, ..])
}

/// A request of the web server: 0x1234, its length, and "forward request" or a ping.
fn is_ajp(it: &FirstBytes<'_>) -> bool {
    match it.bytes {
        [0x12, 0x34, high, low, 2 | 10, ..] => u64::from(u16::from_be_bytes([*high, *low])) + 4 <= it.moved,
        _ => false,
    }
}

/// A packet of the binary protocol.
fn is_gearman(it: &FirstBytes<'_>) -> bool {
    let known = it.big(4).is_some_and(|kind| (1..=42).contains(&kind));
    it.starts_with_any(&[b"\0REQ", b"\0RES"]) && known
}

/// Tversion, without a tag, and a version of the name.
fn is_9p(it: &FirstBytes<'_>) -> bool {
    matches!(it.bytes, [_, _, _, _, 100, 0xff, 0xff, _, _, _, _, _, _, b'9', b'P', ..])
}

/// The server's greeting; in mid-stream a request or a reply.
fn is_nbd(it: &FirstBytes<'_>) -> bool {
    it.starts_with_any(&[b"NBDMAGIC", b"\x25\x60\x95\x13\0", b"\x67\x44\x66\x98\0"])
}

/// A daemon's or its client's version line.
fn is_rsync(it: &FirstBytes<'_>) -> bool {
    it.starts(b"@RSYNCD: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<&str>) {
        let found = protocol(&FirstBytes { bytes, moved: bytes.len() as u64 });
        let name = found.map(|protocol| protocol.name);
        assert_eq!(name, expected, "{}", bytes.escape_ascii());
    }

    #[test]
    fn what_clients_and_servers_begin_with() {
        check(b"GET / HTTP/1.1\r\n", Some("http"));
        check(b"HTTP/1.1 200 OK\r\n", Some("http"));
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some("http2"));
        check(b"\0\0\0\x08\x04\xd2\x16\x2f", Some("postgresql"));
        check(b"\0\0\0\x11\0\x03\0\0user\0me\0\0", Some("postgresql"));
        check(b"\x4a\0\0\0\x0a8.0.35\0", Some("mysql"));
        check(b"*1\r\n$4\r\nPING\r\n", Some("redis"));
        check(b"PING\r\n", Some("redis"));
        check(b"\x5b\x01\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0", Some("mongodb"));
        check(b"\x5b\x01\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0", Some("mongodb"));
        check(b"stats\r\n", Some("memcached"));
        check(b"set k 0 0 1\r\nx\r\n", Some("memcached"));
        check(&[&b"\x80\x0a\0\0\0\0\0\0"[..], &[0; 16]].concat(), Some("memcached"));
        check(b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0", Some("fastcgi"));
        check(b"\x01\x01\0\x01\0\x08\0\0", Some("fastcgi"));
        check(b"\x16\x03\x01\0\xf0\x01\0\0\xec\x03\x03", Some("tls"));
        check(b"SSH-2.0-OpenSSH_9.2\r\n", Some("ssh"));
        check(b"l\0\x0b\0\0\0\0\0\0\0\0\0", Some("x11"));
        check(b"RFB 003.008\n", Some("vnc"));
        check(b"AMQP\0\0\x09\x01", Some("amqp"));
        check(b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me", Some("mqtt"));
        check(b"220 mail.example ESMTP Postfix\r\n", Some("smtp"));
        check(b"LHLO mail.example\r\n", Some("smtp"));
        check(b"* OK [CAPABILITY IMAP4rev1] ready.\r\n", Some("imap"));
        check(b"+OK Dovecot ready.\r\n", Some("pop"));
        check(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0", Some("ldap"));
        check(b"\x12\x34\0\x01\x0a", Some("ajp"));
        check(b"\0REQ\0\0\0\x10\0\0\0\x01x", Some("gearman"));
        check(b"\x15\0\0\0\x64\xff\xff\0\x20\0\0\x08\x009P2000.L", Some("9p"));
        check(b"NBDMAGICIHAVEOPT\0\x03", Some("nbd"));
        check(b"@RSYNCD: 31.0\n", Some("rsync"));
    }

    #[test]
    fn what_goes_on_in_mid_stream() {
        check(b"Q\0\0\0\x0dSELECT 1\0", Some("postgresql"));
        check(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I", Some("postgresql"));
        check(b"\x09\0\0\0\x03SELECT 1", Some("mysql"));
        for reply in [
            "+OK\r\n",
            "$3\r\nfoo\r\n",
            "$-1\r\n",
            ":12\r\n",
            "*0\r\n",
            "*2\r\n:1\r\n:2\r\n",
            "%1\r\n+server\r\n$5\r\nredis\r\n",
            ">2\r\n+message\r\n",
            "_\r\n",
            "-ERR unknown command\r\n",
            "-WRONGTYPE Operation\r\n",
        ] {
            check(reply.as_bytes(), Some("redis"));
        }
        check(b"VALUE k 0 1\r\nx\r\nEND\r\n", Some("memcached"));
        check(b"\x01\x06\0\x01\0\x05\x03\0hello\0\0\0", Some("fastcgi"));
        check(b"\x25\x60\x95\x13\0\0\0\0abcdefgh", Some("nbd"));
        check(&[&b"\x17\x03\x03\0\x14"[..], &[7; 20]].concat(), Some("tls"));
    }

    #[test]
    fn what_is_none_of_them() {
        for other in [
            &b""[..],
            b"hello",
            b"\0",
            b"ping\n",
            b"show stat\n",
            b"{\"method\":\"io.systemd\"}\0",
            b"OK\r\n",
            b"+OK",
            b"-- \r\n",
            b"-a b\r\n",
            b"*x\r\n",
            b"$5",
            b"Q\0\0\0\x0dSELECT",
            b"X\0\0\0\x04",
            b"220 ftp.example ready\r\n",
            b"\x01\x06\0\0\0\x05\0\0hello",
            b"\x01\0\0\0\x01\0\0\0\x02\0\0\0",
            b"get the thing",
            b"AMQPX",
            b"\x80\x0a\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            check(other, None);
        }
    }

    #[test]
    fn a_call_that_the_trace_has_cut() {
        let cut = FirstBytes { bytes: b"\x40\x01\0\0\x03SELECT a, b", moved: 324 };
        assert_eq!(protocol(&cut).map(|protocol| protocol.name), Some("mysql"));
    }
}
