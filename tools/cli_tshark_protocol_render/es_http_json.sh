#!/bin/sh
# Elasticsearch's HTTP requests and replies out of a capture.
# shellcheck disable=SC2034 # lib/render.sh reads what is set here
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
about='Prints HTTP requests and replies with their whole bodies, unchunked and unzipped: Elasticsearch, or any JSON over HTTP.'
protocol=HTTP
port=9200
# shellcheck disable=SC1091 # checked by itself
. "$here/lib/render.sh"
start "$@"
render_tcp http_json
