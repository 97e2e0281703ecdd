#!/bin/sh
# Records what a program says on its sockets: strace2pcap --run and --attach with the arguments of before.
set -eu

usage() {
    cat <<'END'
usage: strace2pcap.sh [CONVERTER OPTIONS] OUT "STRACE ARGS"
       strace2pcap.sh [CONVERTER OPTIONS] OUT -- COMMAND [ARGUMENT...]

  strace2pcap.sh out.pcap "-p 1234"                 a running process
  strace2pcap.sh out.pcap "curl http://localhost/"  a command
  strace2pcap.sh out.pcap -- curl -H 'A: b c' URL   arguments that hold blanks
  strace2pcap.sh --capture-unix-socket out.pcapng "-p 1234"

OUT is the capture: NAME.pcapng is pcapng, any other name classic pcap; '-' is pcapng on standard output, and the
traced command's own standard output then goes to standard error.

One argument after OUT is split at blanks and nothing else is read into it: no quotes, no wildcards. Two or more are
handed to strace as they are. They follow strace2pcap's own options, so another -s or -e trace= given there wins.

What starts with '-' before OUT goes to the converter (strace2pcap --help).
Exit status: strace's, which is the traced command's; 1 if no capture could be made, 2 for wrong usage, 127 if strace
or strace2pcap is missing.
Environment: STRACE2PCAP names the converter, if it is neither beside this script, in ../target/release, nor on PATH.
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
case $1 in
--script=*) ;;
*) set -- --script=file "$@" ;;
esac
tools=$(dirname -- "$(readlink -f -- "$0")")
for binary in "${STRACE2PCAP:-$tools/strace2pcap}" "${STRACE2PCAP:-$tools/../target/release/strace2pcap}" \
    "${STRACE2PCAP:-strace2pcap}"; do
    if command -v -- "$binary" >/dev/null; then
        exec "$binary" "$@"
    fi
done
echo "strace2pcap.sh: no strace2pcap beside this script, in ../target/release or on PATH: build it with 'cargo build --release'" >&2
exit 127
