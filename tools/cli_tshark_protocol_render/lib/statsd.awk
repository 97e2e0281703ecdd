# statsd: a datagram holds one or more metrics, a line each.
{
    packet()
    headed = 0
    heading()
    lines(payload, 1, length(payload) / 2)
    print ""
    # name:value|type, and what has grown beside it (_e{5,4}:title|text, _sc|name|0)
    messages += word(payload, 1, 500) ~ /^[^|]+\|/
}

END { outcome() }
