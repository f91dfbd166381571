package drupal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/mark"
)

// What a donor reads when the service gave no answer that says more. Neither claims what is not known.
const (
	notTaken = "Sorry, we could not take your gift just now: nothing was taken. Please try again in a few minutes."
	notKnown = "Sorry, we do not know yet whether your gift was taken. Please send the form again without changing anything: the same gift is never taken twice."
	notPaid  = "Sorry, we could not reach the page where you pay: nothing was taken. Please send the form again without changing anything."
)

// reply is what a service answers: data, or what was wrong.
type reply struct {
	Data struct {
		ID   string `json:"id"`
		Next string `json:"next"`
	} `json:"data"`
	Message string              `json:"message"`
	Errors  map[string][]string `json:"validation_errors"`
}

// donate takes a posted gift: what Drupal refuses is refused in its words without asking the service, what the service
// refuses in the service's. The form comes back with the typing kept; where it is not the typing that was wrong, with
// the same form_build_id too, so that sending it again has the same key.
func (a *Adapter) donate(ctx context.Context, r *Request, call Call) Answer {
	values := a.values(r.post)
	if wrong := a.check(values); len(wrong) > 0 {
		return a.refused(r, values, "form-"+token(), wrong)
	}
	gift := form.DonationOf(a.answered(values))
	if a.pay != "" {
		gift.Payment = &form.Payment{Method: a.pay}
	}
	body, err := json.Marshal(gift)
	if err != nil {
		return a.again(r, values, http.StatusInternalServerError, notTaken)
	}
	got, in, err := a.ask(ctx, r, call, a.form.Target, body)
	switch {
	case errors.Is(err, mark.ErrWrong):
		return Answer{Status: http.StatusForbidden, Reason: http.StatusText(http.StatusForbidden),
			Header: [][2]string{{"Content-Type", "text/plain; charset=utf-8"}}, Body: []byte("The mark of this request is wrong.\n")}
	case errors.Is(err, ErrNotSent):
		return a.again(r, values, http.StatusServiceUnavailable, notTaken)
	case err != nil:
		return a.again(r, values, http.StatusGatewayTimeout, notKnown)
	case got.Status/100 == 2 && in.Data.ID != "":
		return a.accepted(ctx, r, call, values, in.Data.ID)
	case got.Status == http.StatusBadRequest:
		return a.refused(r, values, "form-"+token(), a.told(in))
	}
	return a.failed(r, values, got, in)
}

// answered is the form's values as the service's single ones: "no" for each yes-or-no box that nobody ticked, since a
// browser leaves it out and the donor saw it; several choices in one text, so that none is lost. Radios that nobody
// touched are no answer.
func (a *Adapter) answered(values map[string][]string) map[string][]string {
	values = maps.Clone(values)
	for _, c := range a.list {
		if c.Drawn == "checkboxes" && len(values[c.Key]) == 0 && slices.Equal(c.Choices, []string{"1"}) {
			values[c.Key] = []string{"0"}
		}
		if len(values[c.Key]) > 1 {
			values[c.Key] = []string{strings.Join(values[c.Key], ", ")}
		}
	}
	return values
}

// ask sends one JSON request to a service. Its key makes it safe to send again: it comes of the form that was shown
// and of what is asked, so that a retry of the same typing from the same page is the same request, however the
// browser encodes it.
func (a *Adapter) ask(ctx context.Context, r *Request, call Call, target string, body []byte) (Answer, reply, error) {
	header := [][2]string{{"Content-Type", "application/json"}, {"Accept", "application/json"}}
	if build := r.post.text("form_build_id"); build != "" { // without one the service goes by the body for ten minutes
		sum := sha256.Sum256(append([]byte(build+"\x00"+target+"\x00"), body...))
		header = append(header, [2]string{"Idempotency-Key", hex.EncodeToString(sum[:])})
	}
	header = append(header, [2]string{"X-Request-Id", r.ID})
	if r.Trace != "" {
		header = append(header, [2]string{"traceparent", r.Trace})
	}
	signed, err := a.sign(r, target, body)
	if err != nil {
		return Answer{}, reply{}, err
	}
	got, err := call(ctx, http.MethodPost, target, append(header, signed...), body)
	if err != nil {
		return got, reply{}, err
	}
	var in reply
	if err := json.Unmarshal(got.Body, &in); err != nil {
		in = reply{} // a page of something in between: its status says what there is to know
	}
	return got, in, nil
}

// sign tells the service who the visitor is. A mark was made for the visitor's own post: it is checked, and made anew
// for the request that comes of it. Only test comes from outside; shadows are the engine's.
func (a *Adapter) sign(r *Request, target string, body []byte) (header [][2]string, err error) {
	now := a.now()
	if len(a.keys) > 0 {
		header = append(header, [2]string{mark.ClientHeader, a.keys.SignClient(a.key, mark.Client{Address: r.Client, Request: r.ID}, now)})
	}
	if r.Mark == "" {
		return header, nil
	}
	kind, err := a.keys.Check(r.Mark, r.Method, r.target(), r.Body, now)
	if err == nil && kind != mark.Test {
		err = mark.ErrWrong
	}
	return append(header, [2]string{mark.Header, a.keys.Sign(a.key, kind, now, http.MethodPost, target, body)}), err
}

// accepted is Drupal's answer to a submission that it stored, less the session that it begins: the done page needs
// none. Without a payment method the donor goes to the acquirer's page first.
func (a *Adapter) accepted(ctx context.Context, r *Request, call Call, values map[string][]string, id string) Answer {
	to := fmt.Sprintf("%s%s?sid=%d", base(r), donePath(a.form.Node), sid(id))
	if a.pay == "" {
		body := fmt.Appendf(nil, `{"for":{"service":%q,"id":%q}}`, a.service, id)
		got, in, err := a.ask(ctx, r, call, "/payments", body)
		if err != nil || got.Status/100 != 2 {
			return a.again(r, values, http.StatusServiceUnavailable, notPaid)
		}
		if in.Data.Next != "" {
			to = in.Data.Next
		}
	}
	return Answer{Status: http.StatusFound, Reason: "Found", Header: [][2]string{
		{"Content-Type", "text/html; charset=UTF-8"},
		{"Expires", "Sun, 19 Nov 1978 05:00:00 GMT"},
		{"Cache-Control", "no-cache, must-revalidate"},
		{"X-Content-Type-Options", "nosniff"},
		{"Location", to},
	}}
}

// told is what the service found wrong, in Drupal's markup and the form's order.
func (a *Adapter) told(in reply) []refusal {
	var all []refusal
	left := maps.Clone(in.Errors)
	for _, c := range a.list {
		for field, texts := range in.Errors {
			if a.form.Component(field) == c.Key {
				all = append(all, shown(c.Key, texts)...)
				delete(left, field)
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(left)) { // of what the form does not show
		all = append(all, shown("", left[field])...)
	}
	if len(all) == 0 {
		all = shown("", []string{cmp.Or(in.Message, notTaken)})
	}
	return all
}

func shown(key string, texts []string) (all []refusal) {
	for _, t := range texts {
		all = append(all, refusal{key, checkPlain(t)})
	}
	return all
}

// refused is the form again, as Drupal answers what it does not take: with 200.
func (a *Adapter) refused(r *Request, values map[string][]string, build string, wrong []refusal) Answer {
	f := fill{build: build, values: values, wrong: map[string]bool{}}
	for _, w := range wrong {
		f.messages = append(f.messages, w.html)
		f.wrong[w.key] = true
	}
	return a.show(r, errorFile, f)
}

// again is the form with nothing wrong in it but our own trouble, to be sent again as it stands.
func (a *Adapter) again(r *Request, values map[string][]string, status int, text string) Answer {
	answer := a.refused(r, values, cmp.Or(r.post.text("form_build_id"), "form-"+token()), []refusal{{"", checkPlain(text)}})
	answer.Status, answer.Reason = status, http.StatusText(status)
	return answer
}

// failed is for a service that neither took nor refused. What is paused, too much or not reachable did surely not
// happen; after any other failure nobody knows.
func (a *Adapter) failed(r *Request, values map[string][]string, got Answer, in reply) Answer {
	status, text := http.StatusBadGateway, notKnown
	switch got.Status {
	case http.StatusConflict, http.StatusServiceUnavailable: // a paused service says so itself
		status, text = http.StatusServiceUnavailable, notTaken
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		status, text = got.Status, cmp.Or(in.Message, notTaken)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		text = notTaken // the services are not set up as the gateway thinks
	}
	if got.Status == http.StatusConflict {
		text = cmp.Or(in.Message, notTaken)
	}
	answer := a.again(r, values, status, text)
	for _, h := range got.Header {
		if strings.EqualFold(h[0], "Retry-After") {
			answer.Header = append(answer.Header, [2]string{"Retry-After", h[1]})
		}
	}
	return answer
}
