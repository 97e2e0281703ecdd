# HTTP/1 with bodies that are text: the start line, what says how to read the body, and the whole body, unchunked and
# unzipped.

function message(flow,    end, at, first, header, name, value, size, chunked, coding, body, method) {
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
        if (name == "content-length")
            size = value + 0
        else if (name == "transfer-encoding")
            chunked = tolower(value) ~ /chunked/
        else if (name == "content-encoding")
            coding = tolower(value)
    }
    at += 4
    method = request ? "" : asked[conversation, answered[conversation] + 1]
    if (!request && (first ~ /^[^ ]+ (1..|204|304)/ || method == "HEAD") || request && size < 0)
        size = chunked && request ? -1 : 0

    if (chunked && size != 0) {
        body = unchunk(flow, at)
        if (body == "")
            return 0
        at = chunks_end
        body = substr(body, 2)
    } else if (size < 0) {
        # The body lasts until the connection closes; let_go() shows it then.
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

# The joined chunks behind an "=", or "" when more is needed. Sets chunks_end. Goes on where it stopped.
function unchunk(flow, at,    end, size, i, line) {
    if (!(flow in chunk_at)) {
        chunk_at[flow] = at
        chunks[flow] = "="
    }
    while ((end = line_end(held[flow], chunk_at[flow]))) {
        line = tolower(word(held[flow], chunk_at[flow], (end - chunk_at[flow]) / 2))
        size = 0
        for (i = 1; (at = index(digit, substr(line, i, 1))) && i <= length(line); i++)
            size = size * 16 + at - 1
        if (length(held[flow]) < end + 3 + 2 * (size + 2)) {
            if (size > 0)
                need[flow] = end + 3 + 2 * (size + 2)
            else if (end + 4 <= length(held[flow]))
                need[flow] = length(held[flow]) + 2
            return ""
        }
        if (size == 0) {
            # trailers end at an empty line
            for (at = end + 4; (end = line_end(held[flow], at)) > at; at = end + 4)
                ;
            if (!end)
                return ""
            chunks_end = end + 4
            line = chunks[flow]
            delete chunks[flow]
            delete chunk_at[flow]
            return line
        }
        chunks[flow] = chunks[flow] substr(held[flow], end + 4, 2 * size)
        chunk_at[flow] = end + 4 + 2 * (size + 2)
    }
    return ""
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
    # awk cannot write every byte everywhere; printf of a shell can.
    system("")
    command = "sh | gzip -dc 2>/dev/null | tr -d '\\000-\\010\\013-\\037\\177' | awk 1"
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
    delete chunks[flow]
}

function finish() {}
