package assess_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// busy is the sample site with things that its forms do besides storing, a redirect and a photo.
type busy struct{ drupal.Content }

func (busy) Hooks(context.Context) ([]drupal.Hook, error) {
	return []drupal.Hook{
		{NID: 0, Kind: "crm", What: "every submission goes to a CRM as well"},
		{NID: 4, Form: "contact-us", Kind: "email", What: "a mail to the office"},
		{NID: 4, Form: "contact-us", Kind: "captcha", What: "a sum to solve"},
	}, nil
}

func (busy) Redirects(_ context.Context, yield func(drupal.Redirect) error) error {
	return yield(drupal.Redirect{From: "old-page", To: "about-us", Status: 301})
}

func (busy) Files(_ context.Context, yield func(drupal.File) error) error {
	return yield(drupal.File{FID: 1, URI: "public://2019/photo.jpg"})
}

func survey(t *testing.T) *assess.Site {
	t.Helper()
	return surveyed(t, func(c drupal.Content) drupal.Content { return busy{c} })
}

func surveyed(t *testing.T, as func(drupal.Content) drupal.Content) *assess.Site {
	t.Helper()
	dump := write(t, "drupal7.sql.gz", string(site.Dump))
	source, err := drupal.Open(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	content, err := drupal.OpenContent(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	s, err := assess.Survey(t.Context(), source, as(content))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFormsSayWhatAMoveWouldLose(t *testing.T) {
	t.Parallel()
	a := run(t, survey(t), write(t, "x.log", line(then, "POST /contact-us", 302)+line(then, "POST /donate", 302)))
	loses := map[string][]string{}
	for _, g := range a.Order {
		loses[g.Name] = g.Loses
	}
	crm := "crm, of any form: every submission goes to a CRM as well"
	if !slices.Equal(loses["donate"], []string{crm}) || !slices.Equal(loses["contact-us"], []string{crm, "email: a mail to the office", "captcha: a sum to solve"}) ||
		len(loses["editors"]) > 0 {
		t.Errorf("%q", loses)
	}
	for _, g := range a.Order {
		if g.Name == "contact-us" && (g.Risk != 30 || g.Effort != 50) {
			t.Errorf("%+v", g)
		}
	}
}

func TestTheDatabaseDecidesWhatIsThere(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, get := range []string{"/about-us", "/node/1", "/?q=about-us", "/old-page", "/giving/sing-1", "/giving/nobody", "/node/9/edit", "/node/999/edit",
		"/sites/default/files/2019/photo.jpg", "/sites/default/files/styles/large/public/2019/photo.jpg", "/sites/default/files/other.jpg", "/sites/default/files/css/a.css",
		"/rss.xml", "/robots.txt"} {
		text.WriteString(line(then, "GET "+get, 200))
	}
	text.WriteString(by(crowd, "GET /admin/anything/at/all", 200) + by(crowd, "GET /other-system", 200))
	text.WriteString(line(then, "GET /giving/gone", 404) + line(then, "GET /press", 404) + line(then, "GET /press", 503))
	a := run(t, survey(t), write(t, "x.log", text.String()))
	want := []string{"GET /about-us", "GET /admin/anything/at/all", "GET /giving/{name}", "GET /node/{nid}/edit", "GET /old-page", "GET /press", "GET /robots.txt", "GET /rss.xml",
		"GET /sites/default/files/css/{file}", "GET /sites/default/files/styles/{style}/public/{file}", "GET /sites/default/files/{file}"}
	if got := listed(a); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var absent []string
	for _, n := range a.NotHere {
		absent = append(absent, n.Pattern)
	}
	slices.Sort(absent)
	if want := []string{"/giving/{name}", "/node/{nid}/edit", "/other-system", "/sites/default/files/{file}"}; !slices.Equal(absent, want) {
		t.Errorf("not the site's: %q, want %q", absent, want)
	}
	for _, r := range a.Routes {
		if r.Pattern == "/about-us" && r.Requests != 3 || r.Pattern == "/giving/{name}" && (r.Requests != 3 || r.Strangers != 2) {
			t.Errorf("%+v", r)
		}
	}
}
