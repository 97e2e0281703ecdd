#!/bin/sh
# memcached's requests and replies out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints whole memcache requests and replies, values included, text protocol and binary.'
protocol=memcache
port=11211
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp memcache
