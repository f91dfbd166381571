// Package drupal is all that the gateway knows of Drupal: the names of its pages and cookies, what is noise in its
// answers, and the form adapter, which turns the post of a webform into a service's request and the service's answer
// into what Drupal would have said.
package drupal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/mark"
)

// Request is a client's request as the adapter needs it: its head parsed, its body whole.
type Request struct {
	Method, Path, Query string // raw, the query without its '?'
	Host, Scheme        string // the visitor's own (W-31)
	ContentType         string
	Body                []byte
	Client, ID          string // the visitor's address; the request's id
	Mark, Trace         string // X-Banyan-Mark and traceparent as received; "" if none

	post *array // the body as PHP reads it, once Takes has
}

func (r *Request) target() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// Answer is what goes back, or what came: header lines in order, without those of framing and without Date.
type Answer struct {
	Status int
	Reason string
	Header [][2]string
	Body   []byte
}

// Call sends one request to the services over the engine's own pools, which add Host and the framing.
type Call func(ctx context.Context, method, target string, header [][2]string, body []byte) (Answer, error)

// ErrNotSent is in the chain of a Call's error when no byte of the request left, so that nothing can have come of it.
var ErrNotSent = errors.New("the request was not sent")

// Options are what New needs.
type Options struct {
	Node    int              // the webform's node; shared/form says what becomes of its values
	Service string           // the service that takes its posts; it must be the form's own
	Pay     string           // the payment method of a post; empty: the acquirer's page asks
	Pages   fs.FS            // what freeze-forms wrote; nil: the sample site's
	Keys    mark.Keys        // sign X-Banyan-Client and check and sign X-Banyan-Mark; without any, no service knows the visitor
	Key     string           // the id of the key that signs
	Now     func() time.Time // nil: time.Now
}

// Adapter answers a webform's page in Drupal's name. It is immutable and safe for concurrent use.
type Adapter struct {
	form    form.Form
	service string
	pay     string
	keys    mark.Keys
	key     string
	now     func() time.Time
	list    []component
	headers map[string][]string
	pages   map[string]page
}

// New reads the frozen pages and checks that they are whole, are those of the form, and list nothing that the adapter
// cannot take.
func New(o Options) (*Adapter, error) {
	known, ok := form.ByNode(int64(o.Node))
	if !ok || known.Target == "" {
		return nil, fmt.Errorf("form: node %d has no live mapping to a service in shared/form; leave `form:` out and it goes to legacy", o.Node)
	}
	if o.Service != known.Service {
		return nil, fmt.Errorf("form: node %d (%s) goes to the service %s, not %q", o.Node, known.Alias, known.Service, o.Service)
	}
	pages := o.Pages
	if pages == nil {
		pages = form.Sample(known.Node)
	}
	a := &Adapter{form: known, service: o.Service, pay: o.Pay, keys: o.Keys, key: o.Key, now: o.Now, pages: map[string]page{}}
	if a.now == nil {
		a.now = time.Now
	}
	if err := a.read(pages); err != nil {
		return nil, fmt.Errorf("form: the frozen pages of node %d: %w; `banyan cutover freeze-forms` writes them anew", o.Node, err)
	}
	return a, nil
}

// read takes the frozen pages and finds every fault in them at once.
func (a *Adapter) read(pages fs.FS) error {
	text, err := fs.ReadFile(pages, listFile)
	if err != nil {
		return err
	}
	var f frozen
	if err := json.Unmarshal(text, &f); err != nil {
		return fmt.Errorf("%s: %w", listFile, err)
	}
	var wrong []error
	if f.Node != a.form.Node {
		wrong = append(wrong, fmt.Errorf("%s is of node %d", listFile, f.Node))
	}
	mapped, listed := map[string]bool{}, map[string]bool{}
	for _, c := range a.form.Components {
		mapped[c.Key] = true
	}
	for _, c := range f.Components {
		listed[c.Key] = true
		wrong = append(wrong, takes(c.Component))
		if input(c.Type) && !mapped[c.Key] {
			wrong = append(wrong, fmt.Errorf("%s lists component %s, which has no place in the service's request (shared/form): its values would be lost", listFile, c.Key))
		}
	}
	for _, c := range a.form.Components {
		if c.Mandatory && !listed[c.Key] {
			wrong = append(wrong, fmt.Errorf("%s lists no component %s, which the service needs", listFile, c.Key))
		}
	}
	a.form.Alias, a.list, a.headers = f.Alias, f.Components, f.Headers
	return errors.Join(append(wrong,
		a.open(pages, formFile, "action", "build"),
		a.open(pages, errorFile, "action", "build", "messages"),
		a.open(pages, doneFile))...)
}

func (a *Adapter) open(pages fs.FS, name string, needs ...string) error {
	text, err := fs.ReadFile(pages, name)
	if err != nil {
		return err
	}
	if a.pages[name], err = parsePage(name, string(text), a.list); err != nil {
		return err
	}
	for _, line := range a.headers[name] {
		if field, _, ok := strings.Cut(line, ": "); !ok || field == "" {
			return fmt.Errorf("%s: the header line %q of %s is none", listFile, line, name)
		}
	}
	for _, word := range needs {
		if !a.pages[name].has(word) {
			return fmt.Errorf("%s has no slot {{%s}}", name, word)
		}
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._\[\]:-]+$`)

// Takes says whether the adapter answers a request to one of its names: a GET or HEAD of the form, or of the done
// page of a gift of its own; a post of this very form by somebody who is not signed in. The login block posts to the
// same address, a signed-in person's post has a token that only Drupal can check (D-6), and both are legacy's, as is
// whatever is not a plain form in UTF-8.
func (a *Adapter) Takes(r *Request) bool {
	if !hostName.MatchString(r.Host) {
		return false
	}
	switch r.Method {
	case "GET", "HEAD":
		return !a.isDone(r) || a.Done(r.Query)
	case "POST":
		return !a.isDone(r) && a.reads(r)
	}
	return false
}

func (a *Adapter) reads(r *Request) bool {
	post, err := parseBody(r.ContentType, r.Body)
	if err != nil || post.text("form_id") != fmt.Sprintf("webform_client_form_%d", a.form.Node) || post.of["form_token"] != nil {
		return false
	}
	r.post = post
	return legible(post)
}

// legible says whether all of it can be stored and shown: UTF-8 without NUL.
func legible(post *array) bool {
	for _, v := range post.of {
		if v.list != nil && !legible(v.list) || !utf8.ValidString(v.text) || strings.Contains(v.text, "\x00") {
			return false
		}
	}
	return true
}

// Serve answers a request that Takes has taken. It calls the service for a post and for nothing else; all that can go
// wrong there is an answer too.
func (a *Adapter) Serve(ctx context.Context, r *Request, call Call) Answer {
	var answer Answer
	switch {
	case r.Method == "POST":
		return a.donate(ctx, r, call)
	case a.isDone(r):
		answer = a.show(r, doneFile, fill{})
	default:
		answer = a.show(r, formFile, fill{build: "form-" + token()})
	}
	if r.Method == "HEAD" {
		answer.Body = nil
	}
	return answer
}

// show renders a page with the header lines that the old site gave it.
func (a *Adapter) show(r *Request, name string, f fill) Answer {
	f.base, f.action, f.destination = base(r), r.target(), a.destination(r)
	header := make([][2]string, 0, len(a.headers[name])+1)
	for _, line := range a.headers[name] {
		name, value, _ := strings.Cut(line, ": ")
		header = append(header, [2]string{name, value})
	}
	return Answer{Status: 200, Reason: "OK", Header: header, Body: a.pages[name].render(f)}
}

// base is what Drupal puts before the absolute addresses of a page: they follow the visitor's scheme and Host (D-15).
func base(r *Request) string {
	if r.Scheme == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
