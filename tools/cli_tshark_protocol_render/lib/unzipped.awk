# An unzipped body, from od's hex. A few bytes unzip to a thousand times as many, so there is an end to what is shown.

BEGIN {
    # eight megabytes
    most = 16777216
}

{
    gsub(/[^0-9a-f]/, "")
    block = block $0
    if (length(block) >= 8192)
        take_block()
    if (taken >= most)
        exit
}

END {
    take_block()
    whole = join(part, "", parts)
    if (whole == "")
        print "[no data that gzip can read]"
    lines(whole, 1, taken < most ? length(whole) / 2 : most / 2)
    if (taken >= most)
        print "[the body goes on: only its first " most / 2 " bytes are shown]"
}

function take_block() {
    if (block == "")
        return
    part["", ++parts] = block
    taken += length(block)
    block = ""
}
