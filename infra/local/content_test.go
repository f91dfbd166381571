package local

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
	stand "github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/content"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// asked are the targets of the sample's access log, each once; good are those that were answered with 200. Of the thank-you pages, which are one page
// under thousands of addresses, BANYAN_HEAVY has all and else a few stand for all.
func asked(t testing.TB) (all, good []string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(site.AccessLog))
	if err != nil {
		t.Fatal(err)
	}
	seen, well := map[string]bool{}, map[string]bool{}
	r := accesslog.NewReader("access.log.gz", z)
	for l := range r.Lines() {
		if l.Method != http.MethodGet || well[l.Target] {
			continue
		}
		if strings.HasPrefix(l.Target, "/node/2/done") && !strings.HasSuffix(l.Target, "77") && os.Getenv("BANYAN_HEAVY") == "" {
			continue
		}
		if !seen[l.Target] {
			seen[l.Target] = true
			all = append(all, l.Target)
		}
		if l.Status == http.StatusOK {
			well[l.Target] = true
			good = append(good, l.Target)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all, good
}

// visitor asks one address of a site under the charity's name.
type visitor struct{ http.Client }

func newVisitor(address string) *visitor {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(address, "http://"))
	}
	return &visitor{http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

const charity = "http://www.rednosefund.example"

type sight struct {
	status          int
	location, title string
	text            string
}

func (v *visitor) see(target string) (sight, error) {
	r, err := http.NewRequest(http.MethodGet, charity+target, nil)
	if err != nil {
		return sight{}, err
	}
	r.Header.Set("Accept-Encoding", "identity") // the old site packs on one core what nobody here needs packed
	res, err := v.Do(r)
	if err != nil {
		return sight{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	s := sight{status: res.StatusCode, location: strings.TrimPrefix(res.Header.Get("Location"), charity), text: string(body)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		s.title, s.text = words(body)
	}
	return s, err
}

// words are what people read of a page: its title and its text.
func words(page []byte) (title, text string) {
	z, inside, all := html.NewTokenizer(bytes.NewReader(page)), "", []string{}
	for {
		switch z.Next() {
		case html.ErrorToken:
			return title, strings.Join(all, " ")
		case html.StartTagToken:
			name, _ := z.TagName()
			inside = string(name)
		case html.EndTagToken:
			inside = ""
		case html.TextToken:
			if inside == "title" {
				title = string(z.Text())
			} else if inside != "script" && inside != "style" {
				all = append(all, strings.Fields(string(z.Text()))...)
			}
		}
	}
}

// see asks many targets, eight at once.
func (v *visitor) all(t testing.TB, targets []string) map[string]sight {
	t.Helper()
	var mu sync.Mutex
	answers := map[string]sight{}
	todo := make(chan string)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for target := range todo {
				s, err := v.see(target)
				if err != nil {
					t.Errorf("%s: %v", target, err)
				}
				mu.Lock()
				answers[target] = s
				mu.Unlock()
			}
		})
	}
	for _, target := range targets {
		todo <- target
	}
	close(todo)
	wait.Wait()
	return answers
}

// keeping is a gateway whose default is a folder of frozen pages, with no Drupal behind it and the donate form at a service.
func keeping(t *testing.T, folder string) string {
	t.Helper()
	text := `
hosts: [www.rednosefund.example]
backends:
  pages: {dir: ` + folder + `}
  services: {url: http://127.0.0.1:9}
default: pages
groups:
  donate:
    from: pages
    to: services
    weight: 10000
    routes: [{match: POST /donate, form: {node: 2, service: donate, pay: test}}, {match: GET /node/2/done}]
`
	c, err := config.Parse("gateway.yaml", []byte(text), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = []split.Secret{{ID: "k1", Value: "sixteen bytes and more"}}
	ring, err := split.NewKeyring(c.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	plan := cutover.Fixed(1, map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Retired}})
	g, err := gateway.New(gateway.Options{Config: c, Plan: func() *cutover.Snapshot { return plan }, Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	go g.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		g.Shutdown(ctx)
	})
	return address
}

// Show 7: with the stand-in stopped, every page and file of the access log that it answered with 200 answers 200 with the same title and text, redirects
// are the same, and what is not there is listed.
func TestEveryAddressOfTheLogAnswersWithoutTheMonolith(t *testing.T) {
	t.Parallel()
	folder := oldFolder(t)
	db, err := stand.Open(filepath.Join(folder, "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	old, err := stand.New(stand.Options{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	go old.Serve(l)
	t.Cleanup(func() { old.Close() })
	source, err := drupal.OpenContent(t.Context(), "sqlite:"+filepath.Join(folder, "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	all, good := asked(t)
	before := newVisitor(address)
	was := before.all(t, all)
	out := filepath.Join(t.TempDir(), "frozen")
	o := content.Options{Content: source, Site: charity, Out: out, Seen: slices.Values(good), Live: []int64{2}, Client: &before.Client}
	r, err := content.Freeze(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	is := newVisitor(keeping(t, out)).all(t, all)
	listed := map[string]string{}
	for _, left := range r.Left {
		listed[left.At] = left.Why
	}
	answered, wells := 0, 0
	for _, target := range all {
		a, b := was[target], is[target]
		path, _, _ := strings.Cut(target, "?")
		a.text, b.text = warning.ReplaceAllString(a.text, ""), warning.ReplaceAllString(b.text, "")
		well := a.status == http.StatusOK || a.location != ""
		if well {
			wells++
		}
		switch {
		case well && a == b:
			answered++
		case well && (b.status != http.StatusNotFound || listed[path] != "is for one person"):
			t.Errorf("%s: was %d %q %s, is %d %q %s; listed: %q", target, a.status, a.title, a.location, b.status, b.title, b.location, listed[path])
		case !well && b.status == http.StatusOK:
			t.Errorf("%s: was %d, is a page", target, a.status)
		}
	}
	if answered != wells-1 || wells < 950 { // but for /user/login
		t.Errorf("%d of %d addresses answer as they did", answered, wells)
	}
	if !r.Clean() || r.Pages < 290 || r.Assets < 920 || r.Compared.Equal+r.Compared.Masked != r.Pages+r.Assets+r.Redirects {
		t.Errorf("%d pages, %d files, %d redirects: %+v", r.Pages, r.Assets, r.Redirects, r.Compared)
	}
}

// warning is what the old site's PHP says of itself to each visitor of a form; the services' pages say no such thing.
var warning = regexp.MustCompile(`Error message (?:Warning : [^)]*\) \(line \d+ of \S+ \)\. )+`)
