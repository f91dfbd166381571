#!/bin/sh
# Writes parameters as a file that sam takes (file://….yaml), so that neither a shell nor sam reads anything into a value: JSON, spaces
# and & stay. It reads one Name=value a line; a text of one line may have several, with spaces between them and none in a value.
exec awk '
function refuse(what) { print "parameters: " what ". Nothing was deployed" | "cat >&2"; close("cat >&2"); exit 1 }
{ sub(/\r$/, ""); gsub(/^[ \t]+|[ \t]+$/, ""); if ($0 != "") all[++n] = $0 }
END {
	if (n == 1) n = split(all[1], all, /[ \t]+/)
	for (i = 1; i <= n; i++) {
		if (all[i] !~ /^[A-Za-z][A-Za-z0-9]*=/) refuse("\"" all[i] "\" is no Name=value; where a value has spaces, give one parameter a line, in two lines or more")
		if (all[i] ~ /\\/) refuse("sam would drop the \\ of \"" all[i] "\": do without it")
		at = index(all[i], "=")
		value = substr(all[i], at + 1)
		gsub(/\047/, "&&", value) # as YAML writes a quote between quotes
		print substr(all[i], 1, at - 1) ": \047" value "\047"
	}
	if (n == 0) print "{}"
}'
