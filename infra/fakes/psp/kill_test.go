package psp_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

// TestMain plays the acquirers in a process of their own where a test asks for it by PSP_CHILD, the file.
func TestMain(m *testing.M) {
	file := os.Getenv("PSP_CHILD")
	if file == "" {
		os.Exit(m.Run())
	}
	p, err := psp.Open(psp.Options{File: file, Latency: psp.Constant(0)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	fmt.Println(http.Serve(l, p.Handler()))
}

// What was answered before kill -9 is there afterwards, with its webhook and its key.
func TestKilledAcquirersRememberEveryAnswer(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/psp.db"
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PSP_CHILD="+file)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := dial("http://" + strings.TrimSpace(line))
	var mu sync.Mutex
	answered := map[string]string{} // key by charge
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("k%d-%d", worker, i)
				in, err := m.pay(key, "pm_card_visa", 1000)
				if err != nil {
					return
				}
				mu.Lock()
				if answered[in.ID] = key; len(answered) == 100 {
					child.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	p, base := start(t, psp.Options{File: file})
	there := map[string]bool{}
	for _, c := range charges(t, p) {
		there[c.ID] = c.State == "charged"
	}
	for id := range answered {
		if !there[id] {
			t.Errorf("%s was answered and is gone", id)
		}
	}
	if len(answered) < 100 || len(p.Held()) != len(there) {
		t.Errorf("%d answered, %d charges, %d webhooks wait", len(answered), len(there), len(p.Held()))
	}
	for id, key := range answered {
		if again, err := dial(base).pay(key, "pm_card_visa", 1000); err != nil || again.ID != id {
			t.Errorf("key %s: %s %v, want %s", key, again.ID, err, id)
		}
		break
	}
}
