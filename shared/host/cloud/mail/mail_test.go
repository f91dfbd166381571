package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv"
)

// server plays SES: it keeps what it took, and meets its first calls with faults.
type server struct {
	faults []string // an error's name; "lost": taken, and no answer comes; "silent": nothing comes; "down": no connection

	mu    sync.Mutex
	calls int
	mails []string
}

// statuses of SES's errors that are not 400.
var statuses = map[string]int{"TooManyRequestsException": 429, "InternalServiceErrorException": 500, "BadGateway": 502}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	var in struct {
		Content struct{ Raw struct{ Data []byte } }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.calls++
	fault := ""
	if s.calls <= len(s.faults) {
		fault = s.faults[s.calls-1]
	}
	if fault == "" || fault == "lost" {
		s.mails = append(s.mails, string(in.Content.Raw.Data))
	}
	id := fmt.Sprint("ses-", len(s.mails))
	s.mu.Unlock()
	switch fault {
	case "":
		return answer(http.StatusOK, map[string]string{"MessageId": id}, "")
	case "lost":
		return nil, io.ErrUnexpectedEOF
	case "silent":
		<-r.Context().Done()
		return nil, r.Context().Err()
	case "down":
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	status := statuses[fault]
	if status == 0 {
		status = http.StatusBadRequest
	}
	return answer(status, map[string]string{"message": "Email address is not verified: rosa@example.org, <tom@example.org>"}, fault)
}

func answer(status int, v any, code string) (*http.Response, error) {
	raw, err := json.Marshal(v)
	h := http.Header{"Content-Type": {"application/json"}}
	if code != "" {
		h.Set("X-Amzn-Errortype", code)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(string(raw)))}, err
}

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

func function(client aws.HTTPClient, endpoint string, store kv.Store) *cloud.Function {
	var ids atomic.Int64
	return &cloud.Function{Name: "mailer", Env: host.Env{Store: store, Now: func() time.Time { return noon }, NewID: func() string { return fmt.Sprint("id-", ids.Add(1)) }},
		AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
			})}}
}

func mailing(t *testing.T, s *server, store kv.Store) *mailer {
	t.Helper()
	f := function(s, "http://ses.example", store)
	if err := Send(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f.Env.Mail.(*mailer)
}

func memory() *kv.Mem {
	m := kv.NewMem()
	m.Now = func() time.Time { return noon }
	return m
}

func unavailable(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Unavailable
}

func TestMailNeedsAStore(t *testing.T) {
	t.Parallel()
	f := function(&server{}, "http://ses.example", nil)
	if err := Send(t.Context(), f); err == nil || !strings.Contains(err.Error(), "table.Store before mail.Send") || f.Env.Mail != nil {
		t.Errorf("%v", err)
	}
}

func TestSameKeyIsSentOnce(t *testing.T) {
	t.Parallel()
	s := &server{}
	m := mailing(t, s, memory())
	for range 3 {
		if id, err := m.Send(t.Context(), "event-1", []byte("one")); err != nil || id != "ses-1" {
			t.Errorf("%s, %v", id, err)
		}
	}
	if id, err := m.Send(t.Context(), "event-2", []byte("two")); err != nil || id != "ses-2" {
		t.Errorf("%s, %v", id, err)
	}
	if !slices.Equal(s.mails, []string{"one", "two"}) {
		t.Errorf("sent %q", s.mails)
	}
}

func TestManyAtOnceSendOne(t *testing.T) {
	t.Parallel()
	s, store := &server{}, memory()
	var group sync.WaitGroup
	for range 16 {
		m := mailing(t, s, store)
		m.newID = func() string { return fmt.Sprintf("%p", m) } // each an environment of its own
		group.Go(func() {
			if id, err := m.Send(context.Background(), "event-1", []byte("one")); err == nil && id != "ses-1" || err != nil && !unavailable(err) {
				t.Errorf("%s, %v: want the one mail's id, or to come again", id, err)
			}
		})
	}
	group.Wait()
	if len(s.mails) != 1 {
		t.Errorf("%d mails went", len(s.mails))
	}
	if id, err := mailing(t, s, store).Send(t.Context(), "event-1", []byte("one")); err != nil || id != "ses-1" {
		t.Errorf("afterwards: %s, %v", id, err)
	}
}

// What SES did not take is sent later, and what nobody knows of is not: never twice.
func TestFaultsNeverSendTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		faults      []string
		first, then string // what the call and the same call after it say; empty: sent
		mails       int    // in the end
	}{
		{[]string{"TooManyRequestsException", "down", "TooManyRequestsException"}, "", "", 1},
		{[]string{"down", "down", "down", "down", "down", "down"}, "it was not sent", "", 1},
		{[]string{"LimitExceededException"}, "it was not sent", "", 1},
		{[]string{"SendingPausedException"}, "it was not sent", "", 1},
		{[]string{"MessageRejected"}, "it was not sent", "", 1},
		{[]string{"lost"}, "it is not sent again", "it is not sent again", 1},
		{[]string{"silent"}, "it is not sent again", "it is not sent again", 0},
		{[]string{"InternalServiceErrorException"}, "it is not sent again", "it is not sent again", 0},
		{[]string{"BadGateway"}, "it is not sent again", "it is not sent again", 0},
		{[]string{"TooManyRequestsException", "lost"}, "it is not sent again", "it is not sent again", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{faults: c.faults}
			m := mailing(t, s, memory())
			for i, want := range []string{c.first, c.then} {
				id, err := m.Send(t.Context(), "event-1", []byte("one"))
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || err == nil && id == "" {
					t.Errorf("%v, call %d: %q %v, want %q", c.faults, i+1, id, err, want)
				}
				if err != nil && strings.Contains(err.Error(), "@") {
					t.Errorf("%v: an address stands in the error: %v", c.faults, err)
				}
			}
			if len(s.mails) != c.mails {
				t.Errorf("%v: %d mails went, want %d", c.faults, len(s.mails), c.mails)
			}
		})
	}
}

// failing is a store of which some commits fail, by their number.
type failing struct {
	kv.Store
	fails func(n int) bool
	done  bool // it is written all the same
	n     int
}

func (f *failing) Commit(ctx context.Context, writes ...kv.Write) error {
	if f.n++; !f.fails(f.n) {
		return f.Store.Commit(ctx, writes...)
	}
	if f.done {
		if err := f.Store.Commit(ctx, writes...); err != nil {
			return err
		}
	}
	return errors.New("the store is gone")
}

func TestCrashBetweenClaimAndAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		store       failing
		faults      []string
		first, then string
		mails       int
	}{
		"the claim fails":                         {failing{fails: func(n int) bool { return n == 1 }}, nil, "not sent", "", 1},
		"the claim is made and its answer lost":   {failing{fails: func(n int) bool { return n == 1 }, done: true}, nil, "not sent", "it is not sent again", 0},
		"what SES said cannot be kept":            {failing{fails: func(n int) bool { return n == 2 }}, nil, "SES took it as ses-1", "it is not sent again", 1},
		"refused, and the claim cannot be undone": {failing{fails: func(n int) bool { return n == 2 }}, []string{"MessageRejected"}, "its claim is still there", "it is not sent again", 0},
	} {
		s, store := &server{faults: c.faults}, c.store
		store.Store = memory()
		m := mailing(t, s, &store)
		for i, want := range []string{c.first, c.then} {
			_, err := m.Send(t.Context(), "event-1", []byte("one"))
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, call %d: %v, want %q", name, i+1, err, want)
			}
		}
		if len(s.mails) != c.mails {
			t.Errorf("%s: %d mails went, want %d", name, len(s.mails), c.mails)
		}
	}
}

// A caller whose time ends while SES is asked leaves its mail unclear; one whose time ends between two attempts leaves it
// free for the next.
func TestCallersTimeIsKept(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{"silent": "it is not sent again", "TooManyRequestsException": "it was not sent"} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{faults: slices.Repeat([]string{fault}, 9)}
			m := mailing(t, s, memory())
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := m.Send(ctx, "event-1", []byte("one"))
			if took := time.Since(began); took > time.Second || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: after %s: %v, want %q", fault, took, err, want)
			}
		})
	}
}

func TestWhatCannotBeSentIsRefusedHere(t *testing.T) {
	t.Parallel()
	s := &server{}
	m := mailing(t, s, memory())
	_, empty := m.Send(t.Context(), "", []byte("one"))
	_, large := m.Send(t.Context(), "event-1", make([]byte, largest+1))
	var f *fault.Error
	if empty == nil || !errors.As(large, &f) || f.Kind != fault.TooLarge || s.calls > 0 {
		t.Errorf("%v, %v after %d calls", empty, large, s.calls)
	}
}
