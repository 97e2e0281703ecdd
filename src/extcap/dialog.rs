//! The sentences that make Wireshark's list and dialog (doc/extcap_example.py and extcap(4) of Wireshark). 4.0 knows no
//! `editselector`, so ids are a text of their own beside the list.

use super::INTERFACE;
use super::picker::Choice;

/// The link type of our captures.
pub const LINK_TYPES: &str = "dlt {number=1}{name=EN10MB}{display=Ethernet}";

/// The value that means no process of the list.
pub const NONE: &str = "0";

/// The number of the argument that is the list of processes.
const LIST: u32 = 2;

/// Who we are.
pub fn interfaces() -> String {
    format!(
        "extcap {{version={}}}{{help={}}}{{display=strace2pcap}}\n\
         interface {{value={INTERFACE}}}{{display=Sockets of a process (strace)}}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY")
    )
}

/// What is asked of a person, in the order of the dialog.
const ARGUMENTS: [&str; 15] = [
    "{number=0}{call=--host}{display=On the host, by ssh}{tooltip=Empty is this machine. There strace is needed, and nothing of ours; keys, no password: nobody is asked}{type=string}{placeholder=this machine}{group=What to trace}",
    "{number=1}{call=--via}{display=or started by}{tooltip=What strace is started by: docker exec -i NAME, sudo -n, kubectl exec -i POD --, nsenter -t PID -n}{type=string}{placeholder=docker exec -i web}{group=What to trace}",
    "{number=2}{call=--process}{display=Process}{tooltip=Processes that have sockets and may be traced; each with those it has made. Of another host after Refresh}{type=selector}{reload=true}{placeholder=Refresh}{save=false}{group=What to trace}",
    "{number=3}{call=--pids}{display=or process ids}{tooltip=Several, with commas between them}{type=string}{validation=^[0-9, ]*$}{group=What to trace}",
    "{number=4}{call=--run}{display=or start a command}{tooltip=Run by sh; it stands above the processes}{type=string}{placeholder=curl -s http://localhost:8080/}{group=What to trace}",
    "{number=5}{call=--unix}{display=UNIX sockets}{tooltip=As TCP conversations}{type=boolean}{default=true}{group=What to show}",
    "{number=6}{call=--unix-names}{display=UNIX sockets named}{tooltip=Only those with such a name}{type=string}{placeholder=/run/app*.sock}{group=What to show}",
    "{number=7}{call=--pipes}{display=Pipes and FIFOs}{tooltip=As TCP conversations from the writer to the reader}{type=boolean}{default=false}{group=What to show}",
    "{number=8}{call=--pipes-names}{display=Pipes and FIFOs named}{type=string}{placeholder=/run/app/*}{group=What to show}",
    "{number=9}{call=--seed-http2}{display=Seed HTTP/2}{tooltip=Begin conversations joined midway so that they can be decoded}{type=boolean}{default=false}{group=What to show}",
    "{number=10}{call=--seed-grpc}{display=and gRPC in it}{type=boolean}{default=false}{group=What to show}",
    "{number=11}{call=--no-net}{display=No IPv4 and IPv6}{type=boolean}{default=false}{group=What to show}",
    "{number=12}{call=--ports}{display=Only these ports}{tooltip=With commas, or ranges}{type=string}{placeholder=80,8000-8010}{validation=^[0-9, -]*$}{group=What to show}",
    "{number=13}{call=--exclude-pids}{display=Without processes}{tooltip=Ids, with commas}{type=string}{validation=^[0-9, ]*$}{group=What to show}",
    "{number=14}{call=--keylog}{display=TLS keys}{tooltip=A file of this machine (SSLKEYLOGFILE). Keys that a traced program writes to a file are found without it}{type=fileselect}{mustexist=true}{group=What to show}",
];

/// Whether a box is ticked before anybody has changed it.
pub fn is_on_unasked(name: &str) -> bool {
    let call = format!("{{call={name}}}");
    ARGUMENTS.iter().any(|argument| argument.contains(&call) && argument.contains("{default=true}"))
}

/// The whole dialog.
pub fn config(choices: &[Choice]) -> String {
    let arguments = ARGUMENTS.map(|argument| format!("arg {argument}\n"));
    arguments.concat() + &values(choices)
}

/// The list of processes, with the choice that means none, also where it is asked for anew.
pub fn values(choices: &[Choice]) -> String {
    let none =
        format!("value {{arg={LIST}}}{{value={NONE}}}{{display=none: the ids or the command below}}{{default=true}}\n");
    let value =
        |choice: &Choice| format!("value {{arg={LIST}}}{{value={}}}{{display={}}}\n", choice.pid, plain(&choice.text));
    none + &choices.iter().map(value).collect::<String>()
}

/// A text inside of braces.
fn plain(text: &str) -> String {
    text.replace('{', "(").replace('}', ")").replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_whole() {
        let choice = Choice { pid: 7, text: "a {b}\\ c".into() };
        let text = config(&[choice]);
        for (line, number) in text.lines().zip(0..) {
            assert_eq!(line.matches('{').count(), line.matches('}').count(), "{line}");
            assert!(line.ends_with('}'), "{line}");
            if let Some(rest) = line.strip_prefix("arg {number=") {
                assert!(rest.starts_with(&format!("{number}}}{{call=--")), "{line}");
                assert_eq!(rest.contains("{call=--process}"), number == LIST, "{line}");
                assert!(rest.contains("{display=") && rest.contains("{type=") && rest.contains("{group="), "{line}");
            }
        }
        let none = "value {arg=2}{value=0}{display=none: the ids or the command below}{default=true}\n";
        assert!(text.ends_with(&format!("{none}value {{arg=2}}{{value=7}}{{display=a (b)/ c}}\n")), "{text}");
        assert!(!text.contains("editselector"));
        assert!(interfaces().contains("\ninterface {value=strace2pcap}{display=Sockets of a process (strace)}"));
    }
}
