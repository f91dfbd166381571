package psp_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

// A shut door refuses; opened again it is the same address, and the server behind it never knew.
func TestDoorRefuses(t *testing.T) {
	t.Parallel()
	p, err := psp.Open(psp.Options{Latency: psp.Constant(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d, err := psp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: p.Handler()}
	served := make(chan error)
	go func() { served <- server.Serve(d) }()
	m := dial("http://" + d.Addr().String())
	for i, shut := range []bool{false, true, false} {
		change := d.Open
		if shut {
			change = d.Shut
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.pay(fmt.Sprint("k", i), "pm_card_visa", 100); (err != nil) != shut {
			t.Errorf("shut %v: %v", shut, err)
		}
	}
	server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
	if n := len(charges(t, p)); n != 2 {
		t.Errorf("%d charges, want 2", n)
	}
}
