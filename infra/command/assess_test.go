package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

func sampleLog(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "access.log.gz")
	if err := os.WriteFile(file, site.AccessLog, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The gateway takes the plan as it is: with the backends that were named, and with those of `up`.
func TestAssessMakesAPlanThatTheGatewayTakes(t *testing.T) {
	t.Parallel()
	log, dump := sampleLog(t), sampleDump(t)
	for name, flags := range map[string][]string{
		"log and database": {"--from", dump, "--site", "https://www.rednosefund.example", "--services", "https://services.rednosefund.example:8443"},
		"log alone":        nil,
	} {
		dir := filepath.Join(t.TempDir(), "out")
		status, out, errs := banyan(append([]string{"assess", "--log", log, "--out", dir, "--json"}, flags...)...)
		var doc struct {
			Requests int
			Order    []struct{ Group string }
		}
		if err := json.Unmarshal([]byte(out), &doc); status != done || err != nil || doc.Requests != 60000 || doc.Order[0].Group != "donate" {
			t.Fatalf("%s: status %d, %v: %s%.300s", name, status, err, errs, out)
		}
		status, out, errs = banyan("gateway", "--config", filepath.Join(dir, "plan.yaml"), "--check")
		if status != done || !strings.Contains(out, "donate takes\n") || !strings.Contains(out, "giving takes\n  GET /giving/{name}\n") {
			t.Errorf("%s: status %d: %s%s", name, status, errs, out)
		}
	}
}

func TestAssessTellsAPerson(t *testing.T) {
	t.Parallel()
	log := sampleLog(t)
	status, out, errs := banyan("assess", "--log", log, log) // as a shell writes --log *
	if status != done {
		t.Fatal(status, errs)
	}
	for _, want := range []string{"120000 requests (40108 by robots) from 1 March 2019 00:00 to 31 March 2019 23:59 UTC", "the busiest minute, 21:00, had 1196",
		"POST /donate ", "and 14 more routes", "GET /wp-login.php: 480 requests", " 1. donate: 124 of 10602 posts failed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestAssessSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	log := sampleLog(t)
	cut := filepath.Join(t.TempDir(), "cut.gz")
	if err := os.WriteFile(cut, site.AccessLog[:100_000], 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("jo@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{nil, wrong, "--log is missing"},
		{[]string{"--log", "not/there.log"}, wrong, "not/there.log"},
		{[]string{"--log", filepath.Dir(log)}, wrong, "is a folder"},
		{[]string{"--log", log, cut}, wrong, "cut.gz:"},
		{[]string{"--log", file}, wrong, "file:1: the address"},
		{[]string{"--log", log, "--from", "not/there.sql"}, wrong, "--from"},
		{[]string{"--log", log, "--site", "rednosefund"}, wrong, "--site or --services"},
		{[]string{"--log", log, "--out", file}, outside, "run the command again"},
	} {
		status, out, errs := banyan(append([]string{"assess"}, c.args...)...)
		if status != c.status || !strings.Contains(errs, c.text) || out != "" || strings.Contains(errs, "jo@") {
			t.Errorf("%v: status %d, want %d: %s%s", c.args, status, c.status, errs, out)
		}
	}
}
