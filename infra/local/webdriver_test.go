package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser drives a real Chromium through chromedriver, by the W3C WebDriver protocol, which is JSON over HTTP.
type browser struct {
	t       *testing.T
	session string // URL of the session
}

// element is the key under which WebDriver names an element, as its specification says.
const element = "element-6066-11e4-a52e-4f735466cecf"

// chromedriver is the program, or the test is skipped.
func chromedriver(t *testing.T) string {
	t.Helper()
	driver := os.Getenv("BANYAN_CHROMIUM")
	if driver == "" {
		t.Skip("BANYAN_CHROMIUM names no chromedriver: `make browser` and CI set it")
	}
	return driver
}

// narrowest is how narrow a window can be; a phone is narrower, and is imitated.
const narrowest = 500

// openBrowser starts chromedriver and one browser, ended with the test. Chromium resolves every host to the loopback
// address, so that a page's absolute URLs stay on this machine.
func openBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	driver, address := chromedriver(t), fixedPort(t)
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.Command(driver, "--port="+port, "--allowed-ips=127.0.0.1")
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", driver, err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	base := "http://" + address
	until(t, func() bool {
		r, err := http.Get(base + "/status")
		return err == nil && r.Body.Close() == nil && r.StatusCode == 200
	})
	b := &browser{t: t, session: base + "/session"}
	var made struct {
		SessionID string `json:"sessionId"`
	}
	options := map[string]any{"args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--host-resolver-rules=MAP * 127.0.0.1", "--user-data-dir=" + t.TempDir(), fmt.Sprintf("--window-size=%d,%d", width, height)}}
	if width < narrowest {
		options["mobileEmulation"] = map[string]any{"deviceMetrics": map[string]any{"width": width, "height": height, "pixelRatio": 2}}
	}
	b.call("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": options, "goog:loggingPrefs": map[string]string{"browser": "ALL"}}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() { b.call("DELETE", "", nil, nil) })
	return b
}

// until asks again every 20 ms for at most 15 s.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatal("still not so after 15 s")
}

func (b *browser) call(method, path string, in, out any) {
	b.t.Helper()
	body := []byte("{}")
	if in != nil {
		body, _ = json.Marshal(in)
	}
	if method != "POST" {
		body = nil
	}
	req, err := http.NewRequest(method, b.session+path, bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 {
		b.t.Fatalf("webdriver %s %s: %s: %.400s", method, path, res.Status, raw)
	}
	if out != nil {
		var answer struct{ Value json.RawMessage }
		if err := json.Unmarshal(raw, &answer); err != nil {
			b.t.Fatal(err)
		}
		if err := json.Unmarshal(answer.Value, out); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("POST", "/url", map[string]string{"url": url}, nil)
}

// find gives the first element that a CSS selector names, within two seconds.
func (b *browser) find(css string) string {
	b.t.Helper()
	var found map[string]string
	b.call("POST", "/timeouts", map[string]int{"implicit": 2000}, nil)
	b.call("POST", "/element", map[string]string{"using": "css selector", "value": css}, &found)
	return found[element]
}

func (b *browser) typed(css, text string) {
	b.t.Helper()
	id := b.find(css)
	b.call("POST", "/element/"+id+"/clear", nil, nil)
	if text != "" {
		b.call("POST", "/element/"+id+"/value", map[string]string{"text": text}, nil)
	}
}

func (b *browser) click(css string) {
	b.t.Helper()
	b.call("POST", "/element/"+b.find(css)+"/click", nil, nil)
}

// leave clicks what leads to another page, and returns when that is there.
func (b *browser) leave(css string) {
	b.t.Helper()
	b.run("window.left = true", nil)
	b.click(css)
	until(b.t, func() (there bool) {
		b.run("return !window.left && document.readyState == 'complete'", &there)
		return there
	})
}

func (b *browser) text(css string) (s string) {
	b.t.Helper()
	b.call("GET", "/element/"+b.find(css)+"/text", nil, &s)
	return s
}

// run gives a script's result.
func (b *browser) run(script string, out any) {
	b.t.Helper()
	b.call("POST", "/execute/sync", map[string]any{"script": script, "args": []any{}}, out)
}

// errors are what the console has said in red since it was last asked.
func (b *browser) errors() (said []string) {
	b.t.Helper()
	var log []struct{ Level, Message string }
	b.call("POST", "/se/log", map[string]string{"type": "browser"}, &log)
	for _, l := range log {
		if l.Level == "SEVERE" {
			said = append(said, l.Message)
		}
	}
	return said
}

func (b *browser) url() (s string) { b.t.Helper(); b.call("GET", "/url", nil, &s); return s }

// shot keeps a picture of the whole page where BANYAN_SHOTS says, for people to look at.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("BANYAN_SHOTS")
	if dir == "" {
		return
	}
	var page struct {
		CSSContentSize map[string]float64 `json:"cssContentSize"`
	}
	b.call("POST", "/goog/cdp/execute", map[string]any{"cmd": "Page.getLayoutMetrics", "params": map[string]any{}}, &page)
	clip := page.CSSContentSize
	clip["scale"] = 1
	var picture struct{ Data []byte }
	b.call("POST", "/goog/cdp/execute", map[string]any{"cmd": "Page.captureScreenshot",
		"params": map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}}, &picture)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
