package drupal_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// TestMain lets the test's own binary be the site that TestKilledSiteKeepsItsWord kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("DRUPAL_TEST_SITE"); path != "" {
		if err := standAlone(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func standAlone(path string) error {
	db, err := drupal.Open(path)
	if err != nil {
		return err
	}
	if err := drupal.Empty(context.Background(), db); err != nil {
		return err
	}
	s, err := drupal.New(drupal.Options{DB: db})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return s.Serve(l)
}

// TestKilledSiteKeepsItsWord: kill -9 in the middle of posts; every gift that was thanked for is in the tables.
func TestKilledSiteKeepsItsWord(t *testing.T) {
	t.Parallel()
	file, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "site.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "DRUPAL_TEST_SITE="+path)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	thanked := gifts(t, addr[:len(addr)-1], func(n int) {
		if n == 100 {
			c.Process.Kill()
		}
	})
	if len(thanked) < 100 {
		t.Fatalf("only %d gifts were thanked for before the kill", len(thanked))
	}
	c.Wait()
	db, err := drupal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for sid := range thanked {
		var n int
		err := db.QueryRow(`SELECT count(*) FROM webform_submitted_data d JOIN webform_submissions s USING (nid, sid) WHERE sid = ?`, sid).Scan(&n)
		if err != nil || n != 14 {
			t.Errorf("gift %s was thanked for and has %d of its 14 rows (%v)", sid, n, err)
		}
	}
}

var sidOf = regexp.MustCompile(`/node/2/done\?sid=(\d+)$`)

// gifts posts from four connections until each breaks, and returns the numbers that were given out.
func gifts(t *testing.T, addr string, each func(n int)) map[string]bool {
	gift := recording(t)[12].Request
	thanked := map[string]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			p := replay.New(func() (net.Conn, error) { return net.Dial("tcp", addr) })
			defer p.Close()
			for {
				a, err := p.Send(gift)
				if err != nil {
					return
				}
				m := sidOf.FindStringSubmatch(a.Header("Location"))
				mu.Lock()
				if m == nil || thanked[m[1]] {
					t.Errorf("%s to %q: no number of its own", a.Status, a.Header("Location"))
					mu.Unlock()
					return
				}
				thanked[m[1]] = true
				each(len(thanked))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return thanked
}
