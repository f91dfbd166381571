package interchange_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/interchange"
	"github.com/banyan-migration/banyan/gateway/route"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func imported(t *testing.T, file string) (*interchange.Imported, *config.Config) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, err := interchange.RefactorSpaces("app", src)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("gateway.yaml", []byte(in.YAML), config.Options{Check: true})
	if err != nil {
		t.Fatalf("what was imported does not check: %v\n%s", err, in.YAML)
	}
	return in, c
}

func TestImportOfATemplate(t *testing.T) {
	t.Parallel()
	in, c := imported(t, "testdata/app.yaml")
	golden(t, "testdata/app.golden.yaml", in.YAML)
	if goes(c, "POST /donations/7") != "donate" || goes(c, "PUT /donations") != "drupal" || goes(c, "GET /donations/receipts") != "drupal" ||
		goes(c, "GET /gallery/7") != "drupal" || goes(c, "DELETE /postcode/N1") != "postcode" || goes(c, "GET /users/7/x") != "users" {
		t.Errorf("routes lead elsewhere:\n%s", in.YAML)
	}
	for _, want := range []string{
		"DonateRoute: stands there only if IsLive holds", "service gallery: of its URL only a deployment knows GalleryALB.DNSName", "service postcode: a Lambda (",
		"/old-donations: donate gets its requests as / there", "/pay-in: its state is unknown", "GET takes HEAD too", "hosts: Refactor Spaces names none",
	} {
		if !lists(in.Left, want) {
			t.Errorf("not listed: %s\n%v", want, in.Left)
		}
	}
}

func TestImportOfTheAPIsAnswers(t *testing.T) {
	t.Parallel()
	in, c := imported(t, "testdata/api.json")
	golden(t, "testdata/api.golden.yaml", in.YAML)
	for request, want := range map[string]string{
		"POST /donations": "donate", "POST /donations/1/2": "donate", "GET /donations": "legacy-site", "GET /x": "legacy-site",
		"GET /steps/9": "donate", "GET /steps/7/days": "donate", // failed: what lies around it answers
		"GET /steps/old/days": "legacy-site", // API Gateway takes the literal segment first
		"GET /steps/old/x":    "legacy-site",
	} {
		if got := goes(c, request); got != want {
			t.Errorf("%s goes to %s, want %s\n%s", request, got, want, in.YAML)
		}
	}
	for _, want := range []string{"NextToken: the list goes on", "service svc-gone000001: it is not in the file", "its state is FAILED"} {
		if !lists(in.Left, want) {
			t.Errorf("not listed: %s\n%v", want, in.Left)
		}
	}
}

// goes is where a request goes by the seeds of a configuration without anything in between.
func goes(c *config.Config, request string) string {
	method, path, _ := strings.Cut(request, " ")
	r, sure := c.Table.Match(&route.Request{Method: []byte(method), Path: []byte(path)})
	if r == nil || !sure {
		return c.Default
	}
	for _, g := range c.Groups {
		if g.Group == r.Group && g.Weight == 10000 {
			return g.To
		}
	}
	return r.Group.From
}

func lists(left []interchange.Left, want string) bool {
	for _, l := range left {
		if strings.Contains(l.String(), want) {
			return true
		}
	}
	return false
}

// What cannot be read is refused in its line, with what would be right.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src  string
		line int
		says string
	}{
		{"", 1, "is empty"},
		{"{\n\"RouteSummaryList\": [", 2, "is cut"},
		{"{\n\"a\": }", 2, "not JSON"},
		{"a: b\nc: [", 2, "not YAML"},
		{"Resources: {A: {Type: AWS::S3::Bucket}}", 1, "no Refactor Spaces route"},
		{strings.Repeat("[", 100), 1, "brackets deep"},
		{`{"RouteType":"URI_PATH","SourcePath":"/a","ServiceId":"s"}`, 1, "no default route"},
		{"{\"RouteType\":\"DEFAULT\",\"ServiceId\":\"s\"}\n{\"RouteType\":\"DEFAULT\",\"ServiceId\":\"s\"}", 2, "a second default route, the first in line 1"},
		{"[" + strings.Repeat(`{"RouteType":"DEFAULT","ServiceId":"s"},`, 5001) + `{}]`, 1, "at most 5000"},
	} {
		_, err := interchange.RefactorSpaces("app", []byte(c.src))
		var m *interchange.Mistake
		if !errors.As(err, &m) || m.Line != c.line || !strings.Contains(m.Text, c.says) {
			t.Errorf("%.60q: %v, want line %d: %s", c.src, err, c.line, c.says)
		}
	}
}

// Whatever can be read makes a gateway.yaml that checks.
func FuzzRefactorSpaces(f *testing.F) {
	// Short ones: whatever a fuzzer finds interesting it first makes smaller, byte by byte.
	f.Add([]byte("Resources:\n  S: {Type: AWS::RefactorSpaces::Service, Properties: {UrlEndpoint: {Url: !Sub 'http://${H}/a'}}}\n" +
		"  D: {Type: AWS::RefactorSpaces::Route, Properties: {RouteType: DEFAULT, ServiceIdentifier: !Ref S}}\n"))
	f.Add([]byte(`{"RouteSummaryList":[{"RouteType":"DEFAULT","ServiceId":"s"},{"SourcePath":"/a","State":"ACTIVE","ServiceId":"t"}]}`))
	for _, url := range []string{"http://[::1]:80", "https://a.example/x?y", "http://u@a", "ftp://x", "${X}", "http://a\\n: b"} {
		f.Add(fmt.Appendf(nil, `[{"RouteType":"DEFAULT","ServiceId":"null"},{"ServiceId":"null","Name":"1","EndpointType":"URL","UrlEndpoint":{"Url":%q}},`+
			`{"SourcePath":"/a/{b}","Methods":["GET","X"],"State":"ACTIVE","IncludeChildPaths":true,"ServiceId":"t"},{"SourcePath":"/a/b","State":"ACTIVE","IncludeChildPaths":true,"ServiceId":"null"}]`, url))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<14 {
			return
		}
		in, err := interchange.RefactorSpaces("app", src)
		if err != nil {
			return
		}
		if _, err := config.Parse("gateway.yaml", []byte(in.YAML), config.Options{Check: true}); err != nil {
			t.Fatalf("%v\n%s", err, in.YAML)
		}
	})
}
