package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/money"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

// examples holds one of each type: what stands in testdata is what other programs read.
var examples = map[string]any{
	event.PaymentsRequested:      event.Requested{Sequence: 1, Amount: money.GBP(2500), Method: "test"},
	event.PaymentsRecorded:       event.Recorded{Sequence: 1, Amount: money.GBP(500), Way: "giro", Reference: "G-1", At: noon},
	event.PaymentsSettled:        event.Settled{Sequence: 1, Payment: "p-1", Amount: money.GBP(2500), Acquirer: "stripe", At: noon},
	event.PaymentsRefused:        event.Refused{Sequence: 1, Payment: "p-1", Text: "Your card was not accepted", Retry: true},
	event.PaymentsRefunded:       event.Refunded{Sequence: 1, Payment: "p-1", Refund: "r-1", Amount: money.GBP(500), Sum: money.GBP(500)},
	event.PaymentsRefundFailed:   event.RefundFailed{Sequence: 1, Payment: "p-1", Refund: "r-1", Amount: money.GBP(500), Sum: money.GBP(0)},
	event.PaymentsDisputed:       event.Disputed{Sequence: 1, Payment: "p-1", Dispute: "d-1", Amount: money.GBP(2500)},
	event.PaymentsDisputeClosed:  event.DisputeClosed{Sequence: 1, Payment: "p-1", Dispute: "d-1", Amount: money.GBP(2500), Won: true},
	event.PaymentsMandateChanged: event.MandateChanged{Mandate: "m-1", Revision: 2, State: "failing", Reason: "no account"},
	event.ImagesUploaded:         event.Uploaded{Key: "uploads/2026/id-1", Size: 482113},
}

func TestMessagesOnTheWireStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, kind := range event.Types() {
		data, known := examples[kind]
		if !known {
			t.Errorf("%s has no example here: add one, and its golden file with -update", kind)
			continue
		}
		m := event.New("id-1", kind, noon, event.For{Service: "donate", ID: "g-1"}, data)
		got, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		file := filepath.Join("testdata", kind+".json")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is now\n%s\nand was\n%s", kind, got, want)
		}
	}
	if len(examples) != len(event.Types()) {
		t.Errorf("%d examples for %d types", len(examples), len(event.Types()))
	}
}

func TestReceiversAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	about := event.For{Service: "donate", ID: "g-1"}
	for kind, want := range map[string][]string{
		event.PaymentsRequested: {"payments"}, event.PaymentsSettled: {"donate", "giftaid"}, event.PaymentsRefused: {"donate"}, event.ImagesUploaded: {"images"}, "unheard.of": nil,
	} {
		if got := event.Receivers(event.Message{Type: kind, For: about}); !slices.Equal(got, want) {
			t.Errorf("%s goes to %v, want %v", kind, got, want)
		}
	}
	if got := event.Receivers(event.Message{Type: event.PaymentsRefunded, For: event.For{Service: "giftaid"}}); !slices.Equal(got, []string{"giftaid"}) {
		t.Errorf("giftaid gets its own twice: %v", got)
	}
	if got := event.Subscribed("payments", false); !slices.Equal(got, []string{event.PaymentsRecorded, event.PaymentsRequested}) {
		t.Errorf("payments hears %v", got)
	}
	if got := event.Subscribed("donate", true); len(got) != 7 {
		t.Errorf("donate hears %v", got)
	}
}
