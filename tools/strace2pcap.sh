#!/bin/sh
# Records what a program says on its sockets: runs strace with the options a capture needs and hands its trace to
# strace2pcap while the program runs.
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
handed to strace as they are. They follow this script's own options, so another -s or -e trace= given there wins.

What starts with '-' before OUT goes to the converter (strace2pcap --help); write values with '=': --view=syscall.
Exit status: strace's, which is the traced command's; 2 for wrong usage, 127 if strace or strace2pcap is missing.
Environment: STRACE2PCAP names the converter, if it is neither beside this script, in ../target/release, nor on PATH.
END
}

fail() {
    printf 'strace2pcap.sh: %s\n' "$2" >&2
    exit "$1"
}

# One word for /bin/sh, whatever it holds.
quote() {
    printf '%s\n' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"
}

converter() {
    tools=$(dirname -- "$(readlink -f -- "$0")")
    if [ -n "${STRACE2PCAP:-}" ]; then
        found=$STRACE2PCAP
    elif [ -x "$tools/strace2pcap" ]; then
        found=$tools/strace2pcap
    elif [ -x "$tools/../target/release/strace2pcap" ]; then
        found=$tools/../target/release/strace2pcap
    else
        found=$(command -v strace2pcap) || return 1
    fi
    command -v -- "$found"
}

options=
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    -) break ;;
    -*)
        options="$options $(quote "$1")"
        shift
        ;;
    *) break ;;
    esac
done
if [ $# -lt 2 ]; then
    usage >&2
    exit 2
fi
command -v strace >/dev/null || fail 127 "strace is not installed (Debian, Ubuntu: apt-get install strace; Fedora: dnf install strace)"
binary=$(converter) || fail 127 "no strace2pcap beside this script, in ../target/release or on PATH: build it with 'cargo build --release'"
command="$(quote "$binary")$options -- $(quote "$1")"
out=$1
shift

if [ $# -eq 1 ]; then
    set -f
    # shellcheck disable=SC2086 # splitting is what one argument means
    set -- $1
    set +f
fi

# What strace has to trace depends on the converter's options; those that make no sense end here, before anything runs.
calls=$(eval "$(quote "$binary")$options --calls" </dev/null) || exit

# strace starts the converter with its own standard output, and the traced command with the same one. For a capture on
# standard output the converter gets the real one as descriptor 9 and everybody else writes to standard error.
if [ "$out" = - ]; then
    exec 9>&1 1>&2
    command="$command >&9 9>&-"
fi
exec strace -f -s 1048576 -ttt -T -yy -xx -e "$calls" -o "! $command" "$@"
