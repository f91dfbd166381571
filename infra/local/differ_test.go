package local

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	old "github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// twin is the old site on a port, with a clock and tokens of its own, and the paths of its pages.
func twin(t *testing.T, at time.Time) (*replay.Player, []string) {
	t.Helper()
	db, err := drupal.Open(filepath.Join(oldFolder(t), "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := drupal.New(drupal.Options{DB: db, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	rows, err := db.Query(`SELECT alias FROM url_alias ORDER BY alias`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	paths := []string{"/", "/user/login", "/user/password", "/rss.xml", "/no-such-page", "/admin", "/cron.php", "/misc/drupal.js"}
	for i := range 13 {
		paths = append(paths, fmt.Sprintf("/node?page=%d", i))
	}
	for rows.Next() {
		var alias string
		if err := rows.Scan(&alias); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, "/"+alias)
	}
	p := replay.New(func() (net.Conn, error) { return net.Dial("tcp", strings.TrimPrefix(address, "http://")) })
	t.Cleanup(func() { p.Close() })
	return p, paths
}

func fetch(t *testing.T, p *replay.Player, path, coding string) diff.Answer {
	t.Helper()
	a, err := p.Send(replay.Request{Method: "GET", Path: path, Headers: [][2]string{{"Host", "www.rednosefund.example"}, {"Accept-Encoding", coding}}})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	code, _, _ := strings.Cut(a.Status, " ")
	status, err := strconv.Atoi(code)
	if err != nil {
		t.Fatal(err)
	}
	return diff.Answer{Status: status, Header: a.Headers, Body: a.Body}
}

// F-6, Show 3 against the stand-in: every page of the old site, asked of two copies of it at two moments, over 1,000 requests, from its
// page cache and not, plain against gzip: nothing differs after the mask pack. A page is never taken for another.
func TestTheOldSiteDoesNotDifferFromItself(t *testing.T) {
	t.Parallel()
	c, err := diff.New(diff.Options{Masks: old.Masks("drupal7")})
	if err != nil {
		t.Fatal(err)
	}
	one, paths := twin(t, time.Unix(recordedAt, 0))
	two, _ := twin(t, time.Unix(recordedAt+97, 0))
	if len(paths) < 150 {
		t.Fatalf("only %d pages", len(paths))
	}
	outcomes := map[diff.Outcome]int{}
	var before diff.Answer
	for i := range 1000 {
		path := paths[i%len(paths)]
		l, n := fetch(t, one, path, "gzip"), fetch(t, two, path, []string{"identity", "gzip"}[i/len(paths)%2])
		got := c.Compare(diff.Request{Group: "all", Method: "GET", Target: path}, l, n)
		outcomes[got.Outcome]++
		if got.Outcome != diff.Equal && got.Outcome != diff.Masked {
			t.Fatalf("%s differs from itself: %+v", path, got)
		}
		if got := c.Compare(diff.Request{Target: path}, before, n); i%len(paths) > 0 && got.Outcome != diff.Differs {
			t.Errorf("%s is taken for the page before it", path)
		}
		before = l
	}
	if outcomes[diff.Masked] < 500 {
		t.Errorf("hardly anything was noise, so nothing was shown: %v", outcomes)
	}
}
