package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/services/all"
)

// asLambda is a world's services as functions.
func asLambda(t *testing.T, endpoint string) *Lambda {
	t.Helper()
	dir := os.Getenv("BANYAN_BOOTSTRAPS")
	if dir == "" {
		t.Skip("BANYAN_BOOTSTRAPS names no folder of bootstraps, such as build/amd64 of `make build`: what needs the real ones is proved in CI")
	}
	template, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return &Lambda{Template: template, Build: dir, Endpoint: endpoint}
}

// asked sends a request to the services and wants a status.
func (w *World) asked(t *testing.T, method, path, key, body string, want int) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.Services+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(res.Body); err != nil || res.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d: %v\n%s\n%s", method, path, res.Status, want, err, got.String(), functionsSaid(w))
	}
	return got.Bytes()
}

// functionsSaid is the end of the functions' log.
func functionsSaid(w *World) []byte {
	said, err := os.ReadFile(filepath.Join(w.options.Dir, "functions.log"))
	if err != nil {
		return []byte(err.Error())
	}
	return said[max(0, len(said)-4000):]
}

// A gift goes the whole way through real bootstraps: the site's form at the gateway, donate, its message over the topic into
// payments' queue, the acquirer, and what became of it back.
func TestFunctionsTakeAGift(t *testing.T) {
	t.Parallel()
	takesAGift(t, "")
}

// The same on an emulator that somebody else wrote.
func TestFunctionsTakeAGiftOnMoto(t *testing.T) {
	t.Parallel()
	takesAGift(t, moto.Test(t).URL)
}

func takesAGift(t *testing.T, endpoint string) {
	w := startWorld(t, Options{Dir: oldFolder(t), Config: weighted(t, 10_000), Speed: 20, Lambda: asLambda(t, endpoint)})
	if w.AWS == "" || endpoint != "" && w.AWS != endpoint || len(w.Functions) != len(all.Services) {
		t.Errorf("the functions %+v stand on %q", w.Functions, w.AWS)
	}
	w.asked(t, "GET", "/postcode/lookup?query=SE1+7TP", "", "", http.StatusOK) // by the Layer
	plan := loadtest.Plan{Kind: loadtest.Drip, Host: siteHost, Form: "/donate", Mark: "none", Seed: 1, Rate: 5, Hold: time.Second}
	r, err := loadtest.Run(t.Context(), plan, loadtest.Options{Target: w.Gateway, Run: "lambda"})
	if err != nil || r.Services.Accepted != 5 {
		t.Fatalf("the services took %d of 5: %v %v\n%s", r.Services.Accepted, r.Errors, err, functionsSaid(w))
	}
	var gift struct{ Data struct{ ID string } }
	if err := json.Unmarshal(w.asked(t, "POST", "/donations", "", giftOf(10), http.StatusCreated), &gift); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return strings.Count(get(t, w.Services+"/reconcile"), `"settled"`) == 6 })
	w.asked(t, "PUT", "/payments/state", "", `{"state":"OK"}`, http.StatusUnauthorized)
	w.asked(t, "PUT", "/payments/state", w.OperatorKey, `{"state":"OK"}`, http.StatusOK)
	w.asked(t, "GET", "/nowhere", "", "", http.StatusNotFound)
	w.desk.Tick(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.desk.Settle(ctx); err != nil {
		t.Error(err)
	}
}

// giftOf is the body of a gift of so many pounds.
func giftOf(pounds int) string {
	return fmt.Sprintf(`{"amount":"%d","first_name":"Ann","last_name":"Lee","email":"ann@example.org","payment":{"method":"test"}}`, pounds)
}

// TestKilledFunctionsLoseNothing: kill -9 of the world, with the fakes of DynamoDB, SNS and SQS in it, while real bootstraps
// take gifts, and started again on the same folder. The books are those of TestKilledUnderLoadNothingIsLostNorChargedTwice;
// and no bootstrap outlives its world.
func TestKilledFunctionsLoseNothing(t *testing.T) {
	t.Parallel()
	o := asLambda(t, "")
	kills, apart := 1, 15
	if os.Getenv("BANYAN_HEAVY") != "" {
		kills, apart = 4, 60
	}
	dir, listen := oldFolder(t), fixedPort(t)
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), weighted(t, 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	result := loadAndKill(t, dir, listen, kills, apart, childBuild+"="+o.Build)
	if result.Services.Accepted == 0 {
		t.Fatal("the services took nothing: it proves nothing")
	}
	w := startWorld(t, Options{Dir: dir, Config: weighted(t, 10_000), Lambda: o})
	for _, c := range reckoned(t, dir, w, result) {
		t.Errorf("%s: %s\n%s", c.Name, c.Figure, functionsSaid(w))
	}
}

func TestNoFunctionOutlivesItsWorld(t *testing.T) {
	t.Parallel()
	o := asLambda(t, "")
	dir := oldFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), repository(t), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := startChild(dir, "", childBuild+"="+o.Build)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.kill() }()
	get(t, c.Services+"/donate/health")
	mine := func() (n int) {
		files, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if set, err := os.ReadFile(f); err == nil && bytes.Contains(set, []byte("AWS_ENDPOINT_URL="+c.AWS+"\x00")) {
				n++
			}
		}
		return n
	}
	if mine() == 0 {
		t.Fatal("no process of a function is found: the test looks for the wrong thing")
	}
	if err := c.kill(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return mine() == 0 })
}

// What is missing or wrong is said before anything starts.
func TestFunctionsThatCannotStart(t *testing.T) {
	t.Parallel()
	good := asLambda(t, "")
	for name, c := range map[string]struct {
		change func(*Lambda)
		says   []string
	}{
		"no build":    {func(l *Lambda) { l.Build = t.TempDir() }, []string{"no bootstrap of donate, payments, postcode", "run make build"}},
		"no template": {func(l *Lambda) { l.Template = nil }, []string{"template.yaml"}},
		"a layer": {func(l *Lambda) {
			l.Template = bytes.ReplaceAll(l.Template, []byte("[!Ref DataLayer]"), []byte("[!Ref Other]"))
		}, []string{"the layer !Ref Other is not known here"}},
		"a secret": {func(l *Lambda) {
			l.Template = bytes.Replace(l.Template, []byte("DONATE_MIN: '1'"), []byte("DONATE_MIN: 'ssm:/x'"), 1)
		}, []string{"Donate: DONATE_MIN is a secret"}},
		"no such name": {func(l *Lambda) {
			l.Template = bytes.Replace(l.Template, []byte("DONATE_MIN: '1'"), []byte("DONATE_MIN: !Ref Nobody"), 1)
		}, []string{"DONATE_MIN", "nobody says what Nobody is"}},
		"nobody there": {func(l *Lambda) { l.Endpoint = "http://127.0.0.1:1" }, []string{"the account at http://127.0.0.1:1", "refused"}},
	} {
		l := *good
		l.Template = slices.Clone(good.Template)
		c.change(&l)
		dir := oldFolder(t)
		refuses(t, Options{Dir: dir, Config: repository(t), Lambda: &l}, c.says...)
		if name != "no build" {
			continue
		}
		if _, err := Start(t.Context(), Options{Dir: dir, Config: repository(t), Lambda: &l}); !errors.Is(err, ErrNoBuild) {
			t.Errorf("%v is no ErrNoBuild", err)
		}
	}
}

// The world names and sets what infra/store.yaml does.
func TestTheAccountIsAsStoreYAMLHasIt(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"TableName: !Sub banyan-${Stage}-${Service}", "QueueName: !Sub banyan-${Stage}-${Service}\n", "QueueName: !Sub banyan-${Stage}-${Service}-dead",
		"VisibilityTimeout: " + hidden + " ", "maxReceiveCount: " + often + "}", "RawMessageDelivery: true", "FilterPolicy: {type: !Split [',', !Ref Types]}", "AttributeName: t, Enabled: true"} {
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("infra/store.yaml has no %q: infra/local/account.go must follow it", line)
		}
	}
}
