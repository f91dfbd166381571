package replay

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
)

// Differ says in what got differs from want, nothing if in nothing: status, header lines with their order, case and
// number, and bodies with their coding undone. Lines of the headers named in but do not count.
func Differ(want, got Answer, but ...string) []string {
	return differ(want, got, func(s string) string { return s }, but)
}

// DifferMasked is Differ for answers of two runs: drupal.Values do not count.
func DifferMasked(want, got Answer, but ...string) []string { return differ(want, got, Mask, but) }

// Mask puts a name in the place of every value that no two runs share.
func Mask(s string) string {
	for _, v := range drupal.Values {
		var b strings.Builder
		at := 0
		for _, m := range v.Pattern.FindAllStringSubmatchIndex(s, -1) {
			b.WriteString(s[at:m[2]] + "{" + v.Name + "}")
			at = m[3]
		}
		s = b.String() + s[at:]
	}
	return s
}

func differ(want, got Answer, mask func(string) string, but []string) []string {
	var all []string
	if want.Status != got.Status {
		all = append(all, fmt.Sprintf("status %q, not %q", got.Status, want.Status))
	}
	a, b := lines(want, mask, but), lines(got, mask, but)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			all = append(all, fmt.Sprintf("header line %d %q too much", i+1, b[i]))
		case i >= len(b):
			all = append(all, fmt.Sprintf("header line %d %q missing", i+1, a[i]))
		case a[i] != b[i]:
			all = append(all, fmt.Sprintf("header line %d %q, not %q", i+1, b[i], a[i]))
		}
	}
	x, err := want.Plain()
	y, err2 := got.Plain()
	if err != nil || err2 != nil {
		return append(all, fmt.Sprintf("a body cannot be decoded: %v, %v", err, err2))
	}
	return append(all, bodies(mask(string(x)), mask(string(y)))...)
}

func lines(a Answer, mask func(string) string, but []string) []string {
	var all []string
next:
	for _, h := range a.Headers {
		for _, name := range but {
			if strings.EqualFold(name, h[0]) {
				continue next
			}
		}
		all = append(all, h[0]+": "+mask(h[1]))
	}
	return all
}

// bodies says where two bodies part, with what stands there.
func bodies(want, got string) []string {
	if want == got {
		return nil
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	line := 1 + bytes.Count([]byte(want[:i]), []byte("\n"))
	return []string{fmt.Sprintf("body of %d bytes, not %d; from byte %d (line %d) %q, not %q", len(got), len(want), i, line,
		around(got, i), around(want, i))}
}

func around(s string, i int) string { return s[max(0, i-60):min(len(s), i+100)] }
