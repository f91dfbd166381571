package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/banyan-migration/banyan/infra/fakes/codedeploy"
	"github.com/banyan-migration/banyan/shared/mark"
)

const key = "k1:sixteen bytes and more"

// stage is a stage in AWS: functions that answer as the services do, CodeDeploy, and Secrets Manager.
type stage struct {
	codedeploy.Server
	mu        sync.Mutex
	functions map[string]http.HandlerFunc // by ARN; HTTP events
	queued    []string                    // bodies of messages
	refuses   bool                        // the functions refuse messages
	denies    int                         // as many invocations are refused by IAM first
	fails     string                      // the functions' error; empty: none
	runs      string                      // the version that runs; empty: the one that is asked
	gifts     map[string]gift
	log       bytes.Buffer
}

const version = "arn:aws:lambda:eu-west-1:111122223333:function:banyan-dev-donate:7"

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, invocation := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
	switch {
	case invocation:
		name := strings.TrimSuffix(path, "/invocations")
		s.invoke(w, r, name)
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."):
		var in struct{ SecretId string }
		json.NewDecoder(r.Body).Decode(&in)
		if in.SecretId != "banyan/dev/key" {
			w.WriteHeader(400)
			w.Write([]byte(`{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}`))
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"SecretString": `{"marks":"` + key + `"}`})
	default:
		s.Server.ServeHTTP(w, r)
	}
}

func (s *stage) invoke(w http.ResponseWriter, r *http.Request, name string) {
	answer, known := s.functions[name]
	if !known {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(404)
		w.Write([]byte(`{"Message":"Function not found: ` + name + `"}`))
		return
	}
	if s.denies > 0 {
		s.denies--
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(403)
		w.Write([]byte(`{"Message":"User: hook is not authorized to perform: lambda:InvokeFunction on resource: ` + name + `"}`))
		return
	}
	w.Header().Set("X-Amz-Executed-Version", s.runs)
	if s.fails != "" {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		w.Write([]byte(s.fails))
		return
	}
	var in struct {
		events.APIGatewayV2HTTPRequest
		Records []events.SQSMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(err)
	}
	if in.Records != nil {
		s.message(w, in.Records)
		return
	}
	target := in.RawPath
	if in.RawQueryString != "" {
		target += "?" + in.RawQueryString
	}
	asked := httptest.NewRequest(in.RequestContext.HTTP.Method, target, strings.NewReader(in.Body))
	for k, v := range in.Headers {
		asked.Header.Set(k, v)
	}
	out := httptest.NewRecorder()
	answer(out, asked)
	json.NewEncoder(w).Encode(events.APIGatewayV2HTTPResponse{StatusCode: out.Code, Body: out.Body.String()})
}

func (s *stage) message(w http.ResponseWriter, records []events.SQSMessage) {
	var failed events.SQSEventResponse
	for _, r := range records {
		s.queued = append(s.queued, r.Body)
		if s.refuses {
			failed.BatchItemFailures = append(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		}
	}
	json.NewEncoder(w).Encode(failed)
}

// service answers as the three services do, with gifts for its state.
func (s *stage) service(w http.ResponseWriter, r *http.Request) {
	write := func(status int, data any, message string) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"data": data, "message": message})
	}
	body := new(bytes.Buffer)
	body.ReadFrom(r.Body)
	keys, _ := mark.ParseKeys(key)
	if signed := r.Header.Get(mark.Header); signed != "" {
		if kind, err := keys.Check(signed, r.Method, r.URL.RequestURI(), body.Bytes(), time.Now()); err != nil || kind != mark.Test {
			write(403, struct{}{}, "The mark's signature does not hold")
			return
		}
	} else if r.Method == http.MethodPost {
		write(201, struct{}{}, "an unmarked gift was taken: it would be money")
		return
	}
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/health"), strings.HasSuffix(path, "/state"):
		write(200, switched{"OK"}, "success")
	case path == "/donations":
		g := gift{ID: "g-" + r.Header.Get("Idempotency-Key"), State: "pending", Giving: "single", Amount: ten}
		s.gifts[g.ID] = g
		write(201, g, "success")
	case strings.HasPrefix(path, "/donations/"):
		g, there := s.gifts[strings.TrimPrefix(path, "/donations/")]
		if !there {
			write(404, struct{}{}, "There is nothing here")
			return
		}
		write(200, g, "success")
	case path == "/postcode/lookup" && r.URL.Query().Get("query") == "SE1 7TP":
		w.Write([]byte(`{"addresses":[{"Line1":"1 Gingerbread Row","posttown":"London","postcode":"SE1 7TP"}]}`))
	case path == "/postcode/lookup":
		w.Write([]byte(`{"addresses":[],"message":"Search string is not a valid postcode: ` + r.URL.Query().Get("query") + `"}`))
	case path == "/payments":
		state := "pending"
		if len(s.queued) > 0 {
			state = "settled"
		}
		write(201, map[string]any{"state": state, "amount": ten, "attempts": []map[string]string{{"acquirer": "stripe", "state": state}}}, "success")
	case strings.HasPrefix(path, "/payments/") && r.Header.Get("Authorization") == "":
		write(401, struct{}{}, "Please log in")
	default:
		write(404, struct{}{}, "There is nothing here")
	}
}

// newStage has donate's version 7, the alias live, and the lies that a test wants told: answers by "METHOD path".
func newStage(t *testing.T, lies map[string]string) *stage {
	t.Helper()
	s := &stage{gifts: map[string]gift{}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		if lie, told := lies[r.Method+" "+r.URL.Path]; told {
			status, body, _ := strings.Cut(lie, " ")
			code := map[string]int{"200": 200, "201": 201, "404": 404, "500": 500}[status]
			w.WriteHeader(code)
			w.Write([]byte(body))
			return
		}
		s.service(w, r)
	}
	s.functions = map[string]http.HandlerFunc{version: answer, strings.TrimSuffix(version, ":7") + ":live": answer}
	return s
}

// called is what became of one call: the reported status and the log.
func (s *stage) called(t *testing.T, vars map[string]string) (status, log string) {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	c := aws.Config{Region: "eu-west-1", BaseEndpoint: &web.URL, RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		})}
	all := map[string]string{"NEW_VERSION": version, "BANYAN_KEY": key, "_HANDLER": "before.Donate"}
	for k, v := range vars {
		all[k] = v
	}
	h := newHook(c, func(name string) string { return all[name] }, time.Now, slog.New(slog.NewJSONHandler(&s.log, nil)))
	h.grants = grants{patience: 20 * time.Second, pause: time.Millisecond}
	execution, told := s.Expect("d-ABCDEF123")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := h.handle(ctx, event{"d-ABCDEF123", execution}); err != nil {
		t.Fatal(err)
	}
	select {
	case status = <-told:
	default:
		t.Fatal("nothing was reported")
	}
	return status, s.log.String()
}

func TestAGoodVersionIsReported(t *testing.T) {
	t.Parallel()
	for handler, vars := range map[string]map[string]string{
		"before.Donate":   {},
		"after.Donate":    {"NEW_VERSION": strings.TrimSuffix(version, ":7") + ":live"},
		"before.Payments": {"DONATE": version, "TEST_METHOD": "pm_card_visa"},
		"after.Payments":  {},
		"before.Postcode": {"BANYAN_KEY": ""},
	} {
		t.Run(handler, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			vars["_HANDLER"] = handler
			if status, log := s.called(t, vars); status != codedeploy.Succeeded {
				t.Errorf("reported %s:\n%s", status, log)
			}
			if made := len(s.gifts); (handler != "after.Payments" && handler != "before.Postcode") != (made == 1) {
				t.Errorf("%d gifts", made)
			}
		})
	}
}

func TestTheKeyMayBeASecretsName(t *testing.T) {
	t.Parallel()
	if status, log := newStage(t, nil).called(t, map[string]string{"BANYAN_KEY": "secretsmanager:banyan/dev/key#marks"}); status != codedeploy.Succeeded {
		t.Errorf("reported %s:\n%s", status, log)
	}
	status, log := newStage(t, nil).called(t, map[string]string{"BANYAN_KEY": "secretsmanager:banyan/prod/key"})
	if status != codedeploy.Failed || !strings.Contains(log, "BANYAN_KEY: the secret banyan/prod/key") {
		t.Errorf("reported %s:\n%s", status, log)
	}
}

// TestWhatAnAnswerSaysIsReadToo: each of these has the status of a good answer, or says what is wrong in its own way.
func TestWhatAnAnswerSaysIsReadToo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ handler, at, lie, want string }{
		"paused":            {"before.Donate", "GET /donate/state", `200 {"data":{"state":"TEMPORARILY_PAUSED"},"message":"success"}`, "the service is TEMPORARILY_PAUSED"},
		"sick":              {"before.Donate", "GET /donate/health", `500 {"data":{},"message":"internal error","request":"r-1"}`, "answered 500, want 200: internal error"},
		"no gift":           {"before.Donate", "POST /donations", `201 {"data":{},"message":"success"}`, "the gift has no id"},
		"another amount":    {"before.Donate", "POST /donations", `201 {"data":{"id":"g","state":"pending","giving":"single","amount":{"minor":100,"currency":"GBP"}},"message":"success"}`, "amount is {100 GBP}, want {1000 GBP}"},
		"settled at once":   {"before.Donate", "POST /donations", `201 {"data":{"id":"g","state":"settled","giving":"single","amount":{"minor":1000,"currency":"GBP"}},"message":"success"}`, "state is settled, want pending"},
		"gift not kept":     {"before.Donate", "GET /donations/g-hook-d-ABCDEF123-before", `404 {"data":{},"message":"There is nothing here"}`, "GET /donations/{id}: answered 404, want 200"},
		"another gift":      {"before.Donate", "GET /donations/g-hook-d-ABCDEF123-before", `200 {"data":{"id":"h","state":"pending","amount":{"minor":1000,"currency":"GBP"}},"message":"success"}`, "id is h, want g-hook"},
		"not JSON":          {"before.Donate", "GET /donate/health", `200 <html>`, "not the JSON"},
		"no envelope":       {"before.Donate", "GET /donate/health", `200 {"state":"OK"}`, "message is"},
		"no addresses":      {"before.Postcode", "GET /postcode/lookup", `200 {"addresses":[],"message":"No addresses found for SE1 7TP"}`, "is the Layer there"},
		"another place":     {"before.Postcode", "GET /postcode/lookup", `200 {"addresses":[{"Line1":"1 Row","posttown":"Leeds","postcode":"LS1 1AA"}]}`, "postcode is LS1 1AA, want SE1 7TP"},
		"tells anybody":     {"before.Payments", "GET /payments/00000000-0000-0000-0000-000000000000", `200 {"data":{},"message":"success"}`, "answered 200, want 401"},
		"refused by field":  {"before.Donate", "POST /donations", `500 {"data":{},"message":"Please check the form","validation_errors":{"amount":["at least £20"]}}`, "amount: at least £20"},
		"charge not there":  {"before.Payments", "POST /payments", `404 {"data":{},"message":"There is no such gift"}`, "answered 404, want 201"},
		"charge not solved": {"before.Payments", "POST /payments", `201 {"data":{"state":"pending","amount":{"minor":1000,"currency":"GBP"},"attempts":[]},"message":"success"}`, "state is pending, want settled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := map[string]string{"_HANDLER": c.handler}
			if strings.HasPrefix(name, "charge") {
				vars["DONATE"], vars["TEST_METHOD"] = version, "pm_card_visa"
			}
			status, log := newStage(t, map[string]string{c.at: c.lie}).called(t, vars)
			if status != codedeploy.Failed || !strings.Contains(log, c.want) {
				t.Errorf("reported %s, want %s for %q:\n%s", status, codedeploy.Failed, c.want, log)
			}
		})
	}
}

func TestAnyFailureIsReportedWithItsReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars  map[string]string
		wrong func(*stage)
		want  []string
	}{
		"every missing variable at once": {map[string]string{"NEW_VERSION": "", "BANYAN_KEY": ""}, nil, []string{"NEW_VERSION is not set", "BANYAN_KEY is not set"}},
		"half of a charge":               {map[string]string{"_HANDLER": "before.Payments", "DONATE": version}, nil, []string{"DONATE and TEST_METHOD go together"}},
		"no version":                     {map[string]string{"NEW_VERSION": strings.TrimSuffix(version, ":7")}, nil, []string{"would ask $LATEST"}},
		"a handler of nobody's":          {map[string]string{"_HANDLER": "bootstrap"}, nil, []string{`the Handler \"bootstrap\"`, "before.SERVICE"}},
		"a version that is not there":    {map[string]string{"NEW_VERSION": version + "7"}, nil, []string{"Function not found"}},
		"a function that fails": {nil, func(s *stage) {
			s.fails = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 1"}`
		}, []string{"Runtime.ExitError", "exit status 1"}},
		"another version answers": {nil, func(s *stage) { s.runs = "6" }, []string{"version 6 answered, and 7 was asked"}},
		"another key":             {map[string]string{"BANYAN_KEY": "k1:another key of a size"}, nil, []string{"answered 403", "signature does not hold"}},
		"the queue is refused": {map[string]string{"_HANDLER": "before.Payments", "DONATE": version, "TEST_METHOD": "pm"}, func(s *stage) { s.refuses = true },
			[]string{"could not take it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, nil)
			if c.wrong != nil {
				c.wrong(s)
			}
			status, log := s.called(t, c.vars)
			if status != codedeploy.Failed {
				t.Errorf("reported %s", status)
			}
			for _, want := range c.want {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not say %q:\n%s", want, log)
				}
			}
		})
	}
}

// TestTheEndOfItsTimeIsReported: a version that never answers costs the hook its time, and not its report.
func TestTheEndOfItsTimeIsReported(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	t.Cleanup(func() { close(hangs) })
	s := newStage(t, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/functions/") {
			select {
			case <-hangs:
			case <-r.Context().Done():
			}
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(web.CloseClientConnections)
	var log bytes.Buffer
	c := aws.Config{Region: "eu-west-1", BaseEndpoint: &web.URL, Credentials: aws.AnonymousCredentials{}}
	vars := map[string]string{"NEW_VERSION": version, "BANYAN_KEY": key, "_HANDLER": "before.Donate"}
	h := newHook(c, func(name string) string { return vars[name] }, time.Now, slog.New(slog.NewJSONHandler(&log, nil)))
	execution, told := s.Expect("d-1")
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := h.handle(ctx, event{"d-1", execution}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if status := <-told; status != codedeploy.Failed || !strings.Contains(log.String(), "no answer in time, at GET /donate/health: the hook has 1s in all") {
		t.Errorf("reported %s:\n%s", status, log.String())
	}
}

// TestRightsMayComeLate: IAM knows of them some seconds after the deployment made them; one that never comes is a failure, within
// the hook's time and with AWS's own words.
func TestRightsMayComeLate(t *testing.T) {
	t.Parallel()
	late := newStage(t, nil)
	late.denies = 5
	if status, log := late.called(t, nil); status != codedeploy.Succeeded || len(late.gifts) != 1 || strings.Count(log, "is not there yet") != 1 {
		t.Errorf("reported %s, with %d gifts:\n%s", status, len(late.gifts), log)
	}
	never := newStage(t, nil)
	never.denies = 1 << 30
	web := httptest.NewServer(never)
	t.Cleanup(web.Close)
	for name, g := range map[string]grants{"its patience ends": {30 * time.Millisecond, time.Millisecond}, "its time ends": {time.Hour, time.Millisecond}} {
		var log bytes.Buffer
		c := aws.Config{Region: "eu-west-1", BaseEndpoint: &web.URL, Credentials: aws.AnonymousCredentials{}}
		vars := map[string]string{"NEW_VERSION": version, "BANYAN_KEY": key, "_HANDLER": "before.Donate"}
		h := newHook(c, func(name string) string { return vars[name] }, time.Now, slog.New(slog.NewJSONHandler(&log, nil)))
		h.grants = g
		execution, told := never.Expect("d-1")
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		if err := h.handle(ctx, event{"d-1", execution}); err != nil {
			t.Fatal(err)
		}
		stop()
		if status := <-told; status != codedeploy.Failed || !strings.Contains(log.String(), "AccessDeniedException") {
			t.Errorf("%s: reported %s:\n%s", name, status, log.String())
		}
	}
}

// TestACallThatComesAgainChangesNothing: CodeDeploy's call may be tried again by Lambda.
func TestACallThatComesAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	c := aws.Config{Region: "eu-west-1", BaseEndpoint: &web.URL, Credentials: aws.AnonymousCredentials{}}
	vars := map[string]string{"NEW_VERSION": version, "BANYAN_KEY": key, "_HANDLER": "before.Donate"}
	h := newHook(c, func(name string) string { return vars[name] }, time.Now, slog.New(slog.DiscardHandler))
	execution, told := s.Expect("d-1")
	for range 2 {
		if err := h.handle(t.Context(), event{"d-1", execution}); err != nil {
			t.Fatal(err)
		}
	}
	if status := <-told; status != codedeploy.Succeeded || len(s.gifts) != 1 {
		t.Errorf("reported %s, with %d gifts", status, len(s.gifts))
	}
	if err := h.handle(t.Context(), event{"d-1", "another's"}); err == nil {
		t.Error("a report that CodeDeploy refuses must be an error, or nobody hears of it")
	}
	if err := h.handle(t.Context(), event{}); err == nil {
		t.Error("an event that is not CodeDeploy's was taken")
	}
}

// healthAlone are the services that have no check of their own, each with the reason.
var healthAlone = map[string]string{}

// TestEveryServiceHasItsCheck names the services that would go live on their health alone.
func TestEveryServiceHasItsCheck(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("../../services")
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, f := range folders {
		if f.IsDir() && f.Name() != "all" {
			services = append(services, f.Name())
		}
	}
	for _, s := range services {
		_, checked := checks[s]
		_, excused := healthAlone[s]
		if checked == excused {
			t.Errorf("%s: want a check in infra/hooks, or else a reason in healthAlone why its health is enough (has a check: %v)", s, checked)
		}
	}
	for s := range checks {
		if !slices.Contains(services, s) {
			t.Errorf("there is a check of %s, and no such service", s)
		}
	}
}

// TestAServiceWithoutACheckIsAskedForItsHealth and says so in its log.
func TestAServiceWithoutACheckIsAskedForItsHealth(t *testing.T) {
	t.Parallel()
	status, log := newStage(t, nil).called(t, map[string]string{"_HANDLER": "before.Gallery", "BANYAN_KEY": ""})
	if status != codedeploy.Succeeded || !strings.Contains(log, "nothing but its health was asked") {
		t.Errorf("reported %s:\n%s", status, log)
	}
}

func TestNothingOfASecretIsLogged(t *testing.T) {
	t.Parallel()
	for _, k := range []string{key, "k1:too short"} {
		_, log := newStage(t, nil).called(t, map[string]string{"BANYAN_KEY": k})
		if strings.Contains(log, "sixteen bytes") && k == key || strings.Contains(log, "too short") {
			t.Errorf("the log has the key:\n%s", log)
		}
	}
}

func TestARefusedReportIsTheCallsOwnError(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400) }))
	t.Cleanup(down.Close)
	c := aws.Config{Region: "eu-west-1", BaseEndpoint: &down.URL, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}}
	h := newHook(c, func(string) string { return "" }, time.Now, slog.New(slog.DiscardHandler))
	if err := h.handle(t.Context(), event{"d-1", "e-1"}); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
