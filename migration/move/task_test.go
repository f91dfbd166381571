package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
)

// machine is what Machine uses of Amazon States Language.
type machine struct {
	StartAt string
	States  map[string]struct {
		Type, Next, ItemsPath string
		Parameters            map[string]string
		MaxConcurrency        int
		ItemProcessor         *machine
		Retry                 []struct {
			IntervalSeconds, MaxAttempts int
			BackoffRate                  int64
		}
		ResultPath json.RawMessage
		End        bool
	}
}

// player plays a definition.
type player struct {
	task func(ctx context.Context, name string, in []byte) ([]byte, error)
}

func (p player) run(ctx context.Context, m *machine, in []byte) ([]byte, error) {
	for name := m.StartAt; ; {
		s, known := m.States[name]
		if !known {
			return nil, fmt.Errorf("no state %q", name)
		}
		var out []byte
		var err error
		switch s.Type {
		case "Task":
			for n := 0; ; n++ {
				if out, err = p.task(ctx, s.Parameters["task"], in); err == nil || n == s.Retry[0].MaxAttempts {
					break
				}
				time.Sleep(time.Duration(s.Retry[0].IntervalSeconds) * time.Second) // synctest's time
			}
		case "Map":
			out, err = in, p.each(ctx, s.ItemProcessor, s.MaxConcurrency, in)
		default:
			err = fmt.Errorf("a state of the type %q", s.Type)
		}
		if err != nil || s.End {
			return out, err
		}
		in, name = out, s.Next
	}
}

func (p player) each(ctx context.Context, m *machine, most int, in []byte) error {
	var all struct{ Partitions []json.RawMessage }
	if err := json.Unmarshal(in, &all); err != nil || len(all.Partitions) == 0 {
		return fmt.Errorf("nothing to go over in %s (%v)", in, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(most)
	for _, one := range all.Partitions {
		g.Go(func() error {
			_, err := p.run(ctx, m, one)
			return err
		})
	}
	return g.Wait()
}

// The definition as it stands, with tasks that fail before and after they have done something, and tasks that are run twice
// at once: the rows and the counts are those of reading them in order.
func TestMachineMovesEachRowOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { played(t, seed) })
		})
	}
}

func played(t *testing.T, seed uint64) {
	var m machine
	if err := json.Unmarshal(Machine, &m); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	site := &lives{drupaltest.New(gift(highest, "5.00")), random}
	for range 400 {
		site.Put(site.draw())
	}
	store, declarations := memory(), memory()
	var mu sync.Mutex
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	whole := 1 << 30
	tasks := Tasks(func(context.Context, string) (Job, error) {
		fail := whole
		if draw(3) == 0 {
			fail = draw(6)
		}
		j := job(site, &weak{Store: store, most: 100, left: fail, late: draw(2) == 0})
		j.Parts = append(j.Parts, Part{Service: "giftaid", Store: declarations, Import: declares})
		return j, nil
	})
	p := player{func(ctx context.Context, name string, in []byte) ([]byte, error) {
		var twice sync.WaitGroup
		if draw(3) == 0 {
			twice.Go(func() { _, _ = tasks(ctx, name, in) }) // Lambda runs an event at least once
		}
		defer twice.Wait()
		return tasks(ctx, name, in)
	}}
	out, err := p.run(t.Context(), &m, []byte(`{"form":"donate"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := sequential(t, site)
	if have := found(t, store, declarations); !reflect.DeepEqual(have, want) {
		t.Error(apart(have, want))
	}
	rows := int64(len(site.All("donate", drupal.Span{After: -1})))
	if got.Rows != rows || got.Moved != int64(len(want.Gifts)) || got.Rejections() != int64(len(want.Rejects)) || got.Moved+got.Rejections()+got.Reversed != rows {
		t.Errorf("%d rows, %d to move: %+v", rows, len(want.Gifts), got)
	}
}

func TestTasksRefuse(t *testing.T) {
	t.Parallel()
	open := func(_ context.Context, name string) (Job, error) {
		if name != "donate" {
			return Job{}, errors.New("no such form")
		}
		return job(drupaltest.New(gift(1, "5.00")), memory()), nil
	}
	for _, c := range []struct{ name, in string }{
		{"plan", `{`}, {"plan", `{"form":"raffle"}`}, {"sing", `{"form":"donate"}`}, {"partition", `{"form":"donate","plan":1}`}, {"finish", `{"form":"donate","plan":1}`},
	} {
		if out, err := Tasks(open)(t.Context(), c.name, []byte(c.in)); err == nil {
			t.Errorf("%s %s: %s", c.name, c.in, out)
		}
	}
}
