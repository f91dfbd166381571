package config_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
)

// Whatever stands in the file: an answer, with lines that are in it, and never a table with holes.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(judged))
	for _, name := range []string{"testdata/twelve.yaml", "testdata/overlap.yaml", "testdata/syntax.yaml", "../../gateway.yaml"} {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("a: &x [*x]\nb: !!binary x\n<<: *x\n"))
	f.Add([]byte("- - - -\n---\n? {\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := config.Parse("gateway.yaml", src, config.Options{Getenv: func(string) (string, bool) { return "", false }})
		var mistakes config.Mistakes
		switch {
		case err == nil && (c.Table == nil || c.Backends[c.Default] == nil || len(c.Hosts) == 0):
			t.Fatalf("accepted without what it needs: %+v", c)
		case err == nil:
			for _, g := range c.Groups {
				if err := g.Policy.Check(); err != nil {
					t.Fatalf("group %s is accepted with a policy that cannot be: %v", g.Name, err)
				}
				c.Calendar.Closed(time.Unix(1_800_000_000, 0)) // it ends
				if len(g.Routes) == 0 || c.Backends[g.From] == nil || c.Backends[g.To] == nil {
					t.Fatalf("group %s is accepted without what it needs", g.Name)
				}
			}
		case !errors.As(err, &mistakes):
			t.Fatal(err)
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Line > 2+len(src) {
				t.Fatalf("%v is on no line of the file", m)
			}
		}
	})
}
