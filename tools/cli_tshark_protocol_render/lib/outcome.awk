# What a run comes to: which ports the capture has, and a word where nothing of the protocol was printed. The script
# ends with status 1 then, and where tshark did not read the capture to its end.

BEGIN {
    listed = 12
    port_count = split(port, port_name, " ")
    for (i = 1; i <= port_count; i++)
        is_port[port_name[i]] = 1
}

# the last line: tshark's exit status
$1 == "status" {
    tshark_status = $2
    next
}

{
    if ($9 != "")
        count_ports(transport, $9, $10, $11)
    if ($16 != "")
        count_ports(transport == "TCP" ? "UDP" : "TCP", $16, $17, $18)
}

!($9 in is_port) && !($10 in is_port) { next }

{ on_port++ }

# A port is of interest for each stream that it is in. Those for one use say nothing where the other end's is none.
function count_ports(kind_, from, to, stream_) {
    if ((kind_, stream_) in is_counted)
        return
    is_counted[kind_, stream_] = 1
    streams_at[kind_, from]++
    if (to != from)
        streams_at[kind_, to]++
    if (from >= 32768 && to < 32768)
        is_other_end[kind_, from] = 1
    if (to >= 32768 && from < 32768)
        is_other_end[kind_, to] = 1
}

# The ports of a transport, those of most streams first, as "TCP on 80, 443"; "" if there are none.
function ports_of(kind_,    number_, list, n, best, one) {
    list = ""
    for (n = 0; n <= listed; n++) {
        best = ""
        for (number_ in streams_at) {
            split(number_, one, SUBSEP)
            if (one[1] != kind_ || streams_at[number_] == 1 && (number_ in is_other_end))
                continue
            if (best == "" || streams_at[number_] > streams_at[kind_, best] || \
                streams_at[number_] == streams_at[kind_, best] && one[2] + 0 < best + 0)
                best = one[2]
        }
        if (best == "")
            break
        list = list (n == 0 ? kind_ " on " : ", ") (n < listed ? best : "…")
        delete streams_at[kind_, best]
    }
    return list
}

function outcome(    problem, on, tcp, udp) {
    if (messages > 0 && !tshark_status)
        exit 0
    on = port_count > 1 ? "ports" : "port"
    for (i = 1; i <= port_count; i++)
        on = on (i > 1 ? " and " : " ") port_name[i]
    if (messages > 0)
        problem = "tshark could not read all of " ENVIRON["RENDER_NAME"] "; what is above is what it read"
    else {
        tcp = ports_of("TCP")
        udp = ports_of("UDP")
        if (tcp udp == "")
            problem = ENVIRON["RENDER_NAME"] " has no TCP or UDP payload" (tshark_status ? " that tshark can read" : "") \
                ". Is it a capture? A trace of strace's becomes one by: strace2pcap OUTPUT TRACE"
        else
            problem = "no " (on_port ? "whole " ENVIRON["RENDER_PROTOCOL"] " message" : transport " payload") " on " on " in " \
                ENVIRON["RENDER_NAME"] "; there is " tcp (tcp != "" && udp != "" ? "; " : "") udp \
                ". PORT is the second argument"
    }
    # Standard output first: the message stands below what was printed.
    system("")
    print ENVIRON["RENDER_SCRIPT"] ": " problem | "cat >&2"
    close("cat >&2")
    exit 1
}
