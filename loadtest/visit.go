package loadtest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// servicesFrom is the first submission number that the gateway's new side gives out; Drupal's own count up from 1.
const servicesFrom = 1 << 31

// visit makes one step: a page that is looked at, or a form's page, its post and the page after it. Its first request is
// timed from the moment at which the plan wanted it, the others from the answer before, when a browser goes on.
func (a *attack) visit(ctx context.Context, n uint64, s Step, wanted time.Time) {
	v := &visitor{addr: s.Addr, agent: s.Agent}
	if s.Method != "POST" {
		a.look(ctx, v, s.Method, s.Target, wanted)
		return
	}
	f, ok := a.form(ctx, v, s, wanted)
	if !ok {
		return
	}
	d := newDonor(a.plan.Seed, n)
	ref := ""
	if s.Donate {
		ref = fmt.Sprintf("lt-%s-%d", a.options.Run, n)
	}
	kind, body := f.encode(d.fill(f, ref))
	began := time.Now()
	res, err := a.client.do(ctx, v, request{"POST", f.action, kind, body}, nil)
	g := Donation{Ref: ref, Amount: d.amount, At: time.Now()}
	done, bad := a.judge(res, err)
	if bad == "" {
		g.SID, g.Side = side(done)
	}
	a.record.post(g, s.Donate, began, bad)
	if bad != "" {
		return
	}
	a.look(ctx, v, "GET", done, time.Now())
	a.record.visit(wanted)
}

// look fetches a page; an answer below 500 is right, whatever it says: a log is full of pages not found.
func (a *attack) look(ctx context.Context, v *visitor, method, target string, from time.Time) {
	res, err := a.client.do(ctx, v, request{method: method, target: target}, nil)
	a.record.page(from, wrong(res, err))
}

// form fetches a form's page. A page without a webform, such as the login's, is an error for a donor; anybody else has
// looked at it, and is counted as unposted.
func (a *attack) form(ctx context.Context, v *visitor, s Step, wanted time.Time) (form, bool) {
	var f form
	found := false
	res, err := a.client.do(ctx, v, request{method: "GET", target: s.Target}, func(page []byte) { f, found = a.forms.read(s.Target, page) })
	bad := wrong(res, err)
	if bad == "" && found {
		f.action, found = a.here(f.action, s.Target)
	}
	if bad == "" && !found {
		if s.Donate {
			bad = "no_form"
		} else {
			a.record.unposted()
		}
	}
	a.record.page(wanted, bad)
	return f, bad == "" && found
}

// here turns an address on a page into a target of this site; the empty one is the page's own. An address of another site
// is refused: a load test stays where it was sent.
func (a *attack) here(address, own string) (target string, ok bool) {
	if address == "" {
		return own, true
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, "/") || (u.Host != "" && u.Host != a.plan.Host) {
		return "", false
	}
	return u.RequestURI(), true
}

// judge reads the answer to a post: taken is a 302 to a page of this site (gateway.md D-11), and a 200 shows the form again
// with what was wrong.
func (a *attack) judge(res answer, err error) (done, bad string) {
	if bad := wrong(res, err); bad != "" {
		return "", bad
	}
	if res.status == 200 {
		return "", "refused"
	}
	if res.status != 302 && res.status != 303 {
		return "", "status_" + strconv.Itoa(res.status)
	}
	done, ok := a.here(res.location, "")
	if !ok || done == "" {
		return "", "redirect"
	}
	return done, ""
}

func wrong(res answer, err error) string {
	if err != nil {
		return failure(err)
	}
	if res.status >= 500 {
		return "status_" + strconv.Itoa(res.status)
	}
	return ""
}

// side tells from a done page's sid who took the post.
func side(done string) (sid uint64, by string) {
	_, query, _ := strings.Cut(done, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, Legacy
	}
	sid, err = strconv.ParseUint(values.Get("sid"), 10, 64)
	if err == nil && sid >= servicesFrom {
		return sid, Services
	}
	return sid, Legacy
}
