package command

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/money"
)

func printMoved(out io.Writer, doc moved) {
	for _, name := range slices.Sorted(maps.Keys(doc.Forms)) {
		fmt.Fprintf(out, "%s: %d rows: %s\n", name, doc.Forms[name].Rows, happened(doc.Forms[name], waits(name)))
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Nobody)) {
		fmt.Fprintf(out, "%s: %d rows of a webform that no service of ours knows: not moved\n", name, doc.Nobody[name])
	}
	for _, o := range doc.Strange {
		fmt.Fprintf(out, "%s in %s.%s: %d times, the first at %s\n", o.Kind, o.Table, o.Column, o.Count, o.Example)
	}
	fmt.Fprintf(out, "in %.1f s\n", doc.Seconds)
}

// waits says whether a form's service does not exist yet.
func waits(name string) bool {
	for _, f := range slices.Concat(form.Forms, form.Contents) {
		if f.Alias == name {
			return imports(f.Service) == nil
		}
	}
	return true
}

// happened says what became of rows, leaving out what did not happen to any. waits: their service does not exist yet.
func happened(r move.Result, waits bool) string {
	var parts []string
	say := func(n int64, format string) {
		if n != 0 {
			parts = append(parts, fmt.Sprintf(format, n))
		}
	}
	if waits {
		say(r.Waiting, "%d wait for their service, which does not exist yet")
	} else {
		parts = append(parts, fmt.Sprintf("%d moved, %d there already", r.Moved, r.Unchanged))
	}
	say(r.Edited, "%d edited")
	say(r.Deleted, "%d deleted")
	say(r.Reversed, "%d that came from the services")
	if n := r.Rejections(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d rejected%s", n, reasons(r.Rejected)))
	}
	text := strings.Join(parts, ", ")
	if r.SumPence != 0 {
		text += "; together " + money.GBP(r.SumPence).String()
	}
	parts = nil
	if !waits {
		say(r.Waiting, "%d parts of rows wait for a service that does not exist yet")
	}
	say(r.RefusedParts, "%d parts of moved rows were refused, and are in the rejects")
	say(r.Conflicts, "%d were changed on both sides: what lost is listed in the store")
	say(r.Orphans, "%d submissions have only values left, without a date: not moved")
	for _, name := range slices.Sorted(maps.Keys(r.Unknown)) {
		say(r.Unknown[name], "%d have a component "+strings.ReplaceAll(name, "%", "%%")+" that our form does not know: not moved")
	}
	for _, p := range parts {
		text += "\n  " + p
	}
	return text
}

// shown is how many differences a person is shown. Their values are people's data: --differences and --json have them.
const shown = 20

// kinds are the sentences for the ways in which a row differs.
var kinds = map[verify.Kind]string{
	verify.Missing: "the services lack it", verify.Extra: "the old site lacks it", verify.Twice: "it is there twice", verify.Refused: "it is there although it is not to be moved",
	verify.Value: "the two sides say something else", verify.Stored: "what the service keeps besides is not what it makes of the row",
}

func printVerified(out io.Writer, doc verified) {
	for _, name := range doc.order {
		r := doc.Forms[name]
		fmt.Fprintf(out, "%s: %d rows at the source, %d rejected%s, the others together %s; ",
			name, r.RowsSource, r.Rejections(), reasons(r.Rejected), money.GBP(r.SumPenceSource))
		if r.Waiting > 0 {
			fmt.Fprintf(out, "%d wait for their service\n", r.Waiting)
			continue
		}
		fmt.Fprintf(out, "%d at the target, together %s\n", r.RowsTarget, money.GBP(r.SumPenceTarget))
		if r.Own+r.Reversed+r.InFlight > 0 {
			fmt.Fprintf(out, "  %d records of the service's own wait to be written back, %d were and are equal to their rows; %d rows are in flight\n", r.Own, r.Reversed, r.InFlight)
		}
		if r.Narrowed > 0 {
			fmt.Fprintf(out, "  of those written back, %d hold \uFFFD there for letters that the old site's tables do not know, such as emoji; the service has them\n", r.Narrowed)
		}
		for i, d := range r.Differences {
			if i == shown {
				fmt.Fprintf(out, "  and %d more\n", int64(len(r.Differences)-shown)+r.More)
				break
			}
			fmt.Fprintf(out, "  sid %s, %s: %s\n", d.ID, d.Field, kinds[d.Kind])
		}
		if r.Clean() {
			fmt.Fprintln(out, "  every row is equal, value by value")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Nobody)) {
		fmt.Fprintf(out, "%s: %d rows of a webform that no service of ours knows: not compared\n", name, doc.Nobody[name])
	}
	if doc.Fingerprint != "" {
		fmt.Fprintf(out, "signed by %s\n", doc.Fingerprint)
	}
	fmt.Fprintf(out, "in %.1f s\n", doc.Seconds)
}

func printCertificate(out io.Writer, c verify.Certificate, fingerprint string, known bool) {
	fmt.Fprintf(out, "as it was signed on %s by %s (%s)\n", c.Issued.Format("2 January 2006 15:04 MST"), c.Signer, fingerprint)
	if !known {
		fmt.Fprintln(out, "compare the fingerprint with the signer's own, or give it as --signed-by: anybody can sign something")
	}
	for _, f := range c.Forms {
		verdict := "equal"
		switch {
		case f.Waiting > 0:
			verdict = "waiting for its service"
		case !f.Clean:
			verdict = "NOT equal"
		}
		fmt.Fprintf(out, "%s: %s; %d rows, %s in %s, %s here\n", f.Form, verdict, f.RowsSource, money.GBP(f.SumPenceSource), c.Source, money.GBP(f.SumPenceTarget))
	}
}

// reasons lists counts in brackets, or nothing where there are none.
func reasons(counts map[string]int64) string {
	parts := make([]string, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// bar shows how far a form has come, how fast, and the time left, where somebody looks.
type bar struct {
	bars *mpb.Progress
	bar  *mpb.Bar
	rows atomic.Int64
	done func() float64
}

// finely is how many steps a bar has: how many rows there are is known only at the end, how much of the source is read
// always.
const finely = 1000

func newBar(ctx context.Context, to io.Writer, name string, done func() float64) *bar {
	b := &bar{done: done}
	if !attended(to) {
		return b
	}
	began := time.Now()
	rate := func(decor.Statistics) string {
		rows := b.rows.Load()
		return fmt.Sprintf(" %d rows, %.0f/s, left ", rows, float64(rows)/max(time.Since(began).Seconds(), 0.001))
	}
	b.bars = mpb.NewWithContext(ctx, mpb.WithOutput(to), mpb.WithWidth(40))
	b.bar = b.bars.AddBar(finely, mpb.PrependDecorators(decor.Name(name+" ")),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(rate), decor.AverageETA(decor.ET_STYLE_GO)))
	return b
}

func (b *bar) add(rows int) {
	b.rows.Add(int64(rows))
	if b.bar != nil {
		b.bar.SetCurrent(min(int64(b.done()*finely), finely-1))
	}
}

func (b *bar) end() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.bars.Wait()
	}
}
