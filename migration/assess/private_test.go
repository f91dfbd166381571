package assess_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// by is a request of so many people, each once.
func by(people int, request string, status int) string {
	var b strings.Builder
	for i := range people {
		b.WriteString(strings.Replace(line(then, request, status), "192.0.2.1 ", fmt.Sprintf("198.51.100.%d ", i), 1))
	}
	return b.String()
}

// crowd is as many people as it takes for a path to be shown.
const crowd = 20

// theirs are requests with something of somebody's in the path, each of it asked for by one or few.
func theirs() string {
	var b strings.Builder
	for _, path := range []string{
		"/search/node/zebediah%20quux%20cancer", "/search/node/JaneSmithSecret", "/search/zebediah", "/thank-you/Zebediah", "/unsubscribe/ZebediahQuux",
		"/gift/zebediah.quux/33501", "/user/reset/7/1553012345/zebTOKEN", "/user/reset/7/1553012345/zebTOKEN/login", "/petition/Mrs-Jane-Doe-SW1A-1AA",
		"/u/SW1A1AA", "/contact/Jane.Doe", "/my/zebediah-page", "/zebediah", "/?q=thank-you/Zebediah", "/node/7/zebediah", "/admin/people/zebediah",
		"/user/7/zebediah", "/zebediah/edit", "/sites/default/zebediah", "/users/zebediah",
	} {
		for i, status := range []int{200, 404, 503} {
			b.WriteString(by(1+i, "GET "+path, status) + by(1, "POST "+path, status))
		}
	}
	b.WriteString(by(crowd-1, "GET /campaign/zebediah", 200) + by(crowd, "GET /campaign/other", 200)) // one too few
	for i := range 3 * crowd {                                                                        // one person with a new address every hour, and robots
		b.WriteString(strings.Replace(line(then, "GET /diary/zebediah", 200), "192.0.2.1 ", fmt.Sprintf("2001:db8:7:%x::%x ", i, i*7), 1))
		b.WriteString(strings.Replace(strings.Replace(line(then, "GET /robots/zebediah", 200), "192.0.2.1 ", fmt.Sprintf("192.0.2.%d ", i), 1), "Mozilla/5.0", "Some bot", 1))
	}
	for _, folder := range []string{"gift", "petition", "thank-you", "contact", "search", "unsubscribe", "my"} { // which are no secret
		b.WriteString(by(crowd, "GET /"+folder, 200))
	}
	for i := range crowd { // many people's searches for one thing are still searches
		b.WriteString(strings.Replace(line(then, "GET /shop/search/zebediah", 200), "192.0.2.1 ", fmt.Sprintf("192.0.2.%d ", i), 1))
	}
	return b.String()
}

func TestWhatFewAskedForIsNotShown(t *testing.T) {
	t.Parallel()
	log := write(t, "x.log", theirs()+by(crowd, "GET /quiet-page", 200))
	for name, s := range map[string]*assess.Site{"log alone": nil, "log and database": known(t)} {
		a := run(t, s, log)
		dir := filepath.Join(t.TempDir(), "out")
		if err := a.Write(dir, "", ""); err != nil {
			t.Fatal(err)
		}
		for file, text := range files(t, dir) {
			lower := strings.ToLower(text)
			for _, secret := range []string{"zeb", "quux", "jane", "sw1a", "33501", "1553012345", "cancer", "2001:db8"} {
				if at := strings.Index(lower, secret); at >= 0 {
					t.Errorf("%s: %s tells %q: …%s…", name, file, secret, text[max(0, at-60):min(len(text), at+40)])
				}
			}
		}
		all := listed(a)
		for _, n := range a.NotHere {
			all = append(all, n.Method+" "+n.Pattern)
		}
		for _, want := range []string{"GET /quiet-page", "GET /gift/{…}/{…}", "GET /thank-you/{…}", "GET /unsubscribe/{…}", "GET /user/reset/{…}", "GET /petition/{…}", "GET /campaign/{…}", "GET /shop/search/{…}"} {
			if !slices.Contains(all, want) {
				t.Errorf("%s: %s is missing in\n%s", name, want, strings.Join(all, "\n"))
			}
		}
		if a.Hidden == 0 || a.Few {
			t.Errorf("%s: %d hidden, few %v", name, a.Hidden, a.Few)
		}
	}
}

// TestPeopleOfSeveralFilesAreToldApart: five servers see the same visitors.
func TestPeopleOfSeveralFilesAreToldApart(t *testing.T) {
	t.Parallel()
	var few, many []string
	for i := range 4 {
		few = append(few, write(t, fmt.Sprint("few", i), by(crowd-1, "GET /few", 200)+by(crowd, "GET /many", 200)))
		many = append(many, write(t, fmt.Sprint("many", i), strings.ReplaceAll(by(crowd/4, "GET /few", 200), "198.51.100.", fmt.Sprintf("203.0.113.%d", i))))
	}
	if got := listed(run(t, nil, few...)); !slices.Equal(got, []string{"GET /many", "GET /{…}"}) {
		t.Error(got)
	}
	if got := listed(run(t, nil, many...)); !slices.Equal(got, []string{"GET /few"}) {
		t.Error(got)
	}
}

// TestALogWithoutVisitorsSaysSo: a server behind a proxy logs the proxy.
func TestALogWithoutVisitorsSaysSo(t *testing.T) {
	t.Parallel()
	a := read(t, strings.Repeat(line(then, "GET /somewhere", 200), 100)+line(then, "GET /donate", 200))
	if got := listed(a); !a.Few || a.Hidden != 100 || !slices.Equal(got, []string{"GET /donate", "GET /{…}"}) {
		t.Errorf("few %v, %d hidden, %v", a.Few, a.Hidden, got)
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	for range 2 { // new, and over what another mode was given
		if err := read(t, line(then, "GET /", 200)).Write(dir, "", ""); err != nil {
			t.Fatal(err)
		}
		for name := range files(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
			if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// peopled is the sample site with few pages that are called by people.
type peopled struct{ drupal.Content }

func (p peopled) Nodes(ctx context.Context, yield func(drupal.Node) error) error {
	if err := p.Content.Nodes(ctx, yield); err != nil {
		return err
	}
	return yield(drupal.Node{NID: 9001, Type: "fundraiser"})
}

func (p peopled) Aliases(ctx context.Context, yield func(drupal.Alias) error) error {
	if err := p.Content.Aliases(ctx, yield); err != nil {
		return err
	}
	for source, alias := range map[string]string{"user/7": "users/zebediah", "blog/7": "blogs/zebediah", "node/9001": "heroes/zebediah"} {
		if err := yield(drupal.Alias{Source: source, Alias: alias}); err != nil {
			return err
		}
	}
	return nil
}

func TestPeoplesPagesAreOnePattern(t *testing.T) {
	t.Parallel()
	s := surveyed(t, func(c drupal.Content) drupal.Content { return peopled{c} })
	a := run(t, s, write(t, "x.log", by(crowd, "GET /users/zebediah", 200)+by(1, "GET /blogs/zebediah", 200)+by(crowd, "GET /node/9001", 200)+by(1, "GET /heroes/zebediah", 200)))
	if got := listed(a); !slices.Equal(got, []string{"GET /blogs/{name}", "GET /heroes/{name}", "GET /users/{name}"}) || len(a.NotHere) > 0 {
		t.Error(got, a.NotHere)
	}
}
