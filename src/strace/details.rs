//! What `-y` and `-yy` print behind a descriptor, in every form since strace 4.10 (strace `printfd` in util.c, and
//! socketutils.c).
//!
//! ```text
//! TCP:[10.0.0.1:5000->1.2.3.4:80]   TCPv6:[[::1]:80]   UDP:[60269]   UNIX-STREAM:[1->2,"/path"]   socket:[15157]
//! pipe:[1]   /path                                                             (where pipes are asked for, a FIFO)
//! /path   /dev/null<char 1:3>   anon_inode:[eventpoll]   pid:12                   (no sockets)
//! ```

use std::net::SocketAddr;

use super::names::NameTable;
use super::{escape, time};
use crate::event::{Details, Family, Inode, SocketDetails, Transport, UnixName};
use crate::work;

/// What the name of a protocol says.
type SocketKind = (Family, Transport);

/// Most angle brackets within details: strace's own has one, and few paths have any. With more, text that only begins like
/// details would be searched to its end, and again from each bracket in it.
const NESTED_MAX: usize = 8;

/// What follows details whose file has been removed.
const DELETED: &[u8] = b"(deleted)";

/// Passes over details, `<…>` and maybe `(deleted)`; None if they have no end.
pub(super) fn skip(text: &[u8]) -> Option<&[u8]> {
    let inner = text.strip_prefix(b"<")?;
    let rest = match protocol(inner) {
        Some((_, inner)) => behind_brackets(inner)?,
        None => path(inner)?,
    };
    Some(rest.strip_prefix(DELETED).unwrap_or(rest))
}

/// What the name before `:[` says, and what follows that. Most are one of two, or a path, which may hold the same.
fn protocol(text: &[u8]) -> Option<(Option<SocketKind>, &[u8])> {
    if let [b'/' | b'\\', ..] = text {
        return None;
    }
    if let Some(rest) = text.strip_prefix(b"TCP:[") {
        return Some((Some((Family::Inet, Transport::Stream)), rest));
    }
    if let Some(rest) = text.strip_prefix(b"UNIX-STREAM:[") {
        return Some((Some((Family::Unix, Transport::Stream)), rest));
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'(' | b')' | b'-' | b'_');
    let end = text.iter().position(|byte| !is_name(byte))?;
    let (name, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix(b":[").filter(|_| end > 0)?;
    Some((kind(name), rest))
}

/// What follows `]>` outside quotes. A person may have put `<host>` for an address.
fn behind_brackets(text: &[u8]) -> Option<&[u8]> {
    let (mut from, mut nested) = (0, 0);
    loop {
        let step = memchr::memchr3(b']', b'"', b'<', text.get(from..)?);
        work::steps(step.unwrap_or(text.len() - from));
        let at = from + step?;
        from = match text.get(at..)? {
            [b'<', ..] if nested == NESTED_MAX => return None,
            [b'<', ..] => {
                nested += 1;
                at + 1
            }
            [b']', b'>', after @ ..] => return Some(after),
            quoted @ [b'"', ..] => text.len() - escape::skip_string(quoted)?.len(),
            _ => at + 1,
        };
    }
}

/// The end of a path: the closing bracket, which may follow a nested `<char 1:3>`.
fn path(text: &[u8]) -> Option<&[u8]> {
    let mut depth = 0_usize;
    let mut from = 0;
    loop {
        let step = memchr::memchr2(b'<', b'>', text.get(from..)?);
        work::steps(step.unwrap_or(text.len() - from));
        let at = from + step?;
        from = at + 1;
        match text.get(at)? {
            b'<' if depth == NESTED_MAX => return None,
            b'<' => depth += 1,
            _ if depth == 0 => return text.get(from..),
            _ => depth -= 1,
        }
    }
}

/// Whether details that begin like this are of no socket, for certain.
#[inline]
pub(super) fn is_no_socket(text: &[u8]) -> bool {
    match text.get(1..) {
        Some([b'/' | b'{', ..]) => true,
        Some([b'\\', b'x', high, low, ..]) => [*high, *low] != *b"73",
        Some([first, ..]) => first.is_ascii_lowercase() && *first != b's',
        _ => false,
    }
}

/// Whether details are a pipe's, in plain text or as `-xx` writes it.
pub(super) fn is_pipe(text: &[u8]) -> bool {
    [b"<pipe:[".as_slice(), b"<\\x70\\x69\\x70\\x65\\x3a\\x5b"].iter().any(|start| text.starts_with(start))
}

/// Whether details are a path's, in plain text or as `-xx` writes it.
#[inline]
pub(super) fn is_path(text: &[u8]) -> bool {
    matches!(text, [b'<', b'/', ..] | [b'<', b'\\', b'x', b'2', b'f', ..])
}

/// The path in details, as the kernel has it: with ` (deleted)` behind one that is gone. None if they are no path's, or a
/// device's.
pub(super) fn path_in(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(b"<").filter(|_| is_path(text))?;
    let end = memchr::memchr2(b'<', b'>', inner)?;
    let (inner, rest) = inner.split_at_checked(end)?;
    let mut path = Vec::new();
    escape::unquoted(inner, &mut path)?;
    match rest {
        b">" => {}
        b">(deleted)" => path.extend_from_slice(b" (deleted)"),
        _ => return None,
    }
    Some(path)
}

/// Details of the FIFO with this number.
pub(super) fn fifo(number: Inode, path: &[u8], names: &mut NameTable) -> Details {
    let details =
        SocketDetails { inode: Some(number), name: Some(names.get(path)), ..nothing(Family::Pipe, Transport::Stream) };
    Details::Socket(details)
}

/// What details mean; `text` is all of `<…>`. Those of pipes are given only where these are asked for.
pub(super) fn parse(text: &[u8], names: &mut NameTable) -> Details {
    let Some(inner) = text.strip_prefix(b"<") else {
        return Details::Missing;
    };
    if inner.starts_with(b"\\x73") || inner.starts_with(b"\\x70") {
        let mut decoded = Vec::new();
        let end = memchr::memchr(b'>', inner).unwrap_or(inner.len());
        let plain = inner.get(..end).and_then(|hex| escape::unquoted(hex, &mut decoded));
        decoded.extend_from_slice(b">");
        return plain.map_or(Details::NotSocket, |()| known(&decoded, names));
    }
    known(inner, names)
}

fn known(text: &[u8], names: &mut NameTable) -> Details {
    let Some((kind, rest)) = protocol(text) else {
        return Details::NotSocket;
    };
    let Some(inner) = rest.strip_suffix(DELETED).unwrap_or(rest).strip_suffix(b"]>") else {
        return Details::NotSocket;
    };
    match kind {
        Some((Family::Unix, transport)) => Details::Socket(unix(transport, inner, names)),
        Some((Family::Pipe, _)) => pipe(inner, names),
        Some((family, transport)) => Details::Socket(inet((family, transport), inner, names)),
        None => Details::NotSocket,
    }
}

/// Family and transport by the name that strace or the kernel gives the protocol.
fn kind(name: &[u8]) -> Option<SocketKind> {
    Some(match name {
        b"UNIX-STREAM" | b"(null)" => (Family::Unix, Transport::Stream),
        b"UNIX-DGRAM" => (Family::Unix, Transport::Datagram),
        b"UNIX-SEQPACKET" => (Family::Unix, Transport::Seqpacket),
        b"UNIX" => (Family::Unix, Transport::Unknown),
        b"socket" => (Family::Other, Transport::Unknown),
        b"pipe" => (Family::Pipe, Transport::Stream),
        b"UDP-Lite" => (Family::Inet, Transport::UdpLite),
        [b'A'..=b'Z', ..] => match name.strip_suffix(b"v6") {
            Some(name) => internet(Family::Inet6, name),
            None => internet(Family::Inet, name),
        },
        _ => return None,
    })
}

fn internet(family: Family, name: &[u8]) -> SocketKind {
    let transport = match name {
        b"TCP" | b"MPTCP" => Transport::Stream,
        b"UDP" => Transport::Datagram,
        b"UDPLITE" => Transport::UdpLite,
        b"SCTP" => Transport::Sctp,
        b"DCCP" => Transport::Dccp,
        b"RAW" => Transport::Raw,
        b"PING" => Transport::Ping,
        _ => return (Family::Other, Transport::Unknown),
    };
    (family, transport)
}

const fn nothing(family: Family, transport: Transport) -> SocketDetails {
    SocketDetails {
        family,
        transport,
        inode: None,
        peer_inode: None,
        local: None,
        remote: None,
        name: None,
        serial: SocketDetails::NO_SERIAL,
    }
}

/// `local->remote`, `local`, or an inode.
fn inet((family, transport): (Family, Transport), text: &[u8], names: &mut NameTable) -> SocketDetails {
    let mut details = nothing(family, transport);
    if let Some((inode, [])) = inode(text) {
        details.inode = inode;
    } else if family != Family::Other {
        let is_v6 = family == Family::Inet6;
        let (local, remote) = match memchr::memmem::find(text, b"->") {
            Some(at) => (text.get(..at), text.get(at + 2..)),
            None => (Some(text), None),
        };
        details.local = local.and_then(|text| address(text, is_v6, names));
        details.remote = remote.and_then(|text| address(text, is_v6, names));
    }
    details
}

/// `61848`
fn pipe(text: &[u8], names: &mut NameTable) -> Details {
    let Some((Some(inode), [])) = inode(text) else {
        return Details::NotSocket;
    };
    let name = names.get(format!("pipe:[{}]", inode.number()).as_bytes());
    let details = SocketDetails { inode: Some(inode), name: Some(name), ..nothing(Family::Pipe, Transport::Stream) };
    Details::Socket(details)
}

fn inode(text: &[u8]) -> Option<(Option<Inode>, &[u8])> {
    let (value, count) = time::digits(text);
    (count > 0).then_some((Inode::new(value), text.get(count..)?))
}

/// `10.0.0.1:80`, `[::1]:80`, and before strace 4.22 `::1:80`, whose port is behind the last colon. A person may have put
/// other text in the place of either: a port is then not known.
fn address(text: &[u8], is_v6: bool, names: &mut NameTable) -> Option<SocketAddr> {
    let colon = memchr::memrchr(b':', text)?;
    let (host, port) = (text.get(..colon)?, text.get(colon + 1..)?);
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    let port = match time::digits(port) {
        _ if port.is_empty() => return None,
        (number, count) if count == port.len() => u16::try_from(number).ok()?,
        _ => 0,
    };
    Some(SocketAddr::new(names.host(host, is_v6)?, port))
}

/// `inode->peer,"/path"` with every part but the first optional, and `@` before an abstract name's quotes.
fn unix(transport: Transport, text: &[u8], names: &mut NameTable) -> SocketDetails {
    let mut details = nothing(Family::Unix, transport);
    let Some((own, text)) = inode(text) else {
        return details;
    };
    let (peer, text) = text.strip_prefix(b"->").and_then(inode).unwrap_or((None, text));
    (details.inode, details.peer_inode) = (own, peer);
    details.name = text.strip_prefix(b",").and_then(|name| unix_name(name, names));
    details
}

fn unix_name(text: &[u8], names: &mut NameTable) -> Option<UnixName> {
    let mut name = Vec::new();
    let abstract_name = text.strip_prefix(b"@");
    name.extend(abstract_name.map(|_| UnixName::ABSTRACT));
    escape::string(abstract_name.unwrap_or(text), &mut name)?;
    Some(names.get(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Details {
        let text = format!("<{text}>");
        assert_eq!(skip(format!("{text}, 3").as_bytes()), Some(b", 3".as_slice()), "{text}");
        parse(text.as_bytes(), &mut NameTable::default())
    }

    #[track_caller]
    fn check(text: &str, family: Family, transport: Transport, local: Option<&str>, remote: Option<&str>) {
        let address = |text: &str| text.parse().expect("an address");
        let (local, remote) = (local.map(address), remote.map(address));
        let expected = SocketDetails { local, remote, ..nothing(family, transport) };
        assert_eq!(parsed(text), Details::Socket(expected), "{text}");
    }

    #[track_caller]
    fn check_inode(
        text: &str,
        family: Family,
        transport: Transport,
        inode: u64,
        peer: Option<u64>,
        name: Option<&str>,
    ) {
        let name = name.map(UnixName::of);
        let (inode, peer_inode) = (Inode::new(inode), peer.and_then(Inode::new));
        let expected = SocketDetails { inode, peer_inode, name, ..nothing(family, transport) };
        assert_eq!(parsed(text), Details::Socket(expected), "{text}");
    }

    #[test]
    fn addresses() {
        use Family::{Inet, Inet6};
        use Transport::{Datagram, Ping, Raw, Sctp, Stream, UdpLite};
        check("TCP:[10.0.0.1:5000->1.2.3.4:80]", Inet, Stream, Some("10.0.0.1:5000"), Some("1.2.3.4:80"));
        check("TCP:[0.0.0.0:80]", Inet, Stream, Some("0.0.0.0:80"), None);
        check("TCPv6:[[::1]:44574->[::1]:38883]", Inet6, Stream, Some("[::1]:44574"), Some("[::1]:38883"));
        check("TCPv6:[[::]:80]", Inet6, Stream, Some("[::]:80"), None);
        check("TCPv6:[::1:45806->::1:45393]", Inet6, Stream, Some("[::1]:45806"), Some("[::1]:45393"));
        let mapped = "[::ffff:127.0.0.1]:1";
        check("TCPv6:[::ffff:127.0.0.1:1->::ffff:127.0.0.1:1]", Inet6, Stream, Some(mapped), Some(mapped));
        check("UDP:[0.0.0.0:45909]", Inet, Datagram, Some("0.0.0.0:45909"), None);
        check("UDPLITEv6:[[::1]:9]", Inet6, UdpLite, Some("[::1]:9"), None);
        check("SCTP:[1.2.3.4:9]", Inet, Sctp, Some("1.2.3.4:9"), None);
        check("RAWv6:[[::]:58]", Inet6, Raw, Some("[::]:58"), None);
        check("PING:[0.0.0.0:1]", Inet, Ping, Some("0.0.0.0:1"), None);
        let blotted = Some("246.97.177.133:44252");
        check("UDP:[<srcAddress>:44252->188.185.84.86:9140]", Inet, Datagram, blotted, Some("188.185.84.86:9140"));
        check("TCPv6:[[REDACTED]:443]", Inet6, Stream, Some("[100::9a0d:8a8f:efdc:4a66]:443"), None);
        check("TCP:[10.0.0.1:xxxx]", Inet, Stream, Some("10.0.0.1:0"), None);
        check("TCP:[1.2.3.4:99999]", Inet, Stream, None, None);
    }

    #[test]
    fn inodes() {
        use Family::{Inet, Inet6, Other, Unix};
        use Transport::{Datagram, Stream, Unknown};
        check_inode("TCP:[60269]", Inet, Stream, 60269, None, None);
        check_inode("UDPv6:[18446744073709551615]", Inet6, Datagram, u64::MAX, None, None);
        check_inode("UNIX-STREAM:[1->2]", Unix, Stream, 1, Some(2), None);
        check_inode("UNIX-STREAM:[1->2,\"/p\"]", Unix, Stream, 1, Some(2), Some("/p"));
        check_inode("UNIX-STREAM:[1,\"/tmp/t/so,\\\"ck>et]>\"]", Unix, Stream, 1, None, Some("/tmp/t/so,\"ck>et]>"));
        check_inode("UNIX:[7,@\"abs\"]", Unix, Unknown, 7, None, Some("@abs"));
        check_inode("UNIX:[7,\"\\x2f\\x70\"]", Unix, Unknown, 7, None, Some("/p"));
        check_inode("(null):[555173->555174]", Unix, Stream, 555_173, Some(555_174), None);
        check_inode("socket:[15157]", Other, Unknown, 15157, None, None);
        check_inode("\\x73\\x6f\\x63\\x6b\\x65\\x74\\x3a\\x5b\\x37\\x5d", Other, Unknown, 7, None, None);
        let hex = "\\x70\\x69\\x70\\x65\\x3a\\x5b\\x31\\x5d";
        for (text, name) in [("pipe:[61849]", "pipe:[61849]"), (hex, "pipe:[1]")] {
            let inode = if text == hex { 1 } else { 61849 };
            check_inode(text, Family::Pipe, Stream, inode, None, Some(name));
            assert!(is_pipe(format!("<{text}>").as_bytes()), "{text}");
        }
        check_inode("MPTCP:[5]", Inet, Stream, 5, None, None);
        check_inode("NETLINK:[66987]", Other, Unknown, 66987, None, None);
    }

    #[track_caller]
    fn check_no_socket(text: &str) {
        assert_eq!(parsed(text), Details::NotSocket, "{text}");
    }

    #[test]
    fn paths() {
        let path = |text: &str| path_in(text.as_bytes());
        assert_eq!(path("</tmp/f>"), Some(b"/tmp/f".to_vec()));
        assert_eq!(path("<\\x2f\\x66>"), Some(b"/f".to_vec()));
        for deleted in ["</tmp/f>(deleted)", "</tmp/f (deleted)>"] {
            assert_eq!(path(deleted), Some(b"/tmp/f (deleted)".to_vec()));
        }
        assert_eq!(path("</tmp/a\\76b>"), Some(b"/tmp/a>b".to_vec()));
        for other in ["</dev/null<char 1:3>>", "<pipe:[1]>", "</tmp/f", "<anon_inode:[x]>"] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn others() {
        check_no_socket("/etc/hostname");
        check_no_socket("/dev/pts/3<char 136:3>");
        check_no_socket("\\x2f\\x64\\x65\\x76<char 1:9>");
        check_no_socket("pipe:[x]");
        check_no_socket("anon_inode:[eventpoll]");
        check_no_socket("signalfd:[HUP]");
        check_no_socket("pid:1234");
        check_no_socket("/tmp/a:[b");
        check_no_socket("/tmp/t/x1 (deleted)");
        check_no_socket("{eventfd-count=0x1, eventfd-id=3}");
        check_no_socket("/tmp/we\\74ird\\76\\n\\\"x\\\"");
        let netlink = parsed("NETLINK:[ROUTE:2386219]");
        assert_eq!(netlink, Details::Socket(nothing(Family::Other, Transport::Unknown)));
        assert_eq!(skip(b"</tmp/x>(deleted), 3"), Some(b", 3".as_slice()));
        assert_eq!(skip(b"</tmp/x"), None);
        assert_eq!(skip(b"<TCP:[1.2.3.4:5"), None);
    }
}
