# statsd: a datagram holds one or more metrics, a line each.
{
    packet()
    headed = 0
    heading()
    lines(payload, 1, length(payload) / 2)
    print ""
}
