package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// server plays a bucket: objects by path, and faults for the first calls.
type server struct {
	faults []string // for the first calls: an S3 code, or "lost" where it is carried out and no answer comes

	mu      sync.Mutex
	calls   int
	objects map[string][]byte
}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	fault := ""
	if s.calls <= len(s.faults) {
		fault = s.faults[s.calls-1]
	}
	if fault == "" || fault == "lost" {
		if r.Method == http.MethodPut {
			if s.objects == nil {
				s.objects = map[string][]byte{}
			}
			s.objects[r.URL.Path] = body
		}
	}
	data, there := s.objects[r.URL.Path]
	switch {
	case fault == "lost":
		return nil, io.ErrUnexpectedEOF
	case fault == "SlowDown":
		return answer(http.StatusServiceUnavailable, failure(fault)), nil
	case fault == "AccessDenied":
		return answer(http.StatusForbidden, failure(fault)), nil
	case fault != "":
		return answer(http.StatusNotFound, failure(fault)), nil
	case r.Method == http.MethodGet && !there:
		return answer(http.StatusNotFound, failure("NoSuchKey")), nil
	case r.Method == http.MethodGet:
		return answer(http.StatusOK, data), nil
	}
	return answer(http.StatusOK, nil), nil
}

func failure(code string) []byte {
	return []byte("<Error><Code>" + code + "</Code><Message>a fault was asked for</Message></Error>")
}

func answer(status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
}

// blobs are those of a bucket at an endpoint.
func blobs(t *testing.T, client aws.HTTPClient, endpoint, name string) (host.Blobs, aws.Config) {
	t.Helper()
	f := function(client, endpoint, name)
	if err := Blobs(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f.Env.Blobs, f.AWS
}

func function(client aws.HTTPClient, endpoint, name string) *cloud.Function {
	return &cloud.Function{Name: "images", Env: host.Env{Getenv: func(variable string) string {
		if variable == "BUCKET" {
			return name
		}
		return ""
	}}, AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint, Retryer: func() aws.Retryer { return retry.NewStandard() },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})}}
}

func TestMissingOrWrongBucketIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "BUCKET is missing", "Upper": "no bucket's name", "a/b": "no bucket's name", strings.Repeat("a", 64): "no bucket's name"} {
		f := function(&server{}, "http://127.0.0.1", name)
		if err := Blobs(t.Context(), f); err == nil || !strings.Contains(err.Error(), want) || f.Env.Blobs != nil {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

func TestNamesThatNoFolderCouldHaveAreRefused(t *testing.T) {
	t.Parallel()
	s := &server{}
	b, _ := blobs(t, s, "http://127.0.0.1", "blobs")
	for _, name := range []string{"", ".", "/a", "a/", "a/../b", "a//b", "./a", "a\xff", strings.Repeat("a", 1025)} {
		_, got := b.Get(t.Context(), name)
		_, signed := b.Sign(t.Context(), name, time.Minute)
		if put := b.Put(t.Context(), name, nil); put == nil || got == nil || signed == nil {
			t.Errorf("%q: %v %v %v, want it refused", name, put, got, signed)
		}
	}
	if s.calls > 0 {
		t.Errorf("S3 was asked %d times", s.calls)
	}
	for _, ttl := range []time.Duration{0, -time.Second, 8 * 24 * time.Hour} {
		if _, err := b.Sign(t.Context(), "a", ttl); err == nil {
			t.Errorf("signed for %s", ttl)
		}
	}
}

func TestWhatPassesIsWaitedForAndWhatDoesNotIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		faults []string
		is     func(error) bool
		says   string
	}{
		{[]string{"SlowDown", "lost"}, nil, ""},
		{[]string{"SlowDown", "SlowDown", "SlowDown"}, unavailable, "SlowDown"},
		{[]string{"lost", "lost", "lost"}, unavailable, "unexpected EOF"},
		{[]string{"AccessDenied"}, nil, "s3:ListBucket"},
		{[]string{"NoSuchBucket"}, nil, "check BUCKET"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{faults: c.faults}
			b, _ := blobs(t, s, "http://127.0.0.1", "blobs")
			err := b.Put(t.Context(), "a/b", []byte("data"))
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || c.is != nil && !c.is(err) {
				t.Errorf("%v: %v, want %q", c.faults, err, c.says)
			}
			if got := string(s.objects["/blobs/a/b"]); err == nil && got != "data" {
				t.Errorf("%v: kept %q", c.faults, got)
			}
		})
	}
}

func unavailable(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Unavailable
}

func TestWhatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	s := &server{objects: map[string][]byte{"/blobs/large": make([]byte, largest+1), "/blobs/fits": make([]byte, largest)}}
	b, _ := blobs(t, s, "http://127.0.0.1", "blobs")
	var f *fault.Error
	if _, err := b.Get(t.Context(), "large"); !errors.As(err, &f) || f.Kind != fault.TooLarge {
		t.Errorf("%v, want it too large", err)
	}
	if data, err := b.Get(t.Context(), "fits"); err != nil || len(data) != largest {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := b.Get(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &f) || f.Kind != fault.NotFound {
		t.Errorf("%v, want it not found", err)
	}
}
