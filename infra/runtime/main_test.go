package runtime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test's own program the bootstrap: started by a player, it is a small runtime of its own, which needs
// no build and can do what no well-behaved client does.
func TestMain(m *testing.M) {
	if address := os.Getenv("AWS_LAMBDA_RUNTIME_API"); address != "" {
		if name := os.Args[0]; filepath.Base(filepath.Dir(name)) == "extensions" {
			extend("http://"+address, filepath.Base(name))
			return
		}
		act("http://"+address, os.Getenv("_HANDLER"))
		return
	}
	if file := os.Getenv("BANYAN_TEST_PLAYER"); file != "" {
		playAlone(file)
	}
	os.Exit(m.Run())
}

// client is a runtime's end of the Runtime API.
type client struct{ base string }

func (c client) next() (id string, event []byte, header http.Header) {
	resp, err := http.Get(c.base + "/2018-06-01/runtime/invocation/next")
	if err != nil {
		os.Exit(90)
	}
	defer resp.Body.Close()
	event, _ = io.ReadAll(resp.Body)
	return resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), event, resp.Header
}

func (c client) post(path string, body []byte) int {
	resp, err := http.Post(c.base+"/2018-06-01/runtime/"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func act(base, handler string) {
	c := client{base}
	actor, ok := actors[handler]
	if !ok {
		fmt.Println("no handler", handler)
		os.Exit(91)
	}
	actor(c)
}

// stage is a player, what it logged and what it recorded.
type stage struct {
	*Player
	records chan Record
	lines   chan string
}

func newStage(t *testing.T, opt Options) *stage {
	t.Helper()
	s := &stage{records: make(chan Record, 1000), lines: make(chan string, 10000)}
	opt.Dir = t.TempDir()
	opt.Record = func(r Record) { s.records <- r }
	opt.Log = func(_, line string) { s.lines <- line }
	var err error
	if s.Player, err = New(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// code is a folder whose bootstrap is the test's own program.
func code(t *testing.T) string { return tree(t, "bootstrap=") }

// tree is a folder with files: name=content, or name= for the test's own program.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if content == "" {
			err = os.Symlink(program, name)
		} else {
			err = os.WriteFile(name, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// publish publishes a function that runs one of the actors.
func (s *stage) publish(t *testing.T, f Function) string {
	t.Helper()
	if f.Code == "" {
		f.Code = code(t)
	}
	if f.Name == "" {
		f.Name = f.Handler
	}
	number, err := s.Publish(f)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func (s *stage) invoke(t *testing.T, call Call) Answer {
	t.Helper()
	a, err := s.Invoke(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
