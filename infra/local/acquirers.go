package local

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

// What the merchant and the acquirers share here. No money moves.
var secrets = psp.Secrets{StripeKey: "sk_test_banyan", StripeWebhook: "whsec_banyan",
	WorldpayUser: "banyan", WorldpayPassword: "banyan", WorldpayEntity: "default"}

func (w *World) startAcquirers(context.Context) error {
	l, address, err := listen("")
	if err != nil {
		return err
	}
	w.PSP = address
	w.psp, err = psp.Open(psp.Options{File: filepath.Join(w.options.Dir, "psp.db"), Latency: w.options.Latency, Secrets: secrets, Base: address})
	if err != nil {
		l.Close()
		return err
	}
	w.onClose(func(context.Context) error { return w.psp.Close() })
	w.serve("the acquirers", l, w.psp.Handler())
	return nil
}

// server is what every HTTP program of ours here has in common.
func server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}
