package drupal

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/shared/form"
)

// live is the sample site in a real MariaDB.
func live(t *testing.T) (*mariadb.Server, Source) {
	m := mariadb.Test(t, "--innodb-buffer-pool-size=64M")
	if err := m.Load(t.Context(), "d7", bytes.NewReader(plain(t))); err != nil {
		t.Fatal(err)
	}
	return m, open(t, m.Source("root", "d7"))
}

// All seven forms say the same, live and in the dump: rows, their order, values, components.
func TestLiveSaysWhatTheDumpSays(t *testing.T) {
	t.Parallel()
	_, s := live(t)
	dump := open(t, write(t, "dump.sql", plain(t)))
	forms, err := dump.Forms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Forms(t.Context()); err != nil || !reflect.DeepEqual(got, forms) || len(forms) != 7 {
		t.Fatalf("forms %v, %v", got, err)
	}
	for _, f := range forms {
		want := records(t, dump, f.Name, 0)
		if got := records(t, s, f.Name, 0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d rows are not the %d of the dump", f.Name, len(got), len(want))
		}
		got, err := s.Components(t.Context(), f.NID)
		if parts, _ := dump.Components(t.Context(), f.NID); err != nil || !reflect.DeepEqual(got, parts) {
			t.Errorf("%s: components %v, %v", f.Name, got, err)
		}
		last, err := s.Last(t.Context(), f.Name)
		if err != nil || last != want[len(want)-1].SID {
			t.Errorf("%s: the last is %d, %v", f.Name, last, err)
		}
		for _, r := range []form.Record{want[0], want[len(want)-1]} {
			if got, err := s.Record(t.Context(), r.NID, r.SID); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%s: %v, %v; want %v", f.Name, got, err, r)
			}
		}
	}
}
