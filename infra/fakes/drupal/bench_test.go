package drupal_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// BenchmarkPost is one accepted gift, durable before its answer, from several visitors at a time.
func BenchmarkPost(b *testing.B) {
	w := start(b, nil)
	gift := recording(b)[12].Request
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		p := replay.New(w.dial)
		defer p.Close()
		for pb.Next() {
			if a, err := p.Send(gift); err != nil || a.Status != "302 Found" {
				b.Errorf("%v %v", a.Status, err)
				return
			}
		}
	})
}

// BenchmarkForm is the donate form, which no cache keeps; BenchmarkHit a page that it does.
func BenchmarkForm(b *testing.B) { get(b, "/donate") }
func BenchmarkHit(b *testing.B)  { get(b, "/about-us") }
func BenchmarkMiss(b *testing.B) { get(b, "/?x=%d") }

func get(b *testing.B, path string) {
	w := start(b, nil)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		p := replay.New(w.dial)
		defer p.Close()
		for pb.Next() {
			target := path
			if strings.Contains(path, "%d") {
				target = fmt.Sprintf(path, n.Add(1))
			}
			a, err := p.Send(replay.Request{Method: "GET", Path: target, Headers: [][2]string{{"Host", "h.example"}}})
			if err != nil || a.Status != "200 OK" {
				b.Errorf("%v %v", a.Status, err)
				return
			}
		}
	})
}
