package postcode_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/services/postcode"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
)

func start(t *testing.T) *hosttest.Service {
	w := hosttest.NewWorld(t)
	w.Files = layer.Files
	return w.Start(t, postcode.New)
}

func TestAddressesAreFoundHoweverThePostcodeIsTyped(t *testing.T) { // story.md 7.3, POST-4
	t.Parallel()
	s := start(t)
	want := `{"addresses":[{"Line1":"1 Heol y Bont","posttown":"Caerdydd","postcode":"CF10 1AA"},{"Line1":"2 Heol y Bont","posttown":"Caerdydd","postcode":"CF10 1AA"}]}`
	for _, typed := range []string{"CF10 1AA", "cf101aa", " c f 1 0 1 a a ", "CF10 IAA", "cf10-1aa"} {
		for _, target := range []string{"/postcode/lookup?query=" + url.QueryEscape(typed), "/postcode/lookup/" + url.PathEscape(typed)} {
			if a := s.Do("GET", target, ""); a.Status != 200 || a.Body != want {
				t.Errorf("%s: %d %s", target, a.Status, a.Body)
			}
		}
	}
	a := s.Do("GET", "/postcode/lookup?query=SE1%207TP", "")
	if !strings.Contains(a.Body, `{"Line1":"Red Nose House","Line2":"5 Gingerbread Row","Line3":"Lower Ground Floor","posttown":"London","postcode":"SE1 7TP"}`) {
		t.Error(a.Body)
	}
}

func TestNothingFoundIsAnAnswerThatOpensManualEntry(t *testing.T) { // story.md 7.3, POST-10
	t.Parallel()
	s := start(t)
	for typed, want := range map[string]string{
		"ZZ99 9ZZZ": `{"addresses":[],"message":"Search string is not a valid postcode: ZZ99 9ZZZ"}`,
		"":          `{"addresses":[],"message":"Search string is not a valid postcode: "}`,
		"b338th":    `{"addresses":[],"message":"No addresses found for B33 8TH"}`,
	} {
		if a := s.Do("GET", "/postcode/lookup?query="+url.QueryEscape(typed), ""); a.Status != 200 || a.Body != want {
			t.Errorf("%q: %d %s, want %s", typed, a.Status, a.Body, want)
		}
	}
}

func TestPostcodesAreKnownOrNot(t *testing.T) { // POST-12
	t.Parallel()
	s := start(t)
	place := `{"postcode":"SW1A 1AA","area":"SW","outcode":"SW1A","sector":"SW1A 1","incode":"1AA","country":"England","latitude":51.5010,"longitude":-0.1415}`
	for typed, want := range map[string]string{
		"sw1a1aa": fmt.Sprintf(`200 {"data":%s,"message":"success","result":%s,"status":200}`, place, place),
		"SW1A2AA": `404 {"data":{},"error":"Postcode not found","message":"Postcode not found","status":404}`,
		"GX111AA": `404 {"data":{},"error":"Invalid postcode","message":"Invalid postcode","status":404}`,
		"GIR0AA": `404 {"data":{},"error":"Postcode not found","message":"Postcode not found","status":404,"terminated":` +
			`{"postcode":"GIR 0AA","year_terminated":1989,"month_terminated":3,"latitude":53.4541,"longitude":-3.0069}}`,
	} {
		if a := s.Do("GET", "/postcodes/"+typed, ""); fmt.Sprint(a.Status, " ", a.Body) != want {
			t.Errorf("%s: %d %s\nwant %s", typed, a.Status, a.Body, want)
		}
	}
}

func TestSchoolsAreFoundByNameTownOrPostcode(t *testing.T) { // story.md 7.3
	t.Parallel()
	s := start(t)
	for typed, want := range map[string]string{
		"st paul": "100001 100002", "Saint Paul's": "100001", "st. pauls c": "100001", "se17tp": "100001 100003", "leeds": "100004 100009", "gingerbred": "100003",
		"weevers mill": "100004", "qeuen maud": "100009", "bont": "100005", "infant london": "100003", "x": "", "": "", "zz": "", "nowhere school": "", "m1 1ae": "100002", "'.": "",
	} {
		a := s.Do("GET", "/schools/lookup?query="+url.QueryEscape(typed), "")
		var data struct{ Schools []postcode.School }
		a.Data(t, &data)
		var ids []string
		for _, f := range data.Schools {
			ids = append(ids, fmt.Sprint(f.ID))
		}
		if got := strings.Join(ids, " "); got != want || a.Status != 200 || data.Schools == nil {
			t.Errorf("%q: %q, want %q (%s)", typed, got, want, a.Body)
		}
	}
	a := s.Do("GET", "/schools/lookup?query=bandstand", "")
	want := `{"data":{"schools":[{"id":100008,"name":"The Bandstand School","address_1":"Parade Lane","address_2":"Near the Park","address_3":"Westminster","town":"London","post_code":"SW1A 1AA"}]},"message":"success"}`
	if a.Body != want {
		t.Errorf("%s\nwant %s", a.Body, want)
	}
}

func TestWrongLayerStopsTheStartWithFileAndLine(t *testing.T) {
	t.Parallel()
	good := fstest.MapFS{}
	for _, name := range []string{"postcodes", "addresses", "schools"} {
		raw, err := fs.ReadFile(layer.Files, "postcode/"+name+".csv")
		if err != nil {
			t.Fatal(err)
		}
		good["postcode/"+name+".csv"] = &fstest.MapFile{Data: append([]byte("\ufeff"), raw...)}
	}
	w := hosttest.NewWorld(t)
	w.Files = good
	w.Start(t, postcode.New)
	for _, c := range []struct{ file, text, want string }{
		{"postcodes", "pcds,doterm,ctry,lat,long\nSW1A 1AA,,England,51,0\nXX1 1XX,,England,51,0\n", `postcodes.csv, line 3: pcds "XX1 1XX" is no postcode`},
		{"postcodes", "pcds,doterm,ctry,lat,long\nSW1A 1AA,,England,1e3,0\n", `line 2: lat "1e3"`},
		{"postcodes", "pcds,doterm,ctry,lat,long\nSW1A 1AA,201713,England,51,0\n", `doterm "201713" is a year and month`},
		{"postcodes", "pcds,ctry,lat,long\nSW1A 1AA,England,51,0\n", `no column "doterm"`},
		{"addresses", "postcode,line1,line2,line3,posttown\nSW1A 1AA,,,,London\n", "line 2: an address has line1"},
		{"addresses", "postcode,line1,line2,line3,posttown\nSW1A 1AA,x\n", "wrong number of fields"},
		{"schools", "id,name,address_1,address_2,address_3,town,post_code\n0,x,,,,,\n", `id "0" is a school's number`},
		{"schools", "", "no line with the names of its columns"},
	} {
		files := fstest.MapFS{"postcode/" + c.file + ".csv": {Data: []byte(c.text)}}
		for name, f := range good {
			if files[name] == nil {
				files[name] = f
			}
		}
		env := w.Env("postcode")
		env.Files = files
		if _, err := postcode.New(env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	env := w.Env("postcode")
	env.Files = fstest.MapFS{}
	if _, err := postcode.New(env); err == nil || !strings.Contains(err.Error(), "postcode/schools.csv") {
		t.Error(err)
	}
}

func FuzzLookup(f *testing.F) {
	for _, s := range []string{"SE1 7TP", "st paul", "\xff", "ſ", "a'b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		s := start(t)
		for _, target := range []string{"/postcode/lookup?query=", "/schools/lookup?query="} {
			if a := s.Do("GET", target+url.QueryEscape(typed), ""); a.Status != 200 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
	})
}
