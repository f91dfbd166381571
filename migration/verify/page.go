package verify

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

//go:embed certificate.html
var pageText string

var pageTemplate = template.Must(template.New("certificate").Funcs(template.FuncMap{
	"count": count, "pounds": pounds, "moment": moment, "day": dayInWords, "reason": reasonInWords, "kind": kindInWords,
	"carried": func() template.HTML { return carried }, "minus": func(a, b int64) int64 { return a - b },
}).Parse(pageText))

// carried is where the certificate itself goes.
const carried = template.HTML(opens + "\x00" + closes)

// render is the page that a trustee reads, up to where it carries the certificate and from there on.
func render(c Certificate, by signature) (before, after []byte, err error) {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, pageOf(c, by)); err != nil {
		return nil, nil, fmt.Errorf("verify: %w", err)
	}
	before, after, _ = bytes.Cut(out.Bytes(), []byte{0})
	return slices.Clip(before), after, nil
}

// view is what the page shows.
type view struct {
	Certificate
	By        signature
	Verdict   string
	Rows      int64 // of the old site
	Equal     int64
	Differ    int64
	Pence     int64
	InFlight  int64
	Waiting   int64
	Live      bool // the old site could change meanwhile
	Began     time.Time
	Ended     time.Time
	Certified []formView
}

// formView is one form on the page.
type formView struct {
	CertifiedForm
	Waits      bool // its service does not exist yet
	Differ     int64
	Rejections int64
	Reasons    []reasonCount
	Days       []dayRow
	Shown      []Redacted
	Unshown    int64
	Chart      chart
}

type reasonCount struct {
	Reason string
	Rows   int64
}

// dayRow is a line of the table by day.
type dayRow struct {
	Day      string
	Moved    Sum
	Rejected int64
	Equal    bool
}

// shown is how many differences the page lists; the certificate inside has all.
const shown = 100

func pageOf(c Certificate, by signature) view {
	v := view{Certificate: c, By: by}
	for _, f := range c.Forms {
		of := formOf(f)
		v.Rows += f.RowsSource
		v.Equal += f.RowsTarget
		v.Pence += f.SumPenceTarget
		v.Differ += of.Differ
		v.InFlight += f.InFlight
		v.Waiting += f.Waiting
		v.Live = v.Live || f.Watermark.SID > 0
		if v.Began.IsZero() || f.Began.Before(v.Began) {
			v.Began = f.Began
		}
		if f.Ended.After(v.Ended) {
			v.Ended = f.Ended
		}
		v.Certified = append(v.Certified, of)
	}
	switch {
	case !c.Clean && v.Differ == 0:
		v.Verdict = "The two sides do not come to the same sums."
	case !c.Clean && v.Differ == 1:
		v.Verdict = "One row is not the same on both sides."
	case !c.Clean:
		v.Verdict = count(v.Differ) + " rows are not the same on both sides."
	case v.Waiting > 0:
		v.Verdict = "Every row that could move is in the new services, value by value; the others are counted and wait."
	default:
		v.Verdict = "Every row of the old site is in the new services, value by value, or rejected with its reason."
	}
	return v
}

func formOf(f CertifiedForm) formView {
	v := formView{CertifiedForm: f, Waits: f.Waiting > 0, Shown: f.Differences[:min(shown, len(f.Differences))]}
	v.Unshown = int64(len(f.Differences)-len(v.Shown)) + f.More
	rows := map[string]bool{}
	for _, d := range f.Differences {
		rows[d.ID] = true
	}
	v.Differ = int64(len(rows)) + f.More
	for _, reason := range slices.Sorted(maps.Keys(f.Rejected)) {
		v.Rejections += f.Rejected[reason]
		v.Reasons = append(v.Reasons, reasonCount{reason, f.Rejected[reason]})
	}
	for _, s := range f.Sums {
		if len(v.Days) == 0 || v.Days[len(v.Days)-1].Day != s.Day {
			v.Days = append(v.Days, dayRow{Day: s.Day, Equal: true})
		}
		day := &v.Days[len(v.Days)-1]
		switch s.Status {
		case moved:
			day.Moved = s
		case rejected:
			day.Rejected += s.RowsSource
		case waiting:
			day.Moved.RowsSource += s.RowsSource
			day.Moved.PenceSource += s.PenceSource
		}
		if s.Status == moved || s.Status == reversed {
			day.Equal = day.Equal && s.RowsSource == s.RowsTarget && s.PenceSource == s.PenceTarget
		}
	}
	v.Chart = chartOf(v.Days, f.SumPenceSource > 0)
	return v
}

// count writes 1234567 as 1,234,567.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func pounds(pence int64) string {
	whole, minor, _ := strings.Cut(money.GBP(pence).Decimal(), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n == 0 {
		return "£" + whole + "." + minor
	}
	return "£" + count(n) + "." + minor
}

func moment(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04:05") + " UTC" }

func dayInWords(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.Format("Mon 2 Jan 2006")
}

func reasonInWords(reason string) string {
	words := map[string]string{
		"draft": "a draft: it was never sent", "amount": "no amount of money that can be read", "email": "no email address",
		"first_name": "no first name", "postcode": "no postcode of the United Kingdom", "duplicate": "the same submission over again, its transaction included",
	}
	if said, known := words[reason]; known {
		return said
	}
	return "refused by the service for its " + reason
}

func kindInWords(k Kind) string {
	switch k {
	case Missing:
		return "not in the services"
	case Extra:
		return "not in the old site"
	case Twice:
		return "there more than once"
	case Refused:
		return "moved, and should not have been"
	case Stored:
		return "kept otherwise than the row says"
	}
	return "another value"
}
