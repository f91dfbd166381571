package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	mask "github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// watched is a gateway of the test's own in front of a world, with every request of every group copied.
type watched struct {
	address string
	copier  *shadow.Copier

	mu    sync.Mutex
	pairs []shadow.Pair
}

func (s *watched) add(p shadow.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Legacy.Body, p.New.Body = nil, nil
	s.pairs = append(s.pairs, p)
}

// effects waits for so many compared writes.
func (s *watched) effects(t testing.TB, n int) []shadow.Pair {
	t.Helper()
	return s.wait(t, n, func(p shadow.Pair) bool { return p.Effect })
}

func (s *watched) wait(t testing.TB, n int, is func(shadow.Pair) bool) (all []shadow.Pair) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		all = all[:0]
		for _, p := range s.pairs {
			if is(p) {
				all = append(all, p)
			}
		}
		s.mu.Unlock()
		if len(all) >= n {
			return all
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d of %d are compared; %+v", len(all), n, s.copier.Status())
		}
	}
}

type wrote = func(context.Context, string, json.RawMessage) (form.Record, error)

func watch(t *testing.T, w *World, read wrote) *watched {
	t.Helper()
	source, err := drupal.Open(t.Context(), "sqlite:"+w.old.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	c, err := w.config()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]cutover.Group{}
	for _, g := range c.Groups {
		at[g.Name] = cutover.Group{Phase: cutover.Shadow}
		for _, r := range g.Routes {
			r.Options.Shadow = split.Full
		}
	}
	comparer, err := diff.New(diff.Options{Masks: mask.Masks("drupal7")})
	if err != nil {
		t.Fatal(err)
	}
	s := new(watched)
	s.copier, err = shadow.New(shadow.Options{Keys: c.Keys, Diff: comparer, Report: s.add, Stored: Data{Source: source}.Stored, Wrote: read})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.copier.Close)
	ring, err := split.NewKeyring(c.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	plan := cutover.Fixed(1, at)
	g, err := gateway.New(gateway.Options{Config: c, Plan: func() *cutover.Snapshot { return plan }, Keys: ring, Shadow: s.copier})
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	s.address = address
	go g.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		g.Shutdown(ctx)
	})
	return s
}

// typed is what the n-th donor writes into the form, in all the ways in which people do.
func typed(n int) url.Values {
	r := rand.New(rand.NewPCG(4, uint64(n)))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	v := url.Values{"form_build_id": {fmt.Sprintf("form-%043d", n)}, "form_id": {"webform_client_form_2"}, "op": {"Donate"}}
	for key, value := range map[string]string{
		"amount":     one("5", "10.00", "12.34", "7.50", "£25", "1,000", "£1,234.50", "19.99", "33.33"),
		"first_name": one("Ada", "Siân", " Zoë ", "Mary Jane", "Bola"), "last_name": one("O'Neill", "Smith-Jones", "Ekwueme", "de la Cruz"),
		"email": fmt.Sprintf(one("donor%d@example.org", "Donor%d@Example.ORG", " donor%d@example.org "), n), "phone": one("", "07700 900123", "+44 7700 900456", "none"),
		"address1": fmt.Sprintf("%d Mill Lane", n), "town": one("Leeds", "Caerdydd", ""), "postcode": one("LS1 4AP", "ls14ap", "SW1A 1AA", "cf10 1aa"),
		"country": one("", "GB", "UK", "United Kingdom"), "message": one("", "Good luck & thank you", "two\r\nlines", "50% off; \"quoted\" <b>"),
		"transaction_id": fmt.Sprintf("ref-%d", n), "title": one("", "Mr", "Dr"),
	} {
		v.Set("submitted["+key+"]", value)
	}
	for _, key := range []string{"gift_aid", "email_consent"} {
		if choice := one("", "0", "1"); choice != "" { // radios that nobody touched are not posted
			v.Set("submitted["+key+"]", choice)
		}
	}
	return v
}

// give posts the gifts of so many donors and says how many were thanked.
func give(t *testing.T, address string, donors int, typed func(n int) url.Values) (thanked int) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for worker := range 8 {
		wg.Go(func() {
			for n := worker; n < donors; n += 8 {
				req, err := http.NewRequest("POST", address+"/donate", strings.NewReader(typed(n).Encode()))
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = siteHost
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode == http.StatusFound {
					mu.Lock()
					thanked++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return thanked
}

// H-9, the fourth show: what the service would have stored of 500 posts is what Drupal did store, field by field.
func TestWhatTheServiceWouldStoreIsWhatDrupalStored(t *testing.T) {
	t.Parallel()
	const donors = 500
	w := startWorld(t, Options{Dir: oldFolder(t), Config: repository(t)})
	s := watch(t, w, Wrote)
	if thanked := give(t, s.address, donors, typed); thanked != donors {
		t.Fatalf("%d of %d donors are thanked", thanked, donors)
	}
	equal := 0
	for _, p := range s.effects(t, donors) {
		if p.Class == diff.EqualEffect && p.Result.Outcome == diff.Equal {
			equal++
		} else {
			t.Errorf("%s: %s, %+v", p.Request.ID, p.Class, p.Result)
		}
		if t.Failed() && equal == 0 {
			break
		}
	}
	if equal != donors {
		t.Errorf("%d of %d are equal", equal, donors)
	}
	if n := strings.Count(get(t, w.Services+"/reconcile"), `"ref-`); n != 0 {
		t.Errorf("the services have stored %d of them: shadows keep nothing", n)
	}
}

// The same with a service that rounds to whole pounds: the first twenty posts show it, as a critical difference in the amount.
func TestAPlantedRoundingBugIsFoundWithinTwentyPosts(t *testing.T) {
	t.Parallel()
	const donors = 20
	pence := regexp.MustCompile(`"minor":(\d+)`)
	rounding := func(ctx context.Context, service string, writes json.RawMessage) (form.Record, error) {
		return Wrote(ctx, service, pence.ReplaceAllFunc(writes, func(b []byte) []byte {
			n, err := strconv.Atoi(string(b[len(`"minor":`):]))
			if err != nil {
				t.Error(err)
			}
			return fmt.Appendf(nil, `"minor":%d`, (n+50)/100*100)
		}))
	}
	s := watch(t, startWorld(t, Options{Dir: oldFolder(t), Config: repository(t)}), rounding)
	give(t, s.address, donors, typed)
	found := 0
	for _, p := range s.effects(t, donors) {
		for _, d := range p.Result.Differences {
			if d.Field != "effect amount" || !d.Critical || p.Class != diff.FieldDiffers {
				t.Errorf("%s: %+v", p.Class, d)
			}
			found++
		}
	}
	if found == 0 || found == donors {
		t.Errorf("the amount differs in %d of %d posts", found, donors)
	}
}

// H-9's other classes: what one side alone refuses is named with the fields, what both refuse is compared as pages, and a gift without the
// message that begins its payment is no gift.
func TestRefusalsAndMissingMessagesAreClasses(t *testing.T) {
	t.Parallel()
	s := watch(t, startWorld(t, Options{Dir: oldFolder(t), Config: repository(t)}), Wrote)
	change := func(key, value string) func(int) url.Values {
		return func(n int) url.Values {
			v := typed(n)
			v.Set("submitted["+key+"]", value)
			return v
		}
	}
	for i, c := range []struct {
		key, value string
		thanked    int
		class      diff.Class
		says       string
	}{
		{"amount", "0", 1, diff.RefusedByOne, "amount"}, // Drupal takes any text for an amount
		{"last_name", "", 0, "", ""},
	} {
		if got := give(t, s.address, 1, change(c.key, c.value)); got != c.thanked {
			t.Errorf("%s=%q: Drupal thanks %d donors", c.key, c.value, got)
		}
		p := s.effects(t, i+1)[i]
		if p.Class != c.class || c.says != "" && !strings.Contains(p.Result.Differences[0].New, c.says) {
			t.Errorf("%s=%q: %s %+v", c.key, c.value, p.Class, p.Result)
		}
		if p.Legacy.Status != p.New.Status && c.thanked == 0 {
			t.Errorf("%s=%q: Drupal answers %d, the adapter %d", c.key, c.value, p.Legacy.Status, p.New.Status)
		}
	}
}

// The form that the adapter shows is the form that Drupal shows: every GET of it is compared too, and nobody is asked for the new side's.
func TestTheAdaptersFormIsDrupals(t *testing.T) {
	t.Parallel()
	w := startWorld(t, Options{Dir: oldFolder(t), Config: repository(t)})
	s := watch(t, w, Wrote)
	for _, path := range []string{"/donate", "/node/2", "/?q=donate"} {
		if page := get(t, s.address+path); !strings.Contains(page, "webform_client_form_2") {
			t.Errorf("%s: %.200s", path, page)
		}
	}
	s.wait(t, 3, func(p shadow.Pair) bool { return !p.Replay })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pairs {
		if p.Result.Outcome != diff.Equal && p.Result.Outcome != diff.Masked {
			t.Errorf("%s, replay %v: %+v", p.Request.Target, p.Replay, p.Result)
		}
	}
}
