#!/bin/sh
# MongoDB's messages out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints whole MongoDB messages, their documents in the notation of its shell.'
protocol=MongoDB
port=27017
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp bson mongo
