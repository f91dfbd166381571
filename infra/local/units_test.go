package local

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	fakedynamo "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/runtime/front"
	"github.com/banyan-migration/banyan/infra/template"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/cloud/table"
	"github.com/banyan-migration/banyan/shared/host/cloud/topic"
)

var update = flag.Bool("update", false, "write testdata/units.md anew")

// unitsFile is what the README shows and `make bench-lambda` prints.
var unitsFile = filepath.Join("testdata", "units.md")

// gauge is the services as functions in this process, over a DynamoDB that bills, one event after the other: the same use
// case costs the same units each time.
type gauge struct {
	*testing.T
	*World
	*account
	api    front.API
	hosts  map[string]*cloud.Host // by the function's name
	all    []template.Function
	tables *fakedynamo.Server
	now    time.Time
	ids    int

	before fakedynamo.Bill
	table  strings.Builder
}

// Invoke plays Lambda: a function that is warm and has its whole time.
func (g *gauge) Invoke(ctx context.Context, call runtime.Call) (runtime.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 29*time.Second)
	defer cancel()
	name, _, _ := strings.Cut(call.Function, ":")
	payload, err := g.hosts[name].Invoke(ctx, call.Payload)
	return runtime.Answer{Status: http.StatusOK, Payload: payload}, err
}

func newGauge(t *testing.T) *gauge {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse("template.yaml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &gauge{T: t, hosts: map[string]*cloud.Host{}, all: parsed.Functions, tables: &fakedynamo.Server{},
		// With all nine digits a time's text, and so an item, has its full size.
		now: time.Now().Truncate(time.Second).Add(123_456_789)}
	g.World = &World{OperatorKey: "operator-key-of-the-gauge", key: "a-key-of-the-gauge-0123456789", options: Options{Lambda: &Lambda{}}}
	g.startPSP()
	aws := httptest.NewServer(onePort(g.tables, &messages.Server{}))
	t.Cleanup(aws.Close)
	g.account = accountOf(parsed, aws.URL)
	if err := g.furnish(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir, err := writeLayer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parsed.Functions {
		g.start(f, filepath.Join(dir, "banyan"))
	}
	g.api.Invoker = g
	return g
}

// startPSP starts the acquirers and the services' port; webhooks wait until they are called for.
func (g *gauge) startPSP() {
	var acquirers *psp.PSP
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { acquirers.Handler().ServeHTTP(w, r) }))
	g.Cleanup(l.Close)
	front := httptest.NewServer(&g.api)
	g.Cleanup(front.Close)
	acquirers, err := psp.Open(psp.Options{Secrets: secrets, Base: l.URL, Latency: func() time.Duration { return 0 },
		Hooks: psp.Hooks{Stripe: front.URL + "/payments/webhooks/stripe", Worldpay: front.URL + "/payments/webhooks/worldpay"}})
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { _ = acquirers.Close() })
	acquirers.SetWebhooks(psp.Webhooks{Hold: true})
	g.PSP, g.psp, g.Services = l.URL, acquirers, front.URL
}

func (g *gauge) start(f template.Function, layer string) {
	g.Helper()
	variables, err := g.variables(&functions{account: g.account}, f)
	if err != nil {
		g.Fatal(err)
	}
	delete(variables, "OUTCOMES_URL") // no gateway asks here
	variables["LAYER_DIR"] = layer
	variables["AWS_ENDPOINT_URL"], variables["AWS_REGION"], variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = g.endpoint, g.region, "test", "test"
	w := cloud.World{Getenv: func(name string) string { return variables[name] }, Now: func() time.Time { return g.now }, NewID: g.newID, Out: io.Discard}
	e, ok := all.Named(service(f))
	if !ok {
		g.Fatalf("no service is called %s", service(f))
	}
	if g.hosts[nameOf(f)], err = cloud.New(g.Context(), w, e.Name, e.New, table.Store, topic.Send); err != nil {
		g.Fatal(err)
	}
	g.api.Routes = append(g.api.Routes, g.routes(f)...)
}

func (g *gauge) newID() string {
	g.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", g.ids)
}

// carry brings every message to its function until none is left.
func (g *gauge) carry() {
	g.Helper()
	for again := true; again; {
		again = false
		for _, f := range g.all {
			for _, q := range f.Queues {
				arn, err := q.Queue.Resolve(g.resolve)
				if err != nil {
					g.Fatal(err)
				}
				again = g.batch(nameOf(f), arn) || again
			}
		}
	}
}

// batch brings a function what waits in its queue, at most ten messages.
func (g *gauge) batch(function, arn string) (some bool) {
	g.Helper()
	type message struct{ MessageId, ReceiptHandle, Body string }
	var got struct{ Messages []message }
	if err := g.sqs(g.Context(), "ReceiveMessage", map[string]any{"QueueUrl": g.urls[arn], "MaxNumberOfMessages": 10}, &got); err != nil {
		g.Fatal(err)
	}
	event := map[string][]map[string]any{"Records": {}}
	for _, m := range got.Messages {
		event["Records"] = append(event["Records"], map[string]any{"messageId": m.MessageId, "receiptHandle": m.ReceiptHandle, "body": m.Body, "eventSource": "aws:sqs", "eventSourceARN": arn,
			"attributes": map[string]string{"ApproximateReceiveCount": "1"}})
	}
	if len(got.Messages) == 0 {
		return false
	}
	raw, err := json.Marshal(event)
	if err != nil {
		g.Fatal(err)
	}
	answer, err := g.Invoke(g.Context(), runtime.Call{Function: function, Payload: raw})
	if err != nil || strings.Contains(string(answer.Payload), "itemIdentifier") {
		g.Fatalf("%s took not all of %s: %s %v", function, raw, answer.Payload, err)
	}
	for _, m := range got.Messages {
		if err := g.sqs(g.Context(), "DeleteMessage", map[string]any{"QueueUrl": g.urls[arn], "ReceiptHandle": m.ReceiptHandle}, nil); err != nil {
			g.Fatal(err)
		}
	}
	return true
}

// webhooks brings payments all that the acquirers have to say.
func (g *gauge) webhooks(want int) {
	g.Helper()
	seen := map[string]bool{}
	until(g.T, func() bool {
		for _, e := range g.psp.Held() {
			seen[e.ID] = true
		}
		return len(seen) >= want
	})
	for id := range seen {
		if status, err := g.psp.Deliver(g.Context(), id); err != nil || status != http.StatusOK {
			g.Fatalf("webhook %s: %d %v", id, status, err)
		}
	}
}

// tick gives every function that has a schedule its minute.
func (g *gauge) tick() {
	g.Helper()
	g.now = g.now.Add(time.Minute)
	for _, f := range g.all {
		if len(f.Schedules) == 0 {
			continue
		}
		event := fmt.Sprintf(`{"version":"0","id":"tick","detail-type":"Scheduled Event","source":"aws.events","account":"1","time":%q,"region":"eu-west-1","resources":["arn:aws:events:eu-west-1:1:rule/x"],"detail":{}}`,
			g.now.UTC().Format(time.RFC3339))
		if _, err := g.Invoke(g.Context(), runtime.Call{Function: nameOf(f), Payload: []byte(event)}); err != nil {
			g.Fatal(err)
		}
	}
}

// bill writes down what a use case has cost since the last one.
func (g *gauge) bill(what string) fakedynamo.Units {
	now := g.tables.Billed()
	more := now.Since(g.before)
	g.before = now
	byTable := map[string]fakedynamo.Bill{}
	for line, u := range more {
		service := line.Table[strings.LastIndexByte(line.Table, '-')+1:]
		if byTable[service] == nil {
			byTable[service] = fakedynamo.Bill{}
		}
		byTable[service][line] = u
	}
	donate, payments, sum := byTable["donate"].Total(), byTable["payments"].Total(), more.Total()
	fmt.Fprintf(&g.table, "| %s | %d | %s | %s | %s |\n", what, sum.Writes, sum.Reads(), short(donate), short(payments))
	return sum
}

func short(u fakedynamo.Units) string {
	if u == (fakedynamo.Units{}) {
		return ""
	}
	return fmt.Sprintf("%d / %s", u.Writes, u.Reads())
}

func (g *gauge) asks(method, path, body string, want int) (data struct{ ID, State string }) {
	g.Helper()
	var answer struct{ Data struct{ ID, State string } }
	if err := json.Unmarshal(g.asked(g.T, method, path, g.OperatorKey, body, want), &answer); err != nil {
		g.Fatal(err)
	}
	return answer.Data
}

// aGift is a form that somebody has filled in whole; its record has 1 KB.
func aGift(giving, payment string) string {
	return `{"amount":"25","giving":"` + giving + `","title":"Mrs","first_name":"Margaret","last_name":"Featherstonehaugh","email":"margaret.featherstonehaugh@example.org","phone":"07700 900123",` +
		`"address1":"Flat 12, 145 Upper Station Road","town":"Newcastle upon Tyne","postcode":"NE1 4ST","country":"GB","gift_aid":true,"email_consent":true,` +
		`"message":"` + strings.Repeat("For the children. ", 17) + `","reference":"Red Nose Day bake sale"` + payment + `}`
}

// TestTheReadmeShowsTheUnits: what a reader sees is what is billed.
func TestTheReadmeShowsTheUnits(t *testing.T) {
	t.Parallel()
	units, err := os.ReadFile(unitsFile)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil || !strings.Contains(string(readme), string(units)) {
		t.Errorf("README.md does not show the table of %s: %v", unitsFile, err)
	}
}

// TestUnits is what each use case is billed by DynamoDB over its whole life, messages and index included: by the sizes of
// the items that the services really write, and AWS's rules.
func TestUnits(t *testing.T) {
	t.Parallel()
	g := newGauge(t)
	pay := `,"payment":{"method":"pm_card_visa"}`
	g.asks("GET", "/donate/health", "", http.StatusOK)
	g.asks("GET", "/payments/health", "", http.StatusOK)
	g.asks("GET", "/postcode/health", "", http.StatusOK)
	g.bill("") // each has looked at its pause switch

	gift := g.asks("POST", "/donations", aGift("single", pay), http.StatusCreated)
	made := g.bill("a gift of 1 KB is made, and its message sent")
	if size := g.tables.Largest("banyan-test-donate"); size < 1000 || size > 1024 {
		t.Errorf("the gift has %d bytes: the table speaks of 1 KB", size)
	}
	if made.Writes > 6 {
		t.Errorf("a gift of 1 KB costs %v: at most 6 writes", made)
	}
	g.asks("POST", "/donations", aGift("single", pay), http.StatusCreated)
	g.bill("the same again: a double click")
	g.asks("GET", "/donations/"+gift.ID, "", http.StatusOK)
	g.bill("what became of it is asked")
	g.carry()
	paid := g.bill("its payment: asked for, charged, told to donate")
	g.webhooks(1)
	g.carry()
	told := g.bill("the acquirer's webhook about it")
	fmt.Fprintf(&g.table, "| **a gift's whole life: made, paid, settled** | **%d** | **%d** | | |\n", made.Writes+paid.Writes+told.Writes, (made.HalfReads+paid.HalfReads+told.HalfReads)/2)
	if now := g.asks("GET", "/donations/"+gift.ID, "", http.StatusOK); now.State != "settled" {
		t.Fatalf("the gift is %s", now.State)
	}
	g.bill("")
	payment := g.payment()
	g.bill("")
	g.asks("POST", "/payments/"+payment+"/refunds", `{"reason":"the donor asked"}`, http.StatusOK)
	g.carry()
	g.bill("an operator's refund, told to donate")
	g.asks("POST", "/donations", aGift("monthly", strings.Replace(pay, "visa", "mastercard", 1)), http.StatusCreated)
	g.bill("a monthly gift and its mandate are made")
	g.carry()
	g.webhooks(2)
	g.bill("the first payment of a mandate, webhooks included")
	g.asked(t, "GET", "/postcode/lookup?query=SE1+7TP", "", "", http.StatusOK)
	g.bill("a postcode is looked up")
	for range 3 {
		g.tick()
	}
	g.bill("")
	g.tick()
	g.bill("a quiet minute: both services look for what waits, and payments for what is due")
	g.now = g.now.Add(6 * time.Second)
	g.asks("GET", "/donate/health", "", http.StatusOK)
	g.bill("an environment looks at its pause switch: with the first request of every 5 s")
	g.compare()
}

// payment is the id of the only payment.
func (g *gauge) payment() string {
	g.Helper()
	charges, err := g.psp.Charges()
	if err != nil || len(charges) != 1 {
		g.Fatalf("%d charges, %v", len(charges), err)
	}
	return charges[0].Reference
}

// compare holds the table against the file.
func (g *gauge) compare() {
	g.Helper()
	var lines []string
	for line := range strings.Lines(g.table.String()) {
		if !strings.HasPrefix(line, "|  |") { // what was between two use cases
			lines = append(lines, line)
		}
	}
	got := "| use case | write units | read units | of donate: w / r | of payments: w / r |\n|---|---:|---:|---:|---:|\n" + strings.Join(lines, "")
	if *update {
		if err := os.WriteFile(unitsFile, []byte(got), 0o644); err != nil {
			g.Fatal(err)
		}
	}
	want, err := os.ReadFile(unitsFile)
	if err != nil || string(want) != got {
		g.Errorf("the units are no longer those of %s (-update writes it anew): %v\n%s", unitsFile, err, got)
	}
}
