#!/bin/sh
# statsd's metrics out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints every UDP datagram to or from PORT, with its time and endpoints: statsd metrics, a line each.'
protocol=statsd
port='8125 9125'
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_udp statsd
