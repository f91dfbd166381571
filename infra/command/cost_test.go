package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCostReportsTheCase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cost.html")
	var out, errs bytes.Buffer
	if status := Main([]string{"cost", "report", "--json", "--html", file}, nil, nil, &out, &errs); status != done {
		t.Fatal(status, errs.String())
	}
	var got struct {
		Then, Now struct{ Total string }
		Saved     string `json:"saved_percent"`
		Ratio     string
		Unknown   []struct{ Item, Why string }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Then.Total != "83908.00" || got.Now.Total != "5393.00" || got.Saved != "93.57" || got.Ratio != "15.56" || len(got.Unknown) == 0 {
		t.Errorf("%+v", got)
	}
	if page, err := os.ReadFile(file); err != nil || !bytes.Contains(page, []byte("93.57 %")) {
		t.Error(err, "no page was written")
	}
}

func TestCostPricesAreShownWithTheirDates(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if status := Main([]string{"cost", "prices", "show", "--region", "eu-west-1"}, nil, nil, &out, &errs); status != done {
		t.Fatal(status, errs.String())
	}
	for _, want := range []string{"0.705 per 1000000 units", "2026-09-11", "Texts to the United Kingdom", "unknown"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if status := Main([]string{"cost", "prices", "show", "--region", "mars-1"}, nil, nil, &out, &errs); status != wrong {
		t.Errorf("an unknown region is status %d", status)
	}
}
