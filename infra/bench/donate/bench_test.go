package main

import (
	"os"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

// TestMain lets the test's own program be the world, as the benchmark's is.
func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A second of donations goes through the whole world and its books agree; with one that nobody stored they do not.
func TestBooksAgreeAndALostDonationIsNamed(t *testing.T) {
	t.Chdir("../../..")
	w, err := begin(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.end(); err != nil {
			t.Error(err)
		}
	})
	plan, err := loadtest.Load("peak")
	if err != nil {
		t.Fatal(err)
	}
	plan.Rate, plan.Rise, plan.Hold = 20, 0, time.Second
	m, err := w.run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if m.Services.Accepted != 20 || m.wanted() != 20 || !m.settled || m.ours <= 0 {
		t.Errorf("%d of %d accepted, settled %t, %.3f s of CPU: %v", m.Services.Accepted, m.wanted(), m.settled, m.ours, m.Errors)
	}
	lost := *m
	lost.Result = new(loadtest.Result)
	*lost.Result = *m.Result
	lost.Donations = append(lost.Donations, loadtest.Donation{Ref: "lt-nobody-1", Amount: "10.00", Side: loadtest.Services})
	if b, err := w.compare(t.Context(), []*measured{&lost}); err != nil || b.lost != 1 || b.uncharged != 1 {
		t.Errorf("%+v (%v), want one lost", b, err)
	}
	if err := w.books(t.Context(), []*measured{m}); err != nil {
		t.Error(err)
	}
}
