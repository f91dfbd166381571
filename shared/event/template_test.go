package event_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/event"
)

// TestTemplateSubscribesByTheTable: what a queue hears in AWS is what it hears on one machine. A service that owns what
// payments are for hears of them besides.
func TestTemplateSubscribesByTheTable(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	stores := regexp.MustCompile(`\{Service: (\w+), [^}]*Types: '([^']*)'`).FindAllStringSubmatch(string(raw), -1)
	if len(stores) < 2 {
		t.Fatalf("template.yaml subscribes %d services: want donate and payments at least", len(stores))
	}
	for _, s := range stores {
		name, hears := s[1], strings.Split(s[2], ",")
		if !slices.Equal(hears, event.Subscribed(name, false)) && !slices.Equal(hears, event.Subscribed(name, true)) {
			t.Errorf("template.yaml: %s hears %v\nwant %v, or, if it owns what is paid for, %v", name, hears, event.Subscribed(name, false), event.Subscribed(name, true))
		}
	}
}
