package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

type card struct {
	Method string `json:"method"`
}

type request struct {
	Name  string   `json:"name"`
	Tick  *bool    `json:"tick"`
	Count int      `json:"count"`
	Tags  []string `json:"tags"`
	Card  *card    `json:"card"`
}

func (r request) Validate() error {
	var wrong fault.List
	if r.Name == "" {
		wrong = append(wrong, fault.Wrong("name", web.Missing))
	}
	if r.Count < 0 {
		wrong = append(wrong, fault.Wrong("count", "must not be less than nothing"))
	}
	return wrong.Err()
}

type answer struct {
	Got     string `json:"got"`
	Attempt string `json:"attempt,omitempty"`
}

func echo(ctx context.Context, in request) (answer, error) {
	raw, err := json.Marshal(in)
	return answer{string(raw), web.AttemptOf(ctx).Key}, err
}

func ask(h http.Handler, method, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/x", strings.NewReader(body))
	if method == "GET" {
		r = httptest.NewRequest(method, "/x?"+body, nil)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Idempotency-Key", "key-1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const asked = `{"name":"Ann","tick":true,"count":2,"tags":["a","b"],"card":{"method":"test"}}`

func TestBodiesMeanTheSameWhateverTheirForm(t *testing.T) {
	t.Parallel()
	h := web.JSON(201, echo)
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	for _, kv := range [][2]string{{"name", "Ann"}, {"tick", "1"}, {"count", "2"}, {"tags[]", "a"}, {"tags[]", "b"}, {"card[method]", "test"}} {
		m.WriteField(kv[0], kv[1])
	}
	m.Close()
	encoded := "name=Ann&tick=on&count=2&tags[]=a&tags[]=b&card%5Bmethod%5D=test"
	want := fmt.Sprintf(`{"data":{"got":%q,"attempt":"key-1"},"message":"success"}`, asked)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"json": ask(h, "POST", "application/json", asked), "no type": ask(h, "POST", "", asked), "urlencoded": ask(h, "POST", "application/x-www-form-urlencoded; charset=utf-8", encoded),
		"multipart": ask(h, "POST", m.FormDataContentType(), form.String()), "query": ask(h, "GET", "", encoded),
	} {
		if w.Code != 201 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s\nwant %s", name, w.Code, w.Body, want)
		}
	}
}

func TestEveryWrongFieldIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	h := web.JSON(201, echo)
	for _, c := range []struct{ kind, body, want string }{
		{"application/json", `{"name":7,"tick":"maybe","surprise":1,"count":-1}`,
			`"validation_errors":{"count":["must not be less than nothing"],"name":["must be text"],"surprise":["is not a field of this request"],"tick":["must be yes or no"]}`},
		{"application/x-www-form-urlencoded", `tick=maybe&count=x&surprise=1&name=a&name=b`,
			`"validation_errors":{"count":["must be a whole number"],"name":["was given more than once"],"surprise":["is not a field of this request"],"tick":["must be yes or no"]}`},
		{"application/json", `{}`, `"message":"required fields are missing","validation_errors":{"name":["is required"]}`},
		{"application/json", `{"name":"Ann","card":{"method":"test","number":"4242"}}`, `"validation_errors":{"card":["is not in the expected form"]}`},
		{"application/json", `[1]`, `"message":"The request is not a JSON object"`},
		{"application/json", `{"name":`, `"message":"The request is not a JSON object"`},
		{"application/x-www-form-urlencoded", `name=%zz`, `"message":"The form's fields cannot be read"`},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n", `"message":"This form takes no files"`},
		{"multipart/form-data; boundary=x", "no parts", `"message":"The form's fields cannot be read"`},
	} {
		w := ask(h, "POST", c.kind, c.body)
		if w.Code != 400 || !strings.Contains(w.Body.String(), c.want) || !strings.HasPrefix(w.Body.String(), `{"data":{},"message":`) {
			t.Errorf("%s: %d %s\nwant %s", c.body, w.Code, w.Body, c.want)
		}
	}
}

func TestLenientIgnoresWhatItDoesNotKnow(t *testing.T) { // story.md 7.1
	t.Parallel()
	h := web.Lenient(200, echo)
	if w := ask(h, "POST", "application/json", `{"name":"Ann","surprise":{"x":1}}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", "application/json", `not JSON`); w.Code != 400 || !strings.Contains(w.Body.String(), `"name":["is required"]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	w := ask(web.JSON(200, echo), "POST", "application/json", `{"name":"`+strings.Repeat("a", web.Limit)+`"}`)
	if w.Code != 413 || !strings.Contains(w.Body.String(), "larger than 1 MiB") {
		t.Errorf("%d %.100s", w.Code, w.Body)
	}
}

func TestFailuresAreShownByTheirKind(t *testing.T) {
	t.Parallel()
	secret := errors.New("db-1.internal refused")
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{secret, 500, `{"data":{},"message":"internal error","request_id":"r-1"}`},
		{&fault.Error{Kind: fault.Internal, Text: "nobody reads this", Err: secret}, 500, `{"data":{},"message":"internal error","request_id":"r-1"}`},
		{fmt.Errorf("donate: %w", &fault.Error{Kind: fault.Unavailable, Text: "Please try again", Err: secret}), 503, `{"data":{},"message":"Please try again","request_id":"r-1"}`},
		{&fault.Error{Kind: fault.TooMany, Text: "Slower, please"}, 429, `{"data":{},"message":"Slower, please"}`},
		{&fault.Error{Kind: fault.Unauthenticated}, 401, `{"data":{},"message":"unauthenticated"}`},
		{&fault.Error{Kind: fault.Denied, Text: "No"}, 403, `{"data":{},"message":"No"}`},
		{fmt.Errorf("get: %w", kv.ErrNotFound), 404, `{"data":{},"message":"There is nothing here"}`},
		{fmt.Errorf("put: %w", kv.ErrConflict), 409, `{"data":{},"message":"Somebody else changed this at the same moment: please try again"}`},
		{fault.List{fault.Wrong("a", "is odd"), fault.Wrong("b", "is even"), fault.Wrong("a", "is red")}, 400,
			`{"data":{},"message":"is odd","validation_errors":{"a":["is odd","is red"],"b":["is even"]}}`},
	} {
		var logged bytes.Buffer
		r := httptest.NewRequest("GET", "/donations/secret-id", nil)
		r = r.WithContext(web.With(r.Context(), web.Caller{Request: "r-1", Route: "/donations/{id}", Log: slog.New(slog.NewTextHandler(&logged, nil))}))
		w := httptest.NewRecorder()
		web.Func(func(http.ResponseWriter, *http.Request) error { return c.err }).ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%v: %d %s\nwant %d %s", c.err, w.Code, w.Body, c.status, c.body)
		}
		if log := logged.String(); (c.status >= 500) != strings.Contains(log, "request=r-1") || c.status >= 500 && !strings.Contains(log, "db-1.internal refused") || strings.Contains(log, "secret-id") {
			t.Errorf("%v: logged %q", c.err, log)
		}
		if wait := w.Header().Get("Retry-After"); (c.status == 429 || c.status == 503) != (wait == "10") {
			t.Errorf("%v: Retry-After %q", c.err, wait)
		}
	}
}

func TestOperatorsMayWhatTheirRolesSay(t *testing.T) {
	t.Parallel()
	finance := web.Caller{Operator: "Ann", Roles: []string{"view", "finance"}}
	if err := finance.May("finance"); err != nil {
		t.Error(err)
	}
	if err := finance.May("moderator"); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
	if err := web.From(t.Context()).May("view"); fault.KindOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
}

func TestAttemptIsKnownByItsBody(t *testing.T) {
	t.Parallel()
	var got web.Attempt
	h := web.Func(func(w http.ResponseWriter, r *http.Request) (err error) {
		var in request
		got, err = web.Read(w, r, &in)
		return err
	})
	ask(h, "POST", "application/json", asked)
	if got != (web.Attempt{Key: "key-1", Body: sha256.Sum256([]byte(asked))}) {
		t.Errorf("%+v", got)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header.Set("Idempotency-Key", strings.Repeat("k", 256))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("a key of 256 characters: %d", w.Code)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("application/json", asked)
	f.Add("application/x-www-form-urlencoded", "name=Ann&card[method]=x&tags[]=1&card[method][x]=1")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAnn\r\n--x--\r\n")
	h := web.JSON(200, echo)
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		raw, _ := io.ReadAll(w.Body)
		if !json.Valid(raw) || w.Code != 200 && w.Code != 400 {
			t.Errorf("%d %s", w.Code, raw)
		}
	})
}
