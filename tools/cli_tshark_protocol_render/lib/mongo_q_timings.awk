# MongoDB: queries paired with their replies.

function message(flow,    used, key) {
    used = wire(flow)
    if (used <= 0)
        return used
    if (request) {
        key = conversation SUBSEP request_id
        order[++queries] = key
        asked_at[key] = when
        line[key] = source " -> " target who " " summary(substr(held[flow], 1, size))
    } else {
        key = conversation SUBSEP response_to
        if (key in asked_at) {
            print utc(asked_at[key]) " " utc(when) " " difference(when, asked_at[key]) " " line[key]
            delete asked_at[key]
            delete line[key]
        }
    }
    return used
}

# What is asked for: a command and what it names, with its database; of old opcodes, the collection.
function summary(hex,    at, end, type, key, value, verb, collection, database) {
    at = first_document(hex)
    if (opcode == 2004)
        database = field_name(hex, 41, size + 1)
    if (!at)
        return operation[opcode] (opcode == 2012 ? " (compressed)" : "")
    if (opcode == 2004 && database !~ /\.\$cmd$/)
        return "query " database
    sub(/\.\$cmd$/, "", database)
    end = document_end(hex, at, size + 1)
    for (at += 8; at < end - 2; ) {
        type = substr(hex, at, 2)
        key = field_name(hex, at + 2, end)
        at = cstring_end(hex, at + 2, end)
        value = type == "02" ? word(hex, at + 8, shortened(little_endian(hex, at, 4) - 1)) : ""
        if (verb == "") {
            verb = key
            collection = value
        }
        if (key == "collection" && value != "" && verb == "getMore")
            collection = value
        if (key == "$db")
            database = value
        at = skip(hex, at, type, end)
        if (!at)
            break
    }
    return verb " " database (collection == "" ? "" : "." collection)
}

# A name of BSON's, for a line of its own.
function field_name(hex, at, end) {
    return word(hex, at, shortened((cstring_end(hex, at, end) - at) / 2 - 1))
}

# No name of MongoDB's is longer.
function shortened(count) {
    return count > 255 ? 255 : count
}

# The digit after a value of BSON's; 0 for types that do not occur at the top of a command.
function skip(hex, at, type, end) {
    if (type == "02" || type == "0d" || type == "0e")
        return at + 8 + 2 * little_endian(hex, at, 4)
    if (type == "03" || type == "04")
        return at + 2 * little_endian(hex, at, 4)
    if (type == "05")
        return at + 10 + 2 * little_endian(hex, at, 4)
    if (type == "07")
        return at + 24
    if (type == "08")
        return at + 2
    if (type == "0a" || type == "06")
        return at
    if (type == "0b")
        return cstring_end(hex, cstring_end(hex, at, end), end)
    if (type == "10")
        return at + 8
    if (type == "13")
        return at + 32
    return type == "01" || type == "09" || type == "11" || type == "12" ? at + 16 : 0
}

# Queries without a reply, which some are meant to be.
function finish(    i) {
    for (i = 1; i <= queries; i++)
        if (order[i] in asked_at)
            print utc(asked_at[order[i]]) " - - " line[order[i]]
}
