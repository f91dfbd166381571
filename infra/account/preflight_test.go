package account_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/account"
)

// console is an AWS account as far as preflight looks: what a test sets in it is what the checks find.
type console struct {
	mu         sync.Mutex
	concurrent int
	mailRate   float64
	sandbox    bool
	layer      map[string]string // of a service's live alias
	newest     int
	alarms     string // as XML members
	signed     bool   // every call was
}

func ready() *console {
	c := &console{concurrent: 3000, mailRate: 200, newest: 7, layer: map[string]string{}, signed: true}
	for _, s := range []string{"donate", "postcode"} {
		c.layer[s] = "arn:aws:lambda:eu-west-1:111122223333:layer:banyan-prod-data:7"
		c.alarms += member("banyan-prod-"+s+"-errors", true, "OK", "arn:aws:sns:eu-west-1:111122223333:ring")
	}
	return c
}

func member(name string, enabled bool, state, action string) string {
	return fmt.Sprintf("<member><AlarmName>%s</AlarmName><ActionsEnabled>%t</ActionsEnabled><StateValue>%s</StateValue><AlarmActions>%s</AlarmActions></member>",
		name, enabled, state, strings.TrimSuffix("<member>"+action+"</member>", "<member></member>"))
}

func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed = c.signed && strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	path := r.URL.EscapedPath()
	switch {
	case path == "/2016-08-19/account-settings/":
		fmt.Fprintf(w, `{"AccountLimit":{"ConcurrentExecutions":%d,"UnreservedConcurrentExecutions":%d}}`, c.concurrent, c.concurrent-100)
	case path == "/v2/email/account":
		fmt.Fprintf(w, `{"ProductionAccessEnabled":%t,"SendingEnabled":true,"EnforcementStatus":"HEALTHY","SendQuota":{"Max24HourSend":1000000,"MaxSendRate":%g,"SentLast24Hours":12}}`, !c.sandbox, c.mailRate)
	case strings.HasPrefix(path, "/2015-03-31/functions/banyan-prod-"):
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "/2015-03-31/functions/banyan-prod-"), "/")
		if c.layer[name] == "" || r.URL.Query().Get("Qualifier") != "live" {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(404)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Layers": []map[string]string{{"Arn": c.layer[name]}}})
	case strings.HasPrefix(path, "/2018-10-31/layers/"):
		if !strings.Contains(path, url.PathEscape("layer:banyan-prod-data")) {
			w.WriteHeader(400)
			return
		}
		fmt.Fprintf(w, `{"LayerVersions":[{"Version":%d}]}`, c.newest)
	case r.FormValue("Action") == "DescribeAlarms" && r.FormValue("AlarmNamePrefix") == "banyan-prod-":
		fmt.Fprintf(w, `<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms>%s</MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>`, c.alarms)
	default:
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"__type":"com.amazon#UnknownOperation","message":"%s"}`, path)
	}
}

func night() account.Night {
	return account.Night{Rate: 350, Services: []string{"donate", "postcode"}, Mails: true,
		Drills: map[string]time.Time{"donate": time.Now().Add(-24 * time.Hour), "postcode": time.Now().Add(-30 * 24 * time.Hour)}}
}

// An account that is ready is said to be, with figures; each thing that is missing is named with what to do, and nothing else.
func TestPreflightNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks func(*console, *account.Night)
		wrong  string // the check's name
		says   string
	}{
		"ready":        {func(*console, *account.Night) {}, "", ""},
		"concurrency":  {func(c *console, _ *account.Night) { c.concurrent = 1000 }, "functions at once", "900 unreserved of 1000; 350 donations a second of 3 s want 1260"},
		"sandbox":      {func(c *console, _ *account.Night) { c.sandbox = true }, "mail", "production access false"},
		"mail is slow": {func(c *console, _ *account.Night) { c.mailRate = 14 }, "mail", "14 a second (88 wanted)"},
		"no alarm": {func(c *console, _ *account.Night) {
			c.alarms = strings.ReplaceAll(c.alarms, "banyan-prod-postcode", "banyan-prod-postcodes")
		}, "alarms of postcode", "0 armed"},
		"disarmed":     {func(c *console, _ *account.Night) { c.alarms += member("banyan-prod-donate-latency", false, "OK", "x") }, "alarms of donate", "1 armed; banyan-prod-donate-latency is switched off"},
		"tells nobody": {func(c *console, _ *account.Night) { c.alarms += member("banyan-prod-donate-latency", true, "OK", "") }, "alarms of donate", "tells nobody"},
		"rings":        {func(c *console, _ *account.Night) { c.alarms += member("banyan-prod-donate-dead", true, "ALARM", "x") }, "alarms of donate", "rings now"},
		"old layer":    {func(c *console, _ *account.Night) { c.newest = 8 }, "Layer versions", "donate, postcode: banyan-prod-data:7 (newest 8)"},
		"two layers": {func(c *console, _ *account.Night) {
			c.layer["donate"] = strings.Replace(c.layer["donate"], ":7", ":6", 1)
		}, "Layer versions", "donate: banyan-prod-data:6 (newest 7); postcode: banyan-prod-data:7 (newest 7)"},
		"not deployed":  {func(c *console, _ *account.Night) { delete(c.layer, "donate") }, "Layer versions", "(not deployed)"},
		"never drilled": {func(_ *console, n *account.Night) { delete(n.Drills, "donate") }, "restore drill of donate", "never"},
		"drilled long":  {func(_ *console, n *account.Night) { n.Drills["donate"] = time.Now().Add(-40 * 24 * time.Hour) }, "restore drill of donate", "40 days ago"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is, n := ready(), night()
			c.breaks(is, &n)
			server := httptest.NewServer(is)
			defer server.Close()
			checks, err := account.At(at(server.URL), "prod").Preflight(t.Context(), n)
			if err != nil || len(checks) != 7 || !is.signed {
				t.Fatalf("%d checks, signed %t, %v", len(checks), is.signed, err)
			}
			for _, got := range checks {
				if want := got.Name != c.wrong; got.Held != want || got.Held == (got.Do != "") {
					t.Errorf("%+v", got)
				}
				if got.Name == c.wrong && !strings.Contains(got.Figure, c.says) {
					t.Errorf("%s: %q does not say %q", got.Name, got.Figure, c.says)
				}
			}
		})
	}
}

// What AWS refuses is told with its own words, and what is no answer of AWS's is no answer.
func TestPreflightSaysWhatAWSRefused(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`{"__type":"com.amazon.coral#AccessDeniedException","message":"not authorized to perform: lambda:GetAccountSettings"}`: "403 AccessDeniedException: not authorized to perform: lambda:GetAccountSettings",
		`<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`:                         "403 AccessDenied: no",
		`<html>`: "403",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); fmt.Fprint(w, body) }))
		if _, err := account.At(at(server.URL), "prod").Preflight(t.Context(), night()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		server.Close()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>login</html>") }))
	defer server.Close()
	if _, err := account.At(at(server.URL), "prod").Preflight(t.Context(), night()); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
}
