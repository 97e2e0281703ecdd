-- Who made a packet of strace2pcap's captures, as fields: strace.who, .pid, .tid, .comm, .fd, .call, .dir, .path; and who uses
-- either end of its conversation: strace.either.pid, .comm.
--
-- Three things in a capture tell it, and each is read where it is: the marking in MAC addresses and VLAN tag (the syscall
-- view), pcapng's flags and process blocks (Wireshark 4.6 reads those), and comments. What a comment tells once of a thread
-- or of a conversation's end holds for what follows. Wireshark 4.0 or later; as root 4.4 and later load no Lua, and say
-- nothing.

set_plugin_info({
    version = "1.0",
    author = "strace2pcap",
    description = "Process, thread, descriptor and system call of the packets of strace2pcap",
})

-- System calls by their numbers in the marking, from 1.
local CALLS = {
    "read", "write", "sendmsg", "recvmsg", "recvfrom", "sendto", "close", "readv", "writev", "sendmmsg", "recvmmsg",
    "send", "recv", "sendfile", "splice", "shutdown", "connect", "accept", "preadv", "pwritev", "preadv2", "pwritev2",
    "exit", "dup2", "execve", "vmsplice", "tee",
}

local strace = Proto("strace", "Process (strace)")
local out = {
    who = ProtoField.string("strace.who", "Who"),
    pid = ProtoField.uint32("strace.pid", "Process"),
    tid = ProtoField.uint32("strace.tid", "Thread"),
    comm = ProtoField.string("strace.comm", "Program"),
    fd = ProtoField.uint32("strace.fd", "Descriptor"),
    call = ProtoField.string("strace.call", "System call"),
    dir = ProtoField.string("strace.dir", "Direction"),
    path = ProtoField.string("strace.path", "Program's file"),
}
local either = {
    pid = ProtoField.uint32("strace.either.pid", "Process at either end"),
    comm = ProtoField.string("strace.either.comm", "Program at either end"),
}
strace.fields = { out.who, out.pid, out.tid, out.comm, out.fd, out.call, out.dir, out.path, either.pid, either.comm }

-- A field of this Wireshark; nil where it has none of that name.
local function field(name)
    local known, extractor = pcall(Field.new, name)
    return known and extractor or nil
end

local NAME, PID = "frame.darwin.process_info.pname", "frame.darwin.process_info.pid"
local block_name, block_pid = field(NAME), field(PID)

-- Before 4.6 Wireshark reads no process blocks. The columns of our profile and filters name its fields, so they are made
-- here, and filled with what is known.
local column = {}
if not (block_name and block_pid) then
    column = { comm = ProtoField.string(NAME, "Program, as Wireshark 4.6 has it"), pid = ProtoField.uint32(PID, "Process") }
    strace.fields = { column.comm, column.pid }
end

local source, target, vlan = field("eth.src"), field("eth.dst"), field("vlan.id")
local flags, comment = field("frame.packet_flags_direction"), field("frame.comment")
local stream, datagrams = field("tcp.stream"), field("udp.stream")

-- What comments have told: of threads, by number, and of directions of streams.
local threads, ends = {}, {}

-- Who has made packets of a conversation, the first ones: what is shown beside each of its packets.
local users, USERS = {}, 16

-- Each packet is dissected again whenever it is looked at, in any order: what was known at first stays with it. tshark's first
-- pass of two may show no fields at all: of that nothing stays.
local seen = {}

function strace.init()
    threads, ends, users, seen = {}, {}, {}, {}
end

-- The decimal digits in a MAC address: four of the call's and session's side, or the thread's twelve.
local function digits(address)
    local text = address.range:bytes():tohex():gsub("%X", "")
    return text:match("^%d+$") and text
end

-- What the marking tells: nil where a packet has none.
local function marking(dir)
    local from, to, fd = source(), target(), vlan()
    if not (from and to and fd) then
        return nil
    end
    from, to = digits(from), digits(to)
    if not (from and to) then
        return nil
    end
    -- The side that is not the thread's has the call in its second byte, or no call and a session, which is a small number.
    if not dir then
        local sent, received = tonumber(to:sub(3, 4)) > 0, tonumber(from:sub(3, 4)) > 0
        if sent == received then
            sent = tonumber(from) > tonumber(to)
        end
        dir = sent and "out" or "in"
    end
    local thread, session = from, to
    if dir == "in" then
        thread, session = to, from
    end
    return {
        tid = tonumber(thread), fd = fd.value, dir = dir,
        call = CALLS[tonumber(session:sub(3, 4))],
    }
end

-- The words `key=value` of a comment of ours, or nil: `curl[7] pid=7 tid=7 comm=curl fd=5 call=read path=/usr/bin/curl`.
local function words(text)
    if text:find("^read by ") then
        return nil
    end
    local found = {}
    for key, value in text:gmatch("(%l+)=(%S+)") do
        found[key] = value
    end
    found.path = text:match(" path=(.+)$")
    return found.pid and {
        pid = tonumber(found.pid), tid = tonumber(found.tid or found.pid), comm = found.comm,
        fd = tonumber(found.fd), call = found.call, path = found.path,
    }
end

local function direction()
    local value = flags() and flags().value
    return value == 2 and "out" or value == 1 and "in" or nil
end

-- Adds to `known` what it lacks and `more` has.
local function complete(known, more)
    for key, value in pairs(more or {}) do
        known[key] = known[key] or value
    end
end

-- The conversation of this packet, as a key; nil where it is of none.
local function conversation()
    local of_tcp, of_udp = stream(), datagrams()
    return of_tcp and "tcp" .. of_tcp.value or of_udp and "udp" .. of_udp.value or nil
end

-- Notes that a process uses a conversation.
local function note(known, at)
    local its = users[at] or {}
    users[at] = its
    for _, one in ipairs(its) do
        if one.pid == known.pid and one.comm == known.comm then
            return
        end
    end
    if #its < USERS then
        table.insert(its, { pid = known.pid, comm = known.comm })
    end
end

-- All that is known of this packet.
local function look()
    local dir = direction()
    local known = marking(dir) or { dir = dir }
    local told
    for _, one in ipairs({ comment() }) do
        told = told or words(tostring(one))
    end
    local at = stream() and dir and stream().value .. dir
    if told then
        threads[told.tid] = { pid = told.pid, comm = told.comm, path = told.path }
        if at then
            ends[at] = { pid = told.pid, tid = told.tid, comm = told.comm, fd = told.fd, path = told.path }
        end
    end
    complete(known, told)
    local block = block_pid and block_pid()
    if block then
        complete(known, { pid = block.value, comm = block_name and block_name() and tostring(block_name()) })
    end
    complete(known, known.tid and threads[known.tid])
    complete(known, at and ends[at])
    known.pid = known.pid or known.tid
    known.at = conversation()
    if known.at and known.pid then
        note(known, known.at)
    end
    -- One that has only read on an end is named where another one closes that.
    for _, one in ipairs(known.at and { comment() } or {}) do
        local comm, pid = tostring(one):match("^read by (.+)%[%d+%] pid=(%d+) ")
        if pid then
            note({ pid = tonumber(pid), comm = comm }, known.at)
        end
    end
    return known
end

function strace.dissector(_, packet, tree)
    local known = seen[packet.number]
    if not packet.visited or not known then
        known = look()
        seen[packet.number] = known.pid and known
    end
    if not known.pid then
        return
    end
    local who = known.comm and string.format("%s[%d]", known.comm, known.pid) or tostring(known.pid)
    local below = tree:add(strace, "Process (strace): " .. who)
    known.who = who
    for key, proto in pairs(out) do
        if known[key] then
            below:add(proto, known[key]):set_generated()
        end
    end
    for key, proto in pairs(column) do
        if known[key] then
            below:add(proto, known[key]):set_hidden()
        end
    end
    for _, one in ipairs(known.at and users[known.at] or { known }) do
        for key, proto in pairs(either) do
            if one[key] then
                below:add(proto, one[key]):set_generated()
            end
        end
    end
end

register_postdissector(strace)
