# SPDX-License-Identifier: GPL-2.0
# Flatten one KUnit results file: a line "ok|not ok|skip suite.case" for every
# case, "param" lines for the parameters of parameterised ones, and for a failed
# case the lines that say why.  "bad TEXT" when the file contradicts itself.

# Indentation is the nesting: 0 the suite, 4 its cases, 8 the parameters.
function depth(s)
{
	match(s, /^ */)
	return RLENGTH / 4
}

{
	d = depth($0)
	line = $0
	sub(/^ */, "", line)
}

line ~ /^1\.\.[0-9]+/ && d == 1 {
	sub(/^1\.\./, "", line)
	planned = line + 0
	next
}

line ~ /^# Subtest: / && d == 1 {
	suite = substr(line, 12)
	next
}

line ~ /^(not )?ok [0-9]+/ {
	failed = line ~ /^not ok/
	skipped = line ~ /# SKIP/
	name = line
	sub(/^(not )?ok [0-9]+ (- )?/, "", name)
	if (d == 2) {
		params++
		bad_params += failed
	} else if (d == 1) {
		cases++
		if (bad_params && !failed)
			print "bad case " suite "." name " is ok with failed parameters"
		if (params)
			name = name " (" params " cases)"
		print (skipped ? "skip " : failed ? "not ok " : "ok ") suite "." name
		params = bad_params = 0
		failures += failed
	} else if (d == 0) {
		ended = 1
		if (failed && !failures)
			print "bad suite " suite " failed outside of its cases"
	}
	if (failed)
		printf "%s", why
	why = ""
	next
}

line !~ /^(KTAP version|# (pass|fail|skip|total|Totals):?)/ {
	why = why "# " line "\n"
}

END {
	if (!ended)
		print "bad suite " suite " did not end"
	if (!cases)
		print "bad suite " suite " ran no test"
	else if (cases != planned)
		print "bad suite " suite " ran " cases " of " planned " cases"
}
