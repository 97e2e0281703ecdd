# Redis RESP 2 and 3. A request is shown as MONITOR shows it, a reply as redis-cli does.
#
# A value is finished when nothing is open: an aggregate of n opens n more. The count and the place reached are kept
# per flow, so that a long reply is walked once however many segments it comes in.

function message(flow,    at) {
    if (!(flow in open)) {
        open[flow] = 1
        reached[flow] = 1
    }
    while (open[flow] > 0) {
        at = step(flow, reached[flow])
        if (at <= 0)
            return at
        reached[flow] = at
    }
    at = reached[flow] - 1
    forget(flow)
    heading()
    if (request)
        command(flow)
    else
        reply(flow, 1, "", "", "\n")
    return at
}

# Walks over one element's own bytes: where the next begins, 0 when more is needed, -1 when this is no RESP.
function step(flow, at,    end, type, count) {
    if (at > length(held[flow]))
        return 0
    type = kind(flow, at)
    end = line_end(held[flow], at)
    if (type == "")
        return -1
    if (!end)
        return (length(held[flow]) - at) > 1000000 ? -1 : 0
    count = type == "inline" ? 0 : word(held[flow], at + 2, min(40, (end - at) / 2 - 1)) + 0
    if (type == "bulk" && count >= 0) {
        if (length(held[flow]) < end + 3 + 2 * (count + 2)) {
            need[flow] = end + 3 + 2 * (count + 2)
            return 0
        }
        end += 2 * (count + 2)
    } else if (type == "array" && count > 0)
        open[flow] += count
    else if (type == "map")
        open[flow] += 2 * count
    else if (type == "attribute")
        open[flow] += 2 * count + 1
    open[flow]--
    return end + 4
}

function kind(flow, at,    sign) {
    sign = substr(held[flow], at, 2)
    if (sign == "24" || sign == "3d" || sign == "21")
        return "bulk"
    if (sign == "2a" || sign == "7e" || sign == "3e")
        return "array"
    if (sign == "25")
        return "map"
    if (sign == "7c")
        return "attribute"
    if (sign == "2b" || sign == "2d" || sign == "3a" || sign == "2c" || sign == "5f" || sign == "23" || sign == "28")
        return "line"
    return request && (sign in ascii) ? "inline" : ""
}

function min(a, b) {
    return a < b ? a : b
}

function command(flow,    at, end, left, count) {
    if (kind(flow, 1) != "array") {
        lines(held[flow], 1, (line_end(held[flow], 1) - 1) / 2)
        return
    }
    end = line_end(held[flow], 1)
    left = word(held[flow], 3, min(40, (end - 3) / 2)) + 0
    for (at = end + 4; left > 0; left--) {
        end = line_end(held[flow], at)
        count = kind(flow, at) == "bulk" ? word(held[flow], at + 2, min(40, (end - at) / 2 - 1)) + 0 : 0
        printf "\""
        text(held[flow], end + 4, count, 1)
        printf "\"%s", (left > 1 ? " " : "\n")
        at = end + 4 + (kind(flow, at) == "bulk" ? 2 * (count + 2) : 0)
    }
    if (count == "")
        print "[an empty command]"
}

# Prints the value at `at`; `first` goes before its first line, `margin` before each other one, `last` after a value
# that is one line. Returns what follows it.
function reply(flow, at, first, margin, last,    sign, type, end, count, i, number, mark, width) {
    sign = substr(held[flow], at, 2)
    type = kind(flow, at)
    end = line_end(held[flow], at)
    printf "%s", first
    if (type == "line") {
        if (sign == "5f")
            printf "(nil)"
        else if (sign == "23")
            printf "(%s)", substr(held[flow], at + 2, 2) == "74" ? "true" : "false"
        else {
            printf "%s", (sign == "2d" ? "(error) " : sign == "3a" ? "(integer) " : sign == "2c" ? "(double) " : "")
            text(held[flow], at + 2, (end - at) / 2 - 1, 1)
        }
        printf "%s", last
        return end + 4
    }
    count = word(held[flow], at + 2, min(40, (end - at) / 2 - 1)) + 0
    if (count < 0) {
        printf "(nil)%s", last
        return end + 4
    }
    if (type == "bulk") {
        printf sign == "21" ? "(error) " : "\""
        text(held[flow], end + 4, count, 1)
        printf "%s%s", (sign == "21" ? "" : "\""), last
        return end + 4 + 2 * (count + 2)
    }
    if (count == 0)
        printf "%s%s", (type == "array" ? sign == "7e" ? "(empty set)" : "(empty array)" : "(empty hash)"), last
    at = end + 4
    width = length(count "")
    for (i = 1; i <= count; i++) {
        number = (i == 1 ? "" : margin) sprintf("%" width "d", i) (type != "array" ? "# " : sign == "7e" ? "~ " : ") ")
        if (type == "array")
            at = reply(flow, at, number, margin blanks(width + 2), "\n")
        else {
            mark = margin blanks(width + 2)
            at = reply(flow, at, number, mark, " =>")
            number = kind(flow, at) == "array" || kind(flow, at) == "map" ? "\n" mark : " "
            at = reply(flow, at, number, mark, "\n")
        }
    }
    return type == "attribute" ? reply(flow, at, margin, margin, last) : at
}

function blanks(count) {
    return sprintf("%" count "s", "")
}

function forget(flow) {
    delete open[flow]
    delete reached[flow]
}

function finish() {}
