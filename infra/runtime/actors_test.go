package runtime

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// forever answers every event with what f makes of it.
func (c client) forever(f func(event []byte) []byte) {
	for {
		id, event, _ := c.next()
		c.post("invocation/"+id+"/response", f(event))
	}
}

// actors are the handlers of the test's own runtime.
var actors = map[string]func(client){
	"echo": func(c client) {
		c.forever(func(event []byte) []byte {
			fmt.Printf("got %d bytes\n", len(event))
			return event
		})
	},
	"quiet": func(c client) { c.forever(func(event []byte) []byte { return event }) },
	"pid":   func(c client) { c.forever(func([]byte) []byte { return fmt.Appendf(nil, "%d", os.Getpid()) }) },
	// meet answers its process's number once a file exists, so that several calls are under way at once.
	"meet": func(c client) {
		c.forever(func(event []byte) []byte {
			var file string
			json.Unmarshal(event, &file)
			for {
				if _, err := os.Stat(file); err == nil {
					return fmt.Appendf(nil, "%d", os.Getpid())
				}
				time.Sleep(time.Millisecond)
			}
		})
	},
	"environment": func(c client) {
		c.forever(func([]byte) []byte {
			text, _ := json.Marshal(os.Environ())
			return text
		})
	},
	"headers": func(c client) {
		for {
			id, _, h := c.next()
			text, _ := json.Marshal(h)
			c.post("invocation/"+id+"/response", text)
		}
	},
	// read answers the files that the event names.
	"read": func(c client) {
		c.forever(func(event []byte) []byte {
			var names []string
			json.Unmarshal(event, &names)
			var found []string
			for _, name := range names {
				text, err := os.ReadFile(os.ExpandEnv(name))
				if err != nil {
					text = []byte("absent")
				}
				found = append(found, string(text))
			}
			text, _ := json.Marshal(found)
			return text
		})
	},
	"hang": func(c client) {
		c.next()
		select {}
	},
	// children starts one that ignores its parent's end, tells its number, and hangs.
	"children": func(c client) {
		_, event, _ := c.next()
		var file string
		json.Unmarshal(event, &file)
		child := exec.Command("/bin/sh", "-c", "trap '' TERM HUP; while true; do sleep 60; done")
		child.Start()
		os.WriteFile(file, []byte(strconv.Itoa(child.Process.Pid)), 0o644)
		select {}
	},
	// daemon starts a child in a session of its own, writes down its number, and hangs.
	"daemon": func(c client) {
		_, event, _ := c.next()
		child := exec.Command("/bin/sleep", "600")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Start()
		writeNumber(event, child.Process.Pid)
		select {}
	},
	// hold writes down its own number, and hangs.
	"hold": func(c client) {
		_, event, _ := c.next()
		writeNumber(event, os.Getpid())
		select {}
	},
	// once answers its first event, and ends.
	"once": func(c client) {
		id, event, _ := c.next()
		c.post("invocation/"+id+"/response", event)
		os.Exit(0)
	},
	"exit": func(c client) {
		c.next()
		os.Exit(7)
	},
	"leave": func(c client) { // before the first next
		fmt.Println("leaving")
		os.Exit(0)
	},
	"refuse": func(c client) {
		c.post("init/error", []byte(`{"errorType":"NoLayer","errorMessage":"no postcode index"}`))
		os.Exit(1)
	},
	// second fails its first init and not its second: a file tells them apart.
	"second": func(c client) {
		file := os.Getenv("MARK")
		if _, err := os.Stat(file); err != nil {
			os.WriteFile(file, nil, 0o644)
			select {}
		}
		c.forever(func(event []byte) []byte { return []byte(`"ready at last"`) })
	},
	"big": func(c client) {
		c.forever(func(event []byte) []byte {
			var n int
			json.Unmarshal(event, &n)
			return []byte(strings.Repeat("1", n))
		})
	},
	"error": func(c client) {
		for {
			id, _, _ := c.next()
			c.post("invocation/"+id+"/error", []byte(`{"errorMessage":"no","errorType":"Refused"}`))
		}
	},
	"talk": func(c client) {
		c.forever(func(event []byte) []byte {
			for i := range 800 {
				fmt.Printf("line %d\n", i)
			}
			fmt.Fprint(os.Stderr, "no end of line")
			return []byte("{}")
		})
	},
	// after works on for a while once it has answered.
	"after": func(c client) {
		for {
			id, event, _ := c.next()
			c.post("invocation/"+id+"/response", event)
			time.Sleep(160 * time.Millisecond)
		}
	},
	"stream": func(c client) {
		for {
			id, _, _ := c.next()
			req, _ := http.NewRequest("POST", c.base+"/2018-06-01/runtime/invocation/"+id+"/response", strings.NewReader("one two three"))
			req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
			req.ContentLength = -1
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}
	},
	"hungry": func(c client) { // becomes a program that reads a line without end
		c.next()
		fmt.Println(syscall.Exec("/usr/bin/tail", []string{"tail", "/dev/zero"}, nil))
	},
}

// writeNumber writes a process's number to the file that an event names.
func writeNumber(event []byte, pid int) {
	var file string
	json.Unmarshal(event, &file)
	os.WriteFile(file, fmt.Appendf(nil, "%d\n", pid), 0o644)
}

// listenFor subscribes to what the platform tells; the function that it gives waits for a platform.runtimeDone.
func listenFor(base, id string) func() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(82)
	}
	done := make(chan struct{}, 100)
	go http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var events []struct{ Type string }
		json.NewDecoder(r.Body).Decode(&events)
		for _, e := range events {
			fmt.Println("heard", e.Type)
			if e.Type == "platform.runtimeDone" {
				done <- struct{}{}
			}
		}
	}))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	req, _ := http.NewRequest("PUT", base+"/2022-07-01/telemetry", strings.NewReader(
		`{"types":["platform","function"],"buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:`+port+`"}}`))
	req.Header.Set("Lambda-Extension-Identifier", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		os.Exit(83)
	}
	resp.Body.Close()
	return func() { <-done }
}

// extend plays an external extension by its name.
func extend(base, name string) {
	signal.Ignore(syscall.SIGTERM)
	switch name {
	case "deaf":
		os.Exit(3)
	case "mute":
		select {}
	case "names": // of its variables
		var names []string
		for _, variable := range os.Environ() {
			name, _, _ := strings.Cut(variable, "=")
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Println("variables", strings.Join(names, " "))
	}
	req, _ := http.NewRequest("POST", base+"/2020-01-01/extension/register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(80)
	}
	resp.Body.Close()
	id := resp.Header.Get("Lambda-Extension-Identifier")
	done := func() {}
	if name == "listener" {
		done = listenFor(base, id)
	}
	for n := 0; ; n++ {
		if n > 0 {
			done()
		}
		req, _ := http.NewRequest("GET", base+"/2020-01-01/extension/event/next", nil)
		req.Header.Set("Lambda-Extension-Identifier", id)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			os.Exit(81)
		}
		var event struct{ EventType, ShutdownReason string }
		json.NewDecoder(resp.Body).Decode(&event)
		resp.Body.Close()
		fmt.Println(name, "has", event.EventType, event.ShutdownReason)
		if event.EventType == "SHUTDOWN" || name == "brief" {
			os.Exit(0)
		}
	}
}
