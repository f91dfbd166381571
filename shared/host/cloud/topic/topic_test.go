package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
)

func TestMissingOrWrongTopicIsNamed(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{"": "TOPIC is missing", "banyan-dev": "no ARN of an SNS topic", "arn:aws:sqs:eu-west-1:111122223333:banyan-dev": "no ARN"} {
		f := function(&server{}, "http://sns.example", topic)
		if err := Send(t.Context(), f); err == nil || !strings.Contains(err.Error(), want) || f.Send != nil {
			t.Errorf("%q: %v, want %q", topic, err, want)
		}
	}
}

func TestMessagesGoByTenAndBySize(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n, size int
		sizes   []int
	}{
		"none": {0, 0, nil}, "one": {1, 10, []int{1}}, "ten": {10, 10, []int{10}}, "more": {23, 10, []int{10, 10, 3}},
		"large": {5, 100 << 10, []int{2, 2, 1}}, "largest": {2, batchBytes - 300, []int{1, 1}},
	} {
		s := &server{}
		arrived, err := sending(t, s)(t.Context(), messages(c.n, c.size))
		if err != nil || len(arrived) != c.n || !slices.Equal(arrived, s.took) || !slices.Equal(s.sizes, c.sizes) {
			t.Errorf("%s: %d arrived in %v: %v, want %v", name, len(arrived), s.sizes, err, c.sizes)
		}
	}
}

func TestMessageTooLargeBlocksNoOther(t *testing.T) {
	t.Parallel()
	s := &server{}
	all := messages(12, 10)
	all[3] = messages(1, batchBytes)[0]
	all[3].ID = "giant"
	arrived, err := sending(t, s)(t.Context(), all)
	if len(arrived) != 11 || slices.Contains(arrived, "giant") || err == nil || !strings.Contains(err.Error(), "giant payments.requested") && !strings.Contains(err.Error(), "payments.requested giant") {
		t.Errorf("%d arrived: %v", len(arrived), err)
	}
	if err != nil && (!strings.Contains(err.Error(), "262144") || strings.Contains(err.Error(), "xxx")) {
		t.Errorf("it should name the limit and not the data: %.300s", err)
	}
}

// first lets the first n calls meet a fault.
func first(n int, f fault) func(int) fault {
	return func(call int) fault {
		if call > n {
			return fault{}
		}
		return f
	}
}

func TestWhatPassesIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{
		"throttled": {code: "Throttled"}, "throttled by another name": {code: "ThrottlingException"}, "the key is throttled": {code: "KMSThrottling"},
		"internal": {code: "InternalError", status: 500}, "front end": {status: 503}, "silent": {silent: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{fault: first(3, f)}
			arrived, err := sending(t, s)(t.Context(), messages(2, 10))
			if err != nil || !slices.Equal(arrived, []string{"m1", "m2"}) || s.calls != 4 {
				t.Errorf("%s: %v in %d calls: %v", name, arrived, s.calls, err)
			}
		})
	}
}

// An answer that got lost is asked for again: what arrived twice is said once.
func TestLostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{fault: first(1, fault{lost: true})}
		arrived, err := sending(t, s)(t.Context(), messages(2, 10))
		if err != nil || !slices.Equal(arrived, []string{"m1", "m2"}) || !slices.Equal(s.took, []string{"m1", "m2", "m1", "m2"}) {
			t.Errorf("%v of %v: %v", arrived, s.took, err)
		}
	})
}

func TestPartOfABatchIsAnsweredExactly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   func(int) fault
		arrived string
		err     string
		calls   int
	}{
		"one throttled, then taken": {first(2, fault{entries: map[string]string{"m2": "Throttled"}}), "m1 m3 m2", "", 3},
		"one refused":               {first(9, fault{entries: map[string]string{"m2": "!InvalidParameter"}}), "m1 m3", "the message m2", 1},
		"one refused, one later":    {first(1, fault{entries: map[string]string{"m2": "!InvalidParameter", "m3": "InternalError"}}), "m1 m3", "the message m2", 2},
		"one throttled for good":    {first(99, fault{entries: map[string]string{"m2": "Throttled"}}), "m1 m3", "did not take 1 messages in 8 attempts", 8},
		"nothing said of one":       {first(1, fault{forgets: "m3"}), "m1 m2 m3", "", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{fault: c.fault}
			arrived, err := sending(t, s)(t.Context(), messages(3, 10))
			if strings.Join(arrived, " ") != c.arrived || s.calls != c.calls {
				t.Errorf("%s: %v in %d calls, want %s in %d", name, arrived, s.calls, c.arrived, c.calls)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
		})
	}
}

// poison refuses every batch that one message is in, as a whole.
func TestBatchRefusedForOneMessageGoesSingly(t *testing.T) {
	t.Parallel()
	calls := map[int]fault{1: {code: "InvalidParameter"}, 3: {code: "InvalidParameter"}} // the batch, then m2 alone
	s := &server{fault: func(call int) fault { return calls[call] }}
	arrived, err := sending(t, s)(t.Context(), messages(3, 10))
	if !slices.Equal(arrived, []string{"m1", "m3"}) || err == nil || !strings.Contains(err.Error(), "the message m2") {
		t.Errorf("%v: %v", arrived, err)
	}
}

func TestWhatDoesNotPassIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	s := &server{fault: func(call int) fault {
		if call == 2 {
			return fault{code: "AuthorizationError", status: 403}
		}
		return fault{}
	}}
	arrived, err := sending(t, s)(t.Context(), messages(25, 10))
	if len(arrived) != 10 || s.calls != 2 || err == nil || !strings.Contains(err.Error(), "AuthorizationError") || !strings.Contains(err.Error(), "wait in the store") {
		t.Errorf("%d arrived in %d calls: %v", len(arrived), s.calls, err)
	}
}

func TestCallersTimeIsKept(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"throttled": {code: "Throttled"}, "silent": {silent: true}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			arrived, err := sending(t, &server{fault: first(99, f)})(ctx, messages(1, 10))
			if took := time.Since(began); err == nil || len(arrived) != 0 || took > 3*time.Second {
				t.Errorf("%s: %v after %s: %v", name, arrived, took, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if arrived, err := sending(t, &server{})(ctx, messages(1, 10)); !errors.Is(err, context.Canceled) || len(arrived) != 0 {
		t.Errorf("%v: %v, want the context's end", arrived, err)
	}
}

func TestWaitsAreDrawn(t *testing.T) {
	t.Parallel()
	took := map[time.Duration]bool{}
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if _, err := sending(t, &server{fault: first(4, fault{code: "Throttled"})})(t.Context(), messages(1, 10)); err != nil {
				t.Error(err)
			}
			took[time.Since(began)] = true
		})
	}
	if len(took) < 4 {
		t.Errorf("five waits took %v: want them drawn apart", took)
	}
}

func TestAttributesAreThoseThatSubscriptionsFilterBy(t *testing.T) {
	t.Parallel()
	p, err := pack(event.New("m1", event.ImagesUploaded, noon, event.For{}, event.Uploaded{Key: "a", Size: 1}))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, name := range []string{"type", "for"} {
		if a, there := p.entry.MessageAttributes[name]; there {
			got += fmt.Sprintf("%s=%s(%s) ", name, *a.StringValue, *a.DataType)
		}
	}
	if got != "type=images.uploaded(String) " { // SNS takes no empty attribute
		t.Errorf("attributes %q", got)
	}
}
