#!/bin/sh
# How long MongoDB's queries took, out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints a line for each MongoDB query: its time, the time of its reply, the seconds between, the endpoints, the operation.'
protocol=MongoDB
port=27017
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp bson mongo_q_timings
