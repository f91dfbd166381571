package drupal

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/form"
)

var update = flag.Bool("update", false, "write the sample's frozen pages anew")

// exchange is one recorded request and its answer.
type exchange struct {
	Name    string
	Request struct {
		Method, Path string
		Headers      [][2]string
		Body         string
	}
	Response struct {
		Status  int
		Reason  string
		Headers [][2]string
		Text    string
	}
}

func recorded(t testing.TB) []exchange {
	t.Helper()
	var all struct{ Exchanges []exchange }
	if err := json.Unmarshal(site.Captures, &all); err != nil {
		t.Fatal(err)
	}
	return all.Exchanges
}

func (e exchange) answer() Answer {
	return Answer{Status: e.Response.Status, Reason: e.Response.Reason, Header: e.Response.Headers, Body: []byte(e.Response.Text)}
}

func sampleAnswers(t testing.TB) Answers {
	all := recorded(t)
	return Answers{Form: all[11].answer(), Done: all[13].answer(), Refused: all[14].answer()}
}

func TestSampleIsFrozenFromTheRecording(t *testing.T) {
	t.Parallel()
	donate, _ := form.ByNode(2)
	files, err := Freeze(2, "donate", donate.Components, sampleAnswers(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if *update {
			if err := os.WriteFile(filepath.Join("..", "..", "shared", "form", "sample", "donate", name), text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := fs.ReadFile(form.Sample(2), name)
		if err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s: the embedded sample is not what the recording freezes to (%v); go test ./gateway/drupal -run Frozen -update", name, err)
		}
	}
	for _, name := range []string{formFile, doneFile, errorFile} {
		for _, secret := range []string{"form_rule_check", "rednosefund.example", "Siân", "not an email", " error error"} {
			if strings.Contains(string(files[name]), secret) {
				t.Errorf("%s still has %q in it", name, secret)
			}
		}
	}
}
