package move

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// startMariaDB is a private server with the sample site in the database "site".
func startMariaDB(t *testing.T) *mariadb.Server {
	m := mariadb.Test(t, "--innodb-buffer-pool-size=64M")
	if err := m.Load(t.Context(), "site", bytes.NewReader(gunzip(t, site.Dump))); err != nil {
		t.Fatal(err)
	}
	return m
}

// dump writes the site's dump in a dialect, which is arguments of mariadb-dump, to a file.
func dump(t *testing.T, m *mariadb.Server, dialect string) (file string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "dump.sql"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := m.Dump(t.Context(), out, append(strings.Fields(dialect), "site")...); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

// A real server's dump says the same in each of its dialects: the move is the truth's, and each table is the sample's
// with its rows. One in another character set is refused, whether it says so or not, since its letters would be wrong.
func TestDialectsOfMariaDB(t *testing.T) {
	m := startMariaDB(t)
	want := tables(t, bytes.NewReader(gunzip(t, site.Dump)))
	t.Run("dialect", func(t *testing.T) {
		for _, dialect := range []string{
			"", "--single-transaction --routines --triggers", "--skip-extended-insert", "--complete-insert --hex-blob", "--compact", "--skip-opt --create-options",
			"--skip-quote-names", "--compatible=ansi --default-character-set=utf8mb4", "--default-character-set=binary", "--replace --databases",
		} {
			t.Run(dialect, func(t *testing.T) {
				t.Parallel()
				file := dump(t, m, dialect)
				moves(t, file)
				dump, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got := tables(t, bytes.NewReader(dump))
				for name := range want {
					if got[name] != want[name] {
						t.Errorf("table %s: %s, want %s", name, got[name], want[name])
					}
				}
				if len(got) != len(want) {
					t.Errorf("%d tables, want %d", len(got), len(want))
				}
			})
		}
		for _, dialect := range []string{"--default-character-set=latin1", "--default-character-set=latin1 --compact", "--compatible=ansi"} {
			t.Run("refused "+dialect, func(t *testing.T) {
				t.Parallel()
				refuses(t, dump(t, m, dialect))
			})
		}
	})
	t.Run("table prefix", func(t *testing.T) {
		rename := "SELECT concat('RENAME TABLE `', table_name, '` TO `rn_', table_name, '`;') FROM information_schema.tables WHERE table_schema = 'site'"
		renames, err := m.Query(t.Context(), "site", rename)
		if err == nil {
			_, err = m.Query(t.Context(), "site", renames)
		}
		if err != nil {
			t.Fatal(err)
		}
		moves(t, dump(t, m, ""))
	})
}

// A live server, read by several workers at once while somebody edits: the backfill is the truth's, and each sync follows
// what was done to the rows.
func TestLiveMariaDB(t *testing.T) {
	m := startMariaDB(t)
	source, err := drupal.Open(t.Context(), m.Source("root", "site"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	store := memory()
	j := job(source, store)
	j.Workers = 3
	got, want := must(t, j.Backfill), truth(t)
	if got.Rows != want.Rows || got.Moved != want.Migratable || got.SumPence != want.Sum || !reflect.DeepEqual(got.Rejected, want.Rejected) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, c := range []struct {
		do   string
		want func(Result) bool
	}{
		{"DO 0", func(r Result) bool { return r.Rows == 0 && r.Deleted == 0 }},
		{"DO 0", func(r Result) bool { return r.Rows == 0 && r.Deleted == 0 }},
		{"UPDATE webform_submitted_data SET data = '77.77' WHERE nid = 2 AND cid = (SELECT cid FROM webform_component WHERE nid = 2 AND form_key = 'amount') " +
			"AND data REGEXP '^[1-9][0-9]*$' ORDER BY sid LIMIT 3", func(r Result) bool { return r.Rows == 3 && r.Edited == 3 && r.SumPence == 3*7777 }},
		{"DELETE FROM webform_submissions WHERE nid = 2 AND is_draft = 1 ORDER BY sid LIMIT 2", func(r Result) bool { return r.Rows == 0 && r.Deleted == 0 }},
		{"UPDATE webform_submissions SET is_draft = 1 WHERE nid = 2 AND is_draft = 0 ORDER BY sid DESC LIMIT 1", func(r Result) bool { return r.Rejected["draft"] == 1 }},
		{"UPDATE webform_submissions SET is_draft = 0 WHERE nid = 2 AND is_draft = 1 ORDER BY sid DESC LIMIT 1", func(r Result) bool { return r.Moved == 1 && r.Rows == 1 }},
	} {
		if _, err := m.Query(t.Context(), "site", c.do); err != nil {
			t.Fatal(err)
		}
		if r := must(t, j.Sync); !c.want(r) {
			t.Errorf("%s: %+v", c.do, r)
		}
		if got, want := found(t, store, store), sequential(t, source); !reflect.DeepEqual(got.Gifts, want.Gifts) || !reflect.DeepEqual(got.Rejects, want.Rejects) {
			t.Errorf("%s: %s", c.do, apart(got, want))
		}
	}
}

// moves holds the move of a source's donate form against the truth.
func moves(t *testing.T, from string) {
	t.Helper()
	source, err := drupal.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	got, want := must(t, job(source, memory()).Backfill), truth(t)
	if got.Rows != want.Rows || got.Moved != want.Migratable || got.SumPence != want.Sum || !reflect.DeepEqual(got.Rejected, want.Rejected) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func refuses(t *testing.T, file string) {
	const way = "make it again with --default-character-set=utf8mb4"
	source, err := drupal.Open(t.Context(), file)
	if err == nil {
		defer source.Close()
		_, err = job(source, memory()).Backfill(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), way) {
		t.Errorf("the move says %v, want %q", err, way)
	}
}

// tables says of each table how it is made and a hash of its rows: all that a loader is told of it but the next
// automatic number and the letters' encoding, which not every dialect gives.
func tables(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	all, rows, line := map[string]string{}, map[string]hash.Hash{}, []byte(nil)
	for dump := drupal.NewDump(r); ; {
		st, err := dump.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if c := st.Create; c != nil {
			c.Next = 0
			for i := range c.Columns {
				c.Columns[i].Letters = ""
			}
			made, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			all[c.Name], rows[c.Name] = string(made), sha256.New()
			continue
		}
		for row := []drupal.Value(nil); ; {
			if row, err = dump.Row(); err != nil {
				t.Fatal(err)
			}
			if row == nil {
				break
			}
			line = line[:0]
			for i, v := range row {
				if v.Kind != drupal.Null {
					line = append(append(append(line, st.Columns[i]...), '='), v.Bytes...)
				}
				line = append(line, 0)
			}
			rows[st.Insert].Write(line)
		}
	}
	for name, h := range rows {
		all[name] += fmt.Sprintf(" %x", h.Sum(nil))
	}
	return all
}

func gunzip(t *testing.T, data []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
