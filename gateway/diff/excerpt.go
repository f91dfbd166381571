package diff

import (
	"regexp"
	"strconv"
	"strings"
)

const (
	room = 2       // words that are kept on each side of those that differ
	grid = 1 << 16 // pairs of words that are set against each other at most; past that all between the first and the last differ
)

var (
	standIn = `\[(?:text|number|e-mail|token|phone|card|postcode) \d+(?: #[0-9a-f]{8})?\]`
	// term is a run without white space; what stands for something hidden is one too.
	term = regexp.MustCompile(`(?:` + standIn + `|\S)+`)

	// harmless are words that may be kept of anybody's page: numbers too short to be an account's or a phone's, amounts, yes and no, and
	// what is hidden already.
	harmless = regexp.MustCompile(`^["'(-]{0,2}(?:` + standIn + `|\d{1,5}|\d{1,3}(?:,\d{3}){1,3}|[£€$]\d[\d,]{0,10}(?:\.\d{1,4})?|\d[\d,]{0,10}\.\d{1,4}|` +
		`GBP|EUR|USD|(?i:yes|no|true|false|on|off))(?:p|%)?["').,;:!?]{0,2}$`)
)

// parts are a value's: what is said, and the structure that it is said in, such as a heading's level, which is kept on any page.
type parts struct{ before, said, after string }

func (r redactor) parts(field, value string, own bool) parts {
	what, rest, _ := strings.Cut(field, " ")
	name, path, _ := strings.Cut(rest, " ")
	switch {
	case value == "" || value == `""`:
		return parts{before: value}
	case what == "json" || name == "json-ld" && path != "":
		return r.jsonParts(rest, value, own)
	case what == "html" && (name == "heading" || name == "message" || name == "image"):
		level, said, _ := strings.Cut(value, " ")
		return parts{before: level + " ", said: said}
	case what == "text" || what == "xml" || what == "effect" && rest != "" && name != "sent",
		what == "html" && (name == "text" || name == "title" || name == "description" || name == "json-ld"):
		return parts{said: value}
	}
	return parts{before: r.text(r.start(value))}
}

// jsonParts are a JSON value's. Of values within lists that stand in another order the whole is closed: it has names in it.
func (r redactor) jsonParts(path, value string, own bool) parts {
	switch value[0] {
	case '"':
		if plain, err := strconv.Unquote(value); err == nil {
			return parts{`"`, plain, `"`}
		}
	case '{', '[':
		return parts{before: r.hidden("text", value)}
	}
	if n, is := strings.CutPrefix(value, "number "); is && own && !harmless.MatchString(n) && !amountName.MatchString(last(path)) {
		return parts{before: r.hidden("number", n)}
	}
	return parts{before: r.text(r.start(value))}
}

// excerpts are two texts as they may be kept: of each the words that the other has not, with a little room. Own says that they are
// somebody's own: of those words only numbers and amounts are kept, the rest by length and hash.
func (r redactor) excerpts(legacy, new string, own bool) (string, string) {
	legacy, new = fromDifference(legacy, new)
	a, b := term.FindAllString(r.text(r.start(legacy)), -1), term.FindAllString(r.text(r.start(new)), -1)
	inA, inB := around(a, b)
	return r.told(a, inA, own), r.told(b, inB, own)
}

// fromDifference leaves out what two long texts begin with alike, but for enough to know a card or an address by.
func fromDifference(a, b string) (string, string) {
	const enough = 256
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if same < 2*enough {
		return a, b
	}
	from := strings.LastIndexByte(a[:same-enough], ' ')
	if from < 0 {
		return a, b
	}
	return "… " + a[from+1:], "… " + b[from+1:]
}

// told is the words that are kept.
func (r redactor) told(words []string, keep []bool, own bool) string {
	var all, run []string
	end := func() {
		if len(run) > 0 {
			all, run = append(all, r.hidden("text", strings.Join(run, " "))), nil
		}
	}
	for i, w := range words {
		switch {
		case !keep[i]:
			if end(); len(all) == 0 || all[len(all)-1] != "…" {
				all = append(all, "…")
			}
		case own && !harmless.MatchString(w):
			run = append(run, w)
		default:
			end()
			all = append(all, w)
		}
	}
	end()
	return strings.Join(all, " ")
}

// around says which words differ or stand close to one that does.
func around(a, b []string) (inA, inB []bool) {
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	from, endA, endB := 0, len(a), len(b)
	for from < min(endA, endB) && a[from] == b[from] {
		from++
	}
	for min(endA, endB) > from && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	mark := func(in []bool, begin, end int) {
		for i := max(0, begin-room); i < min(len(in), end+room); i++ {
			in[i] = true
		}
	}
	for _, h := range hunks(a[from:endA], b[from:endB]) {
		mark(inA, from+h[0], from+h[1])
		mark(inB, from+h[2], from+h[3])
	}
	return inA, inB
}

// hunks are the runs of a, from and to, that stand where b has another run, from and to.
func hunks(a, b []string) (all [][4]int) {
	if len(a)*len(b) > grid {
		return [][4]int{{0, len(a), 0, len(b)}}
	}
	common := alike(a, b)
	for i, j := 0, 0; i < len(a) || j < len(b); {
		n, m := i, j
		for (n < len(a) || m < len(b)) && (n == len(a) || m == len(b) || a[n] != b[m]) {
			if m == len(b) || n < len(a) && common[n+1][m] >= common[n][m+1] {
				n++
			} else {
				m++
			}
		}
		if n > i || m > j {
			all = append(all, [4]int{i, n, j, m})
		}
		i, j = n+1, m+1
	}
	return all
}

// alike is how many words the rests of a and b from each place on have in common, in order.
func alike(a, b []string) [][]int32 {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}
