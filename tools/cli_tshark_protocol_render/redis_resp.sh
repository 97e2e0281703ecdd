#!/bin/sh
# Redis' commands and replies out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints whole Redis commands as MONITOR would, and their replies as redis-cli would.'
protocol=Redis
port=6379
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp redis_resp
