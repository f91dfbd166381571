package runtime

import (
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkWarm is what a warm invocation costs, this runtime's own bootstrap at the other end: make bench-lambda measures
// with aws-lambda-go.
func BenchmarkWarm(b *testing.B) {
	p, err := New(Options{Dir: b.TempDir(), Whole: true})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(b.Context())
	if _, err := p.Publish(Function{Name: "echo", Code: tree(b, "bootstrap="), Handler: "quiet", Memory: 1769, Timeout: time.Minute}); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(4)
	var failed atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a, err := p.Invoke(b.Context(), Call{Function: "echo", Payload: []byte(`{"gift":1}`)}); err != nil || a.Status != 200 || a.Error != "" {
				failed.Add(1)
			}
		}
	})
	if n := failed.Load(); n > 0 {
		b.Errorf("%d failed", n)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invocations/s")
}
