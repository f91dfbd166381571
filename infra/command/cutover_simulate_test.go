package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const simulated = `
hosts: [www.rednosefund.example]
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  services: {url: http://127.0.0.1:9002}
default: drupal
groups:
  donate: {from: drupal, to: services, key: address, salt: donate-1, routes: [{match: POST /donate}]}
`

// simulate says what would have happened, and a rollback is status 1; what is wrong with the call is status 2 and says how it is right.
func TestCutoverSimulate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plan := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(plan, []byte(simulated), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.log")
	if err := os.WriteFile(cut, []byte{0x1f, 0x8b, 8}, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.log")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]struct {
		status int
		says   string
	}{
		plan + " --synthetic --harm +5%":        {unheld, "verdict ROLLBACK (harm)"},
		plan + " --synthetic --harm +5% --json": {unheld, `"end": "rolled_back"`},
		plan + " --log sample":                  {done, "the log ends after"},
		plan:                                    {wrong, "--log FILE, --log sample, or --synthetic"},
		plan + " --log sample --harm 5":         {wrong, "write +5%"},
		plan + " --log sample --group gifts":    {wrong, `has no group "gifts": it has donate`},
		plan + " --log " + dir + "/none":        {wrong, "no such file"},
		plan + " --log " + empty:                {wrong, "no readable line"},
		plan + " --log " + cut:                  {outside, "gzip"},
		plan + " --synthetic --log sample":      {wrong, "none of the others can be"},
		plan + " --suite":                       {wrong, "either --suite or a PLANFILE"},
		dir + "/none.yaml --synthetic":          {wrong, "none.yaml"},
		"":                                      {wrong, "either --suite or a PLANFILE"},
		"--suite --ramps 0":                     {wrong, "at least 1 ramp"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"cutover", "simulate"}, strings.Fields(call)...)
		if status := run(t.Context(), args, nil, strings.NewReader(""), &out, &errs); status != want.status || !strings.Contains(out.String()+errs.String(), want.says) {
			t.Errorf("%s: %d, %s%s, want %d and %q", call, status, &out, &errs, want.status, want.says)
		}
	}
}

// Every row of the suite stands in its document, whether our rule keeps its promise or not: so few ramps prove nothing.
func TestCutoverSimulateSuite(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"cutover", "simulate", "--suite", "--ramps", "1", "--json"}, nil, strings.NewReader(""), &out, &errs)
	var doc struct {
		Rows []struct {
			Rule string `json:"rule"`
			Rate int    `json:"rate_per_minute"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Rows) < 3*18 || doc.Rows[0].Rule != "ours" || doc.Rows[0].Rate != 3 {
		t.Errorf("%d rows, %v: %s", len(doc.Rows), err, &errs)
	}
	if status == unheld != strings.Contains(errs.String(), "does not keep its promise") || status != done && status != unheld {
		t.Errorf("%d, %s", status, &errs)
	}
}
