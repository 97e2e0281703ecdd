# What tshark writes to standard error, line by line, so that it can be printed.
{
    if ($0 ~ /^Running as user "root"/)
        next
    hex = ""
    for (i = 1; i <= length($0) && i <= 2000; i++)
        hex = hex code[substr($0, i, 1)]
    lines(hex, 1, length(hex) / 2)
}
