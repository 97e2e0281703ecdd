#!/bin/sh
# The capture of a running program on standard output, packet by packet, for a program that reads it there.
set -eu

usage() {
    cat <<'END'
usage: strace2pcap-pipe.sh [CONVERTER OPTIONS] "STRACE ARGS" | READER
       strace2pcap-pipe.sh [CONVERTER OPTIONS] -- COMMAND [ARGUMENT...] | READER

  strace2pcap-pipe.sh "-p 1234" | tcpdump -A -r -
  strace2pcap-pipe.sh "curl http://localhost/" | wireshark -k -i -
  strace2pcap-pipe.sh --capture-unix-socket -- docker ps | tshark -r -

Words in front that begin with '--' are converter options, with their values, as long as more words follow.
The traced command's own standard output goes to standard error, so that nothing but the capture is in the pipe.
The capture is pcapng; --format=pcap makes it classic. Everything else is as in strace2pcap.sh -h.
END
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
'')
    usage >&2
    exit 2
    ;;
esac
if [ -t 1 ]; then
    echo "strace2pcap-pipe.sh: standard output is a terminal: send it to a reader, '| tcpdump -A -r -'" >&2
    exit 2
fi
exec "$(dirname -- "$(readlink -f -- "$0")")/strace2pcap.sh" --script=pipe "$@"
