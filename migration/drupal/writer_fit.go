package drupal

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/form"
)

// elsewhere are the kinds of components that keep something else than what a visitor typed: nothing at all, the number of a
// file in a table of its own, or answers by question.
var elsewhere = []string{"fieldset", "pagebreak", "markup", "file", "multiple_file", "grid"}

// homes are the components of a form by key, and their kinds.
func (w *writer) homes(nid int64) (cids map[string]int64, types map[string]string) {
	cids, types = map[string]int64{}, map[string]string{}
	keys := w.site.keys(nid)
	for _, c := range w.site.components[nid] {
		cids[keys[c.CID]], types[keys[c.CID]] = c.CID, c.Type
	}
	return cids, types
}

// fit is what the site can hold of a record: the values that have a component, in letters that its tables know. The rest
// is named.
func (w *writer) fit(r form.Record, cids map[string]int64, types map[string]string) paper {
	p := paper{record: r}
	p.homeless = append(p.homeless, r.Homeless...)
	p.record.Homeless = nil
	p.record.Values = make(map[string][]string, len(r.Values))
	for key, values := range r.Values {
		if _, has := cids[key]; !has || slices.Contains(elsewhere, types[key]) {
			p.homeless = append(p.homeless, key)
			continue
		}
		lost := false
		for _, v := range values {
			narrowed, cut := w.letters(v)
			p.record.Values[key] = append(p.record.Values[key], narrowed)
			lost = lost || cut
		}
		if lost {
			p.homeless = append(p.homeless, key+": letters")
		}
	}
	slices.Sort(p.homeless)
	p.said = int64(Sum(p.record))
	return p
}

// Narrow is a record as a site holds it whose tables are in utf8, as Drupal 7 makes them: those letters end where the
// emoji begin, and U+FFFD stands for each beyond. It shares nothing with r that it changes.
func Narrow(r form.Record) form.Record {
	w := writer{narrow: beyond}
	values := make(map[string][]string, len(r.Values))
	for key, all := range r.Values {
		for _, v := range all {
			narrowed, _ := w.letters(v)
			values[key] = append(values[key], narrowed)
		}
	}
	r.Values = values
	return r
}

// letters writes a text in those that the tables know.
func (w *writer) letters(text string) (narrowed string, lost bool) {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, w.narrow) {
		return text, false
	}
	stand := '\uFFFD'
	if w.narrow(stand) {
		stand = '?'
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || w.narrow(r) {
			return stand
		}
		return r
	}, text), true
}
