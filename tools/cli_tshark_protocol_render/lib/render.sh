# What the scripts beside this directory share: the command line, and tshark's part. Each of them sets `here`, `about`
# and `port` and calls one of the two functions at the end.
# shellcheck shell=sh disable=SC2154

usage() {
    cat <<END
usage: ${0##*/} CAPTURE [PORT]
$about
Times are UTC. pid and fd are shown where the capture has strace2pcap's marking. PORT is $port unless given.
END
}

start() {
    case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    esac
    case $#,${2:-0} in
    1,* | 2,*[0-9]) ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    case ${2:-0} in
    *[!0-9]*)
        usage >&2
        exit 2
        ;;
    esac
    capture=$1
    port=${2:-$port}
    if ! command -v tshark >/dev/null; then
        echo "${0##*/}: tshark is not installed (Debian, Ubuntu: apt-get install tshark; Fedora: dnf install wireshark-cli)" >&2
        exit 127
    fi
    if [ "$capture" != - ] && [ ! -r "$capture" ]; then
        echo "${0##*/}: cannot read $capture" >&2
        exit 1
    fi
}

# One line a packet, tab-separated. Transport fields come raw, so that no dissector's opinion is in them.
fields() {
    tshark -n -r "$capture" -Y "$1" -T fields -E separator=/t -E occurrence=f -e frame.time_epoch \
        -e eth.src -e eth.dst -e vlan.id -e ip.src -e ipv6.src -e ip.dst -e ipv6.dst \
        -e "$2.srcport" -e "$2.dstport" -e "$2.stream" -e "$2.payload" -e tcp.seq_raw -e tcp.ack_raw -e tcp.len
}

# TCP streams in order, cut into messages by the named files of lib/.
render_tcp() {
    left=$#
    for name; do
        set -- "$@" -f "$here/lib/$name.awk"
    done
    shift "$left"
    fields "tcp.port == $port && tcp.len > 0 && !icmp && !icmpv6" tcp |
        LC_ALL=C awk -v port="$port" -f "$here/lib/text.awk" -f "$here/lib/stream.awk" "$@"
}

# UDP datagrams, each shown whole.
render_udp() {
    fields "udp.port == $port && udp.length > 8 && !icmp && !icmpv6" udp |
        LC_ALL=C awk -v port="$port" -f "$here/lib/text.awk" -f "$here/lib/$1.awk"
}
