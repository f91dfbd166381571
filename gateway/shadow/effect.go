package shadow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// page is the form adapter's own answer to a GET: nobody is asked for it.
func (w *worker) page(cp *Copy) diff.Answer {
	began := w.t.c.o.Now()
	a := cp.Form.Serve(context.Background(), &cp.Post, nil)
	cp.group.results[resultOK].Add(1)
	return diff.Answer{Status: a.Status, Header: dated(a.Header), Body: a.Body, Took: w.t.c.o.Now().Sub(began)}
}

// shadowed is what the service answered to a write's shadow.
type shadowed struct {
	asked  bool
	answer diff.Answer
	ended  result
	wrote  struct {
		Writes   json.RawMessage
		Messages []struct{ Type string }
	}
}

// stored says whether the service would have taken the post.
func (s *shadowed) stored() bool { return s.asked && s.answer.Status/100 == 2 }

// effect sends a post that legacy has answered to the service, as the adapter would, and compares what the service would have stored with what
// Drupal did (H-9).
func (w *worker) effect(cp *Copy) {
	if !w.proven(cp) {
		cp.group.dropped(Unproven)
		return
	}
	var got shadowed
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said := cp.Form.Serve(ctx, &cp.Post, w.call(cp, &got))
	p := Pair{Request: cp.Request, Evidence: cp.Evidence, Effect: true, Legacy: cp.donor(), New: diff.Answer{Status: said.Status, Header: said.Header, Body: said.Body, Took: got.answer.Took}}
	if got.asked {
		cp.group.results[got.ended].Add(1)
		w.t.ended(got.ended)
		p.New.Failed = got.answer.Failed
	}
	if got.stored() { // the adapter's answer may be that of a payment that no shadow begins
		p.New.Status, p.New.Header, p.New.Body = 302, nil, nil
	}
	if w.judge(ctx, cp, &p, &got) {
		w.tell(cp, p)
	}
}

// call is how the adapter reaches the service for a shadow. A second request, which would begin a payment, is not sent.
func (w *worker) call(cp *Copy, got *shadowed) drupal.Call {
	return func(_ context.Context, method, target string, header [][2]string, body []byte) (drupal.Answer, error) {
		if got.asked {
			return drupal.Answer{}, fmt.Errorf("shadow: %w", drupal.ErrNotSent)
		}
		got.asked = true
		got.ended = w.send(cp, w.t, w.request(cp, method, target, header, body), &got.answer)
		if got.ended != resultOK {
			return drupal.Answer{}, fmt.Errorf("shadow: %s", resultNames[got.ended])
		}
		if got.answer.Status/100 == 2 && !acknowledges(got.answer, cp.Request.ID) {
			w.unproven(cp, "a write was answered without "+ackHeader+": it may be live there")
		}
		var told struct{ Shadow json.RawMessage }
		if json.Unmarshal(got.answer.Body, &told) == nil && told.Shadow != nil {
			_ = json.Unmarshal(told.Shadow, &got.wrote) // what is not as it should be counts as nothing written
		}
		return drupal.Answer{Status: got.answer.Status, Header: got.answer.Header, Body: slices.Clone(got.answer.Body)}, nil
	}
}

// request writes a request of the adapter's, as the engine's own does, with the mark of a shadow.
func (w *worker) request(cp *Copy, method, target string, header [][2]string, body []byte) []byte {
	b := fmt.Appendf(w.out[:0], "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, cmp.Or(w.t.OwnHost, cp.Post.Host))
	for _, h := range header {
		b = append(append(append(append(b, h[0]...), ": "...), h[1]...), "\r\n"...)
	}
	b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	w.out = append(w.seal(b, w.t, method, target, body), body...)
	return w.out
}

// proven says whether the side has shown that it keeps nothing of shadows; a side that was not asked yet is asked now, for its health.
func (w *worker) proven(cp *Copy) bool {
	t, now := w.t, w.t.c.o.Now()
	ok, due := t.proof.stands(now)
	if ok || !due {
		return ok
	}
	target := "/" + cp.Service + "/health"
	header := [][2]string{{"X-Request-Id", cp.Request.ID}}
	if name, value, found := strings.Cut(strings.TrimSpace(string(cp.Client)), ": "); found {
		header = append(header, [2]string{name, value})
	}
	var a diff.Answer
	r := w.send(cp, t, w.request(cp, "GET", target, header, nil), &a)
	t.ended(r)
	switch {
	case r != resultOK:
		return false // it is not there; that says nothing of shadows
	case acknowledges(a, cp.Request.ID):
		t.proof.show()
		return true
	}
	w.unproven(cp, fmt.Sprintf("GET %s was answered %d without %s", target, a.Status, ackHeader))
	return false
}

func (w *worker) unproven(cp *Copy, reason string) {
	if w.t.proof.refuse(w.t.c.o.Now(), reason) {
		w.t.c.o.Log.Error("the new side does not acknowledge shadow requests: no writes are copied to it, and it is asked again in "+proofAge.String()+
			"; put a version of the services behind it that knows the mark, with the gateway's BANYAN_KEY", "backend", w.t.Name, "address", w.t.Address, "why", reason, "group", cp.group.Name)
	}
}

// judge fills in the pair's result: what each side made of the post, and where both stored it, what. It is false where nobody can tell.
func (w *worker) judge(ctx context.Context, cp *Copy, p *Pair, got *shadowed) bool {
	o := &w.t.c.o
	sid, taken := submission(p.Legacy)
	broken := func(a diff.Answer) bool { return a.Failed != "" || a.Status >= 500 }
	if broken(p.Legacy) || broken(p.New) || !taken && (p.Legacy.Status != 200 || !got.asked) {
		p.Result = w.diff(*p) // a refusal that is the form's own has Drupal's words
		return true
	}
	old, fresh := diff.Effect{}, diff.Effect{}
	if !taken {
		old.Refused = "refused"
	}
	if !got.stored() {
		fresh.Refused = got.refused()
	}
	if taken && got.stored() {
		row, err := o.Stored(ctx, int64(cp.Node), sid)
		if err != nil {
			o.Log.Warn("the row that the old site stored cannot be read: its write is not compared; the donor was served", "sid", sid, "error", err)
			cp.group.dropped(Unread)
			return false
		}
		old.Stored = form.Canonical(row)
		if row, err = o.Wrote(ctx, cp.Service, got.wrote.Writes); err == nil {
			fresh.Stored = form.Canonical(row)
		} else {
			o.Log.Warn("a shadow's writes are no row of the form", "service", cp.Service, "error", err)
		}
		old.Sent, fresh.Sent = got.sent(cp.Pay)
	}
	p.Class, p.Result = o.Diff.Effects(p.Request, old, fresh)
	return true
}

// refused says with what status the service refused, and which fields of the form: never what was typed there.
func (s *shadowed) refused() string {
	var in struct {
		Errors map[string]json.RawMessage `json:"validation_errors"`
	}
	if json.Unmarshal(s.answer.Body, &in) != nil || len(in.Errors) == 0 {
		return fmt.Sprintf("refused with %d", s.answer.Status)
	}
	return fmt.Sprintf("refused with %d: %s", s.answer.Status, strings.Join(slices.Sorted(maps.Keys(in.Errors)), ", "))
}

// sent is what must follow a gift whose form names a way to pay, and what would have.
func (s *shadowed) sent(pay bool) (want, would []string) {
	if pay {
		want = []string{requested}
	}
	for _, m := range s.wrote.Messages {
		if m.Type == requested {
			would = append(would, requested)
		}
	}
	return want, would
}

// requested is the message that begins a payment; a gift without it is stored and never collected.
const requested = "payments.requested"

// submission is the sid in Drupal's answer to a submission that it stored: 302 to /node/N/done?sid=S (D-11).
func submission(a diff.Answer) (sid int64, ok bool) {
	if a.Status != 302 && a.Status != 303 {
		return 0, false
	}
	for _, h := range a.Header {
		if !strings.EqualFold(h[0], "Location") {
			continue
		}
		u, err := url.Parse(h[1])
		if err != nil {
			return 0, false
		}
		sid, err = strconv.ParseInt(u.Query().Get("sid"), 10, 64)
		return sid, err == nil && sid > 0
	}
	return 0, false
}
