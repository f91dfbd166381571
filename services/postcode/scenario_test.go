package postcode_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/services/postcode"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
)

// The scenarios play in every world (hosttest.WorldFile), and read the Layer that the project ships.

func open(t *testing.T) (*hosttest.World, *hosttest.Service) {
	w := hosttest.NewWorld(t)
	w.Files = layer.Files
	return w, w.Start(t, postcode.New)
}

func TestScenarioAddressesHoweverThePostcodeIsTyped(t *testing.T) { // story.md 7.3, POST-4, POST-10
	t.Parallel()
	_, s := open(t)
	found := `{"addresses":[{"Line1":"1 Heol y Bont","posttown":"Caerdydd","postcode":"CF10 1AA"},{"Line1":"2 Heol y Bont","posttown":"Caerdydd","postcode":"CF10 1AA"}]}`
	for typed, want := range map[string]string{
		"CF10 1AA": found, "cf101aa": found, " c f 1 0 1 a a ": found, "CF10 IAA": found, "cf10-1aa": found,
		"ZZ99 9ZZZ": `{"addresses":[],"message":"Search string is not a valid postcode: ZZ99 9ZZZ"}`,
		"b338th":    `{"addresses":[],"message":"No addresses found for B33 8TH"}`,
	} {
		for _, target := range []string{"/postcode/lookup?query=" + url.QueryEscape(typed), "/postcode/lookup/" + url.PathEscape(typed)} {
			if a := s.Do("GET", target, ""); a.Status != 200 || a.Body != want {
				t.Errorf("%s: %d %s\nwant %s", target, a.Status, a.Body, want)
			}
		}
	}
	if a := s.Do("GET", "/postcode/lookup", ""); a.Status != 200 || !strings.Contains(a.Body, `"addresses":[]`) {
		t.Errorf("nothing typed: %d %s", a.Status, a.Body)
	}
}

func TestScenarioKnownPostcodes(t *testing.T) { // POST-12
	t.Parallel()
	_, s := open(t)
	for typed, want := range map[string]string{
		"sw1a1aa": `200 {"data":{"postcode":"SW1A 1AA",`,
		"SW1A2AA": `404 {"data":{},"error":"Postcode not found"`,
		"GX111AA": `404 {"data":{},"error":"Invalid postcode"`,
		"GIR0AA":  `404 {"data":{},"error":"Postcode not found","message":"Postcode not found","status":404,"terminated":{"postcode":"GIR 0AA","year_terminated":1989`,
	} {
		if a := s.Do("GET", "/postcodes/"+typed, ""); !strings.HasPrefix(fmt.Sprint(a.Status, " ", a.Body), want) {
			t.Errorf("%s: %d %s\nwant %s…", typed, a.Status, a.Body, want)
		}
	}
}

func TestScenarioSchoolsForgiveTypos(t *testing.T) { // story.md 7.3
	t.Parallel()
	_, s := open(t)
	for typed, want := range map[string]string{"st. pauls c": "100001", "leeds": "100004 100009", "gingerbred": "100003", "qeuen maud": "100009", "se17tp": "100001 100003", "nowhere school": "", "": ""} {
		var data struct{ Schools []postcode.School }
		a := s.Do("GET", "/schools/lookup?query="+url.QueryEscape(typed), "")
		a.Data(t, &data)
		var ids []string
		for _, f := range data.Schools {
			ids = append(ids, fmt.Sprint(f.ID))
		}
		if got := strings.Join(ids, " "); got != want || a.Status != 200 || data.Schools == nil {
			t.Errorf("%q: %q, want %q (%d %s)", typed, got, want, a.Status, a.Body)
		}
	}
}

func TestScenarioShadowLookupIsALookup(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	target := "/postcode/lookup?query=CF10%201AA"
	a := s.Do("GET", target, "", w.Marked(mark.Shadow, "GET", target, "")...)
	if a.Status != 200 || !strings.Contains(a.Body, "Heol y Bont") || !strings.Contains(a.Body, `"shadow":{"messages":[],"writes":[]}`) || a.Header.Get(host.AckHeader) == "" {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
	}
	if a := s.Do("GET", target, "", w.Marked(mark.Shadow, "GET", "/postcode/lookup", "")...); a.Status != 403 {
		t.Errorf("another address's mark: %d %s", a.Status, a.Body)
	}
}

func TestScenarioSaysHowItIsAndWhatItTakes(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	if a := s.Do("GET", "/postcode/health", ""); a.Status != 200 || !strings.Contains(a.Body, `"OK"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	var doc struct{ OpenAPI string }
	if a := s.Do("GET", "/postcode/openapi.json", ""); a.Status != 200 || json.Unmarshal([]byte(a.Body), &doc) != nil || doc.OpenAPI == "" {
		t.Errorf("%d %.80s", a.Status, a.Body)
	}
}

func TestScenarioPausedByAnOperatorAndBack(t *testing.T) {
	_, s := open(t)
	s.Pauses(t, "GET", "/postcodes/SW1A1AA", "", 200)
}
