#!/bin/sh
# FastCGI requests and their output out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints whole FastCGI requests and replies: parameters, standard input, output and error.'
protocol=FastCGI
port=9000
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp fcgi
