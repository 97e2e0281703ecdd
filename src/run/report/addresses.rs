//! What is said of connections and sockets that are shown with invented addresses.
//!
//! strace looks addresses up in its own network namespace, once an inode, and keeps the first it finds (strace
//! `src/socketutils.c`): so `-yy` is not always the cure.

use super::keys::{LossKey, NoteKey};
use super::{Loss, Report};
use crate::packets::Invented;
use crate::run::options::Recorded;

/// Adds them to a report. `full_details`: the trace has what `-yy` prints.
pub fn tell(invented: Invented, full_details: bool, report: &mut Report) {
    let what = "datagram [socket is|sockets are] bound to every address, and nothing tells at which [it was|they were] \
                reached: invented hosts";
    let cure = "trace the other end too, where it is on this machine";
    report.lose(Loss::new(LossKey::Hosts, invented.hosts, what).cure(cure));
    let all = "[connection has|connections have] invented addresses";
    if !full_details && report.recorded == Recorded::ByHand {
        let loss = Loss::new(LossKey::Addresses, invented.total() - invented.hosts, all);
        return report.lose(loss.cure("record with -yy"));
    }
    let what = format!("{all}, for -yy found none");
    let by_hand = "trace a program in another network namespace with `nsenter -t PID -n strace …`";
    let cure =
        report.recorded.cure(by_hand, "record a program in another network namespace with --via 'nsenter -t PID -n'");
    report.lose(Loss::new(LossKey::Addresses, invented.own, &what).cure(cure));
    let what = "datagram [socket|sockets] sent with an invented address before -yy found [its|their] own";
    let cure = "give --view wire, which waits for it";
    report.lose(Loss::new(LossKey::AddressesLate, invented.late, what).cure(cure));
    let what = "[connection has|connections have] an invented other end";
    let by_hand = "trace connect and accept too (-e trace=network,…), from before the connection is made";
    let cure = report.recorded.cure(by_hand, "record from before the connection is made");
    report.lose(Loss::new(LossKey::Peers, invented.peers, what).cure(cure));
    let what = "datagram [socket|sockets] received without asking from whom: invented senders";
    report.lose(Loss::new(LossKey::Senders, invented.senders, what));
}

/// Adds that `hosts` were blotted out before the trace came here.
pub fn tell_blotted_out(hosts: usize, report: &mut Report) {
    if hosts > 0 {
        let (is, each) = if hosts == 1 { ("host is", "it") } else { ("hosts are", "each") };
        let text =
            format!("{hosts} {is} blotted out in the trace: an address of 240.0.0.0/4 or 100::/64 stands for {each}");
        report.note(NoteKey::BlottedOut, text, "");
    }
}

/// Adds messages that are shown as one datagram each and were several.
pub fn tell_uncut(uncut: u64, report: &mut Report) {
    let what =
        "[message was|messages were] cut into datagrams by UDP_SEGMENT or UDP_GRO, and strace did not print where";
    report.lose(Loss::new(LossKey::Uncut, uncut, what).cure("record with strace 6.13 or later"));
}
