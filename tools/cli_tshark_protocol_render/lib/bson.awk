# MongoDB's messages and BSON. wire() looks at a message's header; document() prints a document as JSON in MongoDB's
# shell notation.

BEGIN {
    operation[1] = "OP_REPLY"
    operation[2001] = "OP_UPDATE"
    operation[2002] = "OP_INSERT"
    operation[2004] = "OP_QUERY"
    operation[2005] = "OP_GET_MORE"
    operation[2006] = "OP_DELETE"
    operation[2007] = "OP_KILL_CURSORS"
    operation[2012] = "OP_COMPRESSED"
    operation[2013] = "OP_MSG"
    split("noop snappy zlib zstd", compressor, " ")
}

# Sets size (in hex digits), request_id, response_to and opcode from the first message of a flow. Returns 0 when more is
# needed, -1 when this is no such message.
function wire(flow) {
    if (length(held[flow]) < 32)
        return 0
    size = 2 * little_endian(held[flow], 1, 4)
    request_id = little_endian(held[flow], 9, 4)
    response_to = little_endian(held[flow], 17, 4)
    opcode = little_endian(held[flow], 25, 4)
    if (!(opcode in operation) || size < 32 || size > 2 * 100000000)
        return -1
    if (length(held[flow]) < size) {
        need[flow] = size
        return 0
    }
    return size
}

# Where the first document of the message begins: 0 if it has none that can be read.
function first_document(hex,    at, end) {
    if (opcode == 2013) {
        for (at = 41; at < size; at = end) {
            if (substr(hex, at, 2) == "00")
                return at + 2
            end = at + 2 + 2 * little_endian(hex, at + 2, 4)
            if (end <= at + 2)
                return 0
        }
        return 0
    }
    if (opcode == 2004)
        return cstring_end(hex, 41, size + 1) + 16
    if (opcode == 1 && little_endian(hex, 65, 4) > 0)
        return 73
    return 0
}

# The digit after the zero that ends a string, or after `end`.
function cstring_end(hex, at, end) {
    while (at < end && substr(hex, at, 2) != "00")
        at += 2
    return at + 2
}

# What follows the document at `at`; 0 if there is none that ends by `limit`.
function document_end(hex, at, limit,    end) {
    end = at + 2 * little_endian(hex, at, 4)
    return end < at + 10 || end > limit || substr(hex, end - 2, 2) != "00" ? 0 : end
}

# Prints the document at `at`, which ends by `limit`. Returns what follows it, or 0 if its bytes are no BSON. Documents
# within it are on a stack of its own: MongoDB allows a hundred and more, and awk's calls do not go as deep everywhere.
function document(hex, at, limit,    whole, depth, ends, is_array, first, type, name, end) {
    whole = document_end(hex, at, limit)
    if (!whole) {
        printf "[no BSON]"
        return 0
    }
    printf "{"
    depth = first = 1
    ends[1] = whole - 2
    is_array[1] = 0
    at += 8
    while (depth > 0) {
        if (at >= ends[depth]) {
            printf "%s", (is_array[depth] ? "]" : "}")
            at = ends[depth--] + 2
            first = 0
            continue
        }
        printf "%s", (first ? "" : ", ")
        first = 0
        type = substr(hex, at, 2)
        name = at + 2
        at = cstring_end(hex, name, ends[depth])
        if (!is_array[depth]) {
            printf "\""
            text(hex, name, (at - name) / 2 - 1, 1)
            printf "\": "
        }
        if (type == "03" || type == "04") {
            if ((end = document_end(hex, at, ends[depth]))) {
                ends[++depth] = end - 2
                is_array[depth] = type == "04"
                first = 1
                printf "%s", (is_array[depth] ? "[" : "{")
                at += 8
                continue
            }
            at = 0
        } else
            at = element(hex, at, type, ends[depth])
        if (!at || at > ends[depth]) {
            printf "[no BSON]"
            at = ends[depth]
        }
    }
    return whole
}

# Prints a value that ends by `limit` and holds no others. Returns what follows it; 0 if there is no such value.
function element(hex, at, type, limit,    count, end) {
    if (at + 2 * smallest(type) > limit)
        return 0
    if (type == "01") {
        printf "%s", double(hex, at)
        return at + 16
    }
    if (type == "02" || type == "0d" || type == "0e") {
        count = little_endian(hex, at, 4)
        if (count < 1 || at + 8 + 2 * count > limit)
            return 0
        printf "\""
        text(hex, at + 8, count - 1, 1)
        printf "\""
        return at + 8 + 2 * count
    }
    if (type == "05") {
        count = little_endian(hex, at, 4)
        if (at + 10 + 2 * count > limit)
            return 0
        printf "BinData(%d, \"%s\")", byte[substr(hex, at + 8, 2)], (count <= 200 ? substr(hex, at + 10, 2 * count) : substr(hex, at + 10, 400) "...")
        return at + 10 + 2 * count
    }
    if (type == "07") {
        printf "ObjectId(\"%s\")", substr(hex, at, 24)
        return at + 24
    }
    if (type == "08") {
        printf "%s", (substr(hex, at, 2) == "01" ? "true" : "false")
        return at + 2
    }
    if (type == "09") {
        count = integer64(hex, at)
        if (count ~ /^[0-9]+$/ && length(count) > 3 && length(count) < 15)
            printf "ISODate(\"%s\")", utc(substr(count, 1, length(count) - 3) "." substr(count, length(count) - 2))
        else
            printf "Date(%s)", count
        return at + 16
    }
    if (type == "0b") {
        end = cstring_end(hex, at, limit)
        printf "/"
        text(hex, at, (end - at) / 2 - 1, 1)
        printf "/"
        at = cstring_end(hex, end, limit)
        text(hex, end, (at - end) / 2 - 1, 1)
        return at
    }
    if (type == "10") {
        count = little_endian(hex, at, 4)
        printf "%.0f", (count > 2147483647 ? count - 4294967296 : count)
        return at + 8
    }
    if (type == "11") {
        printf "Timestamp(%.0f, %.0f)", little_endian(hex, at + 8, 4), little_endian(hex, at, 4)
        return at + 16
    }
    if (type == "12") {
        printf "NumberLong(%s)", integer64(hex, at)
        return at + 16
    }
    if (type == "13") {
        printf "NumberDecimal(0x%s)", substr(hex, at, 32)
        return at + 32
    }
    if (type == "06" || type == "0a" || type == "ff" || type == "7f") {
        printf "%s", (type == "06" ? "undefined" : type == "0a" ? "null" : type == "ff" ? "MinKey" : "MaxKey")
        return at
    }
    return 0
}

# How many bytes a value has at least.
function smallest(type) {
    if (type == "01" || type == "09" || type == "11" || type == "12")
        return 8
    if (type == "02" || type == "0d" || type == "0e" || type == "05")
        return 5
    return type == "07" ? 12 : type == "08" ? 1 : type == "0b" ? 2 : type == "10" ? 4 : type == "13" ? 16 : 0
}

# Eight little-endian bytes as a decimal number, exactly: awk's own numbers end at 2^53.
function integer64(hex, at,    i, one, carry, high_, mid, low, sign) {
    sign = byte[substr(hex, at + 14, 2)] > 127
    carry = 1
    high_ = mid = low = 0
    if (sign)
        for (i = 0; i < 8; i++) {
            one = 255 - byte[substr(hex, at + 2 * i, 2)] + carry
            carry = one > 255
            complement[i] = one % 256
        }
    for (i = 7; i >= 0; i--) {
        low = low * 256 + (sign ? complement[i] : byte[substr(hex, at + 2 * i, 2)])
        mid = mid * 256 + int(low / 10000000)
        high_ = high_ * 256 + int(mid / 10000000)
        low %= 10000000
        mid %= 10000000
    }
    if (high_ > 0)
        return (sign ? "-" : "") sprintf("%.0f%07.0f%07.0f", high_, mid, low)
    return (sign ? "-" : "") (mid > 0 ? sprintf("%.0f%07.0f", mid, low) : sprintf("%.0f", low))
}

# IEEE 754, eight bytes, little-endian.
function double(hex, at,    exponent, fraction, value) {
    exponent = byte[substr(hex, at + 14, 2)] % 128 * 16 + int(byte[substr(hex, at + 12, 2)] / 16)
    fraction = little_endian(hex, at, 6) + byte[substr(hex, at + 12, 2)] % 16 * 281474976710656
    if (exponent == 2047)
        value = fraction > 0 ? "NaN" : "Infinity"
    else {
        value = fraction / 4503599627370496 + (exponent > 0)
        for (; exponent > 1023; exponent--)
            value *= 2
        for (exponent += exponent == 0; exponent < 1023; exponent++)
            value /= 2
        exponent = sprintf("%.15g", value)
        value = exponent + 0 == value ? exponent : sprintf("%.17g", value)
    }
    return (byte[substr(hex, at + 14, 2)] > 127 ? "-" : "") value
}

function forget(flow) {}
