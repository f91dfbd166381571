package verify

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

// Which of the made-up rows are not to be moved.
const (
	draftEvery   = 50
	mailEvery    = 97  // no email address
	doubledEvery = 101 // the row before over again
)

// madeUp is row n of a site of any size: fourteen values, as a donor leaves them.
func madeUp(n int64) form.Record {
	of := n
	if n%doubledEvery == 0 {
		of-- // word for word
	}
	one := func(v string) []string { return []string{v} }
	r := form.Record{Form: "donate", NID: 2, SID: n, At: time.Unix(1546300800+n*7, 0).UTC(), Draft: n%draftEvery == 0, Values: map[string][]string{
		"amount": one(fmt.Sprintf("£%d.%02d", 5+of%200, of%100)), "title": one("Ms"), "first_name": one("Zoë"), "last_name": one(fmt.Sprintf("O'Neill-%d", of)),
		"email": one(fmt.Sprintf("zoe.%d@example.org", of)), "phone": one(fmt.Sprintf("07700 %06d", of%1_000_000)), "address1": one(fmt.Sprintf("%d Heol y Bont", of%300)),
		"town": one("Caerdydd"), "postcode": one("cf10 1aa"), "country": one("United Kingdom"), "gift_aid": one("1"), "email_consent": one("1"),
		"message": one(fmt.Sprintf("Good luck & <b>well done</b>,\r\nfrom number %d", of)), "transaction_id": one(fmt.Sprintf("CR-%09d", of)),
	}}
	if of%mailEvery == 0 {
		r.Values["email"] = one("not an address")
	}
	return r
}

// stays is why a made-up row is not moved.
func stays(n int64) string {
	of := n
	if n%doubledEvery == 0 {
		of--
	}
	switch {
	case n%draftEvery == 0:
		return "draft"
	case of%mailEvery == 0:
		return "email"
	case n%doubledEvery == 0 && of%draftEvery != 0:
		return "duplicate"
	}
	return ""
}

// kept is a moved donation as the service keeps it.
type kept struct {
	NID    int64     `json:"nid"`
	SID    int64     `json:"sid"`
	At     time.Time `json:"at"`
	Amount struct {
		Minor    int64  `json:"minor"`
		Currency string `json:"currency"`
	} `json:"amount"`
	Values map[string][]string `json:"values"`
}

// planted is one damage: the row that it is done to, counted from a place of its own, and what must be said of it.
type planted struct {
	name string
	do   func(*damage)
	want []string // "row field kind", where + is the row and +1 the next
}

// damage does things to one stored row.
type damage struct {
	t     *testing.T
	store kv.Store
	write func(form.Record) ([]kv.Write, error)
	sid   int64
}

func (d *damage) key(sid int64) kv.Key {
	r := madeUp(1)
	r.SID = sid
	writes, err := d.write(r)
	if err != nil {
		d.t.Fatal(err)
	}
	return writes[0].Key
}

func (d *damage) edit(sid int64, change func(*kept)) {
	item, err := d.store.Get(d.t.Context(), d.key(sid))
	var k kept
	if err == nil {
		err = json.Unmarshal(item.Data, &k)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	change(&k)
	d.put(d.key(sid), k)
}

func (d *damage) put(key kv.Key, k kept) {
	raw, err := json.Marshal(k)
	if err == nil {
		err = d.store.Commit(d.t.Context(), kv.Write{Key: key, Data: raw})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *damage) value(key, value string) {
	d.edit(d.sid, func(k *kept) { k.Values[key] = []string{value} })
}

// force stores a row that is not to be stored.
func (d *damage) force(r form.Record) {
	good := changed(r, "email", "zoe@example.org")
	writes, err := d.write(good)
	var k kept
	if err == nil {
		err = json.Unmarshal(writes[0].Data, &k)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	k.Values = r.Values
	d.put(writes[0].Key, k)
}

const unordered = "two rows under each other's keys"

// damages are twenty-two kinds.
var damages = []planted{
	{"a penny", func(d *damage) {
		d.edit(d.sid, func(k *kept) { k.Values["amount"] = []string{plus(k.Values["amount"][0])}; k.Amount.Minor++ })
	}, []string{"+ amount value"}},
	{"a penny that only the service counts", func(d *damage) { d.edit(d.sid, func(k *kept) { k.Amount.Minor++ }) }, []string{"+ stored amount stored"}},
	{"another currency", func(d *damage) { d.edit(d.sid, func(k *kept) { k.Amount.Currency = "EUR" }) }, []string{"+ stored amount stored"}},
	{"a lost consent", func(d *damage) { d.value("email_consent", "0") }, []string{"+ email_consent value"}},
	{"a lost Gift Aid tick", func(d *damage) { d.value("gift_aid", "") }, []string{"+ gift_aid value"}},
	{"an emptied value", func(d *damage) { d.value("phone", "") }, []string{"+ phone value"}},
	{"a lost component", func(d *damage) { d.edit(d.sid, func(k *kept) { delete(k.Values, "address1") }) }, []string{"+ address1 value"}},
	{"a message cut short", func(d *damage) { d.value("message", "Good luck") }, []string{"+ message value"}},
	{"a message's line end", func(d *damage) {
		d.edit(d.sid, func(k *kept) {
			k.Values["message"] = []string{strings.ReplaceAll(k.Values["message"][0], "\r\n", "\n")}
		})
	}, []string{"+ message value"}},
	{"an escaped ampersand", func(d *damage) {
		d.edit(d.sid, func(k *kept) {
			k.Values["message"] = []string{strings.ReplaceAll(k.Values["message"][0], "&", "&amp;")}
		})
	}, []string{"+ message value"}},
	{"a wrong charset", func(d *damage) { d.value("first_name", "ZoÃ«") }, []string{"+ first_name value"}},
	{"two names swapped", func(d *damage) {
		d.edit(d.sid, func(k *kept) { k.Values["last_name"] = madeUp(d.sid + 1).Values["last_name"] })
		d.edit(d.sid+1, func(k *kept) { k.Values["last_name"] = madeUp(d.sid).Values["last_name"] })
	}, []string{"+ last_name value", "+1 last_name value"}},
	{unordered, func(d *damage) {
		var one, other kept
		d.edit(d.sid, func(k *kept) { one = *k })
		d.edit(d.sid+1, func(k *kept) { other = *k })
		d.put(d.key(d.sid), other)
		d.put(d.key(d.sid+1), one)
	}, []string{"+ stored amount stored", "+ stored at stored", "+ stored sid stored", "+ stored values stored", "+1 stored amount stored", "+1 stored at stored", "+1 stored sid stored", "+1 stored values stored"}},
	{"a lost row", func(d *damage) {
		if err := d.store.Commit(d.t.Context(), kv.Write{Key: d.key(d.sid), Delete: true}); err != nil {
			d.t.Fatal(err)
		}
	}, []string{"+ row missing"}},
	{"a row too many", func(d *damage) { r := madeUp(d.sid); r.SID = -d.sid; d.force(r) }, []string{"- row extra"}},
	{"a doubled row", func(d *damage) {
		d.edit(d.sid, func(k *kept) { key := d.key(d.sid); key.Sort += "-again"; d.put(key, *k) })
	}, []string{"+ row twice"}},
	{"a draft that was moved", func(d *damage) { d.force(madeUp(next(d.sid, "draft"))) }, []string{"draft row refused"}},
	{"a reject that was moved", func(d *damage) { d.force(madeUp(next(d.sid, "email"))) }, []string{"email row refused"}},
	{"a duplicate that was moved", func(d *damage) { d.force(madeUp(next(d.sid, "duplicate"))) }, []string{"duplicate row refused"}},
	{"an hour of summer time", func(d *damage) { d.edit(d.sid, func(k *kept) { k.At = k.At.Add(time.Hour) }) }, []string{"+ at value"}},
	{"another form's node", func(d *damage) { d.edit(d.sid, func(k *kept) { k.NID = 3 }) }, []string{"+ nid value"}},
	{"two digits of a phone", func(d *damage) { d.value("phone", "07770 000001") }, []string{"+ phone value"}},
}

// plus is an amount with a penny more.
func plus(amount string) string {
	return amount[:len(amount)-1] + string('0'+(amount[len(amount)-1]-'0'+1)%10)
}

// next is the next row that stays for a reason.
func next(sid int64, why string) int64 {
	for stays(sid) != why {
		sid++
	}
	return sid
}

// plant does damages to a store of made-up rows, far apart, and gives what must be found.
func plant(t *testing.T, store kv.Store, rows int64, write func(form.Record) ([]kv.Write, error), which func(planted) bool) (want []string) {
	step := rows / int64(len(damages)+1)
	for i, p := range damages {
		if !which(p) {
			continue
		}
		sid := int64(i+1) * step
		for stays(sid) != "" || stays(sid+1) != "" || sid%100 == 99 { // an amount that grows by a penny stays one
			sid++
		}
		p.do(&damage{t, store, write, sid})
		for _, w := range p.want {
			row, rest, _ := strings.Cut(w, " ")
			at := map[string]int64{"+": sid, "+1": sid + 1, "-": -sid}[row]
			if at == 0 {
				at = next(sid, row)
			}
			want = append(want, fmt.Sprintf("%d %s", at, rest))
		}
	}
	return want
}

func named(r Result) (all []string) {
	for _, d := range r.Differences {
		all = append(all, fmt.Sprintf("%s %s %s", d.ID, d.Field, d.Kind))
	}
	slices.Sort(all)
	return all
}

// Twenty-two damages, and nothing else; with BANYAN_HEAVY among a million rows, which takes minutes to fill.
func TestPlantedDamages(t *testing.T) {
	t.Parallel()
	rows := int64(3000)
	if os.Getenv("BANYAN_HEAVY") != "" {
		rows = 1_000_000
	}
	findsDamages(t, rows)
}

// findsDamages compares two SQLite databases, first whole and then damaged.
func findsDamages(t *testing.T, rows int64) {
	source, err := drupal.Open(t.Context(), "sqlite:"+oldSite(t, rows))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "services.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, _ := form.ByAlias("donate")
	e, _ := all.Named("donate")
	store := db.Store("donate")
	fill(t, store, rows, e.Import)
	job := Job{Source: source, Form: f, Store: store, Import: e.Import, Records: e.Records}
	compare := func() Result {
		began := time.Now()
		r, err := job.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d rows in %s", r.RowsSource, time.Since(began).Round(time.Millisecond))
		return r
	}
	checkMadeUp(t, compare(), rows)
	var want []string
	for _, ordered := range []bool{true, false} { // rows under each other's keys come in no order, which is read otherwise
		want = append(want, plant(t, store, rows, e.Import, func(p planted) bool { return ordered == (p.name != unordered) })...)
		slices.Sort(want)
		if got := named(compare()); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// fill is what a faultless move leaves.
func fill(t *testing.T, store kv.Store, rows int64, write func(form.Record) ([]kv.Write, error)) {
	var batch []kv.Write
	for n := int64(1); n <= rows; n++ {
		if stays(n) == "" {
			w, err := write(madeUp(n))
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, w...)
		}
		if len(batch) >= 5000 || n == rows {
			if err := store.Commit(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

// oldSite is a Drupal on SQLite that holds the made-up rows and no more than a form needs.
func oldSite(t *testing.T, rows int64) string {
	file := filepath.Join(t.TempDir(), "drupal.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=synchronous(OFF)&_pragma=journal_mode(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	must := func(query string, args ...any) {
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	must(`CREATE TABLE node (nid INTEGER PRIMARY KEY, title TEXT); INSERT INTO node VALUES (2, 'Donate');
		CREATE TABLE url_alias (pid INTEGER PRIMARY KEY, source TEXT, alias TEXT); INSERT INTO url_alias VALUES (1, 'node/2', 'donate');
		CREATE TABLE webform (nid INTEGER PRIMARY KEY); INSERT INTO webform VALUES (2);
		CREATE TABLE webform_component (nid INTEGER, cid INTEGER, form_key TEXT, PRIMARY KEY (nid, cid));
		CREATE TABLE webform_submissions (sid INTEGER PRIMARY KEY, nid INTEGER, uid INTEGER, is_draft INTEGER, submitted INTEGER, remote_addr TEXT);
		CREATE TABLE webform_submitted_data (nid INTEGER, sid INTEGER, cid INTEGER, no TEXT, data TEXT, PRIMARY KEY (nid, sid, cid, no)) WITHOUT ROWID; BEGIN`)
	f, _ := form.ByAlias("donate")
	for i, c := range f.Components {
		must("INSERT INTO webform_component VALUES (2, ?, ?)", i+1, c.Key)
	}
	submission, err := db.Prepare("INSERT INTO webform_submissions VALUES (?, 2, 0, ?, ?, '198.51.100.7')")
	if err != nil {
		t.Fatal(err)
	}
	values, err := db.Prepare("INSERT INTO webform_submitted_data VALUES " + strings.TrimSuffix(strings.Repeat("(2, ?, ?, '0', ?), ", len(f.Components)), ", "))
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n <= rows; n++ {
		r, args := madeUp(n), []any{}
		for i, c := range f.Components {
			args = append(args, n, i+1, r.Values[c.Key][0])
		}
		_, err := submission.Exec(n, r.Draft, r.At.Unix())
		if _, second := values.Exec(args...); err != nil || second != nil {
			t.Fatal(err, second)
		}
	}
	must("COMMIT")
	return file
}

// checkMadeUp holds a clean comparison against a count of its own.
func checkMadeUp(t *testing.T, r Result, rows int64) {
	t.Helper()
	var pence, moved int64
	rejected := map[string]int64{}
	for n := int64(1); n <= rows; n++ {
		if why := stays(n); why != "" {
			rejected[why]++
			continue
		}
		of := n
		if n%doubledEvery == 0 {
			of--
		}
		moved++
		pence += 100*(5+of%200) + of%100
	}
	if !r.Clean() || r.RowsSource != rows || r.RowsTarget != moved || r.SumPenceSource != pence || r.SumPenceTarget != pence || fmt.Sprint(r.Rejected) != fmt.Sprint(rejected) {
		t.Errorf("%+v\nwant %d rows, %d moved, %d pence, %v", Result{RowsSource: r.RowsSource, RowsTarget: r.RowsTarget, SumPenceSource: r.SumPenceSource, SumPenceTarget: r.SumPenceTarget,
			Rejected: r.Rejected, Differences: r.Differences[:min(10, len(r.Differences))]}, rows, moved, pence, rejected)
	}
}
