package drupal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// bad are values that tables in the field hold where they should not.
var bad = []string{"NULL", "''", "0", "-1", "2147483647", "99999999999999999999", "1.5", "'0000-00-00 00:00:00'", "'CafÃ©'", "'a:1:{'", "'O:8:\\\"stdClass\\\":0:{}'", "'node/99999'", "'node/'",
	"'/'", "' '", "'<script>'", "'%'", "'\\0'", "'NULL'", "0x616263"}

var escaped = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// damaged is the sample with 5 % of the rows of its content mangled, and how many rows each table has.
func damaged(t testing.TB, seed uint64) (dump string, rows map[string]int64) {
	random := rand.New(rand.NewPCG(seed, 0))
	d := NewDump(strings.NewReader(string(plain(t))))
	var b strings.Builder
	rows = map[string]int64{}
	for {
		st, err := d.Next()
		if errors.Is(err, io.EOF) {
			return b.String(), rows
		}
		if err != nil {
			t.Fatal(err)
		}
		if st.Create != nil {
			columns := make([]string, len(st.Create.Columns))
			for i, c := range st.Create.Columns {
				columns[i] = "`" + c.Name + "` " + c.Type
			}
			fmt.Fprintf(&b, "CREATE TABLE `%s` (%s);\n", st.Create.Name, strings.Join(columns, ", "))
			continue
		}
		for {
			row, err := d.Row()
			if err != nil {
				t.Fatal(err)
			}
			if row == nil {
				break
			}
			values := make([]string, len(row))
			for i, v := range row {
				values[i] = "NULL"
				if v.Kind != Null {
					values[i] = "'" + escaped.Replace(string(v.Bytes)) + "'"
				}
			}
			if st.Insert == "webform_submitted_data" && random.IntN(20) > 0 {
				continue // it has as many rows as all others ten times
			}
			if random.IntN(20) == 0 {
				values[random.IntN(len(values))] = bad[random.IntN(len(bad))]
			}
			rows[st.Insert]++
			fmt.Fprintf(&b, "INSERT INTO `%s` VALUES (%s);\n", st.Insert, strings.Join(values, ","))
		}
	}
}

// Whatever stands in the tables, all that can be read is read, every row is counted, and the oddities are named.
func TestMangledRowsStopNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		dump, rows := damaged(t, seed)
		d := content(t, write(t, "dump.sql", []byte(dump)))
		nodes := collected(t, d.Nodes)
		collected(t, d.Aliases)
		collected(t, d.Menus)
		collected(t, d.Routes)
		if _, err := d.Hooks(t.Context()); err != nil {
			t.Error(err)
		}
		c, err := d.Census(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range c.Tables {
			if table.Rows != rows[table.Name] {
				t.Errorf("seed %d: %s has %d rows, counted %d", seed, table.Name, rows[table.Name], table.Rows)
			}
		}
		if len(nodes) < 135 || len(c.Oddities) < 30 {
			t.Errorf("seed %d: %d nodes, %d kinds of oddities", seed, len(nodes), len(c.Oddities))
		}
	}
}

// left counts the temporary files of dumps.
func left(t *testing.T, dir string) int {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A dump that cannot be read leaves nothing behind. Not parallel: it says where temporary files go.
func TestBrokenDumpsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	cut, gzip := write(t, "cut.sql", plain(t)[:1<<20]), write(t, "cut.sql.gz", site.Dump[:len(site.Dump)/2])
	noDrupal, none := write(t, "none.sql", []byte("CREATE TABLE `a` (`b` int);\n")), t.TempDir()+"/none.sql"
	whole := write(t, "dump.sql", plain(t))
	t.Setenv("TMPDIR", dir)
	for source, want := range map[string]string{cut: "ends in the middle", gzip: "ends in the middle", noDrupal: "not the database of a Drupal", none: "sqlite:FILE", "sqlite:" + none: "no such file"} {
		if _, err := OpenContent(t.Context(), source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := OpenContent(stopped, whole); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := left(t, dir); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
	t.Setenv("TMPDIR", dir+"/none")
	if _, err := OpenContent(t.Context(), whole); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Error(err)
	}
}

// Two sites in one database are never mixed.
func TestContentOfOneOfTwoSites(t *testing.T) {
	t.Parallel()
	first, second := string(plain(t)), string(eight(t))
	both := strings.Replace(first, "-- Dump completed", second[strings.Index(second, "CREATE"):strings.Index(second, "-- Dump completed")]+"-- Dump completed", 1)
	file := write(t, "dump.sql", []byte(both))
	if _, err := OpenContent(t.Context(), file); err == nil || !strings.Contains(err.Error(), `"" (Drupal 7), "d8_" (Drupal 8)`) || !strings.Contains(err.Error(), "?prefix=d8_") {
		t.Error(err)
	}
	for prefix, nodes := range map[string]int{"": 145, "d8_": 2} {
		if n := len(collected(t, content(t, file+"?prefix="+prefix).Nodes)); n != nodes {
			t.Errorf("%q has %d nodes, want %d", prefix, n, nodes)
		}
	}
	others := 0
	c, err := content(t, file+"?prefix=d8_").Census(t.Context())
	for _, table := range c.Tables {
		if !strings.HasPrefix(table.Name, "d8_") {
			others++
			if table.Use != "" {
				t.Errorf("another site's table is %+v", table)
			}
		}
	}
	if err != nil || others != 93 {
		t.Errorf("%d tables of the other site: %v", others, err)
	}
}
