# From tshark's fields to what a person reads: times, endpoints, bytes. Bytes are held as hex, two digits each; "??" is
# a byte that was sent but is not in the capture.

BEGIN {
    FS = "\t"
    digit = "0123456789abcdef"
    for (i = 0; i < 256; i++) {
        pair = substr(digit, int(i / 16) + 1, 1) substr(digit, i % 16 + 1, 1)
        byte[pair] = i
        if (i >= 32 && i < 127 || i == 9)
            ascii[pair] = sprintf("%c", i)
        if (i >= 128)
            high[pair] = sprintf("%c", i)
        if (i > 0)
            code[sprintf("%c", i)] = pair
    }
    for (unknown_run = "??"; length(unknown_run) < 512; )
        unknown_run = unknown_run unknown_run
    quoted["22"] = "\\\""
    quoted["5c"] = "\\\\"
    quoted["0a"] = "\\n"
    quoted["0d"] = "\\r"
    quoted["09"] = "\\t"
}

# The fields of one packet, as lib/render.sh asks for them.
function packet() {
    when = $1
    source = endpoint($5, $6, $9)
    target = endpoint($7, $8, $10)
    payload = $12
    gsub(/:/, "", payload)
    who = marking($2, $3, $4)
}

function endpoint(v4, v6, number) {
    return (v6 == "" ? v4 : "[" v6 "]") ":" number
}

# strace2pcap's marking: one address is a decimal pid, the other holds the call's number in its second byte, and the
# VLAN is the descriptor. docs/marking.md.
function marking(from, to, vlan,    pid, call) {
    sent = 0
    if (vlan == "" || from from !~ /^[0-9:]+$/ || to !~ /^[0-9:]+$/)
        return ""
    sent = substr(from, 1, 5) == "00:00"
    pid = sent ? from : to
    call = sent ? to : from
    if (substr(pid, 1, 5) != "00:00" || substr(call, 1, 2) != "00" || substr(call, 4, 2) == "00")
        return ""
    gsub(/:/, "", pid)
    return "  pid " decimal(pid) " fd " vlan
}

# A number with zeros in front, which some awks take for octal.
function decimal(number) {
    sub(/^0+/, "", number)
    return number + 0
}

# Seconds since 1970, with digits behind the point, as 2023-11-14T22:13:20.000001Z.
function utc(epoch,    point, fraction, seconds, days, era, doe, yoe, doy, mp, year, month) {
    point = index(epoch, ".")
    fraction = point ? substr(epoch, point + 1) : ""
    seconds = point ? substr(epoch, 1, point - 1) : epoch
    fraction = short_fraction(fraction)
    days = int(seconds / 86400)
    seconds -= days * 86400
    # Howard Hinnant's days-to-civil: years begin in March, eras are 400 years.
    days += 719468
    era = int(days / 146097)
    doe = days - era * 146097
    yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
    doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100))
    mp = int((5 * doy + 2) / 153)
    month = mp < 10 ? mp + 3 : mp - 9
    year = yoe + era * 400 + (month <= 2)
    return sprintf("%04d-%02d-%02dT%02d:%02d:%02d", year, month, doy - int((153 * mp + 2) / 5) + 1, \
        int(seconds / 3600), int(seconds / 60) % 60, seconds % 60) (fraction == "" ? "" : "." fraction) "Z"
}

# later - earlier in seconds, without rounding through large numbers.
function difference(later, earlier,    a, b, seconds, nanos) {
    split(later, a, ".")
    split(earlier, b, ".")
    seconds = a[1] - b[1]
    nanos = decimal(substr(a[2] "000000000", 1, 9)) - decimal(substr(b[2] "000000000", 1, 9))
    if (nanos < 0 && seconds > 0) {
        nanos += 1000000000
        seconds--
    } else if (nanos < 0 || seconds < 0)
        return "-" difference(earlier, later)
    return sprintf("%d.", seconds) short_fraction(sprintf("%09d", nanos))
}

# Nine digits of a second, or six where the last three say nothing.
function short_fraction(fraction) {
    return length(fraction) == 9 && substr(fraction, 7) == "000" ? substr(fraction, 1, 6) : fraction
}

# The line above a packet's messages; once a packet.
function heading() {
    if (!headed)
        print utc(when) " " source " -> " target who
    headed = 1
}

# `count` bytes as text from the hex digit `at` on, or as many as there are: a count often comes from the other end. In
# quotes: one line, with escapes. Otherwise CR LF and LF end lines. Bytes that would steer a terminal or reorder its
# text are shown as \xHH, other UTF-8 as it is.
function text(hex, at, count, in_quotes,    end, pair, out, missing, more, k) {
    end = within(hex, at, count)
    out = ""
    while (at < end) {
        pair = substr(hex, at, 2)
        if (in_quotes && pair in quoted)
            out = out quoted[pair]
        else if (pair in ascii)
            out = out ascii[pair]
        else if (pair == "0a")
            out = out "\n"
        else if (pair == "0d" && substr(hex, at + 2, 2) == "0a" && at + 2 < end)
            ;
        else if (pair == "??") {
            missing = 1
            while (at + 514 < end && substr(hex, at + 2, 512) == unknown_run) {
                at += 512
                missing += 256
            }
            while (at + 2 < end && substr(hex, at + 2, 2) == "??") {
                at += 2
                missing++
            }
            out = out "[" missing " bytes not in the capture]"
        } else if (pair in high && (more = utf8_more(hex, at, end))) {
            for (k = 0; k <= more; k++)
                out = out high[substr(hex, at + 2 * k, 2)]
            at += 2 * more
        } else
            out = out "\\x" pair
        at += 2
        if (length(out) > 200) {
            printf "%s", out
            out = ""
        }
    }
    printf "%s", out
    return pair
}

# The digit behind `count` bytes from `at` on, or behind the last that there is.
function within(hex, at, count,    end) {
    end = at + 2 * count
    return end > length(hex) + 1 ? length(hex) + 1 : end
}

# How many bytes follow the first of a well-formed UTF-8 character that may be printed; 0 where there is none.
function utf8_more(hex, at, end,    first, second, count, k) {
    first = byte[substr(hex, at, 2)]
    count = first < 194 ? 0 : first < 224 ? 1 : first < 240 ? 2 : first < 245 ? 3 : 0
    if (count == 0 || at + 2 * count >= end)
        return 0
    for (k = 1; k <= count; k++) {
        second = byte[substr(hex, at + 2 * k, 2)]
        if (second < 128 || second > 191)
            return 0
    }
    second = byte[substr(hex, at + 2, 2)]
    # longer than need be, surrogates, above U+10FFFF
    if (first == 224 && second < 160 || first == 237 && second > 159 || first == 240 && second < 144 || first == 244 && second > 143)
        return 0
    return steers(substr(hex, at, 2 * count + 2)) ? 0 : count
}

# Whether a character is a C1 control, a mark of direction (with which text reads in another order than it is), or
# something without a width.
function steers(hex) {
    if (hex < "c2a0" || hex == "c2ad" || hex == "d89c")
        return 1
    if (length(hex) == 6)
        return hex == "e1a08e" || hex >= "e2808b" && hex <= "e2808f" || hex >= "e280a8" && hex <= "e280ae" || \
            hex >= "e281a0" && hex <= "e281af" || hex == "efbbbf" || hex >= "efbfb9" && hex <= "efbfbb"
    return hex >= "f3a08080" && hex <= "f3a0bfbf"
}

# Whole lines of text: ends with a line end whatever the bytes end with.
function lines(hex, at, count) {
    if (count > 0 && text(hex, at, count, 0) != "0a")
        print ""
}

# The bytes as a plain string, for words that are compared. Short ones only.
function word(hex, at, count,    end, out) {
    end = within(hex, at, count)
    out = ""
    for (; at < end; at += 2)
        out = out (substr(hex, at, 2) in ascii ? ascii[substr(hex, at, 2)] : "?")
    return out
}

function big_endian(hex, at, count,    value) {
    for (value = 0; count > 0; count--) {
        value = value * 256 + byte[substr(hex, at, 2)]
        at += 2
    }
    return value
}

function little_endian(hex, at, count,    value) {
    for (value = 0; count > 0; count--)
        value = value * 256 + byte[substr(hex, at + 2 * (count - 1), 2)]
    return value
}

# A number of the protocol's text: -1 when it is none, or has more digits than any length has.
function whole_number(digits) {
    return digits ~ /^[0-9]+$/ && length(digits) < 16 ? digits + 0 : -1
}

# list[name, 1] to list[name, count] joined, and forgotten. In pairs: one by one, each would be copied again for every
# one behind it.
function join(list, name, count,    i, half, whole) {
    while (count > 1) {
        half = int((count + 1) / 2)
        for (i = 1; i <= half; i++)
            list[name, i] = list[name, 2 * i - 1] (2 * i <= count ? list[name, 2 * i] : "")
        for (; i <= count; i++)
            delete list[name, i]
        count = half
    }
    whole = count ? list[name, 1] : ""
    delete list[name, 1]
    return whole
}

# Where CR LF begins at or after the hex digit `at`; 0 if it is not there.
function line_end(hex, at,    found, window) {
    while ((found = index(window = substr(hex, at, 400), "0d0a")) || length(window) == 400) {
        if (found % 2 == 1)
            return at + found - 1
        at += found ? found : 396
    }
    return 0
}
