#!/bin/sh
# memcached's requests and replies out of a capture.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck disable=SC2034 # lib/render.sh reads both
about='Prints whole memcache requests and replies, values included, text protocol and binary.'
# shellcheck disable=SC2034
port=11211
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp memcache
