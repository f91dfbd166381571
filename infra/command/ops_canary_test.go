package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var ownTemplate = filepath.Join("..", "..", "template.yaml")

// A whole rehearsal, as a person types it: a lookup service over itself.
func TestCanaryRehearsesADeployment(t *testing.T) {
	t.Parallel()
	built := os.Getenv("BANYAN_BOOTSTRAPS")
	if built == "" {
		t.Skip("BANYAN_BOOTSTRAPS names no folder of bootstraps, such as build/amd64 of `make build`: what needs the real ones is proved in CI")
	}
	folder := t.TempDir() // without the hooks beside it
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(built, "postcode"))); err != nil {
		t.Fatal(err)
	}
	args := []string{"ops", "canary", "postcode", "--old", folder, "--new", folder, "--template", ownTemplate, "--rate", "60"}
	status, out, errs := called(t, args...)
	if status != done || errs != "" {
		t.Fatal(status, errs, out)
	}
	for _, want := range []string{"banyan-prod-postcode by Canary10Percent5Minutes", "  2:00  10 % of live's traffic to version 2", "promoted after 10 min, which were ",
		"banyan-prod-postcode-new-errors", "OK, at worst 0", "little traffic: version 2 had ", "left out: the hooks"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	status, out, errs = called(t, append(args, "--json", "--type", "AllAtOnce")...)
	var doc struct {
		Outcome, Service string
		New              struct{ Invocations int }
		Setting          struct{ Type string }
		Sight            struct{ Text string }
		Alarms           []struct{ State string }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || status != done || doc.Outcome != "promoted" || doc.Service != "postcode" || doc.New.Invocations != 300 ||
		doc.Setting.Type != "AllAtOnce" || len(doc.Alarms) < 3 || !strings.Contains(doc.Sight.Text, "has no canary") {
		t.Error(status, err, out)
	}
	if !strings.Contains(errs, "100 % of live's traffic to version 2") {
		t.Errorf("progress is not on standard error: %q", errs)
	}
}

func TestCanaryRefusesWhatItCannotRehearse(t *testing.T) {
	t.Parallel()
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "bootstrap"), []byte("#!/bin/sh\necho TABLE is missing\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"gallery", "--old", bad, "--new", bad}, wrong, `there is no service "gallery"`},
		{[]string{"postcode", "--old", bad}, wrong, `required flag(s) "new" not set`},
		{[]string{"postcode", "--old", "nowhere", "--new", bad}, wrong, "nowhere has no bootstrap: `make build` makes"},
		{[]string{"postcode", "--old", bad, "--new", bad, "--type", "Canary20Percent"}, wrong, `"Canary20Percent" is no deployment preference: AllAtOnce, `},
		{[]string{"postcode", "--old", bad, "--new", bad, "--rate", "0"}, wrong, "--rate 0: requests a minute"},
		{[]string{"postcode", "--old", bad, "--new", bad, "--speed", "-1"}, wrong, "--speed -1"},
		{[]string{"postcode", "--old", bad, "--new", bad, "--template", "none.yaml"}, wrong, "none.yaml is not there"},
		{[]string{"postcode", "--old", bad, "--new", bad}, outside, "never became ready"},
		{[]string{"postcode", "--old", bad, "--new", bad}, outside, "TABLE is missing"},
	} {
		args := append([]string{"ops", "canary"}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--template") {
			args = append(args, "--template", ownTemplate)
		}
		if status, out, errs := called(t, args...); status != c.status || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%q: status %d, want %d: %s", c.args, status, c.status, errs)
		}
	}
}
