package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shop is a site that takes donations and says what it stored; it forgets as many as it is told to.
func shop(t *testing.T, forget int) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	var rows []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.URL.Path == "/reconcile":
			fmt.Fprint(w, strings.Join(rows[min(forget, len(rows)):], ""))
		case r.Method == "POST":
			rows = append(rows, fmt.Sprintf(`{"ref":%q,"id":"x","amount":%q}`+"\n", r.FormValue("submitted[transaction_id]"), r.FormValue("submitted[amount]")))
			http.Redirect(w, r, "/node/2/done?sid=2147483649", http.StatusFound)
		default:
			fmt.Fprint(w, `<form method="post"><input type="text" name="submitted[amount]"></form>`)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestLoadtestStatusSaysWhetherDonationsWereLost(t *testing.T) {
	t.Parallel()
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	text := "kind: drip\nhost: www.rednosefund.example\nmark: none\nrate: 100\nhold: 50ms\n"
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for forget, want := range map[int]int{0: done, 1: unheld} {
		s := shop(t, forget)
		var out, errs bytes.Buffer
		status := Main([]string{"loadtest", "run", plan, "--target", s.URL, "--reconcile", s.URL + "/reconcile", "--json"}, nil, nil, &out, &errs)
		var got struct {
			Sent, OK   int
			Errors     map[string]int
			Late       *int           `json:"late_sends"`
			Latency    map[string]any `json:"latency_ms"`
			Rate       float64
			Reconciled struct{ Accepted, Stored, Missing, Doubled int }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err, errs.String())
		}
		r := got.Reconciled
		if status != want || got.Sent != 15 || got.OK != 15 || got.Late == nil || len(got.Latency) != 5 || r.Accepted != 5 || r.Stored != 5-forget || r.Missing != forget {
			t.Errorf("%d forgotten: status %d, %+v\n%s", forget, status, got, errs.String())
		}
	}
}

func TestLoadtestSaysWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if status := Main([]string{"loadtest", "run", "peak", "--target", "nowhere"}, nil, nil, &out, &errs); status != wrong {
		t.Errorf("a wrong target is status %d: %s", status, errs.String())
	}
	if status := Main([]string{"loadtest", "run", "no-such-plan", "--target", "http://127.0.0.1:1"}, nil, nil, &out, &errs); status != wrong {
		t.Errorf("a wrong plan is status %d: %s", status, errs.String())
	}
}
