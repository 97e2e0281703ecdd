# MongoDB: every message with its numbers and its documents.

function message(flow,    used, hex, at, end) {
    used = wire(flow)
    if (used <= 0)
        return used
    heading()
    hex = substr(held[flow], 1, size)
    printf "%s request %.0f", operation[opcode], request_id
    if (response_to > 0)
        printf " response to %.0f", response_to
    if (opcode == 2012) {
        at = byte[substr(hex, 49, 2)]
        print ": " operation[little_endian(hex, 33, 4)] ", " little_endian(hex, 41, 4) " bytes, compressed with " \
            (at + 1 in compressor ? compressor[at + 1] : "method " at)
        return used
    }
    print ""
    if (opcode == 2013)
        sections(hex)
    else {
        if (opcode == 2004 || opcode == 2002 || opcode == 2001 || opcode == 2005 || opcode == 2006) {
            end = cstring_end(hex, 41, size + 1)
            text(hex, 41, (end - 41) / 2 - 1, 1)
            print ""
        } else
            end = 73
        # what stands between the name, or the reply's own header, and the first document
        at = opcode == 2004 ? end + 16 : opcode == 2001 || opcode == 2006 ? end + 8 : opcode == 2005 || opcode == 2007 ? size + 1 : end
        documents(hex, at, size + 1)
    }
    return used
}

# OP_MSG: flags, then sections: a document, or a named list of them. A checksum may follow.
function sections(hex,    flags, at, end, first, section_end) {
    flags = little_endian(hex, 33, 4)
    end = size + 1 - (flags % 2 ? 8 : 0)
    for (at = 41; at < end; ) {
        if (substr(hex, at, 2) == "00") {
            at = document(hex, at + 2, end)
            print ""
            if (!at)
                return
        } else {
            section_end = at + 2 + 2 * little_endian(hex, at + 2, 4)
            at += 10
            if (section_end <= at || section_end > end) {
                print "[no section of the message]"
                return
            }
            first = cstring_end(hex, at, section_end)
            text(hex, at, (first - at) / 2 - 1, 1)
            print ":"
            documents(hex, first, section_end)
            at = section_end
        }
    }
}

function documents(hex, at, end) {
    while (at > 0 && at < end) {
        at = document(hex, at, end)
        print ""
    }
}

function finish() {}
