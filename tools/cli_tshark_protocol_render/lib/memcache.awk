# memcache: lines, some of them followed by a block of data; or the binary protocol with its 24-byte header.

BEGIN {
    names = "get set add replace delete increment decrement quit flush getq noop version getk getkq append prepend stat" \
        " setq addq replaceq deleteq incrementq decrementq quitq flushq appendq prependq verbosity touch gat gatq"
    split(names, opcode_name, " ")
    names = "get gets gat gats set add replace append prepend cas delete incr decr touch flush_all version verbosity stats" \
        " quit mn mg ms md ma me watch lru lru_crawler slabs cache_memlimit shutdown VALUE END STORED NOT_STORED EXISTS" \
        " NOT_FOUND DELETED TOUCHED OK ERROR CLIENT_ERROR SERVER_ERROR STAT VERSION RESET BUSY HD VA EN NF NS EX MN ME"
    for (i = split(names, part, " "); i > 0; i--)
        is_first_word[part[i]] = 1
}

function message(flow,    magic, end, count, data) {
    magic = substr(held[flow], 1, 2)
    if (magic == "80" || magic == "81")
        return binary(flow, magic == "80")
    end = line_end(held[flow], 1)
    if (!end)
        return length(held[flow]) > 16384 ? -1 : 0
    # Lines are short; only their first words say whether data follows.
    count = split(word(held[flow], 1, (end - 1) / 2 < 400 ? (end - 1) / 2 : 400), part, " ")
    data = -1
    if (request && part[1] ~ /^(set|add|replace|append|prepend|cas)$/ && count >= 5)
        data = part[5]
    else if (request && part[1] == "ms" && count >= 3)
        data = part[3]
    else if (!request && part[1] == "VALUE" && count >= 4)
        data = part[4]
    else if (!request && part[1] == "VA" && count >= 2)
        data = part[2]
    data = whole_number(data)
    end += 4
    if (data >= 0)
        end += 2 * (data + 2)
    if (length(held[flow]) < end - 1) {
        need[flow] = end - 1
        return 0
    }
    doubtful = !(part[1] in is_first_word)
    heading()
    lines(held[flow], 1, (end - 1) / 2)
    return end - 1
}

function binary(flow, is_request,    body, key, extras, name) {
    if (length(held[flow]) < 48)
        return 0
    key = big_endian(held[flow], 5, 2)
    extras = big_endian(held[flow], 9, 1)
    body = big_endian(held[flow], 17, 4)
    if (key + extras > body)
        return -1
    if (length(held[flow]) < 48 + 2 * body) {
        need[flow] = 48 + 2 * body
        return 0
    }
    heading()
    name = big_endian(held[flow], 3, 1)
    name = name + 1 in opcode_name ? opcode_name[name + 1] : "opcode " name
    printf "%s %s", (is_request ? "request" : "response"), name
    if (!is_request)
        printf " status %d", big_endian(held[flow], 13, 2)
    if (key > 0) {
        printf " key "
        text(held[flow], 49 + 2 * extras, key, 1)
    }
    print ""
    lines(held[flow], 49 + 2 * (extras + key), body - extras - key)
    return 48 + 2 * body
}

function forget(flow) {}
function finish() {}
