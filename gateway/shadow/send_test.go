package shadow

import (
	"bytes"
	"io"
	"net/http/httputil"
	"testing"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// taken reads a body that comes in pieces, as rest does.
func taken(head string, body []byte, step, most int) (got []byte, a diff.Answer, done, end bool, res result) {
	w := &worker{t: &target{c: &Copier{}}, in: make([]byte, readRoom)}
	if w.resp.Parse([]byte(head), wire.ResponseLimits) != nil {
		return nil, a, false, false, resultMalformed
	}
	r := reply{w: w, into: &a, most: most}
	var in wire.Chunks
	left := w.resp.Length
	for len(body) > 0 && !done && res == resultOK && r.n < len(w.in) {
		n := copy(w.in[r.n:min(len(w.in), r.n+step)], body)
		body, r.n = body[n:], r.n+n
		done, res = r.take(&in, &left)
	}
	return r.body, a, done, r.end, res
}

func TestABodyIsCutWhereItCannotBeTheDonors(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
		"until close": "HTTP/1.1 200 OK\r\n\r\n",
	} {
		got, a, done, end, res := taken(head, bytes.Repeat([]byte("x"), 100000), 4096, 50000)
		if len(got) != 50000 || !a.Cut || !done || end || res != resultOK {
			t.Errorf("%s: %d bytes, cut %v, done %v, whole %v, %d", name, len(got), a.Cut, done, end, res)
		}
	}
}

// However a chunked body comes, what is read of it is what the standard library reads, or it is refused.
func FuzzChunkedBody(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), 3)
	f.Add([]byte("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nnext"), 100)
	f.Add([]byte("zz\r\n"), 1)
	f.Fuzz(func(t *testing.T, body []byte, step int) {
		got, a, done, _, res := taken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body, max(1, step%1000), answerMax)
		if !done || res != resultOK || a.Cut {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %q, want %q, %v", body, got, want, err)
		}
	})
}
