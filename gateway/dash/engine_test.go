package dash_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/split"
)

// logged is what the access log says of a request's way.
type logged struct {
	Rule, Group, Side, Reason string
	Revision                  int64
}

// L-12: explain names the reason, the side, the route and the revision that the log holds for the same request.
func TestExplainSaysWhatTheLogHolds(t *testing.T) {
	t.Parallel()
	side := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(side.Close)
	text := strings.NewReplacer("http://127.0.0.1:9001", side.URL, "http://127.0.0.1:9002", side.URL, "key: url\n    weight: 10000", "key: url\n    weight: 5000").Replace(file)
	c, err := config.Parse("gateway.yaml", []byte(text+"  team:\n    from: drupal\n    to: services\n    key: header:X-Team\n    weight: 5000\n    routes: [{match: GET /team/*}]\n"), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := cutover.Open(t.Context(), cutover.Options{Seeds: c.Seeds()})
	if err != nil {
		t.Fatal(err)
	}
	at := plan.Now().Group("donate")
	if _, err := plan.Set(t.Context(), cutover.Change{Group: "donate", Weight: 5000, If: at.Revision, Who: "ada", Why: "half"}); err != nil {
		t.Fatal(err)
	}
	ring, err := split.NewKeyring(split.Secret{ID: "k1", Value: "a secret of some length"})
	if err != nil {
		t.Fatal(err)
	}
	read, write := io.Pipe()
	g, err := gateway.New(gateway.Options{Config: c, Plan: plan.Now, Keys: ring, Access: write})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go g.Serve(l)
	t.Cleanup(func() { read.Close(); g.Shutdown(t.Context()) })
	lines := json.NewDecoder(bufio.NewReader(read))
	for i, request := range []string{
		"GET /donate", "HEAD /node/2", "GET /?q=donate", "GET /postcode/N1", "GET /postcode/N2", "GET /postcode/N3", "GET /postcode/a%2Fb",
		"GET /about-us", "GET //donate", "GET /donate?q[]=1", "GET /donate?q=about-us", "GET /node/2/done?sid=17", "GET /team/a", "GET /team/b/c",
		"POST /payments", "GET /donate", "GET /node/2", "HEAD /donate", "GET /index.php?q=node/2", "GET /team/x",
	} {
		method, target, _ := strings.Cut(request, " ")
		visitor, team := fmt.Sprintf("%032x", i), fmt.Sprint("team-", i)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: www.rednosefund.example\r\nX-Team: %s\r\nCookie: %s=%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
			request, team, split.CookieName, ring.AppendCookie(nil, visitor))
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		var got logged
		if err := lines.Decode(&got); err != nil {
			t.Fatal(err)
		}
		q := dash.Question{Key: visitor, Headers: map[string]string{"X-Team": team}}
		if strings.HasPrefix(target, "/team") {
			q.Key = team
		}
		e := dash.Explain(c, plan.Now(), q, method, target)
		if want := (logged{e.Route, e.Group, e.Side, e.Reason, e.Revision}); got != want {
			t.Errorf("%s: the log holds %+v, explain says %+v", request, got, want)
		}
	}
}
