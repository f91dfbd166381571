package interchange_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/interchange"
	"github.com/banyan-migration/banyan/gateway/route"
)

const head = `
hosts: [www.rednosefund.example, shop.rednosefund.example]
trusted: [10.0.0.0/8]
deny: [/update.php]
keys: {k1: sixteen letters or more}
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  services: {url: http://127.0.0.1:9002}
  drupal-8: {url: https://drupal8.example}
default: drupal
groups:
`

const site = head + `
  donate:
    from: drupal
    to: services
    weight: 10000
    key: visitor
    salt: donate-1
    routes:
      - {match: POST /donate, form: {node: 2, service: donate, pay: test}, max_rate: 30}
      - {match: GET /node/2/done}
  postcode:
    from: drupal
    to: services
    weight: 10000
    key: url
    routes:
      - {match: GET /postcode/lookup}
      - {match: "GET /postcode/{postcode}"}
      - {match: POST /postcode/*}
  gallery:
    from: drupal
    to: drupal-8
    weight: 2501
    key: visitor
    routes:
      - {match: GET /gallery}
      - {match: "GET shop.rednosefund.example/gallery/*"}
      - {match: "GET /gallery/{id}?lang=cy"}
      - {match: "GET /gallery/{id}"}
  teams:
    from: drupal
    to: services
    weight: 33
    key: header:X-Team
    routes:
      - {match: {path: /teams/*, header: {X-Beta: "1"}}}
  login:
    from: drupal
    to: drupal-8
    key: address
    routes:
      - {match: /user/login}
`

func parse(t *testing.T, src string) interchange.Source {
	t.Helper()
	c, err := config.Parse("gateway.yaml", []byte(src), config.Options{Check: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	s := interchange.Source{Config: c, Weights: map[string]int{}, Said: "the file's seeds"}
	for _, g := range c.Groups {
		s.Weights[g.Name] = g.Weight
	}
	return s
}

func export(t *testing.T, target string, s interchange.Source) *interchange.Exported {
	t.Helper()
	out, err := interchange.Export(target, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExportsOfTheSite(t *testing.T) {
	t.Parallel()
	for target, file := range map[string]string{"alb": "alb.json", "apigateway": "apigateway.json", "envoy": "envoy.yaml", "nginx": "nginx.conf"} {
		out := export(t, target, parse(t, site))
		golden(t, "testdata/site."+file, out.Text)
		for _, want := range []string{"group donate: its form", "GET /gallery/{id}?lang=cy: a query is read there", "max_rate is not said", "pins"} {
			if !lists(out.Left, want) {
				t.Errorf("%s: not listed: %s\n%v", target, want, out.Left)
			}
		}
		for _, l := range out.Left {
			words := l.Why
			if strings.HasSuffix(file, ".json") {
				raw, _ := json.Marshal(words)
				words = strings.Trim(string(raw), `"`)
			}
			if !strings.Contains(out.Text, words) {
				t.Errorf("%s: the output does not say: %s", target, l)
			}
		}
	}
	if _, err := interchange.Export("haproxy", parse(t, site)); err == nil || !strings.Contains(err.Error(), "alb, apigateway, envoy, nginx") {
		t.Errorf("an unknown target: %v", err)
	}
}

// share is where a request goes, in parts of ten thousand a backend.
type share map[string]int

func sides(from, to string, weight int) share {
	s := share{}
	s[from] += 10000 - weight
	s[to] += weight
	maps.DeleteFunc(s, func(_ string, n int) bool { return n == 0 })
	return s
}

// The law import(export(x)) = x, for what a target can say: a table that is read back from the output sends every request where ours does.
func TestExportsSendRequestsWhereWeDo(t *testing.T) {
	t.Parallel()
	read := map[string]func(*testing.T, string) func(method, host, path string) share{"alb": readALB, "envoy": readEnvoy, "nginx": readNginx}
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := parse(t, randomSite(r))
		for target, reader := range read {
			out := export(t, target, s)
			theirs := reader(t, out.Text)
			for range 150 {
				method, host, path := pick(r, "GET", "HEAD", "POST", "PUT"), pick(r, s.Config.Hosts...), randomPath(r)
				want := ours(s, method, host, path)
				if got := theirs(method, host, path); !maps.Equal(got, want) {
					t.Fatalf("seed %d, %s: %s %s%s goes to %v, ours to %v\n%s", seed, target, method, host, path, got, want, out.Text)
				}
			}
		}
	}
}

func ours(s interchange.Source, method, host, path string) share {
	found, sure := s.Config.Table.Match(&route.Request{Host: host, Method: []byte(method), Path: []byte(path)})
	if found == nil || !sure {
		return share{s.Config.Default: 10000}
	}
	return sides(found.Group.From, found.Group.To, s.Weights[found.Group.Name])
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func randomPath(r *rand.Rand) string {
	if r.IntN(8) == 0 {
		return "/"
	}
	var b strings.Builder
	for range 1 + r.IntN(3) {
		b.WriteString("/" + pick(r, "a", "b", "a.b", "x-1"))
	}
	return b.String()
}

func randomSite(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(head)
	seen := map[string]bool{}
	for i := range 3 {
		fmt.Fprintf(&b, "  g%d:\n    from: %s\n    to: services\n    weight: %d\n    key: %s\n    routes:\n      - {match: GET /only/%d}\n", i, pick(r, "drupal", "drupal-8"),
			[]int{0, 10000, 100, 5000, 7500}[r.IntN(5)], pick(r, "visitor", "url", "address", "session"), i)
		for range 1 + r.IntN(5) {
			var path strings.Builder
			for range 1 + r.IntN(3) {
				path.WriteString("/" + pick(r, "a", "b", "a.b", "{p}"))
			}
			if r.IntN(3) == 0 {
				path.WriteString("/*")
			}
			match := pick(r, "", "GET ", "HEAD ", "POST ") + pick(r, "", "", "shop.rednosefund.example") + path.String()
			if !seen[match] {
				seen[match] = true
				fmt.Fprintf(&b, "      - {match: %q}\n", match)
			}
		}
	}
	return b.String()
}

type values struct{ Values, RegexValues []string }

type albRule struct {
	Properties struct {
		Priority   int
		Conditions []struct {
			Field                                                        string
			PathPatternConfig, HostHeaderConfig, HttpRequestMethodConfig values
		}
		Actions []struct {
			Type          string
			ForwardConfig struct {
				TargetGroups []struct {
					TargetGroupArn struct{ Ref string }
					Weight         int
				}
			}
		}
	}
}

func readALB(t *testing.T, text string) func(method, host, path string) share {
	t.Helper()
	var doc struct {
		Parameters map[string]struct{ Description string }
		Resources  map[string]albRule
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for p, d := range doc.Parameters {
		names[p] = strings.TrimPrefix(strings.Split(d.Description, ",")[0], "ARN of the target group of ")
	}
	rules := slices.SortedFunc(maps.Values(doc.Resources), func(a, b albRule) int { return a.Properties.Priority - b.Properties.Priority })
	return func(method, host, path string) share {
		for _, r := range rules {
			if r.takes(t, method, host, path) && r.Properties.Actions[0].Type == "forward" {
				return r.share(t, names)
			}
		}
		return share{"drupal": 10000}
	}
}

func (r albRule) takes(t *testing.T, method, host, path string) bool {
	holds, count := true, 0
	for _, c := range r.Properties.Conditions {
		v := map[string]values{"path-pattern": c.PathPatternConfig, "host-header": c.HostHeaderConfig, "http-request-method": c.HttpRequestMethodConfig}[c.Field]
		against := map[string]string{"path-pattern": path, "host-header": host, "http-request-method": method}[c.Field]
		count += len(v.Values) + len(v.RegexValues)
		holds = holds && (slices.ContainsFunc(v.Values, func(p string) bool { return wildcard(p).MatchString(against) }) ||
			slices.ContainsFunc(v.RegexValues, func(p string) bool { return expression(p).MatchString(against) }))
	}
	if count > 5 || len(r.Properties.Actions) != 1 {
		t.Fatalf("priority %d has %d condition values", r.Properties.Priority, count)
	}
	return holds
}

func (r albRule) share(t *testing.T, names map[string]string) share {
	total, got := 0, share{}
	groups := r.Properties.Actions[0].ForwardConfig.TargetGroups
	for _, g := range groups {
		if total += g.Weight; g.Weight < 0 || g.Weight > 999 || len(groups) > 5 {
			t.Fatalf("a weight of %d among %d", g.Weight, len(groups))
		}
	}
	for _, g := range groups {
		got[names[g.TargetGroupArn.Ref]] = g.Weight * 10000 / total
	}
	return got
}

// expression keeps what is compiled: the tests ask the same ones often.
func expression(s string) *regexp.Regexp {
	if r, ok := compiled.Load(s); ok {
		return r.(*regexp.Regexp)
	}
	r := regexp.MustCompile(s)
	compiled.Store(s, r)
	return r
}

var compiled sync.Map

func wildcard(p string) *regexp.Regexp {
	return expression("^" + strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*"), `\?`, ".") + "$")
}

func readEnvoy(t *testing.T, text string) func(method, host, path string) share {
	t.Helper()
	type words struct {
		Exact     string
		SafeRegex struct{ Regex string } `yaml:"safe_regex"`
	}
	var doc struct {
		VirtualHosts []struct {
			Domains []string
			Routes  []struct {
				Match struct {
					Path, Prefix        string
					PathSeparatedPrefix string                 `yaml:"path_separated_prefix"`
					SafeRegex           struct{ Regex string } `yaml:"safe_regex"`
					Headers             []struct {
						Name        string
						StringMatch words `yaml:"string_match"`
					}
				}
				Route struct {
					Cluster          string
					WeightedClusters struct {
						Clusters []struct {
							Name   string
							Weight int
						}
						UseHashPolicy bool `yaml:"use_hash_policy"`
					} `yaml:"weighted_clusters"`
					HashPolicy []any `yaml:"hash_policy"`
				}
			}
		} `yaml:"virtual_hosts"`
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return func(method, host, path string) share {
		for _, v := range doc.VirtualHosts {
			if !slices.Contains(v.Domains, host) {
				continue
			}
			for _, r := range v.Routes {
				m := r.Match
				holds := m.Path != "" && m.Path == path || m.Prefix != "" && strings.HasPrefix(path, m.Prefix) || m.SafeRegex.Regex != "" && expression(m.SafeRegex.Regex).MatchString(path)
				for _, h := range m.Headers {
					value := map[string]string{":method": method}[h.Name]
					s := h.StringMatch
					holds = holds && (s.Exact != "" && s.Exact == value || s.SafeRegex.Regex != "" && expression("^(?:"+s.SafeRegex.Regex+")$").MatchString(value))
				}
				if !holds {
					continue
				}
				w := r.Route.WeightedClusters
				if len(w.Clusters) == 0 {
					return share{r.Route.Cluster: 10000}
				}
				if !w.UseHashPolicy || len(r.Route.HashPolicy) != 1 || w.Clusters[0].Name != "services" {
					t.Fatalf("a split without a hash, or the old side first: %+v", r)
				}
				return share{w.Clusters[0].Name: w.Clusters[0].Weight, w.Clusters[1].Name: w.Clusters[1].Weight}
			}
		}
		return nil
	}
}

var (
	mapLine   = regexp.MustCompile(`(?m)^    "(~\^0 [^"]+)" (\S+);`)
	splitText = regexp.MustCompile(`split_clients "[^"]+" (\$\w+) \{[^\n]*\n    ([0-9.]+)% banyan_(\w+);\n    \* banyan_(\w+);`)
)

func readNginx(t *testing.T, text string) func(method, host, path string) share {
	t.Helper()
	name := func(s string) string {
		return strings.ReplaceAll(strings.TrimPrefix(s, "banyan_"), "_", "-")
	}
	splits := map[string]share{}
	for _, m := range splitText.FindAllStringSubmatch(text, -1) {
		var whole, hundredths int
		if _, err := fmt.Sscanf(m[2], "%d.%d", &whole, &hundredths); err != nil {
			t.Fatal(err)
		}
		splits[m[1]] = sides(name(m[4]), name(m[3]), whole*100+hundredths)
	}
	_, table, found := strings.Cut(text, "$banyan_path\" $banyan_backend {")
	table, _, _ = strings.Cut(table, "\n}")
	if !found {
		t.Fatal(text)
	}
	lines := mapLine.FindAllStringSubmatch(table, -1)
	return func(method, host, path string) share {
		for _, m := range lines {
			if expression(strings.TrimPrefix(m[1], "~")).MatchString("0 " + method + " " + host + " " + path) {
				if s, ok := splits[m[2]]; ok {
					return s
				}
				return share{name(m[2]): 10000}
			}
		}
		return share{"drupal": 10000}
	}
}

// An HTTP API has its own order among routes, so its table is compared and not its answers.
func TestAPIGatewayHasEveryRouteOnItsSide(t *testing.T) {
	t.Parallel()
	out := export(t, "apigateway", parse(t, site))
	var doc struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				RouteKey        string
				TimeoutInMillis int
				Target          struct {
					Join []any `json:"Fn::Join"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out.Text), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range doc.Resources {
		if r.Properties.TimeoutInMillis > 30000 {
			t.Errorf("an integration waits %d ms", r.Properties.TimeoutInMillis)
		}
		if r.Type == "AWS::ApiGatewayV2::Route" {
			got[r.Properties.RouteKey] = fmt.Sprint(r.Properties.Target.Join[1])
		}
	}
	for key, side := range map[string]string{
		"GET /postcode/lookup": "Services", "HEAD /postcode/{p2}": "Services", "POST /postcode/{proxy+}": "Services", "GET /gallery": "Drupal0", // 25 % is no share there
		"POST /donate": "Drupal0", "ANY /user/login": "Drupal0", "$default": "Drupal0",
	} {
		if !strings.Contains(got[key], side) {
			t.Errorf("%s leads to %s, want %s", key, got[key], side)
		}
	}
	if !lists(out.Left, "the split (2501 basis points) is not exported") || !lists(out.Left, "timeouts.first_byte: 35s here") || !lists(out.Left, "127.0.0.1:9001 cannot be reached") {
		t.Errorf("not listed: %v", out.Left)
	}
}

// What the file says at its top is said there, or listed.
func TestTheTopOfTheFileIsSaidOrListed(t *testing.T) {
	t.Parallel()
	s := parse(t, "tls: {cert: /etc/c.pem, key: /etc/k.pem}\nstrip: [X-Drupal-Cache-Tags]\nvia: true\norigins: [http://drupal.internal]\n"+site)
	for _, target := range interchange.Targets() {
		out := export(t, target, s)
		for what, said := range map[string]string{"tls": `ssl_certificate "/etc/c.pem"`, "strip": "proxy_hide_header X-Drupal-Cache-Tags", "via": "Via", "origins": "drupal.internal"} {
			if lists(out.Left, "gateway.yaml: "+what+" is not said") == strings.Contains(out.Text, said) {
				t.Errorf("%s: %s is neither said nor listed, or both", target, what)
			}
		}
	}
}

// No export sends more people to the new side than were approved: what a target can only come near to is rounded down, and listed.
func TestALBRoundsDown(t *testing.T) {
	t.Parallel()
	s := parse(t, head+"  g:\n    from: drupal\n    to: services\n    routes:\n      - {match: GET /a}\n")
	for weight := 1; weight < 10000; weight += 37 {
		s.Weights["g"] = weight
		out := export(t, "alb", s)
		got := readALB(t, out.Text)("GET", "www.rednosefund.example", "/a")["services"]
		if got > weight || got < weight-10 {
			t.Fatalf("%d became %d", weight, got)
		}
		if exact := got == weight; exact == lists(out.Left, "the next smaller share") && weight%100 != 0 && exact {
			t.Fatalf("%d is exact and listed", weight)
		}
	}
}
