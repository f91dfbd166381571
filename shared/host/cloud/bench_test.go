package cloud_test

import (
	"testing"

	"github.com/banyan-migration/banyan/shared/host"
)

// BenchmarkWarmEvent is what our host costs a warm event, without the service's own work and without the network: an HTTP request
// with a body, the log and the metrics, and a commit with a message that is sent and confirmed.
func BenchmarkWarmEvent(b *testing.B) {
	for name, event := range map[string][]byte{
		"http":    []byte(`{"version":"2.0","routeKey":"GET /donate/health","rawPath":"/donate/health","rawQueryString":"","headers":{"accept":"*/*","host":"services.rednosefund.example","x-amzn-trace-id":"Root=1-67891233-abcdef012345678912345678","x-forwarded-for":"192.0.2.9","user-agent":"Mozilla/5.0"},"requestContext":{"accountId":"111122223333","apiId":"a1","domainName":"services.rednosefund.example","domainPrefix":"services","http":{"method":"GET","path":"/donate/health","protocol":"HTTP/1.1","sourceIp":"192.0.2.9","userAgent":"Mozilla/5.0"},"requestId":"r","routeKey":"GET /donate/health","stage":"$default","time":"13/Mar/2026:12:00:00 +0000","timeEpoch":1773403200000},"isBase64Encoded":false}`),
		"post":    coin(),
		"message": []byte(`{"Records":[{"messageId":"r-1","receiptHandle":"h","body":"{\"id\":\"m-1\",\"type\":\"payments.settled\",\"at\":\"2026-03-13T12:00:00Z\",\"for\":{\"service\":\"donate\",\"id\":\"g-1\"},\"data\":{}}","attributes":{"ApproximateReceiveCount":"1"},"messageAttributes":{},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:111122223333:banyan-dev-donate","awsRegion":"eu-west-1"}]}`),
	} {
		b.Run(name, func(b *testing.B) {
			a := newAccount(b)
			h := a.function(b, func(env host.Env) (host.Service, error) { return newTill().start(env) })
			ctx := lambda(b.Context(), "lambda-1")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Invoke(ctx, event); err != nil {
					b.Fatal(err)
				}
				a.forget()
			}
		})
	}
}

// forget keeps the fakes small: they are not what is measured.
func (a *account) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log.Reset()
	a.sent = a.sent[:0]
}
