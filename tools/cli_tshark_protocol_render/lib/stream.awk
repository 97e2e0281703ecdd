# Puts TCP segments in order and cuts each direction into messages. A protocol file brings one function:
#
#   message(flow)  looks at held[flow], calls heading() and prints what it finds, and returns the number of hex digits
#                  that its first message took: 0 when more is needed (it may say how much in need[flow]), -1 when
#                  these bytes are no message of this protocol. It sets `doubtful` where the message could be one of
#                  another protocol's as well.
#
# and sees: request (1 towards the port), conversation (the same for both directions), when, source, target. It brings
# finish(), called at the end, and forget(flow), called when the held bytes are given up. A message() that walks over
# many parts sets those behind it aside with set_aside(), and has them before held[flow] again by put_back().
#
# A length that the other end sends is no reason to wait for ever, nor to hold more than there is: bytes wait as the
# segments they came in, those that the capture does not have as a count, until the message is whole. A flow is one direction of one connection. In the syscall view (ack 0) with both
# ends traced every byte is there twice, once for each end, so there the traced end is part of the flow's name.

BEGIN {
    # Hex digits of the longest message: MongoDB's may have 48 MB, and whoever sends more to Redis wants no text of it.
    most = 200000000
}

{
    packet()
    request = $10 in is_port
    # ports equal: the lower address asks
    if ($9 == $10)
        request = source < target
    raw = $14 + 0 == 0
    conversation = $11 (raw && who != "" ? (sent ? source : target) : "")
    flow = conversation (request ? ">" : "<")
    segment($13 + 0, $15 + 0)
}

END {
    for (i = 1; i <= flows; i++) {
        flow = flow_name[i]
        while (waiting[flow] > 0)
            jump()
        let_go()
    }
    finish()
    outcome()
}

# One segment of `length_` bytes at `seq`, of which `payload` holds what was captured.
function segment(seq, length_,    ahead) {
    if (!(flow in next_seq)) {
        flow_name[++flows] = flow
        next_seq[flow] = seq
    }
    remember()
    ahead = seq - next_seq[flow]
    if (ahead > 2147483648)
        ahead -= 4294967296
    else if (ahead < -2147483648)
        ahead += 4294967296
    if (ahead > 0 && !raw && ahead < 16777216) {
        hold(seq, length_)
        if (waiting[flow] > 64)
            jump()
    } else if (ahead == 0)
        deliver(seq, length_)
    else if (ahead < 0 && !raw && ahead > -16777216) {
        # sent again: only what is new counts
        if (length_ + ahead > 0) {
            payload = substr(payload, 1 - 2 * ahead)
            deliver(next_seq[flow], length_ + ahead)
        }
    } else {
        let_go()
        remember()
        deliver(seq, length_)
    }
    release()
}

# What the heading of this flow's next message shows.
function remember() {
    last_when[flow] = when
    last_source[flow] = source
    last_target[flow] = target
    last_who[flow] = who
    last_conversation[flow] = conversation
    last_request[flow] = request
}

function recall() {
    when = last_when[flow]
    source = last_source[flow]
    target = last_target[flow]
    who = last_who[flow]
    conversation = last_conversation[flow]
    request = last_request[flow]
    headed = 0
}

# A segment that came too early waits.
function hold(seq, length_) {
    if (!((flow, seq) in early_length) || early_length[flow, seq] < length_) {
        if (!((flow, seq) in early_length))
            early[flow, ++waiting[flow]] = seq
        early_length[flow, seq] = length_
        early_payload[flow, seq] = payload
    }
}

# Delivers the early segments whose turn has come.
function release(    i, seq, length_, found) {
    do {
        found = 0
        for (i = 1; i <= waiting[flow] && !found; i++) {
            seq = early[flow, i]
            found = seq == next_seq[flow] || behind(seq, next_seq[flow])
        }
        if (found) {
            length_ = early_length[flow, seq]
            payload = early_payload[flow, seq]
            delete early_length[flow, seq]
            delete early_payload[flow, seq]
            early[flow, i - 1] = early[flow, waiting[flow]]
            delete early[flow, waiting[flow]]
            waiting[flow]--
            if (seq == next_seq[flow])
                deliver(seq, length_)
            else if (behind(next_seq[flow], (seq + length_) % 4294967296)) {
                i = (next_seq[flow] - seq + 4294967296) % 4294967296
                payload = substr(payload, 1 + 2 * i)
                deliver(next_seq[flow], length_ - i)
            }
        }
    } while (found)
}

function behind(a, b) {
    return (b - a + 4294967296) % 4294967296 > 0 && (b - a + 4294967296) % 4294967296 < 2147483648
}

# Goes on behind bytes that never came.
function jump(    i, seq) {
    seq = early[flow, 1]
    for (i = 2; i <= waiting[flow]; i++)
        if (behind(early[flow, i], seq))
            seq = early[flow, i]
    let_go()
    next_seq[flow] = seq
    release()
}

# The next bytes of a flow, in order; prints the messages they complete.
function deliver(seq, length_,    used) {
    headed = 0
    next_seq[flow] = (seq + length_) % 4294967296
    piece[flow, ++pieces[flow]] = payload
    lacking[flow, pieces[flow]] = 2 * length_ - length(payload)
    total[flow] += 2 * length_
    while (total[flow] > 0 && total[flow] >= need[flow]) {
        gather()
        need[flow] = 0
        doubtful = 0
        used = message(flow)
        if (used > 0) {
            messages += !doubtful
            held[flow] = substr(held[flow], used + 1)
            total[flow] = length(held[flow])
        } else if (used < 0 || need[flow] + aside_total[flow] > most || total[flow] + aside_total[flow] >= most)
            let_go()
        else
            break
    }
    if (headed)
        print ""
}

# Joins what has come to held[flow].
function gather(    i) {
    if (!pieces[flow])
        return
    for (i = 1; i <= pieces[flow]; i++) {
        if (lacking[flow, i] > 0)
            piece[flow, i] = piece[flow, i] unknown(lacking[flow, i])
        delete lacking[flow, i]
    }
    held[flow] = held[flow] join(piece, flow, pieces[flow])
    pieces[flow] = 0
    total[flow] = length(held[flow])
}

function unknown(digits,    out) {
    for (out = "????????"; length(out) < digits; )
        out = out out
    return substr(out, 1, digits)
}

# Takes the first digits from held[flow]; they need not be looked at until the message is whole.
function set_aside(digits) {
    if (digits <= 0)
        return
    aside[flow, ++asides[flow]] = substr(held[flow], 1, digits)
    aside_total[flow] += digits
    held[flow] = substr(held[flow], digits + 1)
    total[flow] -= digits
}

function put_back() {
    if (!asides[flow])
        return
    held[flow] = join(aside, flow, asides[flow]) held[flow]
    total[flow] += aside_total[flow]
    asides[flow] = aside_total[flow] = 0
}

# Shows the bytes that make no whole message and forgets them.
function let_go() {
    gather()
    put_back()
    if (length(held[flow]) > 0) {
        recall()
        heading()
        print "[" length(held[flow]) / 2 " bytes that are no whole message]"
        lines(held[flow], 1, length(held[flow]) / 2)
        print ""
        headed = 0
    }
    held[flow] = ""
    total[flow] = need[flow] = 0
    forget(flow)
}
