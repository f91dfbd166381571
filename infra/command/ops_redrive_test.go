package command

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/event"
	host "github.com/banyan-migration/banyan/shared/host/local"
	"github.com/banyan-migration/banyan/shared/kv"
)

// called runs a command and gives its status and all it printed.
func called(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(t.Context(), args, nil, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// On one machine a dead letter is deleted by the write that sends it again: it is in one place or the other, never in none.
func TestRedriveOnOneMachine(t *testing.T) {
	t.Parallel()
	to := "sqlite:" + filepath.Join(t.TempDir(), "services.db")
	open, shut, err := local.OpenStore(t.Context(), to, "payments")
	if err != nil {
		t.Fatal(err)
	}
	store := open("payments")
	letters := host.DeadLetters(store)
	for _, id := range []string{"m1", "m2", "m3"} {
		m := event.New(id, event.PaymentsRequested, time.Now(), event.For{Service: "donate", ID: "g"}, struct{}{})
		if err := store.Commit(t.Context(), letters.Put(id, host.Dead{Message: m, Error: "no acquirer"}, kv.Always)); err != nil {
			t.Fatal(err)
		}
	}
	if status, out, _ := called(t, "ops", "redrive", "payments", "--store", to, "--dry-run"); status != done || !strings.Contains(out, "3 payments.requested\n") || !strings.Contains(out, "3 dead letters, none moved") {
		t.Error(status, out)
	}
	if _, out, _ := called(t, "ops", "redrive", "--help"); !strings.Contains(out, "SQS shows no message without") {
		t.Errorf("what --dry-run cannot say of AWS is not said:\n%s", out)
	}
	if status, out, _ := called(t, "ops", "redrive", "payments", "--store", to, "--limit", "2"); status != done || !strings.Contains(out, "2 payments.requested") || !strings.Contains(out, "1 left") {
		t.Error(status, out)
	}
	status, out, _ := called(t, "ops", "redrive", "payments", "--store", to, "--json")
	var doc struct {
		Moved map[string]int
		Left  int
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || status != done || doc.Moved["payments.requested"] != 1 || doc.Left != 0 {
		t.Error(status, out, err)
	}
	waiting := 0
	for shard := range kv.Shards {
		u, err := store.Unsent(t.Context(), shard, 10)
		if err != nil {
			t.Fatal(err)
		}
		waiting += len(u)
	}
	if rows, _, err := letters.List(t.Context(), "", 10); err != nil || len(rows) != 0 || waiting != 3 {
		t.Errorf("%d letters left, %d messages wait, %v", len(rows), waiting, err)
	}
	if err := shut(); err != nil {
		t.Error(err)
	}
}

func TestOpsRefusesWrongCalls(t *testing.T) {
	t.Parallel()
	for call, says := range map[string]string{
		"ops redrive payment --stage prod":                      `there is no service "payment"`,
		"ops redrive payments":                                  "give --stage",
		"ops redrive payments --stage prod --store sqlite:x.db": "give --stage",
		"ops redrive payments --store x.db":                     "a store is sqlite:FILE",
		"ops redrive payments --store sqlite:nowhere/x.db":      "there is no store",
		"ops redrive payments --stage prod --limit 0":           "--limit: 0 moves nothing",
		"ops redrive payments --stage PROD":                     `--stage: "PROD" is none`,
		"ops preflight --rate 0":                                "--rate: 0",
		"ops drill nothing":                                     `there is no service "nothing"`,
		"ops drill donate --as-of yesterday":                    "is no time such as",
		"ops drill payments --from dump.sql":                    "payments keeps nothing of the old site's forms",
	} {
		if status, out, errs := called(t, strings.Fields(call)...); status != wrong || !strings.Contains(errs, says) || out != "" {
			t.Errorf("%s: %d %s%s, want %q", call, status, out, errs, says)
		}
	}
}
