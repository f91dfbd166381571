package ministack

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerIsPrivateAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := Test(t)
	answer, err := http.Get(s.URL + "/_ministack/health")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "dynamodb") {
		t.Errorf("health: %d %s %v", answer.StatusCode, body, err)
	}
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Errorf("it is at %s: want loopback", s.URL)
	}
	s.Stop()
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", s.dir, err)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("it answers after its end")
	}
}

func TestProgramThatEndsIsToldWithWhatItSaid(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nenv; echo no transform here >&2; exit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(program)
	if err == nil || !strings.Contains(err.Error(), "no transform here") {
		t.Fatalf("%v, want what the program said", err)
	}
	// It printed its environment: nothing of ours may be in it.
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "PYTHONUNBUFFERED":
		default:
			if strings.Contains(err.Error(), "\n"+name+"=") {
				t.Errorf("%s reached the server", name)
			}
		}
	}
	if _, err := Start(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is not there: %v", err)
	}
}
