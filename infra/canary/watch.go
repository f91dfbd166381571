package canary

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Watched is an alarm at the deployment's end.
type Watched struct {
	Name  string `json:"name"`
	Rule  string `json:"rule"`
	State string `json:"state"`
	// Played is false for a metric of which nothing came: a queue's, for instance, which a rehearsal has not.
	Played bool   `json:"played"`
	Worst  string `json:"worst,omitempty"` // the datapoint nearest to the threshold, or furthest past it
}

// Firing is an alarm that went off, with what it saw.
type Firing struct {
	Name string `json:"name"`
	Rule string `json:"rule"`
	Saw  string `json:"saw"`
	// Diluted says what the alarms on the alias as a whole made of the same failures; empty: none was watched.
	Diluted string `json:"diluted,omitempty"`
}

// watch looks at the minute that is over, and at every alarm.
func (d *deployment) watch() error {
	last := d.minute() - 1
	var did []string
	for _, v := range []struct {
		version string
		has     bool
	}{{d.Old, d.share < 1}, {d.New, d.share > 0}} {
		if v.has || d.count(v.version, last, last+1).Invocations > 0 {
			did = append(did, d.did(v.version, last, last+1))
		}
	}
	d.tell("minute", "%s", strings.Join(did, " · "))
	fired := -1
	for i, a := range d.Alarms {
		points := a.points(d.metrics, d.minute())
		before := d.states[i]
		d.states[i] = a.state(points, before)
		if n := len(points); n > 0 && points[n-1].there && (d.worst[i] == nil || a.worse(points[n-1].value, d.worst[i].value)) {
			d.worst[i] = &points[n-1]
		}
		if d.states[i] == InAlarm && before != InAlarm && fired < 0 {
			fired = i
		}
	}
	if fired >= 0 && d.from > 0 || fired >= 0 && d.Calm == 0 {
		return d.fire(fired)
	}
	return nil
}

// worse says whether v is nearer to the threshold than w, or further past it.
func (a Alarm) worse(v, w float64) bool {
	if a.Comparison == "LessThanThreshold" || a.Comparison == "LessThanOrEqualToThreshold" {
		return v < w
	}
	return v > w
}

// fire rolls back for an alarm.
func (d *deployment) fire(i int) error {
	a := d.Alarms[i]
	f := &Firing{Name: a.Name, Rule: a.Rule(), Saw: a.saw(a.points(d.metrics, d.minute()))}
	if a.ofNew(d.New) {
		f.Diluted = d.diluted(i)
	}
	d.report.Fired = f
	d.tell("alarm", "%s: %s; it saw %s", a.Name, f.Rule, f.Saw)
	if f.Diluted != "" {
		d.tell("alarm", "%s", f.Diluted)
	}
	return d.back(fmt.Sprintf("the alarm %s (%s) saw %s", a.Name, f.Rule, f.Saw))
}

// ofNew says whether an alarm looks at the new version alone.
func (a Alarm) ofNew(version string) bool { return a.Metric.Dimensions["ExecutedVersion"] == version }

// saw are the datapoints that an alarm decided by.
func (a Alarm) saw(points []point) string {
	text := ""
	for _, p := range points[max(0, len(points)-a.Periods):] {
		v := "nothing"
		if p.there {
			v = round(p.value)
		}
		if text != "" {
			text += ", "
		}
		text += v
	}
	return cmp.Or(text, "nothing")
}

func round(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) }

// diluted compares the alarm on the new version with those of the same metric that look at every version.
func (d *deployment) diluted(fired int) string {
	all := d.count("", d.canary.from, d.minute())
	text := ""
	for i, a := range d.Alarms {
		if i == fired || a.Metric.Name != d.Alarms[fired].Metric.Name || a.ofNew(d.New) {
			continue
		}
		said := "would have gone off too"
		if d.states[i] != InAlarm {
			said = "stayed OK"
		}
		text += fmt.Sprintf("; %s (%s) %s", a.Name, a.Rule(), said)
		if w := d.worst[i]; w != nil {
			text += fmt.Sprintf(", its worst was %s", round(w.value))
		}
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("of %s as a whole %s failed since the shift%s", d.Alias, percent(all.Errors, all.Invocations), text)
}

func percent(n, of int) string {
	if of == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// count is what a version did in the minutes [from, to); the version "" is all of them.
func (d *deployment) count(version string, from, to int) Count {
	of := func(name, statistic string) Metric {
		m := Metric{ofLambda, name, map[string]string{"FunctionName": d.Function, "Resource": d.Function + ":" + d.Alias}, statistic}
		if version != "" {
			m.Dimensions["ExecutedVersion"] = version
		}
		return m
	}
	whole := func(name string) int {
		v, _ := d.metrics.datapoint(of(name, "Sum"), from, to)
		return int(v)
	}
	c := Count{Version: version, Invocations: whole("Invocations"), Errors: whole("Errors"), Throttles: whole("Throttles")}
	p50, _ := d.metrics.datapoint(of("Duration", "p50"), from, to)
	p99, _ := d.metrics.datapoint(of("Duration", "p99"), from, to)
	c.P50, c.P99 = math.Round(p50*1000)/1000, math.Round(p99*1000)/1000
	return c
}

// did is a line about a version.
func (d *deployment) did(version string, from, to int) string {
	c := d.count(version, from, to)
	text := fmt.Sprintf("version %s: %d requests, %d failed", version, c.Invocations, c.Errors)
	if c.Invocations == 0 {
		return fmt.Sprintf("version %s: no request", version)
	}
	if c.Errors > 0 {
		text += " (" + percent(c.Errors, c.Invocations) + ")"
	}
	return text + fmt.Sprintf(", p50 %.1f ms, p99 %.1f ms", c.P50, c.P99)
}

func (d *deployment) tell(kind, format string, args ...any) {
	e := Event{At: d.now(), Clock: clock(d.now()), Kind: kind, Share: d.share, Text: fmt.Sprintf(format, args...)}
	d.report.Events = append(d.report.Events, e)
	if d.Tell != nil {
		d.Tell(e)
	}
}

// clock writes a time as 3:01.
func clock(t time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(t.Minutes()), int(t.Seconds())%60)
}

// conclude fills in the report.
func (d *deployment) conclude() {
	r := &d.report
	end := d.minute() + 1
	r.Took = d.now() - d.from
	r.Minutes = math.Round(r.Took.Minutes()*100) / 100
	r.Old, r.New = d.count(d.Old, 0, end), d.count(d.New, 0, end)
	d.mu.Lock()
	r.Old.Faults, r.New.Faults = d.faults[d.Old], d.faults[d.New]
	d.mu.Unlock()
	if r.Outcome == Promoted && r.New.Faults > 0 {
		r.Unseen = fmt.Sprintf("%s answered %d of %d requests with 500 or more (%s: %d of %d), and no alarm went off: Lambda counts an answer as no error, whatever its status",
			d.new(), r.New.Faults, r.New.Invocations, d.old(), r.Old.Faults, r.Old.Invocations)
	}
	for i, a := range d.Alarms {
		w := Watched{Name: a.Name, Rule: a.Rule(), State: d.states[i], Played: d.metrics.known(a.Metric.series())}
		if p := d.worst[i]; p != nil {
			w.Worst = round(p.value) + " at " + clock(time.Duration(p.minute)*time.Minute)
		}
		r.Alarms = append(r.Alarms, w)
	}
	r.Sight = d.sight()
}
