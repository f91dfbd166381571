package account

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	logRoom  = 1 << 20               // bytes of lines that may wait for the sink
	logPause = 20 * time.Millisecond // lines of this long go out in one write
)

// Log takes lines without ever waiting and writes them in the background. It is safe for concurrent use.
type Log struct {
	to      io.Writer
	json    bool
	mu      sync.Mutex
	pending []byte
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
	dropped atomic.Uint64
}

// NewLog starts a log to w, in JSON or else in the combined format. A nil w takes nothing.
func NewLog(w io.Writer, json bool) *Log {
	l := &Log{to: w, json: json, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if w == nil {
		close(l.done)
		return l
	}
	go l.run()
	return l
}

// Add takes an entry's line, or drops it when the sink is too far behind. room is scratch space; it comes back, perhaps
// grown.
func (l *Log) Add(e *Entry, room []byte) []byte {
	if l.to == nil {
		return room
	}
	if l.json {
		room = e.AppendJSON(room[:0])
	} else {
		room = e.AppendCombined(room[:0])
	}
	l.mu.Lock()
	first := len(l.pending) == 0
	if fits := len(l.pending)+len(room) <= logRoom; fits {
		l.pending = append(l.pending, room...)
	} else {
		l.dropped.Add(1)
	}
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return room
}

// Dropped is how many lines were lost because the sink was slow or failed.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Close writes what is pending and ends the log. Entries added later are kept nowhere.
func (l *Log) Close() {
	if l.to == nil {
		return
	}
	close(l.stop)
	<-l.done
}

func (l *Log) run() {
	defer close(l.done)
	var spare []byte
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-l.stop:
			l.flush(&spare)
			return
		case <-l.wake:
		}
		pause.Reset(logPause)
		select {
		case <-l.stop:
		case <-pause.C:
		}
		l.flush(&spare)
	}
}

func (l *Log) flush(spare *[]byte) {
	l.mu.Lock()
	lines := l.pending
	l.pending = (*spare)[:0]
	l.mu.Unlock()
	*spare = lines
	if len(lines) == 0 {
		return
	}
	if _, err := l.to.Write(lines); err != nil {
		for _, c := range lines {
			if c == '\n' {
				l.dropped.Add(1)
			}
		}
	}
}
