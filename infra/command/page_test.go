package command

import (
	"bytes"
	"testing"
)

// A pipeline has no desktop: nothing is opened there, whatever it prints to.
func TestReportOpensOnlyOnADesktop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ system, variable, want string }{
		{"linux", "", ""}, {"linux", "DISPLAY", "xdg-open"}, {"linux", "WAYLAND_DISPLAY", "xdg-open"}, {"darwin", "", "open"},
	} {
		if got := opener(c.system, func(name string) string {
			if name == c.variable {
				return ":0"
			}
			return ""
		}); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.system, c.variable, got, c.want)
		}
	}
	if attended(&bytes.Buffer{}) {
		t.Error("a buffer is no person")
	}
}
