package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const runtimePath = "/2018-06-01/runtime/"

func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen(About{Function: "donate", Version: "3", Handler: "bootstrap", Account: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and answers with the status and the body.
func ask(t *testing.T, s *Server, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+s.Address()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func expect(t *testing.T, s *Server, method, path, body string, status int, text string, headers ...string) {
	t.Helper()
	if got, said := ask(t, s, method, path, body, headers...); got != status || said != text {
		t.Fatalf("%s %s: %d %s\nwant %d %s", method, path, got, said, status, text)
	}
}

// within waits for a channel that must be closed soon.
func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing within 10 s", what)
	}
}

// waiting starts a next, waits until the server has it, and gives the function that reads its answer.
func waiting(t *testing.T, s *Server) func() *http.Response {
	t.Helper()
	got := make(chan *http.Response, 1)
	go func() {
		resp, err := http.Get("http://" + s.Address() + runtimePath + "invocation/next")
		if err != nil {
			resp = nil // the server may have been closed; who reads sees it
		}
		got <- resp
	}()
	for end := time.Now().Add(10 * time.Second); ; {
		s.mu.Lock()
		n := len(s.waiters)
		s.mu.Unlock()
		if n > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no next within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
	return func() *http.Response {
		t.Helper()
		resp := <-got
		if resp == nil {
			t.Fatal("next has broken off")
		}
		resp.Body.Close()
		return resp
	}
}

// invoked is a server with an invocation that its runtime has fetched.
func invoked(t *testing.T) (*Server, *Invocation) {
	t.Helper()
	s := listen(t)
	read := waiting(t, s)
	inv := NewInvocation()
	inv.ID, inv.Deadline, inv.Payload = "id-1", time.Now().Add(time.Minute), []byte(`{}`)
	s.Invoke(inv)
	read()
	return s, inv
}

func TestNextCarriesWhatThereIs(t *testing.T) {
	t.Parallel()
	s := listen(t)
	read := waiting(t, s)
	within(t, "ready", s.Ready())
	inv := NewInvocation()
	inv.ID, inv.ARN, inv.Deadline, inv.Payload = "id-1", "arn:f", time.UnixMilli(1700000000123), []byte(`{"a":1}`)
	s.Invoke(inv)
	h := read().Header
	want := http.Header{"Lambda-Runtime-Aws-Request-Id": {"id-1"}, "Lambda-Runtime-Invoked-Function-Arn": {"arn:f"},
		"Lambda-Runtime-Deadline-Ms": {"1700000000123"}, "Content-Type": {"application/json"}, "Content-Length": {"7"}}
	for name := range h {
		if name != "Date" && h.Get(name) != want.Get(name) {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want.Get(name))
		}
	}
	for name := range want {
		if h.Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	again, _ := ask(t, s, "GET", runtimePath+"invocation/next", "")
	if again != 200 {
		t.Errorf("a second next before the answer: %d, want the same event again", again)
	}
}

func TestResponseThenNextIsDone(t *testing.T) {
	t.Parallel()
	s, inv := invoked(t)
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", `"hello"`, 202, `{"status":"OK"}`)
	within(t, "answer", inv.Answered())
	if r := inv.Response(); string(r.Payload) != `"hello"` || r.ErrorType != "" {
		t.Errorf("response %+v", r)
	}
	select {
	case <-inv.Done():
		t.Fatal("done before the next next")
	default:
	}
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", `"twice"`, 403,
		`{"errorMessage":"State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`)
	waiting(t, s)
	within(t, "done", inv.Done())
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", `"late"`, 400, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
}

func TestInitError(t *testing.T) {
	t.Parallel()
	s := listen(t)
	expect(t, s, "POST", runtimePath+"init/error", `{"errorType":"NoLayer","errorMessage":"no postcode index"}`, 202, `{"status":"OK"}`)
	f := <-s.Failed()
	if f.Response == nil || f.Response.ErrorType != "NoLayer" {
		t.Errorf("failure %+v", f)
	}
	expect(t, s, "GET", runtimePath+"invocation/next", "", 403,
		`{"errorMessage":"State transition from InitError to Ready failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`)
	s, _ = invoked(t)
	expect(t, s, "POST", runtimePath+"init/error", `{}`, 403,
		`{"errorMessage":"State transition from Ready to InitError failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`)
}

func TestErrorTypes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		body, header, want string
	}{
		{`{"errorMessage":"no","errorType":"errorString"}`, "", "errorString"},
		{`{"errorMessage":"no","errorType":"errorString"}`, "Function.Gone", "Function.Gone"},
		{`no JSON`, "", "Runtime.Unknown"},
	} {
		s, inv := invoked(t)
		var headers []string
		if test.header != "" {
			headers = []string{"lambda-runtime-function-error-type", test.header}
		}
		expect(t, s, "POST", runtimePath+"invocation/id-1/error", test.body, 202, `{"status":"OK"}`, headers...)
		if r := inv.Response(); r.ErrorType != test.want || string(r.Payload) != test.body {
			t.Errorf("%s: %+v", test.body, r)
		}
	}
	s, inv := invoked(t)
	expect(t, s, "POST", runtimePath+"invocation/id-1/error", `{"errorMessage":"no","errorType":"T","errorCause":{"exceptions":[]}}`, 202,
		`{"status":"OK"}`, "Content-Type", "application/vnd.aws.lambda.error.cause+json")
	if r := inv.Response(); string(r.Payload) != `{"errorType":"T","errorMessage":"no"}` || r.Cause != `{"exceptions":[]}` {
		t.Errorf("with cause: %s %s", r.Payload, r.Cause)
	}
}

func TestSixMegabytesAndOneByteMore(t *testing.T) {
	t.Parallel()
	s, inv := invoked(t)
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", strings.Repeat("x", MaxPayload), 202, `{"status":"OK"}`)
	if n := len(inv.Response().Payload); n != MaxPayload {
		t.Errorf("%d bytes arrived", n)
	}
	s, inv = invoked(t)
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", strings.Repeat("x", MaxPayload+1), 413,
		`{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`)
	want := `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`
	if r := inv.Response(); string(r.Payload) != want {
		t.Errorf("%s", r.Payload)
	}
	waiting(t, s) // a runtime that goes on may
	within(t, "done", inv.Done())
}

func TestModeThatIsNone(t *testing.T) {
	t.Parallel()
	s, inv := invoked(t)
	expect(t, s, "POST", runtimePath+"invocation/id-1/response", "x", 400, `{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}`,
		"Lambda-Runtime-Function-Response-Mode", "buffered")
	if inv.Response().ErrorType != "Runtime.InvalidResponseModeHeader" {
		t.Errorf("%+v", inv.Response())
	}
}

// wire sends bytes as they stand, and reads one response.
func wire(t *testing.T, s *Server, text string, shut bool) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if shut {
		conn.(*net.TCPConn).CloseWrite()
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp, strings.TrimSpace(string(body))
}

func TestStrangeButLegalClients(t *testing.T) {
	t.Parallel()
	const post = "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"
	for name, request := range map[string]string{
		"lower case, no agent":   post + "host: x\r\ncontent-length: 4\r\n\r\n\"ok\"",
		"upper case":             post + "HOST: x\r\nCONTENT-LENGTH: 4\r\n\r\n\"ok\"",
		"chunked":                post + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\"o\r\n2;ext=1\r\nk\"\r\n0\r\n\r\n",
		"chunked upper case":     post + "Host: x\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\n\"ok\"\r\n0\r\n\r\n",
		"both":                   post + "Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\"ok\"\r\n0\r\n\r\n",
		"expects to go on":       post + "Host: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\"ok\"",
		"trailers that say none": post + "Host: x\r\nTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n4\r\n\"ok\"\r\n0\r\n\r\n",
		"old":                    strings.Replace(post, "1.1", "1.0", 1) + "Content-Length: 4\r\n\r\n\"ok\"",
	} {
		s, inv := invoked(t)
		resp, body := wire(t, s, request, false)
		if resp.StatusCode == 100 { // then the answer follows; what counts is that it went on
			within(t, name, inv.Answered())
		} else if resp.StatusCode != 202 || body != `{"status":"OK"}` {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		if r := inv.Response(); string(r.Payload) != `"ok"` || r.ErrorType != "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTruncatedBodies(t *testing.T) {
	t.Parallel()
	const post = "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\n"
	for name, request := range map[string]string{
		"by length": post + "Content-Length: 400\r\n\r\n\"half",
		"by chunk":  post + "Transfer-Encoding: chunked\r\n\r\n20\r\n\"half",
		"no end":    post + "Transfer-Encoding: chunked\r\n\r\n5\r\n\"half\r\n",
	} {
		s, inv := invoked(t)
		resp, body := wire(t, s, request, true)
		if want := `{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}`; resp.StatusCode != 400 || body != want {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		within(t, name, inv.Answered())
		if r := inv.Response(); r.ErrorType != "Runtime.TruncatedResponse" {
			t.Errorf("%s: %+v %s", name, r, r.Payload)
		}
	}
}

func TestTrailersSayThatAStreamFailed(t *testing.T) {
	t.Parallel()
	s, inv := invoked(t)
	const body = "eyJlcnJvck1lc3NhZ2UiOiJjdXQiLCJlcnJvclR5cGUiOiJUYXBlIn0=" // {"errorMessage":"cut","errorType":"Tape"}
	wire(t, s, "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"+
		"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n4\r\nhalf\r\n0\r\n"+
		"Lambda-Runtime-Function-Error-Type: Tape\r\nLambda-Runtime-Function-Error-Body: "+body+"\r\n\r\n", false)
	if r := inv.Response(); r.ErrorType != "Tape" || string(r.Payload) != `{"errorMessage":"cut","errorType":"Tape"}` {
		t.Errorf("%+v %s", r, r.Payload)
	}
}

func TestStreamComesWhileItIsMade(t *testing.T) {
	t.Parallel()
	s := listen(t)
	read := waiting(t, s)
	inv := NewInvocation()
	out, in := io.Pipe()
	inv.ID, inv.Deadline, inv.Stream = "id-1", time.Now().Add(time.Minute), in
	s.Invoke(inv)
	read()
	body, feed := io.Pipe()
	posted := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+s.Address()+runtimePath+"invocation/id-1/response", body)
		req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			posted <- 0
			return
		}
		resp.Body.Close()
		posted <- resp.StatusCode
	}()
	for i := range 3 {
		part := fmt.Appendf(nil, "part %d", i)
		feed.Write(part)
		got := make([]byte, len(part))
		if _, err := io.ReadFull(out, got); err != nil || !bytes.Equal(got, part) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	feed.Close()
	if status := <-posted; status != 202 {
		t.Errorf("status %d", status)
	}
	if r := inv.Response(); !r.Streamed || r.Payload != nil || r.Size != 18 {
		t.Errorf("%+v", r)
	}
}

func TestARuntimeMayHoldSeveralConnections(t *testing.T) {
	t.Parallel()
	s := listen(t)
	one := waiting(t, s)
	conn, err := net.Dial("tcp", s.Address()) // a second next, given up before it is answered
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
	conn.Close()
	inv := NewInvocation()
	inv.ID, inv.Deadline = "id-1", time.Now().Add(time.Minute)
	s.Invoke(inv)
	if id := one().Header.Get("Lambda-Runtime-Aws-Request-Id"); id != "id-1" {
		t.Errorf("id %q", id)
	}
}

// FuzzWire throws bytes at the server: it answers or closes, and stays able to serve.
func FuzzWire(f *testing.F) {
	f.Add([]byte("POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\"ok\""))
	f.Add([]byte("PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("POST /2020-01-01/extension/register HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: a\r\nContent-Length: 21\r\n\r\n{\"events\":[\"INVOKE\"]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Listen(About{})
		if err != nil {
			t.Skip(err)
		}
		defer s.Close()
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(text)
		conn.(*net.TCPConn).CloseWrite()
		conn.SetDeadline(time.Now().Add(100 * time.Millisecond)) // a next with more bytes behind it waits on
		io.Copy(io.Discard, conn)
		conn.Close()
		resp, err := http.Get("http://" + s.Address() + "/2018-06-01/ping")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
}

// A runtime may write the whole of its body before it looks for an answer: it must find the refusal, not a broken connection.
func TestRefusalIsReadAfterABigBody(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	s, _ := invoked(t)
	for path, want := range map[string]string{"invocation/id-0/response": "400 Bad Request", "invocation/id-0/error": "400 Bad Request", "init/error": "403 Forbidden"} {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(c, "POST %s%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", runtimePath, path, size)
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		resp.Body.Close()
		if resp.Status != want {
			t.Errorf("%s: %s, want %s", path, resp.Status, want)
		}
	}
}
