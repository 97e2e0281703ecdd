//! Socket addresses as arguments, in every notation since strace 4.9 (strace sockaddr.c).
//!
//! ```text
//! {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}
//! {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}
//! {sa_family=AF_UNIX, sun_path="/p"}    sun_path=@"abstract"    {sa_family=AF_UNIX}    {sa_family=AF_LOCAL, NULL}
//! {sa_family=0x2, sin_port="\x00\x50", sin_addr="\x01\x02\x03\x04"}                            -X raw
//! {sa_family=0x2 /* AF_INET */, sin_port="\x00\x50" /* htons(80) */, …}                         -X verbose
//! NULL    0x7ffd2b0b9ed0
//! ```
//! Under `-xx` the quoted addresses are hexadecimal too. A name is never looked up: what is no address
//! was blotted out, and something stands for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::names::NameTable;
use super::{arguments, escape, symbols, time};
use crate::event::{Address, Family, UnixName};

/// The address that `text` begins with (none for a pointer), and what follows it. None if it has no end.
pub(super) fn address<'t>(text: &'t [u8], names: &mut NameTable) -> Option<(Option<Address>, &'t [u8])> {
    match text.strip_prefix(b"{") {
        None => Some((None, arguments::value(text)?.1)),
        Some(fields) => match meaning(fields, names) {
            Some((address, rest)) => Some((Some(address), rest)),
            None => Some((Some(Address::Other), arguments::value(text)?.1)),
        },
    }
}

/// The same where the call may have given no address, which its length argument `[0]` says: strace 4.12 and older then
/// prints what lay in the buffer before.
#[inline]
pub(super) fn address_given<'t>(text: &'t [u8], names: &mut NameTable) -> Option<(Option<Address>, &'t [u8])> {
    if let Some(rest @ [b',' | b')', ..]) = text.strip_prefix(b"NULL") {
        return Some((None, rest));
    }
    let (address, rest) = address(text, names)?;
    let given = !arguments::next(rest).starts_with(b"[0]");
    Some((address.filter(|_| given), rest))
}

fn meaning<'t>(fields: &'t [u8], names: &mut NameTable) -> Option<(Address, &'t [u8])> {
    let fields = fields.strip_prefix(b"sa_family=")?;
    let end = fields.iter().position(|byte| matches!(byte, b',' | b'}'))?;
    let (family, fields) = fields.split_at_checked(end)?;
    match symbols::family(family) {
        Family::Inet | Family::Inet6 => internet(fields, names),
        Family::Unix => unix(fields, names),
        _ if symbols::AF_UNSPEC.is(family) => Some((Address::Unspecified, closed(fields)?)),
        _ => None,
    }
}

/// The order of the fields changed over time, so each is known by its value.
fn internet<'t>(mut text: &'t [u8], names: &mut NameTable) -> Option<(Address, &'t [u8])> {
    let (mut host, mut port) = (None, None);
    while let Some(field) = text.strip_prefix(b", ") {
        let (name, field) = arguments::name(field).unwrap_or((b"", field));
        text = if let Some(rest) = field.strip_prefix(b"htons(") {
            let (number, count) = time::digits(rest);
            port = Some(u16::try_from(number).ok()?);
            rest.get(count..)?.strip_prefix(b")")?
        } else if let Some(rest) = field.strip_prefix(b"inet_addr(") {
            quoted_host(rest, (&mut host, false), names)?.strip_prefix(b")")?
        } else if let Some(rest) = field.strip_prefix(b"inet_pton(") {
            let (family, rest) = arguments::value(rest)?;
            let is_v6 = symbols::family(family) == Family::Inet6;
            let rest = quoted_host(rest.strip_prefix(b", ")?, (&mut host, is_v6), names)?;
            arguments::value(rest.strip_prefix(b", ")?)?.1.strip_prefix(b")")?
        } else {
            if field.first() == Some(&b'"') {
                as_in_memory(name, field, (&mut host, &mut port), names)?;
            }
            arguments::value(field)?.1
        };
    }
    Some((Address::Inet(SocketAddr::new(host?, port?)), text.strip_prefix(b"}")?))
}

/// The host in the field of this name of a structure:
///
/// ```text
/// ipi_addr=inet_addr("1.2.3.4")    inet_pton(AF_INET6, "::1", &ipi6_addr)
/// ipi_addr="\x01\x02\x03\x04"                                              -X raw, -X verbose
/// ```
pub(super) fn host_among(fields: &[u8], name: &[u8], names: &mut NameTable) -> Option<IpAddr> {
    let mut host = None;
    let behind = memchr::memmem::find(fields, name).and_then(|at| fields.get(at + name.len()..));
    if let Some(value) = behind.and_then(|behind| behind.strip_prefix(b"=")) {
        if value.first() == Some(&b'"') {
            names.decoded.clear();
            escape::string(value, &mut names.decoded)?;
            return host_in_memory(&names.decoded);
        }
        quoted_host(value.strip_prefix(b"inet_addr(")?, (&mut host, false), names)?;
        return host;
    }
    let text = fields.get(memchr::memmem::find(fields, b"inet_pton(")?..)?;
    let rest = quoted_host(text.get(memchr::memchr(b'"', text)?..)?, (&mut host, true), names)?;
    host.filter(|_| rest.strip_prefix(b", &").is_some_and(|rest| rest.starts_with(name)))
}

/// A host whose bytes lie in network order.
fn host_in_memory(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|v4| Ipv4Addr::from(v4).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|v6| Ipv6Addr::from(v6).into())).ok()
}

/// `"1.2.3.4"`, under `-xx` in hexadecimal.
fn quoted_host<'t>(
    text: &'t [u8],
    (host, is_v6): (&mut Option<IpAddr>, bool),
    names: &mut NameTable,
) -> Option<&'t [u8]> {
    let mut decoded = std::mem::take(&mut names.decoded);
    decoded.clear();
    let quoted = escape::string(text, &mut decoded);
    *host = names.host(&decoded, is_v6);
    names.decoded = decoded;
    let (_, rest) = quoted?;
    host.is_some().then_some(rest)
}

/// A field whose bytes are printed as they lie in memory, in network order.
#[cold]
fn as_in_memory(
    name: &[u8],
    field: &[u8],
    (host, port): (&mut Option<IpAddr>, &mut Option<u16>),
    names: &mut NameTable,
) -> Option<()> {
    names.decoded.clear();
    escape::string(field, &mut names.decoded)?;
    let bytes = names.decoded.as_slice();
    match name {
        b"sin_port" | b"sin6_port" => *port = Some(u16::from_be_bytes(bytes.try_into().ok()?)),
        b"sin_addr" => *host = Some(host_in_memory(bytes).filter(IpAddr::is_ipv4)?),
        b"sin6_addr" => *host = Some(host_in_memory(bytes).filter(IpAddr::is_ipv6)?),
        _ => {}
    }
    Some(())
}

fn unix<'t>(mut text: &'t [u8], names: &mut NameTable) -> Option<(Address, &'t [u8])> {
    let mut name = None;
    if let Some(quoted) = text.strip_prefix(b", sun_path=") {
        let mut decoded = std::mem::take(&mut names.decoded);
        decoded.clear();
        let abstract_name = quoted.strip_prefix(b"@");
        decoded.extend(abstract_name.map(|_| UnixName::ABSTRACT));
        let rest = escape::string(abstract_name.unwrap_or(quoted), &mut decoded);
        name = match abstract_name {
            Some(_) => Some(names.get(&decoded)),
            // a path ends at its first NUL
            None => decoded.split(|byte| *byte == 0).next().filter(|path| !path.is_empty()).map(|path| names.get(path)),
        };
        names.decoded = decoded;
        text = rest?.1;
    }
    Some((Address::Unix(name), closed(text)?))
}

/// Passes over the other fields and the closing brace.
fn closed(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        match text {
            [b'}', rest @ ..] => return Some(rest),
            [b',' | b' ', rest @ ..] => text = rest,
            [] | [b')' | b']', ..] => return None,
            _ => text = arguments::value(text)?.1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: impl Into<Option<Address>>) {
        let line = format!("{text}, 16) = 0");
        let (address, rest) = address(line.as_bytes(), &mut NameTable::default()).expect("an end");
        assert_eq!((address, rest), (expected.into(), b", 16) = 0".as_slice()), "{text}");
    }

    fn inet(text: &str) -> Address {
        Address::Inet(text.parse().expect("an address"))
    }

    fn path(text: &str) -> Address {
        Address::Unix(Some(UnixName::of(text)))
    }

    #[test]
    fn internet_addresses() {
        let v4 = r#"{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}"#;
        check(v4, inet("1.2.3.4:80"));
        let hex = r#"{sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("\x38\x2e\x38\x2e\x38\x2e\x38")}"#;
        check(hex, inet("8.8.8.8:53"));
        let verbose = r#"{sa_family=0x2 /* AF_INET */, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}"#;
        check(verbose, inet("1.2.3.4:80"));
        let raw = r#"{sa_family=0x2, sin_port="\x88\x0b", sin_addr="\x7f\x00\x00\x01"}"#;
        check(raw, inet("127.0.0.1:34827"));
        let both = r#"{sa_family=0x2 /* AF_INET */, sin_port="\x5b\xa0" /* htons(23456) */, sin_addr="\x7f\x00\x00\x01" /* inet_addr("127.0.0.1") */}"#;
        check(both, inet("127.0.0.1:23456"));
        check(r#"{sa_family=0x2, sin_port="\x88", sin_addr="\x7f\x00\x00\x01"}"#, Address::Other);
        for fields in [
            r#"sin6_addr="\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", sin6_scope_id=0"#,
            r#"sin6_addr="\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" /* inet_pton(AF_INET6, "::1") */"#,
            r#"sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "::1", &sin6_addr), sin6_flowinfo=htonl(0), sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "::1", &sin6_addr), sin6_flowinfo=0, sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "\x3a\x3a\x31", &sin6_addr), sin6_scope_id=if_nametoindex("lo")"#,
        ] {
            check(&format!("{{sa_family=AF_INET6, sin6_port=htons(9200), {fields}}}"), inet("[::1]:9200"));
        }
        let edited = r#"{sa_family=AF_INET, sin_port=htons(36463), sin_addr=inet_addr("10.0.x.z")}"#;
        check(edited, inet("249.179.243.90:36463"));
        check(r#"{sa_family=AF_INET, sa_data="\263U"}"#, Some(Address::Other));
        check(r#"{sa_family=AF_INET, sin_port=htons(80800), sin_addr=inet_addr("1.2.3.4")}"#, Some(Address::Other));
    }

    #[test]
    fn unix_addresses() {
        check(r#"{sa_family=AF_UNIX, sun_path="/run/a"}"#, path("/run/a"));
        check(r#"{sa_family=AF_LOCAL, sun_path="\x2f\x61"}"#, path("/a"));
        check(r#"{sa_family=AF_UNIX, sun_path="/run/a" [system_dbusd_var_run_t]}"#, path("/run/a"));
        check(r#"{sa_family=AF_UNIX, sun_path=@"abs\0tr>act"}"#, path("@abs\0tr>act"));
        let long = r#"{sa_family=0x1 /* AF_UNIX */, sun_path=@"my-neat-socket\x00\x00"}"#;
        check(long, path("@my-neat-socket\0\0"));
        check("{sa_family=0x1, sun_path=\"/run/a\"}", path("/run/a"));
        check("{sa_family=0x1}", Some(Address::Unix(None)));
        check("{sa_family=AF_UNIX}", Some(Address::Unix(None)));
        check("{sa_family=AF_LOCAL, NULL}", Some(Address::Unix(None)));
    }

    #[test]
    fn others() {
        check("NULL", None);
        check("0x7ffef40bc7d0", None);
        check("{sa_family=AF_UNSPEC, sa_data=\"\\0\\0\"}", Some(Address::Unspecified));
        check("{sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}", Some(Address::Other));
        check("{}", Some(Address::Other));
    }
}
