package worlds

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
	"github.com/banyan-migration/banyan/shared/money"
)

// judge is the gateway's admin API as far as services tell it what became of posts.
type judge struct {
	*httptest.Server
	told atomic.Int64
}

func newJudge(t *testing.T) *judge {
	j := &judge{}
	j.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var all []struct{ Request string }
		if err := json.NewDecoder(r.Body).Decode(&all); err != nil || r.Header.Get("Authorization") != "Bearer "+reportToken {
			http.Error(w, "no outcomes", http.StatusBadRequest)
			return
		}
		j.told.Add(int64(len(all)))
	}))
	t.Cleanup(j.Close)
	return j
}

const reportToken = "report-0123456789"

// tick calls a function as its schedule does: it looks for what a crash left, and delivers it.
func (s *stack) tick(service string) {
	s.t.Helper()
	out, err := lambda.NewFromConfig(s.Config).Invoke(s.t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name + "-" + service), Qualifier: aws.String("live"),
		Payload: fmt.Appendf(nil, `{"version":"0","id":%q,"detail-type":"Scheduled Event","source":"aws.events","account":%q,"time":%q,"region":%q,"resources":["arn:aws:events:eu-west-1:111122223333:rule/tick"],"detail":{}}`,
			rand.Text(), ministack.Account, time.Now().UTC().Format(time.RFC3339), ministack.Region)})
	if err != nil || out.FunctionError != nil {
		s.t.Errorf("%s: %v %s %s", service, err, aws.ToString(out.FunctionError), out.Payload)
	}
}

// checkCrashes leaves a message of each service as a crash between commit and delivery does, and lets the schedules find
// them: a gift whose payment nobody was asked for is charged, one whose settlement nobody was told is settled.
func (s *stack) checkCrashes(judge *judge) {
	s.t.Helper()
	db, err := dynamo.With(s.Config, name)
	if err != nil {
		s.t.Fatal(err)
	}
	before := time.Now().Add(-2 * time.Minute)
	left := func(service string, m event.Message) {
		s.t.Helper()
		w := kv.Write{Key: kv.Key{Part: "crash", Sort: m.ID}, Data: []byte(`{}`), Delete: true, Messages: []event.Message{m}}
		if err := db.Store(service).Commit(s.t.Context(), w); err != nil {
			s.t.Fatal(err)
		}
	}
	unasked, untold := s.give(), s.give()
	left("donate", event.New(rand.Text(), event.PaymentsRequested, before, event.For{Service: "donate", ID: unasked}, event.Requested{Sequence: 1, Amount: money.GBP(1000), Method: "pm_card_visa"}))
	left("payments", event.New(rand.Text(), event.PaymentsSettled, before, event.For{Service: "donate", ID: untold},
		event.Settled{Sequence: 1, Payment: rand.Text(), Acquirer: "stripe", Amount: money.GBP(1000), At: before}))
	s.tick("donate")
	s.tick("payments")
	for _, gift := range []string{unasked, untold} {
		s.until("gift "+gift+" is settled", func() bool { return strings.Contains(s.get("/donations/"+gift), `"state":"settled"`) })
	}
	s.until("the judge hears what became of the posts", func() bool { s.tick("donate"); return judge.told.Load() > 1 })
}

// give gives £10 and asks for no payment.
func (s *stack) give() (id string) {
	s.t.Helper()
	res, err := http.Post(s.front.URL+"/donations", "application/json", strings.NewReader(`{"amount":"10","first_name":"Ann","last_name":"Lee","email":"`+strings.ToLower(rand.Text())+`@example.org"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Data struct{ ID string } }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Data.ID == "" {
		s.t.Fatalf("%s: %v", res.Status, err)
	}
	return answer.Data.ID
}

func (s *stack) get(target string) string {
	s.t.Helper()
	res, err := http.Get(s.front.URL + target)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw)
}

// until waits for a condition that a flow through the stack brings about.
func (s *stack) until(what string, done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-ctx.Done():
			s.t.Fatalf("%s: not within a minute", what)
		}
	}
}
