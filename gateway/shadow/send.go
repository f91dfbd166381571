package shadow

import (
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// result is how a copy that was made ended.
type result uint8

// readRoom is where an answer's head and pieces of its body are read.
const readRoom = 16 << 10

// reply is one answer being read.
type reply struct {
	w     *worker
	cp    *Copy
	u     *upstream.Conn
	began time.Time
	n     int // bytes in w.in
	into  *diff.Answer
	body  []byte
	most  int  // bytes of the body that are read
	end   bool // the body came whole, and nothing after it
}

// An answer that is far longer than the donor's is another one, however it goes on: it is not read to its end. The factor leaves room for one
// that is packed beside one that is not. So what a copy costs stays within what its donor's request cost.
const (
	lengthFactor = 16
	lengthRoom   = 64 << 10
)

// send sends a request and reads the answer, at most a MB of it, all within five seconds. An answer that did not come has the class of its
// failure. The answer's body lies in the worker's room and is good until the next send.
func (w *worker) send(cp *Copy, t *target, request []byte, into *diff.Answer) result {
	u, _, err := t.pool.Get()
	if err != nil {
		return failed(into, unreached(err))
	}
	for {
		r := reply{w: w, cp: cp, u: u, began: time.Now(), into: into, body: w.body[:0],
			most: min(answerMax, len(cp.body)*lengthFactor+lengthRoom)}
		res, untouched := r.run(t, request)
		if res == resultClosed && untouched && u.Reused && !w.over.Load() {
			// The other side had closed a connection that we kept. A copy changes nothing, so it may be asked again.
			if u, err = t.pool.Fresh(u); err != nil {
				return failed(into, unreached(err))
			}
			u.Reused = false
			continue
		}
		w.body, into.Body = r.body, r.body
		if res == resultOK && r.end && !w.resp.Close && !w.resp.Suspect && (w.resp.Minor == 1 || w.resp.KeepAlive) {
			u.Put()
		} else {
			u.Drop()
		}
		if res != resultOK {
			return failed(into, res)
		}
		return resultOK
	}
}

func failed(a *diff.Answer, r result) result {
	a.Failed = resultNames[r]
	return r
}

func unreached(err error) result {
	if errors.Is(err, upstream.ErrTLS) {
		return resultTLS
	}
	return resultConnect
}

// run is one attempt. untouched says that not a byte of an answer came.
func (r *reply) run(t *target, request []byte) (res result, untouched bool) {
	w := r.w
	w.conn.Store(r.u)
	defer w.conn.Store(nil)
	if w.over.Load() {
		return resultClosed, false
	}
	r.u.Timer.Set(patience) // once: a byte a second does not make it longer
	for sent := request; ; {
		n, err := r.u.Write(sent)
		if err == nil {
			break
		}
		sent = sent[n:]
		if overdue, again := r.u.Timer.Overdue(err); overdue {
			return resultTimeoutHead, false
		} else if !again {
			return resultClosed, true
		}
	}
	if res := r.head(); res != resultOK {
		return res, r.n == 0
	}
	return r.rest(), false
}

// head reads the answer's head, past those that are only in the interim.
func (r *reply) head() result {
	w := r.w
	for seen := 0; ; {
		end, bad := 0, error(nil)
		if r.n > 0 {
			var e *wire.Error
			if end, e = wire.FindResponse(w.in[:r.n], seen, wire.ResponseLimits); e != nil {
				bad = e
			}
		}
		switch {
		case bad != nil:
			return resultMalformed
		case end > 0:
			if w.resp.Parse(w.in[:end], wire.ResponseLimits) != nil || w.resp.Status == 101 {
				return resultMalformed
			}
			if w.resp.Status >= 200 {
				r.into.Status, r.into.Took = w.resp.Status, time.Since(r.began)
				r.fields(w.in[:end])
				r.n = copy(w.in, w.in[end:r.n])
				return resultOK
			}
			r.n, seen = copy(w.in, w.in[end:r.n]), 0
			continue
		}
		seen = r.n
		if r.n == len(w.in) {
			w.in = append(w.in, make([]byte, wire.ResponseLimits.Head)...)
		}
		if _, res := r.read(); res != resultOK {
			if res == resultTimeoutBody {
				res = resultTimeoutHead
			}
			return res
		}
	}
}

// fields keeps the head's lines: its own bytes are overwritten by the body. They lie in one string unless some were folded, which moved
// the rest.
func (r *reply) fields(head []byte) {
	all := &r.w.resp
	if all.Folds == 0 {
		r.into.Header = header(string(head))
	}
	for i := range all.Fields {
		f := &all.Fields[i]
		if all.Folds > 0 {
			r.into.Header = append(r.into.Header, [2]string{string(f.Key), string(f.Value)})
		}
		if f.Name == wire.KeepAlive {
			r.u.KeepAlive(f.Value)
		}
	}
}

// read takes more from the connection. The end of the stream is resultTruncated once something came, else resultClosed.
func (r *reply) read() (int, result) {
	for {
		n, err := r.u.Read(r.w.in[r.n:])
		if r.n += n; n > 0 {
			return n, resultOK
		}
		overdue, again := r.u.Timer.Overdue(err)
		switch {
		case overdue:
			return 0, resultTimeoutBody
		case again:
		case err == io.EOF && r.into.Status != 0:
			return 0, resultTruncated
		default:
			return 0, resultClosed
		}
	}
}

// rest reads the body, whatever its framing, until there is enough of it.
func (r *reply) rest() result {
	w := r.w
	if w.resp.Bodiless(r.cp.Request.Method == "HEAD") {
		r.end = r.n == 0
		return resultOK
	}
	var in wire.Chunks
	left := w.resp.Length
	for {
		done, res := r.take(&in, &left)
		if res != resultOK || done {
			return res
		}
		if r.n == len(w.in) {
			return resultMalformed // trailers without end
		}
		runtime.Gosched() // donors first
		if _, res := r.read(); res != resultOK {
			if res == resultTruncated && !w.resp.Chunked && w.resp.Length < 0 {
				return resultOK
			}
			return res
		}
	}
}

// take moves what has come to the body, and says whether that was the end, or all that anybody wants.
func (r *reply) take(in *wire.Chunks, left *int64) (done bool, res result) {
	w := r.w
	if !w.resp.Chunked {
		data := w.in[:r.n]
		if w.resp.Length >= 0 {
			data = data[:min(int64(r.n), *left)]
			*left -= int64(len(data))
			r.end = *left == 0 && len(data) == r.n
		}
		r.n = 0
		return !r.keep(data) || w.resp.Length >= 0 && *left == 0, resultOK
	}
	for at := 0; ; {
		skip, n, bad := in.Next(w.in[at:r.n], wire.ResponseLimits)
		if bad != nil {
			return false, resultMalformed
		}
		if at += skip; !r.keep(w.in[at : at+n]) {
			return true, resultOK
		}
		at += n
		if in.Done() {
			r.end = at == r.n
			return true, resultOK
		}
		if skip+n == 0 {
			r.n = copy(w.in, w.in[at:r.n])
			return false, resultOK
		}
	}
}

// keep adds to the body; false when that was enough.
func (r *reply) keep(p []byte) bool {
	if room := r.most - len(r.body); len(p) > room {
		p, r.into.Cut = p[:room], true
	}
	if need := len(r.body) + len(p); need > cap(r.body) {
		room := max(need, 2*cap(r.body), 4<<10)
		if !r.w.t.c.hold(room - cap(r.body)) {
			r.into.Cut = true
			return false
		}
		r.body = append(make([]byte, 0, room), r.body...)
	}
	r.body = append(r.body, p...)
	return !r.into.Cut
}
