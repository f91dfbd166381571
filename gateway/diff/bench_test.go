package diff

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// page is a recorded page by its place in the recording.
func recordedPage(b *testing.B, i int) []byte {
	b.Helper()
	var file struct {
		Exchanges []struct{ Response struct{ Text string } }
	}
	if err := json.Unmarshal(site.Captures, &file); err != nil {
		b.Fatal(err)
	}
	return []byte(file.Exchanges[i].Response.Text)
}

// BenchmarkCompare compares recorded pages: one of 12.6 KB (the donor's thanks) and one of 21 KB (the donation form), with what Drupal
// draws anew in each, and with a price, a link and a field that differ. Beside them the time in which x/net/html parses both pages.
func BenchmarkCompare(b *testing.B) {
	drawn := regexp.MustCompile(`(form-|theme_token":")[\w-]{43}`)
	c, err := New(Options{Key: []byte("k"), Masks: []Mask{{ID: "build id", At: "html form * field form_build_id value", Kind: Shape, Pattern: `^form-[\w-]{43}$`, As: "*"}}})
	if err != nil {
		b.Fatal(err)
	}
	for name, i := range map[string]int{"12KB": 13, "21KB": 11} {
		page := recordedPage(b, i)
		noise := drawn.ReplaceAll(page, []byte("${1}"+strings.Repeat("n", 43)))
		differs := bytes.Replace(bytes.Replace(noise, []byte("<h2>User login"), []byte("<h2>Log in for £5"), 1), []byte(`name="pass"`), []byte(`name="word"`), 1)
		for _, p := range []struct {
			name    string
			body    []byte
			outcome Outcome
		}{{"same", bytes.Clone(page), Equal}, {"noise", noise, Masked}, {"differs", differs, Differs}} {
			b.Run(name+"/"+p.name, func(b *testing.B) {
				head := [][2]string{{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-cache"}}
				l, n := Answer{Status: 200, Header: head, Body: page}, Answer{Status: 200, Header: head, Body: p.body}
				if got := c.Compare(Request{}, l, n); got.Outcome != p.outcome {
					b.Fatalf("%+v", got)
				}
				b.SetBytes(int64(len(page)))
				b.ReportAllocs()
				for b.Loop() {
					c.Compare(Request{}, l, n)
				}
			})
		}
		b.Run(name+"/parse", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				for _, body := range [][]byte{page, noise} {
					if _, err := html.Parse(bytes.NewReader(body)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
