package mark

import (
	"strings"
	"testing"
	"time"
)

func TestSignerSignsAsItsKeysDo(t *testing.T) {
	t.Parallel()
	keys := Keys{"k1": "sixteen bytes and more", "long": strings.Repeat("a long secret ", 10)}
	at := time.Unix(1_552_683_600, 0)
	for _, id := range []string{"k1", "long", "not there"} {
		s := keys.Signer(id)
		for _, path := range []string{"/", "/donate?a=1", "/caf%c3%a9/%?a=%20", "/" + strings.Repeat("x", 3000)} {
			if got, want := string(s.AppendMark(nil, Shadow, at, "POST", path, []byte("body"))), keys.Sign(id, Shadow, at, "POST", path, []byte("body")); got != want {
				t.Errorf("%s, %d bytes of path: %q, want %q", id, len(path), got, want)
			}
		}
		c := Client{Address: "192.0.2.7", Request: strings.Repeat("r", 128)}
		if got, want := string(s.AppendClient([]byte("X: "), c.Address, []byte(c.Request), at)), keys.SignClient(id, c, at); got != "X: "+want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestSignerAllocatesNothing(t *testing.T) {
	s := Keys{"k1": "sixteen bytes and more"}.Signer("k1")
	room, at, id := make([]byte, 0, 1024), time.Now(), []byte("0123456789abcdef0123456789abcdef")
	if n := testing.AllocsPerRun(100, func() {
		s.AppendMark(room, Shadow, at, "GET", "/donate/SW1A%201AA?utm_source=bbc", nil)
		s.AppendClient(room, "192.0.2.7", id, at)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
