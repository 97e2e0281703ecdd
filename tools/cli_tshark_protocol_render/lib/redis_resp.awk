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
        if (at <= 0) {
            need[flow] -= need[flow] ? reached[flow] - 1 : 0
            set_aside(reached[flow] - 1)
            reached[flow] = 1
            return at
        }
        reached[flow] = at
    }
    at = reached[flow] - 1 + aside_total[flow]
    put_back()
    forget(flow)
    heading()
    # a line of any text protocol reads as an inline command
    doubtful = kind(flow, 1) == "inline"
    if (request)
        command(flow)
    else
        reply(flow)
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
    if (type != "inline" && type != "line" && (count = announced(flow, at, end)) == "")
        return -1
    if (type == "bulk" && count >= 0) {
        if (length(held[flow]) < end + 3 + 2 * (count + 2)) {
            need[flow] = end + 3 + 2 * (count + 2)
            return 0
        }
        end += 2 * (count + 2)
    } else if (type == "array" && count > 0)
        open[flow] += count
    else if (type == "map" && count > 0)
        open[flow] += 2 * count
    else if (type == "attribute")
        open[flow] += 2 * count * (count > 0) + 1
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

# The length or count on the line from `at` to `end`; -1 for "none", "" if it is no number.
function announced(flow, at, end,    count) {
    count = word(held[flow], at + 2, (end - at) / 2 - 1 < 40 ? (end - at) / 2 - 1 : 40)
    if (count == "-1")
        return -1
    count = whole_number(count)
    return count < 0 ? "" : count
}

function command(flow,    at, end, left, count) {
    if (kind(flow, 1) != "array") {
        lines(held[flow], 1, (line_end(held[flow], 1) - 1) / 2)
        return
    }
    end = line_end(held[flow], 1)
    left = announced(flow, 1, end)
    for (at = end + 4; left > 0; left--) {
        end = line_end(held[flow], at)
        count = kind(flow, at) == "bulk" ? announced(flow, at, end) : 0
        printf "\""
        text(held[flow], end + 4, count, 1)
        printf "\"%s", (left > 1 ? " " : "\n")
        at = end + 4 + (kind(flow, at) == "bulk" && count >= 0 ? 2 * (count + 2) : 0)
    }
    if (count == "")
        print "[an empty command]"
}

# Prints the value that held[flow] begins with. An aggregate's number of values yet to come, and the like, are on a
# stack of its own: awk's calls do not go as deep everywhere as the other end likes to nest.
function reply(flow,    at, end, count, depth, first, margin, last, left, place, sort, indent, behind_, width) {
    at = 1
    depth = 0
    first = margin = ""
    last = "\n"
    for (;;) {
        # `first` goes before the value's first line, `margin` before each other one, `last` behind a value of one line
        printf "%s", first
        end = line_end(held[flow], at)
        count = kind(flow, at) == "line" || kind(flow, at) == "bulk" ? -1 : announced(flow, at, end)
        if (count < 0) {
            at = single(flow, at, end)
            printf "%s", last
        } else {
            depth++
            sort[depth] = substr(held[flow], at, 2)
            indent[depth] = margin
            behind_[depth] = last
            place[depth] = 0
            left[depth] = kind(flow, at) == "array" ? count : 2 * count
            width[depth] = length(count "")
            if (count == 0)
                printf "%s%s", empty(sort[depth]), last
            at = end + 4
        }
        while (depth > 0 && left[depth] == 0 && sort[depth] != "7c")
            depth--
        if (depth == 0)
            return
        if (left[depth] == 0) {
            # what the attribute is about
            first = margin = indent[depth]
            last = behind_[depth]
            depth--
            continue
        }
        left[depth]--
        margin = deeper(indent[depth], width[depth] + 2)
        if (is_pairs(sort[depth]) && left[depth] % 2 == 0) {
            first = kind(flow, at) == "array" || kind(flow, at) == "map" ? "\n" margin : " "
            last = "\n"
        } else {
            first = (place[depth]++ ? indent[depth] : "") sprintf("%" width[depth] "d", place[depth]) mark(sort[depth])
            last = is_pairs(sort[depth]) ? " =>" : "\n"
        }
    }
}

function is_pairs(sign) {
    return sign == "25" || sign == "7c"
}

function mark(sign) {
    return is_pairs(sign) ? "# " : sign == "7e" ? "~ " : ") "
}

function empty(sign) {
    return is_pairs(sign) ? "(empty hash)" : sign == "7e" ? "(empty set)" : "(empty array)"
}

# A margin with `count` blanks more. It does not grow with every level that the other end opens.
function deeper(margin, count) {
    return length(margin) > 100 ? margin : margin sprintf("%" count "s", "")
}

# Prints a value that holds no others; returns what follows it.
function single(flow, at, end,    sign, count) {
    sign = substr(held[flow], at, 2)
    if (kind(flow, at) == "line") {
        if (sign == "5f")
            printf "(nil)"
        else if (sign == "23")
            printf "(%s)", (substr(held[flow], at + 2, 2) == "74" ? "true" : "false")
        else {
            printf "%s", (sign == "2d" ? "(error) " : sign == "3a" ? "(integer) " : sign == "2c" ? "(double) " : "")
            text(held[flow], at + 2, (end - at) / 2 - 1, 1)
        }
        return end + 4
    }
    count = announced(flow, at, end)
    if (count < 0) {
        printf "(nil)"
        return end + 4
    }
    printf "%s", (sign == "21" ? "(error) " : "\"")
    text(held[flow], end + 4, count, 1)
    printf "%s", (sign == "21" ? "" : "\"")
    return end + 4 + 2 * (count + 2)
}

function forget(flow) {
    delete open[flow]
    delete reached[flow]
}

function finish() {}
