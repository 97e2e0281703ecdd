# What the scripts beside this directory share: the command line, and tshark's part. Each of them sets `here`, `about`,
# `protocol` and `port` (several may be meant) and calls one of the two functions at the end.
#
# Exit status: 0 when a message was printed and the capture was read to its end, 2 for a mistake on the command line,
# 1 for everything else.
# shellcheck shell=sh disable=SC2154

usage() {
    cat <<END
usage: ${0##*/} CAPTURE [PORT]
$about
CAPTURE is a file, or - for standard input.
Times are UTC. pid and fd are shown where the capture has strace2pcap's marking. PORT is $(printf %s "$port" | sed 's/ / and /g') unless given.
END
}

# Ends with a message; $1 is the exit status.
fail() {
    status=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$status"
}

# Ends because of a mistake on the command line.
refuse() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    usage >&2
    exit 2
}

# What stands in $1 as it can be printed.
printable() {
    RENDER_NAME=$1 LC_ALL=C awk -f "$here/lib/text.awk" -f "$here/lib/name.awk" </dev/null
}

start() {
    case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    esac
    [ $# -ge 1 ] || refuse 'no capture was given'
    [ $# -le 2 ] || refuse 'one CAPTURE and one PORT at most; a name with blanks needs quotes'
    if [ $# -eq 2 ]; then
        case $2 in
        '' | *[!0-9]* | ??????*) refuse 'PORT, the second argument, must be a number from 1 to 65535' ;;
        esac
        if [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
            refuse 'PORT, the second argument, must be a number from 1 to 65535'
        fi
        port=$2
    fi
    capture=$1
    name=$(printable "$capture")
    if [ "$capture" = - ]; then
        name='standard input'
        [ ! -t 0 ] || refuse 'standard input is a terminal: it holds no capture'
    elif [ ! -e "$capture" ]; then
        case $capture in
        '') refuse 'the name of the capture is empty' ;;
        -*) refuse "there is no option and no file $name" ;;
        *[!0-9]*) fail 1 "cannot read $name: there is no such file" ;;
        *) fail 1 "cannot read $name: there is no such file; CAPTURE comes first, then PORT" ;;
        esac
    elif [ -d "$capture" ]; then
        fail 1 "cannot read $name: it is a directory"
    elif [ ! -r "$capture" ]; then
        fail 1 "cannot read $name: permission denied"
    elif [ -f "$capture" ] && [ ! -s "$capture" ]; then
        fail 1 "$name is empty: it is no capture"
    fi
    command -v tshark >/dev/null ||
        fail 1 'tshark is not installed (Debian, Ubuntu: apt-get install tshark; Fedora: dnf install wireshark-cli)'
}

# One line a packet, tab-separated, and a last one with tshark's exit status. Whatever TCP and UDP carry is left as it
# came, so that no dissector's opinion is in it, and none unzips what the other end made to unzip to gigabytes. $1 is the transport that is shown; of the other, only the ports are there.
fields() {
    # What tshark has to say goes to standard error, where no name of a file may steer the terminal.
    {
        {
            status=0
            tshark -n -r "$capture" -d tcp.port==0-65535,data -d udp.port==0-65535,data \
                -Y '(tcp.len > 0 || udp.length > 8) && !icmp && !icmpv6' -T fields -E separator=/t -E occurrence=f -e frame.time_epoch \
                -e eth.src -e eth.dst -e vlan.id -e ip.src -e ipv6.src -e ip.dst -e ipv6.dst \
                -e "$1.srcport" -e "$1.dstport" -e "$1.stream" -e "$1.payload" -e tcp.seq_raw -e tcp.ack_raw -e tcp.len \
                -e "$2.srcport" -e "$2.dstport" -e "$2.stream" 2>&1 >&3 || status=$?
            printf 'status\t%d\n' "$status" >&3
        } | LC_ALL=C awk -f "$here/lib/text.awk" -f "$here/lib/complaints.awk" >&2
    } 3>&1
}

# What is awk's part: the files of lib/ named, over the fields, for the ports that are meant. The names go through the
# environment, where awk takes them as they are.
render() {
    left=$#
    for file; do
        set -- "$@" -f "$here/lib/$file.awk"
    done
    shift "$left"
    RENDER_LIB="$here/lib" RENDER_NAME="$name" RENDER_SCRIPT="${0##*/}" RENDER_PROTOCOL="$protocol" LC_ALL=C \
        awk -v port="$port" -v transport="$transport" -f "$here/lib/text.awk" -f "$here/lib/outcome.awk" "$@"
}

# TCP streams in order, cut into messages by the named files of lib/.
render_tcp() {
    transport=TCP
    fields tcp udp | render stream "$@"
}

# UDP datagrams, each shown whole.
render_udp() {
    transport=UDP
    fields udp tcp | render "$1"
}
