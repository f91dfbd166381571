package account

import (
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
)

// Entry is what is known of one request when its last byte has gone (W-85). Its slices are only read.
type Entry struct {
	At       time.Time
	ID       []byte
	Revision int64  // of the plan that decided
	Rule     string // the route's id; empty: no route took it
	Group    string
	Phase    string
	Side     split.Side
	Bucket   int // -1: none was drawn
	Reason   split.Reason
	Routed   bool // false for what the gateway answered before any side was chosen

	Method, Target, Host []byte
	Referer, Agent       []byte // for the combined format alone
	Client               string // the client's address
	Minor                int    // of the client's HTTP/1.x

	Status   int // sent to the client; 499 when it had gone
	Upstream int // received; 0: no answer
	Class    Class
	In, Out  int64 // bytes of the request's and of the answer's body

	Queue, Connect, Head, Total time.Duration

	Reused   bool
	Attempt  int  // 2 after a retry or a failover
	Cold     bool // the new side said that it had just started
	Censored bool // the client left before the answer: Total is a lower bound (W-83)
	Stream   bool // a stream or a tunnel: its time says nothing (W-58, W-63)
	Shadow   string
}

// AppendJSON appends the line, its line end included. Every line has every key: what there was not is "", and a bucket null.
func (e *Entry) AppendJSON(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = stamp(b, e.At.UTC())
	b = str(b, `","request_id":`, e.ID)
	b = number(b, `,"revision":`, e.Revision)
	b = str(b, `,"rule":`, e.Rule)
	b = str(b, `,"group":`, e.Group)
	b = str(b, `,"phase":`, e.Phase)
	side, reason := "", ""
	if e.Routed {
		side, reason = e.Side.String(), e.Reason.String()
	}
	b = str(b, `,"side":`, side)
	b = str(b, `,"reason":`, reason)
	if e.Bucket >= 0 {
		b = number(b, `,"bucket":`, int64(e.Bucket))
	} else {
		b = append(b, `,"bucket":null`...)
	}
	b = str(b, `,"method":`, e.Method)
	b = redacted(append(b, `,"target":"`...), e.Target, asJSON)
	b = str(append(b, '"'), `,"host":`, e.Host)
	b = str(b, `,"client":`, e.Client)
	b = number(b, `,"status":`, int64(e.Status))
	b = number(b, `,"upstream_status":`, int64(e.Upstream))
	b = append(append(append(b, `,"class":"`...), e.Class.String()...), '"')
	b = number(b, `,"bytes_in":`, e.In)
	b = number(b, `,"bytes_out":`, e.Out)
	b = millis(b, `,"queue_ms":`, e.Queue)
	b = millis(b, `,"connect_ms":`, e.Connect)
	b = millis(b, `,"head_ms":`, e.Head)
	b = millis(b, `,"total_ms":`, e.Total)
	b = flag(b, `,"reused":`, e.Reused)
	b = number(b, `,"attempt":`, int64(e.Attempt))
	b = str(b, `,"shadow":`, e.Shadow)
	b = flag(b, `,"cold":`, e.Cold)
	if e.Censored {
		b = append(b, `,"censored":true`...)
	}
	return append(b, "}\n"...)
}

// stamp writes 2006-01-02T15:04:05.000Z; the library reads such a layout anew each time.
func stamp(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = two(two(b, year/100), year%100)
	b = two(append(b, '-'), int(month))
	b = two(append(b, '-'), day)
	b = two(append(b, 'T'), hour)
	b = two(append(b, ':'), minute)
	b = two(append(b, ':'), second)
	ms := t.Nanosecond() / 1e6
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

func two(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// AppendCombined appends the line in the web servers' combined format with the seconds that the request took, as nginx's
// $request_time.
func (e *Entry) AppendCombined(b []byte) []byte {
	b = append(append(b, e.Client...), " - - ["...)
	b = e.At.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(append(append(b, `] "`...), e.Method...), ' ')
	b = redacted(b, e.Target, asText)
	b = append(strconv.AppendInt(append(b, " HTTP/1."...), int64(e.Minor), 10), `" `...)
	b = append(strconv.AppendInt(b, int64(e.Status), 10), ' ')
	b = append(strconv.AppendInt(b, e.Out, 10), ` "`...)
	b = dash(b, e.Referer)
	b = append(b, `" "`...)
	b = dash(b, e.Agent)
	b = append(b, `" `...)
	ms := e.Total.Milliseconds()
	b = append(strconv.AppendInt(b, ms/1000, 10), '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(b, '\n')
}

func dash(b, value []byte) []byte {
	if len(value) == 0 {
		return append(b, '-')
	}
	return quote(b, value, asText)
}

func str[S string | []byte](b []byte, key string, value S) []byte {
	return append(quote(append(append(b, key...), '"'), value, asJSON), '"')
}

func number(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(b, key...), n, 10)
}

func flag(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(append(b, key...), v)
}

// millis writes milliseconds with three decimals.
func millis(b []byte, key string, d time.Duration) []byte {
	us := max(0, d.Microseconds())
	b = strconv.AppendInt(append(b, key...), us/1000, 10)
	return append(b, '.', byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

const hexDigits = "0123456789abcdef"

// The two ways of writing what came over the wire.
const (
	asJSON = `\u00` // into a JSON string: bytes past ASCII become the characters of the same number, so that a line is valid whatever came
	asText = `\x`   // as nginx does
)

// plain are the bytes that stand for themselves either way.
var plain = func() (is [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// quote appends a value with what a log line cannot hold escaped. Nearly all values have nothing of that and are copied whole.
func quote[S string | []byte](b []byte, value S, how string) []byte {
	done := 0
	for i := range len(value) {
		c := value[i]
		if plain[c] {
			continue
		}
		b = append(b, value[done:i]...)
		if done = i + 1; how == asJSON && (c == '"' || c == '\\') {
			b = append(b, '\\', c)
		} else {
			b = append(append(b, how...), hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(b, value[done:]...)
}
