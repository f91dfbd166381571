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
	layerGone  bool
	mailState  string
	mailsSent  int
	mailQuota  int
	alarms     string // as XML members
	hearers    string // of the topic, as XML members
	signed     bool   // every call was
}

const ring = "arn:aws:sns:eu-west-1:111122223333:ring"

func hearer(arn string) string {
	return "<member><Endpoint>ops@charity.example</Endpoint><SubscriptionArn>" + arn + "</SubscriptionArn></member>"
}

func ready() *console {
	c := &console{concurrent: 3000, mailRate: 200, newest: 7, mailState: "HEALTHY", mailsSent: 12, mailQuota: 1_000_000, hearers: hearer("PendingConfirmation") + hearer(ring+":1"),
		layer: map[string]string{}, signed: true}
	for _, s := range []string{"donate", "postcode"} {
		c.layer[s] = "arn:aws:lambda:eu-west-1:111122223333:layer:banyan-prod-data:7"
		c.alarms += member("banyan-prod-"+s+"-errors", true, "OK", ring) + member("banyan-prod-"+s+"-slow", true, "INSUFFICIENT_DATA", ring)
	}
	c.alarms += member("banyan-prod-api-refused", true, "OK", ring)
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
		fmt.Fprintf(w, `{"ProductionAccessEnabled":%t,"SendingEnabled":true,"EnforcementStatus":%q,"SendQuota":{"Max24HourSend":%d,"MaxSendRate":%g,"SentLast24Hours":%d}}`, !c.sandbox, c.mailState, c.mailQuota, c.mailRate, c.mailsSent)
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
		if c.layerGone {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(404)
			return
		}
		fmt.Fprintf(w, `{"LayerVersions":[{"Version":%d}]}`, c.newest)
	case r.FormValue("Action") == "DescribeAlarms" && r.FormValue("AlarmNamePrefix") == "banyan-prod-":
		fmt.Fprintf(w, `<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms>%s</MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>`, c.alarms)
	case r.FormValue("Action") == "ListSubscriptionsByTopic" && r.FormValue("TopicArn") == ring && r.FormValue("NextToken") == "":
		fmt.Fprint(w, `<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions/><NextToken>2</NextToken></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`)
	case r.FormValue("Action") == "ListSubscriptionsByTopic" && r.FormValue("TopicArn") == ring && r.FormValue("NextToken") == "2":
		fmt.Fprintf(w, `<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>%s</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`, c.hearers)
	case r.FormValue("Action") == "ListSubscriptionsByTopic" && r.FormValue("TopicArn") == ring+"-gone":
		w.WriteHeader(404)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>`)
	default:
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"__type":"com.amazon#UnknownOperation","message":"%s"}`, path)
	}
}

func night() account.Night {
	return account.Night{Rate: 350, Services: []string{"donate", "postcode"}, Mails: true,
		Alarms: map[string][]string{"donate": {"banyan-prod-donate-errors", "banyan-prod-donate-slow"}, "postcode": {"banyan-prod-postcode-errors", "banyan-prod-postcode-slow"}, "": {"banyan-prod-api-refused"}},
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
		"ready":             {func(*console, *account.Night) {}, "", ""},
		"concurrency":       {func(c *console, _ *account.Night) { c.concurrent = 1000 }, "functions at once", "900 unreserved of 1000; 350 donations a second of 3 s want 1260"},
		"sandbox":           {func(c *console, _ *account.Night) { c.sandbox = true }, "mail", "production access false"},
		"mail is slow":      {func(c *console, _ *account.Night) { c.mailRate = 14 }, "mail", "14 a second (88 wanted)"},
		"mail on probation": {func(c *console, _ *account.Night) { c.mailState = "PROBATION" }, "mail", "PROBATION"},
		"mails are spent":   {func(c *console, _ *account.Night) { c.mailsSent = 700_000 }, "mail", "700000 of 1000000 sent in 24 h, 300000 left (315000 wanted)"},
		"no alarm": {func(c *console, _ *account.Night) {
			c.alarms = strings.ReplaceAll(c.alarms, "banyan-prod-postcode", "banyan-prod-postcodes")
		}, "alarms of postcode", "0 of 2 armed; banyan-prod-postcode-errors is missing; banyan-prod-postcode-slow is missing"},
		"one alarm of two": {func(c *console, _ *account.Night) {
			c.alarms = strings.ReplaceAll(c.alarms, "prod-donate-slow", "prod-slow")
		}, "alarms of donate", "1 of 2 armed; banyan-prod-donate-slow is missing"},
		"disarmed": {func(c *console, _ *account.Night) {
			c.alarms += member("banyan-prod-donate-latency", false, "OK", ring)
		}, "alarms of donate", "2 of 3 armed; banyan-prod-donate-latency is switched off"},
		"tells nobody": {func(c *console, _ *account.Night) { c.alarms += member("banyan-prod-donate-latency", true, "OK", "") }, "alarms of donate", "banyan-prod-donate-latency tells nobody"},
		"no such topic": {func(c *console, _ *account.Night) {
			c.alarms += member("banyan-prod-donate-latency", true, "OK", ring+"-gone")
		}, "alarms of donate", "nobody has confirmed that they hear of " + ring + "-gone"},
		"rings":               {func(c *console, _ *account.Night) { c.alarms += member("banyan-prod-donate-dead", true, "ALARM", ring) }, "alarms of donate", "rings now"},
		"no alarm of the API": {func(c *console, _ *account.Night) { c.alarms = strings.ReplaceAll(c.alarms, "prod-api", "test-api") }, "alarms of the stage", "0 of 1 armed; banyan-prod-api-refused is missing"},
		"no Layer left":       {func(c *console, _ *account.Night) { c.layerGone = true }, "Layer versions", "donate, postcode: banyan-prod-data:7 (newest none)"},
		"old layer":           {func(c *console, _ *account.Night) { c.newest = 8 }, "Layer versions", "donate, postcode: banyan-prod-data:7 (newest 8)"},
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
			if err != nil || len(checks) != 8 || !is.signed {
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

// An alarm whose topic nobody hears tells nobody, also while the mail that asks for it lies unread.
func TestPreflightWantsSomebodyToHear(t *testing.T) {
	t.Parallel()
	for _, hearers := range []string{"", hearer("PendingConfirmation"), hearer("Deleted")} {
		is := ready()
		is.hearers = hearers
		wrong := 0
		for _, c := range checked(t, is) {
			if c.Held {
				continue
			}
			wrong++
			if want := "; nobody has confirmed that they hear of " + ring; !strings.HasPrefix(c.Name, "alarms of ") || strings.Count(c.Figure, want) != 1 || !strings.Contains(c.Do, "AlarmEmail") {
				t.Errorf("%+v", c)
			}
		}
		if wrong != 3 {
			t.Errorf("%q: %d checks of alarms do not hold, want 3", hearers, wrong)
		}
	}
}

// Minus one is how AWS says that mail has no limit.
func TestPreflightOfMailWithoutLimit(t *testing.T) {
	t.Parallel()
	is := ready()
	is.mailQuota = -1
	for _, c := range checked(t, is) {
		if !c.Held {
			t.Errorf("%+v", c)
		}
	}
}

func checked(t *testing.T, is *console) []account.Check {
	t.Helper()
	server := httptest.NewServer(is)
	defer server.Close()
	checks, err := account.At(at(server.URL), "prod").Preflight(t.Context(), night())
	if err != nil {
		t.Fatal(err)
	}
	return checks
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
