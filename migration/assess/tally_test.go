package assess

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestPeakIsFoundInLittleRoom: what is forgotten are quiet moments, in whatever order they come.
func TestPeakIsFoundInLittleRoom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	all := []tally{{room: &room{most: 64}}, {room: &room{most: 64}}}
	for at := range int64(100_000) {
		n := 1 + random.IntN(3)
		if at == 70_000 {
			n = 50
		}
		for i := range n {
			all[i%2].add(at) // of two servers
		}
	}
	all[0].merge(&all[1])
	if at, most := all[0].peak(); at != 70_000 || most != 50 || len(all[0].seen) > 64 {
		t.Errorf("%d at %d, %d kept", most, at, len(all[0].seen))
	}
	even := tally{room: &room{most: 64}}
	for at := range int64(65) {
		even.add(at)
	}
	if _, most := even.peak(); most != 1 {
		t.Errorf("the peak of ones is %d", most)
	}
}

func TestRoomShrinksWhenManyMomentsAreKept(t *testing.T) {
	t.Parallel()
	r := &room{most: mostMoments}
	kept := 0
	for range 40 { // routes
		s := tally{room: r}
		for at := range int64(20_000) {
			for range at%7 + 1 {
				s.add(at)
			}
		}
		if _, most := s.peak(); most != 7 {
			t.Fatal(most)
		}
		kept += len(s.seen)
	}
	if kept != r.held || kept > manyMoments+mostMoments || r.most == mostMoments {
		t.Errorf("%d kept, %d held, %d a route", kept, r.held, r.most)
	}
}

func TestSpreadIsExactInThreeDigits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	var whole, half, other spread
	var all []int64
	for i := range 20_000 {
		us := 1 + random.Int64N(1<<uint(1+i%31))
		all = append(all, us)
		whole.add(us)
		if i%2 == 0 {
			half.add(us)
		} else {
			other.add(us)
		}
	}
	half.merge(&other)
	slices.Sort(all)
	for _, percent := range []int64{0, 1, 50, 95, 99, 100} {
		want := float64(all[percent*int64(len(all)-1)/100]) / 1000
		got := whole.ms(percent)[0]
		if got < want*0.995 || got > want*1.005 || half.ms(percent)[0] != got {
			t.Errorf("%d %%: %v, in halves %v, want %v", percent, got, half.ms(percent)[0], want)
		}
	}
	if len(whole.counts) > 9000 {
		t.Errorf("%d different times are kept", len(whole.counts))
	}
	if got := (&spread{}).ms(50)[0]; got != 0 {
		t.Errorf("no times are %v ms", got)
	}
}

// TestTreeStaysSmall: a site whose folders have no end, and a scan of addresses that nobody ever has twice.
func TestTreeStaysSmall(t *testing.T) {
	t.Parallel()
	s := newTree()
	random := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		var path strings.Builder
		for range 1 + random.IntN(20) {
			path.WriteString(string(rune('a'+random.IntN(26))) + string(rune('a'+random.IntN(15))) + "/")
		}
		n, _, _ := s.at(path.String(), random.Uint64())
		s.get(n, "GET").requests++
	}
	if n := s.count(); n > nodesMost || s.root.requests() != 200_000 {
		t.Errorf("%d nodes hold %d requests", n, s.root.requests())
	}
}

func FuzzShown(f *testing.F) {
	for _, name := range []string{"about-us", "ann@example.org", "07700900123", "3f2a9c81d04be57733aa90cc51ed0421", "how-we-spend-your-money-in-africa", "{x}", "%40"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := shown(name)
		if got != name && got != private || shown(got) != got {
			t.Errorf("%q is shown as %q", name, got)
		}
		if got == name && (strings.ContainsAny(name, "@{}") || strings.Contains(name, "07700900123")) {
			t.Errorf("%q is shown", name)
		}
	})
}

func FuzzPage(f *testing.F) {
	for _, target := range []string{"/", "/donate", "/?q=node/2", "/index.php?x=1&q=node/2/done", "/caf%C3%A9%2Fbar", "//a//b/?", "/%zz?q=%zz"} {
		f.Add(target)
	}
	s := Unknown()
	f.Fuzz(func(t *testing.T, target string) {
		page, spelled := s.page(target)
		if spelled < 0 || spelled >= spellings || strings.HasPrefix(page, "/") && strings.Trim(page, "/") == "" {
			t.Errorf("%q is %q by %d", target, page, spelled)
		}
	})
}
