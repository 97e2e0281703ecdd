# HTTP/1 with bodies that are text: the start line, what says how to read the body, and the whole body, unchunked and
# unzipped.

function message(flow,    end, at, first, header, name, value, size, chunked, coding, body, method) {
    if ((flow in chunk_at) && (end = pass_chunks(flow)) <= 0)
        return end
    # the header ends at an empty line
    if (!(flow in header_from))
        header_from[flow] = 1
    for (at = header_from[flow]; (end = line_end(held[flow], at)) > at; at = end + 4)
        header_from[flow] = at
    if (!end)
        return length(held[flow]) > 200000 ? -1 : 0
    delete header_from[flow]

    end = line_end(held[flow], 1)
    first = word(held[flow], 1, (end - 1) / 2)
    if (first !~ (request ? "^[A-Z]+ .* HTTP/1" : "^HTTP/1"))
        return -1
    size = -1
    for (at = end + 4; (end = line_end(held[flow], at)) > at; at = end + 4) {
        header = word(held[flow], at, (end - at) / 2)
        name = tolower(substr(header, 1, index(header, ":") - 1))
        value = substr(header, index(header, ":") + 1)
        gsub(/^[ \t]+|[ \t]+$/, "", value)
        if (name == "content-length") {
            if ((size = whole_number(value)) < 0)
                return -1
        } else if (name == "transfer-encoding")
            chunked = tolower(value) ~ /chunked/
        else if (name == "content-encoding")
            coding = tolower(value)
    }
    at += 4
    method = request ? "" : asked[conversation, answered[conversation] + 1]
    if (!request && (first ~ /^[^ ]+ (1..|204|304)/ || method == "HEAD") || request && size < 0)
        size = chunked && request ? -1 : 0

    if (chunked && size != 0) {
        if (!(flow in chunks_end)) {
            chunk_at[flow] = at
            if ((end = pass_chunks(flow)) <= 0)
                return end
        }
        body = unchunked(flow, at)
        at = chunks_end[flow]
        delete chunks_end[flow]
    } else if (size < 0) {
        # The body lasts until the connection closes; let_go() shows it then.
        messages++
        need[flow] = most
        return 0
    } else {
        if (length(held[flow]) < at - 1 + 2 * size) {
            need[flow] = at - 1 + 2 * size
            return 0
        }
        body = substr(held[flow], at, 2 * size)
        at += 2 * size
    }
    if (request)
        asked[conversation, ++questions[conversation]] = substr(first, 1, index(first, " ") - 1)
    else if (first !~ /^[^ ]+ 1../)
        delete asked[conversation, ++answered[conversation]]
    heading()
    print first
    show(body, coding)
    return at - 1
}

# Walks over the chunks at chunk_at[flow], and sets aside what is behind it. 1 once all are there: chunks_end[flow] is
# the digit behind the last, with everything in held[flow] again; 0 when more is needed, -1 when these are no chunks.
function pass_chunks(flow,    at, end, size) {
    while ((end = line_end(held[flow], chunk_at[flow]))) {
        size = chunk_size(flow, chunk_at[flow], end)
        if (size < 0)
            return -1
        if (size == 0) {
            # trailers end at an empty line
            for (at = end + 4; (end = line_end(held[flow], at)) > at; at = end + 4)
                ;
            if (!end)
                break
            chunks_end[flow] = end + 4 + aside_total[flow]
            delete chunk_at[flow]
            put_back()
            return 1
        }
        if (length(held[flow]) < end + 3 + 2 * (size + 2)) {
            need[flow] = end + 4 + 2 * (size + 2) - chunk_at[flow]
            break
        }
        chunk_at[flow] = end + 4 + 2 * (size + 2)
    }
    set_aside(chunk_at[flow] - 1)
    chunk_at[flow] = 1
    return !need[flow] && length(held[flow]) > 200000 ? -1 : 0
}

# The size that the line from `at` to `end` gives; -1 if it is none.
function chunk_size(flow, at, end,    line, i, size, one) {
    line = tolower(word(held[flow], at, (end - at) / 2 < 40 ? (end - at) / 2 : 40))
    size = 0
    for (i = 1; i <= length(line) && (one = index(digit, substr(line, i, 1))); i++)
        size = size * 16 + one - 1
    return i == 1 || i > 13 ? -1 : size
}

# The chunks from `at` on, joined. All are there.
function unchunked(flow, at,    end, size, count) {
    for (count = 0; (size = chunk_size(flow, at, end = line_end(held[flow], at))) > 0; at = end + 4 + 2 * (size + 2))
        chunk[flow, ++count] = substr(held[flow], end + 4, 2 * size)
    return join(chunk, flow, count)
}

function show(body, coding,    command, at, out, n) {
    if (body == "")
        return
    if (coding == "" || coding == "identity") {
        lines(body, 1, length(body) / 2)
        return
    }
    if (coding !~ /^(x-)?gzip$/ || index(body, "??")) {
        print "[" length(body) / 2 " bytes, Content-Encoding: " coding "]"
        return
    }
    # awk cannot write every byte everywhere; printf of a shell can. Nor can it read every byte: od makes hex of them.
    system("")
    # The last reads on where the others have seen enough, so that print meets no closed pipe.
    command = "sh | { gzip -dc 2>/dev/null | od -An -v -tx1 | awk -f \"$RENDER_LIB/text.awk\" -f \"$RENDER_LIB/unzipped.awk\"; cat >/dev/null; }"
    for (at = 1; at <= length(body); at = n) {
        out = ""
        for (n = at; n < at + 256 && n <= length(body); n += 2)
            out = out sprintf("\\%03o", byte[substr(body, n, 2)])
        print "printf '" out "'" | command
    }
    close(command)
}

function forget(flow) {
    delete header_from[flow]
    delete chunk_at[flow]
    delete chunks_end[flow]
}

function finish() {}
