package drupal

import (
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
)

func chunks(t *testing.T, s Source, name string, within Span, width int64) (all []Chunk) {
	t.Helper()
	if err := s.Sweep(t.Context(), name, within, width, func(c Chunk) error { all = append(all, c); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// The server's sweep has the ranges and counts of one that reads, its sums see every change in every column of both
// tables and each in its range alone, and NULL is not empty, nor is one text two.
func liveSweep(t *testing.T, m *mariadb.Server) {
	if err := m.Load(t.Context(), "sweep", strings.NewReader(odd)); err != nil {
		t.Fatal(err)
	}
	d7 := open(t, m.Source("root", "d7"))
	for _, name := range []string{"donate", "contact-us"} {
		for _, within := range []Span{{}, {100, 0}, {1500, 5001}, {0, 1}, {1 << 40, 0}} {
			for _, width := range []int64{1, 7, 1000, 60_000} {
				var read []Chunk
				if err := Sweep(t.Context(), d7, name, within, width, func(c Chunk) error { read = append(read, c); return nil }); err != nil {
					t.Fatal(err)
				}
				got := chunks(t, d7, name, within, width)
				for _, all := range [][]Chunk{read, got} {
					for i := range all {
						all[i].Sum = 0
					}
				}
				if !reflect.DeepEqual(got, read) {
					t.Errorf("%s %v by %d: %d ranges, want %d", name, within, width, len(got), len(read))
				}
			}
		}
	}
	s := open(t, m.Source("root", "sweep"))
	last := chunks(t, s, "give", Span{}, 3) // sids 1 and 2, 3 and 5, 6
	seen := map[uint64]string{last[0].Sum: "the first"}
	for _, change := range []string{
		"UPDATE o_webform_submitted_data SET data = '' WHERE sid = 2", "UPDATE o_webform_submitted_data SET data = '-' WHERE sid = 2", "UPDATE o_webform_submitted_data SET data = '4:NULL' WHERE sid = 2",
		"UPDATE o_webform_submissions SET is_draft = 0 WHERE sid = 2", "UPDATE o_webform_submissions SET submitted = 1 WHERE sid = 2", "UPDATE o_webform_submissions SET uid = 1 WHERE sid = 2",
		"UPDATE o_webform_submissions SET uid = NULL WHERE sid = 2", "UPDATE o_webform_submissions SET remote_addr = '' WHERE sid = 2", "UPDATE o_webform_submissions SET modified = 9 WHERE sid = 2",
		"UPDATE o_webform_submitted_data SET no = '1' WHERE sid = 1 AND cid = 2", "UPDATE o_webform_submitted_data SET cid = 3 WHERE sid = 1 AND cid = 2",
		"UPDATE o_webform_submitted_data SET data = 'x ' WHERE sid = 1 AND cid = 1", "UPDATE o_webform_submitted_data SET data = 'x' WHERE sid = 1 AND cid = 1",
		"UPDATE o_webform_submitted_data SET sid = 3 - sid WHERE sid IN (1, 2)", "INSERT INTO o_webform_submitted_data VALUES (7,1,1,'0','x')", "INSERT INTO o_webform_submitted_data VALUES (7,1,1,'0','x')",
		"DELETE FROM o_webform_submitted_data WHERE sid = 1", "DELETE FROM o_webform_submissions WHERE sid = 1",
	} {
		query(t, m, "sweep", change)
		now := chunks(t, s, "give", Span{}, 3)
		if before, is := seen[now[0].Sum]; is {
			t.Errorf("after %s the sum is that after %s", change, before)
		}
		if !reflect.DeepEqual(now[1:], last[1:]) {
			t.Errorf("%s changes the sum of another range: %v, want %v", change, now[1:], last[1:])
		}
		seen[now[0].Sum] = change
	}
	if again := chunks(t, s, "give", Span{}, 3); again[0].Rows != 1 || !reflect.DeepEqual(again, chunks(t, s, "give", Span{}, 3)) {
		t.Errorf("one moment has two sums, or %v", again)
	}
}
