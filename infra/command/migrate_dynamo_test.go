package command

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	legacy "github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// narrows is a DynamoDB that now and then gives less than is asked of it: it stands before moto, which never does.
type narrows struct {
	*httptest.Server
	calls     atomic.Int64
	every     atomic.Int64             // of so many calls, one is throttled; 0: none
	transact  atomic.Int64             // transactions that came
	onward    atomic.Pointer[func()]   // called at each transaction, before it is carried out
	throttled map[string]*atomic.Int64 // by operation
}

func newNarrows(t *testing.T, beyond string) *narrows {
	t.Helper()
	to, err := url.Parse(beyond)
	if err != nil {
		t.Fatal(err)
	}
	n := &narrows{throttled: map[string]*atomic.Int64{"GetItem": {}, "Query": {}, "UpdateItem": {}, "TransactWriteItems": {}, "BatchGetItem": {}, "DeleteItem": {}}}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if operation == "TransactWriteItems" {
			n.transact.Add(1)
			if do := n.onward.Load(); do != nil {
				(*do)()
			}
		}
		if every := n.every.Load(); every > 0 && n.throttled[operation] != nil && n.calls.Add(1)%every == 0 {
			n.throttled[operation].Add(1)
			w.WriteHeader(http.StatusBadRequest)
			answer := `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too much"}`
			if operation == "TransactWriteItems" {
				answer = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"canceled","CancellationReasons":[{"Code":"ThrottlingError"}]}`
			}
			_, _ = io.WriteString(w, answer) // a caller that was killed misses it
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(n.Close)
	return n
}

// verb is `banyan migrate VERB` as a process of its own, from the site to DynamoDB.
func (n *narrows) verb(t *testing.T, verb, from string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "migrate", verb, "--from", from, "--to", "dynamodb:charity", "--json")
	c.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "AWS_ENDPOINT_URL_DYNAMODB="+n.URL, "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	return c
}

// done runs a verb to its end and reads its document.
func (n *narrows) done(t *testing.T, verb, from string, doc any) {
	t.Helper()
	var out, errs bytes.Buffer
	c := n.verb(t, verb, from)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", verb, err, &out, &errs)
	}
	if err := json.Unmarshal(out.Bytes(), doc); err != nil {
		t.Fatalf("%s: %v\n%s", verb, err, &out)
	}
}

// killedAt kills a verb when it is about to make its n-th transaction from now.
func (n *narrows) killedAt(t *testing.T, verb, from string, at int64) {
	t.Helper()
	c := n.verb(t, verb, from)
	at += n.transact.Load()
	started := make(chan struct{})
	kill := func() {
		if n.transact.Load() == at {
			<-started
			_ = c.Process.Kill() // it is there: it has just asked
		}
	}
	n.onward.Store(&kill)
	defer n.onward.Store(nil)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	if err := c.Wait(); err == nil || c.ProcessState.Exited() {
		t.Fatalf("%s came to its end before its %d. transaction: %s", verb, at, &out)
	}
}

// sampleSite is the sample as a Drupal in SQLite.
func sampleSite(t *testing.T) (*sql.DB, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "legacy.db")
	db, err := legacy.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err == nil {
		err = drupal.LoadSQLite(t.Context(), dump, db)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db, "sqlite:" + file
}

// The move into DynamoDB's API, killed and throttled on its way: it goes on where it stood, every row arrives once, and
// the verifier that shares no code with the mover finds every one equal.
func TestMigrateIntoDynamoDB(t *testing.T) {
	t.Parallel()
	n := newNarrows(t, moto.Test(t).URL)
	db, from := sampleSite(t)
	if out, err := n.verb(t, "verify", from).CombinedOutput(); err == nil || !strings.Contains(string(out), "there is no store dynamodb:charity") {
		t.Errorf("verify before there is anything: %v, %s", err, out)
	}
	n.killedAt(t, "backfill", from, 12)
	n.every.Store(4)
	var moved moved
	n.done(t, "backfill", from, &moved)
	backfilled(t, moved, 0)
	if n.throttled["TransactWriteItems"].Load() == 0 || n.throttled["GetItem"].Load()+n.throttled["Query"].Load() == 0 {
		t.Error("nothing was throttled")
	}
	clean := func(when string) {
		t.Helper()
		var doc verified
		n.done(t, "verify", from, &doc)
		if d := doc.Forms["donate"]; !doc.Clean || d.RowsTarget == 0 {
			t.Errorf("%s: %+v", when, d)
		}
	}
	clean("after the backfill")

	for _, change := range []string{
		"UPDATE webform_submitted_data SET data = '77.00' WHERE nid = 2 AND cid = 1 AND sid = (SELECT min(sid) FROM webform_submissions WHERE nid = 2 AND is_draft = 0)",
		"DELETE FROM webform_submissions WHERE sid = (SELECT max(sid) FROM webform_submissions WHERE nid = 2 AND is_draft = 0)",
		"INSERT INTO webform_submissions (sid, nid, uid, is_draft, submitted, remote_addr) SELECT 900000 + sid, nid, uid, is_draft, submitted, remote_addr FROM webform_submissions WHERE nid = 2 ORDER BY sid LIMIT 150",
		"INSERT INTO webform_submitted_data (nid, sid, cid, no, data) SELECT nid, 900000 + sid, cid, no, CASE WHEN cid = (SELECT cid FROM webform_component WHERE nid = 2 AND form_key = 'transaction_id') THEN 'late-' || sid ELSE data END FROM webform_submitted_data WHERE nid = 2 AND 900000 + sid IN (SELECT sid FROM webform_submissions)",
	} {
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
	}
	n.killedAt(t, "sync", from, 2)
	n.done(t, "sync", from, &moved)
	if got := moved.Forms["donate"]; got.Rows == 0 {
		t.Errorf("the sync brought %+v", got)
	}
	clean("after the sync")
}
