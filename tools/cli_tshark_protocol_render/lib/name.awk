# The name of a file, from the environment, as it can be printed on one line.
BEGIN {
    printed_name(ENVIRON["RENDER_NAME"])
    exit
}

function printed_name(name,    hex, i) {
    hex = ""
    for (i = 1; i <= length(name); i++)
        hex = hex code[substr(name, i, 1)]
    text(hex, 1, length(name), 1)
}
