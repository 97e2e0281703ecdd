#!/bin/sh
# FastCGI requests and their output out of a capture.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck disable=SC2034 # lib/render.sh reads both
about='Prints whole FastCGI requests and replies: parameters, standard input, output and error.'
# shellcheck disable=SC2034
port=9000
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp fcgi
