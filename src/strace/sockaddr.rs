//! Socket addresses as arguments, in every notation since strace 4.9 (strace sockaddr.c).
//!
//! ```text
//! {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}
//! {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}
//! {sa_family=AF_UNIX, sun_path="/p"}    sun_path=@"abstract"    {sa_family=AF_UNIX}    {sa_family=AF_LOCAL, NULL}
//! NULL    0x7ffd2b0b9ed0
//! ```
//! Under `-xx` the quoted addresses are hexadecimal too. A name is never looked up: what is no address is
//! [`Address::Other`].

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::names::Names;
use super::{arguments, escape, time};
use crate::event::Address;

/// The address that `text` begins with (none for a pointer), and what follows it. None if it has no end.
pub(super) fn address<'t>(
    text: &'t [u8],
    names: &mut Names,
) -> Option<(Option<Address>, &'t [u8])> {
    if let Some((address, rest)) = usual_v4(text, names) {
        return Some((Some(address), rest));
    }
    let (value, rest) = arguments::value(text)?;
    let address = value
        .strip_prefix(b"{")
        .map(|fields| meaning(fields, names).unwrap_or(Address::Other));
    Some((address, rest))
}

/// The form that `AF_INET` always had, whose end is where the address ends.
fn usual_v4<'t>(text: &'t [u8], names: &mut Names) -> Option<(Address, &'t [u8])> {
    let text = text.strip_prefix(b"{sa_family=AF_INET, sin_port=htons(")?;
    let (port, count) = time::digits(text);
    let quoted = text.get(count..)?.strip_prefix(b"), sin_addr=inet_addr(")?;
    let address = socket_address(quoted, port, names)?;
    let rest = escape::skip_string(quoted)?.strip_prefix(b")}")?;
    Some((Address::Inet(address), rest))
}

/// The same where the call may have given no address, which its length argument `[0]` says: strace 4.12 and older then
/// prints what lay in the buffer before.
#[inline]
pub(super) fn address_given<'t>(
    text: &'t [u8],
    names: &mut Names,
) -> Option<(Option<Address>, &'t [u8])> {
    if let Some(rest @ [b',' | b')', ..]) = text.strip_prefix(b"NULL") {
        return Some((None, rest));
    }
    let (address, rest) = address(text, names)?;
    let given = !arguments::next(rest).starts_with(b"[0]");
    Some((address.filter(|_| given), rest))
}

fn meaning(fields: &[u8], names: &mut Names) -> Option<Address> {
    let fields = fields.strip_prefix(b"sa_family=")?;
    let end = fields.iter().position(|byte| matches!(byte, b',' | b'}'))?;
    let (family, fields) = fields.split_at_checked(end)?;
    let is = |name: &[u8]| arguments::has_flag(family, name);
    if is(b"AF_INET") || is(b"AF_INET6") {
        return internet(fields, names).map(Address::Inet);
    }
    if is(b"AF_UNIX") || is(b"AF_LOCAL") || is(b"AF_FILE") {
        return Some(Address::Unix(
            after(fields, b"sun_path=").and_then(|name| names.read(name)),
        ));
    }
    is(b"AF_UNSPEC").then_some(Address::Unspecified)
}

/// The order of the fields changed over time, so each is looked for on its own.
fn internet(fields: &[u8], names: &mut Names) -> Option<SocketAddr> {
    let (port, _) = time::digits(after(fields, b"_port=htons(")?);
    let host = after(fields, b"inet_addr(").or_else(|| after(fields, b"inet_pton(AF_INET6, "))?;
    socket_address(host, port, names)
}

fn socket_address(quoted: &[u8], port: u64, names: &mut Names) -> Option<SocketAddr> {
    let host = std::str::from_utf8(names.decoded(quoted)?).ok()?;
    Some(SocketAddr::new(
        IpAddr::from_str(host).ok()?,
        u16::try_from(port).ok()?,
    ))
}

fn after<'t>(text: &'t [u8], mark: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    text.get(at + mark.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UnixName;

    #[track_caller]
    fn check(text: &str, expected: Option<Address>) {
        let line = format!("{text}, 16) = 0");
        let (address, rest) = address(line.as_bytes(), &mut Names::default()).expect("an end");
        assert_eq!(
            (address, rest),
            (expected, b", 16) = 0".as_slice()),
            "{text}"
        );
    }

    fn inet(text: &str) -> Option<Address> {
        Some(Address::Inet(text.parse().expect("an address")))
    }

    fn path(text: &str) -> Option<Address> {
        Some(Address::Unix(Some(UnixName::Path(text.as_bytes().into()))))
    }

    fn named(text: &[u8]) -> Option<Address> {
        Some(Address::Unix(Some(UnixName::Abstract(text.into()))))
    }

    #[test]
    fn internet_addresses() {
        let v4 = r#"{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}"#;
        check(v4, inet("1.2.3.4:80"));
        let hex = r#"{sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("\x38\x2e\x38\x2e\x38\x2e\x38")}"#;
        check(hex, inet("8.8.8.8:53"));
        let verbose =
            r#"{sa_family=0x2 /* AF_INET */, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}"#;
        check(verbose, inet("1.2.3.4:80"));
        for fields in [
            r#"sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "::1", &sin6_addr), sin6_flowinfo=htonl(0), sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "::1", &sin6_addr), sin6_flowinfo=0, sin6_scope_id=0"#,
            r#"inet_pton(AF_INET6, "\x3a\x3a\x31", &sin6_addr), sin6_scope_id=if_nametoindex("lo")"#,
        ] {
            check(
                &format!("{{sa_family=AF_INET6, sin6_port=htons(9200), {fields}}}"),
                inet("[::1]:9200"),
            );
        }
        let edited =
            r#"{sa_family=AF_INET, sin_port=htons(36463), sin_addr=inet_addr("10.0.x.z")}"#;
        check(edited, Some(Address::Other));
        check(
            r#"{sa_family=AF_INET, sa_data="\263U"}"#,
            Some(Address::Other),
        );
        check(
            r#"{sa_family=AF_INET, sin_port=htons(80800), sin_addr=inet_addr("1.2.3.4")}"#,
            Some(Address::Other),
        );
    }

    #[test]
    fn unix_addresses() {
        check(r#"{sa_family=AF_UNIX, sun_path="/run/a"}"#, path("/run/a"));
        check(r#"{sa_family=AF_LOCAL, sun_path="\x2f\x61"}"#, path("/a"));
        check(
            r#"{sa_family=AF_UNIX, sun_path="/run/a" [system_dbusd_var_run_t]}"#,
            path("/run/a"),
        );
        check(
            r#"{sa_family=AF_UNIX, sun_path=@"abs\0tr>act"}"#,
            named(b"abs\0tr>act"),
        );
        let long = r#"{sa_family=0x1 /* AF_UNIX */, sun_path=@"my-neat-socket\x00\x00"}"#;
        check(long, named(b"my-neat-socket\0\0"));
        check("{sa_family=AF_UNIX}", Some(Address::Unix(None)));
        check("{sa_family=AF_LOCAL, NULL}", Some(Address::Unix(None)));
    }

    #[test]
    fn others() {
        check("NULL", None);
        check("0x7ffef40bc7d0", None);
        check(
            "{sa_family=AF_UNSPEC, sa_data=\"\\0\\0\"}",
            Some(Address::Unspecified),
        );
        check(
            "{sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}",
            Some(Address::Other),
        );
        check("{}", Some(Address::Other));
    }
}
