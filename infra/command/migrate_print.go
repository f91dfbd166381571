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

	"github.com/banyan-migration/banyan/shared/money"
)

func printMoved(out io.Writer, doc moved) {
	for _, name := range slices.Sorted(maps.Keys(doc.Forms)) {
		r := doc.Forms[name]
		fmt.Fprintf(out, "%s: %d rows: %d moved, %d there already, %d rejected%s; together %s\n",
			name, r.Rows, r.Moved, r.Unchanged, r.Rejections(), reasons(r.Rejected), money.GBP(r.SumPence))
		if r.Waiting+r.RefusedParts > 0 {
			fmt.Fprintf(out, "  parts of moved rows: %d wait for a service that does not exist yet, %d were refused\n", r.Waiting, r.RefusedParts)
		}
		if r.Orphans > 0 {
			fmt.Fprintf(out, "  %d submissions of which only values are left, without a date: not moved\n", r.Orphans)
		}
	}
	fmt.Fprintf(out, "in %.1f s\n", doc.Seconds)
}

// shown is how many differences a person is shown; --json has them all.
const shown = 20

func printVerified(out io.Writer, doc verified) {
	for _, name := range slices.Sorted(maps.Keys(doc.Forms)) {
		r := doc.Forms[name]
		fmt.Fprintf(out, "%s: %d rows at the source, %d rejected%s, the others together %s; %d at the target, together %s\n",
			name, r.RowsSource, r.Rejections(), reasons(r.Rejected), money.GBP(r.SumPenceSource), r.RowsTarget, money.GBP(r.SumPenceTarget))
		for i, d := range r.Differences {
			if i == shown {
				fmt.Fprintf(out, "  and %d more\n", int64(len(r.Differences)-shown)+r.More)
				break
			}
			fmt.Fprintf(out, "  sid %s, %s: %q there, %q here\n", d.ID, d.Field, d.Source, d.Target)
		}
		if len(r.Differences) == 0 {
			fmt.Fprintln(out, "  every row is equal, value by value")
		}
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
