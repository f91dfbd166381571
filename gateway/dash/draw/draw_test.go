package draw_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/dash/draw"
	"github.com/banyan-migration/banyan/gateway/judge"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

func cells(n int, every time.Duration) []judge.Cell {
	all := make([]judge.Cell, n)
	for i := range all {
		c := &all[i]
		c.At, c.Weight = noon.Add(time.Duration(i-n)*every), 1000
		c.Side[judge.Legacy] = judge.Counts{Requests: 90, Visitors: 90, Failed: 9}
		c.Side[judge.New] = judge.Counts{Requests: 10, Visitors: 10}
		c.Side[judge.Legacy].Latency[judge.BucketOf(200*time.Millisecond)] = 90
		c.Side[judge.New].Latency[judge.BucketOf(20*time.Millisecond)] = 10
	}
	return all
}

func find(t *testing.T, charts []*draw.Chart, id string) *draw.Chart {
	t.Helper()
	for _, c := range charts {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no chart %s", id)
	return nil
}

// The words beside a curve say what the curve says.
func TestCurvesSayWhatTheyDraw(t *testing.T) {
	t.Parallel()
	charts := draw.Curves(cells(360, 10*time.Second), draw.Window{From: noon.Add(-time.Hour), To: noon, Zone: time.UTC}, 10*time.Second, [2]string{"drupal", "services"})
	for id, want := range map[string]string{
		"share":    "10 % at both ends",
		"rate":     "drupal answered 32400 requests, services 3600",
		"failures": "drupal failed 3240 of 32400 visitors, services 0 of 3600",
		"latency":  "drupal: median 2",
	} {
		c := find(t, charts, id)
		if !strings.Contains(c.Desc, want) || len(c.Lines) == 0 || len(c.XTicks) < 3 || len(c.YTicks) < 2 || c.Empty != "" {
			t.Errorf("%s: %q with %d lines", id, c.Desc, len(c.Lines))
		}
	}
	for _, c := range charts {
		for _, l := range c.Lines {
			for _, point := range strings.Fields(l.Points) {
				var x, y float64
				if _, err := fmt.Sscanf(point, "%f,%f", &x, &y); err != nil || x < c.Left-0.1 || x > c.Right+0.1 || y < c.Top-0.1 || y > c.Bottom+0.1 {
					t.Fatalf("%s: the point %s is outside of the plot (%v)", c.ID, point, err)
				}
			}
		}
	}
}

// A rate is a minute's, also in the first and the last stretch, which are cut short.
func TestTheEdgesAreNoFall(t *testing.T) {
	t.Parallel()
	to := noon.Add(-13 * time.Second)
	all := cells(360, 10*time.Second)
	c := find(t, draw.Curves(all[:358], draw.Window{From: to.Add(-time.Hour), To: to, Zone: time.UTC}, 10*time.Second, [2]string{"drupal", "services"}), "rate")
	for _, l := range c.Lines {
		heights := map[string]bool{}
		for _, point := range strings.Fields(l.Points) {
			_, y, _ := strings.Cut(point, ",")
			heights[y] = true
		}
		if len(heights) != 1 {
			t.Errorf("%s: an even rate is drawn at %d heights", l.Class, len(heights))
		}
	}
}

// A silence is a gap, and no traffic at all is said in words.
func TestSilence(t *testing.T) {
	t.Parallel()
	w := draw.Window{From: noon.Add(-time.Hour), To: noon, Zone: time.UTC}
	all := cells(360, 10*time.Second)
	gap := append(append([]judge.Cell{}, all[:100]...), all[200:]...)
	if c := find(t, draw.Curves(gap, w, 10*time.Second, [2]string{"a", "b"}), "rate"); len(c.Lines) != 4 {
		t.Errorf("%d lines for two sides with a gap each", len(c.Lines))
	}
	for _, c := range draw.Curves(nil, w, 10*time.Second, [2]string{"a", "b"}) {
		if c.Empty == "" || len(c.Lines) != 0 || len(c.YTicks) == 0 {
			t.Errorf("%s without traffic: %+v", c.ID, c)
		}
	}
}

// Ticks are whole hours of the zone's own clock, over both of its changes.
func TestTicksAreTheZonesHours(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []time.Time{time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 12, 0, 0, 0, time.UTC)} {
		c := draw.Curves(nil, draw.Window{From: to.Add(-24 * time.Hour), To: to, Zone: london}, 10*time.Second, [2]string{"a", "b"})[0]
		for _, tick := range c.XTicks {
			if !strings.HasSuffix(tick.Text, ":00") {
				t.Errorf("%s: a tick at %s", to, tick.Text)
			}
		}
	}
}

// The map of the talk: what is in the monolith, on the way and outside, by year (facts of the case).
func TestPlaces(t *testing.T) {
	t.Parallel()
	places := []draw.Place{{Name: "drupal", Kind: "drupal7"}, {Name: "drupal8", Kind: "drupal8"}, {Name: "services"}}
	stands := []draw.Stand{
		{Group: "contact-us", From: "drupal", To: "services", Phase: "off", Since: noon},
		{Group: "content", From: "drupal", To: "drupal8", Weight: 10000, Phase: "full", Since: noon},
		{Group: "donate", From: "drupal", To: "services", Weight: 2500, Phase: "canary", Since: noon},
		{Group: "giving-pages-of-everybody", From: "drupal", To: "services", Weight: 10000, Phase: "full", Since: noon},
		{Group: "home", From: "drupal", To: "services", Phase: "off", Since: noon, Moved: true},
		{Group: "gallery", From: "drupal8", To: "services", Phase: "off"},
	}
	for _, small := range []bool{false, true} {
		m := draw.Places(places, "drupal", stands, time.UTC, small)
		want := "In the monolith: everything else, contact-us, home. On the way: donate. Outside: drupal8: content, gallery. Outside: services: giving-pages-of-everybody. "
		if m.Desc != want {
			t.Errorf("small %v: %s", small, m.Desc)
		}
		for _, f := range m.Frames {
			for _, b := range f.Boxes {
				if b.X < f.X || b.Y < f.Y || b.X+b.W > f.X+f.W || b.Y+b.H > f.Y+f.H || f.X+f.W > m.W || f.Y+f.H > m.H {
					t.Errorf("small %v: %s stands outside of %s", small, b.Name, f.Name)
				}
				if b.Full == "home" && b.About != "back "+noon.Format("2 Jan 2006") || b.Full == "giving-pages-of-everybody" && b.Name != "giving-pages-…" {
					t.Errorf("more is said than the box is wide: %q, %q", b.Name, b.About)
				}
				if b.Full == "donate" && (b.Fill < 0.24*b.W || b.Fill > 0.26*b.W || b.About != "25 % of visitors") {
					t.Errorf("donate: %+v", b)
				}
			}
		}
	}
}
