# FastCGI: records of at most 64 KiB. PARAMS, STDIN, STDOUT, STDERR and DATA are streams cut into records; each is shown
# whole, at its end, with the time of the record that ended it.

BEGIN {
    split("BEGIN_REQUEST ABORT_REQUEST END_REQUEST PARAMS STDIN STDOUT STDERR DATA GET_VALUES GET_VALUES_RESULT UNKNOWN_TYPE", \
        type_name, " ")
    split("RESPONDER AUTHORIZER FILTER", role_name, " ")
    split("CANT_MPX_CONN OVERLOADED UNKNOWN_ROLE", refusal, " ")
}

function message(flow,    type, id, count, whole, name) {
    if (length(held[flow]) < 16)
        return 0
    type = byte[substr(held[flow], 3, 2)]
    if (substr(held[flow], 1, 2) != "01" || type < 1 || type > 11)
        return -1
    id = big_endian(held[flow], 5, 2)
    count = big_endian(held[flow], 9, 2)
    whole = 16 + 2 * (count + byte[substr(held[flow], 13, 2)])
    if (length(held[flow]) < whole) {
        need[flow] = whole
        return 0
    }
    name = type_name[type]
    if (type >= 4 && type <= 8) {
        if (count > 0)
            collect(flow, id, name, substr(held[flow], 17, 2 * count))
        else
            show(flow, id, name)
        return whole
    }
    if (type == 3) {
        # A responder may leave its streams' empty last records out.
        show(flow, id, "STDOUT")
        show(flow, id, "STDERR")
    }
    heading()
    printf "request %d %s", id, name
    if (type == 1) {
        count = big_endian(held[flow], 17, 2)
        print " " (count in role_name ? role_name[count] : "role " count) (byte[substr(held[flow], 21, 2)] % 2 ? ", keep the connection" : "")
    } else if (type == 3) {
        count = byte[substr(held[flow], 25, 2)]
        print " status " big_endian(held[flow], 17, 4) (count in refusal ? ", " refusal[count] : "")
    } else {
        print ""
        if (type == 9 || type == 10)
            pairs(substr(held[flow], 17, 2 * count))
        else
            lines(held[flow], 17, count)
    }
    return whole
}

function collect(flow, id, name, hex) {
    if (!((flow, id, name) in parts))
        unfinished[flow, ++streams[flow]] = id SUBSEP name
    body[flow, id, name, ++parts[flow, id, name]] = hex
}

# Shows a stream, if there is anything in it.
function show(flow, id, name,    hex) {
    if (!((flow, id, name) in parts))
        return
    hex = join(body, flow SUBSEP id SUBSEP name, parts[flow, id, name])
    delete parts[flow, id, name]
    heading()
    print "request " id " " name " (" length(hex) / 2 " bytes)"
    if (name == "PARAMS")
        pairs(hex)
    else
        lines(hex, 1, length(hex) / 2)
}

# Name-value pairs: two lengths of one byte, or of four with the top bit set, then both texts. What does not fit into
# the bytes there are is no pair.
function pairs(hex,    at, n, from, lengths, size) {
    for (from = 1; from < length(hex); from = at) {
        at = from
        for (n = 1; n <= 2; n++) {
            size = byte[substr(hex, at, 2)] < 128 ? 1 : 4
            lengths[n] = big_endian(hex, at, size) - (size == 4 ? 2147483648 : 0)
            at += 2 * size
        }
        if (at + 2 * (lengths[1] + lengths[2]) > length(hex) + 1) {
            print "[" (length(hex) + 1 - from) / 2 " bytes that are no pair: its lengths are " sprintf("%.0f and %.0f", lengths[1], lengths[2]) "]"
            lines(hex, from, (length(hex) + 1 - from) / 2)
            return
        }
        text(hex, at, lengths[1], 1)
        printf "="
        text(hex, at + 2 * lengths[1], lengths[2], 1)
        print ""
        at += 2 * (lengths[1] + lengths[2])
    }
}

# Streams that never ended are shown as far as they came.
function forget(flow,    i, part) {
    for (i = 1; i <= streams[flow]; i++) {
        split(unfinished[flow, i], part, SUBSEP)
        if ((flow, part[1], part[2]) in parts) {
            recall()
            show(flow, part[1], part[2])
            print ""
        }
    }
    streams[flow] = 0
    headed = 0
}

function finish() {}
