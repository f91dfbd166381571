package drupal

import (
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
)

// Record is the node as a row of one of form.Contents: SID and NID are its nid, At is when it was made. Its values are title, alias, status
// ("1" or "0"), and by the field's name what the field mainly says, value by value: a file its URI, a term its name. What else a value has
// follows by the field's and the column's name ("body.format"), as often as the field has values.
func (n Node) Record(as form.Form) form.Record {
	r := form.Record{Form: as.Alias, NID: n.NID, SID: n.NID, At: n.Created, Values: map[string][]string{"title": {n.Title}, "status": {"0"}}}
	if n.Published {
		r.Values["status"][0] = "1"
	}
	if n.Alias != "" {
		r.Values["alias"] = []string{n.Alias}
	}
	for field, values := range n.Fields {
		main := mainColumn(values)
		for i, v := range values {
			for column, text := range v {
				key := field
				if column != main {
					key += "." + column
				}
				if r.Values[key] == nil {
					r.Values[key] = make([]string, len(values))
				}
				r.Values[key][i] = text
			}
		}
	}
	return r
}

// The columns that say most, the first that is there.
var mains = []string{"uri", "name", "value", "email", "url", "target_id", "fid", "tid", "nid", "uid"}

func mainColumn(values []map[string]string) string {
	names := []string{}
	for _, v := range values {
		for column := range v {
			names = append(names, column)
		}
	}
	slices.Sort(names)
	for _, m := range mains {
		if slices.Contains(names, m) {
			return m
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Record is the file as a row of form.Contents: SID is its fid, At is when it was stored. One that nobody finished uploading is a draft.
func (f File) Record(as form.Form) form.Record {
	return form.Record{Form: as.Alias, SID: f.FID, At: f.Changed, Draft: f.Temporary, Values: map[string][]string{
		"uri": {f.URI}, "name": {f.Name}, "type": {f.Type}, "size": {strconv.FormatInt(f.Size, 10)}, "uses": {strconv.Itoa(f.Uses)},
	}}
}

// padded is a decimal number with the digits that its column's type (10,2) promises: SQLite keeps 250.00 as 250.
func padded(text, args string) string {
	_, scale, found := strings.Cut(args, ",")
	digits, err := strconv.Atoi(strings.TrimSpace(scale))
	if !found || err != nil || digits <= 0 || digits > 30 || text == "" || strings.ContainsAny(text, "eE") {
		return text
	}
	_, fraction, _ := strings.Cut(text, ".")
	if fraction == "" {
		text = strings.TrimSuffix(text, ".") + "."
	}
	return text + strings.Repeat("0", max(0, digits-len(fraction)))
}
