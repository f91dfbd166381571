package api

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const extensionPath = "/2020-01-01/extension/"

// registered registers an extension and gives its identifier.
func registered(t *testing.T, s *Server, name, events string, headers ...string) (id, body string) {
	t.Helper()
	req, _ := http.NewRequest("POST", "http://"+s.Address()+extensionPath+"register", strings.NewReader(`{"events":[`+events+`]}`))
	req.Header.Set("Lambda-Extension-Name", name)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		t.Fatalf("register %s: %d %s", name, resp.StatusCode, text)
	}
	return resp.Header.Get("Lambda-Extension-Identifier"), strings.TrimSpace(string(text))
}

// event asks for an extension's next event in the background.
func event(t *testing.T, s *Server, id string) <-chan string {
	got := make(chan string, 1)
	req, err := http.NewRequest("GET", "http://"+s.Address()+extensionPath+"event/next", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Lambda-Extension-Identifier", id)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return // the server has been closed
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		got <- string(text)
	}()
	return got
}

func TestAnExtensionsLife(t *testing.T) {
	t.Parallel()
	s := listen(t)
	s.Expect("watcher")
	select {
	case <-s.Registered():
		t.Fatal("registered before it was")
	default:
	}
	id, body := registered(t, s, "watcher", `"INVOKE","SHUTDOWN"`, "Lambda-Extension-Accept-Feature", "accountId")
	if want := `{"accountId":"123456789012","functionName":"donate","functionVersion":"3","handler":"bootstrap"}`; body != want {
		t.Errorf("registered: %s, want %s", body, want)
	}
	within(t, "registered", s.Registered())
	read := waiting(t, s)
	select {
	case <-s.Ready():
		t.Fatal("ready before the extension is")
	default:
	}
	got := event(t, s, id)
	within(t, "ready", s.Ready())

	inv := NewInvocation()
	inv.ID, inv.ARN, inv.Trace, inv.Deadline = "id-1", "arn:f", "Root=1", time.UnixMilli(1700000000123)
	s.Invoke(inv)
	read()
	if body, want := <-got, `{"eventType":"INVOKE","deadlineMs":1700000000123,"requestId":"id-1","invokedFunctionArn":"arn:f","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}`; body != want {
		t.Errorf("event %s\nwant  %s", body, want)
	}
	ask(t, s, "POST", runtimePath+"invocation/id-1/response", "{}")
	waiting(t, s)
	within(t, "asked", inv.Asked())
	select {
	case <-inv.Done():
		t.Fatal("done before the extension is")
	default:
	}
	got = event(t, s, id)
	within(t, "done", inv.Done())
	s.Shutdown("spindown", time.UnixMilli(1700000002000))
	if body, want := <-got, `{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1700000002000}`; body != want {
		t.Errorf("event %s, want %s", body, want)
	}
}

func TestRegistrationsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := listen(t)
	s.Expect("watcher")
	const name = "Lambda-Extension-Name"
	refused := func(text string, headers ...string) {
		t.Helper()
		expect(t, s, "POST", extensionPath+"register", `{"events":["INVOKE"]}`, 403, text, headers...)
	}
	refused(`{"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}`)
	expect(t, s, "POST", extensionPath+"register", `{`, 403, `{"errorMessage":"unexpected end of JSON input","errorType":"InvalidRequestFormat"}`, name, "x")
	expect(t, s, "POST", extensionPath+"register", `{"events":["BIRTHDAY"]}`, 403,
		`{"errorMessage":"BIRTHDAY: invalid event type","errorType":"Extension.InvalidEventType"}`, name, "watcher")
	expect(t, s, "POST", extensionPath+"register", `{"events":["SHUTDOWN"]}`, 403,
		`{"errorMessage":"SHUTDOWN: invalid event type","errorType":"Extension.InvalidEventType"}`, name, "internal")
	id, _ := registered(t, s, "watcher", `"INVOKE"`)
	refused(`{"errorMessage":"State transition from Registered to Registered failed for extension watcher. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`, name, "watcher")
	internal, _ := registered(t, s, "internal", "")
	refused(`{"errorMessage":"Extension with this name already registered","errorType":"Extension.InvalidExtensionState"}`, name, "internal")
	ids := []string{id, internal}
	for i := range 8 {
		more, _ := registered(t, s, string(rune('a'+i)), "")
		ids = append(ids, more)
	}
	refused(`{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}`, name, "eleventh")
	for _, id := range ids {
		event(t, s, id)
	}
	waiting(t, s)
	within(t, "ready", s.Ready())
	refused(`{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`, name, "late")
}

func TestIdentifiersThatAreRefused(t *testing.T) {
	t.Parallel()
	s := listen(t)
	const header, stranger = "Lambda-Extension-Identifier", "0d9bd6d3-2f2b-4b3c-9d1c-1f0d3f0d3f0d"
	for _, path := range []string{"GET event/next", "POST init/error", "POST exit/error"} {
		method, path, _ := strings.Cut(path, " ")
		expect(t, s, method, extensionPath+path, "", 403, `{"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`)
		expect(t, s, method, extensionPath+path, "", 403, `{"errorMessage":"Invalid Lambda-Extension-Identifier","errorType":"Extension.InvalidExtensionIdentifier"}`, header, "no uuid")
		expect(t, s, method, extensionPath+path, "", 403, `{"errorMessage":"Unknown extension `+stranger+`","errorType":"Extension.UnknownExtensionIdentifier"}`, header, stranger)
	}
	id, _ := registered(t, s, "x", "")
	expect(t, s, "POST", extensionPath+"init/error", "", 403, `{"errorMessage":"Lambda-Extension-Function-Error-Type not found","errorType":"Extension.MissingHeader"}`, header, id)
	expect(t, s, "POST", extensionPath+"init/error", "", 202, `{"status":"OK"}`, header, id, "Lambda-Extension-Function-Error-Type", "X.Broken")
	if f := <-s.Failed(); f.Extension != "x" || f.Kind != "Extension.InitError" || f.Text != "X.Broken" {
		t.Errorf("%+v", f)
	}
	expect(t, s, "GET", extensionPath+"event/next", "", 403,
		`{"errorMessage":"State transition from InitError to Ready failed for extension `+id+`. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`, header, id)
	expect(t, s, "POST", extensionPath+"exit/error", "", 403,
		`{"errorMessage":"State transition from InitError to Exited failed for extension `+id+`. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`,
		header, id, "Lambda-Extension-Function-Error-Type", "X.Broken")
}

func newListener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// destination gathers what it is sent.
func destination(t *testing.T) (uri string, got chan []map[string]any) {
	t.Helper()
	got = make(chan []map[string]any, 100)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var batch []map[string]any
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		got <- batch
	})}
	l := newListener(t)
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return "http://sandbox.localdomain:" + port, got
}

func TestTelemetryIsDelivered(t *testing.T) {
	t.Parallel()
	s := listen(t)
	uri, got := destination(t)
	s.Emit("platform.initStart", map[string]string{"phase": "init"}) // before anybody could subscribe
	id, _ := registered(t, s, "x", "")
	expect(t, s, "PUT", "/2022-07-01/telemetry", `{"schemaVersion":"2025-01-29","types":["platform","function"],"buffering":{"timeoutMs":25},
		"destination":{"protocol":"HTTP","URI":"`+uri+`"}}`, 200, `"OK"`, "Lambda-Extension-Identifier", id)
	s.Emit("function", "a line")
	s.Emit("extension", "nobody asked for it")
	s.Emit("platform.end", "an event of the other API")
	var kinds []string
	for len(kinds) < 3 {
		select {
		case batch := <-got:
			for _, e := range batch {
				kinds = append(kinds, e["type"].(string))
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("only %v within 10 s", kinds)
		}
	}
	if all := strings.Join(kinds, " "); all != "platform.initStart platform.telemetrySubscription function" {
		t.Errorf("events %s", all)
	}
	event(t, s, id)
	waiting(t, s)
	within(t, "ready", s.Ready())
	expect(t, s, "PUT", "/2022-07-01/telemetry", `{"types":["platform"],"destination":{"protocol":"HTTP","URI":"`+uri+`"}}`, 403,
		`{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}`, "Lambda-Extension-Identifier", id)
	s.Emit("function", "after init")
	s.Flush(time.Now().Add(10 * time.Second))
	if batch := <-got; batch[0]["record"] != "after init" || !s.Quiet() {
		t.Errorf("batch %v", batch)
	}
}

func TestLogsOverTCP(t *testing.T) {
	t.Parallel()
	s := listen(t)
	l := newListener(t)
	defer l.Close()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	id, _ := registered(t, s, "x", "")
	expect(t, s, "PUT", "/2020-08-15/logs", `{"types":["platform"],"buffering":{"timeoutMs":25},"destination":{"protocol":"TCP","port":`+port+`}}`,
		200, `"OK"`, "Lambda-Extension-Identifier", id)
	s.Emit("platform.runtimeDone", "an event of the other API")
	s.Emit("platform.end", map[string]string{"requestId": "id-1"})
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(conn)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"platform.logsSubscription"`) || !strings.Contains(lines[1], `"record":{"requestId":"id-1"}`) {
		t.Errorf("%q", lines)
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := listen(t)
	id, _ := registered(t, s, "x", "")
	const to = `"destination":{"protocol":"HTTP","URI":"http://sandbox:8080"}`
	for body, why := range map[string]string{
		`{"types":["platform"],"schemaVersion":"1999-01-01",` + to + `}`: `schemaVersion \"1999-01-01\" is not supported`,
		`{"types":[],` + to + `}`:                                                    `types must not be empty`,
		`{"types":["gossip"],` + to + `}`:                                            `type \"gossip\" is not one of platform, function, extension`,
		`{"types":["platform"],"buffering":{"maxItems":1},` + to + `}`:               `maxItems must be from 1000 to 10000`,
		`{"types":["platform"],"destination":{"protocol":"UDP"}}`:                    `destination.protocol must be HTTP or TCP`,
		`{"types":["platform"],"destination":{"protocol":"TCP"}}`:                    `destination.port must be from 1 to 65535`,
		`{"types":["platform"],"destination":{"protocol":"HTTP","URI":"https://x"}}`: `destination.URI must be http://sandbox.localdomain:PORT`,
	} {
		expect(t, s, "PUT", "/2022-07-01/telemetry", body, 400, `{"errorMessage":"`+why+`","errorType":"ValidationError"}`, "Lambda-Extension-Identifier", id)
	}
}
