//! What a report says at the end of the capture itself: entries of systemd's journal (Journal Export Format), which each
//! Wireshark shows in its list of packets, and whatever reads packets alone passes over.

use super::Report;
use crate::event::Timestamp;
use crate::limits;

/// What an entry is for (syslog(3)).
const WARNING: u32 = 4;
const INFORMATION: u32 = 6;

/// An entry for each warning, and for what helps to read the capture. `time` is that of the last packet; without one an entry
/// has none. Where strace has said nothing, who has started it tells why.
pub fn entries(report: &Report, time: Option<Timestamp>) -> Vec<String> {
    if report.understood == 0 {
        return Vec::new();
    }
    let warnings = report.warnings();
    let (hints, others) = report.hints.split_at(report.hints.len().min(limits::WARNINGS));
    let more = (!others.is_empty()).then(|| format!("{} more such lines", others.len()));
    let warnings = warnings.iter().map(|line| (WARNING, line));
    let lines = warnings.chain(hints.iter().chain(&more).map(|line| (INFORMATION, line)));
    lines.map(|(priority, line)| entry(time, priority, line)).collect()
}

/// The fields of an entry. A line end would end its message.
fn entry(time: Option<Timestamp>, priority: u32, line: &str) -> String {
    let time = time.map(|time| format!("__REALTIME_TIMESTAMP={}\n", time.0 / 1000)).unwrap_or_default();
    let line = line.replace('\n', " ");
    format!("{time}PRIORITY={priority}\nSYSLOG_IDENTIFIER=strace2pcap\nMESSAGE=strace2pcap: {line}\n")
}

#[cfg(test)]
mod tests {
    use super::super::Loss;
    use super::super::keys::LossKey;
    use super::*;

    #[test]
    fn each_warning_is_an_entry_and_what_helps_another_kind() {
        let mut report = Report { understood: 1, ..Report::default() };
        report.lose(Loss::new(LossKey::Cut, 2, "[payload was|payloads were] cut").cure("-s"));
        (0..9).for_each(|number| report.hint(format!("-d\n{number}")));
        let told = entries(&report, Some(Timestamp(5_000_001)));
        assert_eq!(
            told[0],
            "__REALTIME_TIMESTAMP=5000\nPRIORITY=4\nSYSLOG_IDENTIFIER=strace2pcap\nMESSAGE=strace2pcap: 2 payloads were cut: -s\n"
        );
        let last = "PRIORITY=6\nSYSLOG_IDENTIFIER=strace2pcap\nMESSAGE=strace2pcap: 3 more such lines\n";
        assert_eq!((told.len(), entries(&report, None).last().map(String::as_str)), (8, Some(last)));
        assert!(told[1].ends_with("MESSAGE=strace2pcap: -d 0\n"), "{told:?}");
        report.understood = 0;
        assert!(entries(&report, None).is_empty());
    }
}
