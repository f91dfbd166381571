package secret

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// server plays both stores: what they hold, and how often each was asked for.
type server struct {
	secrets    map[string]string // Secrets Manager's; "\x00" is a binary one, "denied" one that may not be read
	parameters map[string]string // SSM's
	silent     string            // an operation that never answers

	mu    sync.Mutex
	asked []string
}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in struct {
		SecretId       string
		Names          []string
		WithDecryption bool
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprint(operation, " ", in.SecretId, len(in.Names)))
	s.mu.Unlock()
	if operation == s.silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	status, answer := 200, any(nil)
	if operation == "GetParameters" {
		answer = s.get(in.Names, in.WithDecryption)
	} else if value, is := s.secrets[in.SecretId]; value == "denied" {
		status, answer = 400, map[string]string{"__type": "AccessDeniedException", "message": "no"}
	} else if !is {
		status, answer = 400, map[string]string{"__type": "ResourceNotFoundException", "message": "none"}
	} else if value == "\x00" {
		answer = map[string]any{"SecretBinary": []byte("raw")}
	} else {
		answer = map[string]string{"SecretString": value}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(strings.NewReader(string(raw)))}, nil
}

func (s *server) get(names []string, decrypted bool) any {
	out := map[string][]any{}
	for _, name := range names {
		name, selector, _ := strings.Cut(name, ":")
		if selector != "" {
			selector = ":" + selector
		}
		if value, is := s.parameters[name+selector]; is && decrypted {
			out["Parameters"] = append(out["Parameters"], map[string]string{"Name": name, "Selector": selector, "Value": value})
		} else {
			out["InvalidParameters"] = append(out["InvalidParameters"], name+selector)
		}
	}
	return out
}

func function(client aws.HTTPClient, endpoint string, variables map[string]string) (*cloud.Function, []string) {
	var environ []string
	for name, value := range variables {
		environ = append(environ, name+"="+value)
	}
	return &cloud.Function{Name: "donate", Env: host.Env{Getenv: func(name string) string { return variables[name] }},
		AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint,
			Retryer: func() aws.Retryer { return retry.NewStandard() },
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
			})}}, environ
}

const acquirers = `{"stripe_key":"sk-hush","retries":3,"live":true,"none":null,"nested":{"a":"hush"}}`

func TestReferencesAreWhatTheyName(t *testing.T) {
	t.Parallel()
	s := &server{secrets: map[string]string{"banyan/dev/key": "whole", "banyan/dev/acquirers": acquirers}, parameters: map[string]string{"/banyan/pepper": "hot", "/banyan/pepper:2": "hotter"}}
	f, environ := function(s, "http://aws.example", map[string]string{
		"BANYAN_KEY": "secretsmanager:banyan/dev/key", "STRIPE_KEY": "secretsmanager:banyan/dev/acquirers#stripe_key", "RETRIES": "secretsmanager:banyan/dev/acquirers#retries",
		"PEPPER": "ssm:/banyan/pepper", "PEPPER_2": "ssm:/banyan/pepper:2", "PEPPER_AGAIN": "ssm:/banyan/pepper", "TABLE": "banyan-dev-donate", "URL": "https://ssm:443/secretsmanager:x",
	})
	if err := names(t.Context(), f, environ); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"BANYAN_KEY": "whole", "STRIPE_KEY": "sk-hush", "RETRIES": "3", "PEPPER": "hot", "PEPPER_2": "hotter", "PEPPER_AGAIN": "hot",
		"TABLE": "banyan-dev-donate", "URL": "https://ssm:443/secretsmanager:x", "NONE": ""} {
		if got := f.Env.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(s.asked) != 3 { // two secrets, and the parameters in one call
		t.Errorf("asked for %q: want each secret once", s.asked)
	}
}

func TestNothingIsAskedWhereNothingIsSecret(t *testing.T) {
	t.Parallel()
	s := &server{}
	f, environ := function(s, "http://aws.example", map[string]string{"TABLE": "banyan-dev-donate"})
	if err := names(t.Context(), f, environ); err != nil || len(s.asked) > 0 {
		t.Errorf("asked for %v: %v", s.asked, err)
	}
}

func TestEveryOneThatIsMissingIsNamedAndNoValueIs(t *testing.T) {
	t.Parallel()
	s := &server{secrets: map[string]string{"acquirers": acquirers, "plain": "hush, this is no JSON", "list": `["hush"]`, "binary": "\x00", "denied": "denied", "null": "null"}, parameters: map[string]string{"/there": "hush"}}
	wrong := map[string][2]string{ // variable: value, reason
		"GONE": {"secretsmanager:gone", "none of this name"}, "NO_FIELD": {"secretsmanager:acquirers#spelt_wrong", "no such field"},
		"NESTED": {"secretsmanager:acquirers#nested", "no text and no number"}, "BOOL": {"secretsmanager:acquirers#live", "no text and no number"}, "NULL": {"secretsmanager:acquirers#none", "no text and no number"},
		"PLAIN": {"secretsmanager:plain#a", "no JSON object"}, "LIST": {"secretsmanager:list#a", "no JSON object"}, "NULL_SECRET": {"secretsmanager:null#a", "no JSON object"},
		"BINARY": {"secretsmanager:binary", "binary"}, "DENIED": {"secretsmanager:denied", "may not read it"}, "EMPTY": {"secretsmanager:", "no name"}, "SPACED": {"ssm:/a b", "no name"},
		"UNROOTED": {"ssm:there", "no name"}, "ABSENT": {"ssm:/absent", "none of this name"},
	}
	variables := map[string]string{"GOOD": "ssm:/there"}
	for name, w := range wrong {
		variables[name] = w[0]
	}
	f, environ := function(s, "http://aws.example", variables)
	err := names(t.Context(), f, environ)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for name, w := range wrong {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, name+": ") && strings.Contains(line, w[1])
		}
		if !found {
			t.Errorf("%s is not named with %q", name, w[1])
		}
	}
	if len(lines) != len(wrong) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "sk-") {
		t.Errorf("%d lines for %d, or a value among them:\n%v", len(lines), len(wrong), err)
	}
	if got := f.Env.Getenv("GOOD"); got != "hush" {
		t.Errorf("GOOD is %q beside what is wrong", got)
	}
}

func TestStoreThatDoesNotAnswerFailsBeforeLambdaKills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{secrets: map[string]string{"there": "x"}, silent: "GetParameters"}
		f, environ := function(s, "http://aws.example", map[string]string{"A": "secretsmanager:there", "B": "ssm:/one", "C": "ssm:/two"})
		began := time.Now()
		err := names(t.Context(), f, environ)
		if took := time.Since(began); took > 9*time.Second || err == nil || !strings.Contains(err.Error(), "B: ssm:/one: no answer") || !strings.Contains(err.Error(), "C: ssm:/two: no answer") {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestManyParametersGoByTen(t *testing.T) {
	t.Parallel()
	s, variables := &server{parameters: map[string]string{}}, map[string]string{}
	for i := range 23 {
		s.parameters[fmt.Sprint("/p", i)], variables[fmt.Sprint("P", i)] = fmt.Sprint("v", i), fmt.Sprint("ssm:/p", i)
	}
	f, environ := function(s, "http://aws.example", variables)
	if err := names(t.Context(), f, environ); err != nil || len(s.asked) != 3 || f.Env.Getenv("P22") != "v22" {
		t.Errorf("asked %v: %v", s.asked, err)
	}
}

func FuzzNoValueIsEverNamed(f *testing.F) {
	f.Add("secretsmanager:a#b", `{"b":"hush"}`)
	f.Add("ssm:/a:2", "hush")
	f.Fuzz(func(t *testing.T, variable, value string) {
		r, is := parse(variable)
		if !is {
			return
		}
		if again, _ := parse(r.String()); again != r && r.field != "" {
			t.Errorf("%q reads as %+v and prints as %q", variable, r, r)
		}
		for _, hush := range []string{"hush-7f3a" + value, `{"hush-7f3a":` + value + "}", `{"b":` + value + `,"c":"hush-7f3a"}`, value} {
			values, err := resolve(map[string]reference{"V": r}, map[reference]found{r.secret(): {value: hush}})
			if err != nil && strings.Contains(err.Error(), "hush-7f3a") && !strings.Contains(variable, "hush-7f3a") {
				t.Errorf("the error names the value: %v", err)
			}
			if _, resolved := values["V"]; resolved == (err != nil) {
				t.Errorf("%v with %v", values, err)
			}
		}
	})
}
